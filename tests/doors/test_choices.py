"""A way of paying that cannot apply is refused by whichever door it comes to; the settlement waits for another one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.his import His
from tests.edge.town import BILL, CODE, PATIENT, START, Town

ACCOUNT = {"choice_no": "1", "kind": "insurance_account"}


def self_paid(town: Town, **more: Any) -> str:
    body = {**town.bill_request(), "pay_identity": "self_pay", **more}
    reply = town.ask("POST", START, body)
    assert reply.state == "quoted", reply.body
    return str(reply.json["settlement_no"])


def test_the_choice_is_refused_with_words_and_another_one_pays(town: Town) -> None:
    no = self_paid(town)
    before = town.touched()
    reply = town.choose(no, ACCOUNT)
    assert (reply.status, reply.state, reply.code) == (409, "quoted", "E-ACCOUNT-SELF-PAY")
    reason = reply.json["reason"]
    assert (reply.json["settlement_no"], reason["side"]) == (no, "client")
    assert reason["zh"]
    assert reason["en"]
    assert reason["next"]
    assert town.choose(no, ACCOUNT).code == "E-ACCOUNT-SELF-PAY", "as often as it is asked"
    assert town.touched() == before, "nobody outside heard of it"
    assert town.show(no).state == "quoted"
    town.choose(no, {**CODE, "choice_no": "1"})
    assert town.rest(no)["state"] == "settled", "the refused choice used up no number"
    assert town.kept() > 0


def test_a_refused_choice_leaves_no_trace_over_a_restart(town: Town) -> None:
    no = self_paid(town)
    assert town.choose(no, ACCOUNT).status == 409
    town.kill()
    town.rise()
    assert town.show(no).state == "quoted"
    assert town.choose(no, ACCOUNT).code == "E-ACCOUNT-SELF-PAY"


def test_a_payment_under_way_is_not_given_up_for_a_choice_that_cannot_apply(town: Town) -> None:
    no = self_paid(town)
    town.choose(no, {"choice_no": "1", "kind": "wechat_qr"})
    town.pass_time(1.0)
    shown = town.show(no)
    assert shown.state == "paying"
    reply = town.choose(no, {**ACCOUNT, "choice_no": "2"})
    assert (reply.status, reply.state, reply.code) == (409, "paying", "E-ACCOUNT-SELF-PAY")
    town.pass_time(2.0)
    assert town.show(no).json["pay"] == shown.json["pay"], "the code on the screen stays good"
    town.lab.act("wechat", "pay", no=f"{no}P1")
    assert town.rest(no)["state"] == "settled"
    assert len(town.ledger("wechat", "charge")) == 1


def test_the_repeat_of_a_choice_that_was_taken_is_answered_as_the_settlement_is(town: Town) -> None:
    no = self_paid(town)
    town.choose(no, CODE)
    assert town.rest(no)["state"] == "settled"
    again = town.choose(no, CODE)
    assert (again.status, again.state) == (200, "settled")
    other = town.choose(no, ACCOUNT)
    assert (other.status, other.code) == (409, "E-REPEAT-DIFFERS"), "the number is used"


def test_after_its_time_a_choice_that_cannot_apply_saves_no_settlement(town: Town) -> None:
    no = self_paid(town)
    for at in range(5):
        town.choose(no, {**ACCOUNT, "choice_no": str(at)})
        town.pass_time(61.0)
    assert town.rest(no)["state"] == "undone", "five minutes are five minutes"


@pytest.mark.parametrize("kind", ["phone", "room"])
def test_cash_where_nobody_takes_it(town: Town, kind: str) -> None:
    no = self_paid(town, terminal={"kind": kind, "id": "M01"})
    assert town.choose(no, {"choice_no": "1", "kind": "cash"}).code == "E-CASH-HERE"
    assert town.show(no).state == "quoted"


def test_by_hl7(town: Town) -> None:
    his = His(town)
    order = town.lab.bill_request(PATIENT, BILL, request_no="H-1")
    order |= {"terminal": {"kind": "window", "id": "W01"}, "operator": "C001", "pay_identity": "self_pay"}
    quoted = his.ask("PRE", order=order)
    assert quoted.state == "quoted"
    refused = his.ask("PAY", zjs={2: "1", 3: quoted.no, 11: "insurance_account"})
    assert (refused.code, refused.field("ZJA", 22)) == ("AE", "E-ACCOUNT-SELF-PAY")
    assert "E-ACCOUNT-SELF-PAY" in refused.field("MSA", 3)
    assert his.ask("QUERY", zjs={3: quoted.no}).state == "quoted"
    assert his.ask("PAY", zjs={2: "1", 3: quoted.no, 11: "cash"}).state == "settled"


def test_a_choice_before_the_quote_is_refused_and_uses_up_no_number(town: Town) -> None:
    """A terminal that pays while it is still told `working`. Its choice was answered as the settlement stood and
    forgotten, its number used: the same request sent again never paid."""
    order = {**town.bill_request(), "pay_identity": "self_pay"}
    town.lab.fault("his", "lock.bill", "slow", seconds=4.0)
    begun = town.begin("POST", START, order)
    town.pass_time(1.0)
    no = str(town.ask("POST", START, {**order, "request_no": "K01-2"}).json["settlement_no"])
    assert town.show(no).state == "working"
    early = town.choose(no, CODE)
    assert (early.status, early.state, early.code) == (409, "working", "E-STATE")
    assert early.json["settlement_no"] == no
    assert begun.reply().state == "quoted"
    town.choose(no, CODE)
    assert town.rest(no)["state"] == "settled", "the same request again pays"
    assert len(town.ledger("wechat", "charge")) == 1


def test_after_the_last_way_that_failed_nobody_is_told_to_choose_another(town: Town) -> None:
    no = self_paid(town)
    said: list[tuple[str, str, str]] = []
    for at in range(5):
        poor = {"choice_no": str(at), "kind": "wechat_code", "auth_code": "134567890123999004"}
        reply = town.choose(no, poor)
        said.append((reply.state, reply.code, reply.json["reason"]["next_en"]))
    assert said[:4] == [("quoted", "E-PAY-NOTENOUGH", "Choose another way.")] * 4
    assert said[4] == ("undone", "E-PAY-NOTENOUGH", "This settlement takes no other payment; start a new one.")
    assert "重新发起" in town.show(no).json["reason"]["next"]
    assert town.kept() == 0
