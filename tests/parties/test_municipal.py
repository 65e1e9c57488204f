"""The municipal party face to face with the simulated platform, and with replies that are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.core.http import HttpReply
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.municipal.party import PARTY
from engine.parties.municipal.settings import Settings

from .bench import FILES, START, Town, served
from .judge import outcome_of

PERSON = {"klx": "1", "kh": "A12345678", "kxlh": "SIMSN0001"}
BASE = {"hospital": "H37020000000", "operator": "K01", "operator_name": "自助机", "wsdl": "municipal_v1"}


def opened(**more: Any) -> Any:
    return PARTY.open(Settings.model_validate({**BASE, **more}, context={"files": FILES}))


class Caller:
    """Calls the simulator through the party, with numbers as the engine draws them."""

    def __init__(self, **more: Any) -> None:
        self.town = Town()
        self.sim = self.town.sims["municipal"]
        self.settings, self.count, self.session = opened(**more), 0, {}
        self.session = {"ywzqh": self("sign_in").body["ywzqh"]}

    def number(self) -> str:
        self.count += 1
        return f"20261122100000{self.count:04d}"

    def outgoing(self, op: str, number: str = "", **body: Any) -> Outgoing:
        return Outgoing(op, body, number or self.number(), self.settings, self.session, START, "0" * 32)

    def __call__(self, op: str, number: str = "", **body: Any) -> Answer:
        call = self.outgoing(op, number, **body)
        request = PARTY.build(call)
        return PARTY.read(call, request, served(self.sim, request))

    def reply(self, op: str = "person", **body: Any) -> tuple[Outgoing, HttpReply]:
        """A true reply, to be spoiled."""
        call = self.outgoing(op, **(body or PERSON))
        return call, served(self.sim, PARTY.build(call))


@pytest.mark.parametrize("more", [
    {}, {"version": "1.2"}, {"charset": "GBK"}, {"cdata": False},
    {"strict": False, "path": "/services/InsuranceService"},
])  # fmt: skip
def test_a_person_is_read_whatever_the_connection_looks_like(more: dict[str, Any]) -> None:
    answer = Caller(**more)("person", **PERSON)
    assert (answer.intact, answer.code, answer.body["xm"], answer.body["ye"]) == (True, "0", "测试甲", "320.50")


def test_the_bytes_of_a_request() -> None:
    call = Outgoing("person", PERSON, "202611221000000001", opened(), {"ywzqh": "C1"}, START, "0" * 32)
    request = PARTY.build(call)
    assert (request.method, request.target) == ("POST", "/services/InsuranceService")
    assert request.header("SOAPAction") == '"http://municipal.example/insurance/callService"'
    assert (
        '<transCode>2100</transCode><inputXml><![CDATA[<?xml version="1.0" encoding="GB18030"?><input><head><jybh>2100'
        "</jybh><czybh>K01</czybh><ywzqh>C1</ywzqh><jylsh>202611221000000001</jylsh><yljgbh>H37020000000</yljgbh>"
        "<jysj>2026-11-22 10:00:00</jysj></head><body><klx>1</klx><kh>A12345678</kh><kxlh>SIMSN0001</kxlh></body>"
        "</input>]]>"
    ) in request.body.decode()


def test_a_name_the_platform_cannot_take_is_refused_before_it_is_sent() -> None:
    call = Outgoing("person", {"xm": "测试𠮷"}, "1", opened(charset="GBK"), {}, START, "")
    with pytest.raises(ValueError, match="'𠮷' does not exist in GBK"):
        PARTY.build(call)


def test_codes_of_another_city() -> None:
    settings = opened(codes={"settle": "3410", "reverse": "3421"})
    call = Outgoing("reverse", {"yjylsh": "1", "yjybh": "settle"}, "2", settings, {}, START, "")
    assert b"<jybh>3421</jybh>" in PARTY.build(call).body
    assert b"<yjybh>3410</yjybh>" in PARTY.build(call).body


@pytest.mark.parametrize(("more", "field"), [
    ({"wsdl": "other"}, "wsdl"), ({"method": "call"}, "method"), ({"input_field": "x"}, "input_field"),
    ({"codes": {"sttle": "1"}}, "codes"),
])  # fmt: skip
def test_a_connection_that_does_not_fit_its_description_is_not_opened(more: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        opened(**more)


def judged(call: Outgoing, reply: HttpReply, op: str = "") -> tuple[str, Outcome]:
    answer = PARTY.read(call, PARTY.build(call), reply)
    return answer.code or answer.text, outcome_of(PARTY, op or call.op, answer)


SPOILED = {
    "soap_fault": "FAULT:Server", "wrong_namespace": "SOAP-NAMESPACE", "half_xml": "XML-SYNTAX",
    "empty_body": "SOAP-EMPTY", "inner_utf8": "CHARSET", "bad_signature": "SOAP-VALUES",
}  # fmt: skip


@pytest.mark.parametrize("kind", SPOILED)
@pytest.mark.parametrize("op", ["person", "settle", "query", "cancel"])
def test_every_spoiled_reply_has_a_name_and_proves_nothing(kind: str, op: str) -> None:
    caller = Caller()
    call, reply = caller.reply(op, yjylsh="202611220000000001")
    req = PARTY.build(call)
    from simulators.base.wire import Req, Resp

    resp = caller.sim.break_reply(kind, op, Req("POST", req.target, req.path, {}, {}, req.body),
                                  Resp(reply.status, reply.body, dict(reply.headers)))  # fmt: skip
    bad = HttpReply(resp.status, tuple(resp.headers.items()), resp.body)
    assert judged(call, bad) == (SPOILED[kind], Outcome.UNKNOWN)


@pytest.mark.parametrize(("reply", "code"), [
    (HttpReply(200, (("Content-Type", "text/html"),), b"<!DOCTYPE html><html>login</html>"), "SOAP-HTML"),
    (HttpReply(500, (), b"Internal Server Error"), "XML-SYNTAX"), (HttpReply(502, (), b""), "SOAP-EMPTY"),
    (HttpReply(200, (), b'{"code": 0}'), "XML-SYNTAX"), (HttpReply(204, (), b""), "SOAP-EMPTY"),
    (HttpReply(200, (("Content-Type", "multipart/related"),), b"--x"), "SOAP-MULTIPART"),
])  # fmt: skip
def test_what_is_no_reply_is_unknown_for_money_and_for_reading(reply: HttpReply, code: str) -> None:
    caller = Caller()
    for op in ("settle", "person", "query"):
        assert judged(caller.outgoing(op, **PERSON), reply) == (code, Outcome.UNKNOWN)


def test_a_good_envelope_with_a_bad_status_proves_nothing() -> None:
    call, reply = Caller().reply()
    assert judged(call, replace(reply, status=500)) == ("HTTP", Outcome.UNKNOWN)


def test_an_answer_about_another_number_is_not_ours() -> None:
    caller = Caller()
    call, reply = caller.reply()
    late = replace(call, number="202611221000009999")
    assert judged(late, reply)[1] is Outcome.UNKNOWN


def test_a_good_code_without_what_it_promises_proves_nothing() -> None:
    caller = Caller()
    call, reply = caller.reply()
    assert judged(call, replace(reply, body=reply.body.replace(b"grbh>", b"grb>")))[1] is Outcome.UNKNOWN


@pytest.mark.parametrize(("op", "code", "text", "outcome"), [
    ("settle", "-10", "业务校验失败", Outcome.REFUSED), ("settle", "-10", "数据库超时", Outcome.UNKNOWN),
    ("person", "-10", "未查询到参保信息", Outcome.REFUSED), ("settle", "-6", "", Outcome.UNKNOWN),
    ("settle", "-12", "交易流水号重复", Outcome.UNKNOWN), ("settle", "-13", "", Outcome.REFUSED),
    ("cancel", "-21", "", Outcome.ACCEPTED), ("reverse", "-21", "", Outcome.ACCEPTED),
    ("settle", "-21", "", Outcome.REFUSED),
    ("reverse", "-20", "未找到原交易", Outcome.UNKNOWN), ("cancel", "-20", "", Outcome.REFUSED),
    ("unload", "-22", "", Outcome.ACCEPTED), ("settle", "-77", "nobody listed it", Outcome.UNKNOWN),
    ("settle", "FAULT:Client", "", Outcome.UNKNOWN), ("person", "FAULT:Server", "", Outcome.UNKNOWN),
])  # fmt: skip
def test_what_a_code_means(op: str, code: str, text: str, outcome: Outcome) -> None:
    assert outcome_of(PARTY, op, Answer(True, code, text)) is outcome


def test_a_lost_cycle_is_told_apart() -> None:
    caller = Caller()
    caller.sim.act({"act": "expire_signin"})
    answer = caller("person", **PERSON)
    assert (answer.code, answer.session_lost) == ("-91", True)
