"""The example site of commercial insurance, through engine and simulators, under every misfortune of the insurer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.commercial.hospital import ExampleLab
from tests.edge.desk import at_the_desk
from tests.edge.town import BILL, PATIENT, Town
from tests.rig.agreement import compared, lines_of

CASH = {"choice_no": "1", "kind": "cash"}
PAYS = 70000  # of 1,075.00 left after basic insurance: 80 % of what is above 100.00 and no cleaning of teeth (100.00)


@pytest.fixture
def hospital(new_town: Callable[..., Town]) -> Town:
    return new_town(lab=ExampleLab)


def settle(town: Town, **more: Any) -> dict[str, Any]:
    """A kiosk's settlement with the patient's policy, the rest in cash."""
    body = {**town.bill_request(PATIENT, BILL), "commercial": {"consent": "yes"}, **more}
    return at_the_desk(town, "/v1/commercial/settlements", body, CASH)


def agreed(town: Town, answer: dict[str, Any]) -> int:
    """The parties' own ledgers, and the product's books about them. What the insurer pays in the end."""
    town.pass_time(900.0)
    live = [row for row in town.ledger("commercial", "settle") if row["state"] == "done"]
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    settled = answer["state"] == "settled"
    amounts = answer.get("amounts", {})
    assert len(booked) == (1 if settled else 0), answer
    assert len(live) <= len(booked)
    paid = sum(row["amount"] for row in live)
    if settled:
        parts = ("fund", "account", "relief", "other", "cash")
        assert amounts["total"] == sum(amounts[name] for name in parts)
        assert amounts["other"] == paid
        assert booked[0]["ref"] == str(amounts["cash"])
    policy = town.lab.parties["commercial"].book.policies["CP0001"]  # type: ignore[attr-defined]  # the insurer's own
    assert policy.paid == paid, "the year's counter is given back"
    assert not [row for row in town.ledger("commercial", "settle") if row["state"] == "processing"]
    assert not [row for row in town.ledger("his", "lock") if row["state"] == "live"]
    books = town.do(compared(town.lab.engine))
    assert lines_of(books) == []
    return paid


UNCERTAIN = (
    "reset_after_commit", "timeout_after_commit", "half_reply", "duplicate_reply", "late_commit", "bad_signature",
    "reset_before_commit", "timeout_before_commit", "refuse_connection", "html", "http_500", "slow", "review",
    "review_denied", "refuse_business", "not_enough_balance", "token_expired",
)  # fmt: skip


def test_the_insurer_pays_its_part_and_the_whole_is_given_back(hospital: Town) -> None:
    answer = settle(hospital)
    assert (answer["state"], answer["amounts"]["other"], answer["amounts"]["cash"]) == ("settled", PAYS, 37500)
    assert answer["numbers"]["commercial"].startswith("CL")
    assert agreed(hospital, answer) == PAYS
    back = hospital.ask("POST", f"/v1/settlements/{answer['settlement_no']}/refunds",
                        {"request_no": "B1", "reason_code": "patient"}, client="C01")  # fmt: skip
    assert back.status in (200, 202)
    assert agreed(hospital, hospital.rest(answer["settlement_no"], client="C01")) == 0
    assert [row["amount"] for row in hospital.ledger("commercial", "cancel")] == [PAYS]


@pytest.mark.parametrize("fault", UNCERTAIN)
def test_whatever_a_claim_is_answered_with_all_agree_in_the_end(hospital: Town, fault: str) -> None:
    hospital.lab.fault("commercial", "claim.settle", fault, seconds=40.0)
    answer = settle(hospital)
    assert answer["state"] == "settled", answer
    paid = agreed(hospital, answer)
    refused = fault in ("refuse_business", "not_enough_balance", "review_denied")
    assert paid == 0 if refused else paid in (0, PAYS)


@pytest.mark.parametrize("op", ["policy.query", "claim.trial"])
@pytest.mark.parametrize("fault", ["refuse_business", "html", "timeout_before_commit", "bad_signature", "http_500"])
def test_an_insurer_that_cannot_be_asked_leaves_the_whole_to_the_patient(hospital: Town, op: str, fault: str) -> None:
    hospital.lab.fault("commercial", op, fault, seconds=20.0, times=20)
    answer = settle(hospital)
    assert (answer["state"], answer["amounts"]["other"], answer["amounts"]["cash"]) == ("settled", 0, 107500)
    assert agreed(hospital, answer) == 0


@pytest.mark.parametrize("fault", [
    "timeout_after_commit", "reset_before_commit", "half_reply", "bad_signature", "http_500", "late_commit",
])  # fmt: skip
def test_a_withdrawal_goes_on_until_it_is_done(hospital: Town, fault: str) -> None:
    hospital.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    hospital.lab.fault("commercial", "claim.withdraw", fault, seconds=30.0)
    answer = settle(hospital)
    assert answer["state"] == "undone", answer
    assert agreed(hospital, answer) == 0


def test_a_claim_that_stays_under_review_is_taken_back_before_the_patient_pays(hospital: Town) -> None:
    hospital.lab.act("commercial", "set", review=True)
    answer = settle(hospital)
    assert (answer["state"], answer["amounts"]["cash"]) == ("settled", 107500)
    assert agreed(hospital, answer) == 0


@pytest.mark.parametrize("op", ["claim.trial", "claim.settle", "claim.query"])
def test_amounts_that_differ_never_reach_the_patient(hospital: Town, op: str) -> None:
    if op == "claim.query":
        hospital.lab.fault("commercial", "claim.settle", "timeout_after_commit", seconds=20.0)
    hospital.lab.fault("commercial", op, "wrong_amount")
    body = {**hospital.bill_request(PATIENT, BILL), "commercial": {"consent": "yes"}}
    reply = hospital.ask("POST", "/v1/commercial/settlements", body, client="C01")
    hospital.pass_time(120.0)
    answer = hospital.show(reply.json["settlement_no"], client="C01").json
    if op == "claim.trial":  # the insurer itself refuses a claim over another amount than it computes
        assert (answer["state"], answer["amounts"]["cash"]) == ("quoted", 107500)
    else:
        assert answer["state"] == ("undone" if op == "claim.settle" else "manual")


def test_a_self_paying_patient_uses_a_policy(hospital: Town) -> None:
    body = hospital.bill_request(PATIENT, BILL)
    answer = settle(hospital, pay_identity="self_pay", patient=body["patient"])
    assert (answer["state"], answer["amounts"]["fund"], answer["amounts"]["other"]) == ("settled", 0, 80000)
    assert agreed(hospital, answer) == 80000


def test_a_forged_answer_is_not_believed(hospital: Town) -> None:
    """A signature by another key, an answer to another request: as good as silence."""
    hospital.lab.fault("commercial", "claim.settle", "bad_signature", times=1)
    answer = settle(hospital)
    assert answer["state"] == "settled"
    asked = [row.op for row in hospital.lab.parties["commercial"].exchanges.rows]
    assert asked.count("claim.settle") == 1, "a claim is never sent twice"
    assert "claim.query" in asked
