"""How late the reactor is, as /metrics tells it: what keeps the thread is seen by the next tick."""

from __future__ import annotations

from twisted.internet.task import Clock

from engine.core.world import World
from engine.runtime.meters import Meters
from engine.runtime.pulse import EVERY, Pulse


def _lag(meters: Meters, what: str) -> float:
    rows = meters.page().decode().splitlines()
    row = next(row for row in rows if row.startswith(f"engine_reactor_lag_seconds_{what} "))
    return float(row.rpartition(" ")[2])


def test_what_keeps_the_thread_is_late_and_what_does_not_is_not() -> None:
    clock, meters = Clock(), Meters()
    pulse = Pulse(World(clock), meters)
    pulse.start()
    clock.pump([EVERY] * 10)
    assert (_lag(meters, "count"), round(_lag(meters, "sum"), 6)) == (10, 0)
    clock.advance(EVERY + 0.3)  # a turn that took so long
    assert (_lag(meters, "count"), round(_lag(meters, "sum"), 6)) == (11, 0.3)
    clock.advance(EVERY)
    assert round(_lag(meters, "sum"), 6) == 0.3, "being late once is told once"
    pulse.stop()
    assert not clock.getDelayedCalls()


def test_on_a_quicker_clock_it_is_the_walls_time_that_counts() -> None:
    clock, meters = Clock(), Meters()
    pulse = Pulse(World(clock, rate=60.0), meters)
    pulse.start()
    clock.pump([EVERY] * 5)
    assert (_lag(meters, "count"), round(_lag(meters, "sum"), 6)) == (5, 0)
