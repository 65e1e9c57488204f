"""The embedded database: SQLite in WAL mode with every commit on the disk before it is acknowledged."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pysqlite3.dbapi2 as dbapi
from sqlalchemy.dialects import sqlite as sqlite_dialect

from engine.store.backend import Meaning, no_room
from engine.store.contract import CannotStart
from engine.store.statements import STATEMENTS
from engine.store.wal import damage

NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs"})
APPLICATION_ID = 0x53544C31  # "STL1": marks our files
_RUNNING = 1  # user_version of a file in use; 0 after a clean end
_BUSY, _LOCKED, _FULL, _CONSTRAINT, _CORRUPT, _NOTADB = 5, 6, 13, 19, 11, 26
_PATIENCE = 5000  # milliseconds for which another program may keep the write lock before we ask again
_IOERR_SHMSIZE = 4874  # growing the shared index failed: no room; nothing was written
_MEASURE = 256  # rows written, after which the write-ahead file is measured again
_PASSES = 4  # by one move of its pages, each for what was written during the one before
_DEFECTS = frozenset({1, 18, 20, 21, 25})  # error, too big, mismatch, misuse, range
_DIALECT = sqlite_dialect.dialect(paramstyle="named")
dbapi.register_adapter(bytes, bytearray)  # which the driver takes as it is; of bytes it first asks who can adapt them


def safe_version(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite is free of the WAL-reset bug that loses commits (3.7.0 to 3.51.2)."""
    major, minor, patch = version
    if (major, minor) == (3, 44):
        return patch >= 6
    if (major, minor) == (3, 50):
        return patch >= 7
    return version >= (3, 51, 3)


def file_system(path: str, mounts: str) -> str:
    """The type of file system a path lies on, from the text of /proc/self/mounts; "" when unknown."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


class SqliteBackend:
    """One SQLite file. `durable=False` is for simulations only; `check` runs quick_check at start (reads the whole
    file); `accept_missing_wal` starts although the write-ahead file of a crashed run is gone."""

    name = "sqlite"
    remote = False
    gathers = True

    def __init__(
        self,
        path: str,
        *,
        durable: bool = True,
        check: bool = False,
        accept_missing_wal: bool = False,
        version: tuple[int, int, int] | None = None,
        max_pages: int = 0,
    ) -> None:
        self.path = os.path.abspath(path)
        self._durable, self._check, self._accept = durable, check, accept_missing_wal
        self._version: tuple[int, int, int] = version or dbapi.sqlite_version_info
        self._max_pages = max_pages
        self._lock: int | None = None
        self._raw: Any = None
        self._mover: Any = None
        self._unmeasured = 0
        self._ahead = (0, 0)
        self._page_size = 4096
        self._texts = {name: statement.sql for name, statement in STATEMENTS.items()}

    # Opening and closing

    def open(self) -> None:
        """Take the lock, check, open. CannotStart says in words why not."""
        if not safe_version(self._version):
            raise CannotStart(
                "SQLite {}.{}.{} can lose commits (WAL-reset bug): needs 3.51.3 or later".format(*self._version)
            )
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            raise CannotStart(f"the folder of the store does not exist: {folder}")
        kind = self._file_system()
        if kind in NETWORK:
            raise CannotStart(f"the store must lie on a local disk, not on {kind}: {self.path}")
        self._take_lock()
        try:
            self._open()
        except dbapi.Error as no:
            self.abandon()
            if self.judge(no) is Meaning.FULL:
                raise CannotStart(f"there is no room on the disk of {self.path}") from no
            raise CannotStart(f"the database cannot be opened ({no}); {self._restore()}") from no
        except BaseException:
            self.abandon()
            raise

    def _open(self) -> None:
        head = self._head()
        known = bool(head)
        if known and (not head.startswith(b"SQLite format 3\0") or _word(head, 68) != APPLICATION_ID):
            raise CannotStart(f"this is not a settlement store: {self.path}")
        had_wal = os.path.exists(self.path + "-wal")
        if known and not had_wal and _word(head, 60) == _RUNNING and not self._accept:
            raise CannotStart(
                f"the last run did not end cleanly and its write-ahead file {self.path}-wal is gone: acknowledged "
                f"settlements may be missing; {self._restore()}, or start once with accept_missing_wal if another "
                "program has opened the file since"
            )
        if had_wal:
            found = damage(self.path + "-wal")
            if found:
                raise CannotStart(f"the write-ahead file is damaged ({found}); {self._restore()}")
        self._raw = raw = self._connect()
        if not known:
            raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
            raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        if raw.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise CannotStart(f"the database cannot use write-ahead mode: {self.path}")
        self._set_up(raw)
        if self._check:
            said = raw.execute("PRAGMA quick_check(3)").fetchall()
            if said != [("ok",)]:
                raise CannotStart(f"the database is damaged ({said[0][0][:200]}); {self._restore()}")
        self._page_size = self._one("PRAGMA page_size")
        if self._one("PRAGMA user_version") != _RUNNING:
            raw.execute(f"PRAGMA user_version = {_RUNNING}")  # from now on the write-ahead file must be there
        try:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except dbapi.Error as no:
            if self.judge(no) is not Meaning.FULL:  # without room for it, the write-ahead file serves as well
                raise
        self._be_patient(0)

    def _set_up(self, raw: Any) -> None:
        raw.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA wal_autocheckpoint = 0")
        # 2 MiB: now and then a commit looks at every page of the cache (pages that changed places when a tree was
        # balanced make SQLite believe that the file grew shorter), and a page not kept is one read from memory anyway
        raw.execute("PRAGMA cache_size = -2048")
        raw.execute("PRAGMA cache_spill = OFF")  # nothing of a transaction is written before its commit
        raw.execute("PRAGMA journal_size_limit = 67108864")
        if self._max_pages:
            raw.execute(f"PRAGMA max_page_count = {self._max_pages}")

    def close(self) -> None:
        """Clean end: everything is in the main file afterwards. On a full disk the write-ahead file stays."""
        try:
            if self._raw is not None:
                self._be_patient(_PATIENCE)
                self._raw.execute("PRAGMA user_version = 0")
                self._raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except dbapi.Error as no:
            self.abandon()
            if self.judge(no) is not Meaning.FULL:
                raise
            return
        for raw in (self._mover, self._raw):
            if raw is not None:
                raw.close()
        self._raw = self._mover = None
        self._release()

    def abandon(self) -> None:
        """Closing would checkpoint, that is trust pages whose fsync failed: keep the handles open for ever."""
        for raw in (self._raw, self._mover):
            if raw is not None:
                with suppress(dbapi.Error):
                    raw.rollback()  # forgets; in write-ahead mode this writes nothing
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(raw))
        self._raw = self._mover = None
        self._release()

    def _connect(self, *, read_only: bool = False) -> Any:
        mode = "ro" if read_only else "rwc"
        uri = f"file:{_quoted(self.path)}?mode={mode}"
        raw = dbapi.connect(uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=256)
        raw.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
        return raw

    def _take_lock(self) -> None:
        handle = os.open(self.path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as no:
            os.close(handle)
            if no.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise CannotStart(f"the store cannot be locked: {no.strerror}") from no
            raise CannotStart(f"another engine is running on {self.path}") from None
        self._lock = handle

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _file_system(self) -> str:
        try:
            with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
                return file_system(os.path.realpath(self.path), mounts.read())
        except OSError:
            return ""

    def _restore(self) -> str:
        return f"stop, keep a copy of {self.path} and {self.path}-wal, and restore the last backup"

    def _head(self) -> bytes:
        """The first 100 bytes of the file, read before any connection is open (closing would drop its locks)."""
        try:
            with open(self.path, "rb") as file:
                return file.read(100)
        except FileNotFoundError:
            return b""
        except OSError as no:
            raise CannotStart(f"the store cannot be read: {self.path}: {no.strerror}") from no

    def _one(self, pragma: str) -> int:
        return int(self._raw.execute(pragma).fetchone()[0])

    # The writer's thread

    def refusal(self, error: BaseException) -> str:
        """`open` says all of it."""
        return ""

    def alive(self) -> float:
        """Never asked: the file is ours."""
        return 0.0

    def begin(self) -> None:
        """Begin; waits as long as another program (a backup tool) holds the write lock."""
        if self.begin_now():
            return
        self._be_patient(_PATIENCE)
        try:
            while True:
                try:
                    self._raw.execute("BEGIN IMMEDIATE")
                    return
                except dbapi.OperationalError as no:
                    if no.sqlite_errorcode & 0xFF != _BUSY:
                        raise
        finally:
            self._be_patient(0)

    def begin_now(self) -> bool:
        """Begin if that is to be had without waiting."""
        try:
            self._raw.execute("BEGIN IMMEDIATE")
        except dbapi.Error:
            return False
        return True

    def _be_patient(self, milliseconds: int) -> None:
        """How long a statement waits for another program; once a transaction is begun there is nothing to wait for."""
        self._raw.execute(f"PRAGMA busy_timeout = {milliseconds}")

    def commit(self) -> None:
        """Everything since `begin` is on the disk when this returns."""
        self._raw.execute("COMMIT")

    def rollback(self) -> None:
        """Nothing since `begin` happened."""
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")

    def execute(self, sql: str, params: Mapping[str, object] | Sequence[object] | None = None) -> Any:
        """Run a text in SQLite's spelling."""
        self._unmeasured += 1 + len(params) // 4 if type(params) is list else 1
        return self._raw.execute(sql) if params is None else self._raw.execute(sql, params)

    def judge(self, error: BaseException) -> Meaning:
        """What this error means for the batch."""
        if isinstance(error, OSError):
            return Meaning.FULL if no_room(error) else Meaning.FATAL
        code = getattr(error, "sqlite_errorcode", None)
        if (isinstance(error, dbapi.Error) and code is None) or isinstance(error, OverflowError | UnicodeError):
            return Meaning.BAD_UNIT  # raised by the driver before SQLite saw it: missing or unfit parameter
        if code is None:
            return Meaning.FATAL
        if code & 0xFF == _CONSTRAINT:
            return Meaning.GUARD
        if code & 0xFF in (_BUSY, _LOCKED):
            return Meaning.AGAIN  # nothing was committed
        if code & 0xFF == _FULL or code == _IOERR_SHMSIZE:
            return Meaning.FULL
        return Meaning.BAD_UNIT if code & 0xFF in _DEFECTS else Meaning.FATAL

    def because(self, error: BaseException) -> str:
        """Its own words do."""
        return ""

    def sql(self, statement: str) -> str:
        """A statement of the registry."""
        return self._texts[statement]

    def ahead(self) -> tuple[int, int]:
        """Bytes in the write-ahead file and those not yet moved; measured about every 256 rows."""
        if self._unmeasured >= _MEASURE:
            self._unmeasured = 0
            _, log, moved = self._raw.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
            self._ahead = max(0, log) * self._page_size, max(0, log - moved) * self._page_size
        return self._ahead

    def finish_checkpoint(self) -> None:
        """A writer that never pauses would keep the file growing: only when every frame is moved does it begin anew."""
        self._raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        self._ahead, self._unmeasured = (0, 0), 0

    def tidy(self) -> bool:
        """Give some free pages back to the disk; whether there are more."""
        self._raw.execute("PRAGMA incremental_vacuum(256)").fetchall()
        return bool(self._raw.execute("PRAGMA freelist_count").fetchone()[0])

    # Other threads

    def checkpoint(self) -> None:
        """Move what readers allow into the main file, on a connection of its own; what is written meanwhile too, if it
        is so little that this can overtake the writer, who need not wait for the main file's flush then."""
        if self._mover is None:
            self._mover = self._connect()
            self._set_up(self._mover)
        seen = 0
        for _ in range(_PASSES):
            _, log, _ = self._mover.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if log <= seen:  # nothing came while the pass before was under way, or the file began anew
                break
            seen = log
        self._unmeasured = _MEASURE  # so that nobody asks for the same again

    def reader(self) -> Any:
        """A connection that can only read and never moves or removes the write-ahead file."""
        raw = self._connect(read_only=True)
        raw.execute("PRAGMA query_only = ON")
        return raw

    def hasty(self) -> Any:
        """The same, but it fails at once where others wait for another program."""
        raw = self.reader()
        raw.execute("PRAGMA busy_timeout = 0")
        return raw

    def read_begin(self, raw: Any) -> None:
        """Begin a consistent view."""
        raw.execute("BEGIN")

    def read_end(self, raw: Any) -> None:
        """End it."""
        if raw.in_transaction:
            raw.execute("ROLLBACK")

    def lost(self, raw: Any) -> bool:
        """A file is not lost."""
        return False

    def broken(self, error: BaseException) -> str:
        """Why the database is damaged, "" if this error does not say so."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return f"{error}; {self._restore()}" if code in (_CORRUPT, _NOTADB) else ""

    def compile(self, query: Any) -> tuple[str, Mapping[str, object]]:
        """A SQLAlchemy Core select → text and parameters."""
        compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        return str(compiled), dict(compiled.params)

    def room(self) -> int | None:
        """Free bytes for us on the disk of the store."""
        try:
            disk = os.statvfs(os.path.dirname(self.path))
        except OSError:
            return None
        return disk.f_bavail * disk.f_frsize


def _word(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "big")


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
