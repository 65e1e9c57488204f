"""The HTTP/1.1 door all inbound HTTP comes through: settlement API, callbacks, console.

Not twisted.web: its Site has only an idle timer, no limit on bodies, and accepts requests with no Host, two
Hosts or folded headers. Here every phase has an absolute deadline and whatever has two readings is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from engine.connectors.http_door import HttpDoor
from engine.connectors.http_limits import HttpLimits
from engine.connectors.listener import Listener
from engine.connectors.tls import TlsOptions
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World

Handle = Callable[[HttpRequest], "Deferred[HttpReply] | HttpReply"]
OnRequest = Callable[[str, str, int, float, int], None]


class HttpListener(Listener):
    """Listens on one address and hands whole requests to `handle`.

    `on_request(method, path, status, seconds, bytes)` is called once an answer is written: handler's business
    seconds, bytes of the reply with its head; method and path are "" when the head was refused; status 499
    means the client left first. `on_error(failure)` gets what the handler raised; the client gets a bare 500.
    With `tls` this door does its own TLS and shows its certificate. `share`: see Listener.
    """

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
        tls: TlsOptions | None = None,
        share: bool = False,
    ) -> None:
        self.limits: HttpLimits = limits or HttpLimits()
        super().__init__(world, name, host, port, on_error=on_error, tls=tls, share=share)
        self.handle = handle
        self._on_request = on_request
        self._date_at = -1
        self._date = ""

    def _new_door(self, ip: str, port: int, secure: bool) -> HttpDoor:
        return HttpDoor(self, ip, secure)

    # --- for HttpDoor ---------------------------------------------------------------------------

    def body_limit(self, method: str, path: str) -> int:
        hook = self.limits.body_limit
        return self.limits.body if hook is None else hook(method, path)

    def served(self, method: str, path: str, status: int, seconds: float, size: int) -> None:
        if self._on_request is not None:
            self._on_request(method, path, status, seconds, size)

    def date(self) -> str:
        second = int(self.world.now())
        if second != self._date_at:
            self._date_at = second
            self._date = formatdate(second, usegmt=True)
        return self._date
