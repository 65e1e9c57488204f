"""The clock that simulators and engine share: nobody's timer is passed by, and who waits for somebody is waited for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 real sockets on loopback
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from engine.cli.say import CannotRun, WrongUse
from engine.cli.virtual_clock import allowed, clock_now, place, take_part
from engine.core.virtual import VirtualWorld
from simulators.base.shared_clock import SharedClock
from simulators.base.world import SimWorld
from tests.cli.shell import engine
from tests.conformance.ground import ROOT

MORNING = 1795305600.0


def virtual(clock: Clock) -> VirtualWorld:
    clock.callInThread = clock.callFromThread = None  # type: ignore[attr-defined]  # no threads here
    return VirtualWorld(clock, MORNING)  # type: ignore[arg-type]  # a clock is enough


def test_what_is_due_on_the_way_runs_in_its_order_at_its_own_time() -> None:
    world = virtual(Clock())
    seen: list[tuple[str, float]] = []

    def note(name: str) -> None:
        seen.append((name, world.now() - MORNING))

    def first() -> None:
        note("first")
        world.later(10.0, note, "made on the way")

    world.later(3600.0, note, "last")
    world.later(5.0, first)
    taken_back = world.later(7.0, note, "never")
    taken_back.cancel()
    world.jump(MORNING + 7200.0)
    assert seen == [("first", 5.0), ("made on the way", 15.0), ("last", 3600.0)]
    assert world.now() == MORNING + 7200.0
    assert (world.next_due(), taken_back.active()) == (None, False)


def test_a_timer_that_was_not_reached_keeps_its_time() -> None:
    clock = Clock()
    world, seen = virtual(clock), []
    world.later(100.0, seen.append, 1)
    world.jump(MORNING + 60.0)
    world.jump(MORNING)  # never back
    assert world.now() == MORNING + 60.0
    clock.advance(39.0)
    assert seen == []
    clock.advance(1.5)
    assert seen == [1]


def pause(seconds: float) -> Deferred[None]:
    done: Deferred[None] = Deferred()
    reactor.callLater(seconds, done.callback, None)  # type: ignore[attr-defined]  # the real reactor
    return done


class Pair:
    """A town's clock and an engine's world on one reactor, over a real socket."""

    def __init__(self) -> None:
        self.town = SimWorld(reactor, anchor=MORNING)  # type: ignore[arg-type]  # the real reactor
        self.clock = SharedClock(self.town, lambda: False)
        self.port = self.clock.listen(0)
        self.engine = VirtualWorld(reactor, MORNING)  # type: ignore[arg-type]  # the real reactor
        self.busy = self.open = False
        take_part(self.engine, lambda: (self.busy, self.open), ("127.0.0.1", self.port.getHost().port))

    async def joined(self) -> None:
        while not self.clock.lines:
            await pause(0.01)

    async def there(self) -> None:
        for _ in range(500):
            await pause(0.01)
            if self.town.moving_to is None:
                return
        raise AssertionError("the jump does not end")

    async def close(self) -> None:
        for line in list(self.clock.lines):
            line.transport.loseConnection()
        await self.port.stopListening()
        await pause(0.02)


@pytest_twisted.ensureDeferred
async def test_both_clocks_jump_and_see_the_same_moments() -> None:
    pair = Pair()
    await pair.joined()
    seen: list[tuple[str, int]] = []
    pair.engine.later(40_000.0, lambda: seen.append(("engine", round(pair.engine.now() - MORNING))))
    pair.town.later(30_000.0, lambda: seen.append(("town", round(pair.town.now() - MORNING))))
    pair.town.move_on(86_400.0)
    assert pair.town.moving_to is not None
    await pair.there()
    assert seen == [("town", 30_000), ("engine", 40_000)]
    assert abs(pair.engine.now() - pair.town.now()) < 0.5
    assert 86_400 <= pair.town.now() - MORNING < 86_410
    await pair.close()


@pytest_twisted.ensureDeferred
async def test_while_something_is_open_the_steps_are_exact() -> None:
    """A question of the engine reaches the town at its own moment, and the answer is heard before time goes on."""
    pair = Pair()
    await pair.joined()
    pair.open = True
    seen: list[tuple[str, int]] = []

    def ask(at: float) -> None:
        pair.busy = True
        seen.append(("asked", round(pair.engine.now() - MORNING)))
        reactor.callLater(0.03, answer)  # type: ignore[attr-defined]  # bytes take real time

    def answer() -> None:
        pair.busy = False
        seen.append(("answered", round(pair.engine.now() - MORNING)))

    for at in (100.0, 200.0, 4_000.0):
        pair.engine.later(at, ask, at)
    pair.engine.later(250.0, lambda: seen.append(("deadline", round(pair.engine.now() - MORNING))))
    pair.town.move_on(5_000.0)
    await pair.there()
    assert seen == [
        ("asked", 100), ("answered", 100), ("asked", 200), ("answered", 200), ("deadline", 250),
        ("asked", 4000), ("answered", 4000),
    ]  # fmt: skip
    await pair.close()


@pytest_twisted.ensureDeferred
async def test_an_engine_that_goes_away_holds_nobody_up() -> None:
    pair = Pair()
    await pair.joined()
    pair.busy = True
    pair.town.move_on(3600.0)
    pair.clock.lines[0].transport.abortConnection()
    await pair.there()
    assert pair.clock.lines == []
    await pair.close()


def test_it_is_refused_in_production_beside_a_rate_and_where_nobody_serves_it() -> None:
    class File:
        profile = "demo"

        class clock:
            rate = 1

    file: Any = File()
    allowed(file)
    with pytest.raises(CannotRun):
        allowed(file, "production")
    File.clock.rate = 60
    with pytest.raises(CannotRun):
        allowed(file)
    with pytest.raises(CannotRun):
        clock_now(("127.0.0.1", 9))


@pytest.mark.parametrize("given", ["0", "65536", "-1", "8790 ", "８７９０", "clock", "127.0.0.1:8790"])
def test_a_port_that_is_none_is_wrong_use(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("VIRTUAL_CLOCK_PORT", given)
    with pytest.raises(WrongUse):
        clock_now()


@pytest.mark.parametrize(("given", "port"), [("", 8790), ("8791", 8791)])
def test_the_environment_names_another_port(monkeypatch: pytest.MonkeyPatch, given: str, port: int) -> None:
    monkeypatch.setenv("VIRTUAL_CLOCK_PORT", given)
    assert place() == ("127.0.0.1", port)


def test_books_by_a_clock_nobody_serves_cannot_run(tmp_path: Path) -> None:
    done = engine("books", "--virtual-time", "--root", str(ROOT), VIRTUAL_CLOCK_PORT="9")
    assert (done.returncode, "nobody serves the virtual clock" in done.stderr) == (3, True), done.stderr
    text = (ROOT / "engine.yaml").read_text().replace("profile: demo", "profile: production")
    (tmp_path / "engine.yaml").write_text(text)
    done = engine("books", "--virtual-time", "--root", str(tmp_path))
    assert (done.returncode, "production" in done.stderr) == (3, True), done.stderr


def test_a_production_node_does_not_start_under_it(tmp_path: Path) -> None:
    text = (ROOT / "engine.yaml").read_text().replace("profile: demo", "profile: production")
    (tmp_path / "engine.yaml").write_text(text)
    done = subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-m", "engine", "simulate", "--virtual-time", "--root", str(tmp_path)],
        capture_output=True, text=True, timeout=60, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 3
    assert "production" in done.stderr
