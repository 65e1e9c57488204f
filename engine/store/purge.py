"""Old bodies, calls and one-time words go, a few at a time, between the units of the day's work."""

from __future__ import annotations

from engine.store.contract import Store, Unit, Write
from engine.store.ids import first_id_at

BATCH = 500
NONCE_LIFE = 1200.0  # seconds; twice what a client may repeat


async def purge(store: Store, now: float, *, bodies: float, calls: float, batch: int = BATCH) -> int:
    """Delete the bodies that are `bodies` seconds old and the calls that are `calls` seconds old, of settlements at
    rest for as long, and of none; and one-time words nobody can use any more. Returns the number of rows deleted."""
    gone = 0
    for write in (
        Write("purge_bodies", _older(now - bodies, batch)),
        Write("purge_calls", _older(now - calls, batch)),
        Write("purge_nonces", {"before": now - NONCE_LIFE, "limit": batch}),
    ):
        while True:
            done = await store.submit(Unit("purge", (write,)))
            gone += done.counts[0]
            if done.counts[0] < batch:
                break
    return gone


def _older(before: float, batch: int) -> dict[str, float | int]:
    return {"before": before, "before_id": first_id_at(before), "limit": batch}
