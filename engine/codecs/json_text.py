"""JSON to trees and back, strictly: no float, no name given twice, nothing that two readers read differently.

`json` of the standard library does the parsing in C; what it would let pass (NaN, a second `amount`, lone
surrogates, endless digits) is refused here. The place of such a fault is found by a second, slower look
that only runs when there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Final

import orjson

from engine.codecs import charset
from engine.codecs.errors import Undecodable
from engine.core.digest import STRICT

Tree = Any  # dict, list, str, int, Decimal, bool, None

_BOM: Final = b"\xef\xbb\xbf"
MAX_DEPTH: Final = 64
MAX_DIGITS: Final = 30
_ESCAPES: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_TOKEN: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|-?[0-9][0-9.eE+-]*|-?Infinity|NaN|[a-z]+', re.DOTALL
)


class _Fault(Exception):
    """A rule of ours is broken somewhere in a text that is grammatically fine."""


def parse(data: bytes, *, max_bytes: int = 4 << 20) -> Tree:
    """The tree of one JSON text in UTF-8, numbers as int or Decimal.

    Undecodable codes: json-size, charset, json-syntax, json-duplicate, json-number, json-depth, json-name,
    json-surrogate. A byte order mark in front, as some writers of UTF-8 put it there, says nothing.
    """
    if len(data) > max_bytes:
        raise Undecodable("json-size", max_bytes, f"a JSON text of more than {max_bytes} bytes")
    if data.startswith(_BOM):
        return _without_mark(data, max_bytes)
    text = charset.decode(data)
    try:
        tree = (_WARY if "\\u0000" in text else _DECODER).decode(text)
        if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(tree):
            raise RecursionError
        if "\\u" in text:
            _check_surrogates(text)
    except json.JSONDecodeError as error:
        raise Undecodable("json-syntax", _byte(text, error.pos), error.msg) from None
    except RecursionError:  # the parser's own guard, or ours
        raise Undecodable("json-depth", _deep_at(text), f"nested deeper than {MAX_DEPTH}") from None
    except _Fault:
        raise _located(text) from None
    return tree


def _without_mark(data: bytes, max_bytes: int) -> Tree:
    if data.startswith(_BOM, len(_BOM)):
        raise Undecodable("json-syntax", len(_BOM), "a second byte order mark")
    try:
        return parse(data[len(_BOM) :], max_bytes=max_bytes)
    except Undecodable as fault:
        raise Undecodable(fault.code, fault.offset + len(_BOM), fault.text) from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Fault
    return made


def _wary_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The same where a name may hold a NUL, which can only come escaped."""
    if any("\0" in name for name, _ in pairs):
        raise _Fault
    return _pairs(pairs)


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS and len(text.lstrip("-")) > MAX_DIGITS:
        raise _Fault
    return int(text)


def _fraction(text: str) -> Decimal:
    if (len(text) > MAX_DIGITS or "e" in text or "E" in text) and _number_is_wide(text):
        raise _Fault
    return Decimal(text)


def _number_is_wide(text: str) -> bool:
    """More than thirty digits written out in full: `1e99` is as wide as a one with 99 zeros."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, decimals = mantissa.lstrip("-").partition(".")
    if len(whole) + len(decimals) > MAX_DIGITS or len(exponent) > 5:
        return True
    power = int(exponent or "0")
    return max(len(whole) + power, 1) + max(len(decimals) - power, 0) > MAX_DIGITS


def _constant(_text: str) -> object:
    raise _Fault


def _decoder(pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=pairs, parse_int=_whole, parse_float=_fraction, parse_constant=_constant, strict=True
    )


_DECODER: Final = _decoder(_pairs)
_WARY: Final = _decoder(_wary_pairs)


def _byte(text: str, position: int) -> int:
    return len(text[:position].encode("utf-8", "surrogatepass"))


def _is_deep(tree: Tree) -> bool:
    level = [tree]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(value for value in item.values() if isinstance(value, dict | list))
            elif isinstance(item, list):
                inner.extend(value for value in item if isinstance(value, dict | list))
        if not inner:
            return False
        level = inner
    return True


def _deep_at(text: str) -> int:
    depth = 0
    for match in _TOKEN.finditer(text):
        mark = match.group()
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return _byte(text, match.start())
        elif mark in "]}":
            depth -= 1
    return 0


def _check_surrogates(text: str) -> None:
    """In a text that parsed, every backslash stands in a string. A pair is two escapes side by side."""
    high_ends_at = -1
    high_starts_at = 0
    for match in _ESCAPES.finditer(text):
        unit = int(match.group(1), 16) if match.group(1) else 0
        if high_ends_at >= 0:
            if match.start() != high_ends_at or not 0xDC00 <= unit <= 0xDFFF:
                break
            high_ends_at = -1
            continue
        if 0xDC00 <= unit <= 0xDFFF:
            raise Undecodable("json-surrogate", _byte(text, match.start()), "half of a surrogate pair")
        if 0xD800 <= unit <= 0xDBFF:
            high_starts_at, high_ends_at = match.start(), match.end()
    if high_ends_at >= 0:
        raise Undecodable("json-surrogate", _byte(text, high_starts_at), "half of a surrogate pair")


def _located(text: str) -> Undecodable:
    """Where the fault is: a walk over the tokens with the names seen so far in each open object."""
    names: list[set[str] | None] = []
    name_next = False
    for match in _TOKEN.finditer(text):
        mark, at = match.group(), match.start()
        if mark == "{":
            names.append(set())
            name_next = True
        elif mark == "[":
            names.append(None)
            name_next = False
        elif mark in ("}", "]"):
            names.pop()
            name_next = False
        elif mark == ",":
            name_next = names[-1] is not None
        elif mark == ":":
            name_next = False
        elif mark[0] == '"' and name_next:
            fault = _name_fault(json.loads(mark), names[-1] or set(), _byte(text, at))
            if fault is not None:
                return fault
            assert names[-1] is not None
            names[-1].add(json.loads(mark))
        elif mark in ("NaN", "Infinity", "-Infinity"):
            return Undecodable("json-number", _byte(text, at), f"{mark} is not a number of JSON")
        elif (mark[0] == "-" or mark[0].isdigit()) and _number_is_wide(mark):
            return Undecodable("json-number", _byte(text, at), f"a number of more than {MAX_DIGITS} digits")
    return Undecodable("json-syntax", 0, "not JSON")


def _name_fault(name: str, seen: set[str], at: int) -> Undecodable | None:
    if "\0" in name:
        return Undecodable("json-name", at, "a name with a NUL")
    if name in seen:
        return Undecodable("json-duplicate", at, f"name {name[:40]!r} is given twice")
    return None


_PLAIN: Final = frozenset({str, int, bool, type(None), Decimal})  # what any writer of JSON writes alike


def print_json(tree: Tree) -> bytes:
    """Compact UTF-8, names in order, decimals exactly as they are. ValueError: float, NaN, lone surrogate."""
    if _is_plain(tree, 0):
        try:
            return orjson.dumps(tree, _exact, STRICT)
        except TypeError:  # told below, in our words: a name that is none, a surrogate; or written, when it is too long
            pass
    try:
        return _text(tree, 0).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair cannot be written") from None


def _is_plain(tree: Tree, depth: int) -> bool:
    """Whether a fast writer may have it: it would take floats and much else, and we refuse them."""
    kind = type(tree)
    if kind is not dict and kind is not list:
        return kind in _PLAIN
    inner = tree.values() if kind is dict else tree
    return depth < MAX_DEPTH and (
        _PLAIN.issuperset(map(type, inner)) or all(_is_plain(one, depth + 1) for one in inner)
    )


def _exact(number: object) -> orjson.Fragment:
    """A decimal, digit by digit; nothing else is left to ask for. What is not finite is told by the other writer."""
    if isinstance(number, Decimal) and number.is_finite():
        return orjson.Fragment(format(number, "f"))
    raise TypeError


def _text(tree: Tree, depth: int) -> str:
    kind = type(tree)
    if kind is str:
        return encode_basestring(tree)
    if kind is dict and depth < MAX_DEPTH:
        depth += 1
        try:
            return "{" + ",".join([
                encode_basestring(name) + ":"
                + (encode_basestring(value) if type(value) is str else _text(value, depth))
                for name, value in tree.items()
            ]) + "}"  # fmt: skip
        except TypeError:
            raise ValueError("a name of JSON is text") from None
    if kind is int:
        return int.__repr__(tree)
    return _other_text(tree, depth)


def _other_text(tree: Tree, depth: int) -> str:
    """What is rarer, and what is refused."""
    if tree is None or isinstance(tree, bool):
        return "null" if tree is None else "true" if tree else "false"
    if isinstance(tree, Decimal):
        if not tree.is_finite():
            raise ValueError(f"{tree} is not a number of JSON")
        return format(tree, "f")
    if isinstance(tree, str):
        return encode_basestring(tree)
    if isinstance(tree, int):
        return int.__repr__(tree)
    if depth >= MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(tree, list | tuple):
        return "[" + ",".join([_text(item, depth + 1) for item in tree]) + "]"
    if isinstance(tree, dict):
        return _text(dict(tree), depth)
    raise ValueError(f"a {type(tree).__name__} cannot be written as JSON; numbers are int or Decimal")
