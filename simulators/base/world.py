"""Time, randomness and keys of the simulated town: the only door to them for every party."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from simulators.base.keys import KeyRing

if TYPE_CHECKING:
    from simulators.base.deeds import Deed
    from simulators.base.party import SimParty

BEIJING = timezone(timedelta(hours=8))


class Reactor(Protocol):
    """The part of a Twisted reactor the town uses; a simulated one (memory, virtual clock) fits too."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, callable: Any, /, *args: Any, **kw: Any) -> Any: ...

    def listenTCP(self, port: int, factory: Any, backlog: int = ..., interface: str = ...) -> Any: ...

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = ..., bindAddress: Any = ...
    ) -> Any: ...


class Later:
    """A promise of the town's clock; used like Twisted's IDelayedCall, times in business seconds."""

    def __init__(self, world: SimWorld, due: float, order: int, run: Callable[[], object]) -> None:
        self.due, self.order = due, order
        self._world, self._run = world, run
        self._real: Any = None
        self._over = False
        self._schedule()

    def _schedule(self) -> None:
        if self._real is not None and self._real.active():
            self._real.cancel()
        self._real = self._world.reactor.callLater(self._world.real_delay(self.due), self.fire)
        self._world.enqueue(self)

    def __lt__(self, other: Later) -> bool:
        return (self.due, self.order) < (other.due, other.order)

    def fire(self) -> None:
        """Run now, once; later calls of the reactor or of `advance` find it over."""
        if self._over:
            return
        self._drop()
        self._run()

    def _drop(self) -> None:
        self._over = True
        self._world.pending.discard(self)
        if self._real.active():
            self._real.cancel()

    def cancel(self) -> None:
        """Take the promise back; harmless when it has already run."""
        if not self._over:
            self._drop()

    def active(self) -> bool:
        return not self._over

    def getTime(self) -> float:
        return self.due

    def reset(self, seconds: float) -> None:
        """Due `seconds` business seconds from now instead."""
        self.due = self._world.now() + seconds
        self._schedule()

    def delay(self, seconds: float) -> None:
        """Due `seconds` business seconds later than promised."""
        self.due += seconds
        self._schedule()

    def refresh(self) -> None:
        """The world's clock jumped: ask the reactor for the shorter wait that is left."""
        self._schedule()


class SimWorld:
    """The only door to time and randomness for all parties of one process.

    `rate` business seconds pass in one reactor second; `anchor` is the business time (unix seconds)
    at the start. `state_dir` keeps keys and secrets between runs; without it they live in the
    process. `engine` is the address of the engine under test, for parties that must know one.
    """

    def __init__(
        self, reactor: Reactor, *, seed: int = 1, rate: float = 1.0, anchor: float | None = None,
        state_dir: Path | None = None, engine: str = "",
    ) -> None:
        if rate <= 0:
            raise ValueError("rate must be above zero")
        self.reactor = reactor
        self.seed = seed
        self.rate = rate
        self.rng = random.Random(seed)
        self.engine = engine
        self.addresses: dict[str, str] = {}  # where each party listens: a HIS that leads calls the others
        self.parties: dict[str, SimParty] = {}  # those that listen, for the pages
        self.shared: Callable[[float], None] | None = None  # moves the clock of others too, where it is shared
        self.moving_to: float | None = None  # where a shared clock's jump under way goes
        self.journal: Callable[[Deed], None] | None = None  # hears every deed, to record a scenario
        self.by_wall = False  # what is signed carries the wall's time: see `signing`
        self._start = reactor.seconds()
        self._wall: Callable[[], float] = getattr(reactor, "wall", reactor.seconds)  # timers may go by another clock
        self._anchor = self._wall() if anchor is None else anchor
        self.began = self._anchor
        self._order = 0
        self.pending: set[Later] = set()
        self._queue: list[Later] | None = None  # during `advance`: what may fall due on the way
        self.keys = KeyRing(state_dir, seed, self.now)

    def now(self) -> float:
        """Business time, unix seconds."""
        return self._anchor + (self.reactor.seconds() - self._start) * self.rate

    def signing(self) -> float:
        """The time of what is signed, and against which callers' own times are checked, unix seconds: business time, or
        the wall's, for clients that keep a clock of their own while this one is moved."""
        return float(self._wall()) if self.by_wall else self.now()

    def sign_by(self, clock: str) -> None:
        """`clock` (business time) or `wall`; ValueError otherwise."""
        if clock not in ("clock", "wall"):
            raise ValueError("signing: clock or wall")
        self.by_wall = clock == "wall"

    def real_delay(self, due: float) -> float:
        """Reactor seconds until the business time `due`, never negative."""
        return max(0.0, (due - self.now()) / self.rate)

    def later(self, seconds: float, fn: Callable[..., object], *args: object) -> Later:
        """Call `fn(*args)` after that many business seconds; the answer can be cancelled."""
        self._order += 1
        call = Later(self, self.now() + seconds, self._order, lambda: fn(*args))
        self.pending.add(call)
        return call

    def enqueue(self, call: Later) -> None:
        """Called by every promise made or moved: a jump of the clock in progress must see it."""
        if self._queue is not None:
            heappush(self._queue, call)

    def advance(self, seconds: float) -> None:
        """Jump the clock: everything due on the way runs in its order, each at its own time."""
        if seconds < 0:
            raise ValueError("the clock does not go back")
        target = self.now() + seconds
        self._queue = [call for call in self.pending if call.due <= target]
        heapify(self._queue)
        while self._queue:
            first = heappop(self._queue)
            if first.active() and first.due <= target:
                self._anchor += max(0.0, first.due - self.now())
                first.fire()
        self._queue = None
        self._anchor += max(0.0, target - self.now())
        for call in tuple(self.pending):
            call.refresh()

    def move_on(self, seconds: float) -> None:
        """A person moves the clock: alone, or together with everybody who shares it."""
        if self.shared is not None:
            self.shared(seconds)
        else:
            self.advance(seconds)

    def note(self, deed: Deed) -> None:
        """A person did something."""
        if self.journal is not None:
            self.journal(deed)

    def journal_time(self) -> float:
        """Business seconds since this world began."""
        return self.now() - self.began

    def next_due(self) -> float | None:
        """When the next promise falls due, business unix seconds; None without any."""
        return min((call.due for call in self.pending), default=None)

    def moment(self) -> datetime:
        """Beijing time of now."""
        return datetime.fromtimestamp(self.now(), BEIJING)

    def stamp(self, fmt: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Beijing time of now as text, seconds by default."""
        return self.moment().strftime(fmt)

    def signing_stamp(self, fmt: str = "%Y-%m-%d %H:%M:%S") -> str:
        """The same of `signing`."""
        return datetime.fromtimestamp(self.signing(), BEIJING).strftime(fmt)

    def rfc3339(self, at: float | None = None) -> str:
        """A business time (default now) as RFC 3339 with +08:00 and milliseconds."""
        when = self.now() if at is None else at
        return datetime.fromtimestamp(when, BEIJING).isoformat(timespec="milliseconds")
