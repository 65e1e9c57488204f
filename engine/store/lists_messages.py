"""Lists of messages and lanes for people: newest first, by page, never reading bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.core.times import rfc3339
from engine.store.contract import Connection
from engine.store.schema_messages import chunks, hands, messages, outbox, switches

Rows = list[Mapping[str, Any]]
AT_ONCE = 500  # numbers in one question
STATES = ("open", "done", "dead", "undelivered", "skipped", "refused")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which messages; "" and None for all. `patient`, `visit`: their 64 bits. Times are unix seconds."""

    channel: str = ""
    state: str = ""
    kind: str = ""
    control: str = ""
    patient: int = 0
    visit: int = 0
    since: float | None = None
    until: float | None = None
    after_id: int | None = None
    limit: int = 50

    def said(self) -> str:
        """In words of ours, for the trail; of a person no number."""
        parts = [f"{name} {value}" for name in ("channel", "state", "kind") if (value := getattr(self, name))]
        parts += [f"one {name}" for name in ("control", "patient", "visit") if getattr(self, name)]
        parts += [f"{name} {rfc3339(at)}" for name in ("since", "until") if (at := getattr(self, name)) is not None]
        return ", ".join(parts) or "all"


def list_messages(conn: Connection, asked: Asked) -> Rows:
    """Messages, newest first; the next page is `after_id` = the last row's id."""
    t = messages
    query = sa.select(
        t.c.id, t.c.channel, t.c.source, t.c.control, t.c.kind, t.c.of_message, t.c.received_at, t.c.state, t.c.ack,
        t.c.done_at, t.c.size,
    ).order_by(t.c.id.desc()).limit(max(1, asked.limit))  # fmt: skip
    if asked.state == "open":  # few, and found through the outbox
        query = query.where(t.c.id.in_(sa.select(outbox.c.message_id).where(outbox.c.state == "ready")))
    elif asked.state:
        query = query.where(t.c.state == asked.state)
    for column, value in ((t.c.channel, asked.channel), (t.c.kind, asked.kind), (t.c.control, asked.control)):
        if value:
            query = query.where(column == value)
    inner = messages.alias("of_person")
    for column, number in ((inner.c.patient, asked.patient), (inner.c.visit, asked.visit)):
        if number:  # through the index of persons, which holds nothing else: see schema_messages
            known = sa.or_(inner.c.patient != 0, inner.c.visit != 0)
            query = query.where(t.c.id.in_(sa.select(inner.c.id).where(column == number, known)))
    if asked.since is not None:
        query = query.where(t.c.received_at >= asked.since)
    if asked.until is not None:
        query = query.where(t.c.received_at < asked.until)
    if asked.after_id is not None:
        query = query.where(t.c.id < asked.after_id)
    return conn.select(query)


def list_outbox(conn: Connection, state: str = "", limit: int = 50) -> Rows:
    """What is not delivered, by channel, destination and state: how many, the oldest, when the next is tried."""
    t = outbox
    query = (
        sa.select(
            t.c.channel, t.c.dest, t.c.party, t.c.state, sa.func.count().label("messages"),
            sa.func.count(sa.distinct(t.c.lane)).label("lanes"), sa.func.min(t.c.message_id).label("oldest"),
            sa.func.min(t.c.next_at).label("next_at"), sa.func.max(t.c.tries).label("tries"),
            sa.func.max(t.c.reason).label("reason"),
        )
        .group_by(t.c.channel, t.c.dest, t.c.party, t.c.state)
        .order_by(t.c.channel, t.c.dest, t.c.state)
        .limit(limit)
    )  # fmt: skip
    return conn.select(query.where(t.c.state == state) if state else query)


def list_switches(conn: Connection) -> Rows:
    """What is stopped by hand, since when, by whom and why."""
    t = switches
    rows = conn.select(sa.select(t.c.what, t.c.state, t.c.at, t.c.by_whom, t.c.reason).order_by(t.c.what))
    return [{**row, "reason": _opened(conn, "switches.reason", row["what"], row["reason"])} for row in rows]


def list_hands(conn: Connection, limit: int = 50, since: float | None = None, kind: str = "") -> Rows:
    """What people did with messages, newest first: who, what, why."""
    query = sa.select(*_HAND).order_by(hands.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(hands.c.at >= since)
    return _hands(conn, query.where(hands.c.kind == kind) if kind else query)


def hands_of(conn: Connection, no: int, limit: int = 50) -> Rows:
    """The same of one message: what was done with it, and that it was made from another one."""
    t = hands
    about = sa.or_(t.c.what == str(no), t.c.what.like(f"{no} %"), t.c.what.like(f"% as {no}"))
    return _hands(conn, sa.select(*_HAND).where(about).order_by(t.c.id.desc()).limit(limit))


_HAND = (hands.c.id, hands.c.at, hands.c.kind, hands.c.what, hands.c.by_whom, hands.c.reason)


def _hands(conn: Connection, query: sa.Select[Any]) -> Rows:
    rows = conn.select(query)
    return [{**row, "reason": _opened(conn, "hands.reason", row["id"], row["reason"])} for row in rows]


def _opened(conn: Connection, place: str, row: object, sealed: bytes) -> str:
    return conn.unseal(place, row, bytes(sealed)).decode("utf-8", "replace")


def dead_letters(conn: Connection, ids: Sequence[int], dest: str = "") -> set[int]:
    """Those that are a dead letter at some receiver, or at this one: one that was given up is none any more."""
    t = outbox
    dead = sa.select(t.c.message_id).where(t.c.state == "dead")
    return _among(conn, ids, t.c.message_id, dead.where(t.c.dest == dest) if dest else dead)


def without_bytes(conn: Connection, ids: Sequence[int]) -> set[int]:
    """Those whose bytes are no longer kept; nothing is opened."""
    t = messages
    return set(ids) - _among(conn, ids, t.c.id, sa.select(t.c.id).where(t.c.chunk.in_(sa.select(chunks.c.id))))


def _among(conn: Connection, ids: Sequence[int], column: sa.Column[Any], query: sa.Select[Any]) -> set[int]:
    found: set[int] = set()
    for begin in range(0, len(ids), AT_ONCE):
        rows = conn.select(query.where(column.in_(ids[begin : begin + AT_ONCE])))
        found |= {row[column.name] for row in rows}
    return found
