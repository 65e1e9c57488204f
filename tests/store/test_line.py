"""Units on their way to the writer: one alone at once, several as long as more keep coming; nothing overtakes."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from engine.core.world import World
from engine.store import Unit
from engine.store.ahead import Staged
from engine.store.asks import QUIT, ROUNDS, STOP, Ask, Line, left


class Rounds:
    """A reactor's rounds by hand; each first does what the network has ready. `busy`: the writer is."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.went: list[list[str]] = []
        self.line = Line(self.calls.append, self.go)
        self.busy = False
        self.made = 0

    def go(self, asks: list[Ask]) -> bool:
        if not self.busy:
            self.went.append([unit.name for unit, _ in asks])
        return not self.busy

    def add(self, count: int = 1) -> None:
        for _ in range(count):
            self.made += 1
            self.line.add(Unit(f"u{self.made}", ()), Deferred())

    def round(self, ready: int = 0) -> None:
        self.add(ready)
        calls = self.calls[:]
        self.calls.clear()
        for call in calls:
            call()


def test_the_first_goes_when_the_reactor_is_through() -> None:
    rounds = Rounds()
    rounds.add()
    assert rounds.went == []
    rounds.round()
    assert rounds.went == [["u1"]]
    rounds.round()
    assert rounds.calls == []


def test_several_wait_as_long_as_more_come() -> None:
    rounds = Rounds()
    rounds.add(2)
    rounds.round()
    assert rounds.went == []
    rounds.round(ready=1)
    assert rounds.went == []
    rounds.round()
    assert rounds.went == [["u1", "u2", "u3"]]


def test_nobody_waits_for_ever() -> None:
    rounds = Rounds()
    rounds.add(2)
    for _ in range(ROUNDS):
        rounds.round(ready=1)
    assert rounds.went == []
    rounds.round(ready=1)
    assert len(rounds.went[0]) == ROUNDS + 3


def test_who_comes_while_the_writer_is_busy_goes_in_order_when_it_is_free() -> None:
    rounds = Rounds()
    rounds.round(ready=1)
    rounds.busy = True
    rounds.add()
    rounds.round(ready=1)
    rounds.round()
    rounds.line.free()
    assert rounds.went == [["u1"]]
    rounds.busy = False
    rounds.line.free()
    assert rounds.went == [["u1"], ["u2", "u3"]]
    rounds.line.free()
    assert len(rounds.went) == 2


def test_who_leaves_is_not_written_from_here() -> None:
    rounds = Rounds()
    rounds.add(2)
    assert [unit.name for unit, _ in rounds.line.leave()] == ["u1", "u2"]
    rounds.round()
    assert rounds.went == []


def test_who_waits_in_the_queue_is_found_when_the_store_dies() -> None:
    queue: SimpleQueue[Any] = SimpleQueue()
    waiting: list[Deferred[Any]] = [Deferred(), Deferred()]
    for item in ((Unit("u1", ()), waiting[0]), STOP, (len, waiting[1])):
        queue.put(item)
    assert left(queue) == waiting
    assert queue.empty()


def test_soon_is_at_once_where_no_reactor_runs_and_after_this_round_where_one_does() -> None:
    clock: Any = Clock()
    called: list[int] = []
    World(clock).soon(called.append, 1)
    assert called == [1]
    clock.running = True
    World(clock).soon(called.append, 2)
    assert called == [1]
    clock.advance(0)
    assert called == [1, 2]


def test_what_was_gathered_before_waits_for_nobody_and_overtakes_nobody() -> None:
    rounds = Rounds()
    rounds.line.add(Unit("many", (), gathered=True), Deferred())
    assert rounds.went == [["many"]]
    rounds.add()
    rounds.line.add(Unit("more", (), gathered=True), Deferred())
    assert rounds.went == [["many"]]
    rounds.round()
    rounds.round()
    assert rounds.went[1:] == [["u1", "more"]]
    rounds.busy = True
    rounds.line.add(Unit("last", (), gathered=True), Deferred())
    rounds.busy = False
    rounds.round()
    assert rounds.went[2:] == [["last"]]


def test_whoever_waits_in_the_writers_queue_is_found_when_the_store_dies() -> None:
    queue: SimpleQueue[Any] = SimpleQueue()
    waiting: list[Deferred[Any]] = [Deferred() for _ in range(4)]
    unit = Unit("plain", ())
    queue.put((Staged([], []), [(unit, waiting[0]), (unit, waiting[1])]))
    queue.put((unit, waiting[2]))
    queue.put((lambda: None, waiting[3]))
    queue.put(QUIT)
    assert left(queue) == waiting
    assert queue.empty()
