"""When somebody sets the machine's clock while the engine runs.

What waits in the process goes by what has passed and notices nothing. What is stored goes by the time of day. Set
forward, it is due sooner. Set back an hour, the next inquiry about a payment would be an hour away: it is moved back
too. What others were promised (a fence, an expiry, the patient's time to choose) stays as it is, and comes later.
"""

from __future__ import annotations

from engine.runtime.deliver_lanes import Lanes
from engine.runtime.driver import SettlementDriver
from engine.runtime.logs import Log


def clock_was_set(seconds: float, driver: SettlementDriver, lanes: Lanes, log: Log) -> None:
    """The clock was set by so many business seconds, less than 0 when it was set back."""
    log.error("clock_was_set", seconds=round(seconds, 1), settlements=len(driver.rooms()))
    if seconds >= 0:
        return
    for room in list(driver.rooms()):
        for leg in room.case.legs:
            if leg.next_at is not None and leg.next_at != leg.fence_at:
                leg.next_at += seconds
        if room.timer is not None:
            driver.set_timer(room)
    move_retries(seconds, lanes)


def move_retries(seconds: float, lanes: Lanes) -> None:
    """The messages that wait to be sent again, when the clock was set back by so many business seconds (below 0)."""
    if seconds < 0 and lanes.waiting:
        for lane in lanes.waiting:
            lane.due += seconds
        lanes.set_alarm()
