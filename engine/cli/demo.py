"""`engine demo`: a whole hospital on this machine, ten settlements, and the parties' own books as the judge."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from engine.cli import demo_led, demo_scenes, demo_troubles
from engine.cli.books import compared
from engine.cli.demo_books import compare
from engine.cli.demo_play import Claimed, Play, Played, Scene
from engine.cli.demo_show import Show
from engine.cli.demo_stage import Stage
from engine.cli.init import checked_topology
from engine.cli.say import FOUND, GOOD, INTERRUPTED, CannotRun, WrongUse, document
from simulators.base.world import SimWorld
from simulators.kiosk import Kiosk, NoReply

SCENES: Sequence[Scene] = (*demo_scenes.SCENES, *demo_troubles.SCENES)
LED: Sequence[Scene] = (*demo_scenes.SCENES, *demo_led.troubles(demo_troubles.SCENES))
FOLDER = Path("var/demo")
RATE = 10
CLIENT = "K01"


def demo(root: Path, once: bool, only: str = "", as_json: bool = False, topology: str = "engine-led") -> int:
    """Play, with the engine or the HIS leading.

    Exit code 0 when every scene ended as it must, 1 when one did not, 130 for Ctrl-C while playing.
    """
    led = checked_topology(topology) == "his-led"
    scenes = chosen(only, LED if led else SCENES)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM ends as Ctrl-C does: nothing is left running
    with Show(scenes, quiet=as_json) as show:
        show.say("准备 · setting the stage")
        stage = Stage(root / FOLDER, RATE, his_led=led)
        try:
            for what, usual, used in stage.moved:
                show.note(f"端口 {usual} 已占用，{what} 改用 {used} · port {usual} is taken, {what} uses {used}")
            show.say("启动模拟系统与引擎 · starting the parties and the engine")
            stage.open()
            played, books = _Theatre(stage, scenes, show).run()
            wrong = any(one.wrong for one in played) or len(played) < len(scenes) or bool(books["differences"])
            if as_json:
                document({"scenes": [one.public() for one in played], "books": books, "good": not wrong})
            else:
                show.table(played, books)
            interrupted = len(played) < len(scenes)
            if not once and not interrupted:
                show.stay(stage, played)
                _wait()
        finally:
            show.say("收场 · closing")
            stage.close()
    if interrupted:
        return INTERRUPTED
    return FOUND if wrong else GOOD


def chosen(only: str, scenes: Sequence[Scene] = SCENES) -> Sequence[Scene]:
    """The scenes of `1,3,10`; all for ""."""
    if not only:
        return scenes
    numbers = {text.strip() for text in only.split(",")}
    if unknown := numbers - {str(scene.no) for scene in scenes}:
        raise WrongUse(f"--only: 1–{len(scenes)}, not {', '.join(sorted(unknown))}")
    return [scene for scene in scenes if str(scene.no) in numbers]


def _wait() -> None:
    """Until Ctrl-C or SIGTERM."""
    told: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda which, frame: told.append(which))
    while not told:
        signal.pause()


class _Theatre:
    """Plays scene after scene on the reactor."""

    def __init__(self, stage: Stage, scenes: Sequence[Scene], show: Show) -> None:
        self._stage, self._scenes, self._show = stage, scenes, show
        self._kiosks: dict[str, Kiosk] = {}
        self._played: list[Played] = []
        self._failure: Failure | None = None
        self._books: dict[str, Any] = {"checked": 0, "differences": []}
        self._world = SimWorld(stage.reactor, rate=stage.world.rate, anchor=stage.world.now(), seed=stage.starts)

    def run(self) -> tuple[list[Played], dict[str, Any]]:
        """All scenes in order (fewer after Ctrl-C), and the books."""
        reactor = self._stage.reactor

        def over(result: Any) -> None:
            if isinstance(result, Failure):
                self._failure = result
            if reactor.running:
                reactor.stop()

        reactor.callWhenRunning(lambda: Deferred.fromCoroutine(self._all()).addBoth(over))
        for told in (signal.SIGINT, signal.SIGTERM):
            signal.signal(told, lambda number, frame: reactor.callFromThread(reactor.stop))
        reactor.run(installSignalHandlers=False)
        if self._failure is not None:
            self._failure.raiseException()
        return self._played, self._books

    async def _all(self) -> None:
        for scene in self._scenes:
            self._show.begin(scene)
            one = await self._one(scene, self._show.say)
            self._played.append(one)
            self._show.end(one)
        self._show.say("核对账目 · checking the books")
        told = compare(self._stage, self._played)
        kept = await compared(self._stage.world, self._stage.root, self._stage.file)
        self._books = {"checked": told["checked"], "differences": [*told["differences"], *kept["differences"]]}
        for kiosk in self._kiosks.values():
            await kiosk.close()

    async def _one(self, scene: Scene, say: Callable[[str], None]) -> Played:
        play = Play(self._stage, self._kiosk, scene, say)
        began = self._stage.world.wall()
        try:
            await scene.play(play)
        except (Claimed, CannotRun, NoReply) as no:
            play.played.wrong = str(no) or type(no).__name__
        except (KeyError, IndexError) as no:
            play.played.wrong = f"an answer or a ledger has no {no}"
        play.played.seconds = self._stage.world.wall() - began
        play.played.calls = play.calls()
        return play.played

    def _kiosk(self, terminal: str) -> Kiosk:
        if terminal not in self._kiosks:
            secret = self._stage.secret(CLIENT)
            self._kiosks[terminal] = Kiosk(self._world, self._stage.url, CLIENT, secret, terminal)
        return self._kiosks[terminal]
