"""Old bodies, calls and one-time words go, a few at a time, between the units of the day's work."""

from __future__ import annotations

from functools import partial

from engine.store.contract import Connection, Store, Unit, Write
from engine.store.ids import first_id_at

BATCH = 500
NONCE_LIFE = 1200.0  # seconds; twice what a client may repeat


async def purge(store: Store, now: float, *, bodies: float, calls: float, batch: int = BATCH) -> int:
    """Delete the bodies that are `bodies` seconds old and the calls that are `calls` seconds old, of settlements at
    rest for as long, and of none; messages of deliver channels likewise, but for what is not delivered yet; and
    one-time words nobody can use any more; and codes without a counterpart that nobody looked up for `calls` seconds.
    Returns the number of rows deleted."""
    gone = 0
    for write in (
        Write("purge_bodies", _older(now - bodies, batch)),
        Write("purge_calls", _older(now - calls, batch)),
        Write("purge_nonces", {"before": now - NONCE_LIFE, "limit": batch}),
        Write("purge_unmapped", {"before": now - calls}),
        *(Write(name, {"before_id": first_id_at(now - age), "limit": batch})
          for name, age in (("purge_chunks", bodies), ("purge_attempts", calls), ("purge_messages", calls))),
    ):  # fmt: skip
        while True:
            done = await store.submit(Unit("purge", (write,)))
            gone += done.counts[0]
            if done.counts[0] < batch:
                break
    return gone


async def purge_inbox(store: Store, now: float, age: float, after: int = 0, batch: int = BATCH) -> tuple[int, int]:
    """Delete what was heard more than `age` seconds ago and is a repeat, or belongs to no settlement. Rows up to the id
    `after` were looked at before: what stays is not read again every hour. Returns (rows deleted, looked at up to)."""
    gone, before_id = 0, first_id_at(now - age)
    while True:
        upto = await store.read(partial(_page_end, after=after, before_id=before_id, limit=batch))
        if upto is None:
            return gone, after
        params = {"after": after, "upto": upto, "before": now - age}
        done = await store.submit(Unit("purge", (Write("purge_inbox", params),)))
        gone, after = gone + done.counts[0], upto


def _page_end(conn: Connection, after: int, before_id: int, limit: int) -> int | None:
    row = conn.row("inbox_page", after=after, before_id=before_id, limit=limit)
    return None if row is None else row[0]


def _older(before: float, batch: int) -> dict[str, float | int]:
    return {"before": before, "before_id": first_id_at(before), "limit": batch}
