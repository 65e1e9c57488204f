"""`engine books`: the store against the parties' own books; every difference with what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.folder import node_file, store_url
from engine.cli.moments import since_of
from engine.cli.say import FOUND, GOOD, CannotRun, WrongUse, document, line
from engine.cli.spreadsheet import write_workbook
from engine.core.money import yuan_of_fen
from engine.core.times import beijing

CLOCKS = 60.0  # seconds by which the clock of who wrote a spreadsheet may be behind ours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.config.engine_file import EngineFile
    from engine.core.world import World
    from engine.runtime.books import LedgerSource


def books(
    root: Path, since: str, as_json: bool, bills: bool = False, ledgers: str = "", excel: str = "",
    virtual_time: bool = False,
) -> int:  # fmt: skip
    """Compare and print. `bills`: the payment platforms' bills instead of their ledgers; `ledgers`: a directory with
    those of other parties as CSV; `excel`: a workbook to write besides; `virtual_time`: by the simulators' movable
    clock, so that "yesterday" is theirs. Exit code 1 when there is a difference."""
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

    work = compared(world, root, file, since_of(root, since, world.now()), bills=bills, ledgers=ledgers)
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
        _write(Path(excel), found, beijing(world.now()), since)
    if as_json:
        document(found)
    else:
        _draw(found)
    return FOUND if found["differences"] else GOOD


async def compared(
    world: World, root: Path, file: EngineFile, since: float | None = None, *, bills: bool = False,
    ledgers: str = "",
) -> dict[str, Any]:  # fmt: skip
    """`{"checked", "open", "expected", "funds": […], "differences": […]}` of this folder's store and the ledgers of its
    parties.

    `bills`: payment platforms are judged by the bills of the days from `since` (yesterday) to yesterday. `ledgers`: the
    parties that have a CSV there are judged by it."""
    from engine.config.secret import SecretMissing
    from engine.parties.bills import KeepsBills
    from engine.parties.registry import PARTIES
    from engine.runtime.books import Beside, check_books, simulator_ledgers
    from engine.runtime.books_bills import bill_ledgers, yesterday
    from engine.runtime.books_view import Limits
    from engine.runtime.single_call import line_of
    from engine.site.files import read_files

    sources: list[LedgerSource] = [*_from_csv(ledgers, file)] if ledgers else []
    billed = {source.party for source in sources}
    if bills:
        since = yesterday(world.now()) if since is None else since
        keep = {name for name, one in file.parties.items() if isinstance(PARTIES[one.kind], KeepsBills)} - billed
        files = read_files(root)
        try:
            lines = {name: line_of(world, file.parties[name], root, files) for name in keep}
        except (SecretMissing, ValueError) as no:
            raise CannotRun(f"账单无法取 · bills cannot be fetched: {no}") from None
        sources += bill_ledgers(lines, since)
        billed |= keep
    others = {name: (one.kind, one.url) for name, one in file.parties.items() if name not in billed}
    sources += simulator_ledgers(world, others)
    limits = Limits(skew_s=CLOCKS) if ledgers else Limits()
    return (await check_books(world, Beside(store_url(root, file)), sources, since=since, limits=limits)).json()


def _from_csv(folder: str, file: EngineFile) -> Sequence[LedgerSource]:
    from engine.parties.registry import PARTIES
    from engine.runtime.books import silent_parties
    from engine.runtime.books_csv import BadLedgers, csv_ledgers
    from engine.runtime.books_view import Role

    known = {name: one for name, one in file.parties.items() if one.kind in PARTIES}
    silent = silent_parties({name: (one.kind, one.url) for name, one in known.items()})
    abouts = {name: PARTIES[one.kind].about for name, one in known.items()}
    try:
        roles = {name: Role(about.role) for name, about in abouts.items() if about.role}
        return csv_ledgers(Path(folder), roles, silent)
    except BadLedgers as no:
        raise CannotRun(str(no)) from None


def _write(path: Path, found: dict[str, Any], at: str, since: str) -> None:
    """Three sheets: every difference with its amounts and next step, the accounts' days, and what was compared when:
    a day without differences is filed too."""
    heads = ("结算单 · settlement", "账单 · bill", "说明", "应为（元） · due", "实为（元） · found",
             "相差（元） · apart", "下一步", "种类 · kind", "what", "next step")  # fmt: skip
    accounts = ("渠道 · party", "账户 · account", "日期 · day", "期初 · opening", "收款 · taken", "退款 · given back",
                "手续费 · fees", "提现 · withdrawn", "其他 · other", "期末 · closing")  # fmt: skip
    try:
        write_workbook(path, [
            ("差异 differences", [heads, *(_difference(one) for one in found["differences"])]),
            ("资金账户 accounts", [accounts, *(_account(day) for day in found["funds"])]),
            ("核对 compared", [
                ("核对 · compared", ""),
                ("时间（北京） · at (Beijing)", at),
                ("结算自 · settlements since", since or "全部 · all"),
                ("核对笔数 · checked", str(found["checked"])),
                ("其中进行中 · of those open", str(found["open"])),
                ("有款项在未读的日子 · with money on days not read", str(found["expected"])),
                ("差异 · differences", str(len(found["differences"]))),
            ]),
        ])  # fmt: skip
    except OSError as no:
        raise CannotRun(f"{path}: {no.strerror}") from None


def _difference(one: dict[str, Any]) -> list[str | int | None]:
    due, amount = one.get("due"), one.get("amount")
    apart = None if due is None or amount is None else amount - due
    return [
        one["settlement_no"], one["bill"], one["text"], due, amount, apart, one["next"], one["kind"], one["en"],
        one["next_en"],
    ]  # fmt: skip


def _account(day: dict[str, Any]) -> list[str | int | None]:
    return [
        day["party"], day["account"], day["day"], day.get("opening"), day["taken"], day["given_back"], day["fee"],
        day["withdrawn"], day["other"], day.get("closing"),
    ]  # fmt: skip


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
