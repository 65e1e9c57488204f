"""The settlement service as a WSDL: operations, types and faults of one `settle` channel, made from its schemas.

What the JSON door takes is what this takes, field by field, so a HIS vendor's generated stub has the same order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from engine.codecs.soap_schema import add_element, add_object
from engine.codecs.soap_types import XSD
from engine.codecs.soap_wsdl import BINDINGS, WSDL
from engine.core.money import AMOUNTS
from engine.site.data import shape_of
from engine.site.site import Channel, Site

SPACE: Final = "urn:hospital-settlement:v1"
NUMBER: Final = "settlement_no"
_HTTP: Final = "http://schemas.xmlsoap.org/soap/http"
_WAIT_MAX: Final = 60
_KNOWN: Final = {"pay_choice": "Settle"}
_TITLES: Final = {
    "pay_choice": "结算：选择支付方式并办完 · choose how to pay, and settle",
    "returned": "退还：终端报告刷卡已撤销 · the terminal says a card payment was voided",
    "cancel": "撤销：款项未动之前取消 · cancel before money has moved",
    "refund": "冲正：已结清的整单退回 · take a settled bill back, whole",
}

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """One operation. `what`: start, cancel, refund, show, or the name of an event; `schema` of its order as JSON has
    it; `takes`: the same with what the address says in JSON (the settlement's number)."""

    name: str
    what: str
    title: str
    schema: Schema
    takes: Schema


@dataclass(frozen=True, slots=True)
class Service:
    """The service of one channel. `answer`: the schema of a settlement as told; `problem`: of a fault's detail."""

    channel: str
    deeds: Mapping[str, Deed]
    answer: Schema
    problem: Schema
    document: bytes

    def at(self, address: str) -> bytes:
        """The WSDL with the address it was asked at."""
        return self.document.replace(b"@ADDRESS@", _escaped(address).encode())


def service_of(site: Site, channel: Channel) -> Service:
    """The service of a channel that listens to SOAP."""
    deeds = {deed.name: deed for deed in _deeds(site, channel)}
    answer, problem = _answer(channel), problem_schema()
    return Service(channel.name, deeds, answer, problem, _document(channel, deeds.values(), answer, problem))


def _deeds(site: Site, channel: Channel) -> Iterable[Deed]:
    listen = channel.listen
    assert listen is not None, "a settle channel listens"
    start = _schema(site, str(listen.schema))
    yield Deed("PreSettle", "start", "预结算：发起结算，直到可以选择支付方式 · quote", start, start)
    for hears in channel.hears:
        if hears.request is not None:
            name, schema = _KNOWN.get(hears.event, _camel(hears.event)), _schema(site, hears.schema)
            yield _numbered(name, hears.event, _TITLES.get(hears.event, hears.event), schema)
    for what in ("cancel", "refund"):
        yield _numbered(_camel(what), what, _TITLES[what], _schema(site, f"{what}_request"))
    query: Schema = {
        "type": "object", "additionalProperties": False,
        "properties": {
            NUMBER: {"type": "string", "title": "结算单号 · the settlement's number", "minLength": 1, "maxLength": 64},
            "request_no": {"type": "string", "minLength": 1, "maxLength": 64,
                           "title": "或：发起时的请求号（没有收到应答时用）· or the request number it was begun with"},
            "wait": {"type": "integer", "minimum": 0, "maximum": _WAIT_MAX,
                     "title": "最多等待多少秒，状态变化即答 · wait for a change, seconds, at most 60"},
        },
    }  # fmt: skip
    yield Deed("Query", "show", "查询 · query", query, query)


def _schema(site: Site, name: str) -> Schema:
    made: Schema = json.loads(site.files[f"schemas/{name}.json"])
    return made


def _numbered(name: str, what: str, title: str, schema: Schema) -> Deed:
    number = {"type": "string", "title": "结算单号 · the settlement's number", "minLength": 1, "maxLength": 64}
    takes = {
        **schema,
        "required": [NUMBER, *schema.get("required", ())],
        "properties": {NUMBER: number, **schema.get("properties", {})},
    }
    return Deed(name, what, title, schema, takes)


def _camel(event: str) -> str:
    return "".join(part.capitalize() for part in event.split("_"))


def _answer(channel: Channel) -> Schema:
    """A settlement as `answer_of` makes it; numbers, invoice and pay as the channel's own map names them."""
    text, fen = {"type": "string"}, {"type": "integer", "title": "分 · fen"}
    shown = shape_of(channel.answers)

    def group(name: str, *more: str) -> Schema:
        names = dict.fromkeys([*(shown.get(name) or {}), *more], text)
        return {"type": "object", "properties": names, "x-open": True}

    return {
        "type": "object",
        "required": [NUMBER, "request_no", "state"],
        "properties": {
            NUMBER: {"type": "string", "title": "结算单号 · the settlement's number"},
            "request_no": {"type": "string", "title": "请求号 · the request's number"},
            "state": {"type": "string", "title": "状态 · working, quoted, paying, settled, undone, rejected, manual"},
            "amounts": {"type": "object", "required": list(AMOUNTS), "properties": dict.fromkeys(AMOUNTS, fen)},
            "expires_at": {"type": "string", "title": "在此之前选择支付方式（RFC 3339）· choose before"},
            "pay": group("pay", "kind", "qr", "sheet", "url", "until"),
            "numbers": group("numbers", "asked_by"),
            "invoice": group("invoice"),
            "give_back": {"type": "object", "title": "终端应退给患者的款 · what the terminal is to give back",
                          "properties": {"kind": text, "no": text, "amount": fen}},
            "reason": {"type": "object", "properties": dict.fromkeys(
                ("code", "zh", "en", "side", "next", "next_en"), text)},
        },
    }  # fmt: skip


def problem_schema() -> Schema:
    """The detail of a fault: the reason as every door tells it, and what it is about."""
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["code"],
        "properties": {
            "code": {"type": "string", "title": "稳定的代码，同 JSON 接口 · the stable code, as the JSON door's"},
            **dict.fromkeys(("zh", "en", "side", "next", "next_en"), text),
            "field": {"type": "string", "title": "有误的字段 · the field that is wrong"},
            "fields": {"type": "array", "items": text},
            "state": text,
            NUMBER: text,
            "request_no": text,
            "retry_after": {"type": "integer", "title": "几秒后可以再试 · seconds after which to try again"},
        },
    }


# The document


def _document(channel: Channel, deeds: Iterable[Deed], answer: Schema, problem: Schema) -> bytes:
    prefixes = {"wsdl": WSDL, "xsd": XSD, "tns": SPACE, "soap": BINDINGS["1.1"], "soap12": BINDINGS["1.2"]}
    root = etree.Element(f"{{{WSDL}}}definitions", name="Settlement", targetNamespace=SPACE, nsmap=prefixes)
    _sub(root, "documentation").text = f"{channel.title}。金额单位：分。Amounts are fen."
    deeds = list(deeds)
    _types(root, deeds, answer, problem)
    for deed in deeds:
        for side in ("", "Response"):
            message = _sub(root, "message", name=f"{deed.name}{side}")
            _sub(message, "part", name="parameters", element=f"tns:{deed.name}{side}")
    _sub(_sub(root, "message", name="Problem"), "part", name="problem", element="tns:Problem")
    port_type = _sub(root, "portType", name="SettlementPort")
    for deed in deeds:
        operation = _sub(port_type, "operation", name=deed.name)
        _sub(operation, "documentation").text = deed.title
        _sub(operation, "input", message=f"tns:{deed.name}")
        _sub(operation, "output", message=f"tns:{deed.name}Response")
        _sub(operation, "fault", name="Problem", message="tns:Problem")
    for version, suffix in (("1.1", "Soap11"), ("1.2", "Soap12")):
        _binding(root, BINDINGS[version], f"Settlement{suffix}", deeds)
    service = _sub(root, "service", name="SettlementService")
    for version, suffix in (("1.1", "Soap11"), ("1.2", "Soap12")):
        port = _sub(service, "port", name=f"Settlement{suffix}", binding=f"tns:Settlement{suffix}")
        etree.SubElement(port, f"{{{BINDINGS[version]}}}address", location="@ADDRESS@")
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _types(root: etree._Element, deeds: list[Deed], answer: Schema, problem: Schema) -> None:
    schema = etree.SubElement(_sub(root, "types"), f"{{{XSD}}}schema", targetNamespace=SPACE)
    schema.set("elementFormDefault", "qualified")
    for deed in deeds:
        element = etree.SubElement(schema, f"{{{XSD}}}element", name=deed.name)
        add_object(element, deed.takes)
        response = etree.SubElement(schema, f"{{{XSD}}}element", name=f"{deed.name}Response")
        sequence = etree.SubElement(etree.SubElement(response, f"{{{XSD}}}complexType"), f"{{{XSD}}}sequence")
        etree.SubElement(sequence, f"{{{XSD}}}element", name="settlement", type="tns:Settlement")
    whole = etree.SubElement(schema, f"{{{XSD}}}complexType", name="Settlement")
    sequence = etree.SubElement(whole, f"{{{XSD}}}sequence")
    needed = set(answer["required"])
    for name, below in answer["properties"].items():
        add_element(sequence, name, below, required=name in needed, open_ended=bool(below.get("x-open")))
    add_object(etree.SubElement(schema, f"{{{XSD}}}element", name="Problem"), problem)


def _binding(root: etree._Element, uri: str, name: str, deeds: list[Deed]) -> None:
    binding = _sub(root, "binding", name=name, type="tns:SettlementPort")
    etree.SubElement(binding, f"{{{uri}}}binding", style="document", transport=_HTTP)
    for deed in deeds:
        operation = _sub(binding, "operation", name=deed.name)
        etree.SubElement(operation, f"{{{uri}}}operation", soapAction=f"{SPACE}:{deed.name}", style="document")
        etree.SubElement(_sub(operation, "input"), f"{{{uri}}}body", use="literal")
        etree.SubElement(_sub(operation, "output"), f"{{{uri}}}body", use="literal")
        etree.SubElement(_sub(operation, "fault", name="Problem"), f"{{{uri}}}fault", name="Problem", use="literal")


def _sub(parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{WSDL}}}{tag}", attributes)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
