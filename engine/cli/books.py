"""`engine books`: the store against the parties' own books; every difference with what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.folder import node_file, store_url
from engine.cli.moments import since_of
from engine.cli.say import FOUND, GOOD, CannotRun, document, line

if TYPE_CHECKING:
    from engine.config.engine_file import EngineFile
    from engine.core.world import World


def books(root: Path, since: str, as_json: bool) -> int:
    """Compare and print. Exit code 1 when there is a difference."""
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from engine.core.world import World
    from engine.store.contract import CannotStart

    file = node_file(root)
    world = World(reactor, rate=float(file.clock.rate), anchor=file.clock.anchor)
    ended: list[Any] = []

    def over(result: Any) -> None:
        ended.append(result)
        world.reactor.stop()

    work = compared(world, root, file, since_of(root, since))
    world.reactor.callWhenRunning(lambda: Deferred.fromCoroutine(work).addBoth(over))
    world.reactor.run()
    if not ended:
        raise KeyboardInterrupt
    found = ended[0]
    if isinstance(found, Failure):
        if isinstance(found.value, CannotStart):
            raise CannotRun(f"存储无法读取 · the store cannot be read: {found.getErrorMessage()}")
        found.raiseException()
    if as_json:
        document(found)
    else:
        _draw(found)
    return FOUND if found["differences"] else GOOD


async def compared(world: World, root: Path, file: EngineFile, since: float | None = None) -> dict[str, Any]:
    """`{"checked", "open", "differences": […]}` of this folder's store and the ledgers of its parties."""
    from engine.runtime.books import Beside, check_books, simulator_ledgers

    ledgers = simulator_ledgers(world, {name: (one.kind, one.url) for name, one in file.parties.items()})
    return (await check_books(world, Beside(store_url(root, file)), ledgers, since=since)).json()


def _draw(found: dict[str, Any]) -> None:
    for one in found["differences"]:
        line(f"{one['kind']}  {one['settlement_no']}  {one['bill']}")
        line(f"  {one['text']} · {one['en']}")
        line(f"  → {one['next']} · {one['next_en']}")
    differences = len(found["differences"])
    line(
        f"核对 {found['checked']} 笔（{found['open']} 笔进行中），{differences} 处差异 · "
        f"{found['checked']} checked, {found['open']} open, {differences} differences"
    )
