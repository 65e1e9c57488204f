"""After a start: re-mark in SQL, then open the doors; the inquiries follow at a measured pace.

Every `sent` leg is `unsure`, every open leg is due. The settlements themselves are loaded a few at a time while the
engine already works, so that five thousand open ones neither delay the doors nor flood a platform.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from engine.core import failpoints
from engine.core.world import World
from engine.runtime.driver import SettlementDriver
from engine.runtime.logs import Log, trouble_of
from engine.saga.events import Tick
from engine.store.contract import CannotRead, Store, Unit
from engine.store.settlements import mark_sent_unsure, open_cases

AT_ONCE = 32
READ_AGAIN = 5.0  # seconds until a settlement is asked for again that could not be read


class Recovery:
    """Brings back what was open when the process ended."""

    def __init__(self, world: World, store: Store, driver: SettlementDriver, log: Log) -> None:
        self._world, self._store, self._driver, self._log = world, store, driver, log
        self._due: deque[str] = deque()
        self._running = 0

    async def mark(self) -> int:
        """Re-mark in one unit and find what is open; the number of settlements. Idempotent."""
        failpoints.hit("recovery.before")
        await self._store.submit(Unit("recovery", mark_sent_unsure(self._world.now())))
        failpoints.hit("recovery.marked")
        opened: list[str] = await self._store.read(lambda conn: [no for no, _, _ in open_cases(conn)])
        self._due.extend(opened)
        self._log.info("recovered", open=len(opened))
        return len(opened)

    def carry_on(self) -> None:
        """Wake the open settlements, at most 32 at a time."""
        while self._due and self._running < AT_ONCE:
            no = self._due.popleft()
            self._running += 1
            self._driver.tell(no, Tick()).addCallbacks(self._one, self._failed, errbackArgs=(no,))

    def _one(self, _: Any) -> None:
        self._running -= 1
        self._world.later(0.0, self.carry_on)

    def _failed(self, failure: Any, no: str) -> None:
        self._log.error("not_recovered", no=no, why=trouble_of(failure.value))
        if failure.check(CannotRead) is not None:  # all connections are taken: it is not this settlement's fault
            self._due.append(no)
            self._running -= 1
            self._world.later(READ_AGAIN, self.carry_on)
            return
        self._one(None)
