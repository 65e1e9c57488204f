"""Whether something is quick enough to be done in the reactor's thread: by how long it took there lately."""

from __future__ import annotations

SLOW = 0.002  # seconds: where it takes longer on average, waiting for it is another thread's business
LOOKED_AT = 16  # about so many of the last times make that average
SLOW_FOR = 64  # so many are then another thread's


class Pace:
    """Ask `quick` each time, and tell `took` of each that was done here."""

    def __init__(self) -> None:
        self._average = 0.0  # seconds
        self._slow_for = 0

    def quick(self) -> bool:
        """Whether this one is to be done here."""
        self._slow_for = max(0, self._slow_for - 1)
        return not self._slow_for

    def took(self, seconds: float) -> None:
        """So long one took here."""
        self._average += (seconds - self._average) / LOOKED_AT
        if self._average > SLOW:
            self._average, self._slow_for = 0.0, SLOW_FOR
