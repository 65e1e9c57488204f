"""The door through which a person closes a task: what had to be done was done, or needs nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.world import World
from engine.runtime.auth import Gate
from engine.runtime.deliver_hands import By, NotDone
from engine.runtime.driver import SettlementDriver
from engine.runtime.hand_doors import by_hand
from engine.runtime.meters import Meters
from engine.runtime.resolve import waiting
from engine.runtime.routes import Route
from engine.saga.case import CaseState
from engine.store.contract import Store, Unit, Write
from engine.store.ids import Ids
from engine.store.messages import add_hand
from engine.store.tasks import close_task, task_of
from engine.store.trail import NONCE_TAKEN, add_trail

Tree = Any


class TasksApi:
    """Closes single tasks. What a settlement waits for is decided with `resolve`, never closed away."""

    def __init__(
        self, world: World, gate: Gate, store: Store, ids: Ids, driver: SettlementDriver, meters: Meters
    ) -> None:
        self._world, self._store, self._ids, self._driver = world, store, ids, driver
        self._close_door = by_hand(world, gate, meters, self._close)

    def routes(self) -> list[Route]:
        """For the first listener that has an address."""
        return [Route("POST", "/v1/tasks/{id}/close", self._close_door, "task_close", 8192)]

    async def _close(self, body: Mapping[str, Tree], parts: Mapping[str, str], by: By) -> dict[str, Tree]:
        """NotDone: E-NO-TASK, E-TASK-CLOSED, E-UNDECIDED."""
        number = parts["id"]
        if not number.isascii() or not number.isdigit() or len(number) > 18:
            raise NotDone("E-NO-TASK", number[:20])
        task = await self._store.read(lambda conn: task_of(conn, int(number)))
        if task is None:
            raise NotDone("E-NO-TASK", number)
        no = task["settlement_no"]
        if no is not None:
            await self._decided(no, int(task["leg_id"]))
        done = await self._store.submit(Unit("task", (*self._writes(task, by), *by.used)))
        if not done.committed:
            raise NotDone("E-STATE" if done.failed_sql == NONCE_TAKEN else "E-TASK-CLOSED", number)
        return {"task": number, "kind": task["kind"], "settlement_no": no or "", "closed_by": by.who}

    async def _decided(self, no: str, leg_id: int) -> None:
        """Nothing of the settlement stands still for what this task is about."""
        case = await self._driver.look(no)
        if case is None:
            return
        legs = waiting(case)
        if case.state is CaseState.MANUAL or leg_id in legs:
            raise NotDone("E-UNDECIDED", ", ".join(f"{leg} {call}" for leg, call in legs.items()) or no)

    def _writes(self, task: Mapping[str, Any], by: By) -> tuple[Write, ...]:
        """The task closed, and a line that says who did it: in its settlement's trail, or among the hands' deeds."""
        now, no = self._world.now(), task["settlement_no"]
        closed = close_task(task["id"], by=by.who, note=by.reason, at=now)
        if no is None:
            return closed, add_hand(self._ids.new(), now, "task", f"{task['id']} {task['kind']}", by.who, by.reason)
        heard = {"heard": "Task closed", "task": str(task["id"]), "kind": task["kind"], "by": by.who}
        return closed, add_trail(self._ids.new(), no, now, "Task closed", heard)
