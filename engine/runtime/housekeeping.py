"""What nobody waits for: old bodies, calls and repeats go when their time is over, data keys change every month."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from engine.config.engine_parts import Retention
from engine.core.world import DelayedCall, World
from engine.runtime.logs import Log, trouble_of
from engine.store.contract import Store, StoreFull, StoreStopped
from engine.store.keys import data_key_made_at
from engine.store.purge import purge, purge_inbox

EVERY = 3600.0
KEY_LIFE = 30 * 86_400.0


class Housekeeping:
    """Runs once an hour of business time; the data key's age is looked at when the engine starts, too."""

    def __init__(self, world: World, store: Store, retention: Retention, log: Log) -> None:
        self._world, self._store, self._retention, self._log = world, store, retention, log
        self._timer: DelayedCall | None = None
        self._inbox_seen = 0

    def keep(self, retention: Retention) -> None:
        """Other periods from the next round on."""
        self._retention = retention

    def start(self) -> None:
        self._go(self._new_key())
        self._timer = self._world.later(EVERY, self._begin)

    def stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _begin(self) -> None:
        self._go(self.run())
        self._timer = self._world.later(EVERY, self._begin)

    def _go(self, work: Coroutine[Deferred[Any], Any, Any]) -> None:
        Deferred.fromCoroutine(work).addErrback(
            lambda failure: self._log.error("housekeeping", why=trouble_of(failure.value))
        )

    async def run(self) -> int:
        """One round; the number of rows that went."""
        now = self._world.now()
        try:
            gone = await purge(self._store, now, bodies=self._retention.bodies, calls=self._retention.messages)
            repeats, self._inbox_seen = await purge_inbox(
                self._store, now, self._retention.messages, self._inbox_seen
            )
            gone += repeats
            await self._new_key()
        except (StoreFull, StoreStopped):
            return 0
        if gone:
            self._log.info("purged", rows=gone)
        return gone

    async def _new_key(self) -> None:
        """A new data key when the one in use is a month old, however often the engine was started meanwhile."""
        try:
            made_at = await self._store.read(data_key_made_at)
            if made_at is not None and self._world.now() - made_at >= KEY_LIFE:
                key_id = await self._store.rotate()
                self._log.info("data_key_changed", data_key=key_id)
        except (StoreFull, StoreStopped):
            return
