"""The one string of the SOAP style: a document in XML or JSON, and the ways HIS carry it wrongly and get away with it.

What cannot be told apart from a misread character set is refused, so that no patient's name goes garbled into an
invoice: the reason names the setting to change.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.codecs import charset as charsets
from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.codecs.soap_cdata import parse_inner, print_inner

Tree = Any
_MAX_BYTES: Final = 4 << 20


def print_document(content: str, root: str, tree: Mapping[str, Tree], charset: str, row: str) -> str:
    """The document as text; Undecodable for a character that `charset` does not have, ValueError for what the form
    cannot carry. `row`: the element around each member of a list in XML, "" where the list's own name repeats."""
    if content == "json":
        text = json_text.print_json(tree).decode("utf-8")
        charsets.encode(text, charset)
        return text
    return print_inner(root, _with_rows(tree, row), charset)


def _with_rows(tree: Tree, row: str) -> Tree:
    if isinstance(tree, Mapping):
        return {name: _with_rows(value, row) for name, value in tree.items()}
    if isinstance(tree, list):
        members = [_with_rows(one, row) for one in tree]
        return {row: members} if row else members
    return tree


def carried(text: str, how: str, charset: str) -> str:
    """The text as the string parameter holds it."""
    if how == "text":
        return text
    data = charsets.encode(text, charset)
    return data.decode("latin-1") if how == "latin1" else base64.b64encode(data).decode("ascii")


def uncarried(text: str, how: str, charset: str) -> str:
    """The document in a string of the HIS; Undecodable when it is not carried as was agreed."""
    if how == "text":
        if _is_misread(text):
            raise Undecodable("charset", 0, "bytes of GBK read as Latin-1: the connection needs carried: latin1")
        return text
    if how == "latin1":
        try:
            return charsets.decode(text.encode("latin-1"), charset)
        except UnicodeEncodeError as no:
            raise Undecodable("charset", no.start, "no byte of Latin-1: the connection needs carried: text") from None
    try:
        return charsets.decode(base64.b64decode("".join(text.split()), validate=True), charset)
    except (binascii.Error, ValueError) as no:
        if isinstance(no, Undecodable):
            raise
        raise Undecodable("base64", 0, "no Base64: the connection needs carried: text") from None


def _is_misread(text: str) -> bool:
    """Whether all that is not ASCII in it is bytes of GBK, each written as a character."""
    if text.isascii():
        return False
    try:
        data = text.encode("latin-1")
        data.decode("gb18030")
    except UnicodeError:
        return False
    return True


def parse_document(text: str, lists: Iterable[str], row: str) -> dict[str, Tree]:
    """The tree of a document, XML or JSON by its first character; Undecodable when it is neither, or not whole.
    `lists`: names that are lists in XML however many are there."""
    start = text.lstrip("\ufeff \t\r\n")
    if start[:1] in ("{", "["):
        if "\ufffd" in start:
            raise Undecodable("charset", 0, "a replacement character: the sender has lost a character")
        tree = json_text.parse(start.encode("utf-8", "surrogatepass"), max_bytes=_MAX_BYTES)
        if not isinstance(tree, dict):
            raise Undecodable("inner-flat", 0, "a JSON object was expected")
        return tree
    named = frozenset(lists) | ({row} if row else frozenset())
    _, made = parse_inner(start, named)
    found = _without_rows(made, frozenset(lists), row)
    assert isinstance(found, dict)
    return found


def _without_rows(tree: Tree, lists: frozenset[str], row: str) -> Tree:
    """Lists as lists: `<items><row/><row/></items>`, `<items/>`, or items that repeat."""
    if not isinstance(tree, dict):
        return tree
    return {
        name: _members(value, lists, row) if name in lists else _without_rows(value, lists, row)
        for name, value in tree.items()
    }


def _members(value: list[Tree], lists: frozenset[str], row: str) -> list[Tree]:
    found: list[Tree] = []
    for one in value:
        if isinstance(one, dict) and one.keys() == {row}:
            found += one[row]
        elif one not in ("", None):
            found.append(one)
    return [_without_rows(one, lists, row) for one in found if one != ""]
