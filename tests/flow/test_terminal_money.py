"""Money the terminal takes itself: a card by its POS, cash, the hospital's own card. Real sockets, the HIS's ledger."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted

from tests.rig.lab import Lab

SLIP = {
    "amount": 107500, "merchant": "898370180620001", "terminal": "10000001", "batch": "000012", "trace": "000345",
    "ref_no": "112209000345", "card": "622848******0018",
}  # fmt: skip
CARD = {"choice_no": "1", "kind": "unionpay_card", "proof": SLIP}
VOID = {"terminal": "10000001", "batch": "000012", "trace": "000346", "ref_no": "112209000346"}


async def _quoted(lab: Lab, patient: str = "P0001", bill: str = "B20261122001", **more: Any) -> str:
    status, answer = await lab.kiosk.settle(lab.bill_request(patient, bill, **more))
    assert (status, answer["state"]) == (200, "quoted"), answer
    return str(answer["settlement_no"])


async def _returned(lab: Lab, no: str, **body: Any) -> tuple[int, dict[str, Any]]:
    status, answer = await lab.kiosk.ask("POST", f"/v1/settlements/{no}/returned", {"return_no": "1", **body})
    return status, answer


async def _refused_by_his(lab: Lab, choice: dict[str, Any]) -> dict[str, Any]:
    """A settlement that the HIS refuses after this payment, as the terminal sees it then."""
    lab.fault("his", "balance.and.pay.bill", "refuse_business", times=5)
    no = await _quoted(lab)
    await lab.kiosk.pay(no, choice)
    for _ in range(20):
        _, answer = await lab.kiosk.show(no, wait=20)
        if "give_back" in answer:
            return answer
    raise AssertionError(answer)


@pytest_twisted.ensureDeferred
async def test_a_card_paid_at_the_pos_is_booked_with_its_slip(lab: Lab) -> None:
    no = await _quoted(lab)
    status, done = await lab.kiosk.pay(no, CARD)
    assert (status, done["state"], done["numbers"]["trade"]) == (200, "settled", f"{no}P1")
    assert [row["amount"] for row in lab.ledger("his", "book")] == [120000]
    assert lab.ledger("wechat") == []


@pytest_twisted.ensureDeferred
async def test_a_slip_counts_once_whichever_settlement_shows_it(lab: Lab) -> None:
    first = await _quoted(lab)
    assert (await lab.kiosk.pay(first, CARD))[1]["state"] == "settled"
    assert (await lab.kiosk.pay(first, CARD))[1]["state"] == "settled", "the same choice again is a repeat"
    second = await _quoted(lab, "P0002", "B20261122002", insured=False)
    status, answer = await lab.kiosk.pay(second, CARD)
    assert (status, answer["reason"]["code"]) == (409, "E-PROOF-USED")
    assert first in answer["reason"]["zh"]
    assert (await lab.kiosk.show(second))[1]["state"] == "quoted"
    assert len(lab.ledger("his", "book")) == 1


@pytest_twisted.ensureDeferred
async def test_a_card_payment_is_given_back_by_the_terminal_and_only_then_undone(lab: Lab) -> None:
    answer = await _refused_by_his(lab, CARD)
    no, owed = answer["settlement_no"], answer["give_back"]
    assert (answer["state"], owed["kind"], owed["amount"]) == ("working", "unionpay_card", 107500)
    wrong, answer = await _returned(lab, no, back_no="S-OTHER", amount=107500, proof=VOID)
    assert (wrong, answer["reason"]["code"]) == (400, "E-FIELD")
    status, answer = await _returned(lab, no, back_no=owed["no"], amount=107500, proof=VOID)
    assert (status, answer["state"]) == (200, "undone"), answer
    assert "give_back" not in answer
    again, same = await _returned(lab, no, back_no=owed["no"], amount=107500, proof=VOID)
    assert (again, same["state"]) == (200, "undone")
    assert [row["state"] for row in lab.ledger("insurance", "settle")] == ["cancelled"]


@pytest_twisted.ensureDeferred
async def test_what_is_owed_is_still_known_after_a_restart(lab: Lab) -> None:
    answer = await _refused_by_his(lab, CARD)
    no, owed = answer["settlement_no"], answer["give_back"]
    await lab.engine.stop()
    await lab.start_engine()
    _, answer = await lab.kiosk.show(no)
    assert answer["give_back"] == owed
    assert (await _returned(lab, no, back_no=owed["no"], amount=107500, proof=VOID))[1]["state"] == "undone"


@pytest_twisted.ensureDeferred
async def test_a_slip_for_a_settlement_that_is_over_is_refused(lab: Lab) -> None:
    """The answer was the settlement's end, as if the card had paid for it."""
    no = await _quoted(lab)
    await lab.kiosk.pay(no, {"choice_no": "1", "kind": "cash"})
    status, answer = await lab.kiosk.pay(no, {**CARD, "choice_no": "2"})
    assert (status, answer["reason"]["code"]) == (409, "E-STATE")
    status, answer = await lab.kiosk.pay(no, {"choice_no": "1", "kind": "cash"})
    assert (status, answer["state"]) == (200, "settled"), "a repeat hears the end"


@pytest_twisted.ensureDeferred
async def test_cash_is_owed_at_once(lab: Lab) -> None:
    answer = await _refused_by_his(lab, {"choice_no": "1", "kind": "cash"})
    assert (answer["give_back"]["kind"], answer["give_back"]["amount"]) == ("cash", 107500)
    for _ in range(20):
        if answer["state"] == "undone":
            break
        _, answer = await lab.kiosk.show(answer["settlement_no"], wait=20)
    assert answer["state"] == "undone"
    assert answer["give_back"]["amount"] == 107500, "the terminal reads it also after the end"


@pytest_twisted.ensureDeferred
async def test_the_hospitals_card_is_charged_by_the_his_and_given_back_with_a_refund(lab: Lab) -> None:
    lab.act("his", "pay_in", patient="P0001", amount=1000)
    no = await _quoted(lab)
    status, done = await lab.kiosk.pay(no, {"choice_no": "1", "kind": "region_card"})
    assert (status, done["state"]) == (200, "settled")
    desk: Any = lab.parties["his"]
    assert desk.desk.cards.balance("P0001") == 201000 - 107500
    clerk = lab.terminal("C01", "C01")
    await clerk.refund(no, {"request_no": "R1", "reason_code": "PATIENT"})
    for _ in range(20):
        _, answer = await lab.kiosk.show(no, wait=20)
        if answer["state"] == "undone":
            break
    assert answer["state"] == "undone"
    assert desk.desk.cards.balance("P0001") == 201000


@pytest_twisted.ensureDeferred
async def test_too_little_on_the_hospitals_card_charges_nothing(lab: Lab) -> None:
    lab.act("his", "pay_in", patient="P0001", amount=-150000)
    no = await _quoted(lab)
    await lab.kiosk.pay(no, {"choice_no": "1", "kind": "region_card"})
    for _ in range(20):
        _, answer = await lab.kiosk.show(no, wait=20)
        if answer["state"] in ("undone", "manual"):
            break
    assert (answer["state"], answer["reason"]["side"]) == ("undone", "his")
    assert lab.ledger("his", "book") == []
    assert [row["state"] for row in lab.ledger("insurance", "settle")] == ["cancelled"]


@pytest.mark.parametrize(
    "spoilt",
    [{"card": "6228480000000000018"}, {"amount": 0}, {"amount": "107500"}, {"ref_no": ""}, {"trace": "1234567"}],
)
@pytest_twisted.ensureDeferred
async def test_a_slip_that_is_none_is_refused_with_its_field(lab: Lab, spoilt: dict[str, Any]) -> None:
    no = await _quoted(lab)
    status, answer = await lab.kiosk.pay(no, {**CARD, "proof": {**SLIP, **spoilt}})
    assert (status, answer["reason"]["code"]) == (400, "E-FIELD")
    assert next(iter(spoilt)) in answer["reason"]["zh"]
    status, answer = await lab.kiosk.pay(no, {"choice_no": "1", "kind": "unionpay_card"})
    assert status == 400
