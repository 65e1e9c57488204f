"""From an address to a store."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from engine.core.world import World
from engine.store.backend import Backend, View
from engine.store.beside import worker_files
from engine.store.contract import CannotStart, Connection, NotMade
from engine.store.migrations import STEPS
from engine.store.sealing import Sealer, StoredKey, WrongMasterKey
from engine.store.sqlite import SqliteBackend
from engine.store.store import RESERVE, SqlStore

OPENING = "engine.store.open"
"""The audit event of every store that is opened: their drivers, which are not Python's, tell nobody."""


def backend_of(url: str, **options: Any) -> Backend:
    """The backend of `postgresql://…`, `sqlite:///relative`, `sqlite:////absolute`, or a path. `options` are those of
    `SqliteBackend`. CannotStart when the address is none."""
    sys.audit(OPENING, url)
    if url.startswith(("postgresql://", "postgres://")):
        from engine.store.postgres import PostgresBackend  # only a store that uses it needs the driver

        return PostgresBackend(url)
    path = url.removeprefix("sqlite:///") if url.startswith("sqlite:") else url
    if not path or path == ":memory:" or "://" in path or path.startswith("sqlite:"):
        raise CannotStart(f"not an address of a store: {url.partition('@')[2] or url!r}")
    return SqliteBackend(path, **options)


def open_store(
    url: str, world: World, master_key: bytes, *, alg: str = "aesgcm", reserve: int = RESERVE, **options: Any
) -> SqlStore:
    """A store, not yet started. `master_key`: at least 32 bytes; `alg` for new data keys: aesgcm or sm4gcm.
    `reserve`: bytes; with less room on the disk `store.room_for_new_work` is False.

    Options of SQLite: `check=True` (quick_check at start), `accept_missing_wal=True`, `durable=False` (only in an
    inline world: a simulation needs no disk)."""
    if not options.get("durable", True) and not world.inline:
        raise CannotStart("a store that is not durable is for simulations only")
    return SqlStore(backend_of(url, **options), world, Sealer(master_key, world.token, alg), reserve=reserve)


@contextmanager
def open_reader(
    url: str, master_key: bytes | None = None, token: Callable[[int], bytes] | None = None
) -> Iterator[Connection]:
    """A read-only view of a store, beside a running engine or without one, for the command line. Without the master
    key nothing sealed can be opened. CannotStart when there is no store of this program's version."""
    backend = backend_of(url)
    if isinstance(backend, SqliteBackend) and not os.path.exists(backend.path):
        raise CannotStart(f"there is no store at {backend.path}")
    unused = token or (lambda size: bytes(size))
    sealer = Sealer(master_key or bytes(32), unused)
    try:
        raw = backend.reader()
    except CannotStart:
        raise
    except Exception as no:
        raise CannotStart(backend.refusal(no) or f"the store cannot be read: {no}") from no
    try:
        backend.read_begin(raw)
        _expect_version(raw)
        if master_key is not None:
            sealer.load(StoredKey(*row) for row in raw.execute(backend.sql("keys_all")).fetchall())
        yield View(backend, raw, sealer)
    except WrongMasterKey as no:
        raise CannotStart(str(no)) from None
    finally:
        raw.close()


@contextmanager
def open_workers(url: str, master_key: bytes | None) -> Iterator[list[Connection]]:
    """The same of the stores of a node's workers, as many as can be read now (one may just be being made)."""
    with ExitStack() as opened:
        found = []
        for path in [] if url.startswith(("postgresql:", "postgres:")) else worker_files(url):
            try:
                found.append(opened.enter_context(open_reader(path, master_key)))
            except CannotStart:  # an older program's, or being made just now
                continue
        yield found


def _expect_version(raw: Any) -> None:
    try:
        found = raw.execute("SELECT MAX(version) FROM schema_version").fetchone()[0]
    except Exception as no:
        if getattr(no, "sqlstate", "") == "42P01":  # PostgreSQL: no such table
            raise NotMade("there is no store in this database yet") from no
        raise CannotStart(f"this is not a settlement store: {no}") from no
    if found != len(STEPS):
        raise CannotStart(f"the store is at schema version {found}, this program reads {len(STEPS)}")
