"""`engine run`: one node, in the foreground, until it is told to stop."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import large_pages
from engine.cli.applied import applied_site
from engine.cli.awake import Awake
from engine.cli.folder import loaded, master_key, store_url
from engine.cli.reactor import install as install_reactor
from engine.cli.say import CANNOT, GOOD, INTERRUPTED, CannotRun, WrongUse, line, trouble
from engine.cli.versions import note_base
from engine.cli.workers import Workers
from engine.core.virtual import VirtualWorld
from engine.runtime.clock_steps import clock_was_set
from engine.runtime.pulse import Pulse

if TYPE_CHECKING:
    from engine.app import Engine
    from engine.saga.rules import Rules
    from engine.site.site import Site


SAID_LINES = 20  # of what a reload said, in the log


def run(root: Path, profile: str = "", folder: bool = False, virtual_time: bool = False) -> int:
    """Run the engine of this folder. Exit code: 0 stopped (SIGTERM), 3 cannot run, 130 Ctrl-C.

    `profile` replaces the one of engine.yaml; production refuses a development clock. `folder`: begin with the folder's
    files even though another version was applied. `virtual_time`: take part in the simulators' clock.
    """
    install_reactor()
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in

    from engine.app import Engine
    from engine.cli.virtual_clock import allowed, clock_now, take_part
    from engine.core import failpoints
    from engine.core.world import World
    from engine.runtime.deliver_spread import processes_of
    from engine.runtime.logs import open_log
    from engine.store.beside import Beside, kept_by, worker_path
    from engine.store.contract import CannotStart
    from engine.store.open import open_store, open_workers

    applied = None if folder else applied_site(root)
    site = _of_profile(applied or loaded(root), profile)
    if applied is None:
        note_base(root, site.version)
    rules = _rules(site.engine.profile)
    failpoints.arm(os.environ)
    clock = site.engine.clock
    if virtual_time:
        allowed(site.engine)
    world = VirtualWorld(reactor, clock_now()) if virtual_time else World(reactor, rate=float(clock.rate),
        anchor=clock.anchor)
    log = open_log(world.now)
    try:
        url = store_url(root, site.engine)
        key = master_key(root, site.engine)
        store = open_store(url, world, key)
    except CannotStart as no:
        raise CannotRun(f"存储无法打开 · the store cannot be opened: {no}") from None

    def dead(why: str) -> None:
        # Nobody knows what is on the disk: not one more answer may leave this process. Recovery decides.
        log.error("store_died", why=why)
        trouble(f"存储故障，立即停止 · the store died, stopping at once: {why}")
        os._exit(CANNOT)

    store.on_fatal = dead
    store.on_word = lambda word, seconds: (log.info if word in ("store_answers", "store_has_room") else log.error)(
        word, seconds=round(seconds, 1))
    count = 1 if virtual_time else processes_of(site, url)
    workers = [*range(1, count), *([] if virtual_time else kept_by(url, count))]
    lanes = max(workers, default=0) + 1
    engine = Engine(world, root, site, store, log, rules=rules, processes=count, lanes=lanes)
    engine.deliver.lanes.share = len(workers) + 1
    if workers:
        engine.deliver.intake.beside = Beside([worker_path(url, index) for index in workers]).known
        engine.beside = lambda: open_workers(url, key)
    if workers[count - 1 :]:
        log.warning("more_workers_before", workers=workers[count - 1 :], processes=count)
    if isinstance(world, VirtualWorld):
        reactor.callWhenRunning(take_part, world, lambda: _stands(engine))
    return _Life(reactor, engine, Workers(reactor, root, workers, count, log)).run()


def _of_profile(site: Site, profile: str) -> Site:
    if not profile:
        return site
    from engine.config.engine_parts import PROFILES

    if profile not in PROFILES:
        raise WrongUse(f"--profile: {', '.join(PROFILES)}")
    if profile == "production" and site.engine.clock.rate != 1:
        raise CannotRun("生产环境不能使用开发时钟 · no development clock in production (engine.clock.rate)")
    return replace(site, engine=replace(site.engine, profile=profile))


def _rules(profile: str) -> Rules:
    """All rules; a test may take one away to prove that its absence would be seen."""
    from engine.saga.rules import RULES

    off = os.environ.get("ENGINE_TEST_RULE_OFF", "")
    if not off:
        return RULES
    if profile != "test":
        raise CannotRun("ENGINE_TEST_RULE_OFF 只用于 profile: test · is for the profile test only")
    if off not in {field.name for field in fields(RULES)}:
        raise WrongUse(f"ENGINE_TEST_RULE_OFF: {', '.join(field.name for field in fields(RULES))}")
    return replace(RULES, **{off: False})


def _stands(engine: Engine) -> tuple[bool, bool]:
    """For a shared clock: whether a call or a turn is under way, and whether a settlement is not at rest."""
    rooms = engine.driver.rooms()
    calls = engine.driver.in_flight > 0 or any(map(any, engine.connections.stats().values()))
    return calls or any(room.busy or room.queue for room in rooms), bool(rooms)


class _Life:
    """Start, signals, drain, end."""

    def __init__(self, reactor: Any, engine: Engine, workers: Workers) -> None:
        self._reactor, self._engine, self._workers = reactor, engine, workers
        engine.deliver.on_reloaded = workers.renew
        engine.deliver_api.hands.others = engine.node_meters.others = workers
        self._pulse = Pulse(engine.world, engine.meters, lambda seconds: clock_was_set(
            seconds * engine.world.rate, engine.driver, engine.deliver.lanes, engine.log))
        self._awake = Awake(engine.world, lambda: engine.sites.current.engine.awake, lambda: engine.store.units,
                            lambda why: engine.log.warning("processors_sleep", why=why))
        self._code = GOOD
        self._stopping = False

    def run(self) -> int:
        from twisted.internet.defer import Deferred

        self._reactor.callWhenRunning(
            lambda: Deferred.fromCoroutine(self._engine.start()).addCallbacks(self._ready, self._not_started)
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        signal.signal(signal.SIGHUP, self._told_to_reload)
        self._reactor.run(installSignalHandlers=False)
        return self._code

    def _ready(self, _: Any) -> None:
        # The loaded site lives as long as the process: no collection has to look at it again. A settlement in flight
        # makes a few thousand objects and no cycles, so the youngest are looked at rarely.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        large_pages.gather()
        if not isinstance(self._engine.world, VirtualWorld):
            self._pulse.start()
            self._awake.start()
        self._workers.start(self._say_ready)

    def _say_ready(self) -> None:
        doors = self._engine.sites.current.engine.listeners
        for name, listener in self._engine.listeners.items():
            scheme = "http" if doors[name].tls is None else "https"
            line(f"engine ready {scheme}://{listener.host}:{listener.port}")
            break

    def _not_started(self, failure: Any) -> None:
        self._code = CANNOT
        trouble(f"无法启动 · cannot start: {failure.getErrorMessage()}")
        if failure.check(*_expected()) is None:
            trouble(failure.getTraceback())
        self._end()

    def _told(self, number: int, frame: object) -> None:
        if self._stopping:
            os._exit(INTERRUPTED)  # told twice: in flight calls count as unknown, recovery asks
        self._stopping = True
        self._code = INTERRUPTED if number == signal.SIGINT else GOOD
        self._reactor.callFromThread(self._end)

    def _told_to_reload(self, number: int, frame: object) -> None:
        """SIGHUP: take the folder's configuration, as `engine apply` does, by a process of its own: its conversations
        keep a processor busy for seconds."""
        self._reactor.callFromThread(self._reactor.callInThread, self._apply)

    def _apply(self) -> None:
        from engine.core.interpreter import environment, python

        command = [*python(), "-m", "engine", "apply", "--root", str(self._engine.root), "--by", "SIGHUP"]
        told = subprocess.run(  # noqa: S603 our own program
            [*command, "--reason", "SIGHUP"], env=environment(), capture_output=True, text=True, check=False
        )
        say = self._engine.log.info if told.returncode == GOOD else self._engine.log.error
        lines = [text for text in (told.stdout + told.stderr).splitlines() if text.strip()]
        self._reactor.callFromThread(lambda: say("sighup", code=told.returncode, said=lines[-SAID_LINES:]))

    def _end(self) -> None:
        from twisted.internet.defer import Deferred

        def over(result: Any) -> None:
            if result is not None:
                trouble(f"停止时出错 · while stopping: {result.getErrorMessage()}")
            self._reactor.callInThread(self._workers.stop)
            self._reactor.stop()

        self._pulse.stop()
        self._awake.stop()
        Deferred.fromCoroutine(self._engine.stop()).addBoth(over)


def _expected() -> tuple[type[Exception], ...]:
    """What may keep an engine from starting without being a defect."""
    from twisted.internet.error import CannotListenError

    from engine.config.secret import SecretMissing
    from engine.runtime.sites import UnknownSite
    from engine.store.contract import CannotRead, CannotStart

    return (CannotListenError, CannotRead, CannotStart, SecretMissing, UnknownSite)
