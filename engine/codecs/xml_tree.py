"""A tree as XML: names are elements, lists repeat theirs, `@name` is an attribute, `#text` the text beside one.

null is an element without a value (`xsi:nil="true"`), which is not the same as an empty text."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from engine.codecs.errors import NotWritable
from engine.core.bilingual import both

Tree = Any
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_TEXT: Final = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})
_NIL: Final = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
MAX_DEPTH: Final = 64


def print_xml(root: str, tree: Tree) -> bytes:
    """The document in UTF-8. ValueError: a name XML cannot have, a float, too deep; NotWritable: a
    character it cannot carry."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>']
    _element(out, root, tree, 0)
    return "".join(out).encode("utf-8")


def _element(out: list[str], name: str, value: Tree, depth: int) -> None:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"not an element name: {name[:40]!r}")
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, list | tuple):
        for item in value:
            _element(out, name, item, depth + 1)
        return
    if value is None:
        out.append(f"<{name}{_NIL}/>")
        return
    if not isinstance(value, dict):
        out.append(f"<{name}>{_text(name, value)}</{name}>")
        return
    out.append(f"<{name}")
    for key, inner in value.items():
        if key.startswith("@"):
            if _NAME.fullmatch(key[1:]) is None:
                raise ValueError(f"not an attribute's name: {key[:40]!r}")
            out.append(f' {key[1:]}="{_text(key, inner)}"')
    out.append(_NIL + ">" if "#text" in value and value["#text"] is None else ">")
    for key, inner in value.items():
        if key == "#text":
            out.append(_text(name, inner))
        elif not key.startswith("@"):
            _element(out, key, inner, depth + 1)
    out.append(f"</{name}>")


def _text(name: str, value: Tree) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if not isinstance(value, str):
        raise ValueError(f"{name}: a {type(value).__name__} cannot be written as XML")
    fits = _TEXT.match(value)
    if fits is not None and fits.end() < len(value):
        words = both("不能写进 XML", "cannot be written in XML")
        raise NotWritable(f"{name}: U+{ord(value[fits.end()]):04X} {words}")
    return value.translate(_ESCAPES)
