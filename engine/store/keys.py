"""The store's keys: opened with the store, made in a new one, rotated while running: by the writer only."""

from __future__ import annotations

from engine.store.backend import Backend
from engine.store.contract import CannotStart, Connection
from engine.store.migrations import migrate
from engine.store.sealing import Sealer, StoredKey, WrongMasterKey


def open_backend(backend: Backend, sealer: Sealer, now: float) -> None:
    """Open the database, bring it to this version, unlock its keys. CannotStart when that is not to be had."""
    backend.open()
    try:
        backend.begin()
        migrate(backend.execute, backend.name)
        load_keys(backend, sealer, now)
        backend.commit()
    except WrongMasterKey as no:
        backend.rollback()
        backend.close()
        raise CannotStart(str(no)) from None
    except CannotStart:
        backend.rollback()
        backend.close()
        raise
    except BaseException as no:
        why = backend.refusal(no)
        backend.abandon()
        if why:
            raise CannotStart(why) from no
        raise


def stored_keys(backend: Backend) -> list[StoredKey]:
    """The rows of `keys`."""
    return [StoredKey(*row) for row in backend.execute(backend.sql("keys_all")).fetchall()]


def load_keys(backend: Backend, sealer: Sealer, now: float) -> None:
    """Open the keys; make the first ones in a new store. The caller holds the transaction. WrongMasterKey."""
    sealer.load(stored_keys(backend))
    missing = sealer.missing(now)
    for row in missing:
        _insert(backend, row)
    sealer.load(missing)


def rotate_keys(backend: Backend, sealer: Sealer, now: float) -> int:
    """A new data key, in a transaction of its own; it is used only once it is stored. Returns its id."""
    row = sealer.rotated(now)
    backend.begin()
    try:
        _insert(backend, row)
        backend.execute(backend.sql("keys_retire"), {"at": now, "key_id": row.key_id})
        backend.commit()
    except BaseException:
        backend.rollback()
        raise
    sealer.load([row])
    return row.key_id


def rewrap_keys(backend: Backend, old: Sealer, new: Sealer) -> int:
    """Change the master key: every stored key is wrapped anew, in one transaction. Returns how many."""
    rows = old.rewrapped(stored_keys(backend), new)
    backend.begin()
    try:
        for row in rows:
            backend.execute(backend.sql("key_rewrap"), {"key_id": row.key_id, "wrapped": row.wrapped})
        backend.commit()
    except BaseException:
        backend.rollback()
        raise
    return len(rows)


def data_key_made_at(conn: Connection) -> float | None:
    """When the data key in use was made (unix seconds); None in a store without one."""
    row = conn.row("key_in_use")
    return None if row is None or row[0] is None else float(row[0])


def _insert(backend: Backend, row: StoredKey) -> None:
    backend.execute(
        backend.sql("key_insert"),
        {"key_id": row.key_id, "use": row.use, "wrapped": row.wrapped, "created_at": row.created_at},
    )
