"""An insured registration paid with the parameters of an official account, a mini program or a page of the phone's
browser: paid, taken back, left, paid another way; HIS, insurance, WeChat and invoice agree in their own ledgers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from simulators.base.party import ActRefused
from tests.edge.town import Town
from tests.his_examples.ground import cancel, differences, free, post, refund, rest, town_of
from tests.his_examples.test_insured_registration import asked, live, nothing_left, pooled, register

NewTown = Callable[..., Town]
CASH = 700
PHONE: dict[str, dict[str, str]] = {
    "wechat_jsapi": {"openid": "oSimPayer"}, "wechat_mini": {"openid": "oSimPayer"},
    "wechat_h5": {"client_ip": "203.0.113.9"},
}  # fmt: skip
EVERY = pytest.mark.parametrize("kind", PHONE)


@pytest.fixture
def town(new_town: NewTown) -> Town:
    return town_of(new_town, "insured_registration")


def choose(town: Town, no: str, kind: str, choice_no: str = "1") -> dict[str, Any]:
    """The answer once there is something to pay with."""
    reply = town.choose(no, {"choice_no": choice_no, "kind": kind, **PHONE[kind]}, client="C01")
    assert (reply.status, reply.state) == (200, "paying"), reply.body.decode()
    return reply.json


def quoted(town: Town) -> str:
    answer = post(town, "/v1/registrations", asked())
    assert (answer["state"], answer["amounts"]["cash"], answer["amounts"]["fund"]) == ("quoted", CASH, 800)
    return str(answer["settlement_no"])


def all_agree(town: Town, no: str) -> None:
    """It stands with everybody, once, and for the same amounts."""
    (booked,), (settled,), (issued,) = live(town, "his", "book"), live(town, "insurance", "settle"), live(
        town, "einvoice", "issue")
    assert (booked["no"], booked["amount"], booked["ref"]) == (no, 1500, str(CASH))
    assert (settled["amount"], pooled(town), issued["amount"]) == (1500, 800, 1500)
    assert (town.kept(), free(town), town.tasks()) == (CASH, 4, [])
    assert differences(town) == []


@EVERY
def test_paid_and_taken_back(town: Town, kind: str) -> None:
    no = quoted(town)
    shown = choose(town, no, kind)["pay"]
    assert (shown["kind"], "until" in shown, "qr" in shown) == (kind, True, False)
    if kind == "wechat_h5":
        assert (shown["url"].startswith("https://wx.tenpay.com/"), "sheet" in shown) == (True, False)
    else:
        sheet = json.loads(shown["sheet"])
        assert sheet["appId"] == ("wxsim0000000000002" if kind == "wechat_mini" else "wxsim0000000000001")
        assert sheet["package"].startswith("prepay_id=")
        assert (bool(sheet["paySign"]), "url" in shown) == (True, False)
    town.lab.act("wechat", "pay", no=f"{no}P1")
    answer = rest(town, {"settlement_no": no})
    assert (answer["state"], answer["numbers"]["trade"]) == ("settled", f"{no}P1"), answer
    his: Any = town.lab.parties["his"]
    assert his.registry.booked.ask(no).content[2:4] == ("WX", f"{no}P1")
    all_agree(town, no)
    assert refund(town, answer)["state"] == "undone"
    assert [(row["amount"], row["ref"]) for row in town.ledger("wechat", "refund")] == [(CASH, f"{no}P1")]
    nothing_left(town)
    assert differences(town) == []


@EVERY
def test_cancelled_while_the_patient_looks_at_it(town: Town, kind: str) -> None:
    no = quoted(town)
    choose(town, no, kind)
    cancel(town, no)
    assert rest(town, {"settlement_no": no})["state"] == "undone"
    assert [row["no"] for row in town.ledger("wechat", "close")] == [f"{no}P1"]
    with pytest.raises(ActRefused):
        town.lab.act("wechat", "pay", no=f"{no}P1")
    nothing_left(town)
    assert (town.tasks(), differences(town)) == ([], [])


@EVERY
def test_paid_in_the_moment_of_the_cancelling_goes_back(town: Town, kind: str) -> None:
    no = quoted(town)
    town.lab.fault("wechat", "paid", "callback_never", times=None)
    choose(town, no, kind)
    town.lab.act("wechat", "pay", no=f"{no}P1")
    cancel(town, no)
    assert rest(town, {"settlement_no": no})["state"] == "undone"
    assert [row["amount"] for row in town.ledger("wechat", "refund")] == [CASH]
    nothing_left(town)
    assert (town.tasks(), differences(town)) == ([], [])


@EVERY
def test_nobody_pays_and_nobody_cancels(town: Town, kind: str) -> None:
    no = quoted(town)
    choose(town, no, kind)
    town.pass_time(1200.0)
    assert town.show(no, client="C01").state == "undone"
    nothing_left(town)
    assert (town.tasks(), differences(town)) == ([], [])


@EVERY
def test_the_platform_never_tells_it_is_asked(town: Town, kind: str) -> None:
    town.lab.fault("wechat", "paid", "callback_never", times=None)
    answer = register(town, {"kind": kind, **PHONE[kind]})
    assert answer["state"] == "settled", answer
    all_agree(town, answer["settlement_no"])


@pytest.mark.parametrize(("first", "second"), [
    ("wechat_jsapi", "wechat_h5"), ("wechat_h5", "wechat_mini"), ("wechat_mini", "wechat_mini"),
])  # fmt: skip
def test_another_way_is_chosen_the_first_is_closed_before(town: Town, first: str, second: str) -> None:
    no = quoted(town)
    one = choose(town, no, first)["pay"]
    reply = town.choose(no, {"choice_no": "2", "kind": second, **PHONE[second]}, client="C01")
    for _ in range(60):
        if reply.state == "paying" and reply.json["pay"] != one:
            break
        town.pass_time(5.0)
        reply = town.show(no, client="C01")
    shown = reply.json["pay"]
    assert (shown["kind"], "sheet" in shown, "url" in shown) == (second, second != "wechat_h5", second == "wechat_h5")
    with pytest.raises(ActRefused):
        town.lab.act("wechat", "pay", no=f"{no}P1")
    town.lab.act("wechat", "pay", no=f"{no}P2")
    answer = rest(town, {"settlement_no": no})
    assert (answer["state"], answer["numbers"]["trade"]) == ("settled", f"{no}P2"), answer
    all_agree(town, no)


@EVERY
@pytest.mark.parametrize(("party", "op"), [("insurance", "2207A"), ("his", "reg")])
def test_paid_and_then_refused_goes_back(town: Town, kind: str, party: str, op: str) -> None:
    town.lab.fault(party, op, "refuse_business", times=None)
    answer = register(town, {"kind": kind, **PHONE[kind]})
    assert answer["state"] == "undone", answer
    assert [row["amount"] for row in town.ledger("wechat", "refund")] == [CASH]
    nothing_left(town)
    assert differences(town) == []


@EVERY
def test_what_the_way_needs_is_asked_for(town: Town, kind: str) -> None:
    no = quoted(town)
    reply = town.choose(no, {"choice_no": "1", "kind": kind}, client="C01")
    assert (reply.status, town.show(no, client="C01").state) == (400, "quoted")
    cancel(town, no)
    assert rest(town, {"settlement_no": no})["state"] in ("undone", "rejected")
    nothing_left(town)
