"""Figures: percentiles, a message's wait less its own time at the destination, the bare flush."""

from __future__ import annotations

from pathlib import Path

from bench.deliver import _paired
from bench.deliver_load import BODY, MESSAGE
from bench.deliver_sink import NUMBER
from bench.disk_flush import BareFlush, DiskWatch, flushes_a_second, paced_flushes
from bench.report import shares_of


def test_shares_are_of_what_was_measured() -> None:
    assert shares_of([float(one) for one in range(100, 0, -1)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}
    assert shares_of([]) == {"p50": 0.0, "p95": 0.0, "p99": 0.0}


def test_each_message_is_paired_with_its_own_time() -> None:
    """The slow message was slow at the destination: above it, it waited no longer than the others."""
    said = {"acked": 3, "times": {"C1": 2.0, "C2": 52.0, "C3": 3.0}, "p50": 3.0, "p95": 52.0, "p99": 52.0}
    each, rank = _paired("o", "300/s", said, {"C1": 1.0, "C2": 50.0, "C3": 1.0},
                         {"p50": 1.0, "p95": 1.5, "p99": 2.0})  # fmt: skip
    assert (each.figure, each.unit) == (2.0, "/ 2.0 / 2.0 ms")
    assert each.floor == "3 of 3; read to answered there: 1.0 / 50.0 / 50.0 ms"
    assert (rank.figure, rank.unit) == (2.0, "/ 50.5 / 50.0 ms")


def test_the_sink_finds_the_senders_number_in_what_the_engine_and_the_bare_poster_send() -> None:
    assert b"%s%s" % (NUMBER, b"%(no)s") in BODY.encode()
    assert "|V%(no)s|" in MESSAGE  # PV1-19, which the map sends as visitNo


def test_a_bare_flush_leaves_nothing_behind(tmp_path: Path) -> None:
    with BareFlush(tmp_path) as flush:
        assert flush() > 0.0
    assert flushes_a_second(tmp_path, 0.02) > 0.0
    assert paced_flushes(tmp_path, 2000, 0.01)["p50"] > 0.0
    with DiskWatch(tmp_path) as watch:
        pass
    assert watch.took == []
    assert list(tmp_path.iterdir()) == []
