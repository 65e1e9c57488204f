"""The tables of deliver channels. Bytes lie in chunks, one for each group of messages or attempts that was stored
together: compressed and sealed once, which costs a quarter of doing it for each.

A patient or visit is kept as 64 bits of its keyed hash: enough to find by and to order by, and nobody's number. Their
index begins with the chunk: hashes come in no order, and each would be written to a page of its own, of which a store
of a million messages has ten thousand. Who looks for a person goes through the whole index (45 MB a million messages).
"""

from __future__ import annotations

import sqlalchemy as sa

from engine.store.schema import Big, Blob, Flag, Id, Instant, Text, metadata, table_column

_col = table_column
_WHERE = {
    "once": sa.text("opens = 1"),
    "person": sa.text("patient <> 0 OR visit <> 0"),
    "odd": sa.text("state <> 'open' AND state <> 'done'"),
    "dead": sa.text("state = 'dead'"),
}


def _index(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    condition = _WHERE[where]
    return sa.Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


messages = sa.Table(
    "messages", metadata,
    _col("id", Id, "time-ordered", key=True),
    _col("channel", Text),
    _col("source", Text, "the door and who sent it"),
    _col("control", Text, "the sender's own number of it (MSH-10)"),
    _col("kind", Text, "ADT^A01 …"),
    _col("of_message", Big, "the message this one was made from by hand, 0 for none"),
    _col("opens", Flag, "1 for the first under its number"),
    _col("digest", Blob, "hash of its bytes"),
    _col("patient", Big, "64 bits of the keyed hash, 0 for none"),
    _col("visit", Big, "64 bits of the keyed hash, 0 for none"),
    _col("received_at", Instant),
    _col("chunk", Big, "id in chunks"),
    _col("start", sa.Integer(), "its first byte there"),
    _col("size", sa.Integer(), "bytes"),
    _col("state", Text, "open, done, dead (at a destination), undelivered (reported so later), skipped, refused"),
    _col("ack", Text, "what its sender was told for good: AA, AE, AR with a code; empty before"),
    _col("done_at", Instant, "0 before"),
    _index("messages_once", "source", "control", where="once", unique=True),
    _index("messages_person", "chunk", "patient", "visit", where="person"),
    _index("messages_odd", "state", "id", where="odd"),
)  # fmt: skip

outbox = sa.Table(
    "outbox", metadata,
    _col("message_id", Big, key=True),
    _col("dest", Text, "a row of the channel's `to`", key=True),
    _col("channel", Text),
    _col("party", Text),
    _col("lane", Big, "what keeps its order: 64 bits of the key's hash, or the message itself"),
    _col("state", Text, "ready or dead; what was delivered is no longer here"),
    _col("tries", sa.Integer()),
    _col("next_at", Instant, "when it is tried again, 0 for now"),
    _col("reason", Text, "why it is not delivered yet, in our words"),
    _index("outbox_dead", "channel", "message_id", where="dead"),
    sqlite_with_rowid=False,
)  # fmt: skip

attempts = sa.Table(
    "attempts", metadata,
    _col("id", Id, key=True),
    _col("message_id", Big),
    _col("dest", Text),
    _col("started_at", Instant),
    _col("took", Instant, "seconds"),
    _col("outcome", Text, "Outcome, or not_sent"),
    _col("code", Text, "the party's code"),
    _col("chunk", Big, "id in chunks"),
    _col("start", sa.Integer(), "first byte there of what was sent; the reply follows"),
    _col("sent", sa.Integer(), "bytes"),
    _col("reply", sa.Integer(), "bytes"),
    sa.Index("attempts_message", "message_id"),  # in order: behind its columns an index holds the row's number
)  # fmt: skip

chunks = sa.Table(
    "chunks", metadata,
    _col("id", Id, key=True),
    _col("last", Big, "id of the last message or attempt with bytes in it"),
    _col("data", Blob, "sealed: bytes of messages or attempts, one after another"),
)  # fmt: skip

switches = sa.Table(
    "switches", metadata,
    _col("what", Text, "channel NAME or party NAME", key=True),
    _col("state", Text, "paused or killed"),
    _col("at", Instant),
    _col("by_whom", Text, "staff, never a patient"),
    _col("reason", Blob, "sealed"),
    sqlite_with_rowid=False,
)  # fmt: skip

marks = sa.Table(
    "marks", metadata,
    _col("source", Text, "the listener that reads a view", key=True),
    _col("mark", Blob, "sealed: how far it has read; its last row's number may be a patient's"),
    _col("at", Instant),
    sqlite_with_rowid=False,
)  # fmt: skip

unmapped = sa.Table(
    "unmapped", metadata,
    _col("code_table", Text, "name of the code table", key=True),
    _col("mark", Text, "keyed hash of the code", key=True),
    _col("code", Blob, "sealed: a sender may write anything where a code belongs"),
    _col("place", Text, "the row of the map that last looked it up"),
    _col("times", Big),
    _col("first_at", Instant),
    _col("last_at", Instant),
    sqlite_with_rowid=False,
)  # fmt: skip

hands = sa.Table(
    "hands", metadata,
    _col("id", Id, key=True),
    _col("at", Instant),
    _col("kind", Text, "read, resend, replay, discard, pause, resume, kill"),
    _col("what", Text, "which messages, channel or party"),
    _col("by_whom", Text, "staff, never a patient"),
    _col("reason", Blob, "sealed"),
)  # fmt: skip
