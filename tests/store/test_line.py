"""Units on their way to the writer: one alone at once, several as long as more keep coming; nothing overtakes."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from engine.core.world import World
from engine.store import Unit
from engine.store.asks import ROUNDS, STOP, Line


class Rounds:
    """A reactor's rounds by hand; each first does what the network has ready."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.queue: SimpleQueue[Any] = SimpleQueue()
        self.line = Line(self.queue, self.calls.append)
        self.made = 0

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

    def written(self) -> list[str]:
        found = []
        while not self.queue.empty():
            item = self.queue.get()
            found.append("stop" if item is STOP else item[0].name)
        return found


def test_a_unit_alone_goes_when_the_reactor_is_through() -> None:
    rounds = Rounds()
    rounds.add()
    assert rounds.written() == []
    rounds.round()
    assert rounds.written() == ["u1"]
    rounds.round()
    assert rounds.calls == []


def test_several_wait_as_long_as_more_come() -> None:
    rounds = Rounds()
    rounds.add(2)
    rounds.round()
    assert rounds.written() == []
    rounds.round(ready=1)
    assert rounds.written() == []
    rounds.round()
    assert rounds.written() == ["u1", "u2", "u3"]


def test_nobody_waits_for_ever() -> None:
    rounds = Rounds()
    rounds.add(2)
    for _ in range(ROUNDS):
        rounds.round(ready=1)
    assert rounds.written() == []
    rounds.round(ready=1)
    assert len(rounds.written()) == ROUNDS + 3


def test_what_comes_behind_them_does_not_overtake() -> None:
    rounds = Rounds()
    rounds.add(2)
    rounds.line.hand_over().put(STOP)
    assert rounds.written() == ["u1", "u2", "stop"]
    rounds.round()
    assert rounds.written() == []


def test_who_waits_in_line_is_found_when_the_store_dies() -> None:
    rounds = Rounds()
    rounds.add(2)
    rounds.line.hand_over()
    rounds.add(1)
    assert len(rounds.line.left()) == 3
    rounds.round()
    assert rounds.written() == []


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
