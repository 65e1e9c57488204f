"""What nobody waits for: old bodies and calls go when their time is over, data keys change every month."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from engine.config.engine_parts import Retention
from engine.core.world import DelayedCall, World
from engine.runtime.logs import Log
from engine.store.contract import StoreFull, StoreStopped
from engine.store.purge import purge

EVERY = 3600.0
KEY_LIFE = 30 * 86_400.0


class Housekeeping:
    """Runs once an hour of business time."""

    def __init__(self, world: World, store: Any, retention: Retention, log: Log) -> None:
        self._world, self._store, self._retention, self._log = world, store, retention, log
        self._timer: DelayedCall | None = None
        self._rotated_at = world.now()

    def keep(self, retention: Retention) -> None:
        """Other periods from the next round on."""
        self._retention = retention

    def start(self) -> None:
        self._timer = self._world.later(EVERY, self._begin)

    def stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _begin(self) -> None:
        Deferred.fromCoroutine(self.run()).addErrback(
            lambda failure: self._log.error("housekeeping", why=type(failure.value).__name__)
        )
        self.start()

    async def run(self) -> int:
        """One round; the number of rows that went."""
        now = self._world.now()
        try:
            gone = await purge(self._store, now, bodies=self._retention.bodies, calls=self._retention.messages)
            if now - self._rotated_at >= KEY_LIFE:
                self._rotated_at = now
                await self._store.rotate()
        except (StoreFull, StoreStopped):
            return 0
        if gone:
            self._log.info("purged", rows=gone)
        return gone
