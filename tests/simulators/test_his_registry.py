"""Registrations and the other asks of a kiosk, on the wire: once under a number, buried by a void, as the house
writes its amounts."""

from __future__ import annotations

from typing import Any

import pytest
from his_caller import Caller
from memory_http import open_desk

from simulators.his import HisSim


@pytest.fixture
def his() -> Caller:
    return Caller(open_desk(HisSim))


def void(his: Caller, op: str, no: str = "S1") -> str:
    return his.code(op, settleNo=no, voidNo="V1", reason="test")


def rows(his: Caller, kind: str) -> list[tuple[str, int, str]]:
    return [(row["no"], row["amount"], row["state"]) for row in his.desk.rows() if row["kind"] == kind]


def register(his: Caller, no: str = "S1", **more: Any) -> dict[str, Any]:
    his("lock.reg", patientId="P0001", scheduleNo="D01-AM", lockNo=f"L{no}", expireTime=his.at(600))
    return his("reg", patientId="P0001", lockNo=f"L{no}", settleNo=no, amount="1500", tradeMode="WX",
               expireTime=his.at(90), **more)  # fmt: skip


def test_a_registration_is_booked_once_and_found_by_its_number(his: Caller) -> None:
    assert register(his)["data"]["regNo"].startswith("G2026")
    assert rows(his, "book") == [("S1", 1500, "done")]
    assert register(his, outTradeNo="T2")["code"] == "DUPLICATE_DIFFERENT"
    assert his("query.reg", settleNo="S1")["data"]["amount"] == "1500"
    assert his("query.reg", settleNo="S9")["data"] == {"settleNo": "S9", "state": "NONE"}


def test_a_lock_number_that_was_used_up_holds_no_other_slot(his: Caller) -> None:
    until = his.at(600)
    register(his)
    late = his("lock.reg", patientId="P0001", scheduleNo="D01-AM", lockNo="LS1", expireTime=until)
    assert late["code"] == "LOCK_CLOSED"
    assert his("pre.reg", patientId="P0001", scheduleNo="D01-AM")["data"]["free"] == "4"


def test_what_a_registration_costs_is_told_line_by_line(his: Caller) -> None:
    told = his("pre.reg", patientId="P0001", scheduleNo="D02-PM")["data"]
    assert (told["amount"], told["patientName"], told["drCode"], told["deptCode"]) == ("1500", "测试甲", "D02", "KQ02")
    lines = [(one["lineNo"], one["itemCode"], one["itemType"], one["amount"]) for one in told["items"]]
    assert lines == [("1", "G0001", "13", "500"), ("2", "G0002", "02", "1000")]
    made = his("set.patient.info", patientName="测试新", idNo="370202199912310013", createNo="JD1")["data"]["patientId"]
    assert his("pre.reg", patientId=made, scheduleNo="D01-AM")["data"]["idNo"] == "370202199912310013"


INSURED = {"cash": "700", "fund": "800", "account": "0", "insurance": {"mdtrtId": "M1", "setlId": "ST1"}}


def test_an_insured_registration_names_who_pays_what(his: Caller) -> None:
    assert register(his, **INSURED)["success"]
    (row,) = [one for one in his.desk.rows() if one["kind"] == "book"]
    assert (row["amount"], row["ref"]) == (1500, "700")
    found = his("query.reg", settleNo="S1")["data"]
    assert [found[name] for name in ("amount", "cash", "fund", "account")] == ["1500", "700", "800", "0"]
    assert register(his, **INSURED)["success"], "the same again is the same registration"
    assert register(his, **{**INSURED, "cash": "1500", "fund": "0"})["code"] == "DUPLICATE_DIFFERENT"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"cash": "600"}, "AMOUNT_MISMATCH"), ({"insurance": None}, "PARAM_INVALID"),
        ({"cash": "", "fund": "", "account": ""}, "PARAM_INVALID"), ({"insurance": {"mdtrtId": "M1"}}, "PARAM_INVALID"),
        ({"fund": "8.00"}, "PARAM_INVALID"),
    ],
)  # fmt: skip
def test_parts_that_do_not_add_up_or_name_no_insurance_are_refused(
    his: Caller, wrong: dict[str, Any], code: str
) -> None:
    assert register(his, **{**INSURED, **wrong})["code"] == code
    assert rows(his, "book") == []


def test_a_house_that_calls_a_repeat_a_duplicate(his: Caller) -> None:
    his.act("set", duplicates="refuse")
    register(his)
    assert register(his)["code"] == "DUPLICATE"


def test_a_void_buries_a_number_nobody_knows(his: Caller) -> None:
    assert (void(his, "cancel.reg"), void(his, "cancel.reg")) == ("NOT_FOUND", "ALREADY_VOID")
    assert register(his)["code"] == "SETTLE_VOID"
    assert rows(his, "void") == []


def test_what_a_discharge_comes_to_may_be_given_back(his: Caller) -> None:
    note = his.act("issue_admission", patient="P0006").json["admission"]
    stay = his("register.inhos", patientId="P0006", admissionNo=note, registerNo="A1", contact="测试乙",
               tel="13800000000")["data"]["inhosNo"]  # fmt: skip
    his.act("charge_stay", stay=stay, item="K0001")
    owed = his("query.zy.pre.out.hos.self", patientId="P0006", inhosNo=stay)["data"]
    assert owed["self"] == owed["amount"] == "40000"
    his("pay.inhos.deposit", inhosNo=stay, depositNo="D1", amount="50000", tradeMode="CASH")
    assert his("query.zy.pre.out.hos.self", patientId="P0006", inhosNo=stay)["data"]["self"] == "-10000"
    his.act("set", amounts_in="yuan")
    assert his("query.zy.pre.out.hos.self", patientId="P0006", inhosNo=stay)["data"]["self"] == "-100.00"
    assert his.code("query.zy.pre.out.hos.self", patientId="P0001", inhosNo=stay) == "STAY_NOT_FOUND"


def test_a_slot_is_held_until_its_expiry_and_never_again_after_its_release(his: Caller) -> None:
    def left() -> str:
        return str(his("pre.reg", patientId="P0001", scheduleNo="D01-AM")["data"]["free"])

    def hold(no: str) -> str:
        return his.code("lock.reg", patientId="P0001", scheduleNo="D01-AM", lockNo=no, expireTime=his.at(60))

    assert [hold(f"L{n}") for n in range(6)] == ["0"] * 5 + ["SLOT_GONE"]
    assert (hold("L0"), left()) == ("0", "0")
    assert his.code("unlock.reg", lockNo="L0") == "0"
    assert (hold("L0"), left()) == ("LOCK_CLOSED", "1")
    his.desk.clock.advance(61)
    assert left() == "5"


def test_a_registration_whose_queue_number_was_taken_is_cancelled_at_the_window(his: Caller) -> None:
    his("lock.reg", patientId="P0001", scheduleNo="D01-AM", lockNo="L1", expireTime=his.at(600))
    booked = {"patientId": "P0001", "lockNo": "L1", "settleNo": "S1", "amount": "1500", "tradeMode": "WX",
              "expireTime": his.at(90)}  # fmt: skip
    assert his("reg", **{**booked, "amount": "1501"})["code"] == "AMOUNT_MISMATCH"
    assert his("reg", **booked)["data"] == his("reg", **booked)["data"]
    assert "queueNo" not in his("query.reg", settleNo="S1")["data"]
    assert his("take.reg", settleNo="S1")["data"]["queueNo"] == "1"
    assert his("query.reg", settleNo="S1")["data"]["queueNo"] == "1"
    assert void(his, "cancel.reg") == "REG_TAKEN"


def test_a_new_patient_has_one_number_for_one_id_number(his: Caller) -> None:
    asked = {"patientName": "测试新", "idNo": "370202199912310013"}
    told = [his("set.patient.info", **asked)["data"] for _ in range(2)]
    assert told == [{"patientId": "N0001"}] * 2
    for shown in ({"cardType": "5", "cardNo": asked["idNo"]}, {"patientId": "N0001"}):
        assert his("query.patient.info", **shown)["data"]["patientName"] == "测试新"
    assert his.code("query.patient.info", cardType="5", cardNo="370202199912310014") == "PATIENT_NOT_FOUND"


def test_an_order_of_the_house_is_paid_once_and_refunded_up_to_its_amount(his: Caller) -> None:
    his("create.pay.order", outTradeNo="T1", amount="100")
    assert his.act("pay_order", order="T1").status == 200
    assert his.act("pay_order", order="T1").status == 409
    assert his.code("cancel.pay.order", outTradeNo="T1") == "ORDER_PAID"
    assert his.code("refund.pay.order", outTradeNo="T1", outRefundNo="R1", fee="60") == "0"
    assert his.code("refund.pay.order", outTradeNo="T1", outRefundNo="R1", fee="60") == "0"
    assert his.code("refund.pay.order", outTradeNo="T1", outRefundNo="R2", fee="60") == "REFUND_TOO_MUCH"
    assert rows(his, "refund") == [("R1", 60, "done")]
    assert his.code("cancel.pay.order", outTradeNo="T2") == "ORDER_NOT_FOUND"
    assert his.code("create.pay.order", outTradeNo="T2", amount="1") == "ORDER_CLOSED", "the number is buried"
