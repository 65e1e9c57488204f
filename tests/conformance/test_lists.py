"""Each interface list passes against our own simulator, and names the field that a spoilt one gets wrong."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.conformance import names, sheet
from engine.conformance.forms import differences, form_of
from engine.conformance.interfaces import Interface, read_list
from engine.conformance.running import Line, Run
from simulators.base.wire import Req, Resp
from simulators.mobile_pay import MobilePaySim
from tests.conformance.ground import Memory, standing

KINDS = (
    "alipay", "commercial", "dareway", "einvoice", "his", "his_hl7", "mllp", "mobile_pay", "municipal", "neusoft",
    "nhsa", "qingdao_legacy", "sms", "subscriber", "unionpay", "wechat", "yinhai",
)  # fmt: skip


def told(lines: list[Line]) -> list[Any]:
    """What did not pass, in a form worth reading in a failed test."""
    return [
        (line.op, line.result, line.code, line.text, line.why, [each.public() for each in line.differences])
        for line in lines
        if line.result != "passed"
    ]


def test_there_is_a_list_for_every_platform_that_is_joined() -> None:
    assert names() == list(KINDS)


@pytest.mark.parametrize("kind", [*KINDS, "his_soap"])
def test_the_list_passes_against_our_simulator(kind: str, tmp_path: Path) -> None:
    run, _ = standing(kind, tmp_path)
    lines = run.play()
    assert told(lines) == []
    assert sheet.passed(lines)
    assert len(lines) == sum(isinstance(step, Interface) for step in read_list(kind).steps)


def test_the_wechat_list_passes_where_the_insurance_is_simulated_too(tmp_path: Path) -> None:
    """`engine simulate` plays both; the list's mixed order names a payment order that nobody made there."""
    run, ground = standing("wechat", tmp_path)
    ground.party.world.parties["mobile_pay"] = MobilePaySim(ground.party.world)
    assert told(run.play()) == []


@pytest.mark.parametrize("kind", ["nhsa", "einvoice", "unionpay"])  # of the HIS a person gives another bill
def test_the_list_leaves_nothing_behind_that_stops_it_the_next_time(kind: str, tmp_path: Path) -> None:
    """It took the pairing of the very item away whose fees it uploads."""
    run, ground = standing(kind, tmp_path)
    run.play()
    ground.wait(60.0)  # numbers are drawn by the second
    again = Run(run.party, run.wanted, run.settings, ground, run.given)
    assert told(again.play()) == []


@pytest.mark.parametrize(
    ("kind", "fault", "op"),
    [("subscriber", "http_400", "emr"), ("mllp", "ack_ae", "*"), ("mllp", "ack_aa_failed", "*")],
)
def test_a_receiver_that_does_not_know_a_repeat_has_it_on_its_sheet(
    kind: str, fault: str, op: str, tmp_path: Path
) -> None:
    run, ground = standing(kind, tmp_path)
    sent = ground.send

    def second(request: Any) -> Any:
        if len(run.lines) == 1:
            ground.party.faults.add({"op": op, "fault": fault})
        return sent(request)

    ground.send = second  # type: ignore[method-assign]  # a fault before the second call alone
    lines = run.play()
    assert [line.result == "passed" for line in lines] == [at != 1 for at in range(len(lines))]
    assert not sheet.passed(lines)


def test_a_message_is_the_testers_own_and_carries_its_number(tmp_path: Path) -> None:
    run, ground = standing("subscriber", tmp_path)
    sent, bodies = ground.send, list[Any]()
    ground.send = lambda request: bodies.append(json.loads(request.body)) or sent(request)  # type: ignore[method-assign]  # looked at
    run.given = {"message": {"head": {"id": "$number"}, "who": "P9"}}
    first, again, rare, last = run.play()
    assert bodies[:2] == [{"head": {"id": first.number}, "who": "P9"}] * 2
    assert first.number == again.number
    assert len({first.number, rare.number, last.number}) == 3


def test_events_a_receiver_does_not_take_are_left_out(tmp_path: Path) -> None:
    run, _ = standing("mllp", tmp_path)
    run.given = {"ops": ["ADT^A04"]}
    lines = run.play()
    assert [line.result for line in lines] == ["passed"] * 2 + ["left_out"] * 4
    assert sheet.passed(lines)


def spoil(ground: Memory, op: str, edit: Any) -> None:
    """The simulator's answers to `op` carry what `edit` makes of their bytes."""
    party, before = ground.party, ground.party.serve

    def serve(asked: str, req: Req) -> Any:
        resp = before(asked, req)
        assert isinstance(resp, Resp)
        if asked == op:
            resp.body = edit(resp.body)
        return resp

    party.serve = serve  # type: ignore[method-assign]  # a spoilt simulator, on purpose


SPOILT = [
    ("nhsa", "2206A", rb'"fund_pay_sumamt":"?[-0-9.]+"?', b'"fund_pay_sumamt":"12"', "setlinfo.fund_pay_sumamt",
        "form"),
    ("nhsa", "1101", rb'"psn_insu_stas":"1"', b'"psn_insu_stas":"7"', "insuinfo[0].psn_insu_stas", "code"),
    ("nhsa", "2201", rb'"mdtrt_id":"\d+"', b'"mdtrt_id":"' + b"9" * 31 + b'"', "data.mdtrt_id", "length"),
    ("nhsa", "2201", rb'"mdtrt_id":"\d+"', b'"mdtrt_id":null', "data.mdtrt_id", "missing"),
    ("municipal", "2420", rb"<xjzf>[\d.]+</xjzf>", b"<xjzf>12</xjzf>", "xjzf", "form"),
    ("sms", "SendSms", rb'"BizId": ?"[^"]+"', b'"BizId":null', "BizId", "missing"),
    ("sms", "QuerySendDetails", rb'"SendStatus": ?3', b'"SendStatus":9',
        "SmsSendDetailDTOs.SmsSendDetailDTO[0].SendStatus", "code"),
    ("municipal", "2100", rb"<cbzt>1</cbzt>", b"", "cbzt", "missing"),
]


@pytest.mark.parametrize(("kind", "op", "old", "new", "field", "what"), SPOILT)
def test_a_spoilt_field_is_named(
    kind: str, op: str, old: bytes, new: bytes, field: str, what: str, tmp_path: Path
) -> None:
    run, ground = standing(kind, tmp_path)
    changed: list[int] = []

    def edit(body: bytes) -> bytes:
        made, count = re.subn(old, new, body)
        changed.append(count)
        return made

    spoil(ground, op, edit)
    lines = run.play()
    assert any(changed)
    found = [each for line in lines for each in line.differences]
    assert (field, what) in [(each.field, each.kind) for each in found], told(lines)
    assert not sheet.passed(lines)


@pytest.mark.parametrize(("kind", "theirs", "op"), [
    ("wechat", "query", "query"), ("commercial", "claim.query", "state"), ("commercial", "claim.settle", "claim"),
])  # fmt: skip
def test_a_wrong_signature_fails_the_interface(kind: str, theirs: str, op: str, tmp_path: Path) -> None:
    run, ground = standing(kind, tmp_path)
    ground.party.faults.add({"op": theirs, "fault": "bad_signature"})
    lines = run.play()
    line = next(line for line in lines if line.op == op)
    assert (line.result, line.differences) == ("refused", ())
    assert "应答不可信 · the answer cannot be believed" in line.why


def test_a_message_that_is_not_listed_fails_the_look_for_it(tmp_path: Path) -> None:
    run, ground = standing("sms", tmp_path)
    ground.party.faults.add({"op": "SendSms", "fault": "unseen", "seconds": 3600})
    line = next(line for line in run.play() if line.number and line.op == "find" and line.code != "FOUND"
                and line.result != "passed")  # fmt: skip
    assert (line.result, line.code) == ("refused", "NOT_FOUND")


def test_what_was_never_sent_is_not_looked_for(tmp_path: Path) -> None:
    run, ground = standing("sms", tmp_path)
    ground.party.faults.add({"op": "SendSms", "fault": "flow_control", "times": None})
    lines = run.play()
    assert [(line.op, line.result) for line in lines[:3]] == [
        ("find", "passed"), ("send", "refused"), ("find", "not_run"),
    ]  # fmt: skip


def test_what_needs_an_earlier_answer_is_not_run(tmp_path: Path) -> None:
    run, ground = standing("nhsa", tmp_path)
    ground.party.faults.add({"op": "2201", "fault": "timeout_before_commit", "times": None})
    lines = {line.op: line for line in run.play()}
    assert lines["2201"].result == "no_answer"
    assert (lines["2207A"].result, lines["2207A"].why) == ("not_run",
        "mdtrt_id：前面的接口没有得到 · an earlier interface did not bring it")


def test_the_sheet_masks_persons_and_names_every_difference(tmp_path: Path) -> None:
    run, ground = standing("nhsa", tmp_path)
    spoil(ground, "1101", lambda body: body.replace(b'"gend":"1"', b'"gend":"X"'))
    found = sheet.document(run.wanted, run.play(), against="http://t", at="2026-11-22 08:00:00", version="1")
    text, page = json.dumps(found, ensure_ascii=False), sheet.page(found)
    assert "370202198003120117" not in text + page
    assert "测试甲" not in text + page
    assert "<code>baseinfo.gend</code> 代码 code list" in page
    assert found["passed"] is False
    assert found["counts"]["differs"] == 1


def test_rows_that_must_be_there_and_are_not_are_missing() -> None:
    """An empty list had no row whose fields could differ, and passed."""
    forms = {"rows[].no": form_of("text 1..9"), "rows[].note": form_of("text optional"), "rows": form_of("list")}
    assert [one.public() for one in differences({"rows": []}, forms)] == [
        {"field": "rows[].no", "kind": "missing", "expected": "text 1..9", "got": "[]"}
    ]
    assert differences({"rows": [{"no": "1"}]}, forms) == []


@pytest.mark.parametrize(
    ("said", "value", "kind"),
    [("fen = 100", 100, ""), ("fen = 100", 101, "value"), ("fen = 100", "100", "type"), ("yuan = 1.00", "1.0", "form"),
     ("text 1..3 = a", "b", "value"), ("text 1..3 = a", "aaaa", "length"), ("= a", "a", ""),
     ("fen = 1 optional", None, "")],
)  # fmt: skip
def test_a_form_and_a_value(said: str, value: Any, kind: str) -> None:
    found = differences({"x": value}, {"x": form_of(said)})
    assert [one.kind for one in found] == ([kind] if kind else [])


def test_what_is_not_opened_to_the_hospital_is_said_and_does_not_fail_it(tmp_path: Path) -> None:
    run, _ = standing("wechat", tmp_path)
    run.settings = replace(run.settings, plain=run.settings.plain.model_copy(update={"codepay": False}))
    lines = run.play()
    assert [(line.op, line.why.split()[-1]) for line in lines if line.result == "left_out"] == [
        ("codepay", "codepay"), ("code_reverse", "codepay")
    ]  # fmt: skip
    assert sheet.passed(lines)
    page = sheet.page(sheet.document(run.wanted, lines, against="x", at="y", version="1"))
    assert "未开通" in page


def test_a_platform_that_answers_no_more_is_not_waited_for_to_the_end(tmp_path: Path) -> None:
    run, ground = standing("his_hl7", tmp_path)
    ground.party.faults.add({"op": "*", "fault": "timeout_before_commit", "times": None, "seconds": 600})
    lines = run.play()
    assert [line.result for line in lines if line.result != "not_run"] == ["no_answer"] * 3
    assert all(line.why for line in lines)
