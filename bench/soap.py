"""One SOAP call of the municipal platform, 40 fields: our codec beside zeep alone and beside bare lxml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lxml import etree

from bench.floors import CASE, micro
from bench.report import Row
from engine.codecs import soap
from engine.codecs.soap_cdata import parse_inner, print_inner
from engine.codecs.soap_wsdl import load_wsdl

ROOT = Path(__file__).resolve().parents[1]
BODY = {f"field{number:02d}": f"测试值{number}" for number in range(40)}
OP = "callService"


def rows() -> list[Row]:
    """CPU of writing a request and of reading a reply, from tree to bytes and back."""
    wsdl = load_wsdl({"m.wsdl": (ROOT / "schemas/wsdl/municipal_v1.wsdl").read_bytes()}, "m.wsdl")
    operation = wsdl.bindings["1.1"]._operations[OP]
    inner = print_inner("output", {"head": {"appcode": "0"}, "body": BODY}, "GB18030")
    reply = soap.write_reply(wsdl, OP, {"outputXml": inner}, version="1.1", cdata=("outputXml",)).body

    def write() -> Any:
        text = print_inner("input", {"head": {"jybh": "2410"}, "body": BODY}, "GB18030")
        return soap.write_request(wsdl, OP, {"transCode": "2410", "inputXml": text}, cdata=("inputXml",))

    def read() -> Any:
        return parse_inner(soap.read_reply(wsdl, OP, reply)["outputXml"])

    def zeep_write() -> Any:
        return etree.tostring(operation.create(transCode="2410", inputXml=inner).content)

    def zeep_read() -> Any:
        return operation.process_reply(etree.fromstring(reply))

    def bare_write() -> bytes:
        return reply.replace(b"<outputXml>", b"<outputXml>", 1)

    writing, reading, floor = micro(write), micro(read), micro(lambda: etree.fromstring(reply))
    own_write, own_read, bare = micro(zeep_write), micro(zeep_read), micro(bare_write)
    return [
        Row(CASE, "SOAP request, 40 fields inside", writing, "us CPU",
            f"zeep's envelope alone {own_write:.0f} us, a template {bare:.1f}", writing / own_write),
        Row(CASE, "SOAP reply, 40 fields inside", reading, "us CPU",
            f"zeep's envelope alone {own_read:.0f} us, lxml {floor:.0f}", reading / own_read),
    ]  # fmt: skip
