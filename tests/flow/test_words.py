"""What a terminal is told: in both languages, by name, and never that it is over when it is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.edge.town import Town
from tests.rig.lab import Lab

CHINESE = re.compile(r"[\u4e00-\u9fff]")
CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request_no": ""}, "request_no"),
        ({"request_no": 5}, "request_no"),
        ({"pay_identity": "free"}, "pay_identity"),
        ({"bills": []}, "bills"),
        ({"extra": 1}, "extra"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_wrong_field_is_named_once_and_in_english_too(lab: Lab, change: dict[str, Any], field: str) -> None:
    status, answer = await lab.kiosk.settle({**lab.bill_request("P0001", "B20261122001"), **change})
    assert (status, answer["field"], answer["fields"]) == (400, field, [field])
    assert CHINESE.search(answer["reason"]["zh"])
    assert not CHINESE.search(answer["reason"]["en"]), answer["reason"]["en"]


@pytest_twisted.ensureDeferred
async def test_a_body_that_is_no_object_and_a_parameter_given_twice_are_named(lab: Lab) -> None:
    status, answer = await lab.kiosk.ask("POST", "/v1/outpatient/settlements", [])  # type: ignore[arg-type]  # wrong on purpose
    assert status == 400
    assert answer["reason"]["en"] == "Field (body): must be object"
    status, answer = await lab.kiosk.ask("GET", "/v1/outpatient/bills?patient=P0001&patient=P0002")
    assert (status, answer["field"]) == (400, "patient")
    assert answer["reason"]["en"] == "Field patient: given more than once"


@pytest_twisted.ensureDeferred
async def test_a_query_nobody_answers_speaks_of_no_settlement(lab: Lab) -> None:
    lab.fault("his", op="query.wait.balance.bill.list", fault="reset_before_commit", times=None)
    status, answer = await lab.kiosk.bills("P0001")
    assert (status, answer["reason"]["code"], answer["reason"]["side"]) == (502, "E-NO-ANSWER", "his")
    assert "settlement" not in answer["reason"]["en"]
    assert not CHINESE.search(answer["reason"]["en"])
    _, document = await lab.kiosk.ask("GET", "/openapi.json")
    assert str(status) in document["paths"]["/v1/outpatient/bills"]["get"]["responses"]


@pytest.mark.parametrize("fault", ["refund_abnormal", "refund_closed"])
@pytest_twisted.ensureDeferred
async def test_a_refund_the_channel_cannot_make_calls_a_person_at_once(lab: Lab, fault: str) -> None:
    lab.fault("his", op="balance.and.pay.bill", fault="refuse_business")
    lab.fault("wechat", op="refund", fault=fault)
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    _, answer = await lab.kiosk.pay(quoted["settlement_no"], CODE)
    began = lab.sim_world.now()
    while answer["state"] == "working":
        assert lab.sim_world.now() - began < 120, "nobody is told that the money does not go back"
        _, answer = await lab.kiosk.show(quoted["settlement_no"], wait=10)
    assert answer["state"] == "manual"
    assert answer["reason"]["code"] == "E-REFUSED"


@pytest.mark.parametrize("refused", ["unlock.bill", "2202"])
@pytest_twisted.ensureDeferred
async def test_who_needs_a_person_is_not_told_that_all_was_undone(lab: Lab, refused: str) -> None:
    party = "his" if "." in refused else "insurance"
    lab.fault(party, op=refused, fault="refuse_business")
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    no = quoted["settlement_no"]
    _, answer = await lab.kiosk.cancel(no, {"request_no": "C1", "reason_code": "PATIENT"})
    while answer["state"] == "working":
        _, answer = await lab.kiosk.show(no, wait=10)
    assert (answer["state"], answer["reason"]["code"]) == ("manual", "E-PERSON")


def test_who_is_still_going_back_is_not_told_that_nothing_was_kept(tmp_path: Path) -> None:
    town = Town(tmp_path)
    lab = town.lab
    _, quoted = town.do(lab.kiosk.settle(lab.bill_request("P0001", "B20261122001")))
    no = quoted["settlement_no"]
    town.do(lab.kiosk.pay(no, {"choice_no": "1", "kind": "alipay_qr"}))
    status, answer = town.do(lab.kiosk.cancel(no, {"request_no": "C1", "reason_code": "PATIENT"}))
    assert (status, answer["state"], answer["reason"]["code"]) == (202, "working", "E-UNDOING")
    while answer["state"] == "working":
        _, answer = town.do(lab.kiosk.show(no, wait=10))
    assert (answer["state"], answer["reason"]["code"]) == ("undone", "E-CANCELLED")
    town.end()


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("wechat_code", "134567890123999004", "E-PAY-NOTENOUGH"),
        ("alipay_code", "284567890123999004", "E-PAY-NOTENOUGH"),
        ("alipay_code", "284567890123999005", "E-PAY-CODE"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_payer_hears_the_same_of_every_way_of_paying(lab: Lab, kind: str, code: str, said: str) -> None:
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    choice = {"choice_no": "1", "kind": kind, "auth_code": code}
    _, answer = await lab.kiosk.pay(quoted["settlement_no"], choice)
    assert (answer["state"], answer["reason"]["code"]) == ("quoted", said)
    assert not CHINESE.search(answer["reason"]["en"])


@pytest_twisted.ensureDeferred
async def test_a_rule_of_the_site_says_what_to_do_in_english_too(lab: Lab) -> None:
    _, answer = await lab.kiosk.settle(lab.bill_request("P0002", "B20261122002"))
    assert (answer["state"], answer["reason"]["code"]) == ("rejected", "E-NO-EMPLOYEE")
    assert answer["reason"]["next_en"] == "Pay without the insurance: start again with self_pay."


@pytest_twisted.ensureDeferred
async def test_a_wait_that_is_no_number_is_told_what_it_should_be(lab: Lab) -> None:
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    status, answer = await lab.kiosk.ask("GET", f"/v1/settlements/{quoted['settlement_no']}?wait=soon")
    assert (status, answer["field"], answer["fields"]) == (400, "wait", ["wait"])
    assert answer["reason"]["en"] == "Field wait: must be a whole number of seconds, 0 to 60"


@pytest_twisted.ensureDeferred
async def test_amounts_that_differ_are_told_as_a_persons_case(lab: Lab) -> None:
    lab.fault("wechat", op="query", fault="wrong_amount")
    lab.fault("wechat", op="native", fault="callback_never")
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    no = quoted["settlement_no"]
    _, answer = await lab.kiosk.pay(no, {"choice_no": "1", "kind": "wechat_qr"})
    lab.act("wechat", act="pay", qr=answer["pay"]["qr"])
    while answer["state"] in ("working", "paying"):
        _, answer = await lab.kiosk.show(no, wait=10)
    assert (answer["state"], answer["reason"]["code"]) == ("manual", "E-PERSON")
    assert answer["reason"]["next"]
