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


def books(root: Path, since: str, as_json: bool, bills: bool = False) -> int:
    """Compare and print. `bills`: the payment platforms' bills instead of their ledgers. Exit code 1 when there is a
    difference."""
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

    work = compared(world, root, file, since_of(root, since), bills=bills)
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


async def compared(
    world: World, root: Path, file: EngineFile, since: float | None = None, *, bills: bool = False
) -> dict[str, Any]:
    """`{"checked", "open", "expected", "differences": […]}` of this folder's store and the ledgers of its parties.

    `bills`: payment platforms are judged by the bills of the days from `since` (yesterday) to yesterday."""
    from engine.config.secret import SecretMissing
    from engine.parties.bills import KeepsBills
    from engine.parties.registry import PARTIES
    from engine.runtime.books import Beside, LedgerSource, check_books, simulator_ledgers
    from engine.runtime.books_bills import bill_ledgers, yesterday
    from engine.runtime.single_call import line_of
    from engine.site.files import read_files

    sources: list[LedgerSource] = []
    billed: set[str] = set()
    if bills:
        since = yesterday(world.now()) if since is None else since
        billed = {name for name, one in file.parties.items() if isinstance(PARTIES[one.kind], KeepsBills)}
        files = read_files(root)
        try:
            lines = {name: line_of(world, file.parties[name], root, files) for name in billed}
        except (SecretMissing, ValueError) as no:
            raise CannotRun(f"账单无法取 · bills cannot be fetched: {no}") from None
        sources += bill_ledgers(lines, since)
    others = {name: (one.kind, one.url) for name, one in file.parties.items() if name not in billed}
    sources += simulator_ledgers(world, others)
    return (await check_books(world, Beside(store_url(root, file)), sources, since=since)).json()


def _draw(found: dict[str, Any]) -> None:
    for one in found["differences"]:
        line(f"{one['kind']}  {one['settlement_no']}  {one['bill']}")
        line(f"  {one['text']} · {one['en']}")
        line(f"  → {one['next']} · {one['next_en']}")
    differences = len(found["differences"])
    later, later_en = (
        (f"，{found['expected']} 笔有款项在未读的日子", f", {found['expected']} with money on days not read")
        if found["expected"] else ("", "")
    )  # fmt: skip
    line(
        f"核对 {found['checked']} 笔（{found['open']} 笔进行中{later}），{differences} 处差异 · "
        f"{found['checked']} checked, {found['open']} open{later_en}, {differences} differences"
    )
