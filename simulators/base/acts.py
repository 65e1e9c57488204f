"""What acts of an outside person have in common: which one, and the fields of its body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Body = dict[str, Any]
Party = TypeVar("Party")


def played(doors: Mapping[str, Callable[[Party, Body], Body]], party: Party, body: Body) -> Body:
    """Play one act of this table and answer what came of it; ValueError for one it does not have."""
    kind = body.get("act")
    door = doors.get(kind) if isinstance(kind, str) else None
    if door is None:
        raise ValueError(f"unknown act {kind!r}; there are {', '.join(doors)}")
    return door(party, body)


def text_of(body: Body, name: str) -> str:
    """A text that must be there; ValueError names it."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}: a text is needed")
    return value


def fen_of(body: Body, name: str) -> int:
    """Whole fen, not negative; ValueError names it."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name}: whole fen")
    return value
