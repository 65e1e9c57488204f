"""The writer's queue: units with who waits for them, several that are written and still to be committed (with a list of
those), jobs, and the two ways to end."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from twisted.internet.defer import Deferred

from engine.store.contract import Done, Unit
from engine.store.writer import Result

Ask = tuple[Unit, "Deferred[Done]"]
Job = tuple[Callable[[], Any], "Deferred[Any]"]

ROUNDS = 16  # of the reactor that a line waits for more, at most: each takes what the network has ready

STOP = object()  # write what came before, close
QUIT = object()  # the store died: let go of everything, write nothing more


class Line:
    """Units on their way to the writer. A unit alone goes there when the reactor is through with what it does now. When
    several came meanwhile they wait as long as each round of the reactor brings more: the writer then shares the
    interpreter with a reactor that has nothing else to do, and what all units of a batch cost once is paid seldom.
    A unit that was gathered by who hands it in has waited already, and goes at once when it is the first.

    `go` takes those whose turn it is; False when it wants them later: it then calls `free`.
    """

    def __init__(self, soon: Callable[[Callable[[], None]], None], go: Callable[[list[Ask]], bool]) -> None:
        self._soon, self._go = soon, go
        self._asks: list[Ask] = []
        self._gathering, self._seen, self._rounds = False, 0, 0

    def add(self, unit: Unit, done: Deferred[Done]) -> None:
        """A unit, with who waits for it."""
        if unit.gathered and not self._asks and self._go([(unit, done)]):
            return
        self._asks.append((unit, done))
        if not self._gathering:
            self._gathering, self._seen, self._rounds = True, 1, 0
            self._soon(self._look)

    def _look(self) -> None:
        if len(self._asks) > self._seen and self._rounds < ROUNDS:
            self._seen, self._rounds = len(self._asks), self._rounds + 1
            self._soon(self._look)
            return
        self._gathering = False
        self.free()

    def free(self) -> None:
        """The writer may have nothing to do: those who are ready go."""
        if self._asks and not self._gathering:
            asks = self.leave()
            if not self._go(asks):
                self._asks = asks

    def leave(self) -> list[Ask]:
        """All that wait, who now wait elsewhere."""
        asks, self._asks = self._asks, []
        return asks


def left(queue: SimpleQueue[Any]) -> list[Deferred[Any]]:
    """Empty the queue, without the writer; who waited in it."""
    waiting: list[Deferred[Any]] = []
    while not queue.empty():
        item = queue.get()
        if item is not STOP and item is not QUIT:
            waiting += [done for _, done in item[1]] if isinstance(item[1], list) else [item[1]]
    return waiting


def drain(queue: SimpleQueue[Any], first: Ask, cap: int) -> tuple[list[Ask], Any]:
    """All units that wait, up to the cap; and the first thing in the queue that is none, or None."""
    batch = [first]
    while len(batch) < cap:
        try:
            item = queue.get_nowait()
        except Empty:
            return batch, None
        if item is STOP or item is QUIT or not isinstance(item[0], Unit):
            return batch, item
        batch.append(item)
    return batch, None


def answer(batch: list[Ask], results: list[Result]) -> None:
    """Tell everyone how their unit ended."""
    for (_, done), result in zip(batch, results, strict=True):
        if isinstance(result, Done):
            done.callback(result)
        else:
            done.errback(result)
