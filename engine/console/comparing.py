"""Comparisons of the books that people start at the console: one at a time, each result kept a while.

It is `engine books` inside the running engine: reading goes to the store's readers, parsing and comparing to a thread.
Tables that a person handed in are held until it has ended, in memory only. Nothing is changed at anybody.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from engine.console.node import Node
from engine.core.times import beijing, instant_of
from engine.core.world import World
from engine.runtime.books import LIMITS, LedgerSource, check_books
from engine.runtime.books_csv import CLOCKS, CsvLedger, ledgers_of
from engine.runtime.books_sources import sources_of, with_books
from engine.runtime.logs import Log, trouble_of
from engine.runtime.threads import on_a_thread
from engine.store.contract import Store, StoreStopped
from engine.store.lists import count_settlements

DAY = 86_400.0
DAYS_MAX = 31  # days of one comparison
BACK_MAX = 92  # days that payment platforms keep their bills
SETTLEMENTS_MAX = 20_000  # of one comparison: a millisecond and 25 kB each
WAITS = 10  # one after another that a comparison may be in when it is to end at once
TABLE_BYTES, TABLE_ROWS = 8 << 20, 200_000  # of one table; of all that are handed in together
KEPT, KEPT_FOR = 5, 12 * 3600.0  # results, and for how long


class CannotStart(Exception):
    """Why a comparison was not begun: a key of texts/books.py."""


@dataclass(frozen=True, slots=True)
class Days:
    """What is compared: settlements of the first to the last day (`2026-11-21`), payments by the platforms' `bills` or
    by their ledgers."""

    first: str
    last: str
    bills: bool

    @property
    def since(self) -> float:
        return instant_of(self.first, "%Y-%m-%d")

    @property
    def until(self) -> float:
        """The first instant after it."""
        return instant_of(self.last, "%Y-%m-%d") + DAY

    def count(self) -> int:
        return round((self.until - self.since) / DAY)


@dataclass(slots=True)
class Comparison:
    """One comparison. `by` who asked ("": nobody logs in), `at` when; `tables`: parties whose book was handed in as a
    table → its rows; `found`: the document of `engine books --json`
    once it ended; `read`, `missing`: parties whose books were had, and were not; `wrong`: why it has no result ("" it
    has one, or is under way): many, stopped, failed. `count`: settlements of those days."""

    id: str
    by: str
    at: float
    of: Days
    tables: Mapping[str, int] = field(default_factory=dict)
    ended_at: float | None = None
    found: Mapping[str, Any] | None = None
    read: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""
    count: int = 0

    @property
    def under_way(self) -> bool:
        return self.ended_at is None


class Comparisons:
    """Begins them and keeps what they found."""

    def __init__(self, world: World, store: Store, node: Node, log: Log) -> None:
        self._world, self._store, self._node, self._log = world, store, node, log
        self._kept: OrderedDict[str, Comparison] = OrderedDict()
        self._running: Deferred[None] | None = None
        self._stopped = self._reading = False

    def kept(self) -> list[Comparison]:
        """Those there are, the newest first."""
        gone = self._world.now() - KEPT_FOR
        for one in list(self._kept.values()):
            if one.ended_at is not None and one.ended_at < gone:
                del self._kept[one.id]
        return list(reversed(self._kept.values()))

    def get(self, name: str) -> Comparison | None:
        """The one of this id, if it is still there."""
        return next((one for one in self.kept() if one.id == name), None)

    async def tables_of(self, of: Days, files: Sequence[tuple[str, bytes]]) -> list[CsvLedger]:
        """The ledgers in tables that were handed in for a comparison, each with its file's name; read beside the
        reactor, those of one person at a time. Errors: CannotStart, when there would be no comparison; BadLedgers."""
        self._may_begin(of)
        if not files:
            return []
        self._reading = True
        parties = with_books(self._node.site().engine.parties)
        try:
            return await on_a_thread(
                self._world, lambda: ledgers_of(files, *parties, file_bytes=TABLE_BYTES, rows_max=TABLE_ROWS)
            )
        finally:
            self._reading = False

    def _may_begin(self, of: Days) -> None:
        why = self._refused(of)
        if why:
            raise CannotStart(why)

    def begin(self, by: str, of: Days, tables: Sequence[CsvLedger] = ()) -> Comparison:
        """Start one; `tables`: ledgers that were handed in. Errors: CannotStart."""
        self._may_begin(of)
        rows = {table.party: len(table.found) for table in tables}
        one = Comparison(self._world.nonce()[:12], by, self._world.now(), of, rows)
        self._kept[one.id] = one
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self._log.info("console_books", user=by, first=of.first, last=of.last, bills=of.bills, tables=rows)
        self._running = running = Deferred.fromCoroutine(self._carried(one, tables))
        running.addBoth(self._over)
        return one

    def stop(self) -> None:
        """The engine leaves: no more are begun, and the one under way ends now."""
        self._stopped = True
        for one in self._kept.values():
            if one.under_way:
                one.wrong, one.ended_at = "stopped", self._world.now()
        for _ in range(WAITS):
            if self._running is None:
                return
            self._running.cancel()  # what it waits for: a call cut off is only a book that is missing, and it goes on

    def _over(self, _: object) -> None:
        self._running = None

    def _refused(self, of: Days) -> str:
        today = beijing(self._world.now(), "%Y-%m-%d")
        if self._stopped or self._node.state() == "stopping":
            return "stopping"
        if self._reading or any(one.under_way for one in self._kept.values()):
            return "busy"
        if of.first > of.last:
            return "order"
        if of.last > today:
            return "future"
        if of.bills and of.last == today:
            return "too_early"
        if of.count() > DAYS_MAX:
            return "days"
        if of.bills and of.since < self._world.now() - BACK_MAX * DAY:
            return "old"
        return ""

    async def _carried(self, one: Comparison, tables: Sequence[CsvLedger]) -> None:
        try:
            await self._compared(one, tables)
        except (CancelledError, StoreStopped):
            one.wrong = "stopped"
        except Exception as problem:  # noqa: BLE001 whatever is wrong with it, the engine goes on and the page says so
            one.wrong = one.wrong or "failed"
            self._log.error("console_books_failed", why=trouble_of(problem))
        if not one.under_way:
            return  # ended by `stop`
        one.ended_at = self._world.now()
        self._log.info("console_books_ended", first=one.of.first, last=one.of.last, wrong=one.wrong,
                       differences=len(one.found["differences"]) if one.found else None)  # fmt: skip

    async def _compared(self, one: Comparison, tables: Sequence[CsvLedger]) -> None:
        since, until = one.of.since, one.of.until
        one.count = await self._store.read(lambda conn: count_settlements(conn, since, until))
        if one.count > SETTLEMENTS_MAX:
            one.wrong = "many"
            return
        site, beside = self._node.site(), partial(on_a_thread, self._world)
        bills = (since, until - DAY) if one.of.bills else None
        sources = sources_of(
            self._world, site.engine.parties, self._node.root, site.files, bills, tables, beside
        )
        books = await check_books(
            self._world, self._store, _until_stopped(one, sources), since=since, until=until,
            limits=CLOCKS if tables else LIMITS, beside=beside,
        )  # fmt: skip
        found = await on_a_thread(self._world, books.json)
        if one.under_way:
            one.found, one.read, one.missing = found, books.read, books.missing


def _until_stopped(one: Comparison, sources: Sequence[LedgerSource]) -> Iterator[LedgerSource]:
    """No party is asked any more once the engine leaves. Errors: CancelledError."""
    for source in sources:
        if not one.under_way:
            raise CancelledError
        yield source
