"""How much may go to one party now: a window, a rate, hours of the day, a breaker, a person's hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.config.engine_parts import PartyEntry
from engine.core.times import beijing
from engine.core.world import DelayedCall, World

if TYPE_CHECKING:
    from engine.runtime.deliver_lanes import Lane

DAY = 86_400.0


class Gate:
    """The gate before one party. `ready` are the lanes whose head may go; `go(gate, lane)` is called for each in turn.

    The breaker: after so many failures in a row nothing goes for a while; then one message alone is tried. While it is
    open nothing counts as a try, so that a party that was down for an hour finds everything as it was.
    """

    def __init__(self, world: World, name: str, entry: PartyEntry, go: Callable[[Gate, Lane], None]) -> None:
        self.name = name
        self.agreed(entry, 1)
        self._world, self._go = world, go
        self.ready: deque[Lane] = deque()
        self.in_flight = 0
        self.paused = False
        self.failures = 0
        self._pause = 0.0  # the breaker's present pause; 0 while it is closed
        self._until = 0.0
        self._allowance, self._counted = 1.0, world.passed()
        self._timer: DelayedCall | None = None
        self._pumping = False

    def agreed(self, entry: PartyEntry, share: int) -> None:
        """What the party bears, of which this process may use one of `share` equal parts."""
        self.entry, self.share = entry, share
        self.window = max(1, entry.window // share)
        self._rate = None if entry.rate is None else entry.rate / share
        self._limited = self._rate is not None or entry.hours is not None

    @property
    def is_open(self) -> bool:
        """Whether the breaker keeps messages back."""
        return self._pause > 0

    def add(self, lane: Lane) -> None:
        """A lane has something to send."""
        self.ready.append(lane)
        if not self._pumping:
            self.pump()

    def pump(self) -> None:
        """Let go what may go."""
        self._pumping = True
        try:
            while self.ready and self.in_flight < self.window:
                wait = self._wait() if self._limited or self._pause or self.paused else None
                if wait is not None:
                    if wait > 0:
                        self._later(wait)
                    return
                lane = self.ready.popleft()
                self.in_flight += 1
                self._go(self, lane)
        finally:
            self._pumping = False

    def heard(self, good: bool | None) -> None:
        """An attempt ended: the party took it or answered well, or not, or (None) this says nothing about it."""
        if good:
            self.failures, self._pause = 0, 0.0
        elif good is False:
            self.failures += 1
            if self.failures >= self.entry.breaker.after and self._world.passed() >= self._until:
                breaker = self.entry.breaker
                self._pause = min(breaker.cap, self._pause * 2) if self._pause else breaker.pause
                self._until = self._world.passed() + self._pause

    def ended(self) -> None:
        """How it ended is on the disk: only now another may go, so that no more can ever be repeated after a death."""
        self.in_flight -= 1
        if self.ready and not self._pumping:
            self.pump()

    def stop(self) -> None:
        """Nothing more goes."""
        self.paused = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _wait(self) -> float | None:
        """Seconds until one may go; None: now; 0: when something else happens."""
        if self.paused:
            return 0.0
        now = self._world.passed()
        if self._pause:
            if now < self._until:
                return self._until - now
            if self.in_flight:
                return 0.0
        closed = self._closed_for(self._world.now())
        if closed:
            return closed
        rate = self._rate
        if rate is None:
            return None
        burst = max(1.0, rate / 10)
        self._allowance = min(burst, self._allowance + (now - self._counted) * rate)
        self._counted = now
        if self._allowance < 1.0:
            return max(0.001, (1.0 - self._allowance) / rate)
        self._allowance -= 1.0
        return None

    def _closed_for(self, now: float) -> float:
        """Seconds until its hours begin; 0 within them."""
        if self.entry.hours is None:
            return 0.0
        begins, ends = self.entry.hours
        hour, minute, second = beijing(now, "%H:%M:%S").split(":")
        at = int(hour) * 3600 + int(minute) * 60 + int(second)
        inside = begins <= at < ends if begins < ends else at >= begins or at < ends
        return 0.0 if inside else (begins - at) % DAY or DAY

    def _later(self, seconds: float) -> None:
        if self._timer is None or not self._timer.active():
            self._timer = self._world.later(seconds, self.pump)
