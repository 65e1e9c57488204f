"""The Qingdao party: bytes at their documented places, answers that are none, settings that name a wrong layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.codecs.fixed_length import Unfit
from engine.core.http import HttpReply
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.qingdao_legacy.party import PARTY
from engine.parties.qingdao_legacy.settings import Settings
from engine.site.files import read_files
from engine.site.load import lint
from simulators.qingdao import QingdaoSim

from .bench import FILES, START, Town, served
from .judge import outcome_of

ROOT = Path(__file__).resolve().parents[2]
BASE = {"hospital": "37001", "terminal": "K01", "operator": "K01", "layout": "qingdao_legacy"}
CARD = {"card_no": "A12345678"}
ORDER = {
    "person_no": "0000000001000001", "dept": "KQ01", "doctor": "D01", "card_no": "A12345678", "name": "测试甲",
    "total": "1200.00", "amount": "320.50", "account": "320.50",
}  # fmt: skip
NUMBER = "202611221000000001"


def opened(files: Mapping[str, bytes] = FILES, **more: Any) -> Any:
    return PARTY.open(Settings.model_validate({**BASE, **more}, context={"files": files}))


class Caller:
    """Calls the simulator through the party."""

    def __init__(self, **more: Any) -> None:
        self.sim: QingdaoSim = Town().sims["qingdao_legacy"]
        self.settings = opened(**more)

    def outgoing(self, op: str, body: dict[str, Any], number: str = NUMBER) -> Outgoing:
        return Outgoing(op, body, number, self.settings, {}, START, "0" * 32)

    def reply(self, op: str, body: dict[str, Any]) -> HttpReply:
        return served(self.sim, PARTY.build(self.outgoing(op, body)))

    def read(self, op: str, body: dict[str, Any], reply: HttpReply) -> Answer:
        call = self.outgoing(op, body)
        return PARTY.read(call, PARTY.build(call), reply)

    def __call__(self, op: str, body: dict[str, Any]) -> tuple[Outcome, Answer]:
        answer = self.read(op, body, self.reply(op, body))
        return outcome_of(PARTY, op, answer), answer


def test_the_bytes_of_an_order() -> None:
    data = PARTY.build(Caller().outgoing("pay", ORDER)).body
    assert len(data) == 4096
    assert (data[:4], data[-4:]) == (b"SSSS", b"ZZZZ")
    assert (data[4:20], data[20:25], data[25:30]) == (b"20261122/100000/", b"YL001", b"     ")
    assert (data[30:35], data[35:45], data[109:119]) == (b"37001", b"K01       ", b"K01       ")
    assert data[126:226] == NUMBER.encode().ljust(100)
    assert data[226:258] == b"0000000001000001".ljust(32)
    assert data[302:402] == "测试甲".encode("gbk").ljust(100)
    assert data[402:432] == b"0001200.000000320.500000320.50"
    assert data[432:4092] == b" " * 3660


def test_a_payment_and_its_inquiry() -> None:
    caller = Caller()
    outcome, answer = caller("pay", ORDER)
    assert (outcome, answer.code, answer.text) == (Outcome.ACCEPTED, "00000", "交易成功")
    assert (answer.body["cost"], answer.body["balance"], answer.body["serial"]) == ("320.50", "0.00", "QD0000000001")
    outcome, answer = caller("query", {"original": NUMBER})
    assert (outcome, answer.body["result"], answer.body["transaction"][:9]) == (Outcome.ACCEPTED, "0001", "T20261122")


@pytest.mark.parametrize("more", [
    {"charset": "GB18030"}, {"number_in": "exchange"}, {"echoed": False}, {"amounts": "fen"},
])  # fmt: skip
def test_connections_that_differ(more: dict[str, Any]) -> None:
    caller = Caller(**more)
    for name in ("charset", "amounts"):
        if name in more:
            caller.sim.act({"act": "set", name: more[name]})
    outcome, answer = caller("pay", ORDER)
    assert (outcome, answer.body["cost"]) == (Outcome.ACCEPTED, "320.50")
    assert caller.sim.ledger.rows[0].no == NUMBER


def test_states_and_codes_and_what_they_mean() -> None:
    caller = Caller()
    outcome, answer = caller("pay", {**ORDER, "amount": "400.00", "account": "400.00"})
    assert (outcome, answer.code, answer.text) == (Outcome.UNKNOWN, "STATE:0002", "个人账户余额不足")
    outcome, answer = caller("person", {"card_no": "A0"})
    assert (outcome, answer.code, answer.text) == (Outcome.REFUSED, "E0003", "未查询到人员信息")
    for fault, code in (("offline", "P0091"), ("offline_after", "P0092")):
        for op, body in (("pay", ORDER), ("person", CARD)):
            call = caller.outgoing(op, body)
            true = None if fault == "offline" else served(caller.sim, PARTY.build(call))
            reply = caller.sim.break_reply(fault, PARTY.build(call).body[20:25].decode(), _req(PARTY.build(call).body),
                                           None if true is None else _resp(true))  # fmt: skip
            answer = PARTY.read(call, PARTY.build(call), HttpReply(200, (), reply.body))
            assert (answer.code, outcome_of(PARTY, op, answer)) == (code, Outcome.UNKNOWN)


def _req(data: bytes) -> Any:
    from simulators.base.wire import Req

    return Req("TCP", "/", "/", {}, {}, data, "memory:0")


def _resp(reply: HttpReply) -> Any:
    from simulators.base.wire import Resp

    return Resp(200, reply.body)


def at(place: int, data: bytes) -> Callable[[bytes], bytes]:
    return lambda whole: whole[:place] + data + whole[place + len(data) :]


@pytest.mark.parametrize(("spoil", "why"), [
    (lambda data: data[:-1], "4095 bytes"), (lambda data: data + b" ", "4097 bytes"), (lambda data: b"", "0 bytes"),
    (lambda data: data[:2048], "2048 bytes"), (at(0, b"TTTT"), "SSSS"), (at(4092, b"    "), "ZZZZ"),
    (at(20, b"YL002"), "of type 'YL002'"), (at(25, b"     "), "no back code"), (at(126, b"9"), "not about our serial"),
    (at(329, b"\xc7"), "half a character"), (at(362, b"00000x0.00"), "no number"),
    (at(362, b"000320.505"), "no amount"),
    (at(382, b"2026-11-22 10:00"), "yyyyMMdd"),
])  # fmt: skip
def test_an_answer_with_one_thing_wrong_proves_nothing(spoil: Callable[[bytes], bytes], why: str) -> None:
    caller = Caller()
    good = caller.reply("pay", ORDER)
    answer = caller.read("pay", ORDER, replace(good, body=spoil(good.body)))
    assert not answer.intact
    assert why in answer.text
    assert outcome_of(PARTY, "pay", answer) is Outcome.UNKNOWN


def test_every_single_byte_of_the_envelope_counts() -> None:
    caller = Caller()
    good = caller.reply("pay", ORDER).body
    for place in (*range(4), *range(20, 25), *range(126, 144), *range(4092, 4096)):
        spoiled = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        assert not caller.read("pay", ORDER, HttpReply(200, (), spoiled)).intact, place


@pytest.mark.parametrize(("body", "why"), [
    ({**ORDER, "name": "测试𠮷"}, "'𠮷' does not exist in GBK"), ({**ORDER, "name": "长" * 51}, "character 51"),
    ({**ORDER, "dept": "科室一"}, "'一'"), ({**ORDER, "total": "1"}, None), ({**ORDER, "total": 1.5}, "no amount"),
    ({**ORDER, "total": "12.345"}, "no amount"), ({**ORDER, "type": "X"}, "engine's own"),
    ({**ORDER, "nmae": "X"}, "no field"),
])  # fmt: skip
def test_what_cannot_be_written_does_not_go_out(body: dict[str, Any], why: str | None) -> None:
    call = Caller().outgoing("pay", body)
    if why is None:
        assert PARTY.build(call).body[402:412] == b"0000001.00"
        return
    with pytest.raises(ValueError, match=why):
        PARTY.build(call)


def test_half_a_character_is_refused_with_its_name() -> None:
    assert PARTY.build(Caller().outgoing("pay", {**ORDER, "dept": "a科b"})).body[258:262] == "a科b".encode("gbk")
    with pytest.raises(Unfit) as no:
        PARTY.build(Caller().outgoing("pay", {**ORDER, "dept": "a科室"}))
    assert (no.value.field, no.value.char, no.value.offset) == ("dept", "室", 258 + 3)
    assert "only half of it would fit" in str(no.value)


# The layout file


def edited(*changes: tuple[str, str]) -> dict[str, bytes]:
    name = "schemas/layouts/qingdao_legacy.csv"
    text = FILES[name].decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return {**FILES, name: text.encode()}


@pytest.mark.parametrize(("changes", "why"), [
    ((("header,version,7", "header,version,8"),), "4097 bytes long"),
    ((("body,,3766", "body,,400"), ), "730 bytes long"),
    ((("header,type,5", "header,kind,5"),), "has no type"),
    ((("pay.request,name,100", "pay.request,name,x"),), r"line \d+: bytes"),
])  # fmt: skip
def test_a_layout_that_does_not_fit_is_told(changes: tuple[tuple[str, str], ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        opened(edited(*changes))


def test_lint_names_a_layout_that_is_missing_or_wrong() -> None:
    files = read_files(ROOT)
    engine = files["engine.yaml"]
    missing = engine.replace(b"layout:   qingdao_legacy", b"layout:   qingdao_legcy")
    told = [one.en for one in lint({**files, "engine.yaml": missing}) if one.code == "E211"]
    assert len(told) == 1
    assert "there is no schemas/layouts/qingdao_legcy.csv" in told[0]
    wrong = edited(("pay.request,total,10,number", "pay.request,total,ten,number"))
    told = [one for one in lint({**files, **wrong}) if one.code == "E211"]
    assert len(told) == 1
    assert "qingdao_legacy.csv: line" in told[0].en
