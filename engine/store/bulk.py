"""Many rows by one statement: what a batch of units writes to one table goes there together.

Each statement of its own lets go of the interpreter and has to get it back from the reactor's thread; with thirty
units of nine statements in a batch the writer spent two thirds of its time waiting for that. A guard keeps its sense:
the rows touched must be as many as the rows given, else the batch is done again unit by unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from engine.store.statements import STATEMENTS

ORDER = (
    "nonce_use",
    "settlement_insert",
    "bill_hold",
    "inbox_first",
    "settlement_update",
    "settlement_turn",
    "settlement_stay",
    "leg_upsert",
    "number_claim",
    "call_insert",
    "call_complete",
    "body_insert",
    "person_keep",
    "trail_add",
)
"""Statements that may be gathered, in the order in which they then run. None reads what another of a batch wrote."""

SIZES = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)  # rows a statement; few texts, so that each is prepared once

_INSERT = re.compile(r"(?P<head>INSERT INTO .*? VALUES )\((?P<row>[^)]*)\)(?P<tail>.*)")
_UPDATE = re.compile(r"(?P<head>UPDATE \w+ SET .*?)(?P<tail> WHERE .*)")
_NAME = re.compile(r":([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Gathered:
    """One statement for several rows. `values` takes a row's parameters in the order of the text's places."""

    name: str
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    texts: Mapping[int, str]

    def cut(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str, list[Any]]]:
        """(rows, text, parameters) of each execution."""
        at, left = 0, len(rows)
        for size in SIZES:
            while left >= size:
                flat: list[Any] = []
                for row in rows[at : at + size]:
                    flat += self.values(row)
                yield size, self.texts[size], flat
                at, left = at + size, left - size


def _gathered(name: str) -> Gathered:
    sql = STATEMENTS[name].sql
    insert = _INSERT.fullmatch(sql)
    update = None if insert is not None else _UPDATE.fullmatch(sql)
    if insert is not None:
        names = _NAME.findall(insert["row"])
        head, tail, row = insert["head"], insert["tail"], _NAME.sub("?", insert["row"])
    else:
        assert update is not None, f"{name} cannot be gathered"
        names = list(dict.fromkeys(_NAME.findall(sql)))
        place = {one: f"given.column{index}" for index, one in enumerate(names, 1)}
        head, tail = (_NAME.sub(lambda found: place[found[1]], update[part]) for part in ("head", "tail"))
        head, tail = f"{head} FROM (VALUES ", f") AS given{tail}"
        row = ", ".join("?" * len(names))
    texts = {size: f"{head}{', '.join([f'({row})'] * size)}{tail}" for size in SIZES}
    if update is not None:  # one row has no use for a table of values, which costs as much again
        number = {one: f"?{index}" for index, one in enumerate(names, 1)}
        texts[1] = _NAME.sub(lambda found: number[found[1]], sql)
    return Gathered(name, itemgetter(*names), texts)


GATHERED: Mapping[str, Gathered] = {name: _gathered(name) for name in ORDER}
