"""Time-ordered integer ids: milliseconds since 1970, shifted by 12 bits; never twice, never going back.

The end of the reserved stretch is kept in the store, so that a clock that stepped back makes ids run ahead of it
instead of repeating.
"""

from __future__ import annotations

from engine.core.world import World
from engine.store.contract import Store
from engine.store.counters import Counter

SHIFT = 12
AHEAD = 30_000 << SHIFT  # ids are reserved for half a minute


class Ids(Counter):
    """Draws ids. Call `start` once, then `new`. Where several processes draw beside each other, each draws only those
    whose remainder by `lanes` is its `lane`: no two are ever alike."""

    def __init__(self, world: World, store: Store, *, lane: int = 0, lanes: int = 1) -> None:
        super().__init__(store, "ids", AHEAD)
        self._world, self._lane, self._lanes = world, lane, lanes

    def new(self) -> int:
        """An id greater than all before."""
        number = first_id_at(self._world.now())
        if number <= self._last:
            number = self._last + 1
        if self._lanes > 1:
            number += (self._lane - number) % self._lanes
        if number > self._end or self._moved:
            return self._take(number, AHEAD)
        self._last = number
        return number

    draw = new


def first_id_at(instant: float) -> int:
    """The smallest id of this instant (unix seconds): what is older has a smaller one."""
    return int(instant * 1000) << SHIFT
