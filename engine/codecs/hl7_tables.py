"""HL7's own knowledge, out of hl7apy's reference tables, as flat rows: what each version requires of a message.

hl7apy parses a message in 11 ms; its tables are the valuable part. Each row here states one requirement and can
be left out alone. Two things the tables have wrong or leave open are set right while reading them: of a choice
(`..._CHOICE`, `..._SUPPGRP`) they demand every branch, and before 2.5 a time stamp is any text to them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

VERSIONS: Final = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6")
CHECKED_TYPES: Final = ("DT", "TM", "DTM", "NM", "SI")
_SAMPLES: Final[dict[str, object]] = {"NM": Decimal(1), "SI": 1, "TN": "5550100"}


class Row(NamedTuple):
    """One requirement of a place in a segment.

    `rule`: required; repeats (at most `limit` times); length (at most `limit` characters); type (`limit` 0, `type`
    one of CHECKED_TYPES). Component and subcomponent are 0 where the place is not divided further.
    """

    segment: str
    field: int
    component: int
    subcomponent: int
    rule: str
    limit: int = 0
    type: str = ""


class Shape(NamedTuple):
    """One requirement of a message's segments.

    `rule`: known (`segments` may appear); required (the segment appears); one-of (one of them appears); repeats (at
    most `limit` times in all); needs (when the first appears, so does the second). The segment `*` is any.
    """

    rule: str
    segments: tuple[str, ...]
    limit: int = 0


# Events that share another event's structure (HL7 table 0354), for senders that leave MSH-9.3 empty.
_SHARED: Final = {
    "ADT_A01": "A04 A08 A13",
    "ADT_A05": "A14 A28 A31",
    "ADT_A06": "A07",
    "ADT_A09": "A10 A11 A12",
    "ADT_A21": "A22 A23 A25 A26 A27 A29 A32 A33",
    "ADT_A30": "A34 A35 A36 A46 A47 A48 A49",
    "ADT_A39": "A40 A41 A42",
    "ADT_A43": "A44",
    "ADT_A50": "A51",
    "ADT_A52": "A53 A55",
    "ADT_A61": "A62",
    "SIU_S12": "S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26",
    "SRM_S01": "S02 S03 S04 S05 S06 S07 S08 S09 S10 S11",
    "SRR_S01": "S02 S03 S04 S05 S06 S07 S08 S09 S10 S11",
    "MDM_T01": "T03 T05 T07 T09 T11",
    "MDM_T02": "T04 T06 T08 T10",
    "PMU_B01": "B02",
    "PMU_B04": "B05 B06",
    "QBP_Q21": "Q22 Q23 Q24",
}
_STRUCTURES: Final = {f"{name[:3]}_{event}": name for name, events in _SHARED.items() for event in events.split()}


def tables(version: str) -> Any:
    """hl7apy's tables of a version; ValueError for one we do not read."""
    if version not in VERSIONS:
        raise ValueError(f"HL7 version {version[:10]!r} is not read; {', '.join(VERSIONS)} are")
    return importlib.import_module(f"hl7apy.v{version.replace('.', '_')}")


@lru_cache(maxsize=1024)
def structure_of(version: str, code: str, event: str, structure: str) -> str:
    """The message structure of MSH-9, "" when the version's tables have none (Z events, local queries)."""
    known = tables(version).MESSAGES
    for name in (structure, f"{code}_{event}", _STRUCTURES.get(f"{code}_{event}", ""), "" if event else code):
        if name and name in known:
            return str(name)
    return "ACK" if code == "ACK" else ""


@lru_cache(maxsize=512)
def segment_rows(version: str, segment: str) -> tuple[Row, ...]:
    """What the tables require of a segment's fields; nothing for a segment they do not know."""
    known = tables(version).SEGMENTS.get(segment)
    rows: list[Row] = []
    for name, reference, (least, most), kind in known[1] if known else ():
        if kind != "FIE" or not name.startswith(f"{segment}_"):
            continue  # a few segments of the tables list segments
        field = int(name.rpartition("_")[2])
        if segment == "MSH" and field <= 2:
            continue
        if least:
            rows.append(Row(segment, field, 0, 0, "required"))
        if most > 0:
            rows.append(Row(segment, field, 0, 0, "repeats", most))
        rows += _content(version, segment, (field, 0, 0), reference)
    return tuple(rows)


def _content(version: str, segment: str, place: tuple[int, int, int], reference: Any) -> Iterator[Row]:
    """The rows of a place's own content: its base datatype, or those of its parts."""
    kind, children, datatype = reference[:3]
    if kind == "leaf" or not children or place[2]:
        yield from _leaf(version, segment, place, datatype)
        return
    for name, part, (least, _), _ in children:
        number = int(name.rpartition("_")[2])
        inner = (place[0], number, 0) if not place[1] else (place[0], place[1], number)
        if datatype == "TS" and number == 1:
            yield Row(segment, *inner, "type", 0, "DTM")
            continue
        if least:
            yield Row(segment, *inner, "required")
        yield from _content(version, segment, inner, part)


def _leaf(version: str, segment: str, place: tuple[int, int, int], datatype: str | None) -> Iterator[Row]:
    if datatype in CHECKED_TYPES:
        yield Row(segment, *place, "type", 0, datatype)
    most = _longest(version).get(datatype or "")
    if most:
        yield Row(segment, *place, "length", most)


@lru_cache(maxsize=len(VERSIONS))
def _longest(version: str) -> dict[str, int]:
    """Base datatype → the most characters hl7apy lets it have; its field tables state no length of their own."""
    found = {}
    for name, maker in tables(version).get_base_datatypes().items():
        if name not in ("DT", "TM", "DTM"):
            most = maker(_SAMPLES.get(name, "x")).max_length
            if most:
                found[name] = int(most)
    return found


@lru_cache(maxsize=512)
def shape_of(version: str, structure: str) -> tuple[Shape, ...]:
    """What the tables require of a message structure's segments; ValueError for one they do not know."""
    library = tables(version)
    if structure not in library.MESSAGES:
        raise ValueError(f"HL7 {version} has no message structure {structure[:20]!r}")
    return tuple(_Walk(library).rows(library.MESSAGES[structure]))


class _Walk:
    """Flattens one structure: where each segment may stand, and what follows when it does."""

    def __init__(self, library: Any) -> None:
        self._groups = library.GROUPS
        self._places: dict[str, list[tuple[bool, int, tuple[str, ...]]]] = {}  # certain, most, groups around it
        self._choices: list[tuple[str, ...]] = []

    def rows(self, reference: Any) -> Iterable[Shape]:
        self._visit(reference, certain=True, many=False, around=())
        for name, places in self._places.items():
            if len(name) != 3:  # ANYHL7SEGMENT and its like
                yield Shape("known", ("*",))
                continue
            yield Shape("known", (name,))
            if any(certain for certain, _, _ in places):
                yield Shape("required", (name,))
            if all(most > 0 for _, most, _ in places):
                yield Shape("repeats", (name,), sum(most for _, most, _ in places))
            if len(places) == 1:
                for other in dict.fromkeys(other for group in places[0][2] for other in self._must(group)):
                    if other != name and not any(certain for certain, _, _ in self._places[other]):
                        yield Shape("needs", (name, other))
        for names in self._choices:
            yield Shape("one-of", names)

    def _visit(self, reference: Any, *, certain: bool, many: bool, around: tuple[str, ...]) -> None:
        choice = reference[0] == "choice"
        for name, _, (least, most), kind in reference[1]:
            sure = certain and least > 0 and not choice
            often = many or most < 0
            if kind == "SEG":
                self._places.setdefault(name, []).append((sure, -1 if often else most, around))
            else:
                self._visit(self._groups[name], certain=sure, many=often or most > 1, around=(*around, name))
        if choice and certain:
            names = tuple(dict.fromkeys(self._inside(reference)))
            if all(len(name) == 3 for name in names):
                self._choices.append(names)

    def _inside(self, reference: Any) -> Iterator[str]:
        for name, _, _, kind in reference[1]:
            if kind == "SEG":
                yield name
            else:
                yield from self._inside(self._groups[name])

    def _must(self, group: str) -> Iterator[str]:
        """The segments a group cannot be without."""
        reference = self._groups[group]
        if reference[0] == "choice":
            return
        for name, _, (least, _), kind in reference[1]:
            if least and kind == "SEG" and len(name) == 3:
                yield name
            elif least and kind == "GRP":
                yield from self._must(name)
