"""Fen or yuan: the connection says which; a HIS that is wrong by a hundred everywhere alike is not believed."""

from __future__ import annotations

from collections.abc import Callable

from tests.edge.town import CASH, CODE, PATIENT, START, Town

YUAN = (("amounts:  fen", "amounts:  yuan"),)


def test_a_bill_is_the_same_bill_in_fen_and_in_yuan(new_town: Callable[..., Town]) -> None:
    answers = []
    for edit, unit in (((), "fen"), (YUAN, "yuan")):
        town = new_town(edit=edit)
        town.lab.act("his", "set", amounts_in=unit)
        no = town.quoted()
        assert town.choose(no, CODE).state == "settled"
        answers.append(town.show(no).json["amounts"])
        assert town.kept() == CASH
        assert [row["amount"] for row in town.ledger("his", "book")] == [120000]
    assert answers[0] == answers[1] == {
        "total": 120000, "fund": 12500, "account": 0, "relief": 0, "other": 0, "cash": CASH,
    }  # fmt: skip


def test_yuan_with_a_point_is_never_taken_for_fen(new_town: Callable[..., Town]) -> None:
    town = new_town()
    town.lab.act("his", "set", amounts_in="yuan")
    reply = town.ask("POST", START, town.bill_request())
    answer = town.rest(reply.json["settlement_no"])
    assert (answer["state"], answer["reason"]["side"]) == ("rejected", "his")
    assert not town.ledger("wechat")


def _bill_of_a_hundred(town: Town, bill: str) -> None:
    """A bill a hundred times too large in the HIS itself, so that it is wrong everywhere alike."""
    town.lab.act("his", "new_bill", patient=PATIENT, bill=bill, items=[{"item": "K0001", "qty": "300"}])


def test_a_bill_a_hundred_times_too_large_is_refused_and_a_person_is_told_once(town: Town) -> None:
    for bill in ("B1", "B2"):
        _bill_of_a_hundred(town, bill)
        reply = town.ask("POST", START, town.bill_request(bill=bill, pay_identity="self_pay"))
        answer = town.rest(reply.json["settlement_no"])
        reason = answer["reason"]
        assert (answer["state"], reason["code"], reason["side"]) == ("rejected", "E-BILL-MAX", "his")
        assert "120000.00" in reason["zh"]
        assert "120000.00" in reason["en"]
        assert "amounts" not in answer, "a wrong amount is shown to nobody"
    assert not town.ledger("wechat")
    assert not town.ledger("his", "book")
    assert [(task["kind"], task["side"]) for task in town.tasks()] == [("bill_too_large", "his")]


def test_without_a_limit_any_bill_is_taken(new_town: Callable[..., Town]) -> None:
    town = new_town(edit=((", bill_max: 10000000", ""),))
    _bill_of_a_hundred(town, "B1")
    no = town.quoted(bill="B1", pay_identity="self_pay")
    assert town.show(no).json["amounts"]["total"] == 12000000
