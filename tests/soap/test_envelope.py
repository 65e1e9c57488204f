"""Bytes in, values or a named refusal out: SOAP 1.1 and 1.2 over a vendored description."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from engine.codecs import soap
from engine.codecs.errors import Undecodable
from engine.codecs.soap_wsdl import load_wsdl

ROOT = Path(__file__).resolve().parents[2]
WSDL = load_wsdl({"m.wsdl": (ROOT / "schemas/wsdl/municipal_v1.wsdl").read_bytes()}, "m.wsdl")
NS = "http://municipal.example/insurance"
VERSIONS = ("1.1", "1.2")


def reply(text: str = "<output/>", version: str = "1.1") -> bytes:
    return soap.write_reply(WSDL, "callService", {"outputXml": text}, version=version, cdata=["outputXml"]).body


def why(data: bytes, version: str = "1.1", media: str = "") -> str:
    with pytest.raises(Undecodable) as no:
        soap.read_reply(WSDL, "callService", data, version=version, media=media)
    return no.value.code


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_as_the_other_side_reads_it(version: str) -> None:
    asked = {"transCode": "2410", "inputXml": '<?xml version="1.0" encoding="GB18030"?><input>𠮷</input>'}
    wire = soap.write_request(WSDL, "callService", asked, version=version, cdata=["inputXml"])
    assert b"<inputXml><![CDATA[<?xml version=" in wire.body
    assert b"<transCode>2410</transCode>" in wire.body
    headers = dict(wire.headers)
    if version == "1.1":
        assert headers == {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{NS}/callService"'}
    else:
        assert headers == {"Content-Type": f'application/soap+xml; charset=utf-8; action="{NS}/callService"'}
    opened = soap.open_envelope(wire.body, media=headers["Content-Type"])
    assert opened.version == version
    assert soap.read_request(WSDL, opened) == ("callService", asked)


@pytest.mark.parametrize("version", VERSIONS)
def test_any_text_survives_both_ways(version: str) -> None:
    # A function of its own: pytest-twisted wraps a parametrized property once per parameter.
    @settings(max_examples=60, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")))
    def property_holds(text: str) -> None:
        asked = {"transCode": "1", "inputXml": text}
        wire = soap.write_request(WSDL, "callService", asked, version=version, cdata=["inputXml"])
        assert soap.read_request(WSDL, soap.open_envelope(wire.body))[1].get("inputXml") == (text or None)
        assert soap.read_reply(WSDL, "callService", reply(text, version), version=version).get("outputXml", "") == text

    property_holds()


def test_a_section_that_would_end_early_is_escaped_instead() -> None:
    assert soap.read_reply(WSDL, "callService", reply("a]]>b<c/>")) == {"outputXml": "a]]>b<c/>"}


def test_what_no_document_can_carry_is_refused_before_it_is_sent() -> None:
    for text in ("\x00", "a\x0bb", "\ud800"):
        with pytest.raises(ValueError, match="do not fit"):
            soap.write_request(WSDL, "callService", {"transCode": "1", "inputXml": text})
    with pytest.raises(ValueError, match="no operation 'other'"):
        soap.write_request(WSDL, "other", {})
    with pytest.raises(ValueError, match="do not fit"):
        soap.write_request(WSDL, "callService", {"transCode": "1", "surprise": "1"})


STRANGE: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "", "soap-empty"),
    "blanks": (b" \r\n", "", "soap-empty"),
    "a login page": (b"<!DOCTYPE html><html><body>login</body></html>", "text/html", "soap-html"),
    "a page without saying so": (b"\r\n<html><body>login</body></html>", "text/xml", "soap-html"),
    "JSON": (b'{"code": 0}', "application/json", "xml-syntax"),
    "half a document": (reply()[:-40], "", "xml-syntax"),
    "another root": (b"<output/>", "", "soap-envelope"),
    "an envelope of nobody": (b'<e:Envelope xmlns:e="http://x"><e:Body/></e:Envelope>', "", "soap-namespace"),
    "the other version": (reply(version="1.2"), "", "soap-version"),
    "another namespace inside": (reply().replace(b"/insurance", b"/other"), "", "soap-namespace"),
    "another element": (reply().replace(b"callServiceResponse", b"callService"), "", "soap-element"),
    "an unknown member": (reply().replace(b"outputXml", b"outXml"), "", "soap-values"),
    "a member too many": (reply().replace(b"</outputXml>", b"</outputXml><sign/>"), "", "soap-values"),
    "attachments": (reply(), 'multipart/related; boundary="x"', "soap-multipart"),
    "a DTD": (b"<!DOCTYPE a>" + reply().partition(b"?>")[2], "", "xml-doctype"),
    "entities": (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "", "xml-doctype"),
    "a foreign character set": (reply().replace(b"'utf-8'", b"'utf-16'"), "", "charset"),
    "broken UTF-8": (reply("测试").replace("测".encode(), b"\xe6\xb5"), "", "charset"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_reply_has_a_name(name: str) -> None:
    data, media, code = STRANGE[name]
    assert why(data, media=media) == code


def _body(inside: str, header: str = "") -> bytes:
    uri = soap.ENVELOPES["1.1"]
    return f'<s:Envelope xmlns:s="{uri}">{header}<s:Body>{inside}</s:Body></s:Envelope>'.encode()


def test_an_envelope_has_one_element_in_one_body() -> None:
    element = f'<m:callServiceResponse xmlns:m="{NS}"><outputXml>x</outputXml></m:callServiceResponse>'
    assert soap.read_reply(WSDL, "callService", _body(element)) == {"outputXml": "x"}
    assert why(_body("")) == "soap-body"
    assert why(_body(element * 2)) == "soap-body"
    assert why(_body(element).replace(b"</s:Envelope>", b"<s:Body/></s:Envelope>")) == "soap-envelope"
    deep = "<a>" * 70 + "</a>" * 70
    assert why(_body(deep)) == "xml-depth"


def test_a_header_that_must_be_understood_is_not_passed_over() -> None:
    element = f'<m:callServiceResponse xmlns:m="{NS}"><outputXml>x</outputXml></m:callServiceResponse>'
    header = '<s:Header><t:Trace xmlns:t="http://t"{}>1</t:Trace></s:Header>'
    assert soap.read_reply(WSDL, "callService", _body(element, header.format(""))) == {"outputXml": "x"}
    assert why(_body(element, header.format(' s:mustUnderstand="1"'))) == "soap-header"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_fault_is_a_fault_whatever_the_status(version: str) -> None:
    detail = etree.fromstring('<e:problem xmlns:e="http://e"><e:code>E-BUSY</e:code><e:zh>账单</e:zh></e:problem>')
    wire = soap.write_fault(version, "client", "没有这个交易", detail)
    with pytest.raises(soap.SoapFault) as no:
        soap.read_reply(WSDL, "callService", wire.body, version=version)
    assert (no.value.code, no.value.text) == ({"1.1": "Client", "1.2": "Sender"}[version], "没有这个交易")
    assert no.value.detail == {"code": "E-BUSY", "zh": "账单"}


def test_faults_of_other_stacks() -> None:
    axis = _body(
        "<s:Fault><faultcode>s:Server.userException</faultcode><faultstring>java.lang.NullPointerException</faultstring>"
        '<detail><hostname xmlns="http://xml.apache.org/axis/">h1</hostname></detail></s:Fault>'
    )
    with pytest.raises(soap.SoapFault) as no:
        soap.read_reply(WSDL, "callService", axis)
    assert (no.value.code, dict(no.value.detail)) == ("Server.userException", {"hostname": "h1"})
    uri = soap.ENVELOPES["1.2"]
    sub = (
        f'<s:Envelope xmlns:s="{uri}"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode>'
        '<s:Value xmlns:m="http://m">m:MessageTimeout</s:Value></s:Subcode></s:Code><s:Reason>'
        '<s:Text xml:lang="en">late</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>'
    )
    with pytest.raises(soap.SoapFault, match="MessageTimeout: late"):
        soap.read_reply(WSDL, "callService", sub.encode(), version="1.2")
    with pytest.raises(soap.SoapFault, match="Fault: "):
        soap.read_reply(WSDL, "callService", _body("<s:Fault/>"))


@pytest.mark.parametrize("declared", ["<?xml version='1.0' encoding='GBK'?>", ""])
def test_a_reply_in_the_old_character_set(declared: str) -> None:
    text = reply("测试𠮷" if declared == "" else "测试").partition(b"?>")[2].decode()
    data = (declared + text).encode("gb18030")
    media = "text/xml; charset=GB18030" if not declared else "text/xml"
    assert soap.read_reply(WSDL, "callService", data, media=media)["outputXml"].startswith("测试")


@given(st.binary(max_size=200))
def test_noise_is_named_and_never_raises_anything_else(data: bytes) -> None:
    with pytest.raises((Undecodable, soap.SoapFault)):
        soap.read_reply(WSDL, "callService", data)


def test_values_are_plain() -> None:
    made = Typed().read(
        "<no>1</no><amount>10.50</amount><ratio>0.1</ratio><day>2026-11-22</day><flag>true</flag><row>a</row><row>b</row>"
    )
    assert made == {
        "no": 1, "amount": Decimal("10.50"), "ratio": Decimal("0.1"), "day": "2026-11-22", "flag": True,
        "row": ["a", "b"],
    }  # fmt: skip
    with pytest.raises(Undecodable, match="no does not fit") as told:
        Typed().read("<no>secret</no><amount>1</amount><ratio>1</ratio><day>2026-11-22</day><flag>0</flag>")
    assert "secret" not in str(told.value)
    with pytest.raises(Undecodable, match="misses an element"):
        Typed().read("<no>1</no>")


class Typed:
    """A little description with types."""

    def __init__(self) -> None:
        members = "".join(
            f'<xsd:element name="{name}" type="xsd:{kind}"/>' for name, kind in (
                ("no", "int"), ("amount", "decimal"), ("ratio", "double"), ("day", "date"), ("flag", "boolean"),
            )
        )  # fmt: skip
        rows = '<xsd:element name="row" type="xsd:string" minOccurs="0" maxOccurs="unbounded"/>'
        text = (ROOT / "schemas/wsdl/municipal_v1.wsdl").read_text("utf-8")
        text = text.replace('<xsd:element name="outputXml" type="xsd:string"/>', members + rows)
        self.wsdl = load_wsdl({"t.wsdl": text.encode()}, "t.wsdl")

    def read(self, inside: str) -> dict[str, Any]:
        element = f'<m:callServiceResponse xmlns:m="{NS}">{inside}</m:callServiceResponse>'
        return soap.read_reply(self.wsdl, "callService", _body(element))
