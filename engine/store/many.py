"""Many rows by one statement, as deliver channels write them: a batch of messages is a handful of statements.

Rows are tuples in the order of the statement's places; nothing is looked up by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from engine.store.backend import Backend
from engine.store.statements_messages import MANY

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


def _texts(mark: str) -> dict[str, dict[int, str]]:
    made: dict[str, dict[int, str]] = {}
    for name, _, sql, width in MANY:
        row = f"({', '.join([mark] * width)})"
        plain = " ".join(sql.split())
        made[name] = {size: plain.replace("{rows}", ", ".join([row] * size)) for size in SIZES}
    return made


_TEXTS: Final[Mapping[str, Mapping[str, Mapping[int, str]]]] = {"sqlite": _texts("?"), "postgresql": _texts("%s")}


def write_many(backend: Backend, write: ManyRows) -> int:
    """Write the rows; how many were touched. The caller holds the transaction."""
    texts, given = _TEXTS[backend.name][write.sql], write.given
    at, left, touched = 0, len(given), 0
    while left > 0:
        size = next((size for size in reversed(SIZES) if size >= left), SIZES[0])
        flat = list(chain.from_iterable(given[at : at + size]))
        if size > left:
            flat += given[-1] * (size - left)
        touched += backend.execute(texts[size], flat).rowcount
        at, left = at + size, left - size
    return touched
