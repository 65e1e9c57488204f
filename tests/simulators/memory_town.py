"""A reactor in memory: virtual clock, connections between listeners and callers of the same process."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure


class Wire:
    """One end of a connection; bytes arrive on a later turn, in order."""

    def __init__(self, reactor: MemoryReactor, port: int) -> None:
        self.reactor, self.port = reactor, port
        self.other: Wire
        self.protocol: Any = None
        self.disconnecting = self.gone = False

    def write(self, data: bytes) -> None:
        if not self.disconnecting and not self.gone:
            self.reactor.callLater(0.001, self.other.arrive, data)

    def writeSequence(self, parts: Any) -> None:
        self.write(b"".join(parts))

    def arrive(self, data: bytes) -> None:
        if not self.gone:
            self.protocol.dataReceived(data)

    def loseConnection(self, *_: Any) -> None:
        self._end(ConnectionDone())

    def abortConnection(self) -> None:
        self._end(ConnectionLost())

    def _end(self, why: Exception) -> None:
        if not self.disconnecting:
            self.disconnecting = True
            self.reactor.callLater(0.001, self.lost, why)
            self.reactor.callLater(0.001, self.other.lost, why)

    def lost(self, why: Exception) -> None:
        if not self.gone:
            self.gone = self.disconnecting = True
            self.protocol.connectionLost(Failure(why))

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", self.port)

    getHost = getPeer

    def ignore(self, *_: Any, **__: Any) -> None: ...

    registerProducer = unregisterProducer = pauseProducing = resumeProducing = ignore
    setTcpNoDelay = setTcpKeepAlive = ignore
    stopProducing = loseConnection


class Connector:
    def __init__(self, wire: Wire | None) -> None:
        self.transport = wire

    def disconnect(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()

    stopConnecting = disconnect


class Port:
    def __init__(self, reactor: MemoryReactor, number: int) -> None:
        self.reactor, self.number = reactor, number

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", self.number)

    def stopListening(self) -> None:
        self.reactor.listeners.pop(self.number, None)


class MemoryReactor(Clock):
    """Advances only when told; the same seed gives the same story."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners: dict[int, Any] = {}

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:
        number = port or 40000 + len(self.listeners)
        self.listeners[number] = factory
        factory.doStart()
        return Port(self, number)

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None) -> Connector:
        factory.doStart()
        there = self.listeners.get(port)
        connector = Connector(None)
        factory.startedConnecting(connector)
        if there is None:
            refused = Failure(ConnectionRefusedError())
            self.callLater(0.001, factory.clientConnectionFailed, connector, refused)
            return connector
        ours, theirs = Wire(self, port), Wire(self, port)
        ours.other, theirs.other = theirs, ours
        connector.transport = ours
        self.callLater(0.001, self._meet, ours, factory, theirs, there)
        return connector

    def _meet(self, ours: Wire, factory: Any, theirs: Wire, there: Any) -> None:
        theirs.protocol = there.buildProtocol(theirs.getPeer())
        ours.protocol = factory.buildProtocol(ours.getPeer())
        theirs.protocol.makeConnection(theirs)
        ours.protocol.makeConnection(ours)

    def run(self, until: Any, seconds: float = 7200.0) -> None:
        """Step from event to event until the Deferred has fired (or so many seconds are over)."""
        end = self.seconds() + seconds
        while not until.called:
            calls = [c.getTime() for c in self.getDelayedCalls()]
            if not calls or min(calls) > end:
                raise AssertionError("nothing more will happen")
            self.advance(max(0.0, min(calls) - self.seconds()))
