"""A whole XML document as the text of one SOAP element: how municipal insurance platforms carry their business data.

The inner document declares a character set of its own (GB18030, GBK) although its characters travel in the envelope's
UTF-8. The declaration is kept, and every character must exist in what is declared: the other side's parser will write
it that way. Trees are dicts of texts, dicts and lists; numbers and dates stay the texts they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from engine.codecs import charset as charsets
from engine.codecs import xml_text
from engine.codecs.errors import Undecodable

Tree = Any
CHARSETS: Final = {"GB18030": "gb18030", "GBK": "gbk", "GB2312": "gb2312", "UTF-8": "utf-8"}
MAX_CHARS: Final = 4 << 20
_DECLARATION: Final = re.compile(r"\s*<\?xml\b([^?]{0,120})\?>")
_ENCODING: Final = re.compile(r"encoding\s*=\s*[\"']([A-Za-z0-9_.-]{1,20})[\"']")
_NAME: Final = re.compile(r"[A-Za-z_\u4e00-\u9fa5][A-Za-z0-9_.\u4e00-\u9fa5-]{0,63}")
_TEXT: Final = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
_MAX_DEPTH: Final = 20


def print_inner(root: str, tree: Mapping[str, Tree], charset: str) -> str:
    """The document as text with its declaration. ValueError for a name that is none or a value that is no text;
    Undecodable(charset) names the character that `charset` does not have, with its place in the text."""
    if charset not in CHARSETS:
        raise ValueError(f"unknown character set {charset[:40]!r}; there are {', '.join(CHARSETS)}")
    parts = [f'<?xml version="1.0" encoding="{charset}"?>']
    _print(parts, root, tree, 0)
    text = "".join(parts)
    try:
        text.encode(CHARSETS[charset])
    except UnicodeEncodeError as no:
        raise Undecodable("charset", no.start, f"{no.object[no.start]!r} does not exist in {charset}") from None
    return text


def _print(parts: list[str], name: str, value: Tree, depth: int) -> None:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"not an element name: {name[:40]!r}")
    if depth > _MAX_DEPTH:
        raise ValueError(f"{name}: nested deeper than {_MAX_DEPTH}")
    match value:
        case Mapping():
            parts.append(f"<{name}>")
            for below, one in value.items():
                _print(parts, str(below), one, depth + 1)
            parts.append(f"</{name}>")
        case list() | tuple():
            for one in value:
                _print(parts, name, one, depth + 1)
        case None:
            parts.append(f"<{name}/>")
        case Decimal():
            parts.append(f"<{name}>{value:f}</{name}>")
        case bool() | float():
            raise ValueError(f"{name}: written as text, digits or a decimal, not as {type(value).__name__}")
        case _:
            text = str(value)
            if _TEXT.fullmatch(text) is None:
                raise ValueError(f"the value of {name} has characters XML cannot carry")
            parts.append(f"<{name}>{_escaped(text)}</{name}>")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def parse_inner(text: str, lists: Iterable[str] = ()) -> tuple[str, dict[str, Tree]]:
    """(root name, tree) of an inner document. `lists`: names that are lists even when one or none is there under
    their parent; any other name that repeats is an Undecodable(inner-repeated). Codes besides those of
    `xml_text.parse`: inner-empty, charset (declared and not known, or a character outside of it), inner-flat."""
    if not text.strip():
        raise Undecodable("inner-empty", 0, "no inner document")
    declared = _DECLARATION.match(text)
    name = "UTF-8"
    if declared is not None:
        found = _ENCODING.search(declared[1])
        name = found[1] if found is not None else name
        text = text[declared.end() :]
    _in_charset(text, name)
    root = xml_text.parse(text.strip().encode("utf-8", "surrogatepass"), max_bytes=MAX_CHARS)
    tree = _tree(root, frozenset(lists))
    if not isinstance(tree, dict):
        raise Undecodable("inner-flat", 0, f"the inner root {etree.QName(root).localname[:40]!r} has no elements")
    return etree.QName(root).localname, tree


def _in_charset(text: str, name: str) -> None:
    """What is declared must be a set we know, and the text must fit it (GBK is read as GB18030, as everywhere)."""
    try:
        codec = charsets.codec_of(name)
    except ValueError as no:
        raise Undecodable("charset", 0, str(no)) from None
    if "\ufffd" in text:
        raise Undecodable("charset", text.index("\ufffd"), "a replacement character: the sender has lost a character")
    charsets.encode(text, codec)


def _tree(element: etree._Element, lists: frozenset[str]) -> Tree:
    if len(element) == 0:
        return element.text or ""
    made: dict[str, Tree] = {}
    for child in element:
        name = etree.QName(child).localname
        value = _tree(child, lists)
        if name in lists:
            made.setdefault(name, []).append(value)
        elif name in made:
            raise Undecodable("inner-repeated", 0, f"{name[:40]!r} is given twice")
        else:
            made[name] = value
    return made
