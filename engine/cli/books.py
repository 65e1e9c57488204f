"""`engine books`: the store against the parties' own books; every difference with what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.folder import node_file, store_url
from engine.cli.moments import since_of
from engine.cli.say import FOUND, GOOD, CannotRun, WrongUse, document, line
from engine.core.money import yuan_of_fen
from engine.core.times import beijing, instant_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.config.engine_file import EngineFile
    from engine.core.world import World
    from engine.runtime.books import LedgerSource

DAY = 86_400.0


def books(
    root: Path, since: str, as_json: bool, bills: bool = False, ledgers: str = "", excel: str = "",
    virtual_time: bool = False, until: str = "",
) -> int:  # fmt: skip
    """Compare and print. `bills`: the payment platforms' bills instead of their ledgers; `ledgers`: a directory with
    those of other parties as CSV; `excel`: a workbook to write besides; `virtual_time`: by the simulators' movable
    clock, so that "yesterday" is theirs; `until`: the last day of what is compared. Exit code 1 when there is a
    difference."""
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from engine.cli.virtual_clock import allowed, clock_now
    from engine.core.virtual import VirtualWorld
    from engine.core.world import World
    from engine.store.contract import CannotStart

    if excel and Path(excel).suffix.lower() != ".xlsx":
        raise WrongUse(f"--excel {excel}: 文件名以 .xlsx 结尾 · the name ends with .xlsx")
    file = node_file(root)
    if virtual_time:
        allowed(file)
    world = VirtualWorld(reactor, clock_now()) if virtual_time else World(
        reactor, rate=float(file.clock.rate), anchor=file.clock.anchor
    )  # fmt: skip
    ended: list[Any] = []

    def over(result: Any) -> None:
        ended.append(result)
        world.reactor.stop()

    first, end = span_of(since_of(root, since, world.now()), until, bills, world.now())
    work = compared(world, root, file, first, end, bills=bills, ledgers=ledgers)
    world.reactor.callWhenRunning(lambda: Deferred.fromCoroutine(work).addBoth(over))
    world.reactor.run()
    if not ended:
        raise KeyboardInterrupt
    found = ended[0]
    if isinstance(found, Failure):
        if isinstance(found.value, CannotStart):
            raise CannotRun(f"存储无法读取 · the store cannot be read: {found.getErrorMessage()}")
        found.raiseException()
    if excel:
        _write(Path(excel), found, beijing(world.now()), since, until)
    if as_json:
        document(found)
    else:
        _draw(found)
    return FOUND if found["differences"] else GOOD


async def compared(
    world: World, root: Path, file: EngineFile, since: float | None = None, until: float | None = None, *,
    bills: bool = False, ledgers: str = "",
) -> dict[str, Any]:  # fmt: skip
    """`{"checked", "open", "expected", "funds": […], "differences": […]}` of this folder's store and the ledgers of its
    parties.

    `until`: the first instant after what is compared. `bills`: payment platforms are judged by the bills of the days
    from `since` (yesterday) to the day before `until` (yesterday). `ledgers`: the parties that have a CSV there are
    judged by it."""
    from engine.runtime.books import Beside, check_books
    from engine.runtime.books_bills import yesterday
    from engine.runtime.books_csv import CLOCKS
    from engine.runtime.books_sources import NotHad, sources_of
    from engine.runtime.books_view import Limits
    from engine.site.files import read_files

    tables: list[LedgerSource] = [*_from_csv(ledgers, file)] if ledgers else []
    by_bills = None
    if bills:
        since = yesterday(world.now()) if since is None else since
        by_bills = since, None if until is None else until - DAY
    sources = sources_of(world, file.parties, root, read_files(root) if bills else {}, by_bills, tables)
    no = next((source for source in sources if isinstance(source, NotHad)), None)
    if no is not None:
        raise CannotRun(f"账单无法取 · bills cannot be fetched: {no.why}")
    limits = CLOCKS if ledgers else Limits()
    store = Beside(store_url(root, file))
    return (await check_books(world, store, sources, since=since, until=until, limits=limits)).json()


def span_of(since: float | None, until: str, bills: bool, now: float) -> tuple[float | None, float | None]:
    """The first instant of what is compared, and the first one after it; None where it has no such end. By `bills` a
    last day alone is that one day. Errors: WrongUse."""
    if not until:
        return since, None
    try:
        begins = instant_of(until, "%Y-%m-%d")
    except (ValueError, OverflowError):
        raise WrongUse(f"--until {until[:30]}: 写成 2026-11-22 · write 2026-11-22") from None
    if since is not None and since >= begins + DAY:
        raise WrongUse(f"--until {until}: 早于 --since · before --since")
    if bills and begins + DAY > now:
        zh, en = "当天的账单次日才有；按账单只到昨天", "its bill comes the day after; by bills up to yesterday"
        raise WrongUse(f"--until {until}: {zh} · {en}")
    return begins if since is None and bills else since, begins + DAY


def _from_csv(folder: str, file: EngineFile) -> Sequence[LedgerSource]:
    from engine.runtime.books_csv import BadLedgers, csv_ledgers
    from engine.runtime.books_sources import with_books

    try:
        return csv_ledgers(Path(folder), *with_books(file.parties))
    except (BadLedgers, OSError) as no:
        raise CannotRun(str(no)) from None


def _write(path: Path, found: dict[str, Any], at: str, since: str, until: str = "") -> None:
    from engine.runtime.books_workbook import sheets_of
    from engine.runtime.spreadsheet import write_workbook

    try:
        days = f"{since} – {until}".strip() if until else ""
        write_workbook(path, sheets_of(found, at, since, days=days))
    except OSError as no:
        raise CannotRun(f"{path}: {no.strerror}") from None


def _draw(found: dict[str, Any]) -> None:
    for day in found["funds"]:
        moved = yuan_of_fen(day["taken"] + day["given_back"] + day["fee"] + day["other"])
        closing = yuan_of_fen(day["closing"]) if "closing" in day else "—"
        gone = yuan_of_fen(-day["withdrawn"])
        line(
            f"{day['party']} {day['account']} {day['day']}  净入 {moved}，提现 {gone}，结余 {closing} · "
            f"net {moved}, withdrawn {gone}, balance {closing}"
        )
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
