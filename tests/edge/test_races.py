"""Two at once: the same request, different requests, a cancel against a payment, a refund against a refund."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.edge.town import CASH, CODE, QR, START, Town


def _agreed(town: Town, no: str, client: str = "K01") -> str:
    """The state at rest, after all sides were seen to agree with it."""
    answer = town.rest(no, client=client)
    town.pass_time(900.0)
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    settled = [row for row in town.ledger("insurance", "settle") if row["state"] == "done"]
    wanted = (CASH, 1, 1) if answer["state"] == "settled" else (0, 0, 0)
    assert (town.kept(), len(booked), len(settled)) == wanted, answer
    assert not town.tasks()
    return str(answer["state"])


def test_two_choices_with_one_number_and_other_content(town: Town) -> None:
    no = town.quoted()
    one = town.begin("POST", f"/v1/settlements/{no}/pay", CODE)
    two = town.begin("POST", f"/v1/settlements/{no}/pay", {**CODE, "auth_code": "134000000000000002"})
    assert sorted([one.reply().status, two.reply().status]) == [200, 409]
    assert _agreed(town, no) == "settled"
    assert len(town.ledger("wechat", "charge")) == 1


def test_two_different_choices_at_once_charge_once(town: Town) -> None:
    no = town.quoted()
    for i in range(5):
        choice = {**CODE, "choice_no": str(i), "auth_code": f"13400000000000000{i}"}
        town.begin("POST", f"/v1/settlements/{no}/pay", choice)
    assert _agreed(town, no) == "settled"


def test_two_starts_with_one_number_and_other_content(town: Town) -> None:
    body = town.bill_request()
    one = town.begin("POST", START, body)
    two = town.begin("POST", START, {**body, "pay_identity": "self_pay"})
    replies = [one.reply(), two.reply()]
    assert sorted(reply.status for reply in replies) == [200, 409]
    refused = next(reply for reply in replies if reply.status == 409)
    assert refused.code == "E-REPEAT-DIFFERS"
    assert len(town.select("SELECT no FROM settlements")) == 1


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.01, 0.05, 0.2, 1.0])
@pytest.mark.parametrize("first", ["pay", "cancel"])
def test_a_cancel_against_a_payment(town: Town, first: str, delay: float) -> None:
    no = town.quoted()
    sent: list[tuple[str, dict[str, Any]]] = [("pay", CODE), ("cancel", {"request_no": "c1", "reason_code": "X"})]
    for tail, body in sent if first == "pay" else sent[::-1]:
        town.begin("POST", f"/v1/settlements/{no}/{tail}", body)
        town.pass_time(delay)
    assert _agreed(town, no) in ("settled", "undone")


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.02, 0.3])
@pytest.mark.parametrize("first", ["callback", "cancel"])
def test_a_cancel_against_a_callback(town: Town, first: str, delay: float) -> None:
    no = town.paying()
    town.lab.act("wechat", "pay", no=f"{no}P1")
    for who in ("callback", "cancel") if first == "callback" else ("cancel", "callback"):
        if who == "callback":
            town.post(town.notice(town.plain(f"{no}P1")))
        else:
            town.begin("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "X"})
        town.pass_time(delay)
    _agreed(town, no)


def test_a_refund_while_the_patient_is_paying_is_refused(town: Town) -> None:
    town.lab.fault("wechat", "paid", "callback_never", times=9)
    no = town.quoted(client="C01")
    refund = {"request_no": "r1", "lines": [], "reason_code": "X"}
    for state in ("quoted", "paying"):
        reply = town.ask("POST", f"/v1/settlements/{no}/refunds", refund, client="C01")
        assert (reply.status, reply.code) == (409, "E-STATE"), state
        assert state in reply.json["reason"]["zh"]
        if state == "quoted":
            town.choose(no, QR, client="C01")
    town.lab.act("wechat", "pay", no=f"{no}P1")
    assert town.rest(no, client="C01")["state"] == "settled"
    assert town.kept() == CASH


def test_a_refund_before_the_invoice_is_there_is_told_to_wait(town: Town) -> None:
    town.lab.fault("einvoice", "invoiceEBillOutpatient", "http_500", times=2)
    no = town.quoted(client="C01")
    town.choose(no, client="C01")
    assert town.rest(no, client="C01")["state"] == "settled"
    refund = {"request_no": "r1", "lines": [], "reason_code": "X"}
    early = town.ask("POST", f"/v1/settlements/{no}/refunds", refund, client="C01")
    assert (early.status, early.code) == (409, "E-NOT-FINISHED")
    town.pass_time(900.0)
    assert town.show(no, client="C01").json["invoice"]["number"]
    town.ask("POST", f"/v1/settlements/{no}/refunds", refund, client="C01")
    assert _agreed(town, no, "C01") == "undone"


def test_two_refunds_with_one_number_and_with_two_are_one(town: Town) -> None:
    no = town.quoted(client="C01")
    town.choose(no, client="C01")
    town.rest(no, client="C01")
    refund = {"request_no": "r1", "lines": [], "reason_code": "X"}
    asked = [
        town.begin("POST", f"/v1/settlements/{no}/refunds", body, client="C01")
        for body in (refund, refund, {**refund, "request_no": "r2"}, {**refund, "request_no": "r3"})
    ]
    assert {one.reply().status for one in asked} <= {200, 202}
    assert _agreed(town, no, "C01") == "undone"
    after = town.ask("POST", f"/v1/settlements/{no}/refunds", {**refund, "request_no": "r4"}, client="C01")
    assert after.status in (200, 409)
    differs = town.ask("POST", f"/v1/settlements/{no}/refunds", {**refund, "reason_code": "Y"}, client="C01")
    assert (differs.status, differs.code) == (409, "E-REPEAT-DIFFERS")
    town.pass_time(600.0)
    assert len(town.ledger("wechat", "refund")) == 1
    assert len(town.ledger("insurance", "settle")) == 1


@pytest.mark.parametrize("moment", [0.0, 0.002, 0.01, 0.03, 0.1])
def test_a_hundred_repeats_with_a_death_in_the_middle(town: Town, moment: float) -> None:
    """A hundred copies of a request, the engine dies, a hundred more: one settlement, one charge."""
    body = json.dumps(town.bill_request()).encode()
    for _ in range(100):
        town.begin("POST", START, body)
    town.pass_time(moment)
    town.kill()
    town.rise()
    replies = [one.reply() for one in [town.begin("POST", START, body) for _ in range(100)]]
    numbers = {reply.json["settlement_no"] for reply in replies}
    assert len(numbers) == 1
    assert {reply.status for reply in replies} <= {200, 202}
    (no,) = numbers
    while town.show(no).state == "working":
        town.pass_time(1.0)
    paying = [town.begin("POST", f"/v1/settlements/{no}/pay", CODE) for _ in range(20)]
    town.pass_time(moment)
    town.kill()
    town.rise()
    assert len(paying) == 20
    for one in [town.begin("POST", f"/v1/settlements/{no}/pay", CODE) for _ in range(20)]:
        assert one.reply().status in (200, 202)
    assert _agreed(town, no) in ("settled", "undone")
    assert len(town.ledger("wechat", "charge")) <= 2
    assert len(town.select("SELECT no FROM settlements")) == 1
