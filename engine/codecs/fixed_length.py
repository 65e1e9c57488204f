"""Records of fixed-length fields counted in bytes: the layout is data, characters are never cut in half.

A layout is a row of parts, each so many bytes long. Text stands left and is filled up with blanks, numbers stand right
behind their sign and are filled up with zeros. A value that does not fit whole is refused with its field and its first
character that has no room; a field that ends in half a character is refused with the byte where it stands. GBK is read
as GB18030, as everywhere; what is written must exist in the character set that was agreed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from engine.codecs.errors import Undecodable

Tree = Any
CHARSETS: Final = {"GBK": "gbk", "GB18030": "gb18030"}
KINDS: Final = ("text", "number", "date", "moment", "const", "blank")
_DATE: Final = "%Y%m%d"
_MOMENT: Final = "%Y%m%d/%H%M%S/"
_FORMS: Final = {"date": _DATE, "moment": _MOMENT}
_SHAPES: Final = {"date": re.compile(r"[0-9]{8}", re.ASCII), "moment": re.compile(r"[0-9]{8}/[0-9]{6}/", re.ASCII)}
_NUMBER: Final = re.compile(r"(-?)([0-9]+(?:\.[0-9]+)?)", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Unfit(ValueError):
    """A value that has no place in its field. `field`: its name, `offset`: the byte of the record where the trouble
    begins, `char`: the character it begins with ("" where the whole value is wrong)."""

    def __init__(self, field: str, offset: int, text: str, char: str = "") -> None:
        super().__init__(f"{field}: {text} (byte {offset})")
        self.field, self.offset, self.text, self.char = field, offset, text, char


@dataclass(frozen=True, slots=True)
class Field:
    """One field of `size` bytes. `kind`: text, number (decimal digits, perhaps a point), date (yyyyMMdd), moment
    (yyyyMMdd/HHmmss/), const (always `value`), blank (nobody looks). `right`: the value stands at the end. `pad`: the
    byte that fills it up. `value`: what stands there when the tree has none."""

    name: str
    size: int
    kind: str = "text"
    right: bool = False
    pad: bytes = b" "
    value: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: the kind is one of {', '.join(KINDS)}")
        if self.size < 1 or len(self.pad) != 1 or self.pad[0] > 0x7E:
            raise ValueError(f"{self.name}: at least one byte, filled up with one ASCII character")
        if not self.right and self.pad[0] >= 0x30 and self.kind == "text":
            raise ValueError(f"{self.name}: text on the left takes blanks, {self.pad!r} may end a character")
        if self.kind == "const" and len(self.value.encode("ascii")) != self.size:
            raise ValueError(f"{self.name}: {self.value!r} is not {self.size} bytes long")


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that stand there `times` times: a list of objects in the tree. What is left over stays empty."""

    name: str
    times: int
    fields: tuple[Field, ...]


Part = Field | Group


class Layout:
    """A whole record. `charset`: GBK or GB18030. Offsets count from 0 at the record's first byte."""

    def __init__(self, name: str, parts: tuple[Part, ...], charset: str) -> None:
        if charset not in CHARSETS:
            raise ValueError(f"unknown character set {charset[:40]!r}; there are {', '.join(CHARSETS)}")
        self.name, self.parts, self.charset = name, parts, charset
        self._codec = CHARSETS[charset]
        self.size = size_of(parts)
        names = [part.name for part in parts if part.name]
        if twice := sorted({one for one in names if names.count(one) > 1}):
            raise ValueError(f"{name}: {twice[0]} is there twice")
        self._names = frozenset(names)

    def write(self, tree: Mapping[str, Tree]) -> bytes:
        """The record's bytes, exactly `size`. Unfit: a value that does not fit; ValueError: a name the layout does
        not have, or more rows than it has room for."""
        if unknown := sorted(set(tree) - self._names):
            raise ValueError(f"{self.name} has no field {unknown[0][:40]!r}")
        pieces: list[bytes] = []
        at = 0
        for part, row, label in self._slots(tree):
            pieces.append(self._written(part, row.get(part.name), label, at))
            at += part.size
        return b"".join(pieces)

    def _slots(self, tree: Mapping[str, Tree]) -> Iterator[tuple[Field, Mapping[str, Tree], str]]:
        """Every field in order, with the object its value is in and its name for people."""
        for part in self.parts:
            if isinstance(part, Field):
                yield part, tree, part.name
                continue
            rows = tree.get(part.name) or []
            if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
                raise ValueError(f"{part.name}: a list of objects")
            if len(rows) > part.times:
                raise ValueError(f"{part.name}: {len(rows)} rows, there is room for {part.times}")
            inside = {field.name for field in part.fields}
            for place in range(part.times):
                row = rows[place] if place < len(rows) else {}
                if unknown := sorted(set(row) - inside):
                    raise ValueError(f"{part.name} has no field {unknown[0][:40]!r}")
                for field in part.fields:
                    yield field, row, f"{part.name}[{place}].{field.name}"

    def _written(self, field: Field, value: Tree, label: str, at: int) -> bytes:
        if field.kind in ("const", "blank"):
            return field.value.encode("ascii") or field.pad * field.size
        text = field.value if value is None else _text(value, label, at)
        if text == "":
            return (b" " if field.kind in _FORMS else field.pad) * field.size
        if field.kind == "number":
            return _number(field, text, label, at)
        if field.kind in _FORMS:
            _moment(field, text, label, at)
        data = self._fitting(field, text, label, at)
        return data.rjust(field.size, field.pad) if field.right else data.ljust(field.size, field.pad)

    def _fitting(self, field: Field, text: str, label: str, at: int) -> bytes:
        """The bytes of a text that has room as a whole, character by character where it has not."""
        control = _CONTROL.search(text)
        if control is not None:
            raise Unfit(label, at, f"{control[0]!r} is no character of a field", control[0])
        try:
            data = text.encode(self._codec)
        except UnicodeEncodeError as no:
            before = len(text[: no.start].encode(self._codec))
            char = text[no.start]
            raise Unfit(label, at + before, f"{char!r} does not exist in {self.charset}", char) from None
        if len(data) <= field.size:
            return data
        used = 0
        for place, char in enumerate(text):
            size = len(char.encode(self._codec))
            if used + size > field.size:
                half = ", only half of it would fit" if used < field.size else ""
                told = f"{len(data)} bytes in {self.charset}, {field.size} fit"
                raise Unfit(label, at + used, f"{told}; character {place + 1}, {char!r}, does not{half}", char)
            used += size
        raise AssertionError("a text longer than its characters")

    def places(self) -> str:
        """Every field as `name:first byte:bytes`, with commas between, names in URL quoting: for whoever shows a record
        to people."""
        at, told = 0, []
        for part, _, label in self._slots({}):
            if part.kind not in ("const", "blank"):
                told.append(f"{quote(label, safe='[].')}:{at}:{part.size}")
            at += part.size
        return ",".join(told)

    def read(self, data: bytes) -> dict[str, Tree]:
        """The tree of a record: texts without their filling, numbers as plain digits ("" for an empty one), groups as
        lists of all their rows. Undecodable: fixed-length, fixed-charset, fixed-const, fixed-number, fixed-date."""
        if len(data) != self.size:
            told = f"{len(data)} bytes, {self.name} has {self.size}"
            raise Undecodable("fixed-length", min(len(data), self.size), told)
        made: dict[str, Tree] = {}
        at = 0
        for part in self.parts:
            if isinstance(part, Field):
                value = self._read(part, data, at, part.name)
                at += part.size
                if part.kind not in ("const", "blank"):
                    made[part.name] = value
                continue
            rows: list[Tree] = []
            for place in range(part.times):
                row = {}
                for field in part.fields:
                    row[field.name] = self._read(field, data, at, f"{part.name}[{place}].{field.name}")
                    at += field.size
                rows.append(row)
            made[part.name] = rows
        return made

    def _read(self, field: Field, data: bytes, at: int, label: str) -> str:
        raw = data[at : at + field.size]
        if field.kind == "blank":
            return ""
        if field.kind == "const":
            if raw != field.value.encode("ascii"):
                raise Undecodable("fixed-const", at, f"{label}: {field.value!r} was expected")
            return field.value
        text, start = self._decoded(field, raw, at, label)
        if field.kind == "number":
            return _plain(text, start, label)
        if field.kind in _FORMS and text.strip("0/ "):
            try:
                _moment(field, text, label, at)
            except Unfit as no:
                raise Undecodable("fixed-date", at, f"{label}: {no.text}") from None
        return "" if field.kind in _FORMS and not text.strip("0/ ") else text

    def _decoded(self, field: Field, raw: bytes, at: int, label: str) -> tuple[str, int]:
        """The text of a field and the byte it begins at. Filling is taken off before the characters are read: an ASCII
        byte at the beginning is a character, a blank at the end can end none."""
        if field.kind == "number":
            kept = raw.strip(b" \x00")
            start = at + len(raw) - len(raw.lstrip(b" \x00"))
        elif field.right:
            kept = raw.lstrip(field.pad)
            start = at + len(raw) - len(kept)
        else:
            kept, start = raw.rstrip(field.pad + b" \x00"), at
        try:
            text = kept.decode("gb18030")
        except UnicodeDecodeError as no:
            half = "incomplete" in no.reason
            told = "half a character at the end of the field" if half else f"no character of {self.charset}"
            raise Undecodable("fixed-charset", start + no.start, f"{label}: {told}") from None
        control = _CONTROL.search(text)
        if control is not None:
            before = len(text[: control.start()].encode("gb18030"))
            raise Undecodable("fixed-charset", start + before, f"{label}: a control character")
        return text, start


def size_of(parts: tuple[Part, ...]) -> int:
    """Bytes of all parts together."""
    return sum(
        part.size if isinstance(part, Field) else part.times * sum(field.size for field in part.fields)
        for part in parts
    )


def _text(value: Tree, label: str, at: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    raise Unfit(label, at, f"a text or a number was expected, not {type(value).__name__}")


def _number(field: Field, text: str, label: str, at: int) -> bytes:
    """Sign first, then zeros, then the digits."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise Unfit(label, at, "digits were expected, with a sign before them or a point inside")
    sign, digits = found[1], found[2]
    if len(sign) + len(digits) > field.size:
        raise Unfit(label, at, f"{len(sign) + len(digits)} digits, {field.size} fit")
    return f"{sign}{digits.rjust(field.size - len(sign), '0')}".encode("ascii")


def _plain(text: str, at: int, label: str) -> str:
    """A filled-up number as one would write it: -12.50 of -000012.50, "" of blanks."""
    if not text:
        return ""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise Undecodable("fixed-number", at, f"{label}: no number")
    digits = found[2].lstrip("0")
    if not digits or digits[0] == ".":
        digits = f"0{digits}"
    return f"{found[1]}{digits}" if digits.strip("0.") else digits


def _moment(field: Field, text: str, label: str, at: int) -> None:
    form, shape = _FORMS[field.kind], _SHAPES[field.kind]
    told = "yyyyMMdd" if field.kind == "date" else "yyyyMMdd/HHmmss/"
    if shape.fullmatch(text) is None:
        raise Unfit(label, at, f"{told} was expected")
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 only the form is checked
    except ValueError:
        raise Unfit(label, at, f"no such day or time ({told})") from None
