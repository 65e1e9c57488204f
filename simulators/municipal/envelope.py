"""The wire of the platform: SOAP 1.1 and 1.2 envelopes, and the inner XML that declares GB18030. Written by hand on
the standard library's parser, so that a mistake of the engine's codec cannot hide here."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from simulators.base import soap
from simulators.base.wire import Req, Resp

NS = "http://municipal.example/insurance"
ENCODINGS = {"GB18030": "gb18030", "GBK": "gbk"}
_DECLARED = re.compile(r"\s*<\?xml[^?]*?encoding=[\"']([A-Za-z0-9-]+)[\"'][^?]*\?>")

Tree = dict[str, Any]


class Unreadable(Exception):
    """The inner document is wrong: answered with appcode -1."""


@dataclass(frozen=True)
class Asked:
    """One call of the one method."""

    version: str
    code: str  # transCode
    text: str  # inputXml


def opened(req: Req) -> Asked:
    """The call in a request; Broken when it is no good envelope."""
    version, method, values = soap.asked(req, NS)
    if method != "callService":
        raise soap.Broken("没有这个方法,只有callService", version)
    if values.keys() != {"transCode", "inputXml"}:
        raise soap.Broken("callService的参数为transCode和inputXml,不带命名空间", version)
    return Asked(version, values["transCode"], values["inputXml"])


def reply(version: str, text: str) -> Resp:
    """The method's answer; the inner document in a CDATA section."""
    inner = f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
    element = f'<m:callServiceResponse xmlns:m="{NS}"><outputXml>{inner}</outputXml></m:callServiceResponse>'
    return soap.answered(version, element)


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
