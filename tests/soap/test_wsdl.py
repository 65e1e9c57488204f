"""A vendored description is read from its folder alone, and every mistake in it is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.codecs.soap_wsdl import BadWsdl, load_wsdl
from simulators.municipal.party import _SERVICE

ROOT = Path(__file__).resolve().parents[2]
GOOD = (ROOT / "schemas/wsdl/municipal_v1.wsdl").read_bytes()


def line_of(data: bytes, text: bytes) -> int:
    return data[: data.index(text)].count(b"\n") + 1


def flaws(files: dict[str, bytes], main: str = "m.wsdl") -> list[tuple[str, str, int, str]]:
    with pytest.raises(BadWsdl) as no:
        load_wsdl(files, main)
    return [(flaw.kind, flaw.file, flaw.line, flaw.word) for flaw in no.value.flaws]


def test_the_shipped_description_is_the_one_the_platform_serves() -> None:
    """Vendored once; only the address is the site's own."""
    assert GOOD.decode().replace("http://municipal.example/services/InsuranceService", "@ADDRESS@") == _SERVICE
    wsdl = load_wsdl({"m.wsdl": GOOD}, "m.wsdl")
    assert wsdl.operations == ("callService",)
    assert set(wsdl.bindings) == {"1.1", "1.2"}
    assert wsdl.addresses["1.2"] == "http://municipal.example/services/InsuranceService"


MISTAKES: dict[str, tuple[bytes, bytes, str, str]] = {
    "a style of the old days": (b'style="document"', b'style="rpc"', "style", "rpc"),
    "encoded values": (b'<soap:body use="literal"/>', b'<soap:body use="encoded"/>', "style", "encoded"),
    "another transport": (b'transport="http://schemas.xmlsoap.org/soap/http"', b'transport="urn:smtp"', "style",
                          "urn:smtp"),
    "a message nobody wrote": (b'input message="tns:callServiceRequest"', b'input message="tns:callServiceReqest"',
                               "reference", "callServiceReqest"),
    "a port type nobody wrote": (b'type="tns:InsurancePort"', b'type="tns:InsurancePrt"', "reference", "InsurancePrt"),
    "a binding nobody wrote": (b'binding="tns:InsuranceSoap11"', b'binding="tns:InsuranceSoap1"', "reference",
                               "InsuranceSoap1"),
    "an element nobody wrote": (b'element="tns:callService"', b'element="tns:calService"', "reference", "calService"),
    "an operation of nobody": (b'<wsdl:operation name="callService">\n      <soap:operation',
                               b'<wsdl:operation name="callServce">\n      <soap:operation', "reference", "callServce"),
    "a type nobody wrote": (b'name="inputXml" type="xsd:string"', b'name="inputXml" type="xsd:strin"', "types", ""),
    "a parameter without an element": (b'<wsdl:part name="parameters" element="tns:callService"/>',
                                       b'<wsdl:part name="parameters" type="xsd:string"/>', "style", "xsd:string"),
    "an address for a schema": (b"<wsdl:types>", b'<wsdl:import namespace="x" location="http://169.254.169.254/x"/><wsdl:types>',
                                "outside", "http://169.254.169.254/x"),
    "a file of the machine": (b"<wsdl:types>", b'<wsdl:import namespace="x" location="file:/etc/passwd"/><wsdl:types>',
                              "outside", "file:/etc/passwd"),
    "a way out of the folder": (b"<wsdl:types>", b'<wsdl:import namespace="x" location="../../x.wsdl"/><wsdl:types>',
                                "outside", "../../x.wsdl"),
    "a file that is not there": (b"<wsdl:types>", b'<wsdl:import namespace="x" location="x.wsdl"/><wsdl:types>',
                                 "missing", "x.wsdl"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_line(name: str) -> None:
    old, new, kind, word = MISTAKES[name]
    assert old in GOOD
    bad = GOOD.replace(old, new, 1)
    place = line_of(bad, new)
    assert (kind, "m.wsdl", place, word) in flaws({"m.wsdl": bad})


def test_mistakes_are_all_told_at_once() -> None:
    bad = GOOD.replace(b'style="document"', b'style="rpc"').replace(b'use="literal"', b'use="encoded"')
    assert len(flaws({"m.wsdl": bad})) == 6


@pytest.mark.parametrize(("data", "kind", "line"), [
    (b"", "xml", 1), (GOOD[:900], "xml", 16),
    (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:/etc/passwd">]><a>&b;</a>', "xml", 1),
    (b"<a/>", "not-wsdl", 1), (b'<d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/"/>', "no-soap", 1),
])  # fmt: skip
def test_what_is_no_description(data: bytes, kind: str, line: int) -> None:
    assert [(one[0], one[2]) for one in flaws({"m.wsdl": data})] == [(kind, line)]


def test_a_description_without_an_address_cannot_be_called() -> None:
    start, end = GOOD.index(b"  <wsdl:service"), GOOD.index(b"</wsdl:service>") + len(b"</wsdl:service>")
    assert [one[0] for one in flaws({"m.wsdl": GOOD[:start] + GOOD[end:]})] == ["no-soap"]


def test_a_description_in_several_files() -> None:
    """Types in a schema of their own, below a folder, which includes another."""
    start, end = GOOD.index(b"<xsd:schema"), GOOD.index(b"</xsd:schema>") + len(b"</xsd:schema>")
    schema = GOOD[start:end].replace(b"<xsd:schema", b'<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
                                     b'xmlns:tns="http://municipal.example/insurance"')
    schema = schema.replace(b'name="transCode" type="xsd:string"', b'name="transCode" type="tns:code"')
    opening = schema.index(b">") + 1
    schema = schema[:opening] + b'<xsd:include schemaLocation="codes.xsd"/>' + schema[opening:]
    codes = (
        b'<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="http://municipal.example/insurance">'
        b'<xsd:simpleType name="code"><xsd:restriction base="xsd:string"><xsd:length value="4"/></xsd:restriction>'
        b"</xsd:simpleType></xsd:schema>"
    )
    outer = GOOD[:start] + (
        b'<xsd:schema><xsd:import namespace="http://municipal.example/insurance" schemaLocation="types/s.xsd"/>'
        b"</xsd:schema>"
    ) + GOOD[end:]
    files = {"m.wsdl": outer, "types/s.xsd": schema, "types/codes.xsd": codes}
    wsdl = load_wsdl(files, "m.wsdl")
    assert wsdl.operations == ("callService",)
    assert wsdl.types is not None
    files["types/codes.xsd"] = codes.replace(b'base="xsd:string"', b'base="xsd:strng"')
    assert flaws(files)[0][:2] == ("types", "types/codes.xsd")
    del files["types/codes.xsd"]
    assert ("missing", "types/s.xsd", 1, "codes.xsd") in flaws(files)
