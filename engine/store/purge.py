"""Old bodies, calls and one-time words go, a few at a time, between the units of the day's work."""

from __future__ import annotations

from engine.store.contract import Store, Unit, Write
from engine.store.ids import first_id_at

BATCH = 500
NONCE_LIFE = 1200.0  # seconds; twice what a client may repeat


async def purge(store: Store, before: float, now: float, batch: int = BATCH) -> int:
    """Delete bodies and calls older than `before` (unix seconds) of settlements at rest since before then, and of
    none; and one-time words nobody can use any more. Returns the number of rows deleted."""
    old = {"before": before, "before_id": first_id_at(before), "limit": batch}
    gone = 0
    for write in (
        Write("purge_bodies", old),
        Write("purge_calls", old),
        Write("purge_nonces", {"before": now - NONCE_LIFE, "limit": batch}),
    ):
        while True:
            done = await store.submit(Unit("purge", (write,)))
            gone += done.counts[0]
            if done.counts[0] < batch:
                break
    return gone
