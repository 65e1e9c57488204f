"""The outpatient settlement paid by Alipay, over real sockets: what a kiosk sees, judged by Alipay's own ledger."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_twisted

from tests.edge.town import Town
from tests.rig.lab import Lab

CODE = {"choice_no": "1", "kind": "alipay_code", "auth_code": "280000000000000000"}
QR = {"choice_no": "1", "kind": "alipay_qr"}


async def _quoted(lab: Lab) -> str:
    status, answer = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    assert (status, answer["state"]) == (200, "quoted"), answer
    return str(answer["settlement_no"])


@pytest_twisted.ensureDeferred
async def test_by_payment_code_to_the_fen(lab: Lab) -> None:
    no = await _quoted(lab)
    status, done = await lab.kiosk.pay(no, CODE)
    assert (status, done["state"]) == (200, "settled"), done
    assert done["numbers"]["trade"] == f"{no}P1"
    assert lab.kept("alipay") == 107500
    assert [(row["amount"], row["ref"]) for row in lab.ledger("his", "book")] == [(120000, "107500")]
    assert not lab.ledger("wechat")


@pytest.mark.parametrize("fault", ["callback_twice", "callback_never", "bad_signature", "other_app"])
@pytest_twisted.ensureDeferred
async def test_by_qr_whatever_becomes_of_the_notice(lab: Lab, fault: str) -> None:
    lab.fault("alipay", "paid", fault, times=100)
    no = await _quoted(lab)
    status, paying = await lab.kiosk.pay(no, QR)
    assert (status, paying["state"]) == (200, "paying"), paying
    lab.act("alipay", "pay", qr=paying["pay"]["qr"])
    assert (await lab.rest(no))["state"] == "settled"
    assert lab.kept("alipay") == 107500
    assert len(lab.ledger("his", "book")) == 1


@pytest.mark.parametrize("fault", [
    "timeout_after_commit", "reset_after_commit", "half_reply", "bad_signature", "unsigned", "wrong_amount",
])  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_a_payment_of_unknown_outcome_is_asked_for(lab: Lab, fault: str) -> None:
    lab.fault("alipay", "pay", fault)
    no = await _quoted(lab)
    await lab.kiosk.pay(no, CODE)
    assert (await lab.rest(no))["state"] == "settled"
    assert lab.kept("alipay") == 107500


@pytest.mark.parametrize("fault", ["html", "http_500", "system_error"])
def test_what_may_still_arrive_is_fenced_before_another_way(new_town: Callable[..., Town], fault: str) -> None:
    """In a simulated world, because it takes until the order's own end."""
    town = new_town()
    town.lab.fault("alipay", "pay", fault)
    no = town.quoted()
    town.choose(no, CODE)
    began = town.now
    while (state := town.show(no).state) == "working" and town.now < began + 900:
        town.pass_time(5.0)
    assert state == "quoted"
    assert not town.ledger("alipay", "charge")


@pytest_twisted.ensureDeferred
async def test_what_the_his_refuses_is_given_back_once(lab: Lab) -> None:
    lab.fault("his", "balance.and.pay.bill", "refuse_business")
    lab.fault("alipay", "refund", "refund_unchanged")
    lab.fault("alipay", "refund", "timeout_after_commit")
    no = await _quoted(lab)
    await lab.kiosk.pay(no, CODE)
    assert (await lab.rest(no))["state"] == "undone"
    assert lab.kept("alipay") == 0
    assert len(lab.ledger("alipay", "refund")) == 1


@pytest_twisted.ensureDeferred
async def test_a_payer_without_money_chooses_again(lab: Lab) -> None:
    no = await _quoted(lab)
    _, answer = await lab.kiosk.pay(no, {**CODE, "auth_code": "280000000000999004"})
    assert (answer["state"], answer["reason"]["side"]) == ("quoted", "payment"), answer
    _, done = await lab.kiosk.pay(no, {**CODE, "choice_no": "2"})
    assert done["state"] == "settled"
    assert lab.kept("alipay") == 107500
