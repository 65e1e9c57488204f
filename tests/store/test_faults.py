"""Faults put in by hand, on both databases: in threads, and in an inline world as a simulation does."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any

import pytest

from engine.store import CannotStart, Crash, Done, StoreFull, StoreStopped, Unit, open_store
from engine.store import store as store_module

from .loop import MASTER, Loop
from .parts import counter, new_counter


class Fails:
    """Raises `problem` at `stage`, `times` times, for units named `bad`."""

    def __init__(self, stage: str, problem: Exception, times: int = 1) -> None:
        self.stage, self.problem, self.times, self.calls = stage, problem, times, 0

    def __call__(self, stage: str, units: Sequence[Unit]) -> None:
        if stage == self.stage and any(unit.name == "bad" for unit in units) and self.calls < self.times:
            self.calls += 1
            raise self.problem


def value(stores: Any, store: Any, name: str) -> int | None:
    row = stores.loop.wait(store.read(lambda conn: conn.row("counter_get", name=name)))
    return None if row is None else int(row[0])


def reopened(stores: Any, dead: Any) -> Any:
    """A new store where the dead one was, as after a restart of the process."""
    for _ in range(100):
        try:
            return stores.open()
        except CannotStart as no:
            assert "another engine" in str(no)  # noqa: PT017 the dead one's thread is still letting go
            stores.loop.turn(0.02)
    raise AssertionError("the dead store never let go")


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize(("stage", "stored"), [("before_commit", None), ("after_commit", 1)])
def test_a_failed_commit_stops_everything_and_answers_nobody(
    stores: Any, inline: bool, stage: str, stored: int | None
) -> None:
    store = stores.open(inline=inline)
    assert stores.loop.wait(store.write("good", new_counter("a", 1))).committed
    store.fail = Fails(stage, OSError(errno.EIO, "Input/output error"))
    waiting = [store.write("bad", new_counter("b", 1)), store.write("next", new_counter("c", 1))]
    for one in waiting:
        with pytest.raises(StoreStopped, match="Input/output error"):
            stores.loop.wait(one)
    assert len(stores.fatal) == 1
    assert "Input/output error" in stores.fatal[0]
    for late in (store.write("late", new_counter("d", 1)), store.read(lambda conn: 1)):
        with pytest.raises(StoreStopped):
            stores.loop.wait(late)
    assert store.fail.calls == 1, "a failed commit must not be tried again"
    again = reopened(stores, store)
    assert [value(stores, again, n) for n in "abd"] == [1, stored, None]


@pytest.mark.parametrize("inline", [False, True])
def test_no_room_refuses_until_a_probe_gets_through(stores: Any, inline: bool) -> None:
    store, loop = stores.open(inline=inline), stores.loop
    store.fail = Fails("before_commit", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(StoreFull):
        loop.wait(store.write("bad", new_counter("b", 1)))
    assert store.state == "refusing"
    assert not store.room_for_new_work
    refused = store.write("more", new_counter("c", 1))
    assert refused.called, "refused at once"
    with pytest.raises(StoreFull):
        loop.wait(refused)
    assert value(stores, store, "b") is None
    loop.advance(store_module.PROBE_EVERY + 0.1)
    loop.until(lambda: store.state == "open")
    assert loop.wait(store.write("bad", new_counter("b", 1))).committed
    assert value(stores, store, "c") is None
    assert stores.fatal == []


def test_a_probe_that_meets_a_worse_error_stops_the_engine(stores: Any) -> None:
    store, loop = stores.open(), stores.loop
    store.fail = Fails("before_commit", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(StoreFull):
        loop.wait(store.write("bad", new_counter("b", 1)))

    def worse(stage: str, units: Sequence[Unit]) -> None:
        raise OSError(errno.EIO, "Input/output error")

    store.fail = worse
    loop.advance(store_module.PROBE_EVERY + 0.1)
    loop.until(lambda: stores.fatal)
    with pytest.raises(StoreStopped):
        loop.wait(store.write("late", new_counter("b", 1)))


@pytest.mark.parametrize(("stage", "stored"), [("before_commit", None), ("after_commit", 1)])
def test_a_crash_answers_nobody_and_leaves_what_was_committed(stores: Any, stage: str, stored: int | None) -> None:
    store, answers = stores.open(inline=True), []
    store.write("good", new_counter("a", 1)).addBoth(answers.append)
    store.fail = Fails(stage, Crash())
    for name in ("bad", "late"):
        store.write(name, new_counter(name, 1)).addBoth(answers.append)
    store.read(lambda conn: 1).addBoth(answers.append)
    assert answers == [Done(True, -1, "", (1,))]
    assert stores.fatal == []
    again = stores.open(inline=True)
    assert [value(stores, again, n) for n in ("a", "bad", "late")] == [1, stored, None]


def test_an_inline_store_answers_through_the_hook(stores: Any) -> None:
    store, loop = stores.open(inline=True), stores.loop
    store.deliver = lambda fire: store.world.later(0.5, fire)
    got: list[Any] = []
    store.write("u", new_counter("a", 1)).addBoth(got.append)
    store.read(lambda conn: conn.row("counter_get", name="a")).addBoth(got.append)
    assert got == []
    loop.advance(0.4)
    assert got == []
    loop.advance(0.2)
    assert got == [Done(True, -1, "", (1,)), (1,)]


def test_guards_hold_in_an_inline_world_too(stores: Any) -> None:
    store = stores.open(inline=True)
    assert stores.loop.wait(store.write("u", new_counter("a", 1))).committed
    refused = stores.loop.wait(store.write("u", new_counter("b", 1), counter("a", 5, 6)))
    assert (refused.committed, refused.failed_sql) == (False, "counter_reserve")
    assert value(stores, store, "b") is None


def test_a_simulated_store_may_do_without_the_disk(tmp_path: Any) -> None:
    from engine.core.world import World

    loop = Loop()
    for _ in range(2):
        store = open_store(str(tmp_path / "e.db"), World(loop, seed=7, inline=True), MASTER, durable=False)
        loop.wait(store.start())
        loop.wait(store.write("u", new_counter("a", 1)))
        assert store.backend.execute("PRAGMA synchronous").fetchone() == (0,)
        loop.wait(store.stop())
