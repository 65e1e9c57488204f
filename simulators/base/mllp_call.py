"""A party's own messages to an MLLP door: one connection kept, one message at a time, its reply or why none."""

# Twisted's protocol classes are only partly typed.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure

from simulators.base.mllp import Unframer, framed
from simulators.base.outbound import NoAnswer

if TYPE_CHECKING:
    from simulators.base.party import SimParty


class MllpCaller:
    """Sends to one `host:port`. Each message is kept among the party's exchanges with direction "out"."""

    def __init__(self, party: SimParty, place: str, *, connect_wait: float = 5.0) -> None:
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"not an address: {place!r}; write 127.0.0.1:8610")
        self._party, self.place, self._connect_wait = party, place, connect_wait
        self._host, self._port = "127.0.0.1" if host == "localhost" else host, int(port)
        self._link: _Link | None = None
        self._links: _Links | None = None  # of the connection that is wanted now; an older one comes too late
        self._waiting: Deferred[bytes] | None = None
        self._body = b""

    def ask(self, op: str, body: bytes, wait: float) -> Deferred[bytes]:
        """The first reply after this message, or NoAnswer after `wait` business seconds, which closes the connection.

        One message at a time: RuntimeError before the one before has ended.
        """
        if self._waiting is not None:
            raise RuntimeError("the message before is not acknowledged yet")
        row = self._party.exchanges.begin(op, self.place, framed(body), direction="out")
        answer: Deferred[bytes] = Deferred()
        self._waiting = answer
        self._body = body
        patience = self._party.world.later(wait, self._end, NoAnswer(f"no acknowledgement in {wait:g} s"))
        if self._link is None:
            self._links = _Links(self)
            self._party.world.reactor.connectTCP(self._host, self._port, self._links, timeout=self._connect_wait)
        else:
            self._link.transport.write(framed(body))

        def over(result: bytes | Failure) -> bytes | Failure:
            patience.cancel()
            good = isinstance(result, bytes)
            self._party.exchanges.end(row, framed(result) if isinstance(result, bytes) else b"",
                                      "answered" if good else "refused")  # fmt: skip
            return result

        return answer.addBoth(over)

    def close(self) -> None:
        """Hang up; a message under way ends with NoAnswer."""
        self._end(NoAnswer("hung up"))

    def _end(self, result: bytes | NoAnswer) -> None:
        waiting, self._waiting = self._waiting, None
        if isinstance(result, NoAnswer):  # whatever still comes on this connection is too late
            link, self._link, self._links = self._link, None, None
            if link is not None:
                link.transport.abortConnection()
        if waiting is not None:
            waiting.callback(result) if isinstance(result, bytes) else waiting.errback(result)

    # For the connection

    def made(self, link: _Link) -> None:
        if self._waiting is None or link.links is not self._links:
            link.transport.abortConnection()
            return
        self._link = link
        link.transport.write(framed(self._body))

    def heard(self, link: _Link, body: bytes) -> None:
        if link is self._link:
            self._end(body)

    def lost(self, links: _Links, why: str) -> None:
        if links is self._links:
            self._link = None
            self._end(NoAnswer(why))


class _Link(Protocol):
    transport: Any

    def __init__(self, caller: MllpCaller, links: _Links) -> None:
        self._caller, self.links, self._unframer = caller, links, Unframer()

    def connectionMade(self) -> None:
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self._caller.made(self)

    def dataReceived(self, data: bytes) -> None:
        for body in self._unframer.feed(data):
            self._caller.heard(self, body)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._caller.lost(self.links, "the connection was closed")


class _Links(ClientFactory):
    noisy = False

    def __init__(self, caller: MllpCaller) -> None:
        self._caller = caller

    def buildProtocol(self, addr: Any) -> Protocol:
        return _Link(self._caller, self)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._caller.lost(self, reason.getErrorMessage())
