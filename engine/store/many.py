"""Many rows by one statement, as deliver channels write them: a batch of messages is a handful of statements.

Rows are tuples in the order of the statement's places; nothing is looked up by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from engine.store.backend import Backend
from engine.store.statements_messages import ALONE, MANY

SIZES: Final = (64, 40, 24, 16, 10, 6, 3, 1)
"""Rows a statement; few texts, so that each is prepared once. What is left is filled up to the next size with the last
row again, which changes nothing: a second statement would have to wait for the interpreter again, and that costs more
than many rows do."""


@dataclass(frozen=True, slots=True)
class ManyRows:
    """A statement of `MANY` with its rows: stands among the writes of a unit. `rows`: the number of rows it must
    touch, else the whole unit is rolled back."""

    sql: str
    given: Sequence[tuple[object, ...]]
    rows: int | None = None

    def __repr__(self) -> str:
        return f"ManyRows({self.sql}, {len(self.given)} rows)"


_UNLESS_THERE: Final = " ON CONFLICT DO NOTHING"
"""SQLite has an older word for it, under which it keeps no journal for taking back half a statement: half the time.
That word passes over a missing value too; the number of rows touched, which each insert is held to, tells of it."""

_FIT: Final = tuple(min(size for size in SIZES if size >= left) for left in range(SIZES[0] + 1))


def _texts(mark: str, alone: Mapping[str, str]) -> dict[str, dict[int, str]]:
    made: dict[str, dict[int, str]] = {}
    for name, _, sql, width in MANY:
        row = f"({', '.join([mark] * width)})"
        plain = " ".join(sql.split())
        if mark == "?" and plain.endswith(_UNLESS_THERE):
            plain = plain.replace("INSERT INTO", "INSERT OR IGNORE INTO", 1).removesuffix(_UNLESS_THERE)
        made[name] = {size: plain.replace("{rows}", ", ".join([row] * size)) for size in SIZES}
        if name in alone:
            made[name][1] = " ".join(alone[name].split())
    return made


_TEXTS: Final[Mapping[str, Mapping[str, Mapping[int, str]]]] = {
    "sqlite": _texts("?", ALONE), "postgresql": _texts("%s", {}),
}  # fmt: skip


def write_many(backend: Backend, write: ManyRows) -> int:
    """Write the rows; how many were touched. The caller holds the transaction."""
    texts, given = _TEXTS[backend.name][write.sql], write.given
    at, left, touched = 0, len(given), 0
    while left > 0:
        size = _FIT[left] if left < len(_FIT) else SIZES[0]
        flat = list(chain.from_iterable(given[at : at + size]))
        if size > left:
            flat += given[-1] * (size - left)
        touched += backend.execute(texts[size], flat).rowcount
        at, left = at + size, left - size
    return touched
