"""A stored request or reply as an operator reads it: head, headers, and the body laid out and masked."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from lxml import etree

from engine.codecs import xml_text
from engine.codecs.errors import Undecodable
from engine.masking import delimited, fixed
from engine.masking.values import STARS, Masker, plain_key

SHOWN_MAX = 200_000  # characters of one body
DEPTH_MAX = 40
NUMBER_MAX = 64  # characters: longer Base64 that is no text is a signature or a cipher
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}", re.ASCII)
_HEX = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_DECLARATION = re.compile(r"^<\?xml[^?]{0,200}\?>")
_PERSON_SEGMENTS = frozenset({"PID", "PD1", "NK1", "GT1", "IN1", "IN2", "MRG"})


class Pairs(list[tuple[str, Any]]):
    """A JSON object as written: order kept, a key given twice shown twice."""


class Number(str):
    """A JSON number as written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """One side of an exchange, ready to be shown. `size` in bytes; `form` json, xml, form, hl7, fixed, text, binary or
    "" for an empty body; `cut`: more than 200,000 characters."""

    head: str
    headers: tuple[tuple[str, str], ...]
    text: str
    form: str
    size: int
    cut: bool


def show_exchange(
    request: bytes | None, reply: bytes | None, masker: Masker | None = None
) -> tuple[Shown | None, Shown | None, int]:
    """Both sides masked with one memory, so that a name in the request is also covered in the reply's words; and how
    many values were covered. None for a side that is not kept. `masker` may know values already."""
    masker = masker or Masker()
    asked = None if request is None else _split(request)
    sides = [asked, None if reply is None else _split(reply, asked.reply_layout if asked is not None else "")]
    for side in sides:
        if side is not None:
            side.read.learn(masker)
    shown = [None if side is None else side.show(masker) for side in sides]
    return shown[0], shown[1], masker.count


def as_text(shown: Shown | None) -> str | None:
    """One side as it stands in a terminal: head, headers, an empty line, the body."""
    if shown is None:
        return None
    headers = [f"{name}: {value}" for name, value in shown.headers]
    return "\n".join([*filter(None, [shown.head]), *headers, *([""] if shown.head else []), shown.text])


@dataclass(frozen=True, slots=True)
class _Read:
    """A body, understood: how to learn its personal values, and how to lay it out."""

    form: str
    learn: Callable[[Masker], None]
    lay: Callable[[Masker], str]


@dataclass(frozen=True, slots=True)
class _Side:
    head: str
    headers: tuple[tuple[str, str], ...]
    size: int
    read: _Read
    reply_layout: str = ""

    def show(self, masker: Masker) -> Shown:
        text = self.read.lay(masker)
        headers = tuple((name, masker.header(name, value)) for name, value in self.headers)
        head = _target(self.head, masker)
        return Shown(head, headers, text[:SHOWN_MAX], self.read.form, self.size, len(text) > SHOWN_MAX)


def _target(head: str, masker: Masker) -> str:
    path, sign, query = head.partition("?")
    if sign:
        pairs = (part.partition("=") for part in query.split("&"))
        query = "&".join(key + eq + masker.value(key, unquote(value)) for key, eq, value in pairs)
    return masker.text(path, numbers=False) + sign + query


def _split(data: bytes, layout: str = "") -> _Side:
    """`layout`: of a reply, as its request has told."""
    head, gap, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("utf-8", "replace").split("\r\n")
    good = gap and re.match(r"[A-Z]{3,8} \S|[1-5][0-9]{2}$", first)
    if not good:  # no HTTP: the body alone was kept
        first, lines, body = "", [], data
    headers = tuple((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines if line))
    kind = next((value.lower() for name, value in headers if name.lower() == "content-type"), "")
    layout = layout or next((value for name, value in headers if name == fixed.REQUEST), "")
    rows = fixed.rows(body, layout) if layout else []
    if rows:
        read = _Read("fixed", lambda m: fixed.learn(m, rows), lambda m: fixed.laid(m, rows))
        reply_layout = next((value for name, value in headers if name == fixed.REPLY), "")
        shown = tuple(one for one in headers if one[0] not in fixed.HEADERS)
        return _Side(first, shown, len(body), read, reply_layout)
    return _Side(first, headers, len(body), _read(body, kind))


def _read(body: bytes, kind: str) -> _Read:
    if not body:
        return _Read("", lambda masker: None, lambda masker: "")
    text = _decoded(body)
    if text is None:
        return _Read("binary", lambda masker: None, lambda masker: _hex(body))
    start = text.lstrip("\ufeff \t\r\n")
    if start[:1] in ("{", "["):
        tree = _json(start)
        if tree is not None:
            return _Read("json", lambda m: _learn(m, tree), lambda m: "".join(_laid(m, tree, "", 0)))
    if start[:1] == "<" and "<html" not in start[:200].lower():
        root = _xml(body)
        if root is not None:
            return _Read("xml", lambda m: _learn_xml(m, root), lambda m: _laid_xml(m, root))
    if "x-www-form-urlencoded" in kind:
        tree = Pairs(parse_qsl(text, keep_blank_values=True, max_num_fields=1000))
        return _Read("form", lambda m: _learn(m, tree), lambda m: "".join(_laid(m, tree, "", 0)))
    if re.match(r"\x0b?(MSH|FHS|BHS)\|", text):
        return _Read("hl7", lambda m: _learn_hl7(m, text), lambda m: _hl7(m, text))
    if "^" in text and "|" in text:
        return _Read("text", lambda masker: None, lambda masker: delimited.covered(masker, masker.loose(text)))
    return _Read("text", lambda masker: None, lambda masker: masker.loose(text))


def _decoded(body: bytes) -> str | None:
    for charset in ("utf-8", "gb18030"):
        try:
            text = body.decode(charset)
        except UnicodeDecodeError:
            continue
        if not re.search(r"[\x00-\x08\x0e-\x1a]", text):
            return text
    return None


def _hex(body: bytes) -> str:
    return "\n".join(body[at : at + 32].hex(" ") for at in range(0, min(len(body), 4096), 32))


# JSON


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=Pairs, parse_float=Number, parse_int=Number)
    except (ValueError, RecursionError):
        return None


def _inner(value: str) -> tuple[str, Any] | None:
    """What a text carries inside: JSON, or Base64 of JSON or of words. None when it is plain."""
    if value[:1] in ("{", "[") and len(value) > 2:
        tree = _json(value)
        return None if tree is None else ("JSON", tree)
    if len(value) % 4 == 0 and _BASE64.fullmatch(value) and not _HEX.fullmatch(value):
        try:
            text = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return ("Base64", None) if len(value) > NUMBER_MAX else None
        if text.isprintable() or text[:1] in ("{", "["):
            return ("Base64", _json(text) if text[:1] in ("{", "[") else text)
    return None


def _beside(pairs: Pairs) -> frozenset[str]:
    return frozenset(plain_key(key) for key, _ in pairs)


def _learn(masker: Masker, tree: Any, depth: int = 0) -> None:
    if depth > DEPTH_MAX:
        return
    if isinstance(tree, Pairs):
        beside = _beside(tree)
        for key, value in tree:
            if isinstance(value, str):
                inner = None if isinstance(value, Number) else _inner(value)
                if inner is not None and not isinstance(inner[1], str):
                    _learn(masker, inner[1], depth + 1)
                else:
                    masker.learn(key, value, beside)
            else:
                _learn(masker, value, depth + 1)
    elif isinstance(tree, list):
        for value in tree:
            _learn(masker, value, depth + 1)


def _laid(masker: Masker, tree: Any, key: str, depth: int, beside: frozenset[str] = frozenset()) -> Iterator[str]:
    """The tree as indented JSON, each value covered where it has to be."""
    if depth > DEPTH_MAX:
        yield STARS
    elif isinstance(tree, list):
        named = isinstance(tree, Pairs)
        here = _beside(tree) if isinstance(tree, Pairs) else beside
        yield "{" if named else "["
        for place, item in enumerate(tree):
            yield (",\n" if place else "\n") + "  " * (depth + 1)
            name, value = item if named else (key, item)
            if named:
                yield json.dumps(name, ensure_ascii=False) + ": "
            yield from _laid(masker, value, name, depth + 1, here)
        yield ("\n" + "  " * depth if tree else "") + ("}" if named else "]")
    elif isinstance(tree, Number):
        shown = masker.value(key, tree, beside)
        yield tree if shown == tree else json.dumps(shown, ensure_ascii=False)
    elif isinstance(tree, str):
        yield from _laid_text(masker, tree, key, depth, beside)
    else:
        yield {True: "true", False: "false", None: "null"}[tree]


def _laid_text(masker: Masker, value: str, key: str, depth: int, beside: frozenset[str]) -> Iterator[str]:
    inner = _inner(value)
    if inner is None:
        yield json.dumps(masker.value(key, value, beside), ensure_ascii=False)
        return
    how, tree = inner
    if tree is None:  # a signature or a cipher: its length is all there is to see
        shown = masker.value(key, value, beside)
        yield json.dumps(shown if shown != value else f"{value[:8]}…", ensure_ascii=False) + f"  ⟨{how} {len(value)}⟩"
        return
    yield f"⟨{how}⟩ "
    yield from _laid(masker, tree, key, depth, beside)


# XML


def _xml(body: bytes) -> etree._Element | None:
    try:
        return xml_text.parse(body)
    except Undecodable:
        return None


def _elements(root: etree._Element) -> Iterator[tuple[str, etree._Element, frozenset[str]]]:
    """Every element with its tag and its neighbours' plain tags; the codec has left nothing else in the tree."""
    for element in root.iter():
        parent = element.getparent()
        near = parent if parent is not None else [element]
        yield element.tag, element, frozenset(plain_key(one.tag) for one in near)


def _learn_xml(masker: Masker, root: etree._Element) -> None:
    for tag, element, beside in _elements(root):
        text = (element.text or "").strip()
        document = _document(text)
        inner = _inner(text) if text else None
        if document is not None:
            _learn_xml(masker, document)
        elif inner is not None and not isinstance(inner[1], str):
            _learn(masker, inner[1])
        elif text:
            masker.learn(tag, text, beside)


def _document(text: str) -> etree._Element | None:
    """A whole XML document that is the text of an element, as SOAP platforms carry their business data."""
    if not text.startswith("<"):
        return None
    return _xml(_DECLARATION.sub("", text, count=1).encode("utf-8", "surrogatepass"))


def _laid_xml(masker: Masker, root: etree._Element) -> str:
    _cover_xml(masker, root)
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")


def _cover_xml(masker: Masker, root: etree._Element) -> None:
    """Cover what is a person's; a document inside is shown as elements of its own."""
    for tag, element, beside in list(_elements(root)):
        text = (element.text or "").strip()
        document = None if len(element) else _document(text)
        if document is not None:
            _cover_xml(masker, document)
            element.text = None
            element.append(document)
        elif text and not len(element):
            inner = _inner(text)
            if inner is not None and inner[1] is not None:
                element.text = f"⟨{inner[0]}⟩ " + "".join(_laid(masker, inner[1], tag, 1, beside))
            elif delimited.is_delimited(text):
                element.text = delimited.covered(masker, text)
            else:
                element.text = masker.value(tag, text, beside)
        for name, value in element.attrib.items():
            element.attrib[name] = masker.value(str(name), str(value))


# HL7


def _learn_hl7(masker: Masker, text: str) -> None:
    """What stands in persons' segments stands, under any key a site likes, in what is sent on."""
    for line in re.split(r"[\r\n]+", text):
        segment, _, rest = line.partition("|")
        if segment in _PERSON_SEGMENTS:
            for value in re.split(r"[|~^&]", rest):
                masker.learn("idno" if value.isascii() else "xm", value)


def _hl7(masker: Masker, text: str) -> str:
    """Segments of persons are shown by their names only."""
    lines = []
    for line in re.split(r"[\r\n]+", text.strip("\x0b\x1c\r\n")):
        segment, sep, rest = line.partition("|")
        if segment in _PERSON_SEGMENTS:
            masker.count += 1
            lines.append(f"{segment}{sep}{STARS} ({rest.count('|') + 1})")
        else:
            lines.append(masker.text(line))
    return "\n".join(lines)
