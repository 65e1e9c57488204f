"""The pattern of a segment says "nothing can be found" only where the plan finds nothing."""

from __future__ import annotations

import random

import pytest
from test_hl7_plan import GOOD, PLANS, breaking, read

from engine.codecs import hl7_plan
from engine.codecs.hl7_er7 import STANDARD
from engine.codecs.hl7_pattern import pattern_of
from engine.codecs.hl7_plan import Plan, plan_for
from engine.codecs.hl7_tables import VERSIONS
from engine.codecs.hl7v2 import Message

PIECES = (
    "", '""', "1", "0", "-1.5", "x", "张三", "2026", "202611", "20260230", "20260131", "20260431", "20240229",
    "20261122", "20261122102000", "20261122102000.1234+0800", "2026112225", "1020",
    "9" * 20, "9" * 21, "长" * 199, "长" * 200,
    "a&b", "\\F\\", "A" * 60_000,
)  # fmt: skip


def came(text: str) -> Message:
    """As received, whatever MSH-18 says."""
    return Message(text, STANDARD, "utf-8", text.encode())


def slowly(plan: Plan, text: str) -> list[str]:
    """What the plan finds when no pattern helps it."""
    message = came(text)
    message.changed()
    return [one.text for one in plan.check(message)]


@pytest.mark.parametrize("version", sorted(VERSIONS))
@pytest.mark.parametrize("name", PLANS)
def test_what_breaks_a_row_never_fits(version: str, name: str) -> None:
    plan = plan_for(version, name)
    seen = 0
    for row in plan.rows:
        text = breaking(row).to_text()
        found = slowly(plan, text)
        assert [one.text for one in plan.check(came(text))] == found
        seen += bool(found)
    assert seen == len(plan.rows)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_stands_in_the_fields_both_find_the_same(seed: int) -> None:
    dice = random.Random(seed)
    fitted = 0
    for name in PLANS:
        plan = plan_for("2.4", name)
        for segment in sorted(plan._checks):
            if segment == "MSH":
                continue
            checks = plan._checks[segment]
            fits = pattern_of(segment, checks.required, checks.fields)
            for _ in range(12):
                line = segment
                for _ in range(dice.randrange(len(checks.fields) + 3)):
                    marks = dice.choice(["", "", "", "^", "^^", "~", "~^"])
                    line += "|"
                    if dice.random() < 0.3:
                        line += "".join(dice.choice(PIECES) + mark for mark in (*marks, ""))
                if fits(line.rstrip("|")):
                    fitted += 1
                    assert slowly(plan_for("2.4"), f"MSH|^~\\&|A||||20261122||A|B|C|2.4\r{line}\r") == []
    assert fitted > 100


@pytest.mark.parametrize("name", GOOD)
def test_ordinary_segments_fit(name: str) -> None:
    plan = plan_for("2.4", name)
    for segment in read(GOOD[name]).segments:
        checks = plan._checks.get(segment.name)
        if checks is not None and "&" not in segment.line[9:]:
            assert pattern_of(segment.name, checks.required, checks.fields)(segment.line.rstrip("|")), segment.line


def test_one_pattern_a_message_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes up to 30 ms: the first message after a start held everybody up for a quarter of a second."""
    made: list[str] = []
    monkeypatch.setattr(hl7_plan, "pattern_of", lambda name, *rows: made.append(name) or pattern_of(name, *rows))
    plan, message = plan_for("2.4", "ADT_A01").without(lambda row: False), read(GOOD["ADT_A01"])
    for count in range(1, 5):
        assert plan.check(message) == []
        assert len(made) == count
    assert plan.check(message) == []
    assert sorted(made) == ["EVN", "MSH", "PID", "PV1"]
