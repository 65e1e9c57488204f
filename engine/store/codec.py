"""A settlement's tree as JSON bytes and back, exactly: Decimal stays Decimal, int stays int, text stays text.

A Decimal is written `{"$d": "1.50"}`; a key that begins with `$` gets another `$`.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from operator import is_
from typing import Any

Tree = Any
Texts = dict[int, tuple[dict[str, Tree], dict[str, Tree], str]]
"""The dicts at the ends of one growing tree, by id (each held, so that its id stays its own), as they were when their
text was made, and that text."""

_MARK = re.compile(r'"\\u0001([0-9]+)\\u0001"')


class _Encoder:
    __slots__ = ("decimals",)

    def __init__(self) -> None:
        self.decimals = 0

    def other(self, value: object) -> object:
        if isinstance(value, Decimal):
            self.decimals += 1
            return {"$d": str(value)}
        raise TypeError(f"cannot be stored: {type(value).__name__}")


def encode(tree: Tree) -> bytes:
    """UTF-8 JSON of a tree of dict, list, str, int, float (instants), Decimal, bool, None. TypeError for others."""
    encoder = _Encoder()
    text = _dumps(tree, encoder)
    if text.count('"$') != encoder.decimals:  # rare: some text or key of ours begins with the sign
        text = _dumps(_escaped(tree), _Encoder())
    return text.encode("utf-8", "surrogatepass")


def encode_growing(tree: dict[str, Tree], texts: Texts) -> bytes:
    """The same bytes as `encode`, for a tree that is written again and again as it grows. What hangs at its ends (a
    call's output, a bill's lines) is most of it and does not change: its text is made once and kept in `texts`. A list
    in the tree, once there, must not be changed in place; dicts may."""
    found: list[str] = []
    pieces = _MARK.split(encode(_stem(tree, texts, found)).decode("utf-8", "surrogatepass"))
    if pieces[1::2] != list(map(str, range(len(found)))):  # a text of ours looks like a mark
        return encode(tree)
    pieces[1::2] = found
    return "".join(pieces).encode("utf-8", "surrogatepass")


def _stem(tree: dict[str, Tree], texts: Texts, found: list[str]) -> dict[str, Tree]:
    """The tree with a mark for each dict at its ends, whose text goes to `found`."""
    made: dict[str, Tree] = {}
    for name, value in tree.items():
        if type(value) is not dict:
            made[name] = value
            continue
        kept = texts.get(id(value))
        if kept is None or kept[0] is not value or not _same(kept[1], value):
            if any(type(inner) is dict for inner in value.values()):
                made[name] = _stem(value, texts, found)
                continue
            kept = texts[id(value)] = value, dict(value), encode(value).decode("utf-8", "surrogatepass")
        made[name] = f"\x01{len(found)}\x01"
        found.append(kept[2])
    return made


def _same(before: dict[str, Tree], now: dict[str, Tree]) -> bool:
    """Whether a dict holds the very things it held: 1 and true are equal, and are not the same."""
    return [*before] == [*now] and all(map(is_, before.values(), now.values()))


def decode(data: bytes) -> Tree:
    """The tree `encode` was given."""
    return json.loads(data.decode("utf-8", "surrogatepass"), object_hook=_object)


def _dumps(tree: Tree, encoder: _Encoder) -> str:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=encoder.other)


def _escaped(tree: Tree) -> Tree:
    if isinstance(tree, dict):
        return {("$" + key if key.startswith("$") else key): _escaped(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_escaped(value) for value in tree]
    return tree


def _object(pairs: dict[str, Tree]) -> Tree:
    for key in pairs:
        if key.startswith("$"):
            break
    else:
        return pairs
    if len(pairs) == 1 and key == "$d":
        return Decimal(pairs["$d"])
    return {(key[1:] if key.startswith("$") else key): value for key, value in pairs.items()}
