"""The lean HTTP client for destinations that are called often.

Kept-alive connections, one request in flight on each, a bounded window of them and a bounded queue before it.
It never repeats a request by itself: whether a byte left decides between `NotSent` and `Silent`.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, fail

from engine.connectors.contract import CallFailed, NotSent
from engine.connectors.http_link import HttpCall, HttpLink
from engine.connectors.http_wire import request_bytes
from engine.connectors.sender import Sender
from engine.connectors.tls import TlsOptions
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World


class HttpSender(Sender[HttpCall, HttpReply]):
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
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise ValueError("base_url must be http(s)://host[:port][/prefix]")
        if parts.query or parts.fragment:
            raise ValueError("base_url must not have a query or a fragment")
        secure = parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")
        self._host = parts.netloc
        super().__init__(
            world,
            parts.hostname,
            parts.port or (443 if secure else 80),
            window=window,
            queue_max=queue_max,
            connect_timeout=connect_timeout,
            tls=(tls or TlsOptions()) if secure else None,
            max_reply_bytes=max_reply_bytes,
            idle_s=idle_s,
        )

    def send(
        self, request: HttpRequest, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[HttpReply]:
        """Send once and give the complete reply, or fail with NotSent or Silent.

        `deadline_s` covers everything: waiting for a connection, connecting, sending, the reply. `on_first_byte`
        is called right before the request is written; if it raises, nothing is written (NotSent). Cancelling
        the Deferred ends the call the same way as its deadline does.
        """
        call = self._call(request, deadline_s, on_first_byte)
        return fail(call) if isinstance(call, NotSent) else self._accept(call, deadline_s)

    def ask(self, request: HttpRequest, deadline_s: float, heard: Callable[[HttpReply | CallFailed], object]) -> None:
        """`send` without a Deferred, for the path of every message: `heard` is called once, with the complete reply or
        with why there is none."""
        call = self._call(request, deadline_s, None)
        if isinstance(call, NotSent):
            heard(call)
        else:
            self._begin(call, deadline_s, heard)

    def _call(
        self, request: HttpRequest, deadline_s: float, on_first_byte: Callable[[], None] | None
    ) -> HttpCall | NotSent:
        refused = self._no_room(deadline_s)
        if refused is not None:
            return refused
        try:
            data = request_bytes(request, self._prefix, self._host)
        except ValueError as fault:
            return NotSent(f"not a request: {fault}")
        return HttpCall(data, on_first_byte, request.method == "HEAD")

    def _new_link(self) -> HttpLink:
        return HttpLink(self, self._world, self._secure)
