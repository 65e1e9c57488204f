"""The other person at the gateway: a second payer, the staff at the portal, notices sent again, a morning anew."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.base.party import ActRefused
from tests.edge.town import CASH, Town
from tests.unionpay.test_saga import kept, pay, paying, settled_once


def gateway(town: Town) -> Any:
    return town.lab.parties["unionpay"]


def test_notices_are_sent_again_until_they_are_heard(town: Town) -> None:
    no, _ = paying(town)
    town.kill()
    began = town.now
    pay(town, no)
    town.pass_time(500.0)
    sent = [round(row.at - began) for row in gateway(town).exchanges.rows if row.op == "paid"]
    assert sent == [0, 60, 180, 420]
    town.rise()
    settled_once(town, no)
    town.pass_time(600.0)
    assert gateway(town).courier.given_up <= 1
    assert len([row for row in gateway(town).exchanges.rows if row.op == "paid"]) == 5


def test_a_code_paid_twice_has_two_charges(town: Town) -> None:
    no, _ = paying(town)
    done = town.lab.act("unionpay", "pay_twice", no=f"{no}P1")
    assert len(set(done["payments"])) == 2
    assert town.rest(no)["state"] == "settled"
    assert kept(town) == 2 * CASH
    assert len(town.ledger("his", "book")) == 1


def test_the_portal_refunds_no_more_than_was_paid(town: Town) -> None:
    no, _ = paying(town)
    pay(town, no)
    settled_once(town, no)
    town.lab.act("unionpay", "refund_at_portal", no=f"{no}P1", amount=7500)
    town.pass_time(5.0)
    assert kept(town) == CASH - 7500
    with pytest.raises(ActRefused):
        town.lab.act("unionpay", "refund_at_portal", no=f"{no}P1", amount=CASH)
    town.lab.act("unionpay", "refund_at_portal", no=f"{no}P1")
    town.pass_time(5.0)
    assert kept(town) == 0
    with pytest.raises(ActRefused):
        town.lab.act("unionpay", "refund_at_portal", no=f"{no}P1")


def test_what_a_payer_cannot_do(town: Town) -> None:
    no, _ = paying(town)
    with pytest.raises(ActRefused):
        town.lab.act("unionpay", "pay", no="NOBODY0001")
    assert town.lab.act("unionpay", "cancel", no=f"{no}P1")["state"] == "open"
    pay(town, no)
    for act in ("pay", "cancel", "pay_late"):
        with pytest.raises(ActRefused):
            town.lab.act("unionpay", act, no=f"{no}P1")
    for wrong in ({"act": "dance"}, {"act": "pay"}, {"act": "set", "unpaid": "x"}, {"act": "set", "cut_hour": "x"}):
        with pytest.raises(ValueError, match=r"."):
            gateway(town).act(wrong)
    settled_once(town, no)


def test_the_first_morning_again(town: Town) -> None:
    before = gateway(town).card("http://x")
    no, _ = paying(town)
    pay(town, no)
    settled_once(town, no)
    town.lab.act("unionpay", "set", unpaid="not_found")
    gateway(town).start_over()
    assert (town.ledger("unionpay"), gateway(town).book.txns) == ([], {})
    assert gateway(town).card("http://x") == before


def test_the_card_has_what_the_contract_names(town: Town) -> None:
    card = gateway(town).card("http://x")
    for name in ("front_url", "back_url", "query_url", "file_url"):
        assert card[name].startswith("http://x/")
    for name in ("sign_certificate", "root", "middle"):
        assert card[name].startswith("-----BEGIN CERTIFICATE-----")
    assert card["sign_private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert len(card["mer_id"]) == 15
