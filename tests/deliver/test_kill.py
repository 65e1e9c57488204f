"""The real process killed at every named place of deliver, under load: what was acknowledged arrives, and no more comes
twice than was in flight."""

from __future__ import annotations

import time  # the wall's time: real processes are waited for here

import pysqlite3
import pytest

from bench.deliver_ward import DeliverWard

CONNECTIONS = 16
PLACES = ("before_commit", "committed", "before_send", "sent", "before_ack")


def _rows(ward: DeliverWard, sql: str) -> list[tuple[int, ...]]:
    raw = pysqlite3.connect(f"file:{ward.folder}/var/engine.db?mode=ro", uri=True)
    try:
        found: list[tuple[int, ...]] = raw.execute(sql).fetchall()
        return found
    finally:
        raw.close()


def _make_good(ward: DeliverWard) -> None:
    """Start it whole and let it send what was left: else what is sent again after one kill may meet the next place
    before there is any load."""
    ward.environment = {}
    ward.start()
    end = time.monotonic() + 30
    while _rows(ward, "SELECT COUNT(*) FROM outbox") != [(0,)] and time.monotonic() < end:
        time.sleep(0.2)  # noqa: TID251 - the engine is at work
    ward.stop()


@pytest.mark.parametrize("ack", ["stored", "delivered"])
def test_killed_at_every_place_nothing_acknowledged_is_lost(ack: str) -> None:
    acknowledged = killed = 0
    with DeliverWard(ack=ack, window=CONNECTIONS) as ward:
        for place in PLACES:
            count = 15 if place in ("before_commit", "committed") else 60
            ward.environment = {"ENGINE_FAILPOINT": f"deliver.{place}#{count}"}
            ward.start()
            said = ward.load(connections=CONNECTIONS, seconds=60, limit=300)
            acknowledged += said["all"]
            killed += said["odd"].get("connection lost", 0) > 0
            ward.kill()
            _make_good(ward)
        there = ward.ask_sink("count")
        stored = _rows(ward, "SELECT COUNT(*) FROM messages WHERE state = 'done'")[0][0]
    assert killed == len(PLACES)
    distinct = there["count"] - there["twice"]
    assert distinct == stored >= acknowledged
    assert there["twice"] <= CONNECTIONS * len(PLACES)
