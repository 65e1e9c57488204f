"""A settlement's tree as JSON bytes and back, exactly: Decimal stays Decimal, int stays int, text stays text.

A Decimal is written `{"$d": "1.50"}`; a key that begins with `$` gets another `$`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson

from engine.core.digest import STRICT

Tree = Any


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
    """UTF-8 JSON of a tree of dict, list, str, int, float (instants: finite), Decimal, bool, None. TypeError for
    others."""
    encoder = _Encoder()
    try:
        data = orjson.dumps(tree, encoder.other, STRICT)
    except TypeError:  # half a surrogate pair, a number above 64 bits, a key that is no text; or what cannot be stored
        return _exactly(tree)
    if data.count(b'"$') != encoder.decimals:  # rare: some text or key of ours begins with the sign
        return _exactly(tree)
    return data


def _exactly(tree: Tree) -> bytes:
    """The same, of what the fast printer does not take."""
    encoder = _Encoder()
    text = _dumps(tree, encoder)
    if text.count('"$') != encoder.decimals:
        text = _dumps(_escaped(tree), _Encoder())
    return text.encode("utf-8", "surrogatepass")


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
