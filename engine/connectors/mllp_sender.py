"""Sends HL7 messages to one destination and waits for each one's own acknowledgement.

A connection carries one message at a time. Where its acknowledgement does not come in time, or another message's
comes instead, the connection is closed: a late acknowledgement must never be taken for the next message's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.python.failure import Failure

from engine.codecs.hl7_ack import AckKind, read_ack
from engine.codecs.mllp import frame
from engine.connectors.contract import CallFailed, NotSent, Silent
from engine.connectors.mllp_link import MllpLink, Once
from engine.connectors.tls import TlsOptions, client_tls
from engine.core.world import World


class Sending:
    """A message between `send` and its end."""

    __slots__ = ("control_id", "data", "deferred", "link", "on_first_byte", "timer")

    def __init__(self, data: bytes, control_id: str, on_first_byte: Callable[[], None] | None) -> None:
        self.data = data
        self.control_id = control_id
        self.on_first_byte = on_first_byte
        self.link: MllpLink | None = None
        self.timer: Any = None
        self.deferred: Deferred[bytes] | None = None


class MllpSender:
    """Sends to one host and port, over TLS when `tls` is given (with `cert_pem` in it, mutual).

    `window` connections at most (1 keeps the order of messages), `queue_max` messages waiting for one. `charset` is
    what acknowledgements are read in when they do not say. Times are business seconds, sizes bytes. A connection
    idle for `idle_s` is closed. Counters: `in_flight`, `queued`, `opened` (connections ever made), `surplus`
    (acknowledgements nobody waited for), `mismatched` (of another message).
    """

    def __init__(
        self,
        world: World,
        host: str,
        port: int,
        *,
        window: int = 1,
        queue_max: int = 100,
        connect_timeout: float = 5.0,
        tls: TlsOptions | None = None,
        max_reply_bytes: int = 1024 * 1024,
        idle_s: float = 60.0,
        charset: str = "utf-8",
    ) -> None:
        self._world = world
        self.max_reply_bytes = max_reply_bytes
        self._window = window
        self._queue_max = queue_max
        self._connect_timeout = connect_timeout
        self._idle_s = idle_s
        self._charset = charset
        self._secure = tls is not None
        self._endpoint = self._reach(host, port, tls)
        self._queue: deque[Sending] = deque()
        self._links: dict[MllpLink, None] = {}
        self._idle: list[MllpLink] = []
        self._connecting = 0
        self._opening = False
        self._sweep: Any = None
        self._stopped: Deferred[None] | None = None
        self._cut_timer: Any = None
        self.in_flight = 0
        self.opened = 0
        self.surplus = 0
        self.mismatched = 0

    @property
    def queued(self) -> int:
        return len(self._queue)

    def _reach(self, host: str, port: int, tls: TlsOptions | None) -> Any:
        reactor, wait = self._world.reactor, self._connect_timeout / self._world.rate
        if isIPAddress(host):
            endpoint: Any = TCP4ClientEndpoint(reactor, host, port, timeout=wait)
        elif isIPv6Address(host):
            endpoint = TCP6ClientEndpoint(  # type: ignore[no-untyped-call]  # untyped in Twisted
                reactor, host, port, timeout=wait
            )
        else:
            endpoint = HostnameEndpoint(reactor, host, port, timeout=wait)
        return endpoint if tls is None else wrapClientTLS(client_tls(tls, host), endpoint, clock=reactor)

    def send(
        self, body: bytes, control_id: str, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[bytes]:
        """Send one message once and give the body of its acknowledgement (AA, AE or AR alike: `read_ack` tells).

        `control_id` is its MSH-10, which MSA-2 must repeat. Fails with NotSent (no byte left) or Silent (no
        acknowledgement of this message came). `deadline_s` covers everything. `on_first_byte` is called right before
        the message is written; if it raises, nothing is written (NotSent). Cancelling the Deferred ends the call
        the same way as its deadline does.
        """
        if self._stopped is not None:
            return fail(NotSent("stopped"))
        if len(self._queue) + self.in_flight >= self._window + self._queue_max:
            return fail(NotSent("queue full"))
        if deadline_s <= 0:
            return fail(NotSent("no time left"))
        if not control_id:
            return fail(NotSent("not a message: no control id"))
        try:
            data = frame(body)
        except ValueError:
            return fail(NotSent("not a message: VT or FS inside"))
        call = Sending(data, control_id, on_first_byte)
        deferred: Deferred[bytes] = Deferred(lambda _: self._give_up(call, "cancelled"))
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
        """Refuse new messages and what still waits (NotSent); give what is in flight so long, then cut it (Silent)."""
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

    # --- messages -------------------------------------------------------------------------------

    def _give_up(self, call: Sending, why: str) -> None:
        if call.link is not None:
            self.link_failed(call.link, why)
        else:
            self._fail(call, NotSent(f"{why} before a connection was free"))

    def _fail(self, call: Sending, failure: CallFailed) -> None:
        if call.link is None and call in self._queue:
            self._queue.remove(call)
        self._end(call, Failure(failure))  # type: ignore[no-untyped-call]  # Twisted's Failure has no types

    def _end(self, call: Sending, result: bytes | Failure) -> None:
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

    def _serve(self, link: MllpLink) -> None:
        """Give a free connection the next message, or let it rest."""
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
                link.ask(call)
                return
        link.idle_since = self._world.now()
        self._idle.append(link)
        if self._sweep is None:
            self._sweep = self._world.later(self._idle_s, self._drop_aged)

    # --- connections ----------------------------------------------------------------------------

    def _fresh_idle(self) -> MllpLink | None:
        """The connection used last, unless it has rested so long that the peer may be closing it."""
        if not self._idle:
            return None
        link = self._idle[-1]
        if self._world.now() - link.idle_since < self._idle_s:
            return self._idle.pop()
        self._drop_aged()
        return None

    def _drop_aged(self) -> None:
        if self._sweep is not None and self._sweep.active():
            self._sweep.cancel()
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
        link = MllpLink(self, self._world, self._secure)
        self._links[link] = None
        self._connecting += 1
        link.timer = self._world.later(self._connect_timeout, self._not_opened, link, "connect timeout")
        link.connecting = connecting = self._endpoint.connect(Once(link))
        connecting.addCallbacks(self._connected, self._unconnected, (link,), errbackArgs=(link,))

    def _connected(self, _: object, link: MllpLink) -> None:
        link.connecting = None

    def _unconnected(self, failure: Failure, link: MllpLink) -> None:
        link.connecting = None
        if not isinstance(failure.value, CancelledError):
            self._not_opened(link, f"connect: {type(failure.value).__name__}")

    def _not_opened(self, link: MllpLink, why: str) -> None:
        """An attempt failed: the message that has waited longest learns it, the others get attempts of their own."""
        if link not in self._links:
            return
        self._forget(link)
        link.close(hard=True)
        if self._queue:
            self._fail(self._queue[0], NotSent(why))
        self._open_more()
        self._look_stopped()

    def _forget(self, link: MllpLink) -> None:
        if link not in self._links:
            return
        del self._links[link]
        if link in self._idle:
            self._idle.remove(link)
        if not link.ready:
            self._connecting -= 1
            if link.timer.active():
                link.timer.cancel()

    # --- for MllpLink ---------------------------------------------------------------------------

    def link_ready(self, link: MllpLink) -> None:
        """Connected (and, with TLS, verified)."""
        if link.gone or link.ready:
            return
        link.ready = True
        self._connecting -= 1
        link.timer.cancel()
        self.opened += 1
        self._serve(link)

    def link_answered(self, link: MllpLink, reply: bytes, *, surplus: bool) -> None:
        """A whole block. It ends the call only if it is this message's acknowledgement."""
        call = link.call
        self.surplus += surplus
        if call is None:
            return
        verdict = read_ack(reply, call.control_id, self._charset)
        if verdict.kind in (AckKind.MISMATCH, AckKind.UNREADABLE):
            self.mismatched += verdict.kind is AckKind.MISMATCH
            self.link_failed(link, f"not its acknowledgement: {verdict.why}")
            return
        link.call = None
        if surplus or self._stopped is not None:
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

    def link_failed(self, link: MllpLink, why: str) -> None:
        """Its acknowledgement will not come, or could be mistaken: the call ends Silent, the connection is closed."""
        call, link.call = link.call, None
        self._forget(link)
        link.close(hard=True)
        if call is not None:
            self._end(call, Failure(Silent(why)))  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
        self._open_more()
        self._look_stopped()

    def link_spoke_unasked(self, link: MllpLink) -> None:
        """Bytes on a resting connection: an acknowledgement nobody waits for any more."""
        self.surplus += 1
        self._forget(link)
        link.close(hard=True)

    def link_lost(self, link: MllpLink, why: str) -> None:
        """Closed by the peer with nothing in flight."""
        if not link.ready:
            self._not_opened(link, f"tls: {why}" if self._secure else why)
            return
        link.gone = True
        self._forget(link)
