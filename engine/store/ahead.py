"""Statements run by the reactor's own thread, so that the writer's has only to wait for the disk.

Each statement lets go of the interpreter and has to get it back from the other thread, which costs both of them five
times what a small statement does. A unit that says so (`Unit.light`: few statements, on pages that are in memory) is
therefore prepared where it is handed in, if the writer has nothing to do; only its commit, which waits for the disk, is
the writer's. Nothing else about it is different, and when it cannot be prepared so, it goes the usual way.
"""

from __future__ import annotations

import threading

from engine.store.contract import Unit
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
        self._waiting = 0  # units and jobs not over, wherever they are: only the reactor's thread counts

    def stage(self, unit: Unit) -> Staged | None:
        """A unit has come: prepare it now; None when it goes the usual way."""
        self._waiting += 1
        if not unit.light or self._waiting > 1 or not self.hold.acquire(blocking=False):
            return None
        results = self._writer.stage(unit)
        if results is None:
            self.hold.release()
            return None
        return Staged(unit, results)

    def count(self) -> None:
        """A job has come."""
        self._waiting += 1

    def over(self, count: int) -> None:
        """So many are over, and told so on the reactor."""
        self._waiting -= count
