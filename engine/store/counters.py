"""Counters that never give a number twice: a block is reserved in the store before its numbers are used.

Drawing never waits. The reservation is submitted before the unit that carries the number, and the store commits in
that order, so a number is on the disk only together with, or after, its reservation; and no number leaves the engine
before its own unit is committed. (Draw in the same turn of the reactor in which the unit is submitted.)
"""

from __future__ import annotations

from engine.store.contract import Connection, Done, Store, Unit, Write


def reserve(name: str, before: int, value: int) -> Write:
    """Move a counter's reserved end from `before` to `value`. Guard: nobody else moved it."""
    return Write("counter_reserve", {"name": name, "before": before, "value": value}, rows=1)


class Counter:
    """A dense counter: 1, 2, 3, … with a gap of at most `block` after a crash. Call `start` once, then `draw`."""

    def __init__(self, store: Store, name: str, block: int = 1000) -> None:
        if block < 1:
            raise ValueError("a block has at least one number")
        self._store, self._name, self._block = store, name, block
        self._last = 0
        self._end = 0
        self._moved = False

    async def start(self) -> None:
        """Read where the counter stands."""
        name = self._name
        await self._store.submit(Unit("counter", (Write("counter_open", {"name": name, "value": 0}),)))
        self._end = self._last = await self._store.read(lambda conn: _stands(conn, name))

    def draw(self) -> int:
        """The next number."""
        return self._take(self._last + 1, self._block)

    def _take(self, number: int, ahead: int) -> int:
        if self._moved:
            raise RuntimeError(f"counter {self._name} was moved by somebody else: two engines on one store?")
        if number > self._end:
            before, self._end = self._end, number - 1 + ahead
            unit = Unit(f"reserve {self._name}", (reserve(self._name, before, self._end),))
            self._store.submit(unit).addCallbacks(self._reserved, self._not_reserved, errbackArgs=(before,))
        self._last = number
        return number

    def _reserved(self, done: Done) -> None:
        self._moved = self._moved or not done.committed

    def _not_reserved(self, failure: object, before: int) -> None:
        """The store is full or stopped: what was drawn was not stored either. Reserve again at the next draw."""
        self._end = min(self._end, before)


def _stands(conn: Connection, name: str) -> int:
    row = conn.row("counter_get", name=name)
    return 0 if row is None else int(row[0])
