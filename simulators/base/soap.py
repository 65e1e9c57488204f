"""SOAP 1.1 and 1.2 as the simulated platforms speak it: one element in a body, asked for and answered, or a fault.

Written by hand on the standard library's parser, so that a mistake of the engine's codec cannot hide here.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

from simulators.base.wire import Req, Resp

ENVELOPES = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
MEDIA = {"1.1": "text/xml", "1.2": "application/soap+xml"}
MAX_BODY = 4 << 20  # bytes


class Broken(Exception):
    """The envelope itself is wrong: answered with a SOAP fault. `who`: client or server."""

    def __init__(self, text: str, version: str = "1.1", who: str = "client") -> None:
        super().__init__(text)
        self.version, self.who = version, who


def asked(req: Req, space: str) -> tuple[str, str, dict[str, str]]:
    """(SOAP version, the method in `space`, its parameters as texts); Broken when it is no good envelope."""
    media = req.headers.get("content-type", "").partition(";")[0].strip().lower()
    told = next((version for version, kind in MEDIA.items() if kind == media), "1.1")
    if len(req.body) > MAX_BODY or b"<!DOCTYPE" in req.body.upper()[:4096]:
        raise Broken("报文过大或含有DTD", told)
    try:
        root = ElementTree.fromstring(req.body)  # noqa: S314 - a DOCTYPE is refused above, so there are no entities
    except ElementTree.ParseError as no:
        raise Broken(f"XML解析失败: {no}", told) from None
    version = next((version for version, uri in ENVELOPES.items() if root.tag == f"{{{uri}}}Envelope"), "")
    if not version:
        raise Broken("不是SOAP报文", told, "VersionMismatch")
    if MEDIA[version] != media:
        raise Broken(f"Content-Type应为{MEDIA[version]}", version)
    body = root.find(f"{{{ENVELOPES[version]}}}Body")
    inside = [] if body is None else list(body)
    if len(inside) != 1 or not inside[0].tag.startswith(f"{{{space}}}"):
        raise Broken(f"Body中应为命名空间{space}的一个方法", version)
    values = {child.tag: child.text or "" for child in inside[0]}
    if len(values) != len(inside[0]):
        raise Broken("参数重复", version)
    return version, inside[0].tag.removeprefix(f"{{{space}}}"), values


def answered(version: str, element: str, encoding: str = "utf-8") -> Resp:
    """The element in an envelope; `encoding` of the bytes: the declaration says UTF-8 whatever they are."""
    return _sent(version, element, 200, encoding)


def fault(version: str, who: str, text: str) -> Resp:
    """A SOAP fault, HTTP 500 as the SOAP binding says."""
    names = {"1.1": {"client": "Client", "server": "Server"}, "1.2": {"client": "Sender", "server": "Receiver"}}
    name = names[version].get(who, who)
    if version == "1.1":
        inside = f"<faultcode>soap:{name}</faultcode><faultstring>{escape(text)}</faultstring>"
    else:
        reason = f'<soap:Text xml:lang="zh-CN">{escape(text)}</soap:Text>'
        inside = f"<soap:Code><soap:Value>soap:{name}</soap:Value></soap:Code><soap:Reason>{reason}</soap:Reason>"
    return _sent(version, f"<soap:Fault>{inside}</soap:Fault>", 500, "utf-8")


def _sent(version: str, element: str, status: int, encoding: str) -> Resp:
    whole = (
        f'<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="{ENVELOPES[version]}">'
        f"<soap:Body>{element}</soap:Body></soap:Envelope>"
    )
    return Resp(status, whole.encode(encoding), {"Content-Type": f"{MEDIA[version]};charset=utf-8"})
