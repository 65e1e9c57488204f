"""The commercial insurer as a party: what is signed, what is believed, and what an answer means."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.core.http import HttpReply
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.registry import PARTIES
from simulators.base.wire import Req, Resp
from simulators.commercial import CommercialSim
from simulators.town import PERSONS

from .bench import Town
from .judge import outcome_of

TOWN = Town()
PARTY = PARTIES["commercial"]
WHO = {"idNo": PERSONS[0].id_no, "name": PERSONS[0].name}
BILL = {
    "policyNo": "CP0001", **WHO, "billNo": "B1", "totalAmount": "1200.00", "basicAmount": "125.00",
    "selfPayAmount": "1075.00",
    "items": [{"code": "K0001", "amount": "1100.00"}, {"code": "K0101", "amount": "100.00"}],
}  # fmt: skip


class Caller:
    """Speaks to a fresh simulator through our party."""

    def __init__(self, **settings: Any) -> None:
        self.sim = CommercialSim(TOWN.world)
        card = self.sim.card("http://sim")
        wanted = settings or {name: card[name] for name in ("private_key", "insurer_key")}
        if "secret" in wanted:
            wanted["secret"] = card["secret"]
        made = PARTY.settings.model_validate({"app_id": card["app_id"], "hospital": card["hospital"], **wanted})
        self.opened = PARTY.open(made)
        self.count = 0

    def call(self, op: str, body: dict[str, Any], number: str = "") -> Outgoing:
        self.count += 1
        return Outgoing(op, body, number, self.opened, {}, TOWN.world.now(), f"{self.count:032x}")

    def ask(self, op: str, body: dict[str, Any], number: str = "") -> tuple[Outcome, Answer]:
        call = self.call(op, body, number)
        request = PARTY.build(call)
        req = Req("POST", request.target, request.target, {}, {}, request.body)
        resp = self.sim.serve(self.sim.op_of(req), req)
        assert isinstance(resp, Resp)
        answer = PARTY.read(call, request, HttpReply(resp.status, (), resp.body))
        return outcome_of(PARTY, op, answer), answer

    def claim(self, no: str = "S1C1", **more: Any) -> tuple[Outcome, Answer]:
        return self.ask("claim", {"claimNo": no, **BILL, "expectAmount": "700.00", **more}, no)


@pytest.mark.parametrize("settings", [{}, {"sign_type": "HMAC", "secret": "of the card"}])
def test_a_claim_from_policy_to_withdrawal(settings: dict[str, Any]) -> None:
    caller = Caller(**settings)
    outcome, found = caller.ask("policy", WHO)
    assert (outcome, found.body["policies"][0]["policyNo"]) == (Outcome.ACCEPTED, "CP0001")
    assert caller.ask("quote", BILL)[1].body["payAmount"] == "700.00"
    outcome, made = caller.claim()
    assert (outcome, made.body["status"]) == (Outcome.ACCEPTED, "APPROVED")
    assert caller.claim()[1].body == made.body, "the same again is the same claim"
    assert caller.claim(billNo="B2")[0] is Outcome.UNKNOWN, "other content under one number proves nothing"
    assert caller.ask("state", {"claimNo": "S1C1"})[1].body["payAmount"] == "700.00"
    back = {"claimNo": "S1C1", "withdrawNo": "S1V1"}
    assert [caller.ask("withdraw", back, "S1V1")[0] for _ in range(2)] == [Outcome.ACCEPTED] * 2
    assert caller.ask("state", {"withdrawNo": "S1V1"})[1].body["status"] == "WITHDRAWN"
    assert caller.ask("withdraw", {**back, "withdrawNo": "S1V2"}, "S1V2")[0] is Outcome.ACCEPTED, "already withdrawn"
    assert sum(row.amount for row in caller.sim.ledger.rows if row.kind == "cancel") == 70000


def test_a_number_that_was_withdrawn_before_it_came_pays_nothing() -> None:
    caller = Caller()
    assert caller.ask("withdraw", {"claimNo": "S1C1", "withdrawNo": "S1V1"}, "S1V1")[0] is Outcome.ACCEPTED
    outcome, answer = caller.claim()
    assert (outcome, answer.code) == (Outcome.REFUSED, "2002")
    assert not [row for row in caller.sim.ledger.rows if row.kind == "settle"]


@pytest.mark.parametrize(("change", "code"), [
    ({"policyNo": "CP0003"}, "3001"), ({"policyNo": "CP0006"}, "3001"), ({"selfPayAmount": "1074.00"}, "3005"),
    ({"items": [{"code": "K0101", "amount": "1200.00"}]}, "3002"), ({"expectAmount": "699.00"}, "3005"),
])  # fmt: skip
def test_what_the_insurer_refuses_is_a_clear_no(change: dict[str, Any], code: str) -> None:
    outcome, answer = Caller().claim(**change)
    assert (outcome, answer.code) == (Outcome.REFUSED, code)


def test_the_years_limit_holds_over_claims() -> None:
    caller = Caller()
    caller.sim.book.policies["CP0001"].limit = 100000
    assert caller.claim()[1].body["payAmount"] == "700.00"
    assert caller.ask("quote", BILL)[1].body["payAmount"] == "300.00", "what is left; the deductible is borne"
    assert caller.claim("S2C1", expectAmount="300.00")[0] is Outcome.ACCEPTED
    assert caller.claim("S3C1", expectAmount="0.00")[1].code == "3004"


def _reply(caller: Caller, call: Outgoing) -> dict[str, Any]:
    req = Req("POST", "/claims/gateway", "/claims/gateway", {}, {}, PARTY.build(call).body)
    resp = caller.sim.serve("claim.settle", req)
    assert isinstance(resp, Resp)
    made = json.loads(resp.body)
    assert isinstance(made, dict)
    return made


@pytest.mark.parametrize("change", [
    {"bizContent": '{"claimNo":"S1C1","payAmount":"999.00"}'}, {"code": "3002"}, {"nonce": "0" * 32}, {"sign": ""},
    {"sign": "AAAA"}, {"code": ""}, {"code": 0}, {"message": None}, {"extra": "1"},
])  # fmt: skip
def test_whatever_is_changed_in_an_answer_it_is_unknown(change: dict[str, Any]) -> None:
    caller = Caller()
    call = caller.call("claim", {"claimNo": "S1C1", **BILL, "expectAmount": "700.00"}, "S1C1")
    reply = {**_reply(caller, call), **change}
    answer = PARTY.read(call, PARTY.build(call), HttpReply(200, (), json.dumps(reply).encode()))
    assert not answer.intact


def test_an_answer_to_another_request_is_unknown() -> None:
    caller = Caller()
    call = caller.call("claim", {"claimNo": "S1C1", **BILL, "expectAmount": "700.00"}, "S1C1")
    body = json.dumps(_reply(caller, call)).encode()
    assert PARTY.read(call, PARTY.build(call), HttpReply(200, (), body)).intact
    other = replace(call, nonce="f" * 32)
    assert not PARTY.read(other, PARTY.build(other), HttpReply(200, (), body)).intact


@pytest.mark.parametrize(("settings", "named"), [
    ({"sign_type": "HMAC", "secret": "short"}, "secret"), ({"sign_type": "RSA2"}, "private_key"),
    ({"private_key": "nonsense", "insurer_key": "nonsense"}, "private_key"),
])  # fmt: skip
def test_wrong_settings_name_their_field(settings: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        PARTY.open(PARTY.settings.model_validate({"app_id": "A", "hospital": "H", **settings}))


@pytest.mark.parametrize(("change", "rule", "field"), [
    ({"sign": "AAAA"}, "4001", "sign"), ({"nonce": "short"}, "4001", "sign"), ({"appId": "X"}, "4002", "appId"),
    ({"version": ""}, "4000", "version"), ({"more": "1"}, "4000", "more"),
])  # fmt: skip
def test_the_simulator_says_what_the_real_platform_would_have_said(
    change: dict[str, str], rule: str, field: str
) -> None:
    caller = Caller()
    outer = {**json.loads(PARTY.build(caller.call("policy", WHO)).body), **change}
    req = Req("POST", "/claims/gateway", "/claims/gateway", {}, {}, json.dumps(outer).encode())
    caller.sim.serve("policy.query", req)
    objection = caller.sim.objection
    assert objection is not None
    assert objection.rule == rule
    assert field in objection.field


def test_a_repeated_nonce_is_refused() -> None:
    caller = Caller()
    call = caller.call("policy", WHO)
    req = Req("POST", "/claims/gateway", "/claims/gateway", {}, {}, PARTY.build(call).body)
    caller.sim.serve("policy.query", req)
    again = caller.sim.serve("policy.query", req)
    assert isinstance(again, Resp)
    assert json.loads(again.body)["code"] == "4003"
