"""A world whose clock can be made to jump, together with the simulators' (`engine run --virtual-time`).

Time runs as the wall does; `jump` moves business time on, and everything due on the way runs in its order, each at its
own time. Never for production.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from engine.core.world import DelayedCall, Reactor, World


class VirtualTimer:
    """A call in the future of a world that may jump; used like the reactor's."""

    __slots__ = ("_args", "_call", "_over", "_real", "_world", "due", "order")

    def __init__(self, world: VirtualWorld, due: float, order: int, call: Callable[..., object], args: Any) -> None:
        self.due, self.order = due, order
        self._world, self._call, self._args, self._over = world, call, args, False
        self._real: Any = world.reactor.callLater(max(0.0, due - world.now()), self.fire)

    def __lt__(self, other: VirtualTimer) -> bool:
        return (self.due, self.order) < (other.due, other.order)

    def fire(self) -> None:
        """Now, once."""
        if not self._over:
            self.cancel()
            self._call(*self._args)

    def cancel(self) -> None:
        """Not at all; harmless when it is over."""
        self._over = True
        if self._real.active():
            self._real.cancel()

    def active(self) -> bool:
        return not self._over

    def moved(self) -> None:
        """The clock has jumped: a shorter wait is left."""
        if not self._over:
            self._real.reset(max(0.0, self.due - self._world.now()))


class VirtualWorld(World):
    """A World whose `now` is the wall's time and an offset that only grows; it begins at `now`."""

    def __init__(self, reactor: Reactor, now: float | None = None) -> None:
        super().__init__(reactor)
        for name in ("now", "passed"):
            self.__dict__.pop(name, None)  # a plain world asks the reactor straight: ours is ahead of it
        self._ahead = 0.0 if now is None else now - self.wall()
        self._order = 0
        self._timers: list[VirtualTimer] = []

    def now(self) -> float:
        """Business time, unix seconds."""
        return self.wall() + self._ahead

    def passed(self) -> float:
        """Business seconds since some instant or other; a jump is time that has passed."""
        seconds: float = self.reactor.seconds()
        return seconds + self._ahead

    def later(self, seconds: float, call: Callable[..., object], *args: object) -> DelayedCall:
        """Call in so many business seconds."""
        self._order += 1
        timer = VirtualTimer(self, self.now() + max(0.0, seconds), self._order, call, args)
        heappush(self._timers, timer)
        return timer

    def jump(self, to: float) -> None:
        """Go on to that business time; never back."""
        while (first := self._first()) is not None and first.due <= to:
            self._ahead += max(0.0, first.due - self.now())
            first.fire()
        self._ahead += max(0.0, to - self.now())
        for timer in self._timers:
            timer.moved()

    def next_due(self) -> float | None:
        """When the next timer is due; None without any."""
        first = self._first()
        return None if first is None else first.due

    def _first(self) -> VirtualTimer | None:
        while self._timers and not self._timers[0].active():
            heappop(self._timers)
        return self._timers[0] if self._timers else None
