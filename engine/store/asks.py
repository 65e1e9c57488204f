"""The writer's queue: units with who waits for them, jobs, and the two ways to end."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from twisted.internet.defer import Deferred

from engine.store.contract import Done, Unit
from engine.store.writer import Result

Ask = tuple[Unit, "Deferred[Done]"]
Job = tuple[Callable[[], Any], "Deferred[Any]"]

STOP = object()  # write what came before, close
QUIT = object()  # the store died: let go of everything, write nothing more


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


def left_waiting(queue: SimpleQueue[Any]) -> list[Deferred[Any]]:
    """Empty the queue; who waited in it."""
    waiting = []
    while not queue.empty():
        item = queue.get()
        if item is not STOP and item is not QUIT:
            waiting.append(item[1])
    return waiting


def answer(batch: list[Ask], results: list[Result]) -> None:
    """Tell everyone how their unit ended."""
    for (_, done), result in zip(batch, results, strict=True):
        if isinstance(result, Done):
            done.callback(result)
        else:
            done.errback(result)
