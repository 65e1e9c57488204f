"""One message of a deliver channel in memory, and what maps may read of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from engine.codecs import hl7v2, json_text
from engine.site.deliver_spec import DeliverSpec
from engine.store.codec import decode

Tree = Any
Names = dict[str, Tree]


class Held:
    """A message between its arrival and its last delivery. `body` and `names` may be dropped and come back from the
    store. `left`: destinations not decided yet; -1 when only the store knows. `waiters` are told of each change."""

    __slots__ = (
        "ack", "body", "channel", "chunk", "control", "digest", "failed", "id", "key", "kind", "left", "names",
        "of_message", "opens", "patient", "received", "reply", "rows", "source", "state", "visit",
    )  # fmt: skip

    def __init__(self, id: int, channel: str, kind: str, source: str, control: str, received: float) -> None:
        self.id, self.channel, self.kind = id, channel, kind
        self.source, self.control, self.received = source, control, received
        self.body: bytes | None = None
        self.digest = b""
        self.names: Names | None = None
        self.key = self.patient = self.visit = self.of_message = 0
        self.opens = 1
        self.left = -1
        self.failed = ""  # why a destination has it as a dead letter
        self.state, self.ack = "open", ""
        self.rows: list[tuple[object, ...]] = []  # for the outbox
        self.reply: Any = None  # what answers its sender: called with the message
        self.chunk = 0

    def row(self, chunk: int, start: int) -> tuple[object, ...]:
        """Its columns in the order of the table."""
        self.chunk = chunk
        return (
            self.id, self.channel, self.source, self.control, self.kind, self.of_message, self.opens, self.digest,
            self.patient, self.visit, self.received, chunk, start, len(self.body or b""), self.state, self.ack,
            0.0 if self.state == "open" else self.received,
        )  # fmt: skip


def digest_of(body: bytes) -> bytes:
    """16 bytes by which two messages are known to be the same."""
    return hashlib.blake2b(body, digest_size=16).digest()


def about(held: Held) -> dict[str, Tree]:
    """What every map may read as `message`."""
    return {
        "id": str(held.id), "kind": held.kind, "source": held.source, "control": held.control,
        "at": int(held.received),
    }  # fmt: skip


def names_of(spec: DeliverSpec, held: Held, hospital: Mapping[str, Tree], charset: str = "utf-8") -> Names:
    """All that maps and conditions may read, from the message's bytes. Undecodable when they cannot be read (they could
    when it was taken in: a defect, or bytes of another channel)."""
    body = held.body
    assert body is not None, "the bytes come first"
    if spec.form == "hl7":
        names: Names = dict(spec.reader.read(hl7v2.parse(body, charset)))
    elif spec.form == "json":
        names = {"request": json_text.parse(body), "client": held.source.partition(" ")[2]}
    else:
        names = dict(decode(body))
    return with_lets(spec, names, held, hospital)


def with_lets(spec: DeliverSpec, names: Names, held: Held, hospital: Mapping[str, Tree]) -> Names:
    """The same with what is always there and the channel's `let` names."""
    names["message"], names["hospital"] = about(held), hospital
    for name, condition in spec.lets:
        names[name] = condition.test(names)
    return names
