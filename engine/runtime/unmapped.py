"""Counts the codes that a map looked up in a code table without finding a row, for the interface admin's list.

Counts are kept every few seconds, not with each message: what a crash loses is a number, and the message or settlement
itself says why it was refused.
"""

from __future__ import annotations

from dataclasses import replace

from engine.core.world import DelayedCall, World
from engine.pipeline.rejected import MapRejected
from engine.runtime.logs import Log
from engine.runtime.meters import Meters
from engine.store.contract import Store, StoreFull, StoreStopped, Unit
from engine.store.unmapped import UnmappedCode, count_unmapped, kept_of

PAUSE = 5.0  # seconds for which counts are gathered
AT_ONCE = 500  # codes gathered meanwhile; further ones of the same seconds are only in the meter


class Unmapped:
    """Hears of every map that refused; `note` looks for those for which a code was not in its table."""

    def __init__(self, world: World, store: Store, meters: Meters, log: Log) -> None:
        self._world, self._store, self._meters, self._log = world, store, meters, log
        self._counts: dict[tuple[str, str], UnmappedCode] = {}
        self._timer: DelayedCall | None = None

    def note(self, no: MapRejected) -> None:
        """A map refused."""
        table = no.about.get("table")
        if table is None:
            return
        self._meters.unmapped(table)
        now, code = self._world.now(), kept_of(no.about.get("key", ""))
        place = f"{no.place.file}:{no.place.line}" if no.place is not None else ""
        known = self._counts.get((table, code))
        if known is not None:
            self._counts[table, code] = replace(known, place=place, times=known.times + 1, last_at=now)
        elif len(self._counts) < AT_ONCE:
            self._counts[table, code] = UnmappedCode(table, code, place, 1, now, now)
        if self._timer is None:
            self._timer = self._world.later(PAUSE, self._keep)

    def stop(self) -> None:
        """Keep what was counted; before the store is stopped."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._keep()

    def _keep(self) -> None:
        self._timer = None
        counts, self._counts = self._counts, {}
        if counts:
            writes = tuple(count_unmapped(one, self._store.sealer) for one in counts.values())
            self._store.submit(Unit("unmapped", writes)).addErrback(self._not_kept, len(counts))

    def _not_kept(self, failure: object, codes: int) -> None:
        if failure.check(StoreFull, StoreStopped) is None:  # type: ignore[attr-defined]  # Twisted's Failure has no types
            self._log.error("unmapped_not_kept", codes=codes)
