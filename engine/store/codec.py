"""A settlement's tree as JSON bytes and back, exactly: Decimal stays Decimal, int stays int, text stays text.

A Decimal is written `{"$d": "1.50"}`; a key that begins with `$` gets another `$`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

Tree = Any
Texts = dict[int, tuple[list[Tree], str]]
"""The lists of one growing tree (by id, and held so that the id stays theirs) with their texts."""

_DEEP = 3  # names below which lists are looked for


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
    """The same bytes as `encode`, for a tree that is written again and again as it grows: the lists in it (a bill's
    lines) are most of it and never change, so the text of each is made once and kept in `texts`."""
    found: list[str] = []
    rest = encode(_listless(tree, texts, found, 0)).decode("utf-8", "surrogatepass")
    for n, text in enumerate(found):
        mark = f'"\\u0001{n}\\u0001"'
        if rest.count(mark) != 1:  # a text of ours looks like a mark
            return encode(tree)
        rest = rest.replace(mark, text)
    return rest.encode("utf-8", "surrogatepass")


def _listless(tree: dict[str, Tree], texts: Texts, found: list[str], depth: int) -> dict[str, Tree]:
    """The tree with a mark for each list, whose text goes to `found`."""
    made: dict[str, Tree] = {}
    for name, value in tree.items():
        if type(value) is list and value:
            kept = texts.get(id(value))
            if kept is None or kept[0] is not value:
                kept = texts[id(value)] = value, encode(value).decode("utf-8", "surrogatepass")
            made[name] = f"\x01{len(found)}\x01"
            found.append(kept[1])
        elif type(value) is dict and depth < _DEEP:
            made[name] = _listless(value, texts, found, depth + 1)
        else:
            made[name] = value
    return made


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
