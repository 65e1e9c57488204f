"""What HTTP and MLLP listeners have in common: the port, the crowd at it, and how it is emptied."""

from __future__ import annotations

import socket
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet import protocol
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from engine.connectors.door import Door
from engine.connectors.tls import TlsOptions, server_tls
from engine.core.world import World

_BACKLOG = 512  # connections the kernel holds for us


class Crowd(Protocol):
    """How many connections a listener bears, in all and from one address."""

    @property
    def connections(self) -> int: ...
    @property
    def per_ip(self) -> int: ...


class Listener(protocol.Factory):
    """Listens on one address; each connection it bears gets a door (`_new_door`).

    `share`: other processes listen on the same address too, and the kernel deals out connections (SO_REUSEPORT).
    Counters: `connections`, `in_flight` (what handlers work on), `held` (bytes in memory), `refused` (connections
    beyond a limit).
    """

    noisy = False
    limits: Crowd  # may be exchanged while it listens; connections that are there keep theirs

    def __init__(
        self,
        world: World,
        name: str,
        host: str,
        port: int,
        *,
        on_error: Callable[[Failure], None] | None,
        tls: TlsOptions | None,
        share: bool,
    ) -> None:
        self.world = world
        self.name = name
        self.host = host
        self.port = port
        self.in_flight = 0
        self.held = 0
        self.refused = 0
        self.draining = False
        self._options: TlsOptions | None = None
        self._on_error = on_error
        self._secured: TLSMemoryBIOFactory | None = None
        self.secure(tls)
        self._share = share
        self._doors: dict[Door, None] = {}
        self._by_ip: dict[str, int] = {}
        self._listening: Any = None
        self._closed = False
        self._quiet: Deferred[None] | None = None
        self._drain_timer: Any = None

    @property
    def connections(self) -> int:
        return len(self._doors)

    @abstractmethod
    def _new_door(self, ip: str, port: int, secure: bool) -> Door: ...

    def start(self) -> Deferred[int]:
        """Begin to listen; gives the port (useful when asked for port 0). Fails with CannotListenError."""
        return maybeDeferred(self._listen)

    def secure(self, tls: TlsOptions | None) -> None:
        """The certificate that connections see from now on (None: plain); those that are there keep what they have.
        Raises ValueError naming a PEM text that is none."""
        if tls is not None and self._secured is not None and tls == self._options:
            return
        self._options = tls
        self._secured = None if tls is None else _over_tls(self, tls)

    def _listen(self) -> int:
        factory = _Entrance(self)
        if self._share:
            self._listening = self._listen_beside_others(factory)
        else:
            self._listening = self.world.reactor.listenTCP(self.port, factory, _BACKLOG, self.host)
        self.port = int(self._listening.getHost().port)
        return self.port

    def _listen_beside_others(self, factory: Any) -> Any:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                door.bind((self.host, self.port))
                door.listen(_BACKLOG)
            except OSError as fault:
                raise CannotListenError(self.host, self.port, fault) from None  # type: ignore[no-untyped-call]  # untyped in Twisted
            door.setblocking(False)
            return self.world.reactor.adoptStreamPort(door.fileno(), family, factory)

    def drain(self, seconds: float) -> Deferred[None]:
        """Stop accepting, let what is at hand be answered, and after so many seconds cut what is left."""
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
            return  # a peer may be gone while what it asked is still being worked on
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None
        quiet.callback(None)

    # --- for Door -------------------------------------------------------------------------------

    def buildProtocol(self, addr: IAddress | None) -> protocol.Protocol:
        ip = str(getattr(addr, "host", ""))
        here = self._by_ip.get(ip, 0)
        if self.draining or len(self._doors) >= self.limits.connections or here >= self.limits.per_ip:
            self.refused += 1
            return _Shut()
        self._by_ip[ip] = here + 1
        door = self._new_door(ip, int(getattr(addr, "port", 0)), self._secured is not None)
        self._doors[door] = None
        return door

    def lost(self, door: Door) -> None:
        """A door's connection is gone."""
        if door not in self._doors:
            return
        del self._doors[door]
        left = self._by_ip[door.ip] - 1
        if left:
            self._by_ip[door.ip] = left
        else:
            del self._by_ip[door.ip]
        self._look_quiet()

    def finished(self) -> None:
        """A handler is done."""
        self.in_flight -= 1
        if self._quiet is not None:
            self._look_quiet()

    def failed(self, failure: Failure) -> None:
        """A handler, or we, raised what nobody expected."""
        if self._on_error is not None:
            self._on_error(failure)


class _Entrance(protocol.Factory):
    """What the port knows: each connection gets what the listener is at that moment, plain or with TLS."""

    noisy = False

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def buildProtocol(self, addr: IAddress | None) -> protocol.Protocol | None:
        within = self._listener._secured
        return (self._listener if within is None else within).buildProtocol(addr)


def _over_tls(listener: Listener, tls: TlsOptions) -> TLSMemoryBIOFactory:
    wrapped: Any = listener  # Twisted's interface for it has no types
    factory = TLSMemoryBIOFactory(server_tls(tls), False, wrapped, listener.world.reactor)
    factory.noisy = False
    return factory


class _Shut(protocol.Protocol):
    """A connection beyond the limits: closed without a word."""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()
