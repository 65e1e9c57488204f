"""Dareway, Neusoft and Yinhai: bytes on the wire, answers that are none, settings that name what is not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.core.http import HttpReply
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.registry import PARTIES

from .bench import EXAMPLE, START, Town, served
from .judge import outcome_of

NUMBER = "202611221000000001"
CREDENTIAL = {"klx": "1", "kh": "A12345678", "kxlh": "SIMSN0001"}
PERSON = {
    "dareway": {"p_grbh": "A12345678", "p_xm": "测试甲", "p_yltclb": "6"}, "neusoft": CREDENTIAL, "yinhai": CREDENTIAL,
}  # fmt: skip
SIGN_IN = {"dareway": "login", "neusoft": "sign_in", "yinhai": "sign_in"}
VENDORS = list(PERSON)


class Caller:
    """Calls the simulator through the party, signed in."""

    def __init__(self, kind: str, **more: Any) -> None:
        self.town, self.kind, self.party = Town(), kind, PARTIES[kind]
        self.sim = self.town.sims[kind]
        self.settings = opened(kind, self.town, **more)
        self.session: dict[str, str] = {}
        signed = self(SIGN_IN[kind], {}, "202611221000000009").body
        self.session = {name: signed[name] for name in ("token", "ywzqh") if name in signed}

    def outgoing(self, op: str, body: dict[str, Any], number: str = NUMBER) -> Outgoing:
        return Outgoing(op, body, number, self.settings, self.session, START, "0" * 32)

    def __call__(self, op: str, body: dict[str, Any], number: str = NUMBER) -> Answer:
        call = self.outgoing(op, body, number)
        request = self.party.build(call)
        return self.party.read(call, request, served(self.sim, request))

    def outcome(self, op: str, body: dict[str, Any], number: str = NUMBER) -> tuple[Outcome, Answer]:
        answer = self(op, body, number)
        return outcome_of(self.party, op, answer), answer

    def spoiled(self, op: str, body: dict[str, Any], spoil: Callable[[str], str]) -> Answer:
        call = self.outgoing(op, body)
        request = self.party.build(call)
        reply = served(self.sim, request)
        return self.party.read(call, request, replace(reply, body=spoil(reply.body.decode()).encode()))


def opened(kind: str, town: Town, files: dict[str, bytes] | None = None, **more: Any) -> Any:
    card = town.sims[kind].card("http://sim")
    base = {"dareway": town._dareway, "neusoft": town._neusoft, "yinhai": town._yinhai}[kind](card)
    party = PARTIES[kind]
    return party.open(party.settings.model_validate({**base, **more}, context={"files": files or EXAMPLE}))


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_person_is_read(kind: str, version: str) -> None:
    outcome, answer = Caller(kind, version=version).outcome("person", PERSON[kind])
    assert (outcome, answer.code, answer.body["xm"]) == (Outcome.ACCEPTED, "0", "测试甲")


def test_the_line_that_goes_into_business_handle() -> None:
    caller = Caller("neusoft")
    caller.session = {"ywzqh": "C1"}
    body = caller.party.build(caller.outgoing("reverse", {"yjylsh": "202611221000000007", "yjybh": "settle"})).body
    line = (
        "<inputData>2421^H37020000000^K01^C1^20261122100000-H37020000000-0001^0000"
        "^20261122100000-H37020000000-0007|2410|^1^</inputData>"
    )
    assert line in body.decode()


def test_the_parameters_of_invoke() -> None:
    caller = Caller("dareway")
    caller.session = {"token": "T1"}
    body = caller.party.build(caller.outgoing("ask", {"p_hisjyh": "N7"})).body.decode()
    assert (
        f"<sbjgbh>370200</sbjgbh><token>T1</token><hisjyh>{NUMBER}</hisjyh><method>ask_for_si</method>"
        '<jsonPara>{"p_hisjyh":"N7"}</jsonPara><yybm>H37020000000</yybm>'
    ) in body


def test_the_second_phase_of_yinhai() -> None:
    caller = Caller("yinhai")
    body = caller.party.build(caller.outgoing("confirm", {"jylsh": "YH1", "jyyzm": "V1"})).body.decode()
    assert "<astr_jylsh>YH1</astr_jylsh><astr_jyyzm>V1</astr_jyyzm>" in body
    assert caller.outcome("confirm", {"jylsh": "YH1", "jyyzm": "V1"})[0] is Outcome.UNKNOWN
    assert caller.outcome("uncertain", {})[1].body == {"row": []}


@pytest.mark.parametrize(("kind", "code"), [("dareway", "-6"), ("neusoft", "-1"), ("yinhai", "-6")])
def test_a_result_nobody_knows_is_unknown(kind: str, code: str) -> None:
    caller = Caller(kind)
    function = next(iter(name for name in caller.sim.functions if name not in ("login",)))
    outs = caller.sim.refused("unsure", function, {})
    call = caller.outgoing("settle", {"mzlsh": "MZ1", "zje": "1.00"})
    reply = HttpReply(200, (("Content-Type", "text/xml"),), caller.sim._reply("1.1", function, outs).body)
    answer = caller.party.read(call, caller.party.build(call), reply)
    assert (answer.intact, answer.code, outcome_of(caller.party, "settle", answer)) == (True, code, Outcome.UNKNOWN)


LOST: dict[str, Callable[[str], dict[str, str]]] = {
    "dareway": lambda words: {"result": f'{{"resultcode": "-1", "resulttext": "{words}"}}'},
    "neusoft": lambda words: {"result": "-1", "outputData": words},
    "yinhai": lambda words: {"aint_appcode": "-1", "astr_appmsg": words},
}  # fmt: skip


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize("op", ["person", "quote", "settle"])
@pytest.mark.parametrize(("words", "asked", "changed"), [
    ("与医保中心通讯超时", Outcome.UNKNOWN, Outcome.UNKNOWN), ("网络异常", Outcome.UNKNOWN, Outcome.UNKNOWN),
    ("读卡超时", Outcome.REFUSED, Outcome.UNKNOWN), ("未查询到参保信息", Outcome.REFUSED, Outcome.REFUSED),
])  # fmt: skip
def test_a_lost_line_in_words_is_no_answer_to_a_question_either(
    kind: str, op: str, words: str, asked: Outcome, changed: Outcome
) -> None:
    """A patient was turned away because the bridge had not reached the centre; now it is asked again."""
    caller = Caller(kind)
    request = caller.party.build(caller.outgoing("person", PERSON[kind]))
    function = {"dareway": "invoke", "neusoft": "BUSINESS_HANDLE", "yinhai": "yh_interface_call"}[kind]
    reply = HttpReply(200, (("Content-Type", "text/xml"),), caller.sim._reply("1.1", function, LOST[kind](words)).body)
    outcome = outcome_of(caller.party, op, caller.party.read(caller.outgoing(op, {}), request, reply))
    if (kind, op) == ("neusoft", "settle"):  # a site explains which of its words are a no
        changed = Outcome.UNKNOWN
    assert outcome is (changed if op == "settle" else asked)


@pytest.mark.parametrize("kind", VENDORS)
def test_a_sign_in_that_is_gone_says_so(kind: str) -> None:
    caller = Caller(kind)
    caller.session = {"token": "old", "ywzqh": "old"}
    outcome, answer = caller.outcome("person", PERSON[kind])
    assert (answer.session_lost, outcome) == (True, Outcome.REFUSED)


@pytest.mark.parametrize(("kind", "spoil"), [
    (kind, spoil) for kind in VENDORS for spoil in (
        lambda text: "", lambda text: text[: len(text) // 2], lambda text: "<html><body>login</body></html>",
        lambda text: text.replace(".example/", ".other/"), lambda text: text.replace("测试甲", "测试\ufffd"),
    )
] + [
    ("dareway", lambda text: text.replace('"resultcode"', '"code"')),
    ("dareway", lambda text: text.replace(NUMBER, "202611221000000099")),
    ("neusoft", lambda text: text.replace("<result>0", "<result>")),
    ("neusoft", lambda text: text.replace("^1^", "^")),
    ("neusoft", lambda text: text.replace("|", "")),
    ("yinhai", lambda text: text.replace("<aint_appcode>0", "<aint_appcode>")),
    ("yinhai", lambda text: text.replace(f"&gt;{NUMBER}&lt;", "&gt;202611221000000099&lt;")),
    ("yinhai", lambda text: text.replace("&lt;/output&gt;", "")),
])  # fmt: skip
def test_an_answer_with_one_thing_wrong_proves_nothing(kind: str, spoil: Callable[[str], str]) -> None:
    caller = Caller(kind)
    answer = caller.spoiled("person", PERSON[kind], spoil)
    if answer.intact:  # Dareway's JSON carries a lost character; no outcome hangs on a person's name
        assert kind == "dareway"
        return
    assert outcome_of(caller.party, "person", answer) is Outcome.UNKNOWN


def test_a_value_with_a_separator_is_refused_or_widened() -> None:
    caller, wide = Caller("neusoft"), Caller("neusoft", escape="fullwidth")
    body = {"mzlsh": "MZ|1"}
    with pytest.raises(ValueError, match="mzlsh"):
        caller.party.build(caller.outgoing("unregister", body))
    assert "MZ｜1|" in wide.party.build(wide.outgoing("unregister", body)).body.decode()
    with pytest.raises(ValueError, match="'𠮷' does not exist in GBK"):
        caller.party.build(caller.outgoing("person", {"kh": "𠮷"}))


@pytest.mark.parametrize(("kind", "more", "why"), [
    ("dareway", {"wsdl": "neusoft_v1"}, "login"), ("neusoft", {"wsdl": "none"}, "there is no schemas/wsdl/none.wsdl"),
    ("yinhai", {"wsdl": "dareway_v1"}, "yh_interface_call"), ("neusoft", {"codes": {"fly": "1"}}, "codes: fly"),
    ("dareway", {"methods": {"fly": "x"}}, "methods: fly"), ("yinhai", {"codes": {"fly": "1"}}, "codes: fly"),
    ("neusoft", {"layout": "none"}, "there is no schemas/layouts/none.csv"),
])  # fmt: skip
def test_settings_that_name_what_is_not_there(kind: str, more: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        opened(kind, Town(), **more)
