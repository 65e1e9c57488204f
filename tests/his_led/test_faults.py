"""What goes wrong with a HIS that leads: no fen is lost or taken twice, and nothing is left at anybody."""

from __future__ import annotations

from typing import Any

import pytest

from tests.his_led.stage import BILL, CODE, PAY, QR, QUOTE, UNPAY, Town

LOST = ["timeout_after_commit", "reset_after_commit", "half_reply", "bad_signature"]
NEVER = ["timeout_before_commit", "reset_before_commit", "html", "http_500"]


# The answer of the HIS


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_to_the_settlement_is_asked_for_by_our_number(town: Town, fault: str) -> None:
    town.lab.fault("his", PAY, fault, seconds=60)
    answer = town.do(town.settle)
    town.settled_once(answer)
    assert town.sent("insurance", "2207A") == ["2207A"], "settled inside once"
    assert "query.pay.bill" in town.sent("his")
    assert town.differences() == []


@pytest.mark.parametrize("fault", NEVER)
def test_a_settlement_that_never_arrived_is_sent_again_under_its_number(town: Town, fault: str) -> None:
    town.lab.fault("his", PAY, fault, seconds=60)
    town.settled_once(town.do(town.settle))
    assert len(town.sent("his", PAY)) == 2
    assert town.differences() == []


def test_a_settlement_executed_late_is_fenced_and_given_back(town: Town) -> None:
    """The HIS takes the request a minute late, after its expiry: it must not do it any more."""
    town.lab.fault("his", PAY, "late_commit", seconds=70)
    town.lab.fault("his", PAY, "timeout_before_commit", times=9)
    answer = town.do(town.settle)
    assert answer["state"] == "undone"
    town.wait(300.0)
    town.nothing_stands()
    assert town.sent("insurance", "2207A") == []
    assert town.differences() == []


def test_a_plain_refusal_gives_the_money_back(town: Town) -> None:
    town.lab.fault("his", PAY, "refuse_business")
    answer = town.do(town.settle)
    assert (answer["state"], answer["reason"]["side"]) == ("undone", "his")
    assert town.lab.ledger("wechat", "charge"), "the patient had paid"
    town.nothing_stands()
    assert town.differences() == []


def test_another_amount_than_the_patient_saw_is_taken_back(town: Town) -> None:
    town.lab.fault("his", PAY, "wrong_amount")
    answer = town.do(town.settle)
    assert (answer["state"], answer["reason"]["code"]) == ("undone", "E-DRIFT")
    assert town.sent("insurance", "2208") == ["2208"]
    town.nothing_stands()
    assert town.differences() == []


# Insurance and invoice inside the HIS


def test_the_insurance_s_answer_is_lost_inside_the_his(town: Town) -> None:
    town.lab.fault("insurance", "2207A", "timeout_after_commit", seconds=120)
    town.settled_once(town.do(lambda: town.settle(choice=CODE)))
    assert town.sent("insurance", "2207A", "5203", "2601") == ["2207A", "5203"]
    assert town.differences() == []


@pytest.mark.parametrize("fault", ["timeout_before_commit", "late_commit"])
def test_the_insurance_did_not_settle_inside_the_his(town: Town, fault: str) -> None:
    """Reversed by the HIS before it refuses: what comes late has no effect."""
    town.lab.fault("insurance", "2207A", fault, seconds=40)
    answer = town.do(town.settle)
    assert (answer["state"], answer["reason"]["side"]) == ("undone", "his")
    town.wait(120.0)
    town.nothing_stands()
    assert [row["state"] for row in town.lab.ledger("his", "settle")] == ["reversed"]
    assert town.differences() == []


def test_the_insurance_refuses_inside_the_his(town: Town) -> None:
    town.lab.fault("insurance", "2207A", "refuse_business")
    answer = town.do(town.settle)
    assert (answer["state"], answer["reason"]["side"]) == ("undone", "his")
    assert "经办机构" in answer["reason"]["zh"], "the insurance's own words reach the patient"
    town.nothing_stands()
    assert town.differences() == []


def test_the_insurance_falls_silent_after_settling_inside(town: Town) -> None:
    """Neither the settlement's answer nor the inquiry nor the reversal: nobody knows for a while, and money waits."""
    town.lab.fault("insurance", "2207A", "timeout_after_commit", seconds=120)
    for op in ("5203", "2601"):
        town.lab.fault("insurance", op, "http_500", times=3)
    first = town.do(town.quote)
    answer = town.do(lambda: town.pay(first["settlement_no"], CODE))
    assert answer["state"] == "undone"
    assert [row["state"] for row in town.lab.ledger("insurance", "settle")] == ["reversed"]
    town.nothing_stands()
    assert town.differences() == []


def test_a_policy_that_changes_between_quote_and_settlement(town: Town) -> None:
    first = town.do(town.quote)
    town.lab.act("insurance", "change_policy", ratio_bp=1000)
    answer = town.do(lambda: town.pay(first["settlement_no"]))
    assert (answer["state"], answer["reason"]["side"]) == ("undone", "his")
    assert "不一致" in answer["reason"]["zh"]
    town.nothing_stands()
    assert town.differences() == []


def test_the_invoice_comes_later(town: Town) -> None:
    town.lab.fault("einvoice", "invoiceEBillOutpatient", "http_500", times=2)
    answer = town.do(town.settle)
    assert answer["state"] == "settled"
    assert "invoice" not in answer, "the bill is settled; its invoice is not there yet"
    town.wait(120.0)
    _, answer = town.do(lambda: town.kiosk.show(answer["settlement_no"]))
    town.settled_once(answer)
    assert town.differences() == []


def test_an_invoice_whose_answer_was_lost_is_issued_once(town: Town) -> None:
    town.lab.fault("einvoice", "invoiceEBillOutpatient", "timeout_after_commit", seconds=60)
    answer = town.do(town.settle)
    town.wait(60.0)
    _, answer = town.do(lambda: town.kiosk.show(answer["settlement_no"]))
    town.settled_once(answer)
    assert len(town.lab.ledger("einvoice", "issue")) == 1
    assert town.differences() == []


# The worst: the insurance has settled, the HIS cannot book


def test_a_booking_that_fails_once_is_made_good_by_the_his(town: Town) -> None:
    town.lab.fault("his", PAY, "booking_fails")
    town.settled_once(town.do(town.settle))
    assert town.sent("his", UNPAY) == []
    assert town.sent("insurance", "2207A") == ["2207A"]
    assert town.differences() == []


def test_a_booking_that_never_works_is_voided_by_the_his_and_then_the_money_goes_back(town: Town) -> None:
    town.lab.fault("his", PAY, "booking_fails", times=None)
    answer = town.do(town.settle)
    assert (answer["state"], answer["reason"]["side"]) == ("undone", "his")
    assert town.lab.ledger("his", "book") == []
    assert [row["state"] for row in town.lab.ledger("insurance", "settle")] == ["cancelled"]
    refunded = town.lab.ledger("wechat", "refund")[0]["at"]
    assert town.lab.ledger("insurance", "cancel")[0]["at"] <= refunded, "money goes back last"
    town.nothing_stands()
    assert town.differences() == []


def test_the_void_too_is_lost_and_repeated(town: Town) -> None:
    town.lab.fault("his", PAY, "booking_fails", times=None)
    town.lab.fault("his", UNPAY, "timeout_after_commit", seconds=60)
    town.lab.fault("insurance", "2208", "http_500", times=2)
    assert town.do(town.settle)["state"] == "undone"
    assert len(town.lab.ledger("insurance", "cancel")) == 1
    town.nothing_stands()
    assert town.differences() == []


def test_the_insurance_does_not_let_it_be_taken_back_a_person_is_called_and_the_money_stays(town: Town) -> None:
    town.lab.fault("his", PAY, "booking_fails", times=None)
    town.lab.fault("insurance", "2208", "refuse_business", times=None)
    answer = town.do(town.settle)
    assert (answer["state"], answer["reason"]["code"]) == ("manual", "E-PERSON")
    assert town.kept() == answer["amounts"]["cash"], "a refund is never the answer to an unknown settlement"
    assert [row["state"] for row in town.lab.ledger("insurance", "settle")] == ["done"]
    found = town.books()
    assert (found.open, [one.kind for one in found.differences]) == (1, [])
    town.lab.parties["insurance"].faults.clear()
    answer = town.do(lambda: _again(town, str(answer["settlement_no"])))
    assert answer["state"] == "undone"
    town.nothing_stands()
    assert town.differences() == []


async def _again(town: Town, no: str) -> dict[str, Any]:
    """The insurance office has lifted the bar; the person on call has the engine try again."""
    case = await town.lab.engine.driver.look(no)  # type: ignore[union-attr]  # it runs
    assert case is not None
    stuck = {str(leg.id): "again" for leg in case.legs if str(leg.state) == "manual"}
    body = {"request_no": "d1", "by": "医保办 李", "reason": "医保平台已允许撤销", "legs": stuck}
    status, _ = await town.lab.terminal("OPS", client="OPS").ask("POST", f"/v1/settlements/{no}/resolve", body)
    assert status in (200, 202)
    for _ in range(60):
        _, answer = await town.kiosk.show(no, wait=30)
        if answer["state"] == "undone":
            return dict(answer)
    raise AssertionError(answer)


# The quote


@pytest.mark.parametrize("fault", LOST + NEVER)
def test_a_lost_quote_is_asked_for_again_under_its_number(town: Town, fault: str) -> None:
    town.lab.fault("his", QUOTE, fault, seconds=60)
    town.settled_once(town.do(town.settle))
    assert town.sent("insurance", "2201") == ["2201"], "registered once"
    assert town.differences() == []


def test_a_his_that_never_answers_the_quote_is_left_without_a_trace(town: Town) -> None:
    town.lab.fault("his", QUOTE, "timeout_after_commit", times=None, seconds=60)
    answer = town.do(town.settle)
    assert (answer["state"], answer["reason"]["code"]) == ("rejected", "E-SILENT")
    town.wait(120.0)
    town.nothing_stands()
    assert [row["state"] for row in town.lab.ledger("insurance", "register")] == ["cancelled"]
    assert town.differences() == []


@pytest.mark.parametrize("op", ["1101", "2201", "2203A", "2204", "2206A"])
@pytest.mark.parametrize("fault", ["timeout_after_commit", "refuse_business"])
def test_the_insurance_fails_inside_the_quote(town: Town, op: str, fault: str) -> None:
    town.lab.fault("insurance", op, fault, seconds=60)
    answer = town.do(town.settle)
    assert (answer["state"], answer["reason"]["side"]) == ("rejected", "his")
    town.wait(120.0)
    town.nothing_stands()
    assert town.differences() == []


def test_a_registration_the_his_could_not_take_back_at_once_is_taken_back_later(town: Town) -> None:
    town.lab.fault("insurance", "2206A", "timeout_after_commit", seconds=60)
    town.lab.fault("insurance", "2202", "http_500", times=2)
    town.do(town.settle)
    town.wait(120.0)
    town.nothing_stands()
    assert town.differences() == []


# Taking back


@pytest.mark.parametrize("fault", [*LOST, *NEVER])
def test_a_refund_survives_a_lost_void(town: Town, fault: str) -> None:
    answer = town.do(town.settle)
    town.lab.fault("his", UNPAY, fault, seconds=60)
    answer = town.do(lambda: town.refund(answer["settlement_no"]))
    assert answer["state"] == "undone"
    assert len(town.lab.ledger("insurance", "cancel")) == 1
    assert len(town.lab.ledger("einvoice", "write_off")) == 1
    town.nothing_stands()
    assert town.differences() == []


@pytest.mark.parametrize(("party", "op"), [("einvoice", "writeOffEBill"), ("insurance", "2208")])
@pytest.mark.parametrize("fault", ["timeout_after_commit", "timeout_before_commit"])
def test_a_void_goes_on_where_a_platform_stopped_it(town: Town, party: str, op: str, fault: str) -> None:
    answer = town.do(town.settle)
    town.lab.fault(party, op, fault, seconds=60)
    answer = town.do(lambda: town.refund(answer["settlement_no"]))
    assert answer["state"] == "undone"
    town.nothing_stands()
    assert town.differences() == []


def test_a_void_the_insurance_refuses_holds_the_money_for_a_person(town: Town) -> None:
    answer = town.do(town.settle)
    town.lab.fault("insurance", "2208", "refuse_business", times=None)
    answer = town.do(lambda: town.refund(answer["settlement_no"]))
    assert answer["state"] == "manual"
    assert town.kept() == 107500
    assert town.books().open == 1


# Two at once


def test_what_the_books_say_of_a_his_that_led_without_us_knowing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A HIS whose void forgets the insurance: our settlement is undone, the insurance's stands. That we cannot see from
    its answers; where its registration cannot be taken back a person hears of it, and the books name it anyway."""
    town.lab.fault("his", PAY, "booking_fails", times=None)

    async def forgets(inside: Any) -> None:
        inside.msgid = ""

    monkeypatch.setattr(town.lab.parties["his"].led, "_unsettle", forgets)  # type: ignore[attr-defined]  # the HIS
    assert town.do(lambda: town.settle(BILL, choice=QR))["state"] == "manual"

    async def forgets_this_too(visit: Any) -> None:
        visit.ended = True

    monkeypatch.setattr(town.lab.parties["his"].led._visits, "leave", forgets_this_too)  # type: ignore[attr-defined]  # the HIS
    bill = town.lab.act("his", "new_bill", patient="P0006", template="visit1")["bill"]
    assert town.do(lambda: town.settle(bill, "P0006"))["state"] == "undone"
    assert town.differences() == ["insurance_left", "visit_left", "visit_left"]
