"""A piece of work on a thread, awaited by the reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from engine.core.world import World

T = TypeVar("T")


def on_a_thread(world: World, work: Callable[[], T]) -> Deferred[T]:
    """What the work gives, or raises. For what takes long and nobody else shall wait for; it ends by itself: what may
    hang (a share, a driver) goes to `engine.connectors.beside`, which has a time."""
    done: Deferred[T] = Deferred()

    def run() -> None:
        try:
            result: Any = work()
        except Exception:  # noqa: BLE001 it is handed to who waits for the work
            result = Failure()  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
        world.from_thread(done.callback, result)  # a Failure ends it as one

    world.in_thread(run)
    return done
