"""The SOAP style of the HIS: the same operations in one string, and every way of carrying that string that is believed
or not."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.masking.bodies import as_text, show_exchange
from engine.parties.contract import Answer, Outgoing
from engine.parties.his import document
from engine.parties.his.soap import PARTY
from engine.parties.his.soap_settings import Settings

from .bench import EXAMPLE
from .judge import outcome_of

NOW, NONCE = 1795305600.0, "0123456789abcdef0123456789abcdef"
FILES = {"files": EXAMPLE}
ITEMS = "query.wait.balance.bill.item.list"
NS = "http://his.example/services"


def call(op: str, body: Any, number: str = "", **settings: Any) -> Outgoing:
    opened = PARTY.open(Settings.model_validate({"wsdl": "his_v1", "token": "T0KEN-OF-HIS", **settings}, context=FILES))
    return Outgoing(op, body, number, opened, {}, NOW, NONCE)


def string_of(request: HttpRequest) -> str:
    """The parameter as the other side's parser sees it."""
    found = re.search(rb"<param>(.*)</param>", request.body, re.DOTALL)
    assert found is not None
    text = found[1].decode("utf-8")
    return text[9:-3] if text.startswith("<![CDATA[") else unescape(text)


def reply(text: str, status: int = 200, encoding: str = "utf-8") -> HttpReply:
    inner = text.replace("&", "&amp;").replace("<", "&lt;")
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<r:callServiceResponse xmlns:r="{NS}"><result>{inner}</result></r:callServiceResponse></s:Body></s:Envelope>'
    )
    return HttpReply(status, (("Content-Type", "text/xml;charset=utf-8"),), body.encode(encoding))


def read(op: str, text: str, body: Any = None, number: str = "", **settings: Any) -> Answer:
    asked = call(op, body or {}, number, **settings)
    return PARTY.read(asked, PARTY.build(asked), reply(text))


def answer(data: str, result: str = "0", more: str = "") -> str:
    return f"<response><resultCode>{result}</resultCode><resultMsg>x</resultMsg>{more}<data>{data}</data></response>"


LOCK = {"billNo": "B1", "lockNo": "S1L", "amount": 120000, "expireTime": "2026-11-22 10:00:00"}


def test_the_string_holds_code_token_message_number_time_and_params() -> None:
    request = PARTY.build(call("lock.bill", LOCK, "S1L"))
    assert request.target == "/services/HisService"
    assert b"<serviceCode>LockBill</serviceCode>" in request.body
    assert string_of(request) == (
        '<?xml version="1.0" encoding="UTF-8"?><request><serviceCode>LockBill</serviceCode><token>T0KEN-OF-HIS</token>'
        f"<msgId>{NONCE}</msgId><time>2026-11-22 08:00:00</time><params><billNo>B1</billNo><lockNo>S1L</lockNo>"
        "<amount>120000</amount><expireTime>2026-11-22 10:00:00</expireTime></params></request>"
    )


def test_the_same_in_json_in_yuan_and_under_other_names() -> None:
    names = {"code": "code", "message": "", "time": "", "params": ""}
    request = PARTY.build(call(
        "lock.bill", LOCK, "S1L", content="json", amounts="yuan", names=names, codes={"lock.bill": "SuoDing"},
    ))  # fmt: skip
    assert json.loads(string_of(request)) == {
        "code": "SuoDing", "token": "T0KEN-OF-HIS", "billNo": "B1", "lockNo": "S1L", "amount": "1200.00",
        "expireTime": "2026-11-22 10:00:00",
    }  # fmt: skip


def test_what_the_engine_says_itself_a_map_may_not_say() -> None:
    with pytest.raises(ValueError, match="token is the engine's own"):
        PARTY.build(call("query.patient.info", {"token": "1"}, names={"params": ""}))


def test_our_number_goes_out_or_nothing() -> None:
    with pytest.raises(ValueError, match=r"lockNo must be own\.number"):
        PARTY.build(call("lock.bill", LOCK, "S2L"))


@pytest.mark.parametrize(("carried", "charset"), [("latin1", "GBK"), ("base64", "GB18030"), ("base64", "UTF-8")])
def test_bytes_of_another_set_in_the_string_both_ways(carried: str, charset: str) -> None:
    settings = {"carried": carried, "charset": charset}
    text = string_of(PARTY.build(call("query.patient.info", {"patientName": "测试甲"}, **settings)))
    data = text.encode("latin-1") if carried == "latin1" else base64.b64decode(text)
    assert "<patientName>测试甲</patientName>" in data.decode(charset)
    told = answer("<patientName>测试甲</patientName>").encode(charset)
    back = told.decode("latin-1") if carried == "latin1" else base64.b64encode(told).decode()
    assert read("query.patient.info", back, **settings).body == {"patientName": "测试甲"}


def test_a_character_that_the_declared_set_does_not_have_is_never_sent() -> None:
    with pytest.raises(Undecodable, match="does not exist in GBK"):
        PARTY.build(call("query.patient.info", {"patientName": "测试𠮷"}, charset="GBK"))


@pytest.mark.parametrize("items", [
    "<items><row><lineNo>1</lineNo></row><row><lineNo>2</lineNo></row></items>",
    "<items><lineNo>1</lineNo></items><items><lineNo>2</lineNo></items>",
])  # fmt: skip
def test_lists_however_they_are_written(items: str) -> None:
    assert read(ITEMS, answer(items)).body == {"items": [{"lineNo": "1"}, {"lineNo": "2"}], "diagnoses": []}


@pytest.mark.parametrize("data", ["", "<items/>", "<items></items><diagnoses/>", "<items><row/></items>"])
def test_an_empty_list_is_a_list(data: str) -> None:
    assert read(ITEMS, answer(data)).body == {"items": [], "diagnoses": []}


def test_one_of_a_list_is_still_a_list() -> None:
    told = read("query.wait.balance.bill.list", answer("<bills><row><amount>100</amount></row></bills>"))
    assert told.body == {"bills": [{"amount": 100}]}


def test_json_inside_json() -> None:
    text = json.dumps({"resultCode": 0, "data": json.dumps({"bills": [{"amount": "12.50"}]})})
    assert read("query.wait.balance.bill.list", text, amounts="yuan").body == {"bills": [{"amount": 1250}]}


@pytest.mark.parametrize(("result", "good", "outcome"), [
    ("0", None, Outcome.ACCEPTED), ("1", ["1"], Outcome.ACCEPTED), ("true", ["true"], Outcome.ACCEPTED),
    ("BILL_LOCKED", None, Outcome.REFUSED), ("DUPLICATE", None, Outcome.UNKNOWN), ("OK", None, Outcome.UNKNOWN),
    ("1", None, Outcome.UNKNOWN), ("-1", None, Outcome.UNKNOWN), ("0", ["1"], Outcome.UNKNOWN), ("", None,
        Outcome.UNKNOWN),
])  # fmt: skip
def test_only_a_listed_result_is_done_and_only_a_listed_code_a_no(
    result: str, good: list[str] | None, outcome: Outcome
) -> None:
    settings = {"good": good} if good else {}
    found = read("lock.bill", answer("<billNo>B1</billNo>", result), LOCK, "S1L", **settings)
    assert outcome_of(PARTY, "lock.bill", found) is outcome


@pytest.mark.parametrize("text", [
    "", " ", "成功", "<response/>", "<response>", answer("")[:-5], "[1]", '{"resultCode":"0"', '{"resultCode":[0]}',
    answer("", more=f"<msgId>{'0' * 32}</msgId>"), answer("<a>1</a><a>2</a>"), answer("<amount>12.50</amount>"),
    answer("<n>测试\ufffd</n>"), '{"resultCode":"0","data":{"n":"\ufffd"}}', answer("<n>²âÊÔ¼×</n>"),
    '{"resultCode":"0","data":{"n":"²âÊÔ"}}',
])  # fmt: skip
def test_what_is_no_answer(text: str) -> None:
    found = read("lock.bill", text, LOCK, "S1L")
    assert outcome_of(PARTY, "lock.bill", found) is Outcome.UNKNOWN
    assert not found.intact


def test_a_middle_dot_in_a_name_is_no_misread_character_set() -> None:
    told = answer("<patientName>阿·测试 José</patientName>")
    assert read("query.patient.info", told).body == {"patientName": "阿·测试 José"}


def test_bytes_of_gbk_in_an_envelope_that_says_utf_8() -> None:
    text = answer("<patientName>测试甲</patientName>")
    for settings, good in (({}, False), ({"reply_bytes": "GBK"}, True)):
        asked = call("query.patient.info", {}, **settings)
        found = PARTY.read(asked, PARTY.build(asked), reply(text, encoding="gb18030"))
        assert found.intact is good
        assert not good or found.body == {"patientName": "测试甲"}


def test_a_fault_is_unknown_whatever_it_says() -> None:
    asked = call("lock.bill", LOCK, "S1L")
    body = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode>'
        b"<faultstring>BILL_LOCKED</faultstring></s:Fault></s:Body></s:Envelope>"
    )
    found = PARTY.read(asked, PARTY.build(asked), HttpReply(500, (("Content-Type", "text/xml"),), body))
    assert (found.code, outcome_of(PARTY, "lock.bill", found)) == ("FAULT:Client", Outcome.UNKNOWN)


@pytest.mark.parametrize(("settings", "word"), [
    ({"wsdl": "nobody"}, "wsdl: there is no"), ({"method": "fly"}, "method: his_v1.wsdl has callService"),
    ({"input_field": "inXml"}, "input_field"), ({"output_field": "out"}, "output_field"),
    ({"codes": {"fly": "1"}}, "codes: fly"), ({"names": {"root": "x"}}, "root: there is request"),
])  # fmt: skip
def test_settings_that_do_not_fit_are_named(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        call("lock.bill", {}, **settings)


@given(st.text(max_size=40), st.sampled_from(["text", "latin1", "base64"]), st.sampled_from(["UTF-8", "GBK"]))
def test_no_string_of_the_his_breaks_the_reading(text: str, carried: str, charset: str) -> None:
    with suppress(Undecodable):
        document.parse_document(document.uncarried(text, carried, charset), ("items",), "row")


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn", "Zs"), exclude_characters="\ufffd"),
    min_size=1, max_size=12), min_size=1), st.sampled_from(["xml", "json"]))  # fmt: skip
def test_what_is_printed_is_read_again(tree: dict[str, str], content: str) -> None:
    made = {"data": tree, "items": [{"n": "1"}]}
    text = document.print_document(content, "response", made, "UTF-8", "row")
    told = document.uncarried(document.carried(text, "base64", "UTF-8"), "base64", "UTF-8")
    assert document.parse_document(told, ("items",), "row") == made


@pytest.mark.parametrize("content", ["xml", "json"])
def test_persons_are_covered_where_the_bytes_are_shown(content: str) -> None:
    asked = call("query.patient.info", {"patientName": "测试甲", "cardNo": "370202199001010117"}, content=content)
    request = PARTY.build(asked)
    told = {"resultCode": "0", "data": {"patientName": "测试甲", "idNo": "370202199001010117", "phone": "13800000001"}}
    text = json.dumps(told, ensure_ascii=False) if content == "json" else answer(
        "".join(f"<{name}>{value}</{name}>" for name, value in told["data"].items()))  # type: ignore[attr-defined]
    sent = f"POST {request.target} HTTP/1.1\r\n\r\n".encode() + request.body
    one, two, _ = show_exchange(sent, reply(text).body)
    shown = f"{as_text(one)}{as_text(two)}"
    for secret in ("测试甲", "370202199001010117", "13800000001", "T0KEN-OF-HIS"):
        assert secret not in shown
