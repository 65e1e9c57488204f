"""The store's side of the books: read-only, one consistent view, without opening anything that is sealed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.core.money import AMOUNTS
from engine.core.times import beijing
from engine.runtime.books_view import CallRow, Kept, LegRow, Move, StoreView
from engine.saga.case import CaseState
from engine.saga.legs import LegState
from engine.store.contract import Connection
from engine.store.lists import (
    list_calls,
    list_legs,
    list_numbers,
    list_tasks,
    list_trail,
    settlements_between,
    show_settlement,
)
from engine.store.numbers import owner_of
from engine.store.statement_rows import statement_rows

PAGE = 1000
Row = Mapping[str, Any]


def load_view(
    conn: Connection, now: float, since: float | None = None, seen: Iterable[str] = (), until: float | None = None
) -> StoreView:
    """Settlements created at or after `since` and before `until` (all without them), and those that own one of the
    numbers `seen` in the parties' ledgers, however old."""
    tasks = _open_tasks(conn)
    kept = {row["no"]: _kept(conn, row, tasks) for row in _settlements(conn, since, until)}
    numbers: dict[str, str] = {}
    for one in kept.values():
        numbers.update(_numbers(conn, one))
    for number in dict.fromkeys(seen):
        if number in numbers or number in kept:
            continue
        no = _owner(conn, number)
        if no is None:
            continue
        numbers[number] = no
        head = None if no in kept else show_settlement(conn, no)
        if head is not None:
            kept[no] = _kept(conn, head, tasks)
            numbers.update(_numbers(conn, kept[no]))
    left = statement_rows(conn, "" if since is None else beijing(since, "%Y-%m-%d"))
    end = "" if until is None else beijing(until, "%Y-%m-%d")
    return StoreView(kept, numbers, now, [row for row in left if not end or row.day < end])


def versions(conn: Connection, since: float | None = None, until: float | None = None) -> dict[str, int]:
    """Settlement → version: what changed between two looks was on its way."""
    return {row["no"]: row["version"] for row in _settlements(conn, since, until)}


def _settlements(conn: Connection, since: float | None, until: float | None) -> Iterator[Row]:
    after: int | None = None
    while True:
        rows = settlements_between(conn, since, until, after_id=after, limit=PAGE)
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1]["id"]


def _owner(conn: Connection, number: str) -> str | None:
    owner = owner_of(conn, number)
    if owner is not None:
        return owner.settlement_no
    return number if show_settlement(conn, number) is not None else None


def _numbers(conn: Connection, kept: Kept) -> dict[str, str]:
    """Numbers given to legs, and the message ids of single calls."""
    found = {row["number"]: kept.no for row in list_numbers(conn, kept.no)}
    found.update({call.number: kept.no for call in kept.calls if call.number})
    return found


def _kept(conn: Connection, row: Row, tasks: Mapping[str, list[tuple[str, int]]]) -> Kept:
    no = row["no"]
    return Kept(
        no=no,
        state=CaseState(row["state"]),
        version=row["version"],
        channel=row["channel"],
        created_at=row["created_at"],
        amounts={name: row[name] for name in AMOUNTS},
        bills=[(bill, bool(live)) for bill, live in conn.rows("bills_of", settlement_no=no)],
        legs=[_leg(one) for one in list_legs(conn, no)],
        calls=[_call(one) for one in _paged(conn, list_calls, no)],
        moves=[move for one in _paged(conn, list_trail, no) for move in _moves(one)],
        tasks=tasks.get(no, ()),
    )


def _paged(conn: Connection, listing: Any, no: str) -> Iterator[Row]:
    after = 0
    while True:
        rows = listing(conn, no, after_id=after, limit=PAGE)
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1]["id"]


def _leg(row: Row) -> LegRow:
    return LegRow(
        id=row["id"], step=row["step"], call=row["call"], party=row["party"], number=row["number"],
        state=LegState(row["state"]), undo=bool(row["undo"]), of=row["of_leg"], attempt=row["attempt"],
        amount=row["amount"], created_at=row["created_at"], next_at=row["next_at"], fence_at=row["fence_at"],
        stopped=bool(row["stopped"]), evidence=row["evidence"], because=row["because"],
    )  # fmt: skip


def _call(row: Row) -> CallRow:
    return CallRow(
        id=row["id"], leg_id=row["leg_id"], purpose=row["purpose"], party=row["party"], op=row["op"],
        number=row["number"], started_at=row["started_at"], param_hash=row["param_hash"], outcome=row["outcome"],
        fact=row["fact"],
    )  # fmt: skip


def _moves(row: Row) -> Iterator[Move]:
    for what, before, after, _ in json.loads(row["detail"]).get("moved", ()):
        leg_id = int(what.split()[1]) if what.startswith("leg ") else 0
        yield Move(row["at"], leg_id, before, after)


def _open_tasks(conn: Connection) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    after: int | None = None
    while True:
        rows = list_tasks(conn, is_open=True, after_id=after, limit=PAGE)
        for row in rows:
            if row["settlement_no"]:
                found.setdefault(row["settlement_no"], []).append((row["kind"], row["leg_id"]))
        if len(rows) < PAGE:
            return found
        after = rows[-1]["id"]
