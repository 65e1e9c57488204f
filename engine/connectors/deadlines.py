"""The deadlines of a sender's calls on one timer: nearly all calls end long before, so setting one must cost little."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from engine.core.world import World

_SWEEP_FROM = 64  # ended entries bear being carried along until there are so many


class Timed(Protocol):
    """What has a deadline; `over` once it has ended and its entry means nothing any more."""

    @property
    def over(self) -> bool: ...


T = TypeVar("T", bound=Timed)


class Deadlines(Generic[T]):
    """Calls `expire(thing)` for each thing that is not over when its time is up, earliest first.

    Memory: at most as many ended entries as live ones, and 64.
    """

    __slots__ = ("_ended", "_expire", "_heap", "_serial", "_timer", "_timer_at", "_world")

    def __init__(self, world: World, expire: Callable[[T], None]) -> None:
        self._world = world
        self._expire = expire
        self._heap: list[tuple[float, int, T]] = []
        self._serial = 0
        self._ended = 0
        self._timer: Any = None
        self._timer_at = 0.0

    def add(self, thing: T, seconds: float) -> float:
        """This must be over in so many business seconds; at which instant (`World.passed`)."""
        now = self._world.passed()
        due = now + seconds
        self._serial += 1
        heapq.heappush(self._heap, (due, self._serial, thing))
        if self._timer is None or due < self._timer_at:
            self._arm(due, now)
        return due

    def ended(self) -> None:
        """One of them is over before its time."""
        self._ended += 1
        if self._ended > _SWEEP_FROM and self._ended * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if not entry[2].over]
            heapq.heapify(self._heap)
            self._ended = 0

    def clear(self) -> None:
        """Nothing is going on any more: leave no timer behind."""
        self._heap.clear()
        self._ended = 0
        self._disarm()

    def _arm(self, due: float, now: float) -> None:
        self._disarm()
        self._timer_at = due
        self._timer = self._world.later(due - now, self._woken)

    def _disarm(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _woken(self) -> None:
        self._timer = None
        now = self._world.passed()
        late: list[T] = []
        heap = self._heap
        while heap and (heap[0][2].over or heap[0][0] <= now + 1e-6):
            thing = heapq.heappop(heap)[2]
            if thing.over:
                self._ended -= 1
            else:
                late.append(thing)
        if heap:
            self._arm(heap[0][0], now)
        self._ended -= len(late)  # they will be counted as they end, and are no longer carried along
        for thing in late:
            if not thing.over:  # the end of one may be the end of others
                self._expire(thing)
