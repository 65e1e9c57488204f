"""Messages of deliver channels: how a batch of them is written, how they are found and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.store.contract import Connection, Sealed, Write
from engine.store.many import ManyRows

TAKEN = "messages_insert"
"""`Done.failed_sql` when a batch holds a message whose sender's number is known already."""


@dataclass(frozen=True, slots=True)
class Known:
    """The first message under a sender's number. `ack`: what the sender was told for good, "" before."""

    id: int
    digest: bytes
    state: str
    ack: str
    received_at: float


@dataclass(frozen=True, slots=True)
class Kept:
    """One message as stored. `patient`, `visit`: 64 bits of their keyed hashes."""

    id: int
    channel: str
    source: str
    control: str
    kind: str
    patient: int
    visit: int
    received_at: float
    chunk: int
    start: int
    size: int
    state: str
    ack: str


@dataclass(frozen=True, slots=True)
class Due:
    """What is still to be delivered: a message at one destination, in its lane."""

    message: int
    dest: str
    channel: str
    lane: int
    state: str
    tries: int
    next_at: float


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt that ended."""

    id: int
    dest: str
    started_at: float
    took: float
    outcome: str
    code: str
    sent: bytes
    reply: bytes


def keep_chunk(first: int, last: int, pieces: Sequence[bytes]) -> Write:
    """The bytes of messages or attempts with the ids from `first` to `last`, one behind another."""
    return Write("chunk_insert", {"id": first, "last": last, "data": Sealed(b"".join(pieces))}, rows=1)


def take_in(rows: Sequence[tuple[object, ...]]) -> ManyRows:
    """Messages (columns of the table in order). Guard: none of their senders' numbers is known."""
    return ManyRows("messages_insert", rows, rows=len(rows))


def known_message(conn: Connection, source: str, control: str) -> Known | None:
    """What was first taken in under a sender's number."""
    row = conn.row("message_once", source=source, control=control)
    return None if row is None else Known(row[0], bytes(row[1]), *row[2:])


def message(conn: Connection, id: int) -> Kept | None:
    """A message by its number."""
    row = conn.row("message_get", id=id)
    return None if row is None else Kept(*row)


def chunk_bytes(conn: Connection, chunk: int) -> bytes | None:
    """The bytes of a group; None when their time is over."""
    row = conn.row("chunk_get", id=chunk)
    return None if row is None else conn.unseal("chunks.data", str(chunk), bytes(row[0]))


def message_bytes(conn: Connection, ids: Sequence[int]) -> dict[int, tuple[Kept, bytes]]:
    """Messages with their bytes; those whose time is over are left out. Each group is opened once."""
    kept = [one for one in (message(conn, id) for id in ids) if one is not None]
    opened: dict[int, bytes | None] = {}
    found: dict[int, tuple[Kept, bytes]] = {}
    for one in kept:
        if one.chunk not in opened:
            opened[one.chunk] = chunk_bytes(conn, one.chunk)
        data = opened[one.chunk]
        if data is not None:
            found[one.id] = one, data[one.start : one.start + one.size]
    return found


def due_messages(conn: Connection, after: int, limit: int) -> list[Due]:
    """What is not delivered of messages after this one, oldest first; at most `limit` rows (and never half of a
    message unless it alone has more)."""
    found = [Due(*row) for row in conn.rows("outbox_all", after=after, limit=limit)]
    if len(found) == limit and found[0].message != found[-1].message:
        last = found[-1].message
        found = [one for one in found if one.message != last]
    return found


def due_of(conn: Connection, id: int) -> list[Mapping[str, Any]]:
    """What is still to be done with a message, by destination."""
    names = ("dest", "channel", "party", "lane", "state", "tries", "next_at", "reason")
    return [dict(zip(names, row, strict=True)) for row in conn.rows("outbox_of", id=id)]


def attempts_of(conn: Connection, id: int, *, limit: int = 200, with_bytes: bool = True) -> list[Tried]:
    """What was tried with a message, in order."""
    opened: dict[int, bytes | None] = {}
    found = []
    for row in conn.rows("attempts_of", id=id, limit=limit):
        number, dest, began, took, outcome, code, chunk, start, sent, reply = row
        if with_bytes and chunk and chunk not in opened:
            opened[chunk] = chunk_bytes(conn, chunk)
        data = (opened.get(chunk) or b"")[start : start + sent + reply]
        found.append(Tried(number, dest, began, took, outcome, code, data[:sent], data[sent:]))
    return found


def set_switch(what: str, state: str, at: float, by: str, reason: str) -> Write:
    """Stop a channel or party by hand (`channel NAME`, `party NAME`): paused or killed; "" lets it go on."""
    if not state:
        return Write("switch_clear", {"what": what})
    given = {"what": what, "state": state, "at": at, "by": by, "reason": Sealed(reason.encode())}
    return Write("switch_set", given, rows=1)


def switches(conn: Connection) -> dict[str, str]:
    """What is stopped by hand → paused or killed."""
    return {what: state for what, state, *_ in conn.rows("switches_all")}


def add_hand(id: int, at: float, kind: str, what: str, by: str, reason: str) -> Write:
    """What a person did with messages, kept for ever."""
    given = {"id": id, "at": at, "kind": kind, "what": what[:200], "by": by, "reason": Sealed(reason.encode())}
    return Write("hand_add", given, rows=1)


def send_again(id: int, dest: str) -> Write:
    """A dead letter is sent again. Guard: it is dead."""
    return Write("outbox_revive", {"id": id, "dest": dest}, rows=1)


def give_up(id: int, dest: str) -> Write:
    """A dead letter is given up. Guard: it is dead."""
    return Write("outbox_drop", {"id": id, "dest": dest}, rows=1)


def reported(
    report: int, id: int, dest: str, at: float, outcome: str, code: str, data: bytes
) -> list[Write | ManyRows]:
    """What a receiver said later of a message it took: `delivered`, or `undelivered`, which the message then is. Kept
    like an attempt, under the number `report`."""
    row = (report, id, dest, at, 0.0, outcome, code[:64], report, 0, 0, len(data))
    mark = "message_arrived" if outcome == "delivered" else "message_undelivered"
    return [keep_chunk(report, report, [data]), ManyRows("attempts_insert", [row], rows=1), Write(mark, {"id": id})]


def reopen(id: int) -> Write:
    """A message has something to be sent again."""
    return Write("message_reopen", {"id": id})
