"""Two lists of one day, ours and a party's, compared number by number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Tree = Any
Row = Mapping[str, Tree]
THERE, HERE, UNLIKE = "listed", "unlisted", "unlike"
"""Verdicts: only the party's list has the number, only ours has it, both have it and differ."""


def compared(ours: Iterable[Row], theirs: Iterable[Row], equal: Sequence[str]) -> list[dict[str, str]]:
    """What differs: {number, verdict, text}. `equal`: what must be the same in both rows of a number. A number that
    stands twice in one list is told as well. Texts name fields and amounts, never persons."""
    left: list[dict[str, str]] = []
    mine, yours = _by_number(ours, left, HERE), _by_number(theirs, left, THERE)
    for number, row in yours.items():
        own = mine.get(number)
        if own is None:
            left.append(_said(number, THERE, _values(row, equal)))
            continue
        both = [(name, own.get(name), row.get(name)) for name in equal if _unlike(own, row, name)]
        unlike = [f"{name} {_shown(one)} ≠ {_shown(two)}" for name, one, two in both]
        if unlike:
            left.append(_said(number, UNLIKE, ", ".join(unlike)))
    left += [_said(number, HERE, _values(row, equal)) for number, row in mine.items() if number not in yours]
    return left


def _by_number(rows: Iterable[Row], left: list[dict[str, str]], verdict: str) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows:
        number = str(row.get("number") or "")
        if number in found:
            left.append(_said(number, UNLIKE, f"{'ours' if verdict == HERE else 'theirs'} ×2"))
        found[number] = row
    return found


def _unlike(own: Row, row: Row, name: str) -> bool:
    return str(own.get(name)) != str(row.get(name))


def _said(number: str, verdict: str, text: str) -> dict[str, str]:
    return {"number": number, "verdict": verdict, "text": text}


def _values(row: Row, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {_shown(row.get(name))}" for name in names)


def _shown(value: Tree) -> str:
    return "—" if value is None else str(value)[:40]
