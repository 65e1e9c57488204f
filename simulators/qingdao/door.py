"""One port for both: messages of 4096 bytes, and the HTTP doors of every simulator, told apart by their first bytes."""

# Twisted's protocol classes are only partly typed.
# mypy: allow-untyped-calls

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from simulators.base.door import SimSite
from simulators.base.line import Line
from simulators.base.wire import Req, Resp
from simulators.qingdao.wire import SIZE

if TYPE_CHECKING:
    from simulators.base.party import SimParty

_HTTP = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|OPTIONS) ")
_LONGEST = len(b"OPTIONS ")
IDLE_SECONDS = 120


class BothSite(SimSite):
    """Makes of each connection what its first bytes are."""

    def buildProtocol(self, addr: Any) -> Any:
        return _Unknown(self, addr)

    def http(self, addr: Any) -> Any:
        """An HTTP channel for this connection."""
        return super().buildProtocol(addr)


class _Unknown(Protocol):
    """A connection nobody has spoken on yet."""

    transport: Any

    def __init__(self, site: BothSite, addr: Any) -> None:
        self._site, self._addr = site, addr
        self._first = b""
        self._inner: Any = None

    def dataReceived(self, data: bytes) -> None:
        if self._inner is None:
            self._first += data
            if len(self._first) < _LONGEST and any(m.startswith(self._first) for m in (b"GET ", b"POST ", b"DELETE ")):
                return
            http = _HTTP.match(self._first) is not None
            self._inner = self._site.http(self._addr) if http else _Messages(self._site.party)
            self._inner.makeConnection(self.transport)
            data, self._first = self._first, b""
        self._inner.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._inner is not None:
            self._inner.connectionLost(reason)


class _Messages(Protocol):
    """A connection with messages on it, handled one after the other."""

    transport: Any

    def __init__(self, party: SimParty) -> None:
        self._party = party
        self._buffer = bytearray()
        self._waiting: deque[bytes] = deque()
        self._line: _Line | None = None
        self._working = self.gone = False
        self._timer: Any = None
        self.peer = "memory:0"

    def connectionMade(self) -> None:
        peer = self.transport.getPeer()
        self.peer = f"{getattr(peer, 'host', 'memory')}:{getattr(peer, 'port', 0)}"
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self._timer = self._party.world.later(IDLE_SECONDS, self.transport.abortConnection)

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= SIZE:
            self._waiting.append(bytes(self._buffer[:SIZE]))
            del self._buffer[:SIZE]
        if self._waiting:
            self._timer.cancel()
        self.next()

    def next(self) -> None:
        """The next message, when the one before is answered."""
        if self._working:
            return
        self._working = True
        while self._waiting and not self.gone and (self._line is None or self._line.over):
            self._line = _Line(self)
            self._party.handle(Req("TCP", "/", "/", {}, {}, self._waiting.popleft(), self.peer), self._line)
        self._working = False

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone = True
        self._timer.cancel()
        self._waiting.clear()


class _Line(Line):
    """The connection one message came on: bodies go out as they are."""

    def reply_bytes(self, resp: Resp) -> tuple[bytes, bytes]:
        return b"", resp.body
