"""What people have to do, and what they said when they had done it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.store.contract import Connection, Sealed, Write
from engine.store.legs import opened_text
from engine.store.schema import tasks


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task nobody has done. `side`: whose turn it is; `times`, `last_at`: how often it happened, and when last."""

    id: int
    settlement_no: str | None
    leg_id: int
    kind: str
    side: str
    text: str
    opened_at: float
    times: int
    last_at: float


def open_task(id: int, *, no: str | None, leg_id: int, kind: str, side: str, text: str, at: float) -> Write:
    """Ask a person to do something; the same of the same leg, while it is open, is one task that counts. The text is
    sealed; the first one stays."""
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


def task_of(conn: Connection, id: int) -> dict[str, Any] | None:
    """A task without its words; None when there is none."""
    row = conn.row("task_of", id=id)
    return None if row is None else dict(zip(("id", "settlement_no", "leg_id", "kind", "closed_at"), row, strict=True))


def end_task(no: str, leg_id: int, kind: str, *, at: float) -> Write:
    """What a settlement's tasks of this kind and leg asked for has come about by itself: nobody has to do it."""
    return Write("task_end", {"settlement_no": no, "leg_id": leg_id, "kind": kind, "at": at})


def task_over(kind: str, side: str, *, at: float) -> Write:
    """What the task of this kind about a party, not about a settlement, asked for has come about by itself."""
    return Write("task_over", {"kind": kind, "side": side, "at": at})


def words_of(conn: Connection, ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Task → what was noted when it was opened, and what was found by who closed it ("" while it is open)."""
    t = tasks
    rows = conn.select(sa.select(t.c.id, t.c.text, t.c.note).where(t.c.id.in_(list(ids))))
    return {
        row["id"]: (
            opened_text(conn, "tasks.text", row["id"], row["text"]),
            opened_text(conn, "tasks.note", row["id"], row["note"]),
        )
        for row in rows
    }


def open_tasks(conn: Connection, after: int = 0, limit: int = 50) -> list[OpenTask]:
    """Tasks not done, oldest first, after this id."""
    return [
        OpenTask(id, no, leg, kind, side, opened_text(conn, "tasks.text", id, text), at, times, last)
        for id, no, leg, kind, side, text, at, times, last in conn.rows("tasks_open", after=after, limit=limit)
    ]
