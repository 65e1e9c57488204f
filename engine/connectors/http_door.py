"""One accepted connection of an HttpListener: a strict, impatient HTTP/1.1 server protocol.

Requests are answered one at a time, in order; what a client sends ahead waits in the kernel. Every phase
has an absolute deadline, kept by one lazy timer.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from engine.connectors.door import Door
from engine.connectors.http_limits import refusal
from engine.connectors.http_wire import END, ChunkReader, Refused, RequestHead, reply_bytes, request_head
from engine.core.http import HttpReply, HttpRequest

if TYPE_CHECKING:
    from engine.connectors.http_listener import HttpListener


class _Phase(Enum):
    HEAD = auto()  # between requests, or inside a head
    BODY = auto()
    BUSY = auto()  # the handler works
    STALLED = auto()  # the reply waits for the client to read
    LINGER = auto()  # we said our last word; the client may still be talking
    CLOSED = auto()


class HttpDoor(Door):
    """Reads requests, hands them to the listener's handler, writes replies."""

    def __init__(self, owner: HttpListener, ip: str, secure: bool) -> None:
        super().__init__(owner, ip, secure)
        self._owner = owner
        self._limits = owner.limits
        self._phase = _Phase.HEAD
        self._buffer = b""
        self._head: RequestHead | None = None
        self._pieces: list[bytes] = []
        self._missing = 0
        self._chunks: ChunkReader | None = None
        self._held = 0
        self._served = 0
        self._answer: Deferred[HttpReply] | None = None
        self._in_head = False
        self._reading = False

    # --- the transport speaks -------------------------------------------------------------------

    def _opened(self) -> None:
        self._within(self._limits.head_s)

    def dataReceived(self, data: bytes) -> None:
        if self._phase in (_Phase.LINGER, _Phase.CLOSED):
            return
        self._buffer = self._buffer + data if self._buffer else data
        if self._phase in (_Phase.BUSY, _Phase.STALLED):
            self._shut_ears()
            return
        self._read()

    def _ended(self) -> None:
        busy = self._phase is _Phase.BUSY
        self._phase = _Phase.CLOSED
        self._buffer = b""
        if busy:
            self._report(499, 0)
        self._release()

    def _drained(self) -> None:
        if self._phase is _Phase.STALLED:
            self._next()

    # --- reading --------------------------------------------------------------------------------

    def _read(self) -> None:
        self._reading = True
        try:
            while self._buffer and self._phase in (_Phase.HEAD, _Phase.BODY):
                if self._phase is _Phase.HEAD and not self._take_head():
                    break
                if self._phase is _Phase.BODY and self._take_body():
                    self._dispatch()
        except Refused as refused:
            self._refuse(refused.status)
        except Exception:  # noqa: BLE001 - a fault of ours in one request is answered, not dropped
            self._owner.failed(Failure())  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
            self._refuse(500)
        finally:
            self._reading = False

    def _take_head(self) -> bool:
        buffer = self._buffer
        if not self._in_head:
            if buffer[:2] == b"\r\n":  # RFC 9112 §2.2: one empty line before a request is forgiven
                buffer = self._buffer = buffer[2:]
                self._in_head = True
                self._within(self._limits.head_s)
                if not buffer:
                    return False
            elif buffer == b"\r":
                return False
        if not 65 <= buffer[0] <= 90:
            raise Refused("not HTTP")
        end = buffer.find(END)
        if end + len(END) > self._limits.head or (end < 0 and len(buffer) > self._limits.head):
            raise Refused("head too long")
        if end < 0:
            if buffer.count(b"\n") != buffer.count(b"\r\n"):
                raise Refused("bare LF")
            if not self._in_head:
                self._in_head = True
                self._within(self._limits.head_s)
            return False
        end += len(END)
        self._in_head = False
        self._buffer = buffer[end:]
        self._head = head = request_head(buffer[:end], headers_max=self._limits.headers, target_max=self._limits.target)
        self._expect_body(head)
        return True

    def _expect_body(self, head: RequestHead) -> None:
        self._phase = _Phase.BODY
        self._pieces = []
        self._chunks = None
        if head.length == 0:
            self._missing = 0
            self._dispatch()
            return
        allowed = self._owner.body_limit(head.method, head.target.partition("?")[0])
        if head.length is None:
            self._chunks = ChunkReader(allowed)
        elif head.length > allowed:
            raise Refused("body too long", 413)
        else:
            self._hold(head.length)
            self._missing = head.length
        if len(self._buffer) < self._missing or self._chunks is not None:
            self._within(self._limits.body_s)
        if head.expects_continue and not self._buffer:
            self._out.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _take_body(self) -> bool:
        """True once the body is whole."""
        buffer = self._buffer
        if self._chunks is not None:
            rest = self._chunks.feed(buffer)
            self._hold(self._chunks.size - self._held)
            self._buffer = rest or b""
            return rest is not None
        if len(buffer) < self._missing:
            self._pieces.append(buffer)
            self._missing -= len(buffer)
            self._buffer = b""
            return False
        self._pieces.append(buffer[: self._missing])
        self._buffer = buffer[self._missing :]
        self._missing = 0
        return True

    def _hold(self, size: int) -> None:
        if self._owner.held + size > self._limits.buffered:
            raise Refused("memory for bodies", 503)
        self._owner.held += size
        self._held += size

    def _release(self) -> None:
        self._owner.held -= self._held
        self._held = 0
        self._pieces = []
        self._chunks = None

    # --- answering ------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        head = self._head
        assert head is not None
        body = self._chunks.body if self._chunks is not None else b"".join(self._pieces)
        self._phase = _Phase.BUSY
        self._served += 1
        self._began = self._owner.world.now()
        if self._owner.in_flight >= self._limits.in_flight:
            self._write(refusal(503))
            return
        request = HttpRequest(head.method, head.target, head.headers, body, self.ip, self._secure)
        try:
            answer = self._owner.handle(request)
        except Exception:  # noqa: BLE001 - whatever the handler raises is answered, not dropped
            self._owner.failed(Failure())  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
            self._write(refusal(500))
            return
        if not isinstance(answer, Deferred):
            self._write(answer)
            return
        self._owner.in_flight += 1
        self._answer = answer
        self._within(self._limits.answer_s)
        answer.addBoth(self._answered, answer)

    def _answered(self, result: HttpReply | Failure, whose: Deferred[HttpReply]) -> None:
        self._owner.finished()
        late = self._answer is not whose or self._phase is not _Phase.BUSY
        if isinstance(result, Failure):
            cancelled = isinstance(result.value, CancelledError)
            if not cancelled:
                self._owner.failed(result)
            result = refusal(503 if cancelled else 500)
        if not late:
            self._answer = None
            self._write(result)

    def _write(self, reply: HttpReply) -> None:
        head = self._head
        assert head is not None
        close = not head.keep_alive or self._owner.draining or self._served >= self._limits.requests_per_connection
        to_head = head.method == "HEAD"
        try:
            data = reply_bytes(reply, to_head=to_head, close=close, date=self._owner.date())
        except Exception:  # noqa: BLE001 - a handler may give back anything, a reply or not
            self._owner.failed(Failure())  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
            reply = refusal(500)
            data = reply_bytes(reply, to_head=to_head, close=close, date=self._owner.date())
        self._out.write(data)
        self._release()
        self._report(reply.status, len(data))
        if close:
            self._leave(self._limits.write_s, talking=bool(self._buffer) or self._paused)
        elif self._full:
            self._phase = _Phase.STALLED
            self._within(self._limits.write_s)
        else:
            self._next()

    def _next(self) -> None:
        self._phase = _Phase.HEAD
        self._head = None
        if self._owner.draining and not self._buffer:
            self._leave(self._limits.write_s, talking=False)
            return
        self._within(self._limits.idle_s)
        if self._reading:
            return
        if self._buffer:
            self._read()
        if self._owner.draining and self._phase in (_Phase.HEAD, _Phase.BODY):
            self.drain()
        elif self._paused and self._phase in (_Phase.HEAD, _Phase.BODY):
            self._open_ears()

    def _report(self, status: int, size: int) -> None:
        method, path = (self._head.method, self._head.target.partition("?")[0]) if self._head else ("", "")
        self._owner.served(method, path, status, self._owner.world.now() - self._began, size)

    # --- leaving --------------------------------------------------------------------------------

    def _refuse(self, status: int, *, talking: bool = True) -> None:
        """Answer what cannot be served, and end: nothing behind it has a known beginning."""
        if self._phase is not _Phase.BODY:
            self._head = None
        self._began = self._owner.world.now()
        data = reply_bytes(
            refusal(status),
            to_head=self._head is not None and self._head.method == "HEAD",
            close=True,
            date=self._owner.date(),
        )
        self._out.write(data)
        self._report(status, len(data))
        self._release()
        self._leave(self._limits.linger_s, talking=talking)

    def _leave(self, seconds: float, *, talking: bool) -> None:
        """Flush and close. While the client still talks, closing at once would reset the reply away under it:
        so only our direction is shut, and what it still says is thrown away for a while."""
        self._phase = _Phase.LINGER
        self._buffer = b""
        self._wire.unregisterProducer()
        self._within(seconds)
        if talking and not self._secure:
            self._wire.loseWriteConnection()
            self._open_ears()
        else:
            self._wire.loseConnection()

    def drain(self) -> None:
        """Close if nothing is being worked on; otherwise the reply says `Connection: close`."""
        if self._phase is _Phase.HEAD and not self._in_head and not self._buffer:
            self._leave(self._limits.linger_s, talking=False)
        elif self._phase in (_Phase.HEAD, _Phase.BODY):
            self._refuse(503, talking=False)  # half a request: nothing of it was taken, its client sends it again

    def _expired(self) -> None:
        if self._phase is _Phase.BODY or self._in_head:
            self._refuse(408)
        elif self._phase is _Phase.HEAD:
            self._leave(self._limits.linger_s, talking=False)
        elif self._phase is _Phase.BUSY:
            answer, self._answer = self._answer, None
            self._write(refusal(503))
            if answer is not None:
                answer.cancel()
        else:
            self.abort()
