"""The HIS gateway as its callers meet it: signed JSON over HTTP, bills, locks, settlements."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from memory_http import START, Answer, Desk, open_desk, request_bytes

from simulators.his import HisSim
from simulators.town import PERSONS

BILL = "B20261122001"  # of P0001, 1200.00
OTHER = "B20261122002"  # of P0002, 500.00


@dataclass
class Caller:
    """Signs as the documentation says, independently of the simulator's own code."""

    desk: Desk
    serial: int = 0
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.card = self.desk.sim("card.json").json

    def headers(self, body: bytes, **changed: str) -> dict[str, str]:
        self.serial += 1
        values = {
            "app": self.card["app_id"], "time": str(int(self.desk.party.world.now())), "nonce": f"n{self.serial}",
            "secret": self.card["secret"], **changed,
        }
        text = f"{values['time']}\n{values['nonce']}\n".encode() + body
        sign = hmac.new(values["secret"].encode(), text, hashlib.sha256).hexdigest()
        return {
            "X-App-Id": values["app"], "X-Timestamp": values["time"], "X-Nonce": values["nonce"],
            "X-Sign": values.get("sign", sign),
        }

    def raw(self, op: str, content: dict[str, Any], **changed: str) -> Answer:
        body = json.dumps(content, ensure_ascii=False).encode()
        return self.desk.ask("POST", f"/gateway/{op}", body, self.headers(body, **changed))

    def __call__(self, op: str, **content: Any) -> dict[str, Any]:
        answer = self.raw(op, content)
        assert answer.status == 200
        return dict(answer.json)

    def code(self, op: str, **content: Any) -> str:
        reply = self(op, **content)
        assert reply["success"] is (reply["code"] == "0")
        return str(reply["code"])

    def act(self, act: str, **more: Any) -> Answer:
        return self.desk.sim("act", {"act": act, **more})

    def lock(self, bill: str = BILL, no: str = "L1", amount: str = "120000", until: str = "") -> str:
        return self.code(
            "lock.bill", billNo=bill, lockNo=no, amount=amount, expireTime=until or self.at(600)
        )

    def at(self, seconds: float) -> str:
        """Beijing time that many seconds from now; within the test's day."""
        total = int(self.desk.party.world.now() - START + seconds) + 8 * 3600
        return f"2026-11-22 {total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"

    def pay(self, **changed: Any) -> dict[str, Any]:
        content = {
            "billNo": BILL, "settleNo": "S1", "lockNo": "L1", "amount": "120000", "cash": "107500",
            "fund": "12500", "account": "0", "tradeMode": "WX", "outTradeNo": "T1", "transNo": "42",
            "insurance": {"mdtrtId": "M1", "setlId": "Z1"}, "expireTime": self.at(60), **changed,
        }
        return self("balance.and.pay.bill", **content)

    def state(self, no: str = "S1") -> dict[str, Any]:
        reply = self("query.pay.bill", settleNo=no)
        assert reply["success"] is True
        return dict(reply["data"])

    def void(self, no: str = "S1", void_no: str = "X1") -> str:
        return self.code("void.pay.bill", settleNo=no, voidNo=void_no, reason="患者放弃")


@pytest.fixture
def his() -> Caller:
    return Caller(open_desk(HisSim))


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


# Locks


def test_a_lock_holds_until_it_is_released(his: Caller) -> None:
    assert his.lock() == "0"
    assert his.lock() == "0"  # the same again
    reply = his("lock.bill", billNo=BILL, lockNo="L2", amount="120000", expireTime=his.at(60))
    assert (reply["code"], reply["data"]) == ("BILL_LOCKED", {"until": "2026-11-22 08:10:00"})
    status = his("query.wait.balance.bill.list", patientId="P0001")["data"]["bills"][0]["status"]
    assert status == "locked"
    assert his.code("unlock.bill", billNo=BILL, lockNo="L2") == "NOT_LOCKED"
    assert his.code("unlock.bill", billNo=BILL, lockNo="L1") == "0"
    assert his.lock(no="L3") == "0"
    assert [(r["no"], r["state"], r["bill"]) for r in his.desk.rows()] == [
        ("L1", "released", BILL), ("L3", "live", BILL)
    ]


def test_a_lock_ends_by_itself(his: Caller) -> None:
    his.lock(until=his.at(300))
    his.desk.clock.advance(299)
    assert his.lock(no="L2") == "BILL_LOCKED"
    his.desk.clock.advance(1)
    assert [r["state"] for r in his.desk.rows()] == ["expired"]
    assert his.lock(no="L2") == "0"


def test_a_repeated_lock_may_move_its_end_but_never_back(his: Caller) -> None:
    his.lock(until=his.at(100))
    assert his.lock(until=his.at(50)) == "0"
    assert his.lock(until=his.at(200)) == "0"
    his.desk.clock.advance(199)
    assert his.lock(no="L2") == "BILL_LOCKED"
    his.desk.clock.advance(2)
    assert his.lock(no="L2") == "0"


def test_an_unlocked_number_never_locks_again_even_when_it_had_not_come_yet(his: Caller) -> None:
    his.lock()
    his.code("unlock.bill", billNo=BILL, lockNo="L1")
    assert his.lock() == "LOCK_CLOSED"
    assert his.code("unlock.bill", billNo=BILL, lockNo="L9") == "NOT_LOCKED"
    assert his.lock(no="L9") == "LOCK_CLOSED"


def test_locks_that_cannot_be(his: Caller) -> None:
    assert his.lock(amount="119999") == "BILL_CHANGED"
    assert his.lock(bill="B0") == "BILL_NOT_FOUND"
    assert his.lock(until=his.at(0)) == "EXPIRED"
    assert his.lock(until="2026-11-22T09:00:00") == "PARAM_INVALID"
    assert his.lock(amount="1200.00") == "PARAM_INVALID"
    his.act("void_bill", bill=BILL)
    assert his.lock() == "BILL_VOID"
    his.act("collect_at_window", bill=OTHER)
    assert his.lock(bill=OTHER, amount="50000") == "BILL_PAID"
    assert [r["kind"] for r in his.desk.rows()] == ["charge"]


# Settling


def test_a_settlement_is_booked_once_and_told_again(his: Caller) -> None:
    his.lock()
    first = his.pay()
    assert first["code"] == "0"
    assert first["data"]["payTime"] == "2026-11-22 08:00:00"
    his.desk.clock.advance(100)  # the repeat comes after its own expiry: it was executed, so it is told
    assert his.pay(expireTime="2026-11-22 08:01:00")["data"] == first["data"]
    (lock, book) = his.desk.rows()
    assert lock["state"] == "used"
    assert (book["kind"], book["no"], book["party_no"], book["amount"], book["ref"], book["bill"]) == (
        "book", "S1", first["data"]["receiptNo"], 120000, "107500", BILL,
    )
    assert his.state() == {
        "settleNo": "S1", "state": "PAID", "receiptNo": first["data"]["receiptNo"], "billNo": BILL,
        "payTime": "2026-11-22 08:00:00", "amount": "120000", "cash": "107500", "fund": "12500", "account": "0",
    }
    assert his("query.wait.balance.bill.list", patientId="P0001")["data"] == {"bills": None}


def test_the_same_number_with_other_content_is_refused(his: Caller) -> None:
    his.lock()
    his.pay()
    assert his.pay(cash="107400", fund="12600")["code"] == "DUPLICATE_DIFFERENT"
    assert his.pay(outTradeNo="T2")["code"] == "DUPLICATE_DIFFERENT"
    assert len([r for r in his.desk.rows() if r["kind"] == "book"]) == 1


def test_a_his_that_answers_duplicate_on_a_retry(his: Caller) -> None:
    his.lock()
    his.pay()
    his.act("set", duplicates="refuse")
    assert his.pay()["code"] == "DUPLICATE"
    assert his.state()["state"] == "PAID"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"lockNo": "L2"}, "LOCK_LOST"), ({"cash": "107499"}, "AMOUNT_MISMATCH"),
        ({"expireTime": "2026-11-22 08:00:00"}, "EXPIRED"), ({"billNo": "B0"}, "BILL_NOT_FOUND"),
        ({"amount": "119999", "cash": "107499"}, "BILL_CHANGED"), ({"tradeMode": "GOLD"}, "PARAM_INVALID"),
        ({"outTradeNo": ""}, "PARAM_INVALID"), ({"insurance": None}, "PARAM_INVALID"),
        ({"insurance": {"mdtrtId": "M1"}}, "PARAM_INVALID"), ({"cash": "-1"}, "PARAM_INVALID"),
        ({"cash": 107500}, "PARAM_INVALID"), ({"cash": "0107500"}, "PARAM_INVALID"),
    ],
)
def test_settlements_that_cannot_be(his: Caller, changed: dict[str, Any], code: str) -> None:
    his.lock()
    assert his.pay(**changed)["code"] == code
    assert [r["kind"] for r in his.desk.rows()] == ["lock"]
    assert his.state()["state"] == "NONE"
    assert his.pay()["code"] == "0"  # a refusal burns no number


def test_self_pay_needs_no_insurance(his: Caller) -> None:
    his.lock(bill=OTHER, amount="50000")
    reply = his.pay(billNo=OTHER, amount="50000", cash="50000", fund="0", insurance=None)
    assert reply["code"] == "0"


def test_a_lock_that_expired_before_the_settlement_is_lost(his: Caller) -> None:
    his.lock(until=his.at(30))
    his.desk.clock.advance(30)
    assert his.pay()["code"] == "LOCK_LOST"


def test_a_late_original_finds_its_expiry(his: Caller) -> None:
    his.lock()
    his.desk.fault("late_commit", op="balance.and.pay.bill", seconds=90)
    body = json.dumps({
        "billNo": BILL, "settleNo": "S1", "lockNo": "L1", "amount": "120000", "cash": "120000", "fund": "0",
        "account": "0", "tradeMode": "WX", "outTradeNo": "T1", "expireTime": his.at(60),
    }).encode()
    connection = his.desk.connect()
    connection.send(request_bytes("POST", "/gateway/balance.and.pay.bill", body, his.headers(body)))
    his.desk.clock.advance(91)
    assert his.state()["state"] == "NONE"
    assert [r["kind"] for r in his.desk.rows()] == ["lock"]


def test_a_void_opens_the_bill_again(his: Caller) -> None:
    his.lock()
    receipt = his.pay()["data"]["receiptNo"]
    assert his.void() == "0"
    assert his.void(void_no="X2") == "ALREADY_VOID"
    assert his.state()["state"] == "VOID"
    assert his.pay()["code"] == "SETTLE_VOID"
    book, void = his.desk.rows()[1:]
    assert book["state"] == "void"
    assert (void["kind"], void["no"], void["party_no"], void["amount"], void["ref"]) == (
        "void", "X1", receipt, 120000, "S1"
    )
    assert his.lock(no="L2") == "0"
    assert his.pay(settleNo="S2", lockNo="L2")["code"] == "0"


def test_a_void_before_the_original_leaves_a_tombstone(his: Caller) -> None:
    his.lock()
    assert his.void() == "NOT_FOUND"
    assert his.state() == {"settleNo": "S1", "state": "VOID"}
    assert his.pay()["code"] == "SETTLE_VOID"
    assert his.void() == "ALREADY_VOID"
    assert [r["kind"] for r in his.desk.rows()] == ["lock"]


def test_a_his_that_forces_refunds_to_the_window(his: Caller) -> None:
    his.lock()
    his.pay()
    his.act("set", refund_at_window_only=True)
    assert his.void() == "WINDOW_ONLY"
    assert his.state()["state"] == "PAID"


# The cashier


def test_the_window_respects_a_lock(his: Caller) -> None:
    his.lock()
    assert his.act("collect_at_window", bill=BILL).status == 409
    his.desk.clock.advance(600)
    assert his.act("collect_at_window", bill=BILL).json["amount"] == 120000
    assert his.act("collect_at_window", bill=BILL).status == 409
    assert his.lock(no="L2") == "BILL_PAID"
    row = his.desk.rows()[-1]
    assert (row["kind"], row["ref"], row["amount"], row["bill"]) == ("charge", "window", 120000, BILL)


def test_a_window_that_looks_at_no_lock_collects_twice(his: Caller) -> None:
    his.act("set", lock_respected=False)
    his.lock()
    assert his.act("collect_at_window", bill=BILL).status == 200
    assert his.pay()["code"] == "BILL_PAID"
    his.lock(bill=OTHER, amount="50000", no="L2")
    his.pay(billNo=OTHER, settleNo="S2", lockNo="L2", amount="50000", cash="50000", fund="0", insurance=None)
    assert his.act("collect_at_window", bill=OTHER).status == 200
    kinds = [(r["kind"], r["bill"]) for r in his.desk.rows()]
    assert kinds.count(("charge", OTHER)) == kinds.count(("book", OTHER)) == 1


def test_the_doctor_changes_a_bill_between_list_and_settlement(his: Caller) -> None:
    assert his.act("change_bill", bill=BILL, add="K0101").json["amount"] == 130000
    assert his.lock() == "BILL_CHANGED"
    assert his.lock(amount="130000") == "0"
    assert his.act("change_bill", bill=BILL, add="K0101").status == 409
    his.act("set", lock_respected=False)
    assert his.act("change_bill", bill=BILL, add="K0101").status == 200
    assert his.pay(amount="130000", cash="117500")["code"] == "BILL_CHANGED"
    assert his.act("void_bill", bill="B0").status == 409
    assert his.act("dance").status == 400


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


# Faults and reset


def test_time_out_after_commit_shows_only_in_the_query(his: Caller) -> None:
    his.lock()
    his.desk.fault("timeout_after_commit", op="balance.and.pay.bill", match={"bill": BILL, "no": "S1"})
    body = json.dumps({
        "billNo": BILL, "settleNo": "S1", "lockNo": "L1", "amount": "120000", "cash": "120000", "fund": "0",
        "account": "0", "tradeMode": "CASH", "expireTime": his.at(60),
    }).encode()
    connection = his.desk.connect()
    assert connection.send(request_bytes("POST", "/gateway/balance.and.pay.bill", body, his.headers(body))) == b""
    assert his.state()["state"] == "PAID"


def test_refusals_and_wrong_amounts_in_the_gateways_words(his: Caller) -> None:
    his.desk.fault("not_enough_balance", op="lock.bill")
    assert his.lock() == "NOT_ENOUGH_BALANCE"
    assert his.desk.rows() == []
    his.desk.fault("wrong_amount", op="query.wait.balance.bill.list")
    told = his("query.wait.balance.bill.list", patientId="P0001")["data"]["bills"][0]["amount"]
    assert told == "120001"
    his.lock()
    his.pay()
    his.desk.fault("wrong_amount", op="query.pay.bill", match={"bill": BILL})
    assert (his.state()["amount"], his.state()["amount"]) == ("120001", "120000")


def test_a_reset_brings_the_first_morning_back(his: Caller) -> None:
    his.lock()
    his.pay()
    his.act("set", amounts_in="yuan")
    his.act("new_bill", patient="P0100", template="visit1")
    his.desk.sim("reset", {})
    card = his.desk.sim("card.json").json
    assert (card["bills"], card["secret"]) == (his.card["bills"], his.card["secret"])
    assert his.desk.rows() == []
    his.desk.clock.advance(700)  # no lock of the earlier life ends now
    assert his.desk.rows() == []
    assert his.lock() == "0"
    assert his.state()["state"] == "NONE"
