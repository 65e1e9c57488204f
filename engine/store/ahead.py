"""Units written and committed by the reactor's own thread, while few come at once.

Each statement lets go of the interpreter and has to get it back from the other thread, which costs both of them five
times what a small statement does; handing a unit over and its end back costs as much again. Units that say so
(`Unit.light`: few statements, on pages that are in memory) are therefore written where they are handed in, if the
writer has nothing to do. They are committed there too, as long as the disk answers about as quickly as another thread
could; while it is slow, the waiting is the writer's. Nothing else about such units is different, and when one of them
cannot be written so, they go the usual way.
"""

from __future__ import annotations

import threading

from engine.store.asks import Ask
from engine.store.pace import Pace
from engine.store.writer import GroupWriter, Result


class Staged:
    """Units whose transaction is begun and written and still to be committed. `results`: what to answer then."""

    __slots__ = ("asks", "results")

    def __init__(self, asks: list[Ask], results: list[Result]) -> None:
        self.asks, self.results = asks, results


class Ahead:
    """Who has the writer's connection: whoever holds `hold`. The writer takes it for all it does. The reactor's thread
    takes it when the writer has nothing to do, and leaves it to the writer with what it has staged."""

    def __init__(self, writer: GroupWriter) -> None:
        self._writer = writer
        self.hold = threading.Lock()
        self._there = 0  # units and jobs the writer has: only the reactor's thread counts
        self.pace = Pace()  # of the commits made here; while it is slow, they are the writer's

    @property
    def idle(self) -> bool:
        """Whether the writer has nothing to do, as far as the reactor's thread was told."""
        return not self._there

    def stage(self, asks: list[Ask]) -> Staged | None:
        """Write these units now; None when they go the usual way."""
        units = [unit for unit, _ in asks]
        if not all(unit.light for unit in units) or not self.hold.acquire(blocking=False):
            return None
        results = self._writer.stage(units)
        if results is None:
            self.hold.release()
            return None
        return Staged(asks, results)

    def count(self, count: int) -> None:
        """So many units and jobs go to the writer."""
        self._there += count

    def over(self, count: int) -> None:
        """So many are over, and told so on the reactor."""
        self._there -= count
