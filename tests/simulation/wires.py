"""The connections of the simulation: ordered bytes that come late, in slices, or not at all."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
    UserError,
)
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IHalfCloseableProtocol,
    IPushProducer,
    ITCPTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.base import DelayedCall

    from tests.simulation.reactor import NodeReactor

FULL = 64 * 1024  # bytes written and not yet read by the other side, from which a writer is asked to pause


@implementer(IConnector)
class SimConnector:
    """An attempt to connect, and then the connection; may be stopped at any time before."""

    def __init__(self, node: NodeReactor, host: str, port: int, factory: Any, timeout: float) -> None:
        self.node = node
        self.host = host
        self.port = port
        self.factory = factory
        self.timeout = timeout
        self.state = "disconnected"
        self.transport: SimTransport | None = None
        self._calls: list[DelayedCall] = []

    def getDestination(self) -> IPv4Address:
        return IPv4Address("TCP", self.host, self.port)

    def connect(self) -> None:
        sim, node = self.node.sim, self.node
        self.state = "connecting"
        self.factory.doStart()
        self.factory.startedConnecting(self)
        if self.state != "connecting":
            return
        wait = sim.delay()
        self._calls = [node.callLater(wait, self._arrive)]
        if self.timeout is not None:
            self._calls.append(node.callLater(self.timeout, self._fail, TimeoutError()))

    def _arrive(self) -> None:
        sim = self.node.sim
        address = self.node.lookup(self.host)
        if address is None:
            self._fail(DNSLookupError(self.host))
            return
        if address not in [node.address for node in sim.nodes.values() if node.reachable]:
            return  # nobody there: the knocking goes unanswered until the timeout
        listening = sim.ports.get((address, self.port))
        if listening is None or sim.chance(sim.weather.refuse):
            self._fail(ConnectionRefusedError())
            return
        self._drop_calls()
        mine = IPv4Address("TCP", self.node.address, self.node.free_port())
        there = listening.getHost()
        near, far = SimTransport(self.node, mine, there), SimTransport(listening.node, there, mine)
        near.peer, far.peer = far, near
        near.hole = far.hole = sim.chance(sim.weather.hole)
        sim.note("connect", mine.port, there.host, there.port)
        self.state = "connected"
        self.transport = near
        near.connector = self
        self._attach(listening.node, far, listening.factory.buildProtocol, mine)
        self._attach(self.node, near, self.factory.buildProtocol, there)

    def _attach(
        self, node: NodeReactor, transport: SimTransport, build: Callable[[IAddress], Any], other: IAddress
    ) -> None:
        node.transports[transport] = None
        protocol = build(other)
        if protocol is None:
            transport.abortConnection()
            return
        transport.protocol = protocol
        node.sim.guard(protocol.makeConnection, transport)

    def stopConnecting(self) -> None:
        if self.state != "connecting":
            raise RuntimeError("not connecting")
        self._drop_calls()
        self._fail(UserError())

    def disconnect(self) -> None:
        if self.state == "connecting":
            self.stopConnecting()
        elif self.transport is not None:
            self.transport.loseConnection()

    def _drop_calls(self) -> None:
        calls, self._calls = self._calls, []
        for call in calls:
            if call.active():
                call.cancel()

    def _fail(self, why: Exception) -> None:
        self._drop_calls()
        self.state = "disconnected"
        self.node.sim.note("no connection", self.host, self.port, type(why).__name__)
        self.factory.clientConnectionFailed(self, Failure(why))
        self.factory.doStop()

    def lost(self, reason: Failure) -> None:
        self.state = "disconnected"
        self.factory.clientConnectionLost(self, reason)
        self.factory.doStop()


_FIN = None


@implementer(ITCPTransport, IPushProducer)
class SimTransport:
    """One end of a connection. What it writes arrives at `peer`, in order, when the weather lets it."""

    disconnecting = False

    def __init__(self, node: NodeReactor, here: IPv4Address, there: IPv4Address) -> None:
        self.node = node
        self.sim = node.sim
        self.here = here
        self.there = there
        self.peer: SimTransport = self
        self.protocol: Any = None
        self.connector: SimConnector | None = None
        self.connected = True
        self.hole = False
        self._doomed = False
        self._write_closed = False
        self._producer: Any = None
        self._streaming = True
        self._asked_to_pause = False
        self._outstanding = 0
        self._last_arrival = 0.0
        self._calls: dict[DelayedCall, None] = {}  # of this end's bytes on their way
        self._inbox: deque[bytes | None] = deque()
        self._reading = True
        self._draining = False

    # --- writing

    def write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError("only bytes travel")
        if not data or not self.connected or self._write_closed or self._doomed or not self.node.alive:
            return
        sim = self.sim
        self._outstanding += len(data)
        if sim.chance(sim.weather.reset):
            kept = sim.random.randrange(len(data) + 1)
            self._send(data[:kept])
            self._at(self._arrival(), self._break)
            return
        self._send(data)
        if self._outstanding > FULL and self._producer is not None and self._streaming:
            self._ask_to_pause()

    def _ask_to_pause(self) -> None:
        if not self._asked_to_pause:
            self._asked_to_pause = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def _send(self, data: bytes) -> None:
        while data:
            size = len(data)
            if self.sim.chance(self.sim.weather.slices):
                size = self.sim.random.randint(1, len(data))
            self._at(self._arrival(), self.peer._arrived, data[:size])
            data = data[size:]

    def _arrival(self) -> float:
        self._last_arrival = max(self._last_arrival, self.sim.seconds() + self.sim.delay())
        return self._last_arrival

    def _at(self, when: float, call: Callable[..., object], *args: object) -> None:
        """What travels is the network's: it goes on when the writer has crashed or closed."""
        if self.hole:
            return
        if len(self._calls) > 64:
            self._calls = {kept: None for kept in self._calls if kept.active()}
        self._calls[self.sim.schedule(max(0.0, when - self.sim.seconds()), call, *args)] = None

    def _break(self) -> None:
        self.sim.note("reset", self.here.port, self.there.port)
        for end in (self, self.peer):
            end._finish(ConnectionLost(), drop=True)

    def _consumed(self, size: int) -> None:
        """The other side has read so many of our bytes."""
        self._outstanding -= size
        waiting = self._producer is not None and (not self._streaming or self._asked_to_pause)
        if waiting and self._outstanding == 0 and self.connected:
            self._asked_to_pause = False
            self.node.callLater(0, self._resume_producer)
            return  # as in Twisted: a producer just resumed has to write or unregister before a close goes on
        self._try_close()

    def _resume_producer(self) -> None:
        if self._producer is not None and self.connected:
            self._producer.resumeProducing()

    # --- reading

    def _arrived(self, data: bytes | None) -> None:
        if self.hole:
            return
        if not self.connected or self._doomed:
            if data is not _FIN:  # a closed socket answers data with a reset
                self.peer._outstanding = 0
                self.peer._finish(ConnectionLost(), drop=True)
            return
        self._inbox.append(data)
        self._drain()

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            while self._inbox and self._reading and self.connected and not self._doomed:
                data = self._inbox.popleft()
                if data is _FIN:
                    self._peer_closed()
                    continue
                self.sim.note("bytes", self.there.port, self.here.port, hashlib.sha256(data).hexdigest()[:16])
                failure = self.sim.guard(self.protocol.dataReceived, data)
                if failure is not None:
                    self._finish(failure.value, drop=False)
                self.peer._consumed(len(data))
        finally:
            self._draining = False

    def _peer_closed(self) -> None:
        if IHalfCloseableProtocol.providedBy(self.protocol) and not self._write_closed:
            self.protocol.readConnectionLost()
        else:
            self._fin()
            self._finish(ConnectionDone(), drop=False)

    def pauseProducing(self) -> None:
        self._reading = False

    def resumeProducing(self) -> None:
        if not self._reading and self.connected and not self.disconnecting:
            self._reading = True
            self.node.callLater(0, self._drain)

    def stopProducing(self) -> None:
        self.loseConnection()

    # --- closing

    def loseConnection(self, _connDone: Any = None) -> None:
        if self.connected and not self._doomed:
            self.disconnecting = True
            self._reading = False  # as in Twisted; what then arrives unread makes the close a reset
            self._try_close()

    def _try_close(self) -> None:
        """Close once what was written is out of our hands (the kernel holds less than FULL)."""
        if not self.disconnecting or self._doomed or self._outstanding > FULL:
            return
        if self._producer is not None and (not self._streaming or self._asked_to_pause):
            return
        if self._inbox:  # closing on what was never read tells the other side with a reset
            self._write_closed = True
            self._at(self._arrival(), self.peer._finish, ConnectionLost(), True)
        self._fin()
        self._finish(ConnectionDone(), drop=False)

    def _fin(self) -> None:
        if not self._write_closed:
            self._write_closed = True
            self._at(self._arrival(), self.peer._arrived, _FIN)

    def loseWriteConnection(self) -> None:
        if self.connected and not self._write_closed:
            self._fin()
            if IHalfCloseableProtocol.providedBy(self.protocol):
                self.node.callLater(0, self.protocol.writeConnectionLost)

    def abortConnection(self) -> None:
        if self.connected and not self._doomed:
            self._cut_short()
            self._at(self._arrival(), self.peer._finish, ConnectionLost(), True)
            self._finish(ConnectionAborted(), drop=True)

    def _cut_short(self) -> None:
        """Of what is on its way, an unknown part still arrives."""
        calls = sorted((call for call in self._calls if call.active()), key=lambda call: call.getTime())
        for call in calls[self.sim.random.randint(0, len(calls)) :]:
            call.cancel()

    def vanish(self, *, tell: bool) -> None:
        """This end's program is dead."""
        self._doomed = True
        self.connected = False
        self._cut_short()
        if tell:
            self._at(self._arrival(), self.peer._finish, ConnectionLost(), True)
        else:
            self.hole = self.peer.hole = True

    def _finish(self, why: BaseException, drop: bool) -> None:
        """Tell the protocol, on a later tick and once."""
        if self._doomed or not self.connected:
            return
        self._doomed = True
        if drop:
            self._inbox.clear()
        self.node.callLater(0, self._lost, Failure(why))

    def _lost(self, reason: Failure) -> None:
        self.connected = False
        self._inbox.clear()
        self.node.transports.pop(self, None)
        self.sim.note("lost", self.here.port, self.there.port, type(reason.value).__name__)
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        if self.protocol is not None:
            self.sim.guard(self.protocol.connectionLost, reason)
        if self.connector is not None:
            self.connector.lost(reason)

    # --- producers, addresses, options

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self._producer is not None:
            raise RuntimeError("another producer is registered")
        if not self.connected or self._doomed:
            producer.stopProducing()
            return
        self._producer = producer
        self._streaming = streaming
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self._producer = None
        self._asked_to_pause = False
        self._try_close()

    def getPeer(self) -> IPv4Address:
        return self.there

    def getHost(self) -> IPv4Address:
        return self.here

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Writes are never held back here."""

    def getTcpNoDelay(self) -> bool:
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Dead peers are found by deadlines."""

    def getTcpKeepAlive(self) -> bool:
        return False
