"""The lean HTTP client for destinations that are called often.

Kept-alive connections, one request in flight on each, a bounded window of them and a bounded queue before it.
It never repeats a request by itself: whether a byte left decides between `NotSent` and `Silent`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from engine.connectors.contract import CallFailed, NotSent, Silent
from engine.connectors.http_link import HttpLink
from engine.connectors.http_wire import request_bytes
from engine.connectors.tls import TlsOptions, client_tls
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World


class Sending:
    """A call between `send` and its end."""

    __slots__ = ("data", "deferred", "link", "on_first_byte", "timer", "to_head")

    def __init__(self, data: bytes, to_head: bool, on_first_byte: Callable[[], None] | None) -> None:
        self.data = data
        self.to_head = to_head
        self.on_first_byte = on_first_byte
        self.link: HttpLink | None = None
        self.timer: Any = None
        self.deferred: Deferred[HttpReply] | None = None


class HttpSender:
    """Calls one destination.

    `base_url` is `http(s)://host[:port][/prefix]`; a request's target is put behind the prefix. `window`
    connections at most, `queue_max` calls waiting for one. Times are business seconds, sizes bytes. A connection
    idle for `idle_s` is closed before the peer's own timer can make it a trap. Counters: `in_flight`, `queued`,
    `opened` (connections ever made), `surplus` (replies with something behind them).
    """

    def __init__(
        self,
        world: World,
        base_url: str,
        *,
        window: int = 8,
        queue_max: int = 100,
        connect_timeout: float = 5.0,
        tls: TlsOptions | None = None,
        max_reply_bytes: int = 8 * 1024 * 1024,
        idle_s: float = 20.0,
    ) -> None:
        self._world = world
        self.max_reply_bytes = max_reply_bytes
        self._window = window
        self._queue_max = queue_max
        self._connect_timeout = connect_timeout
        self._idle_s = idle_s
        self._address(base_url, tls or TlsOptions())
        self._queue: deque[Sending] = deque()
        self._links: dict[HttpLink, None] = {}
        self._idle: list[HttpLink] = []
        self._connecting = 0
        self._opening = False
        self._sweep: Any = None
        self._stopped: Deferred[None] | None = None
        self._cut_timer: Any = None
        self.in_flight = 0
        self.opened = 0
        self.surplus = 0

    @property
    def queued(self) -> int:
        return len(self._queue)

    def _address(self, base_url: str, tls: TlsOptions) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise ValueError("base_url must be http(s)://host[:port][/prefix]")
        if parts.query or parts.fragment:
            raise ValueError("base_url must not have a query or a fragment")
        self._secure = parts.scheme == "https"
        host, port = parts.hostname, parts.port or (443 if self._secure else 80)
        self._prefix = parts.path.rstrip("/")
        self._host = parts.netloc
        reactor, wait = self._world.reactor, self._connect_timeout / self._world.rate
        if isIPAddress(host):
            self._endpoint: Any = TCP4ClientEndpoint(reactor, host, port, timeout=wait)
        elif isIPv6Address(host):
            self._endpoint = TCP6ClientEndpoint(  # type: ignore[no-untyped-call]  # untyped in Twisted
                reactor, host, port, timeout=wait
            )
        else:
            self._endpoint = HostnameEndpoint(reactor, host, port, timeout=wait)
        if self._secure:
            self._endpoint = wrapClientTLS(client_tls(tls, host), self._endpoint, clock=reactor)

    def send(
        self, request: HttpRequest, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[HttpReply]:
        """Send once and give the complete reply, or fail with NotSent or Silent.

        `deadline_s` covers everything: waiting for a connection, connecting, sending, the reply. `on_first_byte`
        is called right before the request is written; if it raises, nothing is written (NotSent). Cancelling
        the Deferred ends the call the same way as its deadline does.
        """
        if self._stopped is not None:
            return fail(NotSent("stopped"))
        if len(self._queue) + self.in_flight >= self._window + self._queue_max:
            return fail(NotSent("queue full"))
        if deadline_s <= 0:
            return fail(NotSent("no time left"))
        try:
            data = request_bytes(request, self._prefix, self._host)
        except ValueError as fault:
            return fail(NotSent(f"not a request: {fault}"))
        call = Sending(data, request.method == "HEAD", on_first_byte)
        deferred: Deferred[HttpReply] = Deferred(lambda _: self._give_up(call, "cancelled"))
        call.deferred = deferred
        call.timer = self._world.later(deadline_s, self._give_up, call, "timeout")
        self._queue.append(call)
        link = self._fresh_idle()
        if link is not None:
            self._serve(link)
        else:
            self._open_more()
        return deferred

    def stop(self, seconds: float = 0.0) -> Deferred[None]:
        """Refuse new calls and what still waits (NotSent); give what is in flight so long, then cut it (Silent)."""
        if self._stopped is None:
            self._stopped = Deferred()
            while self._queue:
                self._fail(self._queue[0], NotSent("stopped"))
            for link in [link for link in self._links if link.call is None]:
                self._forget(link)
                link.close(hard=not link.ready)
            self._cut_timer = self._world.later(seconds, self._cut) if self.in_flight and seconds > 0 else None
            if self._cut_timer is None:
                self._cut()
            self._look_stopped()
        if self._stopped.called:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._stopped.chainDeferred(waiting)
        return waiting

    def _cut(self) -> None:
        self._cut_timer = None
        for link in list(self._links):
            self.link_failed(link, "stopped")
        self._look_stopped()

    def _look_stopped(self) -> None:
        if self._stopped is None or self._stopped.called or self._links:
            return
        if self._cut_timer is not None:
            self._cut_timer.cancel()
            self._cut_timer = None
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._stopped.callback(None)

    # --- calls ----------------------------------------------------------------------------------

    def _give_up(self, call: Sending, why: str) -> None:
        if call.link is not None:
            self.link_failed(call.link, why)
        else:
            self._fail(call, NotSent(f"{why} before a connection was free"))

    def _fail(self, call: Sending, failure: CallFailed) -> None:
        if call.link is None and call in self._queue:
            self._queue.remove(call)
        self._end(call, Failure(failure))  # type: ignore[no-untyped-call]  # Twisted's Failure has no types

    def _end(self, call: Sending, result: HttpReply | Failure) -> None:
        deferred, call.deferred = call.deferred, None
        if deferred is None:
            return
        if call.timer.active():
            call.timer.cancel()
        if call.link is not None:
            call.link = None
            self.in_flight -= 1
        if isinstance(result, Failure):
            deferred.errback(result)
        else:
            deferred.callback(result)

    def _serve(self, link: HttpLink) -> None:
        """Give a free connection the next call, or let it rest."""
        while self._queue:
            call = self._queue.popleft()
            if call.on_first_byte is not None:
                try:
                    call.on_first_byte()
                except Exception as fault:  # noqa: BLE001 - whatever stops the caller now, stops the sending
                    self._fail(call, NotSent(f"held back: {type(fault).__name__}"))
            if link.gone:
                if call.deferred is not None:
                    self._queue.appendleft(call)
                return
            if call.deferred is not None:
                call.link = link
                self.in_flight += 1
                link.ask(call, call.data)
                return
        link.idle_since = self._world.now()
        self._idle.append(link)
        if self._sweep is None:
            self._sweep = self._world.later(self._idle_s, self._drop_aged)

    # --- connections ----------------------------------------------------------------------------

    def _fresh_idle(self) -> HttpLink | None:
        if not self._idle:
            return None
        link = self._idle.pop()
        if self._world.now() - link.idle_since < self._idle_s:
            return link
        self._idle.append(link)
        while self._idle:  # the youngest is too old, so all are
            aged = self._idle[-1]
            self._forget(aged)
            aged.close()
        return None

    def _drop_aged(self) -> None:
        self._sweep = None
        now = self._world.now()
        while self._idle and now - self._idle[0].idle_since >= self._idle_s - 1e-6:
            aged = self._idle[0]
            self._forget(aged)
            aged.close()
        if self._idle:
            self._sweep = self._world.later(self._idle[0].idle_since + self._idle_s - now, self._drop_aged)

    def _open_more(self) -> None:
        if self._opening:
            return
        self._opening = True
        try:
            while self._connecting < len(self._queue) and len(self._links) < self._window:
                self._open()
        finally:
            self._opening = False

    def _open(self) -> None:
        link = HttpLink(self, self._world, self._secure)
        self._links[link] = None
        self._connecting += 1
        link.timer = self._world.later(self._connect_timeout, self._not_opened, link, "connect timeout")
        link.connecting = connecting = self._endpoint.connect(_Once(link))
        connecting.addCallbacks(self._connected, self._unconnected, (link,), errbackArgs=(link,))

    def _connected(self, _: object, link: HttpLink) -> None:
        link.connecting = None

    def _unconnected(self, failure: Failure, link: HttpLink) -> None:
        link.connecting = None
        if not isinstance(failure.value, CancelledError):
            self._not_opened(link, f"connect: {type(failure.value).__name__}")

    def _not_opened(self, link: HttpLink, why: str) -> None:
        """An attempt failed: the call that has waited longest learns it, the others get attempts of their own."""
        if link not in self._links:
            return
        self._forget(link)
        link.close(hard=True)
        if self._queue:
            self._fail(self._queue[0], NotSent(why))
        self._open_more()
        self._look_stopped()

    def _forget(self, link: HttpLink) -> None:
        if link not in self._links:
            return
        del self._links[link]
        if link in self._idle:
            self._idle.remove(link)
        if not link.ready:
            self._connecting -= 1
            if link.timer.active():
                link.timer.cancel()

    # --- for HttpLink ---------------------------------------------------------------------------

    def link_ready(self, link: HttpLink) -> None:
        """Connected (and, with TLS, verified)."""
        if link.gone or link.ready:
            return
        link.ready = True
        self._connecting -= 1
        link.timer.cancel()
        self.opened += 1
        self._serve(link)

    def link_answered(self, link: HttpLink, reply: HttpReply, *, reusable: bool, surplus: bool) -> None:
        """A complete reply. The connection is used again only when nothing followed it."""
        call, link.call = link.call, None
        self.surplus += surplus
        if call is None:
            return
        if not reusable or self._stopped is not None:
            self._forget(link)
            link.close(hard=surplus)
            self._end(call, reply)
            self._open_more()
            self._look_stopped()
            return
        call.link = None
        self.in_flight -= 1
        self._serve(link)
        self._end(call, reply)

    def link_failed(self, link: HttpLink, why: str) -> None:
        """The reply will not come, or cannot be trusted: the call ends Silent."""
        call, link.call = link.call, None
        self._forget(link)
        link.close(hard=True)
        if call is not None:
            self._end(call, Failure(Silent(why)))  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
        self._open_more()
        self._look_stopped()

    def link_spoke_unasked(self, link: HttpLink) -> None:
        """Bytes on a resting connection: whatever they are, they answer nothing we asked."""
        self.surplus += 1
        self._forget(link)
        link.close(hard=True)

    def link_lost(self, link: HttpLink, why: str) -> None:
        """Closed by the peer with no call on it."""
        if not link.ready:
            self._not_opened(link, f"tls: {why}" if self._secure else why)
            return
        link.gone = True
        self._forget(link)


class _Once(Factory):
    """Builds the one link of an attempt."""

    noisy = False

    def __init__(self, link: HttpLink) -> None:
        self._link = link

    def buildProtocol(self, addr: IAddress | None) -> HttpLink:
        return self._link
