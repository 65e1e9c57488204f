"""The provider of short messages as a party: what is signed, what a repeat is known by, what its codes mean."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Heard, NotHeard, Outgoing
from engine.parties.registry import PARTIES
from simulators.base.wire import Req, Resp
from simulators.base.world import SimWorld
from simulators.sms import SmsSim

from .bench import START
from .judge import outcome_of

PARTY = PARTIES["sms"]
BODY = {"PhoneNumbers": "13900000001", "TemplateCode": "SMS_SETTLED",
        "TemplateParam": {"hospital": "模拟口腔医院", "amount": "1.00", "no": "S1"}}  # fmt: skip


class Caller:
    """Speaks to a fresh simulator through our party."""

    def __init__(self) -> None:
        clock = MemoryReactorClock()  # type: ignore[no-untyped-call]  # Twisted left it untyped
        self.sim = SmsSim(SimWorld(clock, anchor=START))
        card = self.sim.card("http://sim.example:8751")
        names = ("access_key_id", "access_key_secret", "sign_name", "host")
        self.opened = PARTY.open(PARTY.settings.model_validate({name: card[name] for name in names}))

    def call(self, op: str, body: dict[str, Any] = BODY, number: str = "77", now: float = START) -> Outgoing:
        return Outgoing(op, body, number, self.opened, {}, now, "", START)

    def serve(self, request: HttpRequest, host: str = "sim.example:8751") -> HttpReply:
        headers = {name.lower(): value for name, value in request.headers}
        resp = self.sim.serve("x", Req("POST", "/", "/", {}, {**headers, "host": host}, request.body))
        assert isinstance(resp, Resp)
        return HttpReply(resp.status, (), resp.body)

    def ask(self, call: Outgoing) -> tuple[Outcome, Answer]:
        request = PARTY.build(call)
        answer = PARTY.read(call, request, self.serve(request))
        return outcome_of(PARTY, call.op, answer), answer


def test_a_message_goes_out_and_is_found_under_our_number() -> None:
    caller = Caller()
    assert caller.ask(caller.call("find"))[1].code == "NOT_FOUND"
    assert caller.ask(caller.call("send"))[0] is Outcome.ACCEPTED
    assert caller.ask(caller.call("find", now=START + 1))[0] is Outcome.ACCEPTED
    assert caller.ask(caller.call("find", number="78", now=START + 2))[0] is Outcome.REFUSED
    other_day = replace(caller.call("find", now=START + 3), made=START - 86400)
    assert caller.ask(other_day)[1].code == "NOT_FOUND"
    assert caller.sim.ledger.rows[0].no == "77"


def test_a_list_of_more_than_a_page_proves_nothing() -> None:
    caller = Caller()
    caller.sim.day_limit = 100
    for n in range(51):
        caller.ask(caller.call("send", number=str(100 + n), now=START + n / 100))
    outcome, answer = caller.ask(caller.call("find"))
    assert (outcome, answer.code) == (Outcome.UNKNOWN, "PARTIAL")


@pytest.mark.parametrize(("change", "code", "outcome"), [
    ({"TemplateCode": "SMS_NONE"}, "isv.SMS_TEMPLATE_ILLEGAL", Outcome.REFUSED),
    ({"TemplateParam": {"hospital": "H"}}, "isv.TEMPLATE_MISSING_PARAMETERS", Outcome.REFUSED),
    ({"TemplateParam": {"hospital": "H" * 36, "amount": "1", "no": "1"}}, "isv.PARAM_LENGTH_LIMIT", Outcome.REFUSED),
])  # fmt: skip
def test_what_will_never_be_right_is_refused(change: dict[str, Any], code: str, outcome: Outcome) -> None:
    caller = Caller()
    got, answer = caller.ask(caller.call("send", {**BODY, **change}))
    assert (got, answer.code) == (outcome, code)
    assert caller.sim.objection is not None
    assert caller.sim.objection.rule == code


def test_a_limit_is_no_refusal() -> None:
    caller = Caller()
    caller.sim.day_limit = 0
    outcome, answer = caller.ask(caller.call("send"))
    assert (outcome, answer.code) == (Outcome.UNKNOWN, "isv.BUSINESS_LIMIT_CONTROL")


@pytest.mark.parametrize("body", [
    {**BODY, "PhoneNumbers": "1390000000"}, {**BODY, "PhoneNumbers": "13900000001,13900000002"},
    {**BODY, "TemplateParam": {"amount": 1}}, {k: v for k, v in BODY.items() if k != "PhoneNumbers"},
])  # fmt: skip
def test_what_cannot_be_written_does_not_go_out(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"PhoneNumbers|TemplateParam"):
        PARTY.build(Caller().call("send", body))


def test_the_phone_is_not_in_the_address() -> None:
    request = PARTY.build(Caller().call("send"))
    assert request.target == "/"
    assert "13900000001" not in repr(request.headers)


@pytest.mark.parametrize("spoil", ["body", "host", "date", "secret", "again"])
def test_the_simulator_believes_only_what_is_signed(spoil: str) -> None:
    caller = Caller()
    call = caller.call("send", now=START - 1000 if spoil == "date" else START)
    request = PARTY.build(call)
    if spoil == "body":
        request = replace(request, body=request.body + b"&x=1")
    if spoil == "secret":
        caller.sim.gate.secret = "other"
    if spoil == "again":
        caller.serve(request)
    reply = caller.serve(request, "elsewhere" if spoil == "host" else "sim.example:8751")
    expected = {"date": "InvalidTimeStamp.Expired", "again": "SignatureNonceUsed"}
    assert (reply.status, json.loads(reply.body)["Code"]) == (400, expected.get(spoil, "SignatureDoesNotMatch"))
    assert outcome_of(PARTY, "send", PARTY.read(call, request, reply)) is Outcome.UNKNOWN


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"Code":1}', b'{"Code":"OK"'])
def test_noise_is_never_taken_for_a_yes(body: bytes) -> None:
    caller = Caller()
    for op in ("send", "find"):
        call = caller.call(op)
        assert not PARTY.read(call, PARTY.build(call), HttpReply(200, (), body)).intact
    heard = PARTY.verify(caller.opened, HttpRequest("POST", "/", (), body), START)
    assert isinstance(heard, NotHeard)


KEY = "0123456789abcdef"


def push(target: str, body: bytes = b"[]", key: str = KEY) -> Heard | NotHeard:
    settings = PARTY.settings.model_validate({
        "access_key_id": "SMSKEY01", "access_key_secret": "secret-secret", "sign_name": "测试", "report_key": key,
    })  # fmt: skip
    return PARTY.verify(PARTY.open(settings), HttpRequest("POST", target, (), body), START)


def test_a_report_is_believed_only_under_the_key_of_its_address() -> None:
    heard = push(f"/callback/sms?key={KEY}", b'[{"out_id": "7"}]')
    assert isinstance(heard, Heard)
    assert (heard.body, json.loads(heard.accepted.body)["code"]) == ([{"out_id": "7"}], 0)
    for target in ("/callback/sms", "/callback/sms?key=", f"/callback/sms?key={KEY[:-1]}", f"/callback/sms?Key={KEY}",
                   f"/callback/sms?key={KEY}&key={KEY}", f"/callback/sms?key={KEY.upper()}"):  # fmt: skip
        refused = push(target)
        assert isinstance(refused, NotHeard), target
        assert refused.reply.status == 401
    assert push("/callback/sms?key=", key="").reply.status == 404  # type: ignore[union-attr]  # none is believed


def test_a_key_that_could_be_guessed_is_no_key() -> None:
    with pytest.raises(ValueError, match="report_key"):
        push("/callback/sms?key=short", key="short")
