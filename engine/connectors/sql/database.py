"""Somebody else's database, beside the reactor: one connection, one piece of work at a time, a time for each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from engine.connectors.beside import Beside, Stuck
from engine.connectors.sql.values import BadValue
from engine.core.world import World

T = TypeVar("T")
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "oracle": "oracle+oracledb",
    "mssql": "mssql+pymssql",
    "mysql": "mysql+pymysql",
    "sqlite": "sqlite+pysqlite",
}
_RENEW_S = 1800  # a connection older than this is replaced; firewalls forget


class DatabaseTrouble(Exception):
    """The work did not come to an end. `why` is for people and quotes no value; `unsure`: it may have been
    committed."""

    def __init__(self, why: str, *, unsure: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.unsure = unsure


class Database:
    """One database at `address` (an SQLAlchemy URL without a password, such as `oracle://user@host:1521/?service_name=his`).

    The connection is opened when it is needed, tested before use and opened anew when it is gone. `op_s`: business
    seconds one piece of work may take before the driver is asked to cancel it.
    """

    def __init__(
        self, world: World, address: str, *, password: str = "", connect_timeout: float = 10.0, op_s: float = 30.0
    ) -> None:
        self._world = world
        self._op_s = op_s
        self._desk = Beside(world)
        self._raw: Any = None
        self._url = _url(address, password)
        try:
            self._engine: Engine = create_engine(
                self._url,
                poolclass=QueuePool,
                pool_size=1,
                max_overflow=0,
                pool_pre_ping=True,
                pool_recycle=_RENEW_S,
                hide_parameters=True,
                connect_args=_connect_args(self._url.get_backend_name(), connect_timeout),
                **({"module": _sqlite()} if self._url.get_backend_name() == "sqlite" else {}),
            )
        except (ModuleNotFoundError, NoSuchModuleError) as fault:
            raise ValueError(f"the driver of {self._url.drivername} is not installed: {fault}") from None
        self.opened = 0
        event.listen(self._engine, "connect", self._note_opened)

    def _note_opened(self, raw: object, record: object) -> None:
        self.opened += 1

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do this work on a connection, in a transaction of its own that is rolled back at the end unless the work
        commits. Errors: DatabaseTrouble, and BadValue as the work raises it."""
        try:
            return await self._desk.run(self._op_s, self._work, work)
        except Stuck as fault:
            self._cancel()
            raise DatabaseTrouble(f"the database does not answer: {fault}", unsure=fault.begun) from None
        except DBAPIError as fault:
            raise DatabaseTrouble(_why(fault)) from None
        except SQLAlchemyError as fault:
            raise DatabaseTrouble(type(fault).__name__) from None

    def _work(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            self._raw = connection.connection.driver_connection
            try:
                return work(connection)
            finally:
                self._raw = None

    def _cancel(self) -> None:
        """Ask the driver to break off; it does so from any thread. The connection is not used again."""
        raw = self._raw
        stop = getattr(raw, "cancel", None) or getattr(raw, "interrupt", None)
        if stop is not None:
            self._world.in_thread(_quietly, stop)

    def close(self) -> None:
        """Close the connection; one that is at work is broken off."""
        self._cancel()
        self._world.in_thread(_quietly, self._engine.dispose)


def _quietly(work: Callable[[], object]) -> None:
    with suppress(Exception):  # there is nobody to tell, and nothing depends on it
        work()


def _url(address: str, password: str) -> URL:
    if address.startswith("sqlite:") and not address.startswith("sqlite:///"):
        address = "sqlite:///" + address.removeprefix("sqlite:")
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise ValueError("not a database's address; write DRIVER://user@host:port/name") from None
    if url.password:
        raise ValueError("a database's address must not hold its password")
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    return url.set(password=password) if password else url


def _connect_args(backend: str, seconds: float) -> dict[str, Any]:
    whole = max(1, round(seconds))
    match backend:
        case "sqlite":
            return {"check_same_thread": False, "timeout": seconds}
        case "postgresql" | "mysql":
            return {"connect_timeout": whole}
        case "oracle":
            return {"tcp_connect_timeout": seconds}
        case "mssql":
            return {"login_timeout": whole}
    return {}


def _sqlite() -> Any:
    import pysqlite3.dbapi2 as module  # only where it is used: other databases need it not

    return module


def _why(fault: DBAPIError) -> str:
    """The kind of error and the database's own code; never the statement or its values."""
    origin = fault.orig
    code = getattr(origin, "sqlstate", None) or getattr(origin, "sqlite_errorname", None)
    first = origin.args[0] if origin is not None and origin.args else None
    code = code or getattr(first, "full_code", None)  # Oracle's ORA-…
    name = type(origin).__name__ if origin is not None else type(fault).__name__
    return f"{name} {code}" if code else name


__all__ = ["BadValue", "Database", "DatabaseTrouble"]
