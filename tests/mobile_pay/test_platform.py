"""Our party against the platform's own wire code: every habit, every refusal, every misfortune of a reply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.core.http import HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Heard, NotHeard, Outgoing
from engine.parties.registry import PARTIES
from simulators.mobile_pay.book import fen, told
from tests.parties.bench import Town, served
from tests.parties.judge import outcome_of

PARTY = PARTIES["mobile_pay"]
HABITS = [
    {},
    {"cipher": "cbc"},
    {"cipher": "cbc", "iv": "key", "output": "base64"},
    {"key_pick": "even", "signer": "default", "stamp": "text"},
    {"numbers": "text", "joiner": "&appSecret="},
]


class Desk:
    """One patient's order at the platform, through our party."""

    def __init__(self, **habits: Any) -> None:
        self.town = Town()
        self.sim = self.town.sims["mobile_pay"]
        self.sim.settings.change(habits)
        card = self.sim.card("http://sim")
        names = ("org_code", "app_id", "app_secret", "private_key", "platform_key")
        settings = PARTY.settings.model_validate({**{name: card[name] for name in names}, **habits})
        self.town.opened["mobile_pay"] = self.opened = PARTY.open(settings)
        self.person = card["persons"][0]
        self.auth = self.sim.act({"act": "authorize", "person": self.person["id"]})["pay_auth_no"]
        self.order: dict[str, str] = {}

    def call(self, op: str, body: dict[str, Any], number: str = "") -> tuple[Outcome, Any]:
        return self.town.call("mobile_pay", op, body, number)

    def upload(self, **more: Any) -> tuple[Outcome, Any]:
        body = {
            "payAuthNo": self.auth, "medOrgOrd": "S1P1", "begntime": "2026-11-22 09:00:00",
            "idNo": self.person["id_no"], "userName": self.person["name"],
            "idType": "01", "iptOtpNo": "V1", "deptCode": "A12", "deptName": "口腔科",
            "atddrNo": "D1", "drName": "模拟医师一", "medType": "11", "feeType": "01", "medfeeSumamt": "800.00",
            "acctUsedFlag": "0", "chrgBchno": "S1", "uldLatlnt": "0,0",
            "feedetailList": [{"medListCodg": "003105100010000", "cnt": "2", "pric": "400.00",
                               "detItemFeeSumamt": "800.00"}],
            **more,
        }  # fmt: skip
        outcome, answer = self.call("6201", body)
        if outcome is Outcome.ACCEPTED:
            self.order = {name: answer.body[name] for name in ("payOrdId", "payToken")}
        return outcome, answer

    def place(self) -> tuple[Outcome, Any]:
        return self.call("6202", {**self.order, "payAuthNo": self.auth, "orgBizSer": "S1P1"}, "S1P1")

    def ask(self, op: str = "6301") -> tuple[Outcome, Any]:
        who = {"idNo": self.person["id_no"], "userName": self.person["name"], "idType": "01"}
        return self.call(op, {**self.order, **who})

    def refund(self, **more: Any) -> tuple[Outcome, Any]:
        order = self.sim.book.by_hospital["S1P1"]
        a = told(order)
        body = {
            "payOrdId": order.number, "appRefdSn": "S1R1", "appRefdTime": "2026-11-22 10:00:00",
            "totlRefdAmt": a["feeSumamt"], "fundRefdAmt": a["fundPay"], "psnAcctRefdAmt": a["psnAcctPay"],
            "cashRefdAmt": a["ownPayAmt"], "refdType": "ALL", **more,
        }  # fmt: skip
        return self.call("6203", body, "S1R1")

    def settled(self) -> Desk:
        assert self.upload()[0] is Outcome.ACCEPTED
        assert self.place()[0] is Outcome.PENDING
        self.sim.act({"act": "pay", "no": "S1P1"})
        return self


@pytest.mark.parametrize("habits", HABITS)
def test_one_order_from_upload_to_refund(habits: dict[str, str]) -> None:
    desk = Desk(**habits).settled()
    outcome, answer = desk.ask()
    assert outcome is Outcome.ACCEPTED
    body = answer.body
    assert body["ordStas"] == "6"
    assert body["medOrgOrd"] == "S1P1"
    assert sum(fen(body[name]) for name in ("ownPayAmt", "psnAcctPay", "fundPay")) == fen(body["feeSumamt"]) == 80000
    assert desk.refund()[0] is Outcome.ACCEPTED
    assert desk.refund()[0] is Outcome.ACCEPTED  # again: the same answer, no second refund
    assert desk.ask()[1].body["ordStas"] == "7"
    rows = [(row["kind"], row["amount"], row["state"]) for row in desk.sim.ledger.since(0)["rows"]]
    assert rows == [("order", 80000, "done"), ("settle", 80000, "cancelled"), ("cancel", -80000, "done")]
    assert desk.sim.book.used[desk.sim.book.by_hospital["S1P1"].person.psn_no, "2026"].fund == 0


@pytest.mark.parametrize("habits", HABITS[1:])
def test_other_habits_than_the_platforms_are_refused(habits: dict[str, str]) -> None:
    desk = Desk(**habits)
    desk.sim.settings.change({"cipher": "ecb", "iv": "zero", "output": "hex", "key_pick": "first", "signer": "secret",
                              "joiner": "&key="})  # fmt: skip
    outcome, answer = desk.upload()
    assert outcome is Outcome.REFUSED
    assert answer.code in ("10006", "10007")
    assert desk.sim.objection is not None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"payAuthNo": "AUTHx"}, "20001"), ({"ecToken": "x"}, "10009"), ({"idNo": "370202195607300225"}, "20003"),
        ({"medfeeSumamt": "800.01"}, "20006"), ({"medOrgOrd": ""}, "10002"), ({"feedetailList": []}, "10002"),
        ({"orgCodg": "H1"}, "10008"),
        ({"feedetailList": [{"medListCodg": "x", "cnt": "1", "pric": "1", "detItemFeeSumamt": "1"}]}, "20004"),
        ({"feedetailList": [{"medListCodg": "003105100010000", "cnt": "2", "pric": "1", "detItemFeeSumamt": "3.00"}]},
         "20005"),
    ],
)  # fmt: skip
def test_the_platform_says_which_rule_was_broken(change: dict[str, Any], code: str) -> None:
    desk = Desk()
    outcome, answer = desk.upload(**change)
    assert (outcome, answer.code) == (Outcome.REFUSED, code)
    assert desk.sim.objection.rule == code
    assert not desk.sim.book.orders


def test_an_upload_is_taken_once() -> None:
    desk = Desk()
    desk.upload()
    first = dict(desk.order)
    assert desk.upload()[0] is Outcome.ACCEPTED
    assert desk.order == first
    outcome, answer = desk.upload(begntime="2026-11-22 09:00:01")
    assert (outcome, answer.code) == (Outcome.REFUSED, "20002")


def test_an_unpaid_order_is_revoked_or_lapses_and_a_paid_one_is_not() -> None:
    desk = Desk()
    desk.upload()
    desk.place()
    assert desk.ask()[1].body["ordStas"] == "1"
    assert desk.ask("6401")[0] is Outcome.ACCEPTED
    assert desk.ask("6401")[0] is Outcome.ACCEPTED
    assert desk.ask()[1].body["ordStas"] == "12"
    desk = Desk()
    desk.upload()
    desk.place()
    desk.town.clock.advance(901)
    assert desk.ask()[1].body["ordStas"] == "15"
    outcome, answer = Desk().settled().ask("6401")
    assert outcome is Outcome.UNKNOWN  # only an inquiry tells
    assert "已支付" in answer.text


@pytest.mark.parametrize("change", [{"cashRefdAmt": "0.01"}, {"refdType": "HI"}, {"totlRefdAmt": "1.00"}])
def test_a_refund_that_does_not_fit_is_not_done(change: dict[str, str]) -> None:
    desk = Desk().settled()
    assert desk.refund(**change)[0] is Outcome.UNKNOWN
    assert desk.ask()[1].body["ordStas"] == "6"


def test_the_insurance_and_the_cash_can_go_back_alone() -> None:
    desk = Desk().settled()
    a = told(desk.sim.book.by_hospital["S1P1"])
    zero = {"fundRefdAmt": "0.00", "psnAcctRefdAmt": "0.00"}
    cash = {"refdType": "CASH", "totlRefdAmt": a["ownPayAmt"], **zero}
    assert desk.refund(**cash)[0] is Outcome.ACCEPTED
    assert desk.ask()[1].body["ordStas"] in ("7", "8")


def _reply(desk: Desk, op: str, kind: str) -> tuple[Outcome, Any]:
    body = {**desk.order, "idNo": desk.person["id_no"], "userName": desk.person["name"], "idType": "01"}
    if op == "6203":
        body = {"payOrdId": desk.order["payOrdId"], "appRefdSn": "S1R1"}
    call = Outgoing(op, body, "S1R1", desk.opened, {}, desk.town.world.now(), "0" * 32)
    request = PARTY.build(call)
    reply = served(desk.sim, request)
    resp = desk.sim.break_reply(kind, op, None, type("R", (), {"status": 200, "body": reply.body, "headers": {}})())
    return outcome_of(PARTY, op, answer := PARTY.read(call, request, type(reply)(200, (), resp.body))), answer


@pytest.mark.parametrize("kind", ["bad_signature", "unsigned"])
def test_a_yes_that_is_not_signed_well_is_no_yes(kind: str) -> None:
    outcome, answer = _reply(Desk().settled(), "6301", kind)
    assert outcome is Outcome.UNKNOWN
    assert not answer.intact


def test_an_answer_about_another_order_is_none() -> None:
    desk = Desk().settled()
    call = Outgoing("6301", {**desk.order, "payOrdId": "O2"}, "", desk.opened, {}, desk.town.world.now(), "0" * 32)
    form = desk.sim.identity.answer(told(desk.sim.book.by_hospital["S1P1"]), desk.sim.settings)
    answer = PARTY.read(call, PARTY.build(call), type("R", (), {"status": 200, "body": form.body})())
    assert not answer.intact


@pytest.mark.parametrize(("kind", "outcome"), [("refund_fail", Outcome.REFUSED)])
def test_a_refund_that_fails_is_refused(kind: str, outcome: Outcome) -> None:
    desk = Desk().settled()
    resp = desk.sim.break_reply(kind, "6203", None, None)
    call = Outgoing("6203", {"appRefdSn": "S1R1"}, "S1R1", desk.opened, {}, desk.town.world.now(), "0" * 32)
    answer = PARTY.read(call, PARTY.build(call), type("R", (), {"status": 200, "body": resp.body})())
    assert outcome_of(PARTY, "6203", answer) is outcome


def test_the_notice_is_believed_and_a_false_one_not() -> None:
    desk = Desk().settled()
    order = desk.sim.book.by_hospital["S1P1"]
    for spoil, good in (("", True), ("bad_signature", False), ("unsigned", False)):
        form = desk.sim.identity.sealed(told(order), desk.sim.settings, spoil=spoil)
        got = PARTY.verify(desk.opened, HttpRequest("POST", "/x", (), json.dumps(form).encode()), desk.town.world.now())
        assert isinstance(got, Heard if good else NotHeard)
        assert not good or (got.number, got.body["feeSumamt"]) == ("S1P1", "800.00")


@pytest.mark.parametrize(
    "act",
    [{"act": "x"}, {"act": "authorize", "person": "P9"}, {"act": "set", "cipher": "x"}, {"act": "set", "nonsense": 1}],
)
def test_a_crooked_act_is_refused(act: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Desk().sim.act(act)
