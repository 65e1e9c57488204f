"""What an operator's pages ask of the store. Lists read no body and no sealed column; ids are time-ordered, so a day is
a stretch of ids and nothing has to be scanned that is older."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.saga.case import AT_REST, CaseState
from engine.store.contract import Connection
from engine.store.ids import first_id_at
from engine.store.legs import opened_text
from engine.store.lists import Rows
from engine.store.schema import calls, legs, numbers, settlement_bills, settlements, tasks
from engine.store.tasks import OpenTask, open_tasks

DAY = 86_400.0
PAGE = 50
SLACK = 3600.0  # ids may run ahead of a clock that was set back
HEALTH_WINDOW = 15 * 60.0
MOVING = tuple(str(state) for state in CaseState if state not in AT_REST)
HEARD = ("accepted", "refused", "pending")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which settlements: state (or `open`: not at rest), bill, day (its first instant), any number (ours, or one of
    `clients`' request numbers), and the place to go on from (`before`: an id)."""

    state: str = ""
    bill: str = ""
    day: float | None = None
    number: str = ""
    before: int | None = None
    clients: tuple[str, ...] = ()


def _day(column: Any, since: float) -> Any:
    return sa.and_(column >= first_id_at(since), column < first_id_at(since + DAY + SLACK))


def _listed() -> list[sa.Column[Any]]:
    return [column for column in settlements.c if not isinstance(column.type, sa.LargeBinary)]


def settlement_page(conn: Connection, wanted: Wanted, limit: int = PAGE) -> tuple[Rows, int | None]:
    """Settlements newest first with their bills under `bills`, and where the next page begins (None: no more)."""
    t = settlements
    query = sa.select(*_listed()).order_by(t.c.id.desc()).limit(limit + 1)
    if wanted.state == "open":
        query = query.where(t.c.state.in_(MOVING))
    elif wanted.state:
        query = query.where(t.c.state == wanted.state)
    if wanted.bill:
        b = settlement_bills
        query = query.where(t.c.no.in_(sa.select(b.c.settlement_no).where(b.c.bill == wanted.bill)))
    if wanted.day is not None:
        inside = sa.and_(t.c.created_at >= wanted.day, t.c.created_at < wanted.day + DAY)
        query = query.where(_day(t.c.id, wanted.day), inside)
    if wanted.number:
        query = query.where(t.c.no.in_(_named(conn, wanted)))
    if wanted.before is not None:
        query = query.where(t.c.id < wanted.before)
    rows = conn.select(query)
    more = rows[limit - 1]["id"] if len(rows) > limit else None
    rows = rows[:limit]
    held: dict[str, list[str]] = {}
    if rows:
        b = settlement_bills
        listed = sa.select(b).where(b.c.settlement_no.in_([row["no"] for row in rows]))
        for row in conn.select(listed.order_by(b.c.bill)):
            held.setdefault(row["settlement_no"], []).append(row["bill"])
    return [{**row, "bills": held.get(row["no"], [])} for row in rows], more


def _named(conn: Connection, wanted: Wanted) -> list[str]:
    """The settlements a number may mean: each look-up by its own index, the list then by primary key."""
    t, n = settlements, numbers
    ours = conn.select(sa.select(n.c.settlement_no.label("no")).where(n.c.number == wanted.number))
    asked = sa.select(t.c.no).where(t.c.client.in_(wanted.clients), t.c.request_no == wanted.number)
    theirs = conn.select(asked) if wanted.clients else []
    return [wanted.number, *(row["no"] for row in (*ours, *theirs))]


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page: today's settlements by state (count, fen in all), what is open, tasks, and calls by party."""

    today: Mapping[str, tuple[int, int]]
    moving: Rows
    open_count: int
    tasks: list[OpenTask]
    task_count: int
    health: Mapping[str, Mapping[str, int]]
    slow: Mapping[str, float]
    last_good: Mapping[str, float]


def overview(conn: Connection, now: float, midnight: float, parties: tuple[str, ...]) -> Overview:
    """Everything the first page shows, from one consistent view."""
    t, c = settlements, calls
    inside = sa.and_(_day(t.c.id, midnight), t.c.created_at >= midnight)
    total = sa.func.coalesce(sa.func.sum(t.c.total), 0).label("total")
    today = conn.select(sa.select(t.c.state, sa.func.count().label("n"), total).where(inside).group_by(t.c.state))
    moving = conn.select(sa.select(*_listed()).where(t.c.state.in_(MOVING)).order_by(t.c.id).limit(10))
    count = conn.select(sa.select(sa.func.count().label("n")).where(t.c.state.in_(MOVING)))
    waiting = conn.select(sa.select(sa.func.count().label("n")).where(tasks.c.closed_at.is_(None)))
    recent = c.c.id >= first_id_at(now - HEALTH_WINDOW)
    took = sa.func.avg(c.c.ended_at - c.c.started_at).label("took")
    columns = (c.c.party, c.c.outcome, sa.func.count().label("n"), took)
    ended = conn.select(sa.select(*columns).where(recent).group_by(c.c.party, c.c.outcome))
    health: dict[str, dict[str, int]] = {}
    spent: dict[str, tuple[float, int]] = {}
    for row in ended:
        health.setdefault(row["party"], {})[row["outcome"]] = row["n"]
        if row["outcome"] in HEARD and row["took"] is not None:
            seconds, n = spent.get(row["party"], (0.0, 0))
            spent[row["party"]] = (seconds + row["took"] * row["n"], n + row["n"])
    return Overview(
        today={row["state"]: (row["n"], int(row["total"])) for row in today},
        moving=moving,
        open_count=count[0]["n"],
        tasks=open_tasks(conn, 0, 6),
        task_count=waiting[0]["n"],
        health=health,
        slow={party: seconds / n for party, (seconds, n) in spent.items()},
        last_good=_last_good(conn, now, parties),
    )


def _last_good(conn: Connection, now: float, parties: tuple[str, ...]) -> dict[str, float]:
    """When each party last did what it was asked, within a day: newest call first, so a healthy party costs one row."""
    found: dict[str, float] = {}
    c = calls
    for party in parties:
        query = sa.select(c.c.ended_at).where(c.c.party == party, c.c.outcome == "accepted")
        rows = conn.select(query.where(c.c.id >= first_id_at(now - DAY)).order_by(c.c.id.desc()).limit(1))
        if rows:
            found[party] = rows[0]["ended_at"]
    return found


def standing(conn: Connection, nos: Collection[str]) -> dict[str, tuple[str, dict[int, str]]]:
    """What each of these settlements waits for a person with: its state, and its legs in `manual`, id → call."""
    t, s = legs, settlements
    found: dict[str, tuple[str, dict[int, str]]] = {
        row["no"]: (row["state"], {}) for row in conn.select(sa.select(s.c.no, s.c.state).where(s.c.no.in_(list(nos))))
    }
    query = sa.select(t.c.settlement_no, t.c.id, t.c.call).order_by(t.c.settlement_no, t.c.id)
    for row in conn.select(query.where(t.c.settlement_no.in_(list(nos)), t.c.state == "manual")):
        found[row["settlement_no"]][1][row["id"]] = row["call"]
    return found


def tasks_of(conn: Connection, no: str) -> Rows:
    """Every task of a settlement in order, done ones too, its words opened."""
    rows = conn.select(sa.select(tasks).where(tasks.c.settlement_no == no).order_by(tasks.c.id))
    return [
        {
            **row,
            "text": opened_text(conn, "tasks.text", row["id"], row["text"]),
            "note": opened_text(conn, "tasks.note", row["id"], row["note"]),
        }
        for row in rows
    ]


def show_call(conn: Connection, call_id: int) -> Mapping[str, Any] | None:
    """One call, its words opened, its bodies by their ids; None when there is none."""
    rows = conn.select(sa.select(calls).where(calls.c.id == call_id))
    return {**rows[0], "text": opened_text(conn, "calls.text", call_id, rows[0]["text"])} if rows else None


def call_page(
    conn: Connection, party: str, outcome: str, now: float, before: int | None, limit: int = PAGE
) -> tuple[Rows, int | None]:
    """Calls newest first, those of no settlement too. With a filter a page looks at one day at most, so that a rare
    outcome never reads the whole table; the next page begins where this one stopped looking."""
    c = calls
    columns = [column for column in c.c if not isinstance(column.type, sa.LargeBinary)]
    until = before if before is not None else first_id_at(now + DAY)
    since = until - first_id_at(DAY if before is not None else 2 * DAY) if party or outcome else 0
    query = sa.select(*columns).where(c.c.id < until, c.c.id >= since).order_by(c.c.id.desc()).limit(limit + 1)
    if party:
        query = query.where(c.c.party == party)
    if outcome:
        query = query.where(c.c.outcome == ("" if outcome == "running" else outcome))
    rows = conn.select(query)
    if len(rows) > limit:
        return rows[:limit], rows[limit - 1]["id"]
    older = conn.select(sa.select(c.c.id).where(c.c.id < since).order_by(c.c.id.desc()).limit(1))
    return rows, since if older else None
