"""The log's one line of each message: which, where, how long, how it ended; never whose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.deliver.ward import Ward, adt


def lines(ward: Ward) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in ward.log.getvalue().splitlines()]
    return [row for row in rows if row["event"] == "message" and "channel" in row]


def test_every_message_has_one_line_at_its_end(tmp_path: Path) -> None:
    ward = Ward(tmp_path, ack="delivered")
    ward.start()
    ward.emr.answer = lambda body: 400 if body["control"] == "C4" else 200
    assert ward.send("C1").code == "AA"
    assert ward.send("C1").code == "AA"
    ward.send("C2", mode="T")  # the channel's `when` leaves it out
    ward.wait(ward.raw(adt("C3").replace(b"ADT^A01", b"ADT^A40")))
    ward.send("C4")
    ward.advance(30)
    told = [(row["control"], row["outcome"]) for row in lines(ward)]
    assert told == [("C1", "done"), ("C1", "repeat"), ("C2", "skipped"), ("C3", "refused"), ("C4", "dead")]
    first = lines(ward)[0]
    assert (first["channel"], first["kind"], first["source"]) == ("events", "ADT^A01", "hl7 NHIS^MAIN")
    assert first["no"] == str(ward.number("C1")), "our own id stays whole: people look it up"
    assert 0 < first["ms"] < 1000
    assert first["level"] == "info"
    assert first["at"].endswith("Z")
    ward.stop()


def test_it_names_nobody_whatever_a_sender_puts_into_its_numbers(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.start()
    ward.send("370202198003120113", patient="P77", name="张三丰")
    ward.advance(5)
    text = ward.log.getvalue()
    (row,) = lines(ward)
    assert row["outcome"] == "done"
    for private in ("370202198003120113", "张三丰", "P77"):
        assert private not in text
    ward.stop()


def test_what_a_restart_finds_undelivered_has_its_line_when_it_is_done(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.start()
    ward.emr.answer = lambda body: 503
    ward.send("C1")
    ward.advance(3)
    ward.crash()
    ward.emr.answer = lambda body: 200
    ward.start()
    ward.advance(60)
    assert [(row["control"], row["outcome"]) for row in lines(ward)] == [("C1", "done")]
    ward.stop()
