"""Invoices of a stay, judged by the e-invoice platform: a voucher for each deposit, an inpatient invoice for the
discharge; both go when what they stand for goes, and each is issued and written off once, whatever happens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inpatient.test_stay import CASH, CODE, FEES, admitted
from tests.inpatient.ward import Ward

FAULTS = ("timeout_after_commit", "timeout_before_commit", "half_reply", "http_500", "html", "drip", "state_500")


def issued(ward: Ward) -> dict[str, Any]:
    """Our number → the bill at the platform."""
    found: dict[str, Any] = ward.town.lab.parties["einvoice"].register.by_bus_no  # type: ignore[attr-defined]  # its own
    return found


def discharged(ward: Ward, deposit: int = 300000) -> tuple[str, dict[str, Any], dict[str, Any]]:
    stay = admitted(ward)
    paid = ward.deposit(stay, deposit, CODE)
    ward.charge(stay, *FEES)
    ward.leave(stay)
    quoted = ward.quote(stay)
    ward.choose(quoted, {"kind": "deposit"} if deposit >= quoted["amounts"]["cash"] else CASH)
    return stay, paid, ward.rest(quoted)


def parts(bill: Any) -> dict[str, str]:
    return {row["payChannelCode"]: row["payChannelValue"] for row in bill.content["payChannelDetail"]}


def test_a_deposit_has_its_voucher_and_loses_it_with_the_refund(ward: Ward) -> None:
    stay = admitted(ward, "P0005", "self_pay")
    paid = ward.deposit(stay, 100000, CODE, "P0005")
    (bill,) = issued(ward).values()
    assert (bill.bus_type, bill.amount, bill.no, bill.red) == ("07", 100000, paid["invoice"]["number"], None)
    assert parts(bill) == {"05": "1000.00"}
    assert ward.books() == []
    assert ward.refund(paid)["state"] == "undone"
    assert bill.red is not None
    assert ward.books() == []


def test_a_discharge_has_its_invoice_over_all_that_was_paid(ward: Ward) -> None:
    stay, paid, settled = discharged(ward, 50000)
    assert settled["state"] == "settled", settled
    bill = issued(ward)[f"{settled['settlement_no']}E1"]
    amounts = settled["amounts"]
    assert (bill.bus_type, bill.amount, bill.no) == ("01", 260000, settled["invoice"]["number"])
    told = {code: round(float(text) * 100) for code, text in parts(bill).items()}
    assert sum(told.values()) == 260000
    assert told["11"] == amounts["fund"] + amounts["account"]
    assert told["05"] == 50000, "the deposit, as it was paid"
    assert told["02"] == amounts["cash"] - 50000, "what was still collected"
    assert bill.content["hospitalNo"] == stay
    assert len(issued(ward)) == 2
    assert issued(ward)[f"{paid['settlement_no']}E1"].red is None
    assert ward.books() == []


def test_a_discharge_taken_back_writes_its_invoice_off_and_settled_anew_has_another(ward: Ward) -> None:
    stay, _, settled = discharged(ward)
    first = issued(ward)[f"{settled['settlement_no']}E1"]
    assert ward.refund(settled)["state"] == "undone"
    assert first.red is not None
    assert ward.books() == []
    again = ward.quote(stay)
    ward.choose(again, {"kind": "deposit"})
    answer = ward.rest(again)
    assert answer["state"] == "settled", answer
    assert issued(ward)[f"{answer['settlement_no']}E1"].red is None
    assert ward.books() == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("op", ["invEBillHospitalized", "invoicePayMentVoucher"])
def test_a_lost_answer_of_an_invoice_is_found_out(ward: Ward, op: str, fault: str) -> None:
    ward.town.lab.fault("einvoice", op, fault, seconds=30.0)
    _, _, settled = discharged(ward)
    assert settled["state"] == "settled", settled
    assert ward.books() == []  # a quarter of an hour later
    assert len(issued(ward)) == 2
    assert all(bill.red is None for bill in issued(ward).values())
    assert [row for row in ward.town.tasks() if row["closed_at"] is None] == []


@pytest.mark.parametrize("fault", ["timeout_after_commit", "timeout_before_commit", "http_500", "done_before"])
@pytest.mark.parametrize("op", ["writeOffEBill", "writeOffPayMentVoucher"])
def test_a_lost_answer_of_a_write_off_is_found_out(ward: Ward, op: str, fault: str) -> None:
    ward.town.lab.fault("einvoice", op, fault, seconds=30.0)
    if op == "writeOffEBill":
        _, _, answer = discharged(ward)
    else:
        answer = ward.deposit(admitted(ward, "P0005", "self_pay"), 100000, CODE, "P0005")
    assert ward.refund(answer)["state"] == "undone"
    assert ward.books() == []
    live = {bill.bus_type for bill in issued(ward).values() if bill.red is None}
    assert live == ({"07"} if op == "writeOffEBill" else set())


def test_an_invoice_the_platform_refuses_leaves_a_task_and_holds_no_money(ward: Ward) -> None:
    ward.town.lab.fault("einvoice", "invEBillHospitalized", "refuse_business", times=None)
    _, _, settled = discharged(ward)
    assert settled["state"] == "settled", settled
    assert len(ward.ledger("wechat", "refund")) == 1, "what was left of the deposit went back all the same"
    assert [row["kind"] for row in ward.town.tasks()] == ["final_refused"]
    assert ward.books() == []
