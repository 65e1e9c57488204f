"""Reads a view of somebody else's database: rows above a high-water mark, a page at a time, each handed over at least
once and in the order of the mark."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, column, func, or_, select, table
from twisted.python.failure import Failure

from engine.connectors.rounds import OnTrouble, OnWell, Rounds
from engine.connectors.sql.ahead import DAY, later_than, time_like
from engine.connectors.sql.database import Database, DatabaseTrouble
from engine.connectors.sql.values import BadValue, Value, early_of, fen_of_value, mark_of, mark_text, text_of
from engine.core.retry import Backoff
from engine.core.world import World


@dataclass(frozen=True, slots=True)
class View:
    """What to read. Names as the database stores them (Oracle: upper case).

    `mark`: the column that only grows (a time, a number, a row version), `key`: the one that tells rows of one mark
    apart; rows without either are not read. `columns`: what a row carries; `yuan` among them are amounts in yuan,
    carried in fen. `lag_s`: a row is read once its mark has been there so long, for a row with a lower mark may be
    committed later. `charset` is how bytes are read, and text too where the database is `mangled`. `everything`: at
    the very first start begin with the oldest row, not with those that come from now on. `ahead_s`: a mark that is a
    time later than now by more than this is somebody's mistake.
    """

    name: str
    mark: str
    key: str
    columns: tuple[str, ...]
    schema: str = ""
    yuan: frozenset[str] = frozenset()
    lag_s: float = 5.0
    charset: str = "utf-8"
    mangled: bool = False
    everything: bool = False
    ahead_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `key` and `mark` as text (the two name this state of the row), `values` by column. `wrong`: the column
    and reason it cannot be carried exactly; then `values` holds what could be."""

    key: str
    mark: str
    values: Mapping[str, Value]
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in their order. `mark` is to be stored together with them and given back at the next start; a page may have
    no rows, only a mark. `at`: business time of the reading."""

    source: str
    rows: tuple[Row, ...]
    mark: str
    at: float


ReceivePage = Callable[[Page], Awaitable[object]]
"""Stores a page and its mark in one transaction. Where it raises, the same rows come again."""
LoadMark = Callable[[], Awaitable[tuple[str, float] | None]]
"""The stored mark and the business time it was stored; None when there is none yet."""
_NOTHING = mark_text(None, None)
EARLY_MAX = 500  # rows of the future that are remembered: more of them wait

At = tuple[Any, Any]
"""Mark and key of a row."""


@dataclass(slots=True)
class _Read:
    """One look. `top`: the highest mark that is not of the future; `early`: the rows that are, in order; `more`: these
    are not all of them."""

    rows: list[tuple[At, Row]] = field(default_factory=list)
    top: Any = None
    early: list[tuple[At, Row]] = field(default_factory=list)
    more: bool = False


class SqlPoller(Rounds):
    """One view being read. Counters: `rows`, `pages`. Kinds of trouble: database, receiver, behind, ahead.

    A row whose mark is of the future is handed over once, when it is seen, and remembered by mark and key until its
    time has come. What was read up to stays where it is, so later rows still come.
    """

    def __init__(
        self,
        world: World,
        name: str,
        database: Database,
        view: View,
        load_mark: LoadMark,
        receive: ReceivePage,
        *,
        every_s: float = 5.0,
        page: int = 200,
        retry: Backoff = Backoff(first=1.0, factor=2.0, cap=60.0),  # noqa: B008 - frozen
        on_trouble: OnTrouble | None = None,
        on_error: Callable[[Failure], None] | None = None,
        on_well: OnWell | None = None,
    ) -> None:
        super().__init__(world, name, every_s, retry, on_trouble, on_error, on_well)
        self.rows = self.pages = 0
        self._database = database
        self._view = view
        self._load_mark = load_mark
        self._receive = receive
        self._page = page
        self._mark: At | None = None  # None: not loaded
        self._early: dict[At, None] = {}
        self._tops: deque[tuple[float, Any]] = deque()

    def _hindrance(self, fault: Exception) -> tuple[str, str] | None:
        return ("database", str(fault)) if isinstance(fault, DatabaseTrouble | BadValue) else None

    async def _let_go(self) -> None:
        self._database.close()

    async def _one_round(self) -> bool:
        """True when there is more to read at once."""
        if self._mark is None:
            await self._load()
        ceiling, latest = self._ceiling(), self._world.now() + self._view.ahead_s
        read = await self._database.run(lambda connection: self._read(connection, ceiling, latest))
        if read.top is not None and (not self._tops or self._tops[-1][1] != read.top):
            self._tops.append((self._world.passed(), read.top))
        self._look_back(read.top)
        await self._take_early(read, latest)
        if not read.rows:
            return False
        last = read.rows[-1][0]
        rows = tuple(row for at, row in read.rows if at not in self._early)
        left = {at: None for at in self._early if not _passed(at, last)}
        await self._receive(Page(self.name, rows, mark_text(*last, tuple(left)), self._world.now()))
        self._mark, self._early = last, left
        self.rows += len(rows)
        self.pages += 1
        return len(read.rows) >= self._page and not self._stopped

    async def _load(self) -> None:
        stored = await self._load_mark()
        if stored is None:
            stored = await self._begin(), self._world.now()
        mark, at = mark_of(stored[0]), stored[1]
        if later_than(mark[0], self._world.now() + self._view.ahead_s):  # kept by a node that knew no better
            mark = time_like(mark[0], at - max(DAY, self._view.ahead_s)), None
            self._trouble("ahead", f"it was read up to a mark of the future: it is read again from {_named(mark[0])}")
        self._mark, self._early = mark, dict.fromkeys(early_of(stored[0]))

    async def _take_early(self, read: _Read, latest: float) -> None:
        """Hand over rows of the future that are new; forget those that were corrected or deleted there."""
        assert self._mark is not None
        there = {at for at, _ in read.early}
        kept = {
            at: None for at in self._early
            if at in there or read.more or not (_passed(at, self._mark) or later_than(at[0], latest))
        }  # fmt: skip
        fresh = [(at, row) for at, row in read.early if at not in kept][: max(0, EARLY_MAX - len(kept))]
        if fresh:
            kept |= {at: None for at, _ in fresh}
            rows = tuple(row for _, row in fresh)
            await self._receive(Page(self.name, rows, mark_text(*self._mark, tuple(kept)), self._world.now()))
            self.rows += len(rows)
            self.pages += 1
        self._early = kept
        if not read.early:
            self._is_over("ahead")
            return
        count = f"more than {EARLY_MAX}" if read.more else str(len(read.early))
        waits = "; no more than these are remembered, the rest waits" if read.more else ""
        self._lasts("ahead", f"rows with a mark of the future, up to {_named(read.early[-1][0][0])}: {count}{waits}")

    def _look_back(self, top: Any) -> None:
        """A view whose marks fell below what was read (a database restored, a sequence begun anew) brings nothing
        until they are above it again: that must not pass for a quiet day."""
        assert self._mark is not None
        after = self._mark[0]
        try:
            behind = top is not None and after is not None and bool(top < after)
        except TypeError:  # a mark of another type
            behind = True
        if behind:
            self._lasts("behind", "the highest mark is below the one that was read to: new rows are not read")
        else:
            self._is_over("behind")

    async def _begin(self) -> str:
        """The very first start: what is there now is history, unless it is wanted."""
        mark = _NOTHING
        if not self._view.everything:
            latest = self._world.now() + self._view.ahead_s
            look = await self._database.run(lambda connection: self._look_at(connection, latest))
            mark = mark_text(look.top, None, tuple(at for at, _ in look.early))
        await self._receive(Page(self.name, (), mark, self._world.now()))
        return mark

    def _ceiling(self) -> Any:
        """The highest mark that was there `lag_s` ago; None when no look was so long ago."""
        before = self._world.passed() - self._view.lag_s + 1e-6
        while len(self._tops) > 1 and self._tops[1][0] <= before:
            self._tops.popleft()
        return self._tops[0][1] if self._tops and self._tops[0][0] <= before else None

    # --- in the thread --------------------------------------------------------------------------

    def _read(self, connection: Connection, ceiling: Any, latest: float) -> _Read:
        assert self._mark is not None
        found = self._look_at(connection, latest)
        if (self._view.lag_s > 0 and ceiling is None) or found.top is None:
            return found
        mark: Any = column(self._view.mark)
        key: Any = column(self._view.key)
        query = self._rows().where(key.is_not(None), mark <= (ceiling if self._view.lag_s > 0 else found.top))
        after, last = self._mark
        if after is not None:
            query = query.where(mark > after if last is None else or_(mark > after, and_(mark == after, key > last)))
        found.rows = self._fetched(connection, query.order_by(mark, key).limit(self._page))
        return found

    def _look_at(self, connection: Connection, latest: float) -> _Read:
        """The highest mark, and what there is beyond the instant `latest`."""
        mark: Any = column(self._view.mark)
        key: Any = column(self._view.key)
        highest = select(func.max(mark)).select_from(self._from())
        found = _Read(top=_plain(connection.execute(highest).scalar()))
        if not later_than(found.top, latest):
            return found
        limit = time_like(found.top, latest)
        query = self._rows().where(key.is_not(None), mark > limit).order_by(mark, key).limit(EARLY_MAX + 1)
        early = self._fetched(connection, query)
        found.early, found.more = early[:EARLY_MAX], len(early) > EARLY_MAX
        found.top = _plain(connection.execute(highest.where(mark <= limit)).scalar())
        return found

    def _from(self) -> Any:
        return table(self._view.name, schema=self._view.schema or None)

    def _rows(self) -> Any:
        names = [self._view.mark, self._view.key, *self._view.columns]
        return select(*map(column, names)).select_from(self._from())

    def _fetched(self, connection: Connection, query: Any) -> list[tuple[At, Row]]:
        found = []
        for raw in connection.execute(query):
            values = tuple(raw)
            at = _plain(values[0]), _plain(values[1])
            found.append((at, self._row(at, values[2:])))
        return found

    def _row(self, at: At, raw: Sequence[Any]) -> Row:
        values: dict[str, Value] = {}
        wrong = []
        for name, value in zip(self._view.columns, raw, strict=True):
            try:
                if name in self._view.yuan:
                    values[name] = fen_of_value(value)
                else:
                    values[name] = text_of(value, self._view.charset, self._view.mangled)
            except BadValue as fault:
                wrong.append(f"{name}: {fault}")
        return Row(_named(at[1]), _named(at[0]), values, "; ".join(wrong))


def _named(value: Any) -> str:
    """A key or mark as text; bytes, such as a row version, in hexadecimal."""
    return value.hex() if isinstance(value, bytes) else text_of(value) or ""


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, bytearray | memoryview) else value


def _passed(at: At, mark: At) -> bool:
    """Whether what was read up to has passed this row."""
    try:
        if mark[0] is None or at[0] != mark[0]:
            return mark[0] is not None and bool(at[0] < mark[0])
        return mark[1] is None or bool(at[1] <= mark[1])
    except TypeError:  # a mark of another type: of a time that is over
        return True
