"""The HTTP/1.1 door all inbound HTTP comes through: settlement API, callbacks, console.

Not twisted.web: its Site has only an idle timer, no limit on bodies, and accepts requests with no Host, two
Hosts or folded headers. Here every phase has an absolute deadline and whatever has two readings is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from engine.connectors.http_door import HttpDoor
from engine.connectors.http_limits import HttpLimits
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World

Handle = Callable[[HttpRequest], "Deferred[HttpReply] | HttpReply"]
OnRequest = Callable[[str, str, int, float, int], None]


class HttpListener(Factory):
    """Listens on one address and hands whole requests to `handle`.

    `on_request(method, path, status, seconds, bytes)` is called once an answer is written: handler's business
    seconds, bytes of the reply with its head; method and path are "" when the head was refused; status 499
    means the client left first. `on_error(failure)` gets what the handler raised; the client gets a bare 500.
    `tls` is a Twisted context factory (`CertificateOptions`) when this door does its own TLS.
    """

    noisy = False

    def __init__(
        self,
        world: World,
        name: str,
        host: str,
        port: int,
        handle: Handle,
        limits: HttpLimits | None = None,
        *,
        on_request: OnRequest | None = None,
        on_error: Callable[[Failure], None] | None = None,
        tls: Any = None,
    ) -> None:
        self.world = world
        self.name = name
        self.host = host
        self.port = port
        self.handle = handle
        self.limits = limits or HttpLimits()
        self.in_flight = 0
        self.held = 0
        self.refused = 0
        self.draining = False
        self._on_request = on_request
        self._on_error = on_error
        self._tls = tls
        self._doors: dict[HttpDoor, None] = {}
        self._by_ip: dict[str, int] = {}
        self._listening: Any = None
        self._closed = False
        self._quiet: Deferred[None] | None = None
        self._drain_timer: Any = None
        self._date_at = -1
        self._date = ""

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
        """Stop accepting, let what is in flight be answered, and after so many seconds cut what is left."""
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
        self.draining = True
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
            return  # a client may be gone while its request is still being worked on
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None
        quiet.callback(None)

    # --- for HttpDoor ---------------------------------------------------------------------------

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        ip = str(getattr(addr, "host", ""))
        here = self._by_ip.get(ip, 0)
        if self.draining or len(self._doors) >= self.limits.connections or here >= self.limits.per_ip:
            self.refused += 1
            return _Shut()
        self._by_ip[ip] = here + 1
        door = HttpDoor(self, ip, self._tls is not None)
        self._doors[door] = None
        return door

    def lost(self, door: HttpDoor) -> None:
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
        self.in_flight -= 1
        self._look_quiet()

    def body_limit(self, method: str, path: str) -> int:
        hook = self.limits.body_limit
        return self.limits.body if hook is None else hook(method, path)

    def served(self, method: str, path: str, status: int, seconds: float, size: int) -> None:
        if self._on_request is not None:
            self._on_request(method, path, status, seconds, size)

    def failed(self, failure: Failure) -> None:
        if self._on_error is not None:
            self._on_error(failure)

    def date(self) -> str:
        second = int(self.world.now())
        if second != self._date_at:
            self._date_at = second
            self._date = formatdate(second, usegmt=True)
        return self._date


class _Shut(Protocol):
    """A connection beyond the limits: closed without a word."""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()
