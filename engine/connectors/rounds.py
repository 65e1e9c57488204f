"""What fetches from somewhere, round after round: a directory that is emptied, a view that is read.

A round that fails is tried again, later each time; what stands in the way is told once until it changes, and once more
when it is gone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from engine.core.retry import Backoff
from engine.core.world import World

_RECEIVER = "receiver"
OnTrouble = Callable[[str, str], None]
"""(`kind`, text): the kinds are the fetcher's own, and `receiver`; the text names no person."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong now and goes on until it is put right. `since`: business time it began, unix seconds."""

    why: str
    since: float


OnWell = Callable[[str, Wrong], None]
"""(`kind`, what it was): it is over. Only of what lasts, not of a single file that cannot be had."""


class Rounds(ABC):
    """`start` begins at once, `stop` fires when the round at hand is done. `failing` says why nothing can be done now
    ("" when all is well), `wrong` by its kind what lasts."""

    def __init__(
        self,
        world: World,
        name: str,
        every_s: float,
        retry: Backoff,
        on_trouble: OnTrouble | None,
        on_error: Callable[[Failure], None] | None,
        on_well: OnWell | None = None,
    ) -> None:
        self.name = name
        self.wrong: dict[str, Wrong] = {}
        self._hindered_by: list[str] = []  # the kinds under which `wrong` has why no round can be done, the last last
        self._world = world
        self._every_s, self._retry = every_s, retry
        self._on_trouble, self._on_error, self._on_well = on_trouble, on_error, on_well
        self._tries = 0
        self._timer: Any = None
        self._round: Deferred[None] | None = None
        self._stopped = False

    @property
    def failing(self) -> str:
        return self.wrong[self._hindered_by[-1]].why if self._hindered_by else ""

    @abstractmethod
    async def _one_round(self) -> bool:
        """True when there is more to do at once."""

    @abstractmethod
    def _hindrance(self, fault: Exception) -> tuple[str, str] | None:
        """Kind and text of a fault of where we fetch; None when it is the receiver's, or a defect."""

    @abstractmethod
    async def _let_go(self) -> None:
        """Nothing will be fetched any more."""

    def start(self) -> Deferred[None]:
        """Begin. Fires at once: a place that is away is no reason not to start."""
        self._look()
        return succeed(None)

    def stop(self, seconds: float = 30.0) -> Deferred[None]:
        """Fetch no more; fires once the round at hand is finished, or after so many seconds, and what was open is
        closed. What was not finished is handed over again after the next start."""
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return Deferred.fromCoroutine(self._close(seconds))

    async def _close(self, seconds: float) -> None:
        if self._round is not None:
            done: Deferred[None] = Deferred()
            timer = self._world.later(seconds, done.callback, None)
            self._round.addBoth(lambda _: None if done.called else done.callback(None))
            await done
            if timer.active():
                timer.cancel()
        await self._let_go()

    def _look(self) -> None:
        self._timer = None
        self._round = Deferred.fromCoroutine(self._try_round())

    async def _try_round(self) -> None:
        more = False
        try:
            more = await self._one_round()
            self._tries = 0
            for kind in self._hindered_by:
                self._is_over(kind)
            self._hindered_by.clear()
        except Exception as fault:  # noqa: BLE001 - whatever stops a round, there is another one
            self._tries += 1
            self._broken(fault)
        self._round = None
        if self._stopped:
            return
        wait = 0.0 if more else self._every_s
        if self._tries:
            wait = max(self._every_s, self._retry.delay(self._tries, self._world.jitter()))
        self._timer = self._world.later(wait, self._look)

    def _broken(self, fault: Exception) -> None:
        hindrance = self._hindrance(fault)
        self._hindered(*(hindrance or (_RECEIVER, type(fault).__name__)))
        if hindrance is None and self._on_error is not None:
            self._on_error(Failure(fault))  # type: ignore[no-untyped-call]  # Twisted's Failure has no types

    def _hindered(self, kind: str, text: str) -> None:
        """Nothing can be fetched now. What came as far as the receiver has left the other hindrance behind."""
        for other in [one for one in self._hindered_by if one != kind and kind == _RECEIVER]:
            self._hindered_by.remove(other)
            self._is_over(other)
        if kind in self._hindered_by:
            self._hindered_by.remove(kind)
        self._hindered_by.append(kind)
        self._lasts(kind, text)

    def _lasts(self, kind: str, text: str) -> None:
        """From now on, or still, this is wrong: once is enough until it changes."""
        before = self.wrong.get(kind)
        self.wrong[kind] = Wrong(text, self._world.now() if before is None else before.since)
        if before is None or before.why != text:
            self._trouble(kind, text)

    def _is_over(self, kind: str) -> None:
        """No longer wrong, if it was."""
        was = self.wrong.pop(kind, None)
        if was is not None and self._on_well is not None:
            self._on_well(kind, was)

    def _trouble(self, kind: str, text: str) -> None:
        if self._on_trouble is not None:
            self._on_trouble(kind, text)
