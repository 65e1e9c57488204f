"""XML without its dangers, and the flat dialect `<xml><a>…</a></xml>` of the older payment interfaces.

No DOCTYPE, so no entities and no bombs; no network; bounded size and depth. The declared character set
must be UTF-8 or one of the GB family.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lxml import etree

from engine.codecs import charset as charsets
from engine.codecs.errors import Undecodable

MAX_DEPTH: Final = 64
_DECLARED: Final = re.compile(rb"^<\?xml[^>]{0,80}?encoding\s*=\s*[\"']([A-Za-z0-9_.-]{1,20})[\"']")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_TEXT: Final = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


def parse(data: bytes, *, max_bytes: int = 4 << 20) -> etree._Element:
    """The root element. Undecodable codes: xml-size, charset, xml-doctype, xml-syntax, xml-depth."""
    if len(data) > max_bytes:
        raise Undecodable("xml-size", max_bytes, f"an XML text of more than {max_bytes} bytes")
    text = _text_of(data)
    doctype = text.upper().find("<!DOCTYPE")
    if doctype >= 0 and not _inside_cdata(text, doctype):
        raise Undecodable("xml-doctype", len(text[:doctype].encode()), "a DOCTYPE is not accepted")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True,
        remove_pis=True, encoding="utf-8",
    )  # fmt: skip
    try:
        root = etree.fromstring(text.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise Undecodable("xml-syntax", _offset(text, line, column), (error.msg or "not XML")[:120]) from None
    _check_depth(root)
    return root


def _text_of(data: bytes) -> str:
    declared = _DECLARED.match(data)
    name = declared.group(1).decode("ascii") if declared else "utf-8"
    try:
        charsets.codec_of(name)
    except ValueError:
        raise Undecodable("charset", 0, f"character set {name!r} is not accepted") from None
    return charsets.decode(data.removeprefix(b"\xef\xbb\xbf"), name)


def _inside_cdata(text: str, position: int) -> bool:
    opened = text.rfind("<![CDATA[", 0, position)
    return opened >= 0 and text.find("]]>", opened, position) < 0


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return len(text[: start + max(0, column - 1)].encode())


def _check_depth(root: etree._Element) -> None:
    level: list[etree._Element] = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return
    raise Undecodable("xml-depth", 0, f"nested deeper than {MAX_DEPTH}")


def parse_flat(data: bytes, *, max_bytes: int = 1 << 20) -> dict[str, str]:
    """`<xml><a>1</a></xml>` as `{"a": "1"}`. Undecodable also for xml-flat (nested) and xml-duplicate."""
    found: dict[str, str] = {}
    for child in parse(data, max_bytes=max_bytes):
        name = str(child.tag)
        if len(child):
            raise Undecodable("xml-flat", 0, f"element {name[:40]!r} has elements inside")
        if name in found:
            raise Undecodable("xml-duplicate", 0, f"element {name[:40]!r} is given twice")
        found[name] = child.text or ""
    return found


def print_flat(fields: Mapping[str, str], root: str = "xml") -> bytes:
    """The flat dialect with every value in CDATA, UTF-8. ValueError for what XML cannot carry."""
    parts = [f"<{root}>"]
    for name, value in fields.items():
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"not an element name: {name[:40]!r}")
        if _TEXT.fullmatch(value) is None:
            raise ValueError(f"the value of {name} has characters XML cannot carry")
        # "]]>" would end the section: it is split over two.
        parts.append(f"<{name}><![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]></{name}>")
    parts.append(f"</{root}>")
    return "".join(parts).encode("utf-8")
