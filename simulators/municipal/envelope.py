"""The wire of the platform: SOAP 1.1 and 1.2 envelopes, and the inner XML that declares GB18030. Written by hand on
the standard library's parser, so that a mistake of the engine's codec cannot hide here."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from simulators.base.wire import Req, Resp

NS = "http://municipal.example/insurance"
ENVELOPES = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
MEDIA = {"1.1": "text/xml", "1.2": "application/soap+xml"}
ENCODINGS = {"GB18030": "gb18030", "GBK": "gbk"}
MAX_BODY = 4 << 20
_DECLARED = re.compile(r"\s*<\?xml[^?]*?encoding=[\"']([A-Za-z0-9-]+)[\"'][^?]*\?>")

Tree = dict[str, Any]


class Broken(Exception):
    """The envelope itself is wrong: answered with a SOAP fault. `who`: client or server."""

    def __init__(self, text: str, version: str = "1.1", who: str = "client") -> None:
        super().__init__(text)
        self.version, self.who = version, who


class Unreadable(Exception):
    """The inner document is wrong: answered with appcode -1."""


@dataclass(frozen=True)
class Asked:
    """One call of the one method."""

    version: str
    code: str  # transCode
    text: str  # inputXml


def _tag(element: ElementTree.Element) -> tuple[str, str]:
    """(namespace, local name)."""
    space, _, name = element.tag.rpartition("}")
    return space.removeprefix("{"), name


def opened(req: Req) -> Asked:
    """The call in a request; Broken when it is no good envelope."""
    media = req.headers.get("content-type", "").partition(";")[0].strip().lower()
    told = next((version for version, kind in MEDIA.items() if kind == media), "1.1")
    if len(req.body) > MAX_BODY or b"<!DOCTYPE" in req.body.upper()[:4096]:
        raise Broken("报文过大或含有DTD", told)
    try:
        root = ElementTree.fromstring(req.body)  # noqa: S314 - a DOCTYPE is refused above, so there are no entities
    except ElementTree.ParseError as no:
        raise Broken(f"XML解析失败: {no}", told) from None
    space, name = _tag(root)
    version = next((version for version, uri in ENVELOPES.items() if uri == space), "")
    if name != "Envelope" or not version:
        raise Broken("不是SOAP报文", told, "VersionMismatch")
    if media not in MEDIA.values() or MEDIA[version] != media:
        raise Broken(f"Content-Type应为{MEDIA[version]}", version)
    body = root.find(f"{{{space}}}Body")
    inside = [] if body is None else list(body)
    if len(inside) != 1 or _tag(inside[0]) != (NS, "callService"):
        raise Broken("没有这个方法,只有callService", version)
    values = {_tag(child): child.text or "" for child in inside[0]}
    if set(values) != {("", "transCode"), ("", "inputXml")}:
        raise Broken("callService的参数为transCode和inputXml,不带命名空间", version)
    return Asked(version, values["", "transCode"], values["", "inputXml"])


def reply(version: str, text: str) -> Resp:
    """The method's answer; the inner document in a CDATA section."""
    inner = f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
    element = f'<m:callServiceResponse xmlns:m="{NS}"><outputXml>{inner}</outputXml></m:callServiceResponse>'
    return _sent(version, element, 200)


def fault(version: str, who: str, text: str) -> Resp:
    """A SOAP fault, HTTP 500 as the SOAP binding says."""
    names = {"1.1": {"client": "Client", "server": "Server"}, "1.2": {"client": "Sender", "server": "Receiver"}}
    name = names[version].get(who, who)
    if version == "1.1":
        inside = f"<faultcode>soap:{name}</faultcode><faultstring>{escape(text)}</faultstring>"
    else:
        reason = f'<soap:Text xml:lang="zh-CN">{escape(text)}</soap:Text>'
        inside = f"<soap:Code><soap:Value>soap:{name}</soap:Value></soap:Code><soap:Reason>{reason}</soap:Reason>"
    return _sent(version, f"<soap:Fault>{inside}</soap:Fault>", 500)


def _sent(version: str, element: str, status: int) -> Resp:
    whole = (
        f'<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="{ENVELOPES[version]}">'
        f"<soap:Body>{element}</soap:Body></soap:Envelope>"
    )
    return Resp(status, whole.encode("utf-8"), {"Content-Type": f"{MEDIA[version]};charset=utf-8"})


def parsed(text: str, encodings: Iterable[str], lists: Iterable[str]) -> tuple[Tree, Tree]:
    """(head, body) of an inner document; Unreadable says why not. Values are texts; `lists` names what may repeat."""
    declared = _DECLARED.match(text)
    if declared is None:
        raise Unreadable("缺少XML声明或encoding")
    name = declared[1].upper()
    if name not in encodings:
        raise Unreadable(f"encoding应为{'或'.join(encodings)}")
    try:
        text.encode(ENCODINGS[name])
    except UnicodeEncodeError as no:
        raise Unreadable(f"字符{text[no.start]}不在{name}中") from None
    if "<!DOCTYPE" in text.upper():
        raise Unreadable("不允许DTD")
    try:
        root = ElementTree.fromstring(text[declared.end() :])  # noqa: S314 - a DOCTYPE is refused above
    except ElementTree.ParseError as no:
        raise Unreadable(f"XML解析失败: {no}") from None
    parts = {child.tag: child for child in root}
    if root.tag != "input" or set(parts) != {"head", "body"}:
        raise Unreadable("根节点为input,其下为head和body")
    many = frozenset(lists)
    return _tree(parts["head"], many), _tree(parts["body"], many)


def _tree(element: ElementTree.Element, lists: frozenset[str]) -> Tree:
    made: Tree = {}
    for child in element:
        value: Any = _tree(child, lists) if len(child) else (child.text or "").strip()
        if child.tag in lists:
            made.setdefault(child.tag, []).append(value)
        elif child.tag in made:
            raise Unreadable(f"{child.tag}重复")
        else:
            made[child.tag] = value
    return made


def written(head: Mapping[str, str], body: Mapping[str, Any], encoding: str) -> str:
    """The inner document of an answer."""
    parts = [f'<?xml version="1.0" encoding="{encoding}"?><output>']
    _write(parts, "head", head)
    _write(parts, "body", body)
    return "".join(parts) + "</output>"


def _write(parts: list[str], name: str, value: Any) -> None:
    if isinstance(value, list):
        for one in value:
            _write(parts, name, one)
    elif isinstance(value, Mapping):
        parts.append(f"<{name}>")
        for below, one in value.items():
            _write(parts, below, one)
        parts.append(f"</{name}>")
    else:
        parts.append(f"<{name}>{escape(str(value))}</{name}>")
