"""A database on another machine is asked every few seconds whether it still answers and is still ours.

A connection that nobody uses is not noticed when it goes, and with it goes the lock that keeps a second engine out. One
that stops answering keeps every step waiting: nothing is lost, and those who watch must hear of it.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from engine.core.world import DelayedCall, World
from engine.store.writing import ignore

EVERY = 5.0  # real seconds between two questions; a question that waits for longer is silence
APART = 30.0  # seconds by which the two clocks may differ: more, and fences and expiries end at another's time


class Beat:
    """Asks from `start` to `stop`. `ask` fires with the database's clock (unix seconds); `tell` hears `store_silent`,
    `store_answers` (both with the seconds of silence) and `clock_apart` (how far the database's clock is before ours),
    each once while it lasts."""

    def __init__(self, world: World, ask: Callable[[], Deferred[float]], tell: Callable[[str, float], None]) -> None:
        self._world, self._ask, self._tell = world, ask, tell
        self.silent = False
        self._asked: float | None = None
        self._apart = False
        self._next: DelayedCall | None = None

    def start(self) -> None:
        self._next = self._world.later(EVERY * self._world.rate, self.start)
        if self._asked is None:
            self._asked = self._seconds()
            self._ask().addCallback(self._answered).addErrback(ignore).addBoth(self._over)
        elif not self.silent:
            self.silent = True
            self._tell("store_silent", self._seconds() - self._asked)

    def stop(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _seconds(self) -> float:
        return self._world.elapsed()

    def _answered(self, clock: float) -> None:
        assert self._asked is not None
        took = self._seconds() - self._asked
        if self.silent:
            self.silent = False
            self._tell("store_answers", took)
        apart = clock - self._world.wall()
        if not -APART - took < apart < APART + took:
            if not self._apart:
                self._apart = True
                self._tell("clock_apart", apart)
        else:
            self._apart = False

    def _over(self, _: object) -> None:
        self._asked = None
