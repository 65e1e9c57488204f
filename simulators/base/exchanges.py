"""The last exchanges of a party, raw bytes both ways, for joint debugging (联调)."""

from __future__ import annotations

import base64
from collections import deque
from dataclasses import dataclass
from typing import Any

from simulators.base.objection import Objection
from simulators.base.world import SimWorld

KEEP_ROWS = 1000
KEEP_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class Exchange:
    """One request and what went back.

    `outcome`: open, answered, half, twice, reset, never, gone (the caller hung up first), refused (no
    answer to a callback).
    """

    seq: int
    at: float
    direction: str  # "in": somebody called the party; "out": the party called (callback)
    op: str
    peer: str
    request: bytes
    reply: bytes = b""
    outcome: str = "open"
    fault: str = ""
    objection: Objection | None = None  # the rule this request broke


class Exchanges:
    """A bounded memory: the newest KEEP_ROWS exchanges, at most KEEP_BYTES together."""

    def __init__(self, world: SimWorld) -> None:
        self._world = world
        self._seq = 0
        self._bytes = 0
        self.rows: deque[Exchange] = deque()

    def begin(
        self, op: str, peer: str, request: bytes, *, direction: str = "in", fault: str = ""
    ) -> Exchange:
        """Note a request; its reply is filled in by `end`."""
        self._seq += 1
        row = Exchange(self._seq, self._world.now(), direction, op, peer, request, fault=fault)
        self.rows.append(row)
        self._grow(len(request))
        return row

    def end(self, row: Exchange, reply: bytes, outcome: str) -> None:
        """Note what went back on the connection, exactly."""
        row.reply, row.outcome = reply, outcome
        if self.rows and row.seq >= self.rows[0].seq:  # still kept
            self._grow(len(reply))

    def _grow(self, size: int) -> None:
        self._bytes += size
        while self.rows and (len(self.rows) > KEEP_ROWS or self._bytes > KEEP_BYTES):
            old = self.rows.popleft()
            self._bytes -= len(old.request) + len(old.reply)

    def since(self, seq: int = 0) -> dict[str, Any]:
        """Exchanges after `seq`, oldest first: text for reading, base64 for the exact bytes."""
        return {"exchanges": [self._public(row) for row in self.rows if row.seq > seq], "last": self._seq}

    def _public(self, row: Exchange) -> dict[str, Any]:
        return {
            "seq": row.seq, "at": self._world.rfc3339(row.at), "direction": row.direction, "op": row.op,
            "peer": row.peer, "outcome": row.outcome, "fault": row.fault,
            "request": readable(row.request), "reply": readable(row.reply),
            "request_base64": base64.b64encode(row.request).decode("ascii"),
            "reply_base64": base64.b64encode(row.reply).decode("ascii"),
            **({"objection": row.objection.public()} if row.objection else {}),
        }

    def find(self, seq: int) -> Exchange | None:
        """One that is still kept."""
        return next((row for row in self.rows if row.seq == seq), None)

    def clear(self) -> None:
        self.rows.clear()
        self._bytes = 0


def readable(data: bytes) -> str:
    """Text for people: UTF-8, or where it is none GB18030; the exact bytes stand beside it."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")
