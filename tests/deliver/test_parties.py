"""The parties deliver channels send to: the bytes they are sent, and what their answers prove."""

from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from engine.codecs.hl7_charset import Unwritable
from engine.codecs.hl7v2 import parse
from engine.codecs.xml_tree import print_xml
from engine.core.http import HttpReply
from engine.core.outcome import Outcome
from engine.parties import mllp, subscriber
from engine.parties.contract import Outgoing
from engine.parties.outcome_table import judge

NOW = 1_795_312_800.0  # 2026-11-22 10:00 in Beijing


def _call(settings: Any, body: Any, op: str = "post") -> Outgoing:
    return Outgoing(op, body, "7321", settings, {}, NOW, "")


def test_a_signed_json_message_carries_its_number() -> None:
    settings = subscriber.Settings(path="/in", secret="k" * 16)
    request = subscriber.PARTY.build(_call(settings, {"name": "测试甲", "n": Decimal("1.50")}))
    assert (request.method, request.target, request.body) == ("POST", "/in", '{"name":"测试甲","n":1.50}'.encode())
    assert request.header("X-Message-No") == "7321"
    sign = hmac.new(b"k" * 16, b"7321\n" + request.body, hashlib.sha256).hexdigest()
    assert request.header("X-Signature") == sign
    assert "kkkk" not in repr(settings)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b"", Outcome.ACCEPTED), (204, b"", Outcome.ACCEPTED), (201, b'{"ok":false}', Outcome.ACCEPTED),
        (400, b"", Outcome.REFUSED), (422, b"", Outcome.REFUSED), (410, b"", Outcome.REFUSED),
        (404, b"", Outcome.UNKNOWN), (404, b'{"status":404,"error":"Not Found"}', Outcome.UNKNOWN),
        (401, b"", Outcome.UNKNOWN), (408, b"", Outcome.UNKNOWN), (409, b"", Outcome.UNKNOWN),
        (429, b"", Outcome.UNKNOWN),
        (500, b"", Outcome.UNKNOWN), (503, b"", Outcome.UNKNOWN), (302, b"", Outcome.UNKNOWN),
        (200, b"<html><body>login</body></html>", Outcome.UNKNOWN),
        (200, b"<!DOCTYPE html><html></html>", Outcome.UNKNOWN),
    ],
)  # fmt: skip
def test_what_a_subscribers_answer_proves(status: int, body: bytes, outcome: Outcome) -> None:
    call = _call(subscriber.Settings(), {})
    answer = subscriber.PARTY.read(call, subscriber.PARTY.build(call), HttpReply(status, (), body))
    assert judge(answer, "post", (), subscriber.PARTY.outcomes) is outcome


@pytest.mark.parametrize(
    ("form", "status", "body", "outcome", "code"),
    [
        ("json", 200, b'{"code":"0","message":"ok"}', Outcome.ACCEPTED, "200"),
        ("json", 200, b'{"code":0}', Outcome.ACCEPTED, "200"),
        ("json", 200, b'{"code":true}', Outcome.ACCEPTED, "200"),
        ("json", 200, b'{"code":"2001","message":"no"}', Outcome.UNKNOWN, "no-2001"),
        ("json", 200, b'{"code":"4001"}', Outcome.UNKNOWN, "no-4001"),
        ("json", 200, b'{"message":"ok"}', Outcome.UNKNOWN, ""),
        ("json", 200, b'{"code":{"x":1}}', Outcome.UNKNOWN, ""),
        ("json", 200, b'["0"]', Outcome.UNKNOWN, ""),
        ("json", 200, b"ok", Outcome.UNKNOWN, ""),
        ("json", 204, b"", Outcome.UNKNOWN, ""),
        ("json", 422, b'{"code":"0"}', Outcome.REFUSED, "422"),
        ("json", 503, b'{"code":"0"}', Outcome.UNKNOWN, "503"),
        ("xml", 200, b"<response><code>0</code></response>", Outcome.ACCEPTED, "200"),
        ("xml", 200, b'<r:a xmlns:r="urn:r"><r:code> 0 </r:code></r:a>', Outcome.ACCEPTED, "200"),
        ("xml", 200, b"<response><code>2001</code></response>", Outcome.UNKNOWN, "no-2001"),
        ("xml", 200, b"<response><head><code>0</code></head></response>", Outcome.UNKNOWN, ""),
        ("xml", 200, b"<response><code>0", Outcome.UNKNOWN, ""),
    ],
)  # fmt: skip
def test_a_subscriber_that_refuses_inside_http_200_has_not_taken_the_message(
    form: str, status: int, body: bytes, outcome: Outcome, code: str
) -> None:
    settings = subscriber.Settings(format=form, answer_code="code", good=("0", "true"))  # type: ignore[arg-type]  # both forms
    call = _call(settings, {})
    answer = subscriber.PARTY.read(call, subscriber.PARTY.build(call), HttpReply(status, (), body))
    assert (judge(answer, "post", (), subscriber.PARTY.outcomes), answer.code) == (outcome, code)


def test_where_a_subscriber_says_what_became_of_it_is_a_path() -> None:
    for form, body in (("json", b'{"head":{"rc":"0000"}}'), ("xml", b"<m><head><rc>0000</rc></head></m>")):
        settings = subscriber.Settings(format=form, answer_code="head.rc", good=("0000",))  # type: ignore[arg-type]  # both forms
        call = _call(settings, {})
        answer = subscriber.PARTY.read(call, subscriber.PARTY.build(call), HttpReply(200, (), body))
        assert judge(answer, "post", (), subscriber.PARTY.outcomes) is Outcome.ACCEPTED


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=20)


@given(TEXT, TEXT)
def test_any_text_comes_through_xml(value: str, attribute: str) -> None:
    data = print_xml("event", {"@no": attribute, "item": [{"#text": value}, value]})
    root = etree.fromstring(data)
    assert root.get("no") == attribute
    assert [item.text or "" for item in root] == [value, value]


@pytest.mark.parametrize("tree", [{"a b": "x"}, {"a": 1.5}, {"a": "\x00"}, {"@a b": "x"}])
def test_what_xml_cannot_carry_is_refused(tree: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"XML|element|attribute"):
        print_xml("event", tree)


def test_a_message_is_written_in_the_partners_character_set() -> None:
    settings = mllp.Settings(sender="ENGINE^MAIN", receiver="HIS", charset="GBK")
    fields = {
        "PID_3": [{"PID_3_1": "P1", "PID_3_5": "PI"}, {"PID_3_1": "X|9"}], "PID_5_1": "測試億",
        "FT1": [{"FT1_1": "1", "FT1_11_3": Decimal("12.50")}, {"FT1_1": "2"}],
    }  # fmt: skip
    request = mllp.PARTY.build(_call(settings, fields, "DFT^P03"))
    assert request.header(mllp.CONTROL) == "7321"
    message = parse(request.body)
    assert message.charset == "gbk"
    assert message.get("MSH-4") == "MAIN"
    assert message.get("MSH-7") == "20261122100000"
    assert [message.get("PID-3.1"), message.get("PID-3[2].1"), message.get("PID-5.1")] == ["P1", "X|9", "測試億"]
    assert [message.get("FT1-11.3"), message.get("FT1(2)-1")] == ["12.50", "2"]
    with pytest.raises(Unwritable):
        mllp.PARTY.build(_call(settings, {"PID_5_1": "𠮷"}, "DFT^P03"))
    with pytest.raises(ValueError, match="no HL7 field"):
        mllp.PARTY.build(_call(settings, {"PID.5": "x"}, "DFT^P03"))


@pytest.mark.parametrize(
    ("msa", "outcome"),
    [
        (b"MSA|AA|7321", Outcome.ACCEPTED), (b"MSA|CA|7321", Outcome.ACCEPTED), (b"MSA|AE|7321", Outcome.UNKNOWN),
        (b"MSA|AR|7321", Outcome.REFUSED), (b"MSA|AA|7321|\xe5\xa4\xb1\xe8\xb4\xa5", Outcome.UNKNOWN),
        (b"MSA|AA|7320", Outcome.UNKNOWN), (b"", Outcome.UNKNOWN),
    ],
)  # fmt: skip
def test_what_an_acknowledgement_proves(msa: bytes, outcome: Outcome) -> None:
    call = _call(mllp.Settings(), {"PID_3_1": "P1"}, "ADT^A08")
    reply = b"MSH|^~\\&|LIS||E||20261122||ACK|1|P|2.4||||||UNICODE UTF-8\r" + msa + b"\r"
    answer = mllp.PARTY.read(call, mllp.PARTY.build(call), HttpReply(200, (), reply))
    assert judge(answer, "ADT^A08", (), mllp.PARTY.outcomes) is outcome
