"""What one settlement's page and one call's page show: everything of it, from one consistent view, masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.console.versions import Versions
from engine.masking.bodies import Shown, show_exchange
from engine.masking.values import Masker
from engine.saga.case import Case
from engine.site.site import Channel
from engine.store.calls import Call, body, calls_of
from engine.store.contract import Connection
from engine.store.lists import Rows, list_inbox, list_numbers, list_trail, show_settlement
from engine.store.pages import show_call, tasks_of
from engine.store.settlements import bills_of, load_case

CALLS_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Whole:
    """One settlement with all that is known of it, and the channel as it was when it began."""

    row: Mapping[str, Any]
    case: Case
    bills: list[str]
    calls: list[Call]
    trail: Rows
    numbers: Rows
    heard: Rows
    tasks: Rows
    channel: Channel | None


def whole(conn: Connection, no: str, versions: Versions) -> Whole | None:
    """A settlement, or None when there is none."""
    row = show_settlement(conn, no)
    case = load_case(conn, no) if row is not None else None
    if row is None or case is None:
        return None
    site = versions.find(conn, case.site_hash)
    return Whole(
        row=row,
        case=case,
        bills=bills_of(conn, no),
        calls=calls_of(conn, no, limit=CALLS_SHOWN),
        trail=list_trail(conn, no, limit=1000),
        numbers=list_numbers(conn, no),
        heard=list_inbox(conn, no=no, limit=100),
        tasks=tasks_of(conn, no),
        channel=None if site is None else site.channels.get(case.channel),
    )


@dataclass(frozen=True, slots=True)
class OneCall:
    """A call with its bytes, masked. A side is None when nothing was kept (or it was purged)."""

    row: Mapping[str, Any]
    words: str
    request: Shown | None
    reply: Shown | None
    covered: int


def one_call(conn: Connection, call_id: int) -> OneCall | None:
    """A call and both its bodies, opened and masked here, beside the reactor."""
    row = show_call(conn, call_id)
    if row is None:
        return None
    sides = [body(conn, row[name]) if row[name] is not None else None for name in ("request_body", "reply_body")]
    masker = Masker()
    case = load_case(conn, row["settlement_no"]) if row["settlement_no"] else None
    if case is not None:
        masker.learn_tree(case.data)
    request, reply, covered = show_exchange(sides[0], sides[1], masker)
    words = masker.text(row["text"])
    return OneCall(row, words, request, reply, covered)
