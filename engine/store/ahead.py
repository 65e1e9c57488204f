"""Units written and committed by the reactor's own thread, while they come one by one.

Each statement lets go of the interpreter and has to get it back from the other thread, which costs both of them five
times what a small statement does; handing a unit over and its end back costs as much again. A unit that says so
(`Unit.light`: few statements, on pages that are in memory) is therefore written where it is handed in, if the writer
has nothing to do. It is committed there too, as long as the disk answers about as quickly as another thread could;
while it is slow, the waiting is the writer's. Nothing else about such a unit is different, and when it cannot be
written so, it goes the usual way.
"""

from __future__ import annotations

import threading

from engine.store.contract import Unit
from engine.store.pace import Pace
from engine.store.writer import GroupWriter, Result


class Staged:
    """A unit whose transaction is begun and written and still to be committed. `results`: what to answer then."""

    __slots__ = ("results", "unit")

    def __init__(self, unit: Unit, results: list[Result]) -> None:
        self.unit, self.results = unit, results


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

    def stage(self, unit: Unit) -> Staged | None:
        """Write this unit now; None when it goes the usual way."""
        if not unit.light or not self.hold.acquire(blocking=False):
            return None
        results = self._writer.stage(unit)
        if results is None:
            self.hold.release()
            return None
        return Staged(unit, results)

    def count(self, count: int) -> None:
        """So many units and jobs go to the writer."""
        self._there += count

    def over(self, count: int) -> None:
        """So many are over, and told so on the reactor."""
        self._there -= count
