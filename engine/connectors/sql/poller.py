"""Reads a view of somebody else's database: rows above a high-water mark, a page at a time, each handed over at least
once and in the order of the mark."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, column, func, or_, select, table
from twisted.python.failure import Failure

from engine.connectors.rounds import OnTrouble, Rounds
from engine.connectors.sql.database import Database, DatabaseTrouble
from engine.connectors.sql.values import BadValue, Value, fen_of_value, mark_of, mark_text, text_of
from engine.core.retry import Backoff
from engine.core.world import World


@dataclass(frozen=True, slots=True)
class View:
    """What to read. Names as the database stores them (Oracle: upper case).

    `mark`: the column that only grows (a time, a number, a row version), `key`: the one that tells rows of one mark
    apart; rows without either are not read. `columns`: what a row carries; `yuan` among them are amounts in yuan,
    carried in fen. `lag_s`: a row is read once its mark has been there so long, for a row with a lower mark may be
    committed later. `charset` is how bytes are read, and text too where the database is `mangled`. `everything`: at
    the very first start begin with the oldest row, not with those that come from now on.
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
_NOTHING = mark_text(None, None)


@dataclass(slots=True)
class _Read:
    rows: list[Row] = field(default_factory=list)
    last: tuple[Any, Any] | None = None
    top: Any = None


class SqlPoller(Rounds):
    """One view being read. `load_mark` gives the stored mark, None when there is none yet. Counters: `rows`, `pages`.
    Kinds of trouble: database, receiver, behind."""

    def __init__(
        self,
        world: World,
        name: str,
        database: Database,
        view: View,
        load_mark: Callable[[], Awaitable[str | None]],
        receive: ReceivePage,
        *,
        every_s: float = 5.0,
        page: int = 200,
        retry: Backoff = Backoff(first=1.0, factor=2.0, cap=60.0),  # noqa: B008 - frozen
        on_trouble: OnTrouble | None = None,
        on_error: Callable[[Failure], None] | None = None,
    ) -> None:
        super().__init__(world, name, every_s, retry, on_trouble, on_error)
        self.rows = self.pages = 0
        self._database = database
        self._view = view
        self._load_mark = load_mark
        self._receive = receive
        self._page = page
        self._mark: tuple[Any, Any] | None = None  # None: not loaded
        self._tops: deque[tuple[float, Any]] = deque()
        self._behind = False

    def _hindrance(self, fault: Exception) -> tuple[str, str] | None:
        return ("database", str(fault)) if isinstance(fault, DatabaseTrouble | BadValue) else None

    async def _let_go(self) -> None:
        self._database.close()

    async def _one_round(self) -> bool:
        """True when there is more to read at once."""
        if self._mark is None:
            stored = await self._load_mark()
            if stored is None:
                stored = await self._begin()
            self._mark = mark_of(stored)
        ceiling = self._ceiling()
        read = await self._database.run(lambda connection: self._read(connection, ceiling))
        if read.top is not None and (not self._tops or self._tops[-1][1] != read.top):
            self._tops.append((self._world.passed(), read.top))
        self._look_back(read.top)
        if read.last is None:
            return False
        await self._receive(Page(self.name, tuple(read.rows), mark_text(*read.last), self._world.now()))
        self._mark = read.last
        self.rows += len(read.rows)
        self.pages += 1
        return len(read.rows) >= self._page and not self._stopped

    def _look_back(self, top: Any) -> None:
        """A view whose marks fell below what was read (a database restored, a sequence begun anew) brings nothing
        until they are above it again: that must not pass for a quiet day."""
        assert self._mark is not None
        after = self._mark[0]
        try:
            behind = top is not None and after is not None and bool(top < after)
        except TypeError:  # a mark of another type
            behind = True
        if behind and not self._behind:
            self._trouble("behind", "the highest mark is below the one that was read to: new rows are not read")
        self._behind = behind

    async def _begin(self) -> str:
        """The very first start: what is there now is history, unless it is wanted."""
        mark = _NOTHING
        if not self._view.everything:
            top = await self._database.run(self._top)
            mark = _NOTHING if top is None else mark_text(top, None)
        await self._receive(Page(self.name, (), mark, self._world.now()))
        return mark

    def _ceiling(self) -> Any:
        """The highest mark that was there `lag_s` ago; None when no look was so long ago."""
        before = self._world.passed() - self._view.lag_s + 1e-6
        while len(self._tops) > 1 and self._tops[1][0] <= before:
            self._tops.popleft()
        return self._tops[0][1] if self._tops and self._tops[0][0] <= before else None

    # --- in the thread --------------------------------------------------------------------------

    def _read(self, connection: Connection, ceiling: Any) -> _Read:
        assert self._mark is not None
        found = _Read(top=self._top(connection))
        if (self._view.lag_s > 0 and ceiling is None) or found.top is None:
            return found
        view = self._view
        mark: Any = column(view.mark)
        key: Any = column(view.key)
        names = [view.mark, view.key, *view.columns]
        query: Any = select(*map(column, names)).select_from(table(view.name, schema=view.schema or None))
        query = query.where(key.is_not(None), mark <= (ceiling if view.lag_s > 0 else found.top))
        after, last = self._mark
        if after is not None:
            query = query.where(mark > after if last is None else or_(mark > after, and_(mark == after, key > last)))
        for raw in connection.execute(query.order_by(mark, key).limit(self._page)):
            values = tuple(raw)
            found.last = (_plain(values[0]), _plain(values[1]))
            found.rows.append(self._row(found.last, values[2:]))
        return found

    def _top(self, connection: Connection) -> Any:
        view = self._view
        query: Any = select(func.max(column(view.mark))).select_from(table(view.name, schema=view.schema or None))
        return _plain(connection.execute(query).scalar())

    def _row(self, at: tuple[Any, Any], raw: Sequence[Any]) -> Row:
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
