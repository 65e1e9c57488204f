"""What was heard from outside, each under the key that makes it the same message again."""

from __future__ import annotations

from dataclasses import dataclass

from engine.store.contract import Connection, Write
from engine.store.sealing import same as equal

FIRST = "inbox_first"
"""`Done.failed_sql` when the key was heard before."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The first message under a key."""

    body_hash: str
    settlement_no: str | None
    id: int
    body_id: int | None


def hear_first(
    id: int, *, source: str, key: str, body_hash: str, at: float, no: str | None = None, body_id: int | None = None
) -> Write:
    """Take in a message for the first time. Guard: its key was never heard from this source."""
    return Write(
        FIRST,
        {
            "id": id,
            "source": source,
            "key": key,
            "body_hash": body_hash,
            "settlement_no": no,
            "at": at,
            "body_id": body_id,
        },
        rows=1,
    )


def hear_again(
    id: int,
    *,
    source: str,
    key: str,
    body_hash: str,
    verdict: str,
    at: float,
    no: str | None = None,
    body_id: int | None = None,
) -> Write:
    """Note a repeat (`same`, `different`) or something without a key of its own (`heard`)."""
    if verdict not in ("same", "different", "heard"):
        raise ValueError(f"no such verdict: {verdict!r}")
    return Write(
        "inbox_note",
        {
            "id": id,
            "source": source,
            "key": key,
            "body_hash": body_hash,
            "verdict": verdict,
            "settlement_no": no,
            "at": at,
            "body_id": body_id,
        },
        rows=1,
    )


def earlier(conn: Connection, source: str, key: str) -> Earlier | None:
    """What was first heard under this key."""
    row = conn.row("inbox_find", source=source, key=key)
    return None if row is None else Earlier(*row)


def differing(conn: Connection, no: str) -> int:
    """How often a request of this settlement is noted as `different`."""
    row = conn.row("inbox_differing", no=no)
    return 0 if row is None else int(row[0])


def verdict(before: Earlier | None, body_hash: str) -> str:
    """`first`, `same` or `different`."""
    if before is None:
        return "first"
    return "same" if equal(before.body_hash, body_hash) else "different"
