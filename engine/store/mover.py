"""Moving the write-ahead file's pages into the main file, in a thread of its own, one time at a time."""

from __future__ import annotations

from collections.abc import Callable

from engine.core.world import World
from engine.store.backend import Backend, Meaning


class Mover:
    """`died(why)` is called when nobody knows any more what is on the disk, `rested()` after each other end."""

    def __init__(self, backend: Backend, world: World, died: Callable[[str], None], rested: Callable[[], None]) -> None:
        self._backend, self._world, self._died, self._rested = backend, world, died, rested
        self.busy = False

    def move(self) -> None:
        """Begin, unless one is under way."""
        if not self.busy:
            self.busy = True
            self._world.in_thread(self._in_thread)

    def _in_thread(self) -> None:
        try:
            self._backend.checkpoint()
        except Exception as no:  # noqa: BLE001 judged on the reactor
            self._world.from_thread(self._moved, no)
        else:
            self._world.from_thread(self._moved, None)

    def _moved(self, problem: Exception | None) -> None:
        self.busy = False
        if problem is not None and self._backend.judge(problem) is Meaning.FATAL:
            # A failed fsync of the main file must not be tried again: the next one would "work".
            self._died(f"checkpoint failed: {problem}")
        else:
            self._rested()
