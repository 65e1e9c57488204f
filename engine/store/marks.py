"""How far the views of other databases have been read, by the listener that reads them."""

from __future__ import annotations

from engine.store.contract import Connection, Sealed, Write


def keep_mark(source: str, mark: str, at: float) -> Write:
    """A view has been read so far."""
    return Write("mark_set", {"source": source, "mark": Sealed(mark.encode()), "at": at}, rows=1)


def drop_mark(source: str) -> Write:
    """What was read so far is another's from now on."""
    return Write("mark_drop", {"source": source}, rows=1)


def sources(conn: Connection) -> list[str]:
    """Under which names views have been read, the one that read last first."""
    return [str(row[0]) for row in conn.rows("marks_all")]


def mark_of(conn: Connection, source: str) -> str | None:
    """How far a view has been read; None before its first reading."""
    found = mark_and_time(conn, source)
    return None if found is None else found[0]


def mark_and_time(conn: Connection, source: str) -> tuple[str, float] | None:
    """How far a view has been read, and at what business time that was kept, unix seconds."""
    row = conn.row("mark_get", source=source)
    return None if row is None else (conn.unseal("marks.mark", source, bytes(row[0])).decode(), float(row[1]))
