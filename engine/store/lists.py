"""Lists for the console and the command line: newest first, by pages, never a body and never sealed columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from engine.saga.case import AT_REST, CaseState
from engine.saga.legs import OPEN
from engine.store.contract import Connection
from engine.store.ids import first_id_at
from engine.store.schema import (
    DUE,
    LIVE,
    calls,
    inbox,
    legs,
    numbers,
    periods,
    settlement_bills,
    settlements,
    tasks,
    trail,
)

Rows = list[Mapping[str, Any]]
LIMIT_MAX = 1001  # a thousand, and the one that tells of more
EARLY, AHEAD = 60.0, 86_400.0  # seconds an id may lie before its settlement, and behind it after a clock was set back
LIVE_ANSWERS = ("working", "quoted", "paying")
"""The API's words for a settlement that is not at rest; at rest they are its state."""


def _plain(table: sa.Table) -> list[sa.Column[Any]]:
    return [column for column in table.c if not isinstance(column.type, sa.LargeBinary)]


def _limited(limit: int) -> int:
    return max(1, min(limit, LIMIT_MAX))


def list_settlements(
    conn: Connection,
    *,
    state: str | None = None,
    bill: str | None = None,
    since: float | None = None,
    patient_index: str | None = None,
    number: str | None = None,
    after_id: int | None = None,
    limit: int = 50,
) -> Rows:
    """Settlements, newest first; the next page is `after_id` = the last row's `id`. `number`: any number of ours.
    `state`: the settlement's own, or what its terminal is told (LIVE_ANSWERS)."""
    t = settlements
    query = sa.select(*_plain(t)).order_by(t.c.id.desc()).limit(_limited(limit))
    if state in LIVE_ANSWERS:  # looked for among the live ones, which are few and indexed
        query = query.where(t.c.state.in_([str(one) for one in CaseState if one not in AT_REST]), t.c.answer == state)
    elif state is not None:
        query = query.where(t.c.state == state)
    if bill is not None:
        held = sa.select(settlement_bills.c.settlement_no).where(settlement_bills.c.bill == bill)
        query = query.where(t.c.no.in_(held))
    if since is not None:
        query = query.where(t.c.created_at >= since)
    if patient_index is not None:
        query = query.where(t.c.patient_index == patient_index)
    if number is not None:
        owner = sa.select(numbers.c.settlement_no).where(numbers.c.number == number)
        query = query.where(sa.or_(t.c.no == number, t.c.no.in_(owner)))
    if after_id is not None:
        query = query.where(t.c.id < after_id)
    return conn.select(query)


def settlements_between(
    conn: Connection, since: float | None, until: float | None, *, after_id: int | None = None, limit: int = 1000
) -> Rows:
    """Settlements created from `since` on and before `until`, newest first, by pages as above."""
    query = sa.select(*_plain(settlements)).where(_created(since, until)).order_by(settlements.c.id.desc())
    if after_id is not None:
        query = query.where(settlements.c.id < after_id)
    return conn.select(query.limit(_limited(limit)))


def count_settlements(conn: Connection, since: float, until: float) -> int:
    """How many were created in this time."""
    query = sa.select(sa.func.count().label("n")).select_from(settlements).where(_created(since, until))
    return int(conn.select(query)[0]["n"])


def _created(since: float | None, until: float | None) -> Any:
    """In this time; found by the ids, which are ordered by time, so that years of older ones are not read."""
    t = settlements
    found: list[sa.ColumnElement[bool]] = [sa.true()]
    if since is not None:
        found += [t.c.created_at >= since, t.c.id >= first_id_at(since - EARLY)]
    if until is not None:
        found += [t.c.created_at < until, t.c.id < first_id_at(until + AHEAD)]
    return sa.and_(*found)


def show_settlement(conn: Connection, no: str) -> Mapping[str, Any] | None:
    """One settlement's plain columns."""
    rows = conn.select(sa.select(*_plain(settlements)).where(settlements.c.no == no))
    return rows[0] if rows else None


def _of(conn: Connection, table: sa.Table, no: str, limit: int, after: int) -> Rows:
    t = table
    query = sa.select(*_plain(t)).where(t.c.settlement_no == no, t.c.id > after).order_by(t.c.id)
    return conn.select(query.limit(_limited(limit)))


def list_legs(conn: Connection, no: str) -> Rows:
    """The settlement's legs, without the parties' words."""
    return _of(conn, legs, no, LIMIT_MAX, 0)


def list_calls(conn: Connection, no: str, *, after_id: int = 0, limit: int = 200) -> Rows:
    """The settlement's calls in order, without the parties' words (see `calls.calls_of`)."""
    return _of(conn, calls, no, limit, after_id)


def list_trail(conn: Connection, no: str, *, after_id: int = 0, limit: int = 200) -> Rows:
    """The settlement's history in order."""
    return _of(conn, trail, no, limit, after_id)


def list_numbers(conn: Connection, no: str) -> Rows:
    """Our numbers of the settlement, found by its legs, which bear them."""
    t = numbers
    borne = sa.select(legs.c.number).where(legs.c.settlement_no == no)
    query = sa.select(*_plain(t)).where(t.c.number.in_(borne), t.c.settlement_no == no)
    return conn.select(query.order_by(t.c.leg_id, t.c.number))


def list_open_legs(conn: Connection, *, state: str = "", since: float | None = None, limit: int = 200) -> Rows:
    """Legs not yet definite, or those of a `state`, counted by party, call and state, with the oldest and when they are
    next looked at. What is not definite is read through the settlements that something is due for, not from all legs
    that ever were."""
    t = legs
    due = sa.union_all(*(sa.select(settlements.c.no).where(sa.text(still)) for still in (LIVE, DUE)))
    query = (
        sa.select(
            t.c.party, t.c.call, t.c.state, sa.func.count().label("legs"),
            sa.func.min(t.c.created_at).label("oldest_at"), sa.func.min(t.c.next_at).label("next_at"),
        )
        .where(t.c.state.in_([state] if state else OPEN))
        .group_by(t.c.party, t.c.call, t.c.state)
        .order_by(t.c.party, t.c.call, t.c.state)
    )  # fmt: skip
    if not state or state in OPEN:
        query = query.where(t.c.settlement_no.in_(due))
    if since is not None:
        query = query.where(t.c.created_at >= since)
    return conn.select(query.limit(_limited(limit)))


def list_inbox(
    conn: Connection,
    *,
    source: str | None = None,
    verdict: str | None = None,
    no: str | None = None,
    since: float | None = None,
    after_id: int | None = None,
    limit: int = 50,
) -> Rows:
    """What was heard, newest first."""
    t = inbox
    query = sa.select(*_plain(t)).order_by(t.c.id.desc()).limit(_limited(limit))
    for column, value in ((t.c.source, source), (t.c.verdict, verdict), (t.c.settlement_no, no)):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(t.c.at >= since)
    if after_id is not None:
        query = query.where(t.c.id < after_id)
    return conn.select(query)


def list_tasks(
    conn: Connection,
    *,
    is_open: bool | None = None,
    no: str | None = None,
    after_id: int | None = None,
    limit: int = 50,
) -> Rows:
    """Tasks, newest first, without their texts (see `tasks.open_tasks`)."""
    t = tasks
    query = sa.select(*_plain(t)).order_by(t.c.id.desc()).limit(_limited(limit))
    if is_open is not None:
        query = query.where(t.c.closed_at.is_(None) if is_open else t.c.closed_at.is_not(None))
    if no is not None:
        query = query.where(t.c.settlement_no == no)
    if after_id is not None:
        query = query.where(t.c.id < after_id)
    return conn.select(query)


def list_periods(conn: Connection, *, channel: str | None = None, limit: int = 50) -> Rows:
    """Runs of timed channels, newest first."""
    t = periods
    query = sa.select(*_plain(t)).order_by(t.c.started_at.desc()).limit(_limited(limit))
    if channel is not None:
        query = query.where(t.c.channel == channel)
    return conn.select(query)


def count_by_state(conn: Connection) -> dict[str, int]:
    """How many settlements are in each state."""
    t = settlements
    rows = conn.select(sa.select(t.c.state, sa.func.count().label("n")).group_by(t.c.state))
    return {row["state"]: row["n"] for row in rows}
