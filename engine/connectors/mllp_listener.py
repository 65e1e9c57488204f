"""The MLLP door all inbound HL7 comes through, plain, with TLS, or with client certificates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from engine.codecs.mllp import Noise
from engine.connectors.mllp_door import MllpDoor
from engine.connectors.mllp_limits import MllpLimits, Peer
from engine.connectors.tls import TlsOptions, server_tls
from engine.core.world import World

Handle = Callable[[bytes, Peer], "Deferred[bytes] | bytes"]
OnMessage = Callable[[Peer, int, int, float], None]


class MllpListener(Factory):
    """Listens on one address and hands each message's body to `handle`, one at a time per connection.

    What the handler gives back is the acknowledgement (empty: none is wanted). Nothing is ever acknowledged without
    it: a handler that fails, or takes longer than `answer_s`, costs the peer its connection and nothing else, and
    the peer sends again. `on_message(peer, bytes_in, bytes_out, seconds)` is called after each acknowledgement,
    `on_noise(peer, noise)` for bytes that were no message, `on_error(failure)` with what the handler raised.

    With `tls` its certificate is shown; with its `ca_pem`, clients must show one of those authorities.
    Counters: `connections`, `in_flight`, `held` (bytes), `refused` (connections beyond a limit), `noise` (blocks
    and bytes dropped, by reason), `late` (handlers cut off).
    """

    noisy = False

    def __init__(
        self,
        world: World,
        name: str,
        host: str,
        port: int,
        handle: Handle,
        limits: MllpLimits | None = None,
        tls: TlsOptions | None = None,
        *,
        on_message: OnMessage | None = None,
        on_noise: Callable[[Peer, Noise], None] | None = None,
        on_error: Callable[[Failure], None] | None = None,
    ) -> None:
        self.world = world
        self.name = name
        self.host = host
        self.port = port
        self.handle = handle
        self.limits = limits or MllpLimits()
        self.in_flight = 0
        self.held = 0
        self.refused = 0
        self.late = 0
        self.noise: dict[str, int] = {}
        self.draining = False
        self._tls = None if tls is None else server_tls(tls)
        self._on_message = on_message
        self._on_noise = on_noise
        self._on_error = on_error
        self._doors: dict[MllpDoor, None] = {}
        self._by_ip: dict[str, int] = {}
        self._listening: Any = None
        self._closed = False
        self._quiet: Deferred[None] | None = None
        self._drain_timer: Any = None

    @property
    def connections(self) -> int:
        return len(self._doors)

    def start(self) -> Deferred[int]:
        """Begin to listen; gives the port (useful when asked for port 0). Fails with CannotListenError."""
        return maybeDeferred(self._listen)

    def _listen(self) -> int:
        factory: Any = self
        if self._tls is not None:
            factory = TLSMemoryBIOFactory(self._tls, False, factory, self.world.reactor)
            factory.noisy = False
        self._listening = self.world.reactor.listenTCP(self.port, factory, backlog=512, interface=self.host)
        self.port = int(self._listening.getHost().port)
        return self.port

    def drain(self, seconds: float) -> Deferred[None]:
        """Stop accepting, let messages at hand be acknowledged, and after so many seconds cut what is left.

        Messages that have come but are not begun are dropped without an acknowledgement.
        """
        if self._quiet is not None:
            return self._wait_quiet()
        self.draining = True
        self._quiet = Deferred()
        waiting = self._wait_quiet()
        for door in list(self._doors):
            door.drain()
        self._drain_timer = self.world.later(seconds, self._cut)
        self._close_port().addBoth(self._port_closed)
        return waiting

    def stop(self) -> Deferred[None]:
        """Stop accepting and cut every connection now; what handlers still do goes on without a listener."""
        waiting = self.drain(0.0)
        self._cut()
        return waiting

    def _close_port(self) -> Deferred[Any]:
        listening, self._listening = self._listening, None
        return succeed(None) if listening is None else maybeDeferred(listening.stopListening)

    def _port_closed(self, _: object) -> None:
        self._closed = True
        self._look_quiet()

    def _wait_quiet(self) -> Deferred[None]:
        assert self._quiet is not None
        waiting: Deferred[None] = Deferred()
        self._quiet.chainDeferred(waiting)
        return waiting

    def _cut(self) -> None:
        if self._drain_timer is not None and self._drain_timer.active():
            self._drain_timer.cancel()
        self._drain_timer = None
        for door in list(self._doors):
            door.abort()
        self._look_quiet()

    def _look_quiet(self) -> None:
        quiet = self._quiet
        if quiet is None or quiet.called or not self._closed or self._doors:
            return
        if self.in_flight and self._drain_timer is not None:
            return  # a peer may be gone while its message is still being worked on
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None
        quiet.callback(None)

    # --- for MllpDoor ---------------------------------------------------------------------------

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        ip = str(getattr(addr, "host", ""))
        here = self._by_ip.get(ip, 0)
        if self.draining or len(self._doors) >= self.limits.connections or here >= self.limits.per_ip:
            self.refused += 1
            return _Shut()
        self._by_ip[ip] = here + 1
        door = MllpDoor(self, Peer(ip, int(getattr(addr, "port", 0))), self._tls is not None)
        self._doors[door] = None
        return door

    def lost(self, door: MllpDoor) -> None:
        if door not in self._doors:
            return
        del self._doors[door]
        left = self._by_ip[door.peer.ip] - 1
        if left:
            self._by_ip[door.peer.ip] = left
        else:
            del self._by_ip[door.peer.ip]
        self._look_quiet()

    def finished(self) -> None:
        self.in_flight -= 1
        self._look_quiet()

    def heard_noise(self, peer: Peer, noise: Noise) -> None:
        self.noise[noise.why] = self.noise.get(noise.why, 0) + 1
        if self._on_noise is not None:
            self._on_noise(peer, noise)

    def served(self, peer: Peer, size_in: int, size_out: int, seconds: float) -> None:
        if self._on_message is not None:
            self._on_message(peer, size_in, size_out, seconds)

    def failed(self, failure: Failure) -> None:
        if self._on_error is not None:
            self._on_error(failure)


class _Shut(Protocol):
    """A connection beyond the limits: closed without a word."""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()
