"""The payment platforms' own bills as ledgers of the books: day by day, from a day up to yesterday."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from engine.core.times import beijing, instant_of
from engine.parties.bills import BadBill, BillRow, KeepsBills
from engine.parties.contract import Answer, Tree
from engine.parties.funds import FundRow, KeepsFunds
from engine.runtime.books import NoLedger
from engine.runtime.books_funds import FundBook, FundDay
from engine.runtime.books_view import LedgerRow, Role, Span
from engine.runtime.single_call import Line, NoAnswer

T = TypeVar("T")
DAY = 86_400.0
DAYS_MAX = 93  # platforms keep their bills three months


class _LinkExpired(NoAnswer):
    """The address of a bill is not valid any more."""


class Beside(Protocol):
    """Does work in another thread."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


class Read:
    """Bills read before, and where they are read: parsing a hospital's day takes a second."""

    def __init__(self, beside: Beside | None = None) -> None:
        """`beside` does work elsewhere than in the reactor's thread; None: at once."""
        self._beside = beside
        self.trades: dict[str, list[BillRow]] = {}
        self.funds: dict[tuple[str, str], tuple[FundRow, ...]] = {}

    async def work(self, work: Callable[[], T]) -> T:
        """Errors: whatever it raises."""
        return work() if self._beside is None else await self._beside(work)


class BillLedger:
    """One platform's bills of several days. `since`: unix seconds in the first day; the last is that of `until`, or
    yesterday. `read`: what several ledgers of this party share."""

    role = Role.PAYMENT

    def __init__(
        self, party: str, line: Line, since: float, until: float | None = None, read: Read | None = None
    ) -> None:
        self.party, self._line = party, line
        self._since, self._until, self._party = since, until, line.party
        self._read = read or Read()
        self.span: Span | None = None

    def days(self) -> list[str]:
        """Their names, `2026-11-21`. Errors: NoLedger when there are too many."""
        midnight = instant_of(beijing(self._since, "%Y-%m-%d"), "%Y-%m-%d")
        today = instant_of(beijing(self._line.world.now(), "%Y-%m-%d"), "%Y-%m-%d")
        end = today if self._until is None else min(today, self._until + 1)
        found = []
        while midnight < end:
            found.append(beijing(midnight, "%Y-%m-%d"))
            midnight += DAY
        if len(found) > DAYS_MAX:
            raise NoLedger(f"{len(found)} days: bills are kept for {DAYS_MAX}")
        return found

    async def rows(self) -> Sequence[LedgerRow]:
        """All rows, in the order of the days. A day whose bill cannot be had or believed: none of them counts, so that
        nothing is judged by half. Errors: NoLedger."""
        keeper, days = self._party, self.days()
        assert isinstance(keeper, KeepsBills)
        if not days:
            raise NoLedger("no day is over yet")
        found: list[LedgerRow] = []
        for day in days:
            try:
                found += [ledger_row(row) for row in await self._day(keeper, day)]
            except (NoAnswer, BadBill) as no:
                raise NoLedger(f"{day}: {no}") from None
        fee = keeper.bill_fee(self._line.opened)
        self.span = self._span(keeper, days, fee)
        return found

    def _span(self, keeper: KeepsBills, days: Sequence[str], fee: int | None = None) -> Span:
        spans = [keeper.bill_span(self._line.opened, day) for day in (days[0], days[-1])]
        return Span(spans[0][0], spans[1][1], keeper.bill_slack_s, fee)

    async def funds(self) -> FundBook | None:
        """What the hospital's accounts at the platform had of those days; None where no such bill is read. All days
        of all accounts or nothing. Errors: NoLedger."""
        keeper, party = self._party, self._party
        if not isinstance(party, KeepsFunds) or not (accounts := party.fund_accounts(self._line.opened)):
            return None
        assert isinstance(keeper, KeepsBills)
        days, found = self.days(), []
        for account in accounts:
            for day in days:
                try:
                    found.append(FundDay(account, day, await self._fund_day(keeper, party, account, day)))
                except (NoAnswer, BadBill) as no:
                    raise NoLedger(f"{account} {day}: {no}") from None
        return FundBook(self.party, tuple(found), self._span(keeper, days)) if days else None

    async def _fund_day(self, keeper: KeepsBills, party: KeepsFunds, account: str, day: str) -> tuple[FundRow, ...]:
        opened, known = self._line.opened, self._read.funds.get((account, day))
        if known is not None:
            return known
        got = await self._had(keeper, party.fund_op, party.fund_ask(opened, account, day))
        rows = await self._read.work(lambda: party.fund_rows(opened, day, *got)) if got else []
        return self._read.funds.setdefault((account, day), tuple(rows))

    async def _day(self, keeper: KeepsBills, day: str) -> list[BillRow]:
        opened, known = self._line.opened, self._read.trades.get(day)
        if known is not None:
            return known
        got = await self._had(keeper, keeper.bill_op, keeper.bill_ask(opened, day, self._line.world.now()))
        rows = await self._read.work(lambda: keeper.bill_rows(opened, day, *got)) if got else []
        return self._read.trades.setdefault(day, rows)

    async def _had(self, keeper: KeepsBills, op: str, asked: Tree) -> tuple[Answer, bytes] | None:
        try:
            return await self._asked(keeper, op, asked)
        except _LinkExpired:  # they live for seconds: a new one is asked for, once
            return await self._asked(keeper, op, asked)

    async def _asked(self, keeper: KeepsBills, op: str, asked: Tree) -> tuple[Answer, bytes] | None:
        """The answer and the file it leads to; None: there was nothing on that day."""
        line = self._line
        elsewhere = str(getattr(getattr(line.opened, "plain", None), "file_url", ""))
        answer = await line.ask(op, asked, url=elsewhere)
        if answer.code in keeper.no_bill:
            return None
        if answer.code not in ("OK", "00"):
            raise NoAnswer(f"{answer.code} {answer.text}".strip())
        link, content = keeper.bill_link(answer), b""
        if link:
            place = line.place_of(link, keeper.bill_hosts(line.opened))
            try:
                request = keeper.bill_request(line.opened, link, line.world.now(), line.world.nonce())
            except ValueError as no:
                raise NoAnswer(str(no)) from None
            reply = await line.fetch(request, place)
            if reply.status == 400:
                raise _LinkExpired("HTTP 400 at the download")
            if reply.status != 200:
                raise NoAnswer(f"HTTP {reply.status} at the download")
            content = reply.body
        return answer, content


def bill_ledgers(lines: Mapping[str, Line], since: float) -> list[BillLedger]:
    """The bills of those parties that keep any; name in engine.yaml → its line."""
    return [BillLedger(name, line, since) for name, line in lines.items() if isinstance(line.party, KeepsBills)]


def yesterday(now: float) -> float:
    """When yesterday began in Beijing, unix seconds."""
    return instant_of(beijing(now, "%Y-%m-%d"), "%Y-%m-%d") - DAY


def ledger_row(row: BillRow) -> LedgerRow:
    """As the books read it: a refund refers to its order."""
    return LedgerRow(
        kind=row.kind, no=row.no, at=row.at, amount=row.amount, state=row.state, party_no=row.party_no,
        ref=row.trade if row.kind == "refund" else "", fee=row.fee,
    )  # fmt: skip
