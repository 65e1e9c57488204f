"""The one door to time, randomness, ids, threads and the reactor.

Everything that happens in the engine asks a `World`; that is what lets the same code run on the
real reactor, on a hand-moved clock in a test, and in a seeded simulation. Nothing else may call
`time.time`, `random`, `uuid4`, `os.urandom` or import the reactor (a lint rule checks it).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any, Protocol


class DelayedCall(Protocol):
    """What the reactor hands back for a call in the future."""

    def cancel(self) -> None: ...
    def active(self) -> bool: ...


class Reactor(Protocol):
    """The part of a Twisted reactor that a World needs."""

    def seconds(self) -> float:
        """What its timers run by. One whose seconds are not the time of day has that as `wall`."""

    def callLater(self, delay: float, f: Callable[..., object], *args: object) -> Any: ...
    def callFromThread(self, f: Callable[..., object], *args: object) -> Any: ...
    def callInThread(self, f: Callable[..., object], *args: object) -> Any: ...


class World:
    """Time in business seconds, true or seeded randomness, and threads or none.

    `rate` > 1 is the development clock: business time runs that many times faster than the wall,
    counted from `anchor` (unix seconds at which both agree). Simulators given the same rate and anchor see the
    same instant. `seed` makes randomness repeatable; `inline` says there are no threads (simulation).
    """

    def __init__(
        self,
        reactor: Reactor,
        *,
        rate: float = 1.0,
        anchor: float | None = None,
        seed: int | None = None,
        inline: bool = False,
    ) -> None:
        if rate <= 0:
            raise ValueError("rate must be positive")
        self.reactor: Any = reactor
        self.rate = rate
        self.inline = inline
        self._wall: Callable[[], float] = getattr(reactor, "wall", reactor.seconds)
        self._anchor = self._wall() if anchor is None else anchor
        if rate == 1.0:
            self.now = self._wall  # type: ignore[method-assign]  # asked a dozen times a message
            self.passed = reactor.seconds  # type: ignore[method-assign]  # the same
        self._random = None if seed is None else random.Random(seed)
        self._jitter = random.Random() if seed is None else self._random

    def now(self) -> float:
        """Business time, unix seconds."""
        if self.rate == 1.0:
            return self._wall()
        return self._anchor + (self._wall() - self._anchor) * self.rate

    def wall(self) -> float:
        """The wall's time, unix seconds; differs from `now` only on the development clock."""
        return self._wall()

    def passed(self) -> float:
        """Business seconds since some instant or other: what `later` runs by. Nobody sets it, as a wall's clock is set:
        waits inside a process are reckoned with it, and with `now` only what is stored or told."""
        seconds: float = self.reactor.seconds()
        return seconds * self.rate

    def elapsed(self) -> float:
        """The wall's seconds since some instant or other, however fast business time runs and wherever it jumps."""
        seconds: float = self.reactor.seconds()
        return seconds

    def later(self, seconds: float, call: Callable[..., object], *args: object) -> DelayedCall:
        """Call in so many business seconds."""
        handle: DelayedCall = self.reactor.callLater(max(0.0, seconds) / self.rate, call, *args)
        return handle

    def soon(self, call: Callable[..., object], *args: object) -> None:
        """Call when the reactor is through with what it does now; at once where none is running."""
        if getattr(self.reactor, "running", False):
            self.reactor.callLater(0, call, *args)
        else:
            call(*args)

    def token(self, size: int) -> bytes:
        """`size` unpredictable bytes (repeatable only in a seeded world)."""
        return os.urandom(size) if self._random is None else self._random.randbytes(size)  # noqa: TID251 the one place

    def nonce(self) -> str:
        """32 hexadecimal characters, for one-time use."""
        return self.token(16).hex()

    def jitter(self) -> float:
        """A number in [0, 1) for spreading retries; never for secrets."""
        assert self._jitter is not None
        return self._jitter.random()

    def in_thread(self, work: Callable[..., object], *args: object) -> None:
        """Run work beside the reactor; in an inline world, at once."""
        if self.inline:
            work(*args)
        else:
            self.reactor.callInThread(work, *args)

    def from_thread(self, call: Callable[..., object], *args: object) -> None:
        """Come back to the reactor from a thread; in an inline world, at once."""
        if self.inline:
            call(*args)
        else:
            self.reactor.callFromThread(call, *args)
