"""The nightly comparison with payment platforms: yesterday's bills, once they are there, against our own settlements.

Each platform is done once a day, by itself: one whose bill is not ready is asked again every half hour while the
others rest. What differs is stored (`engine books` shows it) and a person is called. A day that left something over is
compared again with each later run, for a week: once all agree its rows are gone, and with the last row the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.core.times import beijing, instant_of
from engine.core.world import World
from engine.parties.bills import MAX_BILL
from engine.runtime.books import check_books
from engine.runtime.books_bills import Beside, BillLedger, Read
from engine.runtime.books_kinds import BILLED, MONEY, Difference
from engine.runtime.connections import CannotCall, Connections
from engine.runtime.desk import Desk
from engine.runtime.single_call import Line
from engine.runtime.sites import Sites
from engine.site.site import BillsSpec
from engine.store.contract import Store, Unit
from engine.store.periods import begin_period, begin_period_again, end_period, period
from engine.store.statement_rows import StatementRow, open_days, replace_part

DAY: Final = 86_400.0
AGAIN: Final = 1800.0  # seconds until a bill that was not ready is asked for again
PATIENCE: Final = 4 * 3600.0  # seconds after the first try: then a person hears that there is no bill
LOOK_BACK: Final = 7  # days
PART: Final = "bill"


class BillDays:
    """The work of timed channels with `bills`."""

    def __init__(self, world: World, sites: Sites, connections: Connections, store: Store, desk: Desk) -> None:
        self._world, self._sites, self._connections = world, sites, connections
        self._store, self._desk = store, desk

    async def run(self, channel: str, spec: BillsSpec, today: str, due: float, beside: Beside) -> str:
        """Compare the day before `today` (`2026-11-23`) with every platform that is not done yet. `due`: since when the
        bills are wanted, unix seconds; `beside` works in another thread. "" when all are done, else which bills are
        missing and why."""
        missing = []
        for party in spec.parties:
            why = await self._once(f"{channel}/{party}", party, spec.days, today, beside)
            if why:
                missing.append(f"{party}: {why}")
            if why and self._world.now() >= due + PATIENCE:
                self._desk.call("bill_missing", None, f"{_ago(today, 1)}: {why}"[:200], party)
        return "; ".join(missing)

    async def _once(self, name: str, party: str, days: int, today: str, beside: Beside) -> str:
        now, before = self._world.now(), await self._store.read(lambda conn: period(conn, name, today))
        if before is not None and before.state == "done":
            return ""
        begin = begin_period if before is None else begin_period_again
        await self._store.submit(Unit("period", (begin(name, today, now),)))
        why = await self._party(party, days, _ago(today, 1), beside)
        ended = end_period(name, today, self._world.now(), done=not why, text=why)
        await self._store.submit(Unit("period", (ended,)))
        if not why:
            await self._desk.over("bill_missing", party)
        return why

    async def _party(self, party: str, days: int, yesterday: str, beside: Beside) -> str:
        """One platform; "" when it was compared, else why not."""
        since = _ago(yesterday, LOOK_BACK)
        again: list[str] = await self._store.read(lambda conn: open_days(conn, party, since))
        read, told, left = Read(beside), set[Difference](), 0
        for day in dict.fromkeys((*again, yesterday)):
            found, why = await self._compared(party, days, day, read, beside)
            if why:
                return why
            fresh = [one for one in dict.fromkeys(found) if one not in told]  # days are looked at together
            told.update(fresh)
            left += len(fresh)
            rows = [_row(party, day, number, one) for number, one in enumerate(fresh, 1)]
            await self._store.submit(Unit("bill", tuple(replace_part(party, day, PART, rows, self._world.now()))))
        if left:
            text = f"{yesterday}: {left} 处差异，见 engine books · differences, see engine books"
            self._desk.call("bill_differs", None, text, party)
        elif not await self._store.read(lambda conn: open_days(conn, party, "")):
            await self._desk.over("bill_differs", party)
        return ""

    async def _compared(
        self, party: str, days: int, day: str, read: Read, beside: Beside
    ) -> tuple[Sequence[Difference], str]:
        """What the bills of the days up to this one show of our money; or why they could not be had."""
        entry = self._sites.current.engine.parties.get(party)
        if entry is None:
            return (), "not in engine.yaml"
        try:
            link = self._connections.get(party)
        except CannotCall as no:
            return (), str(no)[:200]
        line = Line(self._world, link.party, entry.url, link.opened, MAX_BILL)
        until = instant_of(day, "%Y-%m-%d")
        since = until - (days - 1) * DAY
        source = BillLedger(party, line, since, until, read)
        books = await check_books(self._world, self._store, [source], since=since, beside=beside)
        lost = [one for one in books.differences if one.kind == "source_missing"]
        if lost:
            return (), lost[0].text[:200]
        return [one for one in books.differences if one.kind in MONEY or one.kind.startswith("fund_")], ""


def _row(party: str, day: str, number: int, one: Difference) -> StatementRow:
    """`number` tells the rows of a day apart: a difference has none of its own."""
    return StatementRow(
        party, day, PART, f"{number:04d}", BILLED, one.settlement_no or None, "", f"{one.kind} {one.text}"
    )


def _ago(day: str, days: int) -> str:
    return beijing(instant_of(day, "%Y-%m-%d") - days * DAY, "%Y-%m-%d")
