"""Invoices of a stay, judged by the e-invoice platform: a voucher for each deposit, an inpatient invoice for the
discharge; both go when what they stand for goes, and each is issued and written off once, whatever happens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inpatient.test_stay import CASH, CODE, admitted
from tests.inpatient.ward import Ward

FAULTS = ("timeout_after_commit", "timeout_before_commit", "half_reply", "http_500", "html", "drip", "state_500")


def issued(ward: Ward) -> dict[str, Any]:
    """Our number → the bill at the platform."""
    found: dict[str, Any] = ward.town.lab.parties["einvoice"].register.by_bus_no  # type: ignore[attr-defined]  # its own
    return found


def discharged(ward: Ward, deposit: int = 300000) -> tuple[str, dict[str, Any], dict[str, Any]]:
    stay = admitted(ward)
    paid = ward.deposit(stay, deposit, CODE)
    ward.treat(stay)
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


def named(bill: Any) -> dict[str, int]:
    """The vouchers an invoice names: number → fen."""
    return {row["voucherNo"]: round(float(row["voucherAmt"]) * 100) for row in bill.content.get("payMentVoucher", ())}


def test_an_invoice_names_the_vouchers_it_uses_up_and_frees_them_when_written_off(ward: Ward) -> None:
    stay = admitted(ward)
    paid = [ward.deposit(stay, fen, CODE) for fen in (100000, 90000, 80000)]
    ward.treat(stay)
    quoted = ward.quote(stay)
    own = quoted["amounts"]["cash"]
    assert 100000 < own < 190000, "the third deposit goes back whole, the second in part"
    ward.choose(quoted, {"kind": "deposit"})
    settled = ward.rest(quoted)
    assert settled["state"] == "settled", settled
    first, second, third = (issued(ward)[f"{one['settlement_no']}E1"] for one in paid)
    bill = issued(ward)[f"{settled['settlement_no']}E1"]
    assert named(bill) == {first.voucher: 100000, second.voucher: own - 100000}
    assert (first.left, second.left, third.left) == (0, 190000 - own, 80000)
    assert ward.books() == []
    assert ward.refund(settled)["state"] == "undone"
    assert (first.left, second.left, third.left) == (100000, 90000, 80000)
    assert ward.books() == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_voucher_that_is_not_told_at_once_is_asked_for_until_it_is(ward: Ward, fault: str) -> None:
    ward.town.lab.fault("einvoice", "getBillByBusNo", fault, times=2, seconds=30.0)
    _, paid, settled = discharged(ward)
    assert settled["state"] == "settled", settled
    assert ward.books() == []  # a quarter of an hour later
    voucher = issued(ward)[f"{paid['settlement_no']}E1"]
    assert named(issued(ward)[f"{settled['settlement_no']}E1"]) == {voucher.voucher: settled["amounts"]["cash"]}
    assert [row for row in ward.town.tasks() if row["closed_at"] is None] == []


def test_a_deposit_without_a_voucher_is_not_named_and_holds_nothing(ward: Ward) -> None:
    stay = admitted(ward)
    ward.town.lab.fault("einvoice", "invoicePayMentVoucher", "refuse_business")
    bare, paid = ward.deposit(stay, 50000, CODE), ward.deposit(stay, 100000, CODE)
    assert [row["kind"] for row in ward.town.tasks()] == ["final_refused"], "whose voucher was refused"
    ward.treat(stay)
    quoted = ward.quote(stay)
    ward.choose(quoted, {"kind": "deposit"} if quoted["amounts"]["cash"] <= 150000 else CASH)
    settled = ward.rest(quoted)
    assert settled["state"] == "settled", settled
    assert f"{bare['settlement_no']}E1" not in issued(ward)
    voucher = issued(ward)[f"{paid['settlement_no']}E1"]
    assert set(named(issued(ward)[f"{settled['settlement_no']}E1"])) == {voucher.voucher}
    assert len(ward.town.tasks()) == 1


@pytest.mark.parametrize("op", ["getBillByBusNo", "invEBillHospitalized"])
def test_the_engine_dies_while_it_looks_up_vouchers(ward: Ward, op: str) -> None:
    stay = admitted(ward)
    paid = [ward.deposit(stay, fen, CODE) for fen in (100000, 90000)]
    ward.treat(stay)
    quoted = ward.quote(stay)
    town, own = ward.town, quoted["amounts"]["cash"]
    town.lab.fault("einvoice", op, "slow", seconds=30.0, match={"busNo": f"{paid[1]['settlement_no']}E1"}
                   if op == "getBillByBusNo" else {})  # fmt: skip
    town.begin("POST", f"/v1/settlements/{quoted['settlement_no']}/pay", {"choice_no": "1", "kind": "deposit"},
               client="C01")  # fmt: skip
    for _ in range(400):
        if not town.lab.parties["einvoice"].faults.orders:
            break
        town.pass_time(0.05)
    assert not town.lab.parties["einvoice"].faults.orders, f"{op} was never asked"
    town.kill()
    town.rise()
    settled = ward.rest(quoted)
    assert settled["state"] == "settled", settled
    assert ward.books() == []
    first, second = (issued(ward)[f"{one['settlement_no']}E1"] for one in paid)
    bill = issued(ward)[f"{settled['settlement_no']}E1"]
    assert named(bill) == {first.voucher: 100000, second.voucher: own - 100000}
    assert len(issued(ward)) == 3


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
