"""PostgreSQL behind the same interface: one connection writes, others read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from engine.store.backend import Meaning, no_room, spelled
from engine.store.contract import CannotStart
from engine.store.postgres_words import ADDRESS, CANNOT, NO_FSYNC, NO_TABLES, POOLED, READS_ONLY, TAKEN, ended, told
from engine.store.statements import STATEMENTS

LOCK = 0x53544C31  # the advisory lock that says "an engine is running on this database"
LOCK_WAIT = 2  # seconds
OLDEST = 140000
_AGAIN = frozenset({"40001", "40P01", "57014"})  # serialization failure, deadlock, cancelled by an administrator
_FULL = frozenset({"53100"})
CONNECT_LIMIT = 10  # seconds for the server to take a connection
_OURS = """
SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout',
    'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout');
SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'"""
"""Against what a server, a database or a role may have set for its other users. A patience of the server's that ends
would end the engine: it waits itself, and says so (`SqlStore`)."""
STANDS_STILL = 30
"""Seconds after which the server lets go of an engine that says nothing, with what it had begun, and of its lock: its
machine is gone or cut off, or stands still. One that lives says something every five (`beat`)."""
_LINE = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3", "tcp_user_timeout": "30000"}
"""A server that is cut off is gone after half a minute; one that only does not answer is waited for."""
_BOUNDS = {
    "tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
    "tcp_user_timeout": f"{STANDS_STILL}s", "idle_session_timeout": f"{STANDS_STILL}s",
    "idle_in_transaction_session_timeout": f"{STANDS_STILL}s",
}  # fmt: skip
"""How the server finds out that the engine is gone: the kernel of a machine whose processes stand still goes on
answering probes, and probes are not sent while an answer of the server's is on its way."""
_REFUSALS = {"25006": READS_ONLY, "42501": NO_TABLES}
_DIALECT = psycopg_dialect.dialect()  # type: ignore[no-untyped-call] # untyped in SQLAlchemy


class LockLost(Exception):
    """Another engine may be running on this database."""


class _TextDumper(StrDumper):
    """A text of this database cannot hold U+0000, which others may send us in a number: its picture stands for it, so
    that what was kept under it is found under it."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\x00", "\u2400") if "\x00" in obj else obj)


class PostgresBackend:
    """A PostgreSQL database by its address (`postgresql://user@host/name`)."""

    name = "postgresql"
    remote = True
    gathers = False  # its statements are sent in one pipeline already

    def __init__(self, url: str) -> None:
        self._url = url
        self._raw: Any = None
        self._texts = {name: spelled(s.sql, r"%(\1)s") for name, s in STATEMENTS.items()}

    def open(self) -> None:
        """Connect, check, lock. CannotStart says in words why not."""
        try:
            self._raw = raw = self._connect()
            if (encoding := raw.info.parameter_status("server_encoding")) != "UTF8":
                raise CannotStart(
                    f"数据库的编码是 {encoding} · the database's encoding is {encoding}: make one with ENCODING 'UTF8'"
                )
            if raw.execute("SHOW fsync").fetchone()[0] != "on":
                raise CannotStart(NO_FSYNC)
            if raw.execute("SELECT pg_is_in_recovery()").fetchone()[0]:
                raise CannotStart(f"{CANNOT}: {READS_ONLY}")
            self._take_lock(raw)
            self._see_lock()
            self.reader().close()  # one connection does not do: said now, not when a patient waits
        except psycopg.Error as no:
            self.abandon()
            raise CannotStart(self.refusal(no)) from None
        except BaseException:
            self.abandon()
            raise

    def refusal(self, error: BaseException) -> str:
        """Why this database cannot be used, for the operator; "" when it is not the database who says no."""
        if not isinstance(error, psycopg.Error):
            return ""
        why = _REFUSALS.get(error.sqlstate or "")
        return f"{CANNOT}: {why}" if why else told(str(error) or type(error).__name__)

    def _take_lock(self, raw: Any) -> None:
        """One engine on a database. A server notices only after a moment that an engine that was killed is gone. Behind
        a pooler another engine's connection may become ours: its lock, which is then ours too, keeps nobody out."""
        for name, value in _BOUNDS.items():
            raw.execute(f"SET {name} = '{value}'")
        raw.execute(f"SET lock_timeout = '{LOCK_WAIT}s'")
        if raw.execute("SELECT pg_backend_pid()").fetchone()[0] != raw.info.backend_pid:
            raise CannotStart(POOLED)
        try:
            raw.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        except psycopg.errors.LockNotAvailable:
            raise CannotStart(TAKEN) from None
        raw.execute("SET lock_timeout = 0")

    def _see_lock(self) -> None:
        """It will be asked for again and again: whoever may not see it, or stands behind a pooler, is told now."""
        try:
            self.alive()
        except (psycopg.Error, LockLost) as no:
            raise CannotStart(f"{CANNOT}: 看不见自己的锁 · its lock cannot be seen: {no}".strip()) from None

    def _connect(self) -> Any:
        try:
            given = conninfo_to_dict(self._url)
        except psycopg.ProgrammingError:  # its words quote the address, which may hold a password
            raise CannotStart(ADDRESS) from None
        usual: dict[str, Any] = {"connect_timeout": CONNECT_LIMIT, "application_name": "settlement-engine", **_LINE}
        raw = psycopg.connect(make_conninfo("", **{**usual, **given, "client_encoding": "UTF8"}), autocommit=True)
        if raw.info.server_version < OLDEST:
            name = f"PostgreSQL {raw.info.server_version // 10000}"
            raise CannotStart(f"{name} 太旧，需要 14 或以后 · {name} is too old: needs 14 or later")
        raw.execute(_OURS)
        raw.adapters.register_dumper(int, Int8Dumper)  # one type for all integers, so one prepared statement each
        raw.adapters.register_dumper(str, _TextDumper)
        raw.prepare_threshold = 2
        return raw

    def close(self) -> None:
        """Clean end."""
        if self._raw is not None:
            with suppress(psycopg.Error):
                self._raw.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
        self.abandon()

    def abandon(self) -> None:
        """Drop the connection; the server rolls back what was not committed and frees the lock."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def begin(self) -> None:
        """Begin."""
        self._raw.execute("BEGIN")

    def begin_now(self) -> bool:
        """Never: every statement waits for the server."""
        return False

    def commit(self) -> None:
        """Everything since `begin` is on the server's disk when this returns."""
        said = self._raw.execute("COMMIT").statusmessage
        if said != "COMMIT":  # a transaction that failed is ended so, and the server calls it no error
            raise psycopg.InternalError(f"the server ended a commit with {said}")

    def rollback(self) -> None:
        """Nothing since `begin` happened."""
        if not self._raw.closed and self._raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self._raw.execute("ROLLBACK")

    def execute(self, sql: str, params: Mapping[str, object] | Sequence[object] | None = None) -> Any:
        """Run a text in psycopg's spelling."""
        return self._raw.execute(sql, params)

    def judge(self, error: BaseException) -> Meaning:
        """What this error means for the batch."""
        if no_room(error):
            return Meaning.FULL
        if not isinstance(error, psycopg.Error):
            return Meaning.BAD_UNIT if isinstance(error, KeyError | UnicodeError) else Meaning.FATAL
        state = error.sqlstate or ""
        if self._raw is None or self._raw.closed or self._raw.broken:
            return Meaning.FATAL
        if state in _AGAIN:
            return Meaning.AGAIN
        if state in _FULL:
            return Meaning.FULL
        if state.startswith("23"):
            return Meaning.GUARD
        if state.startswith(("22", "42")) or isinstance(error, psycopg.ProgrammingError | psycopg.DataError):
            return Meaning.BAD_UNIT
        return Meaning.FATAL

    def because(self, error: BaseException) -> str:
        """Why it is the end."""
        gone = isinstance(error, psycopg.Error) and (self._raw is None or self._raw.closed or self._raw.broken)
        return ended(getattr(error, "sqlstate", None) or "", str(error)) if gone else ""

    def sql(self, statement: str) -> str:
        """A statement of the registry."""
        return self._texts[statement]

    def ahead(self) -> tuple[int, int]:
        """The server's business."""
        return 0, 0

    def finish_checkpoint(self) -> None:
        """The server's business."""

    def checkpoint(self) -> None:
        """The server's business."""

    def tidy(self) -> bool:
        """The server's business."""
        return False

    def room(self) -> int | None:
        """Unknown from here."""
        return None

    def reader(self) -> Any:
        """A connection that can only read."""
        raw = self._connect()
        raw.execute("SET default_transaction_read_only = on")
        return raw

    def alive(self) -> float:
        """The server's clock, if the lock is still ours: a connection that is gone fails, another (a pooler's) does not
        hold it."""
        found = self._raw.execute(
            "SELECT extract(epoch FROM clock_timestamp())::float8 FROM pg_locks "
            "WHERE locktype = 'advisory' AND granted AND objid = %s AND pid = pg_backend_pid()",
            (LOCK,),
        ).fetchone()
        if found is None:
            raise LockLost("the lock on the database is no longer ours: another engine may be running on it")
        return float(found[0])

    def hasty(self) -> Any:
        """The server may take its time."""
        return None

    def read_begin(self, raw: Any) -> None:
        """Begin a consistent view."""
        raw.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def read_end(self, raw: Any) -> None:
        """End it."""
        if not raw.closed and raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            raw.execute("ROLLBACK")

    def lost(self, raw: Any) -> bool:
        """Whether the server ended this connection."""
        return bool(raw.closed or raw.broken)

    def broken(self, error: BaseException) -> str:
        """Why the database is damaged, "" if this error does not say so."""
        state = getattr(error, "sqlstate", None) or ""
        return str(error) if state in ("XX001", "XX002") else ""

    def compile(self, query: Any) -> tuple[str, Mapping[str, object]]:
        """A SQLAlchemy Core select → text and parameters."""
        compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        return str(compiled), dict(compiled.params)
