"""A queue before a destination that does one thing at a time (a directory, a database), in the manner of Sender."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from engine.connectors.contract import CallFailed, NotSent, Silent
from engine.core.world import World

R = TypeVar("R")


class _Waiting(Generic[R]):
    __slots__ = ("deferred", "on_first_byte", "timer", "work")

    def __init__(self, work: Callable[[], Awaitable[R]], on_first_byte: Callable[[], None] | None) -> None:
        self.work = work
        self.on_first_byte = on_first_byte
        self.timer: Any = None
        self.deferred: Deferred[R] | None = None


class Serial(Generic[R]):
    """Does what it is given in turn. `queue_max` may wait. A piece of work ends with a result, NotSent, Silent or
    Clash, and by its deadline: what has not begun by then is NotSent, what has is Silent."""

    def __init__(self, world: World, queue_max: int) -> None:
        self._world = world
        self._queue_max = queue_max
        self._queue: deque[_Waiting[R]] = deque()
        self._now: _Waiting[R] | None = None
        self._busy = False
        self._stopped: Deferred[None] | None = None
        self._cut_timer: Any = None

    @property
    def in_flight(self) -> int:
        return int(self._busy)

    @property
    def queued(self) -> int:
        return len(self._queue)

    def do(
        self, work: Callable[[], Awaitable[R]], deadline_s: float, on_first_byte: Callable[[], None] | None
    ) -> Deferred[R]:
        """Do this after all that came before. `on_first_byte` is called right before it begins; if it raises, nothing
        is begun (NotSent)."""
        if self._stopped is not None:
            return fail(NotSent("stopped"))
        if len(self._queue) >= self._queue_max:
            return fail(NotSent("queue full"))
        if deadline_s <= 0:
            return fail(NotSent("no time left"))
        waiting = _Waiting(work, on_first_byte)
        waiting.timer = self._world.later(deadline_s, self._give_up, waiting, "timeout")
        deferred: Deferred[R] = Deferred(lambda _: self._give_up(waiting, "cancelled"))
        waiting.deferred = deferred
        self._queue.append(waiting)
        self._next()
        return deferred

    def stop(self, seconds: float = 0.0) -> Deferred[None]:
        """Refuse what waits (NotSent); what is being done has so long, then it is Silent."""
        if self._stopped is None:
            self._stopped = Deferred()
            while self._queue:
                self._end(self._queue.popleft(), _failure(NotSent("stopped")))
            if self._busy:
                self._cut_timer = self._world.later(seconds, self._cut)
            else:
                self._stopped.callback(None)
        if self._stopped.called:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._stopped.chainDeferred(waiting)
        return waiting

    def _cut(self) -> None:
        if self._now is not None:
            self._end(self._now, _failure(Silent("stopped")))
        if self._stopped is not None and not self._stopped.called:
            self._stopped.callback(None)

    def _next(self) -> None:
        while self._queue and not self._busy:
            waiting = self._queue.popleft()
            if waiting.on_first_byte is not None:
                try:
                    waiting.on_first_byte()
                except Exception as fault:  # noqa: BLE001 - whatever stops the caller now, stops the sending
                    self._end(waiting, _failure(NotSent(f"held back: {type(fault).__name__}")))
                    continue
            if waiting.deferred is None:
                continue
            self._busy, self._now = True, waiting
            Deferred.fromCoroutine(self._work(waiting))

    async def _work(self, waiting: _Waiting[R]) -> None:
        result: R | Failure
        try:
            result = await waiting.work()
        except CallFailed as fault:
            result = _failure(fault)
        except Exception as fault:  # noqa: BLE001 - nobody knows how far it came
            result = _failure(Silent(f"broken: {type(fault).__name__}"))
        self._busy, self._now = False, None
        self._end(waiting, result)
        if self._stopped is None:
            self._world.later(0, self._next)
        elif not self._stopped.called:
            self._cut_timer.cancel()
            self._stopped.callback(None)

    def _give_up(self, waiting: _Waiting[R], why: str) -> None:
        if waiting is self._now:
            self._end(waiting, _failure(Silent(why)))
        elif waiting.deferred is not None:
            if waiting in self._queue:
                self._queue.remove(waiting)
            self._end(waiting, _failure(NotSent(f"{why} before its turn")))

    def _end(self, waiting: _Waiting[R], result: R | Failure) -> None:
        deferred, waiting.deferred = waiting.deferred, None
        if deferred is None:
            return
        if waiting.timer.active():
            waiting.timer.cancel()
        if isinstance(result, Failure):
            deferred.errback(result)
        else:
            deferred.callback(result)


def _failure(reason: CallFailed) -> Failure:
    return Failure(reason)  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
