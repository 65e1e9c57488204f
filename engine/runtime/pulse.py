"""How late the reactor is: a timer that notes by how much it fired too late, for `/metrics`.

Everything of the engine happens in one thread. What keeps it (signing, a large message, a slow disk, a machine that
gives the core to others) makes everybody wait, and shows here first.
"""

from __future__ import annotations

from engine.core.world import DelayedCall, World
from engine.runtime.meters import Meters

EVERY = 0.1  # wall seconds between two ticks


class Pulse:
    """Ticks from `start` to `stop`. Only for a process on a real reactor: on a clock that people or tests move, and in
    a simulation, there is nothing to be late for."""

    def __init__(self, world: World, meters: Meters) -> None:
        self._world, self._meters = world, meters
        self._due = 0.0
        self._next: DelayedCall | None = None

    def start(self) -> None:
        self._due = self._world.wall() + EVERY
        self._next = self._world.later(EVERY * self._world.rate, self._tick)

    def _tick(self) -> None:
        self._meters.lag.observe(max(0.0, self._world.wall() - self._due))
        self.start()

    def stop(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
