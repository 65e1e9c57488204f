"""The HIS gateway as its callers meet it: signatures, fields, patients, bills, and habits of other HIS."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from his_caller import BILL, OTHER, Caller, open_his
from memory_http import START

from simulators.town import PERSONS


@pytest.fixture
def his() -> Caller:
    return open_his()


def test_the_card_lists_persons_and_the_first_mornings_bills(his: Caller) -> None:
    assert his.card["base_url"] == "http://sim.test:1"
    assert [p["id"] for p in his.card["persons"]] == [p.id for p in PERSONS]
    bills = {row["bill"]: (row["patient"], row["amount"]) for row in his.card["bills"]}
    assert bills[BILL] == ("P0001", 120000)
    assert bills[OTHER] == ("P0002", 50000)
    assert bills["B20261122007"] == ("P0007", 4500)
    assert len(bills) == 8


# Who may call


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"app": "X"}, "APP_UNKNOWN"), ({"secret": "other"}, "SIGN_INVALID"), ({"sign": ""}, "SIGN_INVALID"),
        ({"time": str(int(START) - 301)}, "TIMESTAMP_INVALID"),
        ({"time": str(int(START) + 301)}, "TIMESTAMP_INVALID"),
        ({"time": "now"}, "TIMESTAMP_INVALID"), ({"nonce": ""}, "NONCE_INVALID"),
        ({"nonce": "x" * 65}, "NONCE_INVALID"),
    ],
)
def test_badly_signed_requests_are_refused_with_http_200(his: Caller, changed: dict[str, str], code: str) -> None:
    answer = his.raw("query.pay.bill", {"settleNo": "S1"}, **changed)
    assert (answer.status, answer.json["success"], answer.json["code"]) == (200, False, code)
    assert answer.json["data"] is None


def test_the_body_is_under_the_signature(his: Caller) -> None:
    headers = his.headers(b'{"settleNo":"S1"}')
    answer = his.desk.ask("POST", "/gateway/query.pay.bill", b'{"settleNo":"S2"}', headers)
    assert answer.json["code"] == "SIGN_INVALID"


def test_a_clock_off_by_less_than_five_minutes_is_fine(his: Caller) -> None:
    for off in (-300, 300):
        assert his.raw("query.pay.bill", {"settleNo": "S"}, time=str(int(START) + off)).json["success"] is True


def test_a_nonce_works_once_in_ten_minutes(his: Caller) -> None:
    assert his.raw("query.pay.bill", {"settleNo": "S"}, nonce="same").json["code"] == "0"
    assert his.raw("query.pay.bill", {"settleNo": "S"}, nonce="same").json["code"] == "NONCE_REPLAYED"
    his.desk.clock.advance(599)
    assert his.raw("query.pay.bill", {"settleNo": "S"}, nonce="same").json["code"] == "NONCE_REPLAYED"
    his.desk.clock.advance(2)
    assert his.raw("query.pay.bill", {"settleNo": "S"}, nonce="same").json["code"] == "0"


def test_a_badly_signed_request_does_not_burn_the_nonce(his: Caller) -> None:
    his.raw("query.pay.bill", {"settleNo": "S"}, nonce="mine", secret="other")
    assert his.raw("query.pay.bill", {"settleNo": "S"}, nonce="mine").json["code"] == "0"


def test_replies_are_signed_over_the_requests_nonce(his: Caller) -> None:
    answer = his.raw("query.pay.bill", {"settleNo": "S"}, nonce="q")
    text = f"{answer.headers['x-timestamp']}\nq\n".encode() + answer.body
    assert answer.headers["x-sign"] == hmac.new(his.card["secret"].encode(), text, hashlib.sha256).hexdigest()
    his.desk.fault("bad_signature")
    spoiled = his.raw("query.pay.bill", {"settleNo": "S"}, nonce="r")
    text = f"{spoiled.headers['x-timestamp']}\nr\n".encode() + spoiled.body
    assert spoiled.headers["x-sign"] != hmac.new(his.card["secret"].encode(), text, hashlib.sha256).hexdigest()


def test_unknown_operations_and_methods(his: Caller) -> None:
    assert his.code("pay.everything") == "OPERATION_UNKNOWN"
    assert his.desk.ask("GET", "/gateway/query.pay.bill").json["code"] == "OPERATION_UNKNOWN"
    assert his.desk.ask("POST", "/query.pay.bill").json["code"] == "OPERATION_UNKNOWN"


@pytest.mark.parametrize(
    ("op", "content", "field"),
    [
        ("query.pay.bill", {}, "settleNo"), ("query.pay.bill", {"settleNo": 1}, "settleNo"),
        ("query.pay.bill", {"settleNo": "S" * 65}, "settleNo"), ("query.pay.bill", {"settleNo": "S", "x": ""}, "x"),
        ("query.patient.info", {}, "patientId"), ("query.wait.balance.bill.list", {"patientId": ""}, "patientId"),
    ],
)
def test_wrong_fields_are_named(his: Caller, op: str, content: dict[str, Any], field: str) -> None:
    reply = his(op, **content)
    assert (reply["code"], reply["data"]) == ("PARAM_INVALID", {"field": field})


def test_a_body_that_is_no_object_is_refused(his: Caller) -> None:
    for body in (b"[]", b"{", b"", b"\xff"):
        answer = his.desk.ask("POST", "/gateway/query.pay.bill", body, his.headers(body))
        assert answer.json["code"] == "PARAM_INVALID"


# Who and what


def test_patients_are_found_by_every_kind_of_card(his: Caller) -> None:
    person = his.card["persons"][0]
    shown = {
        "1": person["region_card"], "2": person["card_no"], "3": person["id_no"], "4": person["health_code"],
        "5": person["id_no"], "6": person["record_no"],
    }
    for kind, number in shown.items():
        data = his("query.patient.info", cardType=kind, cardNo=number)["data"]
        assert (data["patientId"], data["patientName"], data["idNo"]) == ("P0001", "测试甲", person["id_no"])
    assert his("query.patient.info", patientId="P0008")["data"]["patientName"] == "测试𠮷"
    assert his.code("query.patient.info", cardType="2", cardNo=person["id_no"]) == "PATIENT_NOT_FOUND"
    assert his.code("query.patient.info", patientId="P9999") == "PATIENT_NOT_FOUND"


def test_the_bill_list_and_its_lines(his: Caller) -> None:
    (row,) = his("query.wait.balance.bill.list", patientId="P0001")["data"]["bills"]
    assert row == {
        "billNo": BILL, "billDate": "2026-11-22 08:00:00", "deptName": "牙体牙髓科", "drName": "模拟医师一",
        "amount": "120000", "status": "unpaid",
    }
    data = his("query.wait.balance.bill.item.list", patientId="P0001", billNo=BILL)["data"]
    assert (data["amount"], data["status"], data["idNo"]) == ("120000", "unpaid", PERSONS[0].id_no)
    assert [(x["itemCode"], x["price"], x["qty"], x["amount"]) for x in data["items"]] == [
        ("K0001", "40000", "2", "80000"), ("K0008", "25000", "1", "25000"), ("K0101", "10000", "1", "10000"),
        ("K0002", "2500", "2", "5000"),
    ]
    assert data["diagnoses"] == [
        {"code": "K04.001", "name": "急性牙髓炎", "type": "1", "sort": "1", "time": "2026-11-22 08:00:00"}
    ]


def test_bills_of_others_and_unknown_bills_are_not_shown(his: Caller) -> None:
    op = "query.wait.balance.bill.item.list"
    assert his.code(op, patientId="P0002", billNo=BILL) == "BILL_NOT_FOUND"
    assert his.code(op, patientId="P0001", billNo="B0") == "BILL_NOT_FOUND"


def test_new_bills_round_half_up_and_get_numbers_of_their_own(his: Caller) -> None:
    made = his.act("new_bill", patient="P0100", items=[{"item": "K0002", "qty": "0.3333"}, {"item": "K0101"}]).json
    assert made == {"bill": "B20261122009", "amount": 833 + 10000}
    assert his.act("new_bill", patient="P0100", template="visit1", bill="MINE", doctor="D02").json["bill"] == "MINE"
    assert his.act("new_bill", patient="P0100", template="visit1", bill="MINE").status == 409
    rows = his("query.wait.balance.bill.list", patientId="P0100")["data"]["bills"]
    assert [r["billNo"] for r in rows] == ["B20261122009", "MINE"]
    for wrong in (
        {"patient": "P0100"}, {"patient": "X", "template": "visit1"}, {"patient": "P0100", "template": "x"},
        {"patient": "P0100", "items": [{"item": "K0002", "qty": "-1"}]}, {"patient": "P0100", "items": []},
        {"patient": "P0100", "items": [{"item": "K9", "qty": "1"}]},
        {"patient": "P0100", "template": "visit1", "doctor": "D9"},
        {"patient": "P0100", "items": [{"item": "K0002", "qty": "0.00001"}]},
    ):
        assert his.act("new_bill", **wrong).status == 400


def test_the_version_changes_with_the_content_only(his: Caller) -> None:
    def version() -> str:
        data = his("query.wait.balance.bill.item.list", patientId="P0001", billNo=BILL)["data"]
        return str(data["billVersion"])

    before = version()
    his.lock()
    assert version() == before
    his.code("unlock.bill", billNo=BILL, lockNo="L1")
    his.act("change_bill", bill=BILL, item="K0002")
    assert version() != before


# Habits of other HIS


def test_amounts_in_yuan_both_ways(his: Caller) -> None:
    his.act("set", amounts_in="yuan")
    data = his("query.wait.balance.bill.item.list", patientId="P0001", billNo=BILL)["data"]
    assert (data["amount"], data["items"][0]["price"]) == ("1200.00", "400.00")
    assert his.lock(amount="1200.001") == "PARAM_INVALID"
    assert his.lock(amount="1200.00") == "0"
    assert his.pay(amount="1200", cash="1075.00", fund="125.0", account="0")["code"] == "0"
    assert his.state()["cash"] == "1075.00"
    assert his.desk.rows()[-1]["amount"] == 120000


@pytest.mark.parametrize(("habit", "data"), [("null", {"bills": None}), ("list", {"bills": []}), ("absent", {})])
def test_empty_lists(his: Caller, habit: str, data: dict[str, Any]) -> None:
    his.act("set", empty_list=habit)
    assert his("query.wait.balance.bill.list", patientId="P0999")["data"] == data


@pytest.mark.parametrize(("habit", "yes", "no"), [("bool", True, False), ("1", "1", "0"), ("true", "true", "false")])
def test_success_flags(his: Caller, habit: str, yes: object, no: object) -> None:
    his.act("set", success_as=habit)
    good, bad = his("query.pay.bill", settleNo="S"), his("query.pay.bill")
    assert (good["success"], bad["success"]) == (yes, no)
    assert type(good["success"]) is type(yes)


@pytest.mark.parametrize(
    "wrong", [{"amounts_in": "mao"}, {"lock_respected": "no"}, {"colour": "red"}, {"empty_list": 1}]
)
def test_unknown_habits_are_refused(his: Caller, wrong: dict[str, Any]) -> None:
    assert his.act("set", **wrong).status == 400
