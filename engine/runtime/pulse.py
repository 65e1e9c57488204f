"""How late the reactor is: a timer that notes by how much it fired too late, for `/metrics`; and whether somebody set
the clock meanwhile.

Everything of the engine happens in one thread. What keeps it (signing, a large message, a slow disk, a machine that
gives the core to others) makes everybody wait, and shows here first.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.core.world import DelayedCall, World
from engine.runtime.meters import Meters

EVERY = 0.1  # wall seconds between two ticks
STEP = 2.0  # seconds by which a clock that somebody has set differs; a clock that is only corrected moves by less


class Pulse:
    """Ticks from `start` to `stop`; `stepped` hears by how many wall seconds the clock was set, less than 0 when it was
    set back. Only for a process on a real reactor: on a clock that people or tests move, and in a simulation, there is
    nothing to be late for."""

    def __init__(self, world: World, meters: Meters, stepped: Callable[[float], None] = lambda seconds: None) -> None:
        self._world, self._meters, self._stepped = world, meters, stepped
        self._apart = 0.0  # the time of day less what has passed
        self._due = 0.0
        self._next: DelayedCall | None = None

    def start(self) -> None:
        self._apart = self._world.wall() - self._seconds()
        self._next_tick()

    def _seconds(self) -> float:
        return self._world.passed() / self._world.rate

    def _next_tick(self) -> None:
        self._due = self._seconds() + EVERY
        self._next = self._world.later(EVERY * self._world.rate, self._tick)

    def _tick(self) -> None:
        self._meters.lag.observe(max(0.0, self._seconds() - self._due))
        apart = self._world.wall() - self._seconds()
        step, self._apart = apart - self._apart, apart
        if abs(step) >= STEP:
            self._stepped(step)
        self._next_tick()

    def stop(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
