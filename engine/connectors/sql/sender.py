"""Writes rows into somebody else's interface table, each once under our number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, MetaData, Table, insert, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NoSuchTableError
from twisted.internet.defer import Deferred

from engine.connectors.contract import Clash, NotSent, Silent, Unfit
from engine.connectors.serial import Serial
from engine.connectors.sql.database import Database, DatabaseTrouble
from engine.connectors.sql.values import BadValue, Value, alike, value_for
from engine.core.money import yuan_of_fen
from engine.core.world import World


@dataclass(frozen=True, slots=True)
class Into:
    """The table. Names as the database stores them. `key`: the column that holds our number. `yuan`: columns that take
    an amount in yuan, which comes in fen. `ours`: the columns a repeat is compared by (none: all we write), for the
    other side may change others, such as its own state."""

    table: str
    key: str
    schema: str = ""
    yuan: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()


class SqlSender:
    """Writes to one table, one row at a time, in order. Counters: `in_flight`, `queued`, `written`, `repeated`."""

    def __init__(self, world: World, database: Database, into: Into, *, queue_max: int = 1000) -> None:
        self._database = database
        self._into = into
        self._line: Serial[bool] = Serial(world, queue_max)
        self._table: Table | None = None
        self.written = self.repeated = 0

    @property
    def in_flight(self) -> int:
        return self._line.in_flight

    @property
    def queued(self) -> int:
        return self._line.queued

    def send(
        self, row: Mapping[str, Value], deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[bool]:
        """Insert one row; True when it is new, False when it was there already under our number.

        `row` must hold the key column. Amounts of `yuan` columns are int fen. Fails with NotSent (nothing was
        inserted), Unfit (the table can never take this row), Silent (it may have been; the same again does no harm) or
        Clash (our number is there with other content).
        """
        return self._line.do(lambda: self._write(dict(row)), deadline_s, on_first_byte)

    def stop(self, seconds: float = 0.0) -> Deferred[None]:
        """Refuse what waits (NotSent); the row being written has so long. Then the connection is closed."""
        return self._line.stop(seconds).addBoth(lambda _: self._database.close())

    async def _write(self, row: dict[str, Value]) -> bool:
        if not row.get(self._into.key):
            raise NotSent("a row without its number")
        state = _State()
        try:
            new = await self._database.run(lambda connection: self._insert(connection, row, state))
        except DatabaseTrouble as fault:
            self._table = None  # it may have been altered
            if fault.unsure or state.committing:
                raise Silent(fault.why) from None
            raise NotSent(fault.why) from None
        except BadValue as fault:
            raise Unfit(str(fault)) from None
        self.written += new
        self.repeated += not new
        return new

    # --- in the thread --------------------------------------------------------------------------

    def _insert(self, connection: Connection, row: Mapping[str, Value], state: _State) -> bool:
        table = self._known(connection)
        values = self._values(table, row)
        if self._there(connection, table, values):
            return False
        try:
            connection.execute(insert(table).values(values))
            state.committing = True
            connection.commit()
        except (IntegrityError, DataError) as fault:
            state.committing = False  # a broken rule is a no, and so is a text too long
            connection.rollback()
            if self._there(connection, table, values):  # somebody was faster
                return False
            raise Unfit(f"the table refuses the row: {_rule(fault)}") from None
        return True

    def _known(self, connection: Connection) -> Table:
        if self._table is None:
            try:
                self._table = Table(
                    self._into.table,
                    MetaData(),
                    schema=self._into.schema or None,
                    autoload_with=connection,
                    resolve_fks=False,
                )
            except NoSuchTableError:
                raise DatabaseTrouble("there is no such table") from None
        return self._table

    def _values(self, table: Table, row: Mapping[str, Value]) -> dict[str, object]:
        values: dict[str, object] = {}
        for name, value in row.items():
            if name not in table.c:
                raise DatabaseTrouble(f"the table has no column {name}")  # theirs to add: no row is to blame
            if name in self._into.yuan and value is not None:
                if not isinstance(value, int):
                    raise BadValue(f"{name}: an amount must be int fen")
                value = yuan_of_fen(value)
            try:
                values[name] = value_for(value, _python_type(table.c[name]))
            except BadValue as fault:
                raise BadValue(f"{name}: {fault}") from None
        return values

    def _there(self, connection: Connection, table: Table, values: Mapping[str, object]) -> bool:
        """Is our number there? Clash when with other content."""
        names = list(values)
        found = connection.execute(
            select(*(table.c[name] for name in names)).where(table.c[self._into.key] == values[self._into.key]).limit(1)
        ).first()
        if found is None:
            return False
        compared = self._into.ours or set(names)
        different = [
            name
            for name, theirs in zip(names, found, strict=True)
            if name in compared and not alike(theirs, values[name])
        ]
        if different:
            raise Clash(f"our number is there with another {', '.join(sorted(different))}")
        return True


@dataclass(slots=True)
class _State:
    committing: bool = False


def _python_type(found: Any) -> type[Any] | None:
    try:
        known: type[Any] = found.type.python_type
    except NotImplementedError:
        return None
    return known


def _rule(fault: DBAPIError) -> str:
    return getattr(fault.orig, "sqlstate", None) or type(fault.orig).__name__
