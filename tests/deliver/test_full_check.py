"""`check: full`: hl7apy looks too, after the acknowledgement; it tells a person and refuses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.runtime import deliver_full_check
from tests.deliver.ward import Ward, adt

BAD = adt("C2", name="张三丰").replace(b"|M\r", b"|NAN\r").replace(b"PV1|1|I|", b"PV1|1|Z9|")


class Full(Ward):
    """The usual ward, whose channel asks for the full check."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._channel = self._channel.replace("answer_within: 5s", "answer_within: 5s, check: full")

    def page(self) -> str:
        assert self.engine is not None
        return self.engine.meters.page().decode()

    def tasks(self) -> list[Any]:
        return self.rows("SELECT kind, side FROM tasks WHERE closed_at IS NULL")


def test_it_tells_where_and_lets_everything_through(tmp_path: Path) -> None:
    ward = Full(tmp_path)
    ward.start()
    assert ward.send("C1").code == "AA"
    for number in range(3):
        assert ward.wait(ward.raw(BAD.replace(b"|C2|", b"|D%d|" % number))).count(b"MSA|AA|") == 1
    ward.advance(60)
    assert [control for _, control in ward.emr.got] == ["C1", "D0", "D1", "D2"]
    told = [json.loads(line) for line in ward.log.getvalue().splitlines() if "hl7_findings" in line]
    told = [row for row in told if row["event"] == "hl7_findings"]
    assert [row["channel"] for row in told] == ["events"] * 3
    assert (told[0]["count"], told[0]["places"]) == (2, "PID_8 PV1_2")
    assert ward.tasks() == [("hl7_findings", "engine")], "one task for all"
    assert 'engine_hl7_full_checks_total{channel="events",outcome="findings"} 3.0' in ward.page()
    assert "张三丰" not in ward.log.getvalue()
    assert "NAN" not in ward.log.getvalue()
    ward.stop()


def test_what_waits_too_long_is_skipped_and_counted(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(deliver_full_check, "WAITING", 2)
    ward = Full(tmp_path)
    ward.start()
    assert ward.engine is not None
    for number in range(5):
        ward.engine.deliver.full_check.offer("events", number, adt("C1"), "utf-8")
    ward.engine.deliver.full_check.offer("events", 9, b"x" * 300_000, "utf-8")
    ward.advance(30)
    assert 'outcome="skipped"} 4.0' in ward.page()
    ward.stop()
