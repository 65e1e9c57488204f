"""Work that blocks (a network share, a database driver) beside the reactor: one piece at a time, each with a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from engine.core.world import World

T = TypeVar("T")


class Stuck(Exception):
    """The work did not come back in its time (`begun`), or an earlier piece has still not, and this was not begun."""

    def __init__(self, why: str, *, begun: bool) -> None:
        super().__init__(why)
        self.begun = begun


class Beside:
    """One desk beside the reactor. Nobody can stop a thread that hangs in the kernel or in a driver: after its time the
    caller is told, and until it comes back nothing else is begun here, so that a dead share costs one thread."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.busy = False

    def run(self, seconds: float, work: Callable[..., T], *args: object) -> Deferred[T]:
        """Do this work in a thread; fails with what it raises, or with Stuck."""
        if self.busy:
            return fail(Stuck("the last one has not come back", begun=False))
        self.busy = True
        done: Deferred[T] = Deferred()
        timer = self._world.later(seconds, _expire, done)

        def ended(result: Any) -> None:
            self.busy = False
            if timer.active():
                timer.cancel()
                done.callback(result)  # a Failure ends it as one

        def there() -> None:
            try:
                result: Any = work(*args)
            except Exception:  # noqa: BLE001 - whatever it raises is its end
                result = Failure()  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
            self._world.from_thread(ended, result)

        self._world.in_thread(there)
        return done


def _expire(done: Deferred[Any]) -> None:
    late = Stuck("no answer in time", begun=True)
    done.errback(Failure(late))  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
