"""Bytes for people: the head, the body laid out, what is wrapped inside it, and the exact bytes."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from xml.dom.minidom import parseString

from simulators.base.exchanges import readable

SHOWN = 200_000  # characters of a body on a page
HEX_ROWS = 512


@dataclass(frozen=True)
class Shown:
    """One side of an exchange. `inner`: what was found wrapped in the body (Base64, a form's JSON, CDATA)."""

    size: int
    first: str
    head: str
    body: str
    inner: str
    hex: str

    @property
    def good(self) -> bool:
        """A reply that is no HTTP error."""
        return self.first.split(" ")[1:2] < ["3"]


def shown(content: bytes) -> Shown:
    """What one side said: HTTP with a head, or an MLLP frame."""
    head, body = b"", content
    if content[:5] == b"HTTP/" or b" HTTP/1." in content[:4096].partition(b"\r\n")[0]:
        head, _, body = content.partition(b"\r\n\r\n")
    if body[:1] == b"\x0b":
        text = readable(body.strip(b"\x0b\x1c\r")).replace("\r", "\n")
        return Shown(len(content), "", "", text[:SHOWN], "", _hex(content))
    lines = readable(head)
    text, inner = laid_out(body)
    return Shown(len(content), lines.partition("\r\n")[0], lines, text[:SHOWN], inner[:SHOWN], _hex(content))


def laid_out(body: bytes) -> tuple[str, str]:
    """A body indented where it is JSON, XML or a form, and what is wrapped inside."""
    text = readable(body)
    start = text.lstrip()[:1]
    if start in ("{", "["):
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError):
            return text, ""
        return _indented(tree), _unwrapped(tree)
    if start == "<":
        return text, _cdata(text)
    if "=" in text[:200] and "\n" not in text.strip() and len(text) < SHOWN:
        pairs = parse_qsl(text, keep_blank_values=True)
        if pairs:
            inside = [_of_json(value) for _, value in pairs]
            return "\n".join(f"{name} = {value}" for name, value in pairs), "\n".join(filter(None, inside))
    return text, ""


def _indented(tree: Any) -> str:
    return json.dumps(tree, ensure_ascii=False, indent=2)


def _unwrapped(tree: Any, depth: int = 0) -> str:
    """Values that are themselves JSON, plain or in Base64 (a wrapper inside a wrapper too)."""
    if not isinstance(tree, dict) or depth > 3:
        return ""
    found = []
    for name, value in tree.items():
        if isinstance(value, dict):
            found.append(_unwrapped(value, depth + 1))
        elif isinstance(value, str) and len(value) > 8:
            inside = _json_in(value)
            if isinstance(inside, dict | list):
                found += [f"{name}:\n{_indented(inside)}", _unwrapped(inside, depth + 1)]
            elif isinstance(inside, str):
                found.append(f"{name}: {inside}")
    return "\n".join(filter(None, found))


def _json_in(value: str) -> Any:
    """The JSON in a text, or in its Base64; a text in Base64; None when it is neither."""
    if value[:1] in "{[":
        return _loaded(value)
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    if text[:1] in ("{", "["):
        return _loaded(text)
    return text if text.isprintable() and not text.isascii() else None


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _of_json(value: str) -> str:
    tree = _loaded(value) if value[:1] == "{" else None
    return _indented(tree) if tree is not None else ""


def _cdata(text: str) -> str:
    """The documents that an XML text carries as text."""
    inside = []
    for piece in text.split("<![CDATA[")[1:]:
        document = piece.partition("]]>")[0].strip()
        if document.startswith("<") and "<!DOCTYPE" not in document and "<!ENTITY" not in document:
            inside.append(_pretty_xml(document))
    return "\n".join(inside)


def _pretty_xml(document: str) -> str:
    body = document.partition("?>")[2].strip() if document.startswith("<?xml") else document
    declared = document[: len(document) - len(body)].strip()
    try:
        root = parseString(body).documentElement  # noqa: S318 - no DOCTYPE, no entities: see above
        made = root.toprettyxml(indent="  ") if root is not None else document
    except Exception:  # noqa: BLE001 - what is no XML is shown as it stands
        return document
    return f"{declared}\n{made}".strip()


def _hex(content: bytes) -> str:
    rows = []
    for at in range(0, min(len(content), HEX_ROWS * 16), 16):
        part = content[at : at + 16]
        seen = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        rows.append(f"{at:06x}  {part.hex(' '):<47}  {seen}")
    if len(content) > HEX_ROWS * 16:
        rows.append("…")
    return "\n".join(rows)
