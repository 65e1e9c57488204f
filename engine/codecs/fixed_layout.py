"""Layouts of fixed-length and delimited messages as a CSV file, one field a row, edited in a spreadsheet.

Columns: `message` (which message the field belongs to), `field` (its name; `designated[].hospital` is a field of the
repeated group `designated`), `bytes`, `kind` (see `fixed_length.Field`; empty is text), `times` (of a group, at its
first row), `value` (of a const, or what stands there when a map gives nothing), `note`. `align` (left, right) and `pad`
(one character, or `blank`) are only written where they differ from what the kind has.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Final

from engine.codecs.fixed_length import Field, Group, Part

COLUMNS: Final = ("message", "field", "bytes", "kind", "align", "pad", "times", "value", "note")
_NEEDED: Final = ("message", "field", "bytes")


class BadLayout(ValueError):
    """A layout file that cannot be used; the text names the line and what to write."""


def read_layouts(data: bytes) -> dict[str, tuple[Part, ...]]:
    """Message → its parts in the order of the rows. BadLayout names the line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as no:
        raise BadLayout(f"byte {no.start}: the file is not UTF-8") from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        return _read(rows)
    except csv.Error as no:
        raise BadLayout(f"line {rows.line_num}: {no}") from None


def _read(rows: csv.DictReader[str]) -> dict[str, tuple[Part, ...]]:
    missing = [name for name in _NEEDED if name not in (rows.fieldnames or ())]
    if missing:
        raise BadLayout(f"line 1: there is no column {missing[0]}")
    for name in rows.fieldnames or ():
        if name not in COLUMNS:
            raise BadLayout(f"line 1: {name!r} is no column; there are {', '.join(COLUMNS)}")
    made: dict[str, list[Part]] = {}
    for row in rows:
        if None in row:
            raise BadLayout(f"line {rows.line_num}: more values than columns")
        kept = {key: (value or "").strip() for key, value in row.items()}
        if not kept["message"]:
            continue
        try:
            _add(made.setdefault(kept["message"], []), kept)
        except ValueError as no:
            raise BadLayout(f"line {rows.line_num}: {no}") from None
    return {name: tuple(parts) for name, parts in made.items()}


def _add(parts: list[Part], row: Mapping[str, str]) -> None:
    group, dot, inner = row["field"].partition("[].")
    name = inner if dot else row["field"]
    field = _field(name, row)
    if not dot:
        if not name and field.kind != "blank":
            raise ValueError("field: the name is missing (only a blank has none)")
        parts.append(field)
        return
    last = parts[-1] if parts else None
    if isinstance(last, Group) and last.name == group:
        parts[-1] = Group(group, last.times, (*last.fields, field))
        return
    times = _count(row.get("times", ""), "times")
    parts.append(Group(group, times, (field,)))


def _field(name: str, row: Mapping[str, str]) -> Field:
    kind = row.get("kind") or "text"
    number = kind == "number"
    align = row.get("align") or ("right" if number else "left")
    if align not in ("left", "right"):
        raise ValueError("align: left or right")
    pad = row.get("pad") or ("0" if number else "blank")
    filling = b" " if pad == "blank" else pad.encode("ascii", "replace")
    return Field(name, _count(row["bytes"], "bytes"), kind, align == "right", filling, row.get("value") or "")


def _count(text: str, column: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65536:
        raise ValueError(f"{column}: a whole number from 1 to 65536")
    return int(text)
