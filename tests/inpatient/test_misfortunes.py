"""A stay under misfortunes: lost answers, refusals, and what must agree in the end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inpatient.test_stay import CODE, admitted
from tests.inpatient.ward import Ward

LOST = ("timeout_after_commit", "reset_before_commit", "half_reply", "http_500")
COUNTERS = ("fund", "deductible", "stay_fund", "stays")


def used(ward: Ward) -> Any:
    bureau = ward.town.lab.parties["insurance"].bureau  # type: ignore[attr-defined]  # the simulator's own memory
    return bureau.counters(bureau.people["P0001"], bureau.year())


def discharge(ward: Ward, deposit: int = 300000) -> tuple[str, dict[str, Any]]:
    stay = admitted(ward)
    if deposit:
        ward.deposit(stay, deposit, CODE)
    ward.treat(stay)
    return stay, {}


def agreed(ward: Ward, answer: dict[str, Any], stay: str) -> None:
    settled = answer["state"] == "settled"
    live = ward.ledger("insurance", "settle", "done")
    booked = ward.ledger("his", "book", "done")
    assert len(live) == len(booked) == (1 if settled else 0), answer
    found = used(ward)
    assert (found.stay_fund > 0) == settled, "counters are given back"
    assert ward.books() == []
    assert ward.stay_of(stay).state == ("left" if settled else "leaving")


@pytest.mark.parametrize(("party", "op"), [
    ("insurance", "2301"), ("insurance", "2402"), ("insurance", "2304"), ("his", "balance.and.pay.bill"),
    ("his", "back.inhos.deposit"), ("wechat", "refund"),
])  # fmt: skip
@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_of_a_discharge_is_found_out(ward: Ward, party: str, op: str, fault: str) -> None:
    stay, _ = discharge(ward)
    ward.town.lab.fault(party, op, fault)
    quoted = ward.quote(stay)
    if quoted["state"] == "quoted":
        ward.choose(quoted, {"kind": "deposit"})
    answer = ward.rest(quoted)
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    agreed(ward, answer, stay)


@pytest.mark.parametrize("op", ["2304", "balance.and.pay.bill"])
def test_a_refused_discharge_takes_everything_back_money_last(ward: Ward, op: str) -> None:
    stay, _ = discharge(ward, 0)
    ward.town.lab.fault("insurance" if op == "2304" else "his", op, "refuse_business")
    quoted = ward.quote(stay)
    ward.choose(quoted, CODE)
    answer = ward.rest(quoted)
    assert answer["state"] == "undone", answer
    assert ward.town.kept() == 0
    agreed(ward, answer, stay)
    assert [row["state"] for row in ward.ledger("insurance", "upload")] == ["deleted"]
    again = ward.quote(stay)
    ward.choose(again, {"kind": "wechat_code", "auth_code": "134000000000000002"})
    assert ward.rest(again)["state"] == "settled"
    assert ward.books() == []


@pytest.mark.parametrize("op", ["2305", "2405", "2302", "void.pay.bill", "unlock.bill"])
@pytest.mark.parametrize("fault", ["timeout_after_commit", "reset_before_commit"])
def test_an_undo_of_a_stay_goes_on_until_it_is_done(ward: Ward, op: str, fault: str) -> None:
    stay, _ = discharge(ward)
    quoted = ward.quote(stay)
    ward.choose(quoted, {"kind": "deposit"})
    answer = ward.rest(quoted)
    party = "insurance" if op.isdigit() else "his"
    ward.town.lab.fault(party, op, fault, times=2)
    back = ward.refund(answer)
    assert back["state"] == "undone", back
    agreed(ward, back, stay)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("op", ["2401", "register.inhos", "insure.inhos"])
def test_a_lost_answer_of_an_admission_is_found_out(ward: Ward, op: str, fault: str) -> None:
    ward.town.lab.fault("insurance" if op == "2401" else "his", op, fault)
    answer = ward.admit()
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    open_here = [row for row in ward.ledger("his", "register") if row["state"] == "open"]
    open_there = [row for row in ward.ledger("insurance", "register") if row["state"] == "open"]
    assert len(open_here) == len(open_there) == (1 if answer["state"] == "settled" else 0)
    assert ward.books() == []


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("op", ["pay.inhos.deposit", "void.inhos.deposit"])
def test_a_lost_answer_of_a_deposit_is_found_out(ward: Ward, op: str, fault: str) -> None:
    stay = admitted(ward, "P0005", "self_pay")
    ward.town.lab.fault("his", op, fault)
    answer = ward.deposit(stay, 100000, CODE, "P0005")
    if op == "void.inhos.deposit":
        answer = ward.refund(answer)
    kept = 100000 if answer["state"] == "settled" else 0
    assert ward.town.kept() == ward.stay_of(stay).left() == kept
    assert ward.books() == []


def test_one_deposit_that_cannot_go_back_does_not_hold_the_others(ward: Ward) -> None:
    stay = admitted(ward, "P0005", "self_pay")
    for at in ("1", "2"):
        ward.deposit(stay, 100000, {"kind": "wechat_code", "auth_code": f"13400000000000000{at}"}, "P0005")
    ward.charge(stay, ("K0101", "1"))
    ward.leave(stay)
    ward.town.lab.fault("wechat", "refund", "refuse_business")
    quoted = ward.quote(stay, "P0005", "self_pay")
    ward.choose(quoted, {"kind": "deposit"})
    answer = ward.rest(quoted)
    assert answer["state"] == "settled"
    assert [row["amount"] for row in ward.ledger("wechat", "refund")] == [100000], "of the newer one"
    assert [row["kind"] for row in ward.town.tasks()] == ["final_refused"]


def test_what_the_his_does_not_book_as_returned_is_not_paid_out(ward: Ward) -> None:
    """Else its account still holds it, and the window pays it a second time."""
    stay = admitted(ward, "P0005", "self_pay")
    for at in ("1", "2"):
        ward.deposit(stay, 100000, {"kind": "wechat_code", "auth_code": f"13400000000000000{at}"}, "P0005")
    ward.deposit(stay, 50000, {"kind": "cash"}, "P0005")
    ward.charge(stay, ("K0101", "1"))  # 100 yuan
    ward.leave(stay)
    ward.town.lab.fault("his", "back.inhos.deposit", "refuse_business")
    quoted = ward.quote(stay, "P0005", "self_pay")
    ward.choose(quoted, {"kind": "deposit"})
    answer = ward.rest(quoted)
    assert (answer["state"], answer["give_back"]["amount"]) == ("settled", 40000)
    assert [row["amount"] for row in ward.ledger("wechat", "refund")] == [100000], "of the older one"
    assert ward.stay_of(stay).left() == ward.town.kept() == 100000
    assert [row["kind"] for row in ward.town.tasks()] == ["final_refused"]
    assert ward.books() == []


def test_a_stay_is_settled_once(ward: Ward) -> None:
    stay, _ = discharge(ward)
    quoted = ward.quote(stay)
    other = ward.town.ask(
        "POST", "/v1/inpatient/settlements", ward.request(stay=stay, pay_identity="insured"), client="C01"
    )
    assert (other.status, other.json["state"]) == (409, "busy")
    ward.choose(quoted, {"kind": "deposit"})
    assert ward.rest(quoted)["state"] == "settled"


def test_a_deposit_number_is_paid_once(ward: Ward) -> None:
    stay = admitted(ward, "P0005", "self_pay")
    body = ward.request("P0005", stay=stay, deposit_no=f"{stay}-1", amount=100)
    first = ward.post("deposits", body)
    ward.choose(first, CODE)
    ward.rest(first)
    other = ward.town.ask("POST", "/v1/inpatient/deposits", {**body, "request_no": "W9999"}, client="C01")
    assert (other.status, other.json["state"]) == (409, "busy")
