"""What the engine itself has to tell a person, outside of any settlement's turn: told once while the task is open."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from engine.core.world import World
from engine.runtime.ledger_rows import task_open
from engine.runtime.logs import Log
from engine.runtime.meters import Meters
from engine.saga.events import Task
from engine.store.contract import Store, Unit
from engine.store.ids import Ids
from engine.store.tasks import is_open, task_over


class Desk:
    """Opens tasks. Nobody waits for it; a store without room is tried again at the next occasion."""

    def __init__(self, world: World, store: Store, ids: Ids, meters: Meters, log: Log) -> None:
        self._world, self._store, self._ids, self._meters, self._log = world, store, ids, meters, log
        self._telling: set[tuple[str, str | None, str]] = set()

    def call(self, kind: str, no: str | None, text: str, side: str) -> None:
        """A person must look at `kind` of this settlement (None: of none), unless one is asked to already. `side`: the
        party it is about, or `engine`."""
        about = (kind, no, side)
        if about in self._telling:
            return
        self._telling.add(about)
        Deferred.fromCoroutine(self._tell(kind, no, text, side)).addBoth(self._told, about)

    async def over(self, kind: str, side: str) -> None:
        """What a task about this party, of no settlement, asked for has come about: nobody has to look any more."""
        await self._store.submit(Unit(kind, (task_over(kind, side, at=self._world.now()),)))

    async def _tell(self, kind: str, no: str | None, text: str, side: str) -> None:
        if await self._store.read(lambda conn: is_open(conn, kind, no, side)):
            return
        task = task_open(self._ids.new(), no, Task(kind, 0, text), side, self._world.now())
        done = await self._store.submit(Unit(kind, (task,)))
        if done.committed:
            self._meters.task_opened(kind)
            self._log.warning("task", no=no or "", task=kind, party=side)

    def _told(self, result: Any, about: tuple[str, str | None, str]) -> None:
        self._telling.discard(about)  # a failure (no room, stopping) is the store's own trouble, and told there
