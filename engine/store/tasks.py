"""What people have to do, and what they said when they had done it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.store.contract import Connection, Sealed, Write
from engine.store.legs import opened_text


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task nobody has done. `side`: whose turn it is."""

    id: int
    settlement_no: str | None
    leg_id: int
    kind: str
    side: str
    text: str
    opened_at: float


def open_task(id: int, *, no: str | None, leg_id: int, kind: str, side: str, text: str, at: float) -> Write:
    """Ask a person to do something. The text is sealed."""
    return Write(
        "task_open",
        {
            "id": id,
            "settlement_no": no,
            "leg_id": leg_id,
            "kind": kind,
            "side": side,
            "text": Sealed(text.encode()),
            "at": at,
        },
        rows=1,
    )


def close_task(id: int, *, by: str, note: str, at: float) -> Write:
    """The person `by` did it; `note` says what was found. Guard: it was still open."""
    return Write("task_close", {"id": id, "by": by, "note": Sealed(note.encode()), "at": at}, rows=1)


def is_open(conn: Connection, kind: str, no: str | None, side: str) -> bool:
    """Whether a task of this kind, settlement (None: of none) and side is not done yet."""
    return conn.row("task_is_open", kind=kind, settlement_no=no or "", side=side) is not None


def end_task(no: str, leg_id: int, kind: str, *, at: float) -> Write:
    """What a settlement's tasks of this kind and leg asked for has come about by itself: nobody has to do it."""
    return Write("task_end", {"settlement_no": no, "leg_id": leg_id, "kind": kind, "at": at})


def open_tasks(conn: Connection, after: int = 0, limit: int = 50) -> list[OpenTask]:
    """Tasks not done, oldest first, after this id."""
    return [
        OpenTask(id, no, leg, kind, side, opened_text(conn, "tasks.text", id, text), at)
        for id, no, leg, kind, side, text, at in conn.rows("tasks_open", after=after, limit=limit)
    ]
