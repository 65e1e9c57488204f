"""Phone settlements through the whole engine and the platform's simulator, under every misfortune the platform has:
whatever the bytes, a settlement ends with all parties agreeing, and no money stays where it should not."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.mobile_pay import MobilePaySim
from tests.edge.town import BILL, PATIENT, Town
from tests.rig.agreement import compared, lines_of

START = "/v1/mobile/settlements"
UNCERTAIN = (  # of 6202; a refusal too, since no code of the platform is documented: only 6301 tells
    "timeout_after_commit", "reset_after_commit", "half_reply", "duplicate_reply", "bad_signature", "unsigned", "html",
    "timeout_before_commit", "reset_before_commit", "http_500", "late_commit", "slow", "refuse_business",
    "token_expired",
)  # fmt: skip
SOME = ("timeout_after_commit", "reset_before_commit", "unsigned", "refuse_business")


def platform(town: Town) -> MobilePaySim:
    sim = town.lab.parties["mobile_pay"]
    assert isinstance(sim, MobilePaySim)
    return sim


def request(town: Town, patient: str = PATIENT, bill: str = BILL) -> dict[str, Any]:
    """A phone's request: the patient has authorised the hospital."""
    platform(town).settings.change({"notify_url": town.lab.url("/callback/mobile_pay")})
    made = town.bill_request(patient, bill)
    auth = town.lab.act("mobile_pay", "authorize", person=patient)["pay_auth_no"]
    made["terminal"] = {"kind": "phone", "id": "WX01"}
    made["patient"]["credential"] = {"kind": "insurance_qr", "value": auth}
    return made


def started(town: Town) -> str:
    """A settlement whose payment was ordered, or is being found out; its number."""
    reply = town.ask("POST", START, request(town))
    assert reply.status in (200, 202), reply.body.decode()
    return str(reply.json["settlement_no"])


def paid(town: Town, no: str) -> dict[str, Any]:
    """The patient pays as soon as the platform shows the order; the answer at rest."""
    for _ in range(120):
        order = platform(town).book.by_hospital.get(f"{no}P1")
        if order is not None and order.state == "1":
            town.lab.act("mobile_pay", "pay", no=f"{no}P1")
            break
        if town.show(no).state in ("undone", "rejected"):
            break
        town.pass_time(5.0)
    return town.rest(no)


def settle(town: Town) -> dict[str, Any]:
    return paid(town, started(town))


def agreed(town: Town, answer: dict[str, Any]) -> None:
    """The parties' own ledgers, and the product's books about them."""
    town.pass_time(600.0)
    live = [row for row in town.ledger("mobile_pay", "settle") if row["state"] == "done"]
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    settled = answer["state"] == "settled"
    assert len(live) == len(booked) == (1 if settled else 0), answer
    assert [row for row in town.ledger("his", "lock") if row["state"] == "live"] == []
    assert [row for row in town.ledger("mobile_pay", "order") if row["state"] == "open"] == []
    if not settled:
        assert all(used.fund == 0 for used in platform(town).book.used.values())
        assert not any(platform(town).book.spent.values())
    books = town.do(compared(town.lab.engine))
    assert lines_of(books) == []


def test_a_bill_is_paid_by_phone_and_given_back(town: Town) -> None:
    no = started(town)
    shown = town.show(no).json
    assert shown["state"] == "paying"
    assert shown["pay"]["kind"] == "mobile_insurance"
    assert shown["pay"]["order"].startswith("ORD")
    answer = paid(town, no)
    assert answer["state"] == "settled"
    assert answer["amounts"] == {
        "total": 120000, "fund": 12500, "account": 32050, "relief": 0, "other": 0, "cash": 75450,
    }  # fmt: skip
    assert answer["numbers"]["trade"] == f"{no}P1"
    agreed(town, answer)
    assert not town.tasks()
    assert [row["amount"] for row in town.ledger("einvoice", "issue")] == [120000]
    back = town.ask("POST", f"/v1/settlements/{no}/refunds", {"request_no": "B1", "reason_code": "patient"},
                    client="C01")  # fmt: skip
    assert back.status in (200, 202)
    agreed(town, town.rest(no))
    assert [row["amount"] for row in town.ledger("mobile_pay", "cancel")] == [-120000]


def test_the_notice_makes_it_quick_and_twice_is_once(town: Town) -> None:
    town.lab.fault("mobile_pay", "6302", "callback_twice")
    answer = settle(town)
    assert answer["state"] == "settled"
    town.pass_time(60.0)
    assert platform(town).courier.delivered == 2
    agreed(town, answer)


@pytest.mark.parametrize("fault", ["callback_never", "callback_late", "bad_signature", "unsigned", "wrong_amount"])
def test_whatever_becomes_of_the_notice(town: Town, fault: str) -> None:
    town.lab.fault("mobile_pay", "6302", fault, times=100, seconds=300.0)
    answer = settle(town)
    if fault == "wrong_amount":  # signed well by the platform: a person decides
        assert answer["state"] == "manual"
        assert [row["kind"] for row in town.tasks()] == ["differs"]
        return
    assert answer["state"] == "settled", answer
    agreed(town, answer)


def test_a_notice_before_the_reply(town: Town) -> None:
    town.lab.fault("mobile_pay", "6202", "callback_before_reply")
    no = started(town)
    answer = town.rest(no)
    assert answer["state"] == "settled"
    agreed(town, answer)


@pytest.mark.parametrize(("op", "fault"), [
    *(("6201", fault) for fault in SOME), *(("6202", fault) for fault in UNCERTAIN),
    *(("6301", fault) for fault in (*SOME, "odd_state", "wrong_amount")),
])  # fmt: skip
def test_whatever_a_call_is_answered_with_all_agree_in_the_end(town: Town, op: str, fault: str) -> None:
    if op == "6301":
        town.lab.fault("mobile_pay", "6302", "callback_never", times=100)
    town.lab.fault("mobile_pay", op, fault, seconds=200.0)
    answer = settle(town)
    if fault == "wrong_amount":  # signed well by the platform: a person decides
        assert answer["state"] == "manual"
        return
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    agreed(town, answer)


@pytest.mark.parametrize("act", ["cancel", "fail"])
def test_a_patient_who_walks_away_leaves_nothing(town: Town, act: str) -> None:
    no = started(town)
    town.lab.act("mobile_pay", act, no=f"{no}P1")
    answer = town.rest(no)
    assert answer["state"] == "undone"
    agreed(town, answer)


def test_nobody_pays_until_the_time_is_over(town: Town) -> None:
    no = started(town)
    answer = town.rest(no)
    assert answer["state"] == "undone"
    assert [row["kind"] for row in town.ledger("mobile_pay")] == ["order", "close"]
    agreed(town, answer)


@pytest.mark.parametrize("fault", ["", "timeout_after_commit", "reset_before_commit"])
def test_a_patient_who_cancels_while_paying(town: Town, fault: str) -> None:
    if fault:
        town.lab.fault("mobile_pay", "6401", fault, seconds=30.0)
    no = started(town)
    town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "X1", "reason_code": "patient"})
    answer = town.rest(no)
    assert answer["state"] in ("undone", "rejected")
    agreed(town, answer)


def test_paid_in_the_moment_of_cancelling_is_given_back(town: Town) -> None:
    town.lab.fault("mobile_pay", "6302", "callback_never", times=100)
    no = started(town)
    town.lab.fault("mobile_pay", "6401", "slow", seconds=5.0)
    town.begin("POST", f"/v1/settlements/{no}/cancel", {"request_no": "X1", "reason_code": "patient"})
    town.pass_time(1.0)
    town.lab.act("mobile_pay", "pay", no=f"{no}P1")
    answer = town.rest(no)
    assert answer["state"] == "undone", answer
    assert [row["amount"] for row in town.ledger("mobile_pay", "cancel")] == [-120000]
    agreed(town, answer)


@pytest.mark.parametrize("fault", ["", "refund_exp", "timeout_after_commit", "reset_before_commit", "unsigned", "html"])
def test_what_the_his_refuses_is_given_back_once(town: Town, fault: str) -> None:
    town.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    if fault:
        town.lab.fault("mobile_pay", "6203", fault, seconds=30.0)
    answer = settle(town)
    assert answer["state"] == "undone", answer
    assert [row["amount"] for row in town.ledger("mobile_pay", "cancel")] == [-120000]
    agreed(town, answer)


def test_a_refund_that_the_platform_refuses_calls_a_person(town: Town) -> None:
    town.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    town.lab.fault("mobile_pay", "6203", "refund_fail")
    answer = settle(town)
    assert answer["state"] == "manual"
    assert town.tasks()


def test_the_engine_dies_while_the_patient_pays(town: Town) -> None:
    no = started(town)
    town.kill()
    town.lab.act("mobile_pay", "pay", no=f"{no}P1")
    town.pass_time(5.0)
    town.rise()
    answer = town.rest(no)
    assert answer["state"] == "settled"
    agreed(town, answer)


def test_another_patients_authorisation_is_refused(town: Town) -> None:
    made = request(town)
    made["patient"]["credential"]["value"] = town.lab.act("mobile_pay", "authorize", person="P0006")["pay_auth_no"]
    no = town.ask("POST", START, made).json["settlement_no"]
    answer = town.rest(str(no))
    assert (answer["state"], answer["reason"]["side"]) == ("rejected", "insurance")
    agreed(town, answer)
