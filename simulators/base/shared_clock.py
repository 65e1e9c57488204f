"""One virtual clock for the simulators and the engine: it runs as the wall does, and a person can make it jump.

The simulators' process serves it on loopback; an engine under `--virtual-time` takes part. A jump goes in steps: no
timer is passed by, and while somebody waits for an answer of another the steps are exact. One JSON object a line:

    clock → engine   {"set": 1795305600.0, "step": 1}     your clock stands there now; run what is due, in its order
    engine → clock   {"step": 1, "next": 1795305605.0, "busy": false, "open": true}
                     done; my next timer; whether I wait for somebody; whether something is not at rest
"""

# Twisted's protocol classes are only partly typed.
# mypy: allow-untyped-calls

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from simulators.base.world import SimWorld

PORT = 8790
STEPS = 400  # a jump of nobody's business is made in so many steps
LEAST = 1.0  # business seconds of a step at least, while nobody waits
QUIET = 3  # looks in a row without anybody busy, before time goes on while something is open
SETTLE = 0.01  # real seconds in which bytes already under way arrive
PATIENCE = 100  # looks at somebody busy, before his next timer may be what he waits for


class SharedClock:
    """The service. `busy` says whether a party of ours owes an answer."""

    def __init__(self, world: SimWorld, busy: Callable[[], bool]) -> None:
        self.world, self._busy = world, busy
        self.lines: list[_Line] = []
        self._grain = LEAST
        self._looks = self._quiet = 0
        self._step = 0
        world.shared = self.jump

    def listen(self, port: int = PORT, interface: str = "127.0.0.1") -> Any:
        """Twisted's listening port."""
        factory = Factory.forProtocol(lambda: _Line(self))
        factory.noisy = False
        return self.world.reactor.listenTCP(port, factory, interface=interface)

    def jump(self, seconds: float) -> None:
        """Move everybody on; a second order while a jump is under way is added to it."""
        under_way = self.world.moving_to is not None
        self.world.moving_to = (self.world.moving_to or self.world.now()) + seconds
        self._grain = max(LEAST, (self.world.moving_to - self.world.now()) / STEPS)
        if not under_way:
            self._ask()

    def _ask(self) -> None:
        self._all(None)

    def _all(self, to: float | None) -> None:
        """Everybody goes there (or only says how he stands), then we decide on."""
        self._step += 1
        if to is not None:
            self.world.advance(max(0.0, to - self.world.now()))
        asked = [line.ask(self._step, to) for line in self.lines]
        DeferredList(asked, consumeErrors=True).addCallback(lambda _: self._later(self._decide))

    def _later(self, call: Callable[[], None]) -> None:
        self.world.reactor.callLater(SETTLE, call)

    def _decide(self) -> None:
        target, now = self.world.moving_to, self.world.now()
        if target is None:
            return
        if now >= target - 1e-6:
            self.world.moving_to = None
            return
        busy = self._busy() or any(line.busy for line in self.lines)
        if busy and self._looks < PATIENCE:
            self._looks, self._quiet = self._looks + 1, 0
            self._later(self._ask)
            return
        exact = busy or any(line.open for line in self.lines)
        if exact and self._quiet < QUIET:
            self._quiet += 1
            self._later(self._ask)
            return
        self._looks = self._quiet = 0
        due = [when for line in self.lines if (when := line.next) is not None]
        if (ours := self.world.next_due()) is not None:
            due.append(ours)
        first = min(due, default=target)
        step = max(first, now) if exact else max(first, now + self._grain)
        self._all(min(target, step + 1e-3))


class _Line(LineReceiver):
    """One engine that takes part."""

    delimiter = b"\n"
    transport: Any

    def __init__(self, clock: SharedClock) -> None:
        self._clock = clock
        self._waiting: Deferred[None] | None = None
        self.next: float | None = None
        self.busy = self.open = False

    def connectionMade(self) -> None:
        self._clock.lines.append(self)
        self._say({"set": self._clock.world.now(), "step": 0})

    def ask(self, step: int, to: float | None) -> Deferred[None]:
        """Send it there; fires when it has said how it stands."""
        self._waiting = Deferred()
        self._say({"set": to, "step": step})
        return self._waiting

    def _say(self, tree: dict[str, Any]) -> None:
        self.sendLine(json.dumps(tree).encode())

    def lineReceived(self, line: bytes) -> None:
        try:
            said = json.loads(line)
            self.next, self.busy, self.open = said["next"], bool(said["busy"]), bool(said["open"])
        except (ValueError, KeyError, TypeError):
            self.transport.loseConnection()
            return
        self._done()

    def _done(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.busy, self.open, self.next = False, False, None
        if self in self._clock.lines:
            self._clock.lines.remove(self)
        self._done()
