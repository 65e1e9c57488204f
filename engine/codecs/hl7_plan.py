"""The checking plan of an HL7 message: the rows of `hl7_tables`, compiled so that a message takes some 40 µs.

It judges segments (present, known, not too many), fields (required, repeated, too long) and base datatypes. It
does not judge order, tables of codes, or anything in Z segments; fields beyond a version's last are let pass, as
HL7 wants it. A site that knows better leaves rows out: `plan.without(lambda row: ...)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from engine.codecs.hl7_ack import CONDITIONS, HL7Error
from engine.codecs.hl7_er7 import NULL, STANDARD, Delimiters
from engine.codecs.hl7_pattern import Fits, pattern_of
from engine.codecs.hl7_tables import Row, Shape, segment_rows, shape_of, structure_of, tables
from engine.codecs.hl7v2 import Message, Segment
from engine.core.bilingual import both

_CODES: Final = {  # rule -> condition of HL7 table 0357
    "segment": "100",
    "known": "100",
    "one-of": "100",
    "needs": "100",
    "shape-required": "100",
    "shape-repeats": "100",
    "required": "101",
    "repeats": "102",
    "length": "102",
    "type": "102",
    "version": "203",
}
_SHORT: Final = 40  # characters
_CLEAN_MAX: Final = 5_000
_ORDERS_MAX: Final = 1_000
_GOOD_MAX: Final = 1_000  # more would cost more than they spare: nothing of them stays in the processor's caches
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)
_unchecked: Final = re.compile(r"[A-Z][A-Z0-9]{2}(?![^|])", re.ASCII).match  # of which only the name is told
_TIME: Final = r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(?:\.\d{1,4})?)?)?"
_ZONE: Final = r"(?:[+-](?:0\d|1[0-4])[0-5]\d)?"
_DATE: Final = r"(?!0000)\d{4}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12]\d|3[01])%s)?)?"
_FORMS: Final = {
    "DT": re.compile(_DATE % "", re.ASCII).fullmatch,
    "TM": re.compile(_TIME + _ZONE, re.ASCII).fullmatch,
    "DTM": re.compile(_DATE % f"(?:{_TIME})?" + _ZONE, re.ASCII).fullmatch,
    "NM": re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII).fullmatch,
    "SI": re.compile(r"\d+", re.ASCII).fullmatch,
}
_KINDS: Final = {
    "DT": "日期（DT）",
    "TM": "时间（TM）",
    "DTM": "日期时间（DTM）",
    "NM": "数字（NM）",
    "SI": "整数（SI）",
}


class Finding(NamedTuple):
    """One requirement not met: which `rule`, where (counts from 1, 0 for not so deep), `text` for people.

    The text names the place and the requirement, never the value: it goes to the sender and into logs.
    """

    rule: str
    segment: str
    occurrence: int
    field: int
    component: int
    text: str

    def as_error(self) -> HL7Error:
        """For the ERR segment of an acknowledgement."""
        return HL7Error(_CODES[self.rule], self.segment, self.occurrence, self.field, self.text)


class PartCheck(NamedTuple):
    """The rows of one place inside a field."""

    component: int
    subcomponent: int
    required: bool
    length: int
    type: str


class FieldCheck(NamedTuple):
    """The rows of one field."""

    number: int
    repeats: int
    short: int  # texts up to so many characters cannot break anything; -1: always look inside
    least: int  # texts up to so many characters cannot break a length
    always: tuple[PartCheck, ...]  # the parts to look at even then
    parts: tuple[PartCheck, ...]


class _Checks(NamedTuple):
    required: tuple[int, ...]
    fields: tuple[FieldCheck | None, ...]


class Plan:
    """The compiled requirements of one version and message structure ("" checks segments' fields only)."""

    def __init__(self, version: str, structure: str, shape: Iterable[Shape], rows: Iterable[Row]) -> None:
        self.version = version
        self.structure = structure
        self.shape = tuple(shape)
        self.rows = tuple(rows)
        by_segment: dict[str, list[Row]] = {}
        for row in self.rows:
            by_segment.setdefault(row.segment, []).append(row)
        self._checks = {name: _compile(found) for name, found in by_segment.items()}
        self._known = {rule.segments[0] for rule in self.shape if rule.rule == "known"}
        self._rules = tuple(rule for rule in self.shape if rule.rule != "known")
        self._fits: dict[str, Fits] = {}  # by segment, made when the first of its kind comes, one a message
        self._made_one = False  # for the message at hand
        self._good: set[str] = set()  # lines found good: one patient's messages repeat most of theirs
        self._orders: set[tuple[str, ...]] = set()  # segments of messages in which nothing was found
        self._clean: set[tuple[int, str]] = set()  # short texts seen at a field and found good: codes, wards, doctors

    def without(self, dropped: Callable[[Row | Shape], bool]) -> Plan:
        """The same plan without the rows for which this is true."""
        shape = [rule for rule in self.shape if not dropped(rule)]
        return Plan(self.version, self.structure, shape, [row for row in self.rows if not dropped(row)])

    def check(self, message: Message, most: int = 50) -> list[Finding]:
        """What the message lacks or has wrong, in its own order; no more than `most` findings."""
        self._made_one = False
        plain = message.marks is STANDARD and not message.is_changed
        names = tuple([line[:3] for line in message.lines]) if plain else ()
        if names in self._orders and self._are_good(message.lines):
            return []
        found: list[Finding] = []
        counts: dict[str, int] = {}
        anything = not self.shape or "*" in self._known
        for segment in message.segments:
            name = segment.name
            occurrence = counts[name] = counts.get(name, 0) + 1
            checks = self._checks.get(name)
            if checks is not None and not (plain and self._is_good(segment.line)):
                self._segment(segment, occurrence, checks, message.marks, found)
            if name not in self._known:
                if not _NAME.fullmatch(name):
                    found.append(Finding("segment", "", 0, 0, 0, both("有一行不是段", "a line that is no segment")))
                elif not anything and name[0] != "Z":
                    text = both(f"{self.structure} 里没有 {name} 段", f"{name} does not belong into {self.structure}")
                    found.append(Finding("known", name, occurrence, 0, 0, text))
            if len(found) >= most:
                return found[:most]
        self._shape(counts, found)
        if plain and not found and len(self._orders) < _ORDERS_MAX:
            self._orders.add(names)
        return found[:most]

    def _are_good(self, lines: Iterable[str]) -> bool:
        """Whether nothing can be found in lines of segments that may be there, as far as that is told quickly."""
        good = self._good
        return all(map(self._is_good, [line for line in lines if line not in good]))

    def _is_good(self, line: str) -> bool:
        """Whether nothing can be found in a line, as far as that is told quickly. A pattern takes up to 30 ms to make:
        all of a message's at once would hold everybody up for a quarter of a second."""
        if line in self._good:
            return True
        name = line[:3]
        fits = self._fits.get(name)
        if fits is None:
            if self._made_one:
                return False
            self._made_one = name in self._checks
            checks = self._checks.get(name)
            fits = pattern_of(name, checks.required, checks.fields) if checks else _unchecked
            self._fits[name] = fits
        if not fits(line.rstrip("|")):
            return False
        if name != "MSH":
            if len(self._good) >= _GOOD_MAX:
                self._good.clear()
            self._good.add(line)
        return True

    def _shape(self, counts: dict[str, int], found: list[Finding]) -> None:
        for rule, names, limit in self._rules:
            first = names[0]
            if rule == "repeats":
                if counts.get(first, 0) > limit:
                    text = both(f"{first} 至多 {limit} 个", f"{first} may appear {limit} times at most")
                    found.append(Finding("shape-repeats", first, limit + 1, 0, 0, text))
            elif rule == "required":
                if first not in counts:
                    found.append(Finding("shape-required", first, 1, 0, 0, _missing(first)))
            elif rule == "needs":
                if first in counts and names[1] not in counts:
                    text = both(f"有 {first} 就要有 {names[1]}", f"{first} needs {names[1]}")
                    found.append(Finding("needs", names[1], 1, 0, 0, text))
            elif not any(name in counts for name in names):
                every = ", ".join(names)
                text = both(f"{every} 中要有一个", f"one of {every} is missing")
                found.append(Finding("one-of", first, 1, 0, 0, text))

    def _segment(
        self, segment: Segment, occurrence: int, checks: _Checks, marks: Delimiters, found: list[Finding]
    ) -> None:
        fields = segment.fields
        size = len(fields)
        for number in checks.required:
            if number >= size or not fields[number]:
                text = _missing(f"{segment.name}-{number}")
                found.append(Finding("required", segment.name, occurrence, number, 0, text))
        repetition = marks.repetition
        for text, check in zip(fields, checks.fields, strict=False):
            if not text or check is None:
                continue
            if repetition and repetition in text:
                pieces = text.split(repetition)
                if 0 < check.repeats < len(pieces):
                    place = f"{segment.name}-{check.number}"
                    why = both(f"{place} 至多重复 {check.repeats} 次",
                               f"{place} may repeat {check.repeats} times at most")  # fmt: skip
                    found.append(Finding("repeats", segment.name, occurrence, check.number, 0, why))
                for piece in pieces:
                    if piece and piece != NULL:
                        _look_inside(piece, check, marks, segment, occurrence, found)
            elif len(text) > check.short and text != NULL:
                key = (id(check), text)
                if key in self._clean and marks is STANDARD:
                    continue
                before = len(found)
                _look_inside(text, check, marks, segment, occurrence, found)
                if len(found) == before and len(text) <= _SHORT and marks is STANDARD:
                    if len(self._clean) >= _CLEAN_MAX:
                        self._clean.clear()
                    self._clean.add(key)


def _look_inside(
    piece: str, check: FieldCheck, marks: Delimiters, segment: Segment, occurrence: int, found: list[Finding]
) -> None:
    components = piece.split(marks.component) if marks.component in piece else (piece,)
    size = len(components)
    for component, subcomponent, required, length, kind in check.parts if len(piece) > check.least else check.always:
        if component > size:
            value = whole = ""
        else:
            value = whole = components[component - 1] if component else components[0]
            if subcomponent and whole and marks.subcomponent:
                subs = whole.split(marks.subcomponent)
                value = subs[subcomponent - 1] if subcomponent <= len(subs) else ""
        if not value:
            if not required or (subcomponent and not whole):
                continue
            rule = "required"
        elif kind and value != NULL and not _is(kind, value):
            rule = "type"
        elif length and len(value) > length and value != NULL and _length(value, marks) > length:
            rule = "length"
        else:
            continue
        if rule:
            place = f"{segment.name}-{check.number}" + (f".{component}" if component else "")
            place += f".{subcomponent}" if subcomponent else ""
            text = {
                "required": _missing(place),
                "length": both(f"{place} 超过 {length} 个字", f"{place} is longer than {length} characters"),
                "type": both(f"{place} 不是 {_KINDS.get(kind, kind)}", f"{place} is no {kind}"),
            }[rule]
            found.append(Finding(rule, segment.name, occurrence, check.number, component, text))


def _missing(place: str) -> str:
    return both(f"缺少 {place}", f"{place} is missing")


def _length(value: str, marks: Delimiters) -> int:
    """Characters of the value behind its escape sequences, each of which stands for one."""
    if not marks.escape or marks.escape not in value:
        return len(value)
    mark = re.escape(marks.escape)
    return len(re.sub(f"{mark}[^{mark}]*{mark}", "x", value))


def _is(kind: str, value: str) -> bool:
    if not _FORMS[kind](value):
        return False
    if kind in ("DT", "DTM") and value[6:8] in ("29", "30", "31"):
        try:
            date(int(value[:4]), int(value[4:6]), int(value[6:8]))
        except ValueError:
            return False
    return True


def _compile(rows: list[Row]) -> _Checks:
    required = tuple(row.field for row in rows if row.rule == "required" and not row.component)
    fields: list[FieldCheck | None] = [None] * (max(row.field for row in rows) + 1)
    for number in {row.field for row in rows}:
        mine = [row for row in rows if row.field == number]
        repeats = next((row.limit for row in mine if row.rule == "repeats"), 0)
        parts = _parts(row for row in mine if row.rule in ("length", "type") or row.component)
        always = tuple(part for part in parts if part.required or part.type)
        least = min((part.length for part in parts if part.length), default=1 << 60)
        fields[number] = FieldCheck(number, repeats, -1 if always else least, least, always, parts)
    return _Checks(required, tuple(fields))


def _parts(rows: Iterable[Row]) -> tuple[PartCheck, ...]:
    places: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        places.setdefault((row.component, row.subcomponent), []).append(row)
    return tuple(
        PartCheck(
            component,
            subcomponent,
            any(row.rule == "required" for row in mine),
            next((row.limit for row in mine if row.rule == "length"), 0),
            next((row.type for row in mine if row.rule == "type"), ""),
        )
        for (component, subcomponent), mine in places.items()
    )


@lru_cache(maxsize=256)
def plan_for(version: str, structure: str = "") -> Plan:
    """The plan of a message structure, or without one of every segment. ValueError for an unknown one."""
    if not structure:
        rows = [row for name in tables(version).SEGMENTS for row in segment_rows(version, name)]
        return Plan(version, "", (), rows)
    shape = shape_of(version, structure)
    names = [rule.segments[0] for rule in shape if rule.rule == "known"]
    return Plan(version, structure, shape, [row for name in names for row in segment_rows(version, name)])


def plan_of(message: Message) -> Plan:
    """The plan a message asks for by MSH-9 and MSH-12; ValueError for a version we do not read."""
    header = message.header
    return plan_for(header.version, structure_of(header.version, header.code, header.event, header.structure))


def check(message: Message) -> list[Finding]:
    """Check a message by its own type and version."""
    try:
        plan = plan_of(message)
    except ValueError:
        return [Finding("version", "MSH", 1, 12, 0, both("MSH-12：不支持这个版本", f"MSH-12: {CONDITIONS['203']}"))]
    return plan.check(message)
