"""What HTTP and MLLP senders have in common: a window of kept-alive connections to one destination, one call in
flight on each, a bounded queue before them, and a deadline over everything.

A call is never repeated here: whether a byte left decides between `NotSent` and `Silent`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import wrapClientTLS
from twisted.python.failure import Failure

from engine.connectors.contract import CallFailed, NotSent, Silent
from engine.connectors.deadlines import Deadlines
from engine.connectors.link import Link, Once
from engine.connectors.reach import endpoint_to
from engine.connectors.tls import TlsOptions, client_tls
from engine.core.world import World

R = TypeVar("R")


class Call(Generic[R]):
    """A call between `send` and its end: its bytes, and who waits (`heard`: called once, with the reply or with why
    there is none)."""

    __slots__ = ("data", "due", "heard", "link", "on_first_byte")

    def __init__(self, data: bytes, on_first_byte: Callable[[], None] | None) -> None:
        self.data = data
        self.due = 0.0
        self.on_first_byte = on_first_byte
        self.link: Link[Any] | None = None
        self.heard: Callable[[R | CallFailed], object] | None = None

    @property
    def over(self) -> bool:
        return self.heard is None


C = TypeVar("C", bound=Call[Any])


class Sender(ABC, Generic[C, R]):
    """Calls one destination. A subclass makes a call of what it is given (`_take`) and reads replies (`_new_link`).

    `window` connections at most, `queue_max` calls waiting for one. Times are business seconds, sizes bytes. A
    connection idle for `idle_s` is closed before the peer's own timer can make it a trap. Counters: `in_flight`,
    `queued`, `opened` (connections ever made), `surplus` (bytes that answered nothing).
    """

    def __init__(
        self,
        world: World,
        host: str,
        port: int,
        *,
        window: int,
        queue_max: int,
        connect_timeout: float,
        tls: TlsOptions | None,
        max_reply_bytes: int,
        idle_s: float,
    ) -> None:
        self._world = world
        self.max_reply_bytes = max_reply_bytes
        self._window = window
        self._queue_max = queue_max
        self._connect_timeout = connect_timeout
        self._idle_s = idle_s
        self._secure = tls is not None
        self._endpoint = self._reach(host, port, tls)
        self._deadlines: Deadlines[C] = Deadlines(world, self._give_up)
        self._queue: deque[C] = deque()
        self._links: dict[Link[C], None] = {}
        self._idle: list[Link[C]] = []
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

    @abstractmethod
    def _new_link(self) -> Link[C]: ...

    def _reach(self, host: str, port: int, tls: TlsOptions | None) -> Any:
        endpoint = endpoint_to(self._world, host, port, self._connect_timeout)
        return endpoint if tls is None else wrapClientTLS(client_tls(tls, host), endpoint, clock=self._world.reactor)

    def _no_room(self, deadline_s: float) -> NotSent | None:
        """Why a call cannot even wait; None when it can."""
        if self._stopped is not None:
            return NotSent("stopped")
        if len(self._queue) + self.in_flight >= self._window + self._queue_max:
            return NotSent("queue full")
        return NotSent("no time left") if deadline_s <= 0 else None

    def _accept(self, call: C, deadline_s: float) -> Deferred[R]:
        """Send a call as soon as a connection is free, until its deadline or until its Deferred is cancelled."""
        deferred: Deferred[R] = Deferred(lambda _: self._give_up(call, "cancelled"))

        def heard(result: R | CallFailed) -> None:
            if isinstance(result, CallFailed):
                deferred.errback(Failure(result))  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
            else:
                deferred.callback(result)

        self._begin(call, deadline_s, heard)
        return deferred

    def _begin(self, call: C, deadline_s: float, heard: Callable[[R | CallFailed], object]) -> None:
        """The same for who is called at its end."""
        call.heard = heard
        call.due = self._deadlines.add(call, deadline_s)
        link = self._fresh_idle() if self._idle else None
        if link is not None and not self._queue and call.on_first_byte is None and not link.gone:
            call.link = link  # as `_serve` would, for most calls
            self.in_flight += 1
            link.ask(call)
            return
        self._queue.append(call)
        if link is not None:
            self._serve(link)
        else:
            self._open_more()

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
        self._deadlines.clear()
        self._stopped.callback(None)

    # --- calls ----------------------------------------------------------------------------------

    def _give_up(self, call: C, why: str = "timeout") -> None:
        if call.link is not None:
            self.link_failed(call.link, why)
        else:
            self._fail(call, NotSent(f"{why} before a connection was free"))

    def _fail(self, call: C, failure: CallFailed) -> None:
        if call.link is None and call in self._queue:
            self._queue.remove(call)
        self._end(call, failure)

    def _end(self, call: C, result: R | CallFailed) -> None:
        heard, call.heard = call.heard, None
        if heard is None:
            return
        call.data = b""  # its deadline still holds the call for a while
        self._deadlines.ended()
        if call.link is not None:
            call.link = None
            self.in_flight -= 1
        if not self._links and not self._queue:
            self._deadlines.clear()
        heard(result)

    def _serve(self, link: Link[C]) -> None:
        """Give a free connection the next call, or let it rest."""
        while self._queue:
            call = self._queue.popleft()
            if call.due < self._world.passed():  # we stood still: sockets are heard before timers
                self._fail(call, NotSent("timeout before a connection was free"))
            elif call.on_first_byte is not None:
                try:
                    call.on_first_byte()
                except Exception as fault:  # noqa: BLE001 - whatever stops the caller now, stops the sending
                    self._fail(call, NotSent(f"held back: {type(fault).__name__}"))
            if link.gone:
                if call.heard is not None:
                    self._queue.appendleft(call)
                return
            if call.heard is not None:
                call.link = link
                self.in_flight += 1
                link.ask(call)
                return
        link.idle_since = self._world.passed()
        self._idle.append(link)
        if self._sweep is None:
            self._sweep = self._world.later(self._idle_s, self._drop_aged)

    # --- connections ----------------------------------------------------------------------------

    def _fresh_idle(self) -> Link[C] | None:
        """The connection used last, unless it has rested so long that the peer may be closing it."""
        if self._world.passed() - self._idle[-1].idle_since < self._idle_s:
            return self._idle.pop()
        self._drop_aged()
        return None

    def _drop_aged(self) -> None:
        if self._sweep is not None and self._sweep.active():
            self._sweep.cancel()
        self._sweep = None
        now = self._world.passed()
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
        link = self._new_link()
        self._links[link] = None
        self._connecting += 1
        link.timer = self._world.later(self._connect_timeout, self._not_opened, link, "connect timeout")
        link.connecting = connecting = self._endpoint.connect(Once(link))
        connecting.addCallbacks(self._connected, self._unconnected, (link,), errbackArgs=(link,))

    def _connected(self, _: object, link: Link[C]) -> None:
        link.connecting = None

    def _unconnected(self, failure: Failure, link: Link[C]) -> None:
        link.connecting = None
        if not isinstance(failure.value, CancelledError):
            self._not_opened(link, f"connect: {type(failure.value).__name__}")

    def _not_opened(self, link: Link[C], why: str) -> None:
        """An attempt failed: the call that has waited longest learns it, the others get attempts of their own."""
        if link not in self._links:
            return
        self._forget(link)
        link.close(hard=True)
        if self._queue:
            self._fail(self._queue[0], NotSent(why))
        self._open_more()
        self._look_stopped()

    def _forget(self, link: Link[C]) -> None:
        if link not in self._links:
            return
        del self._links[link]
        if link in self._idle:
            self._idle.remove(link)
        if not link.ready:
            self._connecting -= 1
            if link.timer.active():
                link.timer.cancel()

    # --- for Link -------------------------------------------------------------------------------

    def link_ready(self, link: Link[C]) -> None:
        """Connected (and, with TLS, verified)."""
        if link.gone or link.ready:
            return
        link.ready = True
        self._connecting -= 1
        link.timer.cancel()
        self.opened += 1
        self._serve(link)

    def link_answered(self, link: Link[C], reply: R, *, reusable: bool, surplus: bool) -> None:
        """A complete reply to the call in flight. The connection is used again only when nothing followed it."""
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

    def link_failed(self, link: Link[C], why: str) -> None:
        """The reply will not come, or cannot be trusted: the call ends Silent, the connection is closed."""
        call, link.call = link.call, None
        self._forget(link)
        link.close(hard=True)
        if call is not None:
            self._end(call, Silent(why))
        self._open_more()
        self._look_stopped()

    def link_spoke_unasked(self, link: Link[C]) -> None:
        """Bytes on a resting connection: whatever they are, they answer nothing we asked."""
        self.surplus += 1
        self._forget(link)
        link.close(hard=True)

    def link_lost(self, link: Link[C], why: str) -> None:
        """Closed by the peer with no call on it."""
        if not link.ready:
            self._not_opened(link, f"tls: {why}" if self._secure else why)
            return
        link.gone = True
        self._forget(link)
