"""A reactor with a hand-moved clock and real threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

NOON = 1_795_000_000.0
MASTER = b"m" * 32


class Loop(Clock):
    """Time moves by hand, threads are real, what they hand back runs in `wait`."""

    def __init__(self) -> None:
        super().__init__()
        self.advance(NOON)
        self._back: queue.SimpleQueue[tuple[Callable[..., object], tuple[object, ...]]] = queue.SimpleQueue()

    def callInThread(self, call: Callable[..., object], *args: object) -> None:
        threading.Thread(target=call, args=args, daemon=True).start()

    def callFromThread(self, call: Callable[..., object], *args: object) -> None:
        self._back.put((call, args))

    def turn(self, seconds: float) -> bool:
        """Run one thing a thread handed back; False when none came in time."""
        try:
            call, args = self._back.get(timeout=seconds)
        except queue.Empty:
            return False
        call(*args)
        return True

    def until(self, ready: Callable[[], object], seconds: float = 20.0) -> None:
        """Run until `ready()`."""
        for _ in range(int(seconds * 50)):
            if ready():
                return
            self.turn(0.02)
        raise AssertionError("waited in vain")

    def wait(self, work: Deferred[Any] | Coroutine[Any, Any, Any]) -> Any:
        """The result of a Deferred or coroutine; raises its error."""
        done = work if isinstance(work, Deferred) else Deferred.fromCoroutine(work)
        got: list[Any] = []
        done.addBoth(got.append)
        self.until(lambda: got)
        if isinstance(got[0], Failure):
            got[0].raiseException()
        return got[0]
