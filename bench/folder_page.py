"""How long the reactor is held while the console reads, compiles and compares a folder with a large code table.

    python -m bench.folder_page [ROWS]

The shipped configuration with one more table of ROWS (300,000) codes is in force; the folder has one row less. A timer
of 5 ms on the same reactor notes by how much it fires too late: that is what calls in flight wait for. Under a minute;
it opens no port and leaves nothing.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from engine.cli.reactor import install
from engine.core.world import World

HOME = Path(__file__).resolve().parents[1]
EVERY = 0.005
ROUNDS = 3


def rows_of(count: int) -> Iterator[str]:
    yield "from_code,to_code,note\n"
    for n in range(count):
        yield f"C{n:07d},N{n * 7 % 10_000_019:08d},第 {n} 项收费项目\n"


def folder_with(count: int, home: Path) -> Path:
    root = home / "node"
    root.mkdir()
    shutil.copy(HOME / "engine.yaml", root)
    for name in ("channels", "mappings", "schemas"):
        shutil.copytree(HOME / name, root / name)
    (root / "mappings/tables/large.csv").write_text("".join(rows_of(count)), encoding="utf-8")
    return root


class Watch:
    """The timer, and how late it was at most."""

    def __init__(self, world: World) -> None:
        self._world, self._due = world, 0.0
        self.late: list[float] = []
        self._tick()

    def _tick(self) -> None:
        now = self._world.reactor.seconds()
        if self._due:
            self.late.append(now - self._due)
        self._due = now + EVERY
        self._world.reactor.callLater(EVERY, self._tick)

    def told(self) -> str:
        late, self.late = sorted(self.late), []
        return (f"held at most {late[-1] * 1000:.0f} ms; longer than 20 ms: {sum(one > 0.02 for one in late)} times, "
                f"{sum(one for one in late if one > 0.02) * 1000:.0f} ms in all")  # fmt: skip


async def measured(world: World, root: Path, home: Path) -> None:
    from engine.console.folder import FolderOnDisk
    from engine.site.files import read_files, texts_of
    from engine.site.load import load
    from engine.site.site import Site
    from engine.store.contract import Unit
    from engine.store.open import open_store
    from engine.store.site_versions import Turn, take_turn

    store = open_store(str(home / "engine.db"), world, bytes(range(32)))
    await store.start()
    made = load(read_files(root))
    assert isinstance(made, Site), made
    turn = Turn(1, made.version, made.content_hash, "", "start", "bench", "", world.now())
    await store.submit(Unit("turn", take_turn(turn, texts_of(made.source), texts_of(made.files))))
    del made
    (root / ".engine-base").write_text(turn.version)
    table = root / "mappings/tables/large.csv"
    whole, watch = table.read_text(encoding="utf-8"), Watch(world)
    for number in range(ROUNDS):
        table.write_text(whole[: whole.rindex("\n", 0, -1 - number) + 1], encoding="utf-8")
        await pause(world, 0.5)
        watch.late.clear()
        page = FolderOnDisk(world, store, root)
        began, judged = world.passed(), None
        while judged is None:  # as the page does, which loads again while the folder is being read
            judged = await page.judged()
        assert not judged.errors and not judged.unreadable[0], judged  # noqa: PT018 one line
        rows = sum(len(part.rows) for part in judged.changed.parts)
        print(f"read in {world.passed() - began:.1f} s, {rows} rows differ; the reactor was {watch.told()}", flush=True)
    await store.stop()


def pause(world: World, seconds: float) -> Deferred[None]:
    over: Deferred[None] = Deferred()
    world.later(seconds, over.callback, None)
    return over


def main(count: int) -> None:
    install()
    from twisted.internet import reactor  # noqa: TID251 a benchmark stands where the command line stands

    net: Any = reactor
    world = World(net)
    with tempfile.TemporaryDirectory(prefix="folder-page") as place:
        home = Path(place)
        root = folder_with(count, home)

        def begin() -> None:
            Deferred.fromCoroutine(measured(world, root, home)).addErrback(ended).addBoth(lambda _: net.stop())

        def ended(failure: Any) -> None:
            print(failure.getTraceback(), file=sys.stderr)

        net.callWhenRunning(begin)
        net.run(installSignalHandlers=False)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
