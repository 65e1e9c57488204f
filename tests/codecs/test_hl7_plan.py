"""The checking plan: every row of it is in force, and hl7apy agrees where it is right."""

from __future__ import annotations

import random

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from engine.codecs.hl7_full_check import full_check
from engine.codecs.hl7_plan import Finding, Plan, check, plan_for, plan_of
from engine.codecs.hl7_tables import VERSIONS, Row, Shape, structure_of, tables
from engine.codecs.hl7v2 import Message, parse
from engine.core.bilingual import apart

GOOD = {
    "DFT_P03": (
        "MSH|^~\\&|NHIS|X|PAY|Y|20261122102000||DFT^P03^DFT_P03|M1|P|2.4\rEVN|P03|20261122102000\r"
        "PID|1|P1|H1^^^^PatientNO~X2^^^^IdentifyNO||张^三||19900101|M\rPV1|1|O\r"
        "FT1|1|INV1||20261122102000||01|WX||||120.50&CNY^TP^100.00\rZPM|anything|^^^\r"
    ),
    "ADT_A01": (
        "MSH|^~\\&|NHIS|X|PAY|Y|20261122102000||ADT^A08|M1|P|2.4\rEVN|A08|20261122102000\r"
        "PID|1|P1|H1||张^三\rPV1|1|I|W1^^B2\r"
    ),
    "ORU_R01": (
        "MSH|^~\\&|LIS|X|PAY|Y|20261122102000||ORU^R01|M1|P|2.4\rPID|1||H1||张^三\r"
        "OBR|1|A1|B1|GLU^血糖\rOBX|1|NM|GLU^血糖||5.6|mmol/L|||||F\r"
    ),
    "ORM_O01": (
        "MSH|^~\\&|HIS|X|PAY|Y|20261122102000||ORM^O01|M1|P|2.4\rPID|1||H1||张^三\rORC|NW|A1\rOBR|1|A1|B1|GLU^血糖\r"
    ),
}
PLANS = ["DFT_P03", "ADT_A01", "ORU_R01", "ORM_O01"]


def read(text: str) -> Message:
    return parse(text.encode())


def rules(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.text) for finding in findings]


@pytest.mark.parametrize("name", GOOD)
def test_good_messages_pass(name: str) -> None:
    message = read(GOOD[name])
    assert plan_of(message).structure == name
    assert check(message) == []


BAD: dict[str, tuple[str, str, str, str, str]] = {  # which message, replace, by, rule, text
    "no EVN": ("DFT_P03", "EVN|P03|20261122102000\r", "", "shape-required", "EVN is missing"),
    "no PID": (
        "DFT_P03",
        "PID|1|P1|H1^^^^PatientNO~X2^^^^IdentifyNO||张^三||19900101|M\r",
        "",
        "shape-required",
        "PID is",
    ),
    "two PID": ("ADT_A01", "PV1|1|", "PID|1||H1||x\rPV1|1|", "shape-repeats", "PID may appear 1 times"),
    "MSH again": ("ADT_A01", "PV1|1|", "MSH|^~\\&|A||||20260101||ADT^A08|1|P|2.4\rPV1|1|", "shape-repeats", "MSH may"),
    "foreign": ("ADT_A01", "PV1|1|", "FT1|1|||20261122||01|A\rPV1|1|", "known", "FT1 does not belong into ADT_A01"),
    "no segment": ("ADT_A01", "PV1|1|", "see above\rPV1|1|", "segment", "a line that is no segment"),
    "needs": ("ADT_A01", "PV1|1|", "IN2|1\rPV1|1|", "needs", "IN2 needs IN1"),
    "one of": ("ORU_R01", "OBR|1|A1|B1|GLU^血糖\r", "", "shape-required", "OBR is missing"),
    "no name": ("ADT_A01", "张^三", "", "required", "PID-5 is missing"),
    "short": ("ADT_A01", "PV1|1|I|W1^^B2", "PV1|1", "required", "PV1-2 is missing"),
    "repeats": ("ADT_A01", "PV1|1|I", "PV1|1|I~O", "repeats", "PV1-2 may repeat 1 times"),
    "date": ("DFT_P03", "|19900101|", "|19900231|", "type", "PID-7.1 is no DTM"),
    "date text": ("DFT_P03", "|19900101|", "|1990-01-01|", "type", "PID-7.1 is no DTM"),
    "amount": ("DFT_P03", "^100.00", "^一百", "type", "FT1-11.3 is no NM"),
    "amount NaN": ("DFT_P03", "^100.00", "^NaN", "type", "FT1-11.3 is no NM"),
    "inner amount": ("DFT_P03", "120.50&CNY", "12O.50&CNY", "type", "FT1-11.1.1 is no NM"),
    "full-width": ("DFT_P03", "^100.00", "^１００", "type", "FT1-11.3 is no NM"),
    "set id": ("DFT_P03", "FT1|1|", "FT1|12345|", "length", "FT1-1 is longer than 4"),
    "long": ("ADT_A01", "|M1|", f"|{'9' * 200}|", "length", "MSH-10 is longer than 199"),
    "long component": ("ADT_A01", "W1^", f"{'W' * 21}^", "length", "PV1-3.1 is longer than 20"),
    "version": ("ADT_A01", "|2.4\r", "|2.2\r", "version", "MSH-12"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_messages_are_told_what_they_lack(case: str) -> None:
    name, old, new, rule, text = BAD[case]
    assert old in GOOD[name]
    found = check(read(GOOD[name].replace(old, new, 1)))
    assert [finding.rule for finding in found] == [rule]
    zh, en = apart(found[0].text)
    assert en.startswith(text)
    assert zh != en, "told in Chinese too"
    assert found[0].as_error().code in ("100", "101", "102", "203")


def test_what_is_let_pass() -> None:
    for old, new in (
        ("|M\r", '|""\r'),
        ("|M\r", "|M" + "|" * 32 + "beyond the last field\r"),
        ("张^三", r"\F\\F\\F\\F\^三"),
        ("ZPM|", "ZZZ|1\rZPM|"),
        ("|20261122102000||01|", "|20261122102000.1234+0800||01|"),
    ):
        assert old in GOOD["DFT_P03"]
        assert check(read(GOOD["DFT_P03"].replace(old, new))) == []
    assert check(read(GOOD["ADT_A01"].replace("ADT^A08", "QBP^ZYJ"))) == []


def test_escape_sequences_count_as_one_character() -> None:
    good = GOOD["ADT_A01"].replace("W1^", "\\F\\" * 20 + "^")
    assert check(read(good)) == []
    assert rules(check(read(good.replace("\\F\\", "\\F\\\\F\\", 1))))[0][0] == "length"


def test_findings_are_bounded_and_free_of_values() -> None:
    many = GOOD["ADT_A01"] + "secret name\r" * 10_000
    found = check(read(many))
    assert len(found) == 50
    assert not any("secret" in finding.text for finding in found)


# --- every row is in force: a message that breaks it alone is found, and passes a plan without that row


@pytest.mark.parametrize("name", PLANS)
def test_each_row_of_the_plan_is_in_force(name: str) -> None:
    plan = plan_for("2.4", name)
    unfelt = []
    by_field: dict[tuple[str, int], list[Row]] = {}
    for row in plan.rows:
        by_field.setdefault((row.segment, row.field), []).append(row)
    for rows in by_field.values():
        small = Plan("2.4", name, (), rows)
        for row in rows:
            message = breaking(row)
            with_row = _at(small.check(message), row)
            without = _at(small.without(lambda other, row=row: other == row).check(message), row)  # type: ignore[misc]  # bound now
            if not with_row or len(without) >= len(with_row):
                unfelt.append((row, message.to_text(), with_row, without))
    assert not unfelt, f"{len(unfelt)} rows, first {unfelt[0]}"


def _at(findings: list[Finding], row: Row) -> list[Finding]:
    return [f for f in findings if f.rule == row.rule and f.field == row.field and f.segment == row.segment]


def breaking(row: Row) -> Message:
    """A message of one segment whose one field breaks one row."""
    message = read("MSH|^~\\&|A\r")
    where = f"{row.segment}-{row.field}"
    inner = f".{row.component}" if row.component else ""
    inner += f".{row.subcomponent}" if row.subcomponent else ""
    if row.rule == "repeats":
        message.set_er7(where, "~".join(["1"] * (row.limit + 1)))
    elif row.rule == "required" and row.subcomponent:
        message.set(f"{where}.{row.component}.{row.subcomponent + 1}", "1")
    elif row.rule == "required" and row.component:
        message.set(f"{where}.{row.component + 1}", "1")
    elif row.rule == "required":
        message.set_er7(where, "")
    else:
        message.set(where + inner, "x" if row.rule == "type" else "1" * (row.limit + 1))
    return message


@pytest.mark.parametrize("name", PLANS)
def test_each_rule_about_segments_is_in_force(name: str) -> None:
    plan = plan_for("2.4", name)
    shape = plan.without(lambda rule: isinstance(rule, Row))
    for rule in plan.shape:
        message = read(GOOD[name])
        names = [segment.name for segment in message.segments]
        if rule.rule == "known":
            names += [rule.segments[0]]
        elif rule.rule == "required":
            names = [other for other in names if other != rule.segments[0]]
        elif rule.rule == "repeats":
            names += [rule.segments[0]] * (rule.limit + 1)
        elif rule.rule == "needs":
            names = [other for other in names if other != rule.segments[1]] + [rule.segments[0]]
        else:
            names = [other for other in names if other not in rule.segments]
        broken = read("MSH|^~\\&|A\r" + "".join(f"{other}|1\r" for other in names[1:] if other != "MSH")
                      + "MSH|^~\\&|A\r" * (names.count("MSH") - 1))  # fmt: skip
        if rule == Shape("required", ("MSH",)):
            continue  # nothing is a message without it
        less = shape.without(lambda other, rule=rule: other == rule)  # type: ignore[misc]  # bound now
        assert rules(less.check(broken)) != rules(shape.check(broken)), rule


def test_a_required_choice_wants_one_branch_and_no_more() -> None:
    """hl7apy wants every branch of it: `Missing required child ORM_O01_..._SUPPGRP.RQD` for a correct order."""
    shape = plan_for("2.6", "QBP_E22").shape
    choices = [rule for rule in shape if rule.rule == "one-of"]
    assert choices == [Shape("one-of", ("QPD", "RCP"))]
    assert not [rule for rule in shape if rule.rule == "required" and rule.segments[0] in ("QPD", "RCP")]
    text = "MSH|^~\\&|A||||2026||QBP^E22^QBP_E22|1|P|2.6\r"
    assert "one-of" in [finding.rule for finding in check(read(text))]
    assert "one-of" not in [finding.rule for finding in check(read(text + "RCP|I\r"))]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_structure_of_every_version_compiles(version: str) -> None:
    names = sorted(tables(version).MESSAGES)
    random.Random(4).shuffle(names)
    for name in [*names[:12], "DFT_P03", "ADT_A01"]:
        plan = plan_for(version, name)
        assert Shape("required", ("MSH",)) in plan.shape
        assert any(row.segment == "MSH" and row.rule == "required" for row in plan.rows)


def test_structures_by_event() -> None:
    assert structure_of("2.4", "ADT", "A08", "") == "ADT_A01"
    assert structure_of("2.4", "ADT", "A11", "") == "ADT_A09"
    assert structure_of("2.4", "ADT", "A13", "") == "ADT_A01"
    assert structure_of("2.4", "SIU", "S12", "") == "SIU_S12"
    assert structure_of("2.4", "ADT", "A01", "ADT_A01") == "ADT_A01"
    assert structure_of("2.4", "ACK", "P03", "") == "ACK"
    assert structure_of("2.4", "QBP", "ZYJ", "") == ""
    with pytest.raises(ValueError, match="not read"):
        structure_of("2.8", "ADT", "A01", "")


# --- hl7apy as oracle


@pytest.mark.parametrize("name", ["DFT_P03", "ADT_A01", "ORU_R01"])
def test_hl7apy_reads_the_same_values(name: str) -> None:
    message = read(GOOD[name])
    oracle = parse_message(GOOD[name], validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
    compared = 0
    for number, segment in enumerate(oracle.children):
        if segment.name.startswith(("MSH", "Z")):
            continue
        ours = message.segments[number]
        for field in segment.children:
            index = int(field.name.rpartition("_")[2])
            repetition = [f for f in segment.children if f.name == field.name].index(field) + 1
            assert field.to_er7() == ours.er7(index, repetition)
            compared += 1
    assert compared > 8


@pytest.mark.parametrize("case", ["no EVN", "no PID", "no name", "short"])
def test_hl7apy_finds_the_same_faults(case: str) -> None:
    name, old, new, _, _ = BAD[case]
    assert full_check(GOOD[name]) == []
    assert full_check(GOOD[name].replace(old, new, 1))


def test_the_full_check_does_not_repeat_what_hl7apy_has_wrong() -> None:
    assert full_check(GOOD["ORM_O01"]) == []
    assert full_check(GOOD["ORM_O01"].replace("|2.4\r", "|2.4||||||GBK\r").replace("张", "東")) == []
    for version in ("2.5", "2.5.1"):
        text = GOOD["ORM_O01"].replace("|2.4\r", f"|{version}\r").replace("ORM^O01", "ORM^O01^ORM_O01")
        assert full_check(text) == []
    assert full_check("nonsense") == ["hl7apy cannot read it: Undecodable"]
