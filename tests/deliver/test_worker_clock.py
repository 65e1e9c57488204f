"""A worker of a spread channel when somebody sets the machine's clock: what waits there goes on as in the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from engine.connectors.mllp import Peer
from engine.core.world import World
from engine.runtime.logs import open_log
from engine.store.beside import Beside, worker_path
from engine.store.open import open_store
from engine.worker import Worker
from tests.deliver import ward as wards
from tests.deliver.ward import SECRET, Ward, adt


class WorkerWard(Ward):
    """The ward's channel, shared with a worker, which alone is at work here; its clock can be set."""

    off = 0.0

    def work(self) -> Worker:
        node: Any = self.sim.node("engine")
        node.wall = lambda: node.seconds() + self.off
        world = World(node, seed=1, inline=True)
        path = str(self.folder / "engine.db")
        self.store = open_store(worker_path(path, 1), world, SECRET.encode(), durable=False)
        worker = Worker(world, self.folder, self.site(), self.store, open_log(world.now, self.log), Beside([path]),
                        lane=1, lanes=2, count=2, doors=False)  # fmt: skip
        self.wait(Deferred.fromCoroutine(worker.start()))
        return worker


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_what_a_worker_sends_again_does_not_wait_for_the_old_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    monkeypatch.setattr(wards, "CHANNEL", wards.CHANNEL + "spread:  yes\n")
    monkeypatch.setattr(wards, "ENGINE", wards.ENGINE + "limits: {{processes: 2}}\n")
    ward = WorkerWard(tmp_path)
    worker = ward.work()
    ward.emr.answer = lambda body: 503
    assert b"MSA|AA|C1" in ward.wait(worker.deliver.take("hl7", adt("C1"), Peer("his", 0, "hl7")))
    ward.advance(10)
    tries = len(ward.emr.asked)
    assert tries > 1, "it waits between two tries"
    ward.off = step
    ward.emr.answer = lambda body: 200
    ward.advance(60)
    assert [control for _, control in ward.emr.got] == ["C1"]
    ward.wait(Deferred.fromCoroutine(worker.stop()))
