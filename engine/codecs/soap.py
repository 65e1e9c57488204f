"""SOAP 1.1 and 1.2, document/literal, as bytes: requests and replies of a compiled WSDL, both ways. zeep knows the
types; the envelope, its faults and its dangers are ours. Nothing here opens a socket.

Whatever is not a clean envelope of the expected version with the expected element inside is an Undecodable with a
stable code: soap-empty, soap-html, soap-multipart, soap-version, soap-namespace, soap-envelope, soap-header,
soap-body, soap-element, soap-values, and those of `xml_text.parse` (xml-syntax for half a document).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from engine.codecs import charset as charsets
from engine.codecs import xml_text
from engine.codecs.errors import Undecodable
from engine.codecs.soap_wsdl import Wsdl

ENVELOPES: Final = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
MEDIA: Final = {"1.1": "text/xml", "1.2": "application/soap+xml"}
MAX_BYTES: Final = 4 << 20
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.-]{1,20})", re.IGNORECASE)
_NAMES: Final = {uri: version for version, uri in ENVELOPES.items()}
_UNDERSTAND: Final = ("1", "true")

Tree = Any


@dataclass(frozen=True, slots=True)
class SoapFault(Exception):
    """The other side's fault. `code`: its local name (Client, Server, Sender, Receiver …), or the innermost subcode
    of 1.2; `text` its reason; `detail` the texts of its detail by element name."""

    code: str
    text: str
    detail: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


@dataclass(frozen=True, slots=True)
class Wire:
    """One message as it goes out: the body, and the headers HTTP needs for it."""

    body: bytes
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope that was read as far as its body. `headers`: the elements of its Header."""

    version: str
    headers: tuple[etree._Element, ...]
    element: etree._Element


def write_request(wsdl: Wsdl, op: str, values: Tree, *, version: str = "1.1", cdata: Iterable[str] = ()) -> Wire:
    """The request of an operation. `cdata`: names of elements whose text goes out as a CDATA section. ValueError for
    values that do not fit the description."""
    operation = _operation(wsdl, op, version)
    body = _written(operation.input, values, cdata)
    action = operation.soapaction or ""
    if version == "1.1":
        return Wire(body, (("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", f'"{action}"')))
    content = "application/soap+xml; charset=utf-8" + (f'; action="{action}"' if action else "")
    return Wire(body, (("Content-Type", content),))


def write_reply(wsdl: Wsdl, op: str, values: Tree, *, version: str, cdata: Iterable[str] = ()) -> Wire:
    """The reply of an operation; ValueError as above."""
    body = _written(_operation(wsdl, op, version).output, values, cdata)
    return Wire(body, (("Content-Type", f"{MEDIA[version]}; charset=utf-8"),))


def read_reply(
    wsdl: Wsdl, op: str, data: bytes, *, version: str = "1.1", media: str = "", strict: bool = True
) -> dict[str, Tree]:
    """The values of a reply by name. SoapFault when the other side says so, Undecodable when it is no such reply.
    Not `strict`: for platforms that do not keep to the types they publish."""
    opened = open_envelope(data, media=media, version=version)
    fault = fault_of(opened)
    if fault is not None:
        raise fault
    return _values(_operation(wsdl, op, version).output, opened.element, wsdl.types if strict else None)


def read_request(wsdl: Wsdl, opened: Opened) -> tuple[str, dict[str, Tree]]:
    """(operation, values) of an opened request: the operation is known by its element; Undecodable otherwise."""
    binding = _binding(wsdl, opened.version)
    for name, operation in binding._operations.items():
        if operation.input.body is not None and operation.input.body.qname == opened.element.tag:
            return str(name), _values(operation.input, opened.element, wsdl.types)
    known = [str(operation.input.body.qname) for operation in binding._operations.values()]
    raise _other_element(opened.element, known)


def open_envelope(data: bytes, *, media: str = "", version: str = "") -> Opened:
    """The one element of the body. `version` "": either. Undecodable says what else the bytes are."""
    _refuse_strangers(data, media)
    root = xml_text.parse(_in_its_charset(data, media), max_bytes=MAX_BYTES)
    name = etree.QName(root)
    found = _NAMES.get(name.namespace or "")
    if name.localname != "Envelope":
        raise Undecodable("soap-envelope", 0, f"the root is {name.localname[:40]!r}, not an Envelope")
    if found is None:
        raise Undecodable("soap-namespace", 0, f"no SOAP envelope: namespace {(name.namespace or '')[:80]!r}")
    if version and found != version:
        raise Undecodable("soap-version", 0, f"SOAP {found} came where {version} was agreed")
    uri = ENVELOPES[found]
    headers, bodies = root.findall(f"{{{uri}}}Header"), root.findall(f"{{{uri}}}Body")
    if len(bodies) != 1 or len(headers) > 1 or len(root) != len(bodies) + len(headers):
        raise Undecodable("soap-envelope", 0, "an Envelope has at most one Header, then exactly one Body")
    inside = list(bodies[0])
    if len(inside) != 1:
        raise Undecodable("soap-body", 0, f"one element is wanted in the Body, there are {len(inside)}")
    return Opened(found, tuple(child for header in headers for child in header), inside[0])


def not_understood(opened: Opened, known: Iterable[str] = ()) -> str:
    """The first header the sender insists on and nobody here reads, "" when there is none. `known`: local names."""
    uri, readable = ENVELOPES[opened.version], set(known)
    for header in opened.headers:
        name = etree.QName(header).localname
        if header.get(f"{{{uri}}}mustUnderstand") in _UNDERSTAND and name not in readable:
            return name
    return ""


def fault_of(opened: Opened) -> SoapFault | None:
    """The fault an opened reply is, if it is one. A header that must be understood and is not: Undecodable."""
    uri = ENVELOPES[opened.version]
    strange = not_understood(opened)
    if strange:
        raise Undecodable("soap-header", 0, f"the header {strange[:40]!r} must be understood and is not")
    if opened.element.tag != f"{{{uri}}}Fault":
        return None
    if opened.version == "1.1":
        code, text = opened.element.findtext("faultcode"), opened.element.findtext("faultstring")
        detail = opened.element.find("detail")
    else:
        codes = [node.text for node in opened.element.iter(f"{{{uri}}}Value")]
        code, text = (codes or [""])[-1], opened.element.findtext(f"{{{uri}}}Reason/{{{uri}}}Text")
        detail = opened.element.find(f"{{{uri}}}Detail")
    local = (code or "").strip().rpartition(":")[2][:64]
    return SoapFault(local or "Fault", (text or "").strip()[:500], _texts(detail))


def write_envelope(version: str, element: etree._Element) -> Wire:
    """An envelope around one element that was made without a description."""
    uri = ENVELOPES[version]
    envelope = etree.Element(f"{{{uri}}}Envelope", nsmap={"soap": uri})
    etree.SubElement(envelope, f"{{{uri}}}Body").append(element)
    return Wire(_bytes(envelope), (("Content-Type", f"{MEDIA[version]}; charset=utf-8"),))


def write_fault(
    version: str, who: str, text: str, detail: etree._Element | None = None, *, en: str = ""
) -> Wire:
    """A fault: `who` is "client" or "server" (whose mistake), or a code of SOAP itself (MustUnderstand,
    VersionMismatch); `text` is Chinese, `en` the same in English; `detail` goes into it as it is."""
    uri = ENVELOPES[version]
    code = {"1.1": {"client": "Client", "server": "Server"}, "1.2": {"client": "Sender", "server": "Receiver"}}
    name = code[version].get(who, who)
    envelope = etree.Element(f"{{{uri}}}Envelope", nsmap={"soap": uri})
    fault = etree.SubElement(etree.SubElement(envelope, f"{{{uri}}}Body"), f"{{{uri}}}Fault")
    if version == "1.1":
        etree.SubElement(fault, "faultcode").text = f"soap:{name}"
        etree.SubElement(fault, "faultstring").text = f"{text} · {en}" if en else text
        place = "detail"
    else:
        whole = etree.SubElement(fault, f"{{{uri}}}Code")
        etree.SubElement(whole, f"{{{uri}}}Value").text = f"soap:{name}"
        reason = etree.SubElement(fault, f"{{{uri}}}Reason")
        for lang, words in (("zh-CN", text), ("en", en)):
            if words or lang == "zh-CN":
                told = etree.SubElement(reason, f"{{{uri}}}Text")
                told.set("{http://www.w3.org/XML/1998/namespace}lang", lang)
                told.text = words
        place = f"{{{uri}}}Detail"
    if detail is not None:
        etree.SubElement(fault, place).append(detail)
    return Wire(_bytes(envelope), (("Content-Type", f"{MEDIA[version]}; charset=utf-8"),))


# Parts


def _binding(wsdl: Wsdl, version: str) -> Any:
    binding = wsdl.bindings.get(version)
    if binding is None:
        raise ValueError(f"the description has no SOAP {version} binding; it has {', '.join(wsdl.bindings)}")
    return binding


def _operation(wsdl: Wsdl, op: str, version: str) -> Any:
    found = _binding(wsdl, version)._operations.get(op)
    if found is None:
        raise ValueError(f"the description has no operation {op!r}; it has {', '.join(wsdl.operations)}")
    return found


def _written(message: Any, values: Tree, cdata: Iterable[str]) -> bytes:
    try:
        envelope = message.serialize(**values).content
    except Exception as no:  # noqa: BLE001 zeep has a dozen ways to say that a value does not fit
        raise ValueError(f"values that do not fit the description: {no}"[:200]) from None
    for name in cdata:
        for node in envelope.iter(f"{{*}}{name}"):
            if node.text and "]]>" not in node.text:  # with it inside, escaped text says the same
                node.text = etree.CDATA(node.text)
    return _bytes(envelope)


def _bytes(envelope: etree._Element) -> bytes:
    etree.cleanup_namespaces(envelope, keep_ns_prefixes=["soap"])
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def _values(message: Any, element: etree._Element, types: etree.XMLSchema | None) -> dict[str, Tree]:
    if message is None or message.body is None:
        raise Undecodable("soap-element", 0, "the description knows no message here")
    if element.tag != message.body.qname:
        raise _other_element(element, [str(message.body.qname)])
    if types is not None and not types.validate(element):
        raise Undecodable("soap-values", 0, _misfit(types))
    try:
        parent = element.getparent()
        found = plain(message._deserialize_body(parent)["body"])
    except Exception as no:  # noqa: BLE001 the same when reading
        raise Undecodable("soap-values", 0, f"values that do not fit the description: {no}"[:200]) from None
    return found if isinstance(found, dict) else {message.body.qname.localname: found}


def _misfit(types: etree.XMLSchema) -> str:
    """Which element does not fit its type, in our words: libxml2's quote the value, which may be a person's."""
    errors: Any = types.error_log
    text = next((one.message for one in errors), "")
    named = re.match(r"Element '(?:\{[^}]*\})?([^']{1,64})'", text)
    missing = "Missing child" in text
    what = "misses an element" if missing else "does not fit the description"
    return f"{named[1] if named else 'the body'} {what}"


def _other_element(element: etree._Element, known: list[str]) -> Undecodable:
    name = etree.QName(element)
    wanted = [etree.QName(one) for one in known]
    if any(name.localname == one.localname for one in wanted):
        return Undecodable("soap-namespace", 0, f"{name.localname!r} in the namespace {(name.namespace or '')[:80]!r}")
    expected = ", ".join(one.localname for one in wanted)
    return Undecodable("soap-element", 0, f"{name.localname[:40]!r} where {expected} was expected")


def plain(value: Any) -> Tree:
    """zeep's values as plain ones: objects as dicts without their absent members, instants as ISO text; a binary
    fraction becomes the decimal it is written as."""
    if hasattr(value, "__values__"):  # zeep's CompoundValue
        made = {name: plain(one) for name, one in value.__values__.items()}
        return {name: one for name, one in made.items() if one is not None and one != []}
    match value:
        case dict():
            return {name: plain(one) for name, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case float():
            return Decimal(repr(value))
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return value


def _refuse_strangers(data: bytes, media: str) -> None:
    kind = media.partition(";")[0].strip().lower()
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        raise Undecodable("soap-empty", 0, "no content")
    if kind == "multipart/related":
        raise Undecodable("soap-multipart", 0, "attachments (MTOM) are not accepted")
    if kind == "text/html" or start.startswith((b"<!doctype html", b"<html")):
        raise Undecodable("soap-html", 0, "an HTML page")


def _in_its_charset(data: bytes, media: str) -> bytes:
    """A document without a declaration is in the character set that the header names."""
    named = _CHARSET.search(media)
    if named is None or data.lstrip(b"\xef\xbb\xbf")[:5] == b"<?xml":
        return data
    try:
        if charsets.codec_of(named[1]) == "utf-8":
            return data
        return charsets.decode(data, named[1]).encode("utf-8")
    except ValueError as no:
        if isinstance(no, Undecodable):
            raise
        raise Undecodable("charset", 0, str(no)) from None


def _texts(detail: etree._Element | None) -> dict[str, str]:
    """The leaves of a fault's detail by their local name; the first of each, at most 20."""
    found: dict[str, str] = {}
    for node in () if detail is None else detail.iter("{*}*"):
        if len(node) == 0 and (node.text or "").strip() and len(found) < 20:
            found.setdefault(etree.QName(node).localname, (node.text or "").strip()[:500])
    return found
