"""MLLP framing: a byte stream in, whole HL7 messages out, and a name for everything that is none.

A block is VT, body, FS CR. VT and FS are never data: no character of UTF-8, GBK or GB18030 contains them. The
rule when a stream is out of step, so that two patients can never become one message:

* a VT inside a block begins a new block; what was unfinished before it is dropped (`restarted`);
* an FS not followed by CR damages the block; it is dropped (`no-cr`) and the next VT is awaited;
* bytes before a VT are dropped and counted (`garbage`); after 1 kB of them since the last whole block, or as
  soon as they begin like TLS or HTTP, the connection is to be closed;
* a body beyond the limit is not collected any further (`too-long`): the connection is to be closed.

What was dropped was never acknowledged: its sender still has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

VT: Final = b"\x0b"
FS: Final = b"\x1c"
CR: Final = b"\r"
NOISE_MAX: Final = 1024  # bytes of garbage between two blocks before we stop listening
_CHUNK: Final = 64 * 1024  # bytes gathered from small packets before they become a piece of their own
_HTTP: Final = re.compile(rb"(?:GET|PUT|HEAD|POST|TRACE|PATCH|DELETE|OPTIONS|CONNECT|PRI) ")
_BEGINNING: Final = 8  # bytes enough to recognise TLS and HTTP


@dataclass(slots=True)  # one a message: a frozen one takes three times as long to make
class Frame:
    """One whole block's body."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Noise:
    """Bytes that are no message: `why` they were dropped, how many (`size`), and whether to `close`.

    `why` is one of garbage, tls, http, restarted, no-cr, too-long, unfinished.
    """

    why: str
    size: int
    close: bool = False


class Framer:
    """Cuts one connection's bytes into blocks. `limit_bytes` bounds a body.

    At most twice the limit is held at any time: the pieces of a body and, for a moment, the body itself.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._inside = False
        self._ending = False
        self._pieces: list[bytes] = []
        self._tail = bytearray()
        self._noise = 0
        self._beginning = b""
        self.held = 0
        self.closed = False

    @property
    def inside(self) -> bool:
        """Is a block open?"""
        return self._inside

    def feed(self, data: bytes) -> list[Frame | Noise]:
        """What these bytes complete, in order. After a Noise that says close, nothing more is ever given."""
        last = len(data) - 2
        if (
            not self._inside and not self._noise and not self.closed and data[:1] == VT and 0 < last <= self._limit
            and data.find(FS) == last and data[-1:] == CR and data.find(VT, 1) < 0
        ):  # fmt: skip
            return [Frame(data[1:last])]  # one whole block in one piece, as nearly all come
        found: list[Frame | Noise] = []
        at = 0
        while at < len(data) and not self.closed:
            if not self._inside:
                at = self._hunt(data, at, found)
            elif self._ending:
                at = self._end_block(data, at, found)
            else:
                at = self._collect(data, at, found)
        return found

    def finish(self) -> list[Noise]:
        """The peer has closed: what was begun and never ended."""
        self.closed = True
        if self._inside:
            return [Noise("unfinished", self._drop())]
        noise, self._noise = self._noise, 0
        return [Noise("garbage", noise)] if noise else []

    def _hunt(self, data: bytes, at: int, found: list[Frame | Noise]) -> int:
        start = data.find(VT, at)
        until = len(data) if start < 0 else start
        if until > at:
            self._noise += until - at
            if len(self._beginning) < _BEGINNING:
                self._beginning = (self._beginning + data[at : min(until, at + _BEGINNING)])[:_BEGINNING]
            why = self._stranger()
            if why or self._noise > NOISE_MAX:
                self._close(why or "garbage", self._noise, found)
                return len(data)
        if start < 0:
            return len(data)
        if self._noise:
            found.append(Noise("garbage", self._noise))
            self._calm()
        self._inside = True
        return start + 1

    def _stranger(self) -> str:
        if self._beginning[:2] == b"\x16\x03":
            return "tls"
        return "http" if _HTTP.match(self._beginning) else ""

    def _collect(self, data: bytes, at: int, found: list[Frame | Noise]) -> int:
        end = data.find(FS, at)
        until = len(data) if end < 0 else end
        again = data.find(VT, at, until)
        if again >= 0:
            found.append(Noise("restarted", self._drop() + again - at))
            self._inside = True
            return again + 1
        if self.held + until - at > self._limit:
            self._close("too-long", self._drop() + until - at, found)
            return len(data)
        self._keep(data, at, until)
        if end < 0:
            return until
        self._ending = True
        return end + 1

    def _end_block(self, data: bytes, at: int, found: list[Frame | Noise]) -> int:
        if data[at] != CR[0]:
            found.append(Noise("no-cr", self._drop()))
            return at
        body = self._pieces[0] if len(self._pieces) == 1 and not self._tail else self._join()
        self._drop()
        self._calm()
        found.append(Frame(body))
        return at + 1

    def _keep(self, data: bytes, at: int, until: int) -> None:
        """Add to the body. Small packets are gathered: a list of one-byte pieces would hold many times the body."""
        size = until - at
        self.held += size
        if (not self._pieces and not self._tail) or size >= _CHUNK:
            if self._tail:
                self._pieces.append(bytes(self._tail))
                self._tail.clear()
            if size:
                self._pieces.append(data[at:until])
            return
        self._tail += data[at:until]
        if len(self._tail) >= _CHUNK:
            self._pieces.append(bytes(self._tail))
            self._tail.clear()

    def _join(self) -> bytes:
        if self._tail:
            self._pieces.append(bytes(self._tail))
            self._tail.clear()
        return b"".join(self._pieces)

    def _drop(self) -> int:
        size, self.held = self.held, 0
        self._pieces = []
        self._tail = bytearray()
        self._inside = self._ending = False
        return size

    def _calm(self) -> None:
        self._noise = 0
        self._beginning = b""

    def _close(self, why: str, size: int, found: list[Frame | Noise]) -> None:
        self.closed = True
        self._calm()
        found.append(Noise(why, size, close=True))


def frame(body: bytes) -> bytes:
    """A body as one block, to be written in one piece. ValueError for a body that would not stay one message."""
    if VT in body or FS in body:
        raise ValueError("a message must not contain VT or FS; write them as \\X0B\\ and \\X1C\\")
    return b"".join((VT, body, FS, CR))
