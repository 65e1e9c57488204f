"""hl7apy as judge of our reader and our checking plan: the messages in use, 2.3 to 2.6, as a HIS sends them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hl7apy import load_reference
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from test_hl7_plan import _at, breaking

from engine.codecs.hl7_ack import HL7Error, ack
from engine.codecs.hl7_full_check import full_check
from engine.codecs.hl7_plan import Plan, check, plan_for, plan_of
from engine.codecs.hl7_tables import VERSIONS, Row, Shape
from engine.codecs.hl7v2 import Message, Segment, parse
from simulators.his.hl7_events import EVENTS, Wish, event_message
from simulators.town import PERSONS

IN_USE = ("ADT_A01", "ADT_A03", "ADT_A09", "SIU_S12", "ORU_R01", "DFT_P03", "ACK")


def event(name: str, version: str) -> Message:
    wish = Wish(name, "N1", datetime(2026, 11, 22, 8), "UTF-8", version, "V1", name="張億^區&東")  # noqa: DTZ001 an invented Beijing time
    return parse(event_message(wish, PERSONS[0]))


def dft(version: str) -> Message:
    kind = "DFT^P03^DFT_P03" if version >= "2.5" else "DFT^P03"
    paid = "20261122||01|WX||||120.50&CNY^TP^120.50"
    text = (
        f"MSH|^~\\&|ENGINE|X|NHIS|Y|20261122080000||{kind}|M1|P|{version}||||||UTF-8\rEVN|P03|20261122080000\r"
        f"PID|1|P1|P1^^^^PatientNO||億\\T\\瑋^東||19900101|M\rPV1|1|O\rFT1|1|INV1||{paid}||億科\r"
    )
    return parse(text.encode())


def acknowledgement(version: str) -> Message:
    errors = [HL7Error("101", "PID", 1, 3, "缺|少"), HL7Error("207")]
    return parse(ack(dft(version), "AE", "不^行", errors, control_id="A1", at="20261122080000"))


def messages(version: str) -> dict[str, Message]:
    return {**{name: event(name, version) for name in EVENTS}, "DFT^P03": dft(version), "ACK": acknowledgement(version)}


# The reader


def leaves(element: Any, path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], str]]:
    """(numbers below the field, ER7 text) of the smallest parts hl7apy finds."""
    parts = [child for child in element.children if (child.name or "").rpartition("_")[2].isdigit()]
    if not parts:
        yield path, element.to_er7()
    for child in parts:
        yield from leaves(child, (*path, int(child.name.rpartition("_")[2])))


@pytest.mark.parametrize("version", VERSIONS)
def test_hl7apy_reads_every_value_at_the_same_place(version: str) -> None:
    compared = 0
    for message in messages(version).values():
        oracle = parse_message(message.to_text(), validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
        assert [segment.name for segment in oracle.children] == [segment.name for segment in message.segments]
        for theirs, ours in zip(oracle.children, message.segments, strict=True):
            for field in theirs.children:
                number = int(field.name.rpartition("_")[2])
                if theirs.name == "MSH" and number <= 2:
                    continue
                repetition = [one for one in theirs.children if one.name == field.name].index(field) + 1
                for place, text in leaves(field, ()):
                    assert part(ours, number, repetition, place) == text, (theirs.name, number, place)
                    compared += 1
    assert compared > 250


def part(segment: Segment, field: int, repetition: int, place: tuple[int, ...]) -> str:
    """The text at hl7apy's place. It divides a field of one part further than the sender did: then the parts agree."""
    component, sub = (*place, 0, 0)[:2]
    return segment.er7(field, repetition, component, sub)


@pytest.mark.parametrize("version", VERSIONS)
def test_values_come_out_unescaped_as_they_were_meant(version: str) -> None:
    message = event("ADT^A08", version)
    assert message.get("PID-5.1") == "張億^區&東"
    assert message.er7("PID-5.1") == "張億\\S\\區\\T\\東"


# The plan, against what stands in the library


@pytest.mark.parametrize("version", VERSIONS)
def test_both_accept_what_a_his_sends(version: str) -> None:
    for name, message in messages(version).items():
        assert check(message) == [], name
        if name != "ACK":  # hl7apy takes an ERR of the form before 2.5 apart as 2.5 has it, and the other way round
            assert full_check(message.to_text()) == [], name


@pytest.mark.parametrize("version", VERSIONS)
def test_both_find_each_missing_field_of_a_message(version: str) -> None:
    """Every required field that is there is taken away: the plan says which, hl7apy agrees that something is wrong."""
    found = 0
    for name in ("ADT^A01", "SIU^S12", "ORU^R01"):
        whole = event(name, version)
        for row in plan_of(whole).rows:
            if row.rule != "required" or row.component or row.segment == "MSH":
                continue
            broken = parse(whole.raw)
            segment = broken.find(row.segment)
            if segment is None or not segment.er7(row.field):
                continue
            segment.set_er7("", row.field, 0)
            findings = check(broken)
            assert ("required", row.segment, row.field) in [(f.rule, f.segment, f.field) for f in findings]
            if found % 3 == 0:  # hl7apy takes 15 ms for each
                assert full_check(broken.to_text()), (row, broken.to_text())
            found += 1
    assert found > 10


@pytest.mark.parametrize("version", VERSIONS)
def test_both_find_each_missing_segment(version: str) -> None:
    for name in ("ADT^A01", "SIU^S12", "ORU^R01"):
        whole = event(name, version)
        for rule in plan_of(whole).shape:
            if rule.rule != "required" or rule.segments == ("MSH",):
                continue
            lines = [line for line in whole.to_text().split("\r") if not line.startswith(rule.segments[0])]
            broken = parse("\r".join(lines).encode())
            assert rule.segments[0] in [f.segment for f in check(broken) if f.rule == "shape-required"]
            assert full_check(broken.to_text())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("structure", IN_USE)
def test_no_row_is_missing_from_the_plan(version: str, structure: str) -> None:
    """What hl7apy's public door says of each segment of the message is all in the plan: whoever drops a row of it,
    wherever, is told here which."""
    plan = plan_for(version, structure)
    names = {rule.segments[0] for rule in plan.shape if rule.rule == "known"}
    assert {"MSH"} < names
    wanted: set[tuple[str, int, str, int]] = set()
    for segment in names:
        for name, _, (least, most), kind in load_reference(segment, "Segment", version)[1]:
            field = int(name.rpartition("_")[2])
            if kind != "FIE" or (segment == "MSH" and field <= 2):
                continue
            if least:
                wanted.add((segment, field, "required", 0))
            if most > 0:
                wanted.add((segment, field, "repeats", most))
    there = {
        (row.segment, row.field, row.rule, row.limit)
        for row in plan.rows if not row.component and row.rule in ("required", "repeats")
    }  # fmt: skip
    assert wanted == there


# By version, in the order of IN_USE: rows of the plan, and rules about segments. A plan that lost one, at whatever
# depth, is not the plan any more; a new version of hl7apy's tables has to be looked at.
SIZES = {
    "2.3": [(2085, 38), (891, 24), (725, 19), (1054, 22), (1050, 19), (1951, 33), (68, 8)],
    "2.3.1": [(2438, 38), (1057, 24), (855, 19), (1303, 24), (1518, 21), (2294, 33), (84, 8)],
    "2.4": [(3188, 39), (1490, 25), (1120, 19), (1623, 24), (2188, 23), (3618, 35), (85, 8)],
    "2.5": [(3816, 40), (3691, 36), (1392, 20), (1927, 25), (2905, 28), (4456, 38), (167, 8)],
    "2.5.1": [(3881, 40), (3756, 36), (1457, 20), (1992, 25), (2986, 28), (4537, 38), (166, 8)],
    "2.6": [(5049, 43), (4890, 39), (1767, 22), (2573, 25), (4019, 31), (5793, 40), (260, 10)],
}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_plans_have_the_size_they_had(version: str) -> None:
    plans = [plan_for(version, structure) for structure in IN_USE]
    assert [(len(plan.rows), len(plan.shape)) for plan in plans] == SIZES[version]


@pytest.mark.parametrize(
    ("version", "structure"), [*zip(VERSIONS, IN_USE, strict=False), ("2.5.1", "ADT_A09"), ("2.4", "ACK")]
)
def test_each_row_is_in_force_in_every_version(version: str, structure: str) -> None:
    """A message that breaks one row alone is found, and passes the plan without that row."""
    plan = plan_for(version, structure)
    fields: dict[tuple[str, int], list[Row]] = {}
    for row in plan.rows:
        fields.setdefault((row.segment, row.field), []).append(row)
    unfelt = []
    for rows in fields.values():
        small = Plan(version, structure, (), rows)
        for row in rows:
            message = breaking(row)
            with_row = _at(small.check(message), row)
            without = _at(Plan(version, structure, (), [one for one in rows if one != row]).check(message), row)
            if len(without) >= len(with_row):
                unfelt.append(row)
    assert unfelt == []
    assert Shape("required", ("MSH",)) in plan.shape
