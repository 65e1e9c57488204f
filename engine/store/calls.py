"""Calls and the bytes they carried."""

from __future__ import annotations

from dataclasses import dataclass

from engine.store.contract import Connection, Sealed, Write
from engine.store.legs import opened_text, sealed_text


@dataclass(frozen=True, slots=True)
class Call:
    """One talk with a party, as listed. Instants unix seconds; `outcome` "" while it runs; bodies are ids, None when
    there is none (or it was purged: then `body` finds nothing)."""

    id: int
    leg_id: int
    purpose: str
    call: str
    party: str
    op: str
    number: str
    started_at: float
    ended_at: float | None
    outcome: str
    fact: str
    code: str
    text: str
    request_body: int | None
    reply_body: int | None


def insert_call(
    id: int,
    *,
    no: str | None,
    leg_id: int,
    purpose: str,
    call: str,
    party: str,
    op: str,
    number: str,
    started_at: float,
    param_hash: str = "",
    request_body: int | None = None,
) -> Write:
    """A call about to be made; committed before its first byte leaves. `purpose`: do, ask, stop, answer, every."""
    return Write(
        "call_insert",
        {
            "id": id,
            "settlement_no": no,
            "leg_id": leg_id,
            "purpose": purpose,
            "call": call,
            "party": party,
            "op": op,
            "number": number,
            "param_hash": param_hash,
            "started_at": started_at,
            "ended_at": None,
            "outcome": "",
            "fact": "",
            "code": "",
            "text": None,
            "request_body": request_body,
            "reply_body": None,
        },
        rows=1,
    )


def complete_call(
    id: int,
    *,
    ended_at: float,
    outcome: str,
    fact: str = "",
    code: str = "",
    text: str = "",
    request_body: int | None = None,
    reply_body: int | None = None,
) -> Write:
    """How the call ended. `text`: the party's words, cut and sealed. `request_body` None keeps what was there."""
    return Write(
        "call_complete",
        {
            "id": id,
            "ended_at": ended_at,
            "outcome": outcome,
            "fact": fact,
            "code": code[:64],
            "text": sealed_text(text),
            "request_body": request_body,
            "reply_body": reply_body,
        },
        rows=1,
    )


def insert_body(id: int, data: bytes, no: str | None = None) -> Write:
    """Keep the bytes of a request or reply of settlement `no` (None: of none)."""
    return Write("body_insert", {"id": id, "settlement_no": no, "data": Sealed(data)}, rows=1)


def body(conn: Connection, id: int) -> bytes | None:
    """The bytes kept under this id; None when there are none (any more). Tampered when they do not open."""
    row = conn.row("body_get", id=id)
    return None if row is None else conn.unseal_body(id, *row)


def calls_of(conn: Connection, no: str, after: int = 0, limit: int = 1000) -> list[Call]:
    """The settlement's calls in the order they began."""
    return [
        Call(*(*head, opened_text(conn, "calls.text", head[0], text), asked, answered))
        for *head, text, asked, answered in conn.rows("calls_of", settlement_no=no, after=after, limit=limit)
    ]
