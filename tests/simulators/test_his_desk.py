"""The HIS's desk: locks, settlements by number, voids, the cashier; and how faults show there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from his_caller import BILL, OTHER, Caller, open_his
from memory_http import request_bytes


@pytest.fixture
def his() -> Caller:
    return open_his()


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
    his.desk.clock.advance(60)
    assert his.lock(no="L2") == "BILL_LOCKED"
    assert his.lock(until=his.at(140)) == "0"
    his.desk.clock.advance(139)
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
