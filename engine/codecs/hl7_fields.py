"""The fields of an HL7 message as field maps name them: plain values, only those that somebody reads.

A map writes PID-3.1 as `hl7.PID_3_1`, PID-5 as a whole as `hl7.PID_5`. Segments that come several times are the list
`hl7.FT1`, whose items hold their own fields (`it.FT1_2`); the repetitions of a field are the list `hl7.PID_3` for who
goes over it (`it.PID_3_1`).
What the sender left empty is not there, nor is a list of none; what it wants deleted (`""`) is
null, which every map takes for missing unless it says `or_null`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from engine.codecs.hl7_er7 import NULL, STANDARD
from engine.codecs.hl7v2 import Message, Segment

ROOT: Final = "hl7"
_NUMBER: Final = r"_([1-9][0-9]{0,2})"
_NAME: Final = re.compile(rf"([A-Z][A-Z0-9]{{2}}){_NUMBER}(?:{_NUMBER})?(?:{_NUMBER})?", re.ASCII)
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """`PID_3_1` taken apart: numbers are HL7's, from 1; 0 where the name ends above."""

    segment: str
    field: int
    component: int = 0
    subcomponent: int = 0

    def __str__(self) -> str:
        parts = [str(number) for number in (self.component, self.subcomponent) if number]
        return ".".join([f"{self.segment}-{self.field}", *parts])


def place(name: str) -> Place:
    """The place of a name such as `PID_3_1`. ValueError for anything else."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name[:40]!r} is no HL7 field; write PID-3.1 as PID_3_1")
    return Place(found[1], *(int(number or 0) for number in found.groups()[1:]))


def place_of(path: str) -> Place:
    """The place that a map's path below `hl7` ends at: of `hl7.FT1[].FT1_2` FT1-2. ValueError for anything else."""
    return place(path.rpartition(".")[2].partition("[")[0])


class FieldReader:
    """Takes out of messages what some maps read. `paths` as `FieldMap.reads` has them; those not below `hl7` are
    passed over. ValueError names a path that is none."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._plain: list[tuple[str, Place]] = []
        self._segments: dict[str, list[tuple[str, Place]]] = {}
        self._repeats: dict[str, tuple[str, Place, list[tuple[str, Place]]]] = {}
        lists: set[str] = set()
        for path in sorted(set(paths)):
            root, _, rest = path.partition(".")
            if root == ROOT and rest:
                self._note(rest, lists)
        self._plain = [row for row in self._plain if row[0] not in lists]
        self._by_segment: dict[str, list[tuple[str, int, int, int]]] = {}
        for name, at in self._plain:
            row = (name, at.field, at.component, at.subcomponent)
            self._by_segment.setdefault(at.segment, []).append(row)
        self._by_line = {
            name: (max(row[1] for row in rows) + 1, rows) for name, rows in self._by_segment.items() if name != "MSH"
        }
        self._header = [name for name in self._by_segment if name == "MSH"]  # its first delimiter is a field too

    def _note(self, rest: str, lists: set[str]) -> None:
        head, inside, leaf = rest.partition("[].")
        head = head.removesuffix("[]")
        if _SEGMENT.fullmatch(head):
            rows = self._segments.setdefault(head, [])
        elif inside or rest.endswith("[]"):
            lists.add(head)
            rows = self._repeats.setdefault(head, (head, place(head), []))[2]
        else:
            self._plain.append((rest, place(rest)))
            return
        if leaf:
            found = place(leaf)
            if not head.startswith(found.segment):
                raise ValueError(f"{leaf!r} is no field of {head}")
            rows.append((leaf, found))

    @property
    def lists(self) -> frozenset[tuple[str, int]]:
        """Segment and number of the fields whose repetitions are read, all of them."""
        return frozenset((at.segment, at.field) for _, at, _ in self._repeats.values())

    def read(self, message: Message) -> dict[str, Any]:
        """`{"hl7": {…}}`, for the names of a map."""
        made: dict[str, Any] = {}
        if message.marks is STANDARD and not message.is_changed:
            self._read_lines(message, made)
            self._read_segments(message, made, self._header)
        else:
            self._read_segments(message, made, self._by_segment)
        for name, rows in self._segments.items():
            segments = message.named(name)
            if segments:
                made[name] = [_row(segment, rows, 1) for segment in segments]
        for name, at, rows in self._repeats.values():
            first = message.find(at.segment)
            if first is not None and first.count(at.field):
                made[name] = [_row(first, rows, number + 1) for number in range(first.count(at.field))]
        return {ROOT: made}


    def _read_lines(self, message: Message, made: dict[str, Any]) -> None:
        """As `_read_segments`, from lines with the standard delimiters, divided no further than somebody reads."""
        wanted = self._by_line.copy()
        for number, line in enumerate(message.lines):
            name = line[:3]
            if name not in wanted or line[3:4] not in "|":
                continue
            most, plain = wanted.pop(name)
            fields = line.split("|", most)
            size = len(fields)
            simple = "~" not in line and "\\" not in line and "&" not in line
            for name, field, component, subcomponent in plain:
                if field >= size or not (value := fields[field]):
                    continue
                if value.isalnum():  # not divided, and no sequence in it
                    if component <= 1 and subcomponent <= 1:
                        made[name] = value
                    continue
                if subcomponent or not (component or simple):
                    value = message.segments[number].get(field, component, 1, subcomponent)
                elif component:
                    if not simple:
                        value = value.partition("~")[0]
                    if component == 1:
                        value = value.partition("^")[0]
                    else:
                        pieces = value.split("^", component)
                        value = pieces[component - 1] if component <= len(pieces) else ""
                    if not simple and ("\\" in value or "&" in value):
                        value = message.segments[number].get(field, component)
                if value:
                    made[name] = None if value == NULL else value
            if not wanted:
                break

    def _read_segments(self, message: Message, made: dict[str, Any], names: Iterable[str]) -> None:
        """The plain fields of the first segment of each of these names."""
        for segment_name in names:
            segment = message.find(segment_name)
            if segment is None:
                continue
            for name, field, component, subcomponent in self._by_segment[segment_name]:
                value = segment.get(field, component, 1, subcomponent)
                if value:
                    made[name] = None if value == NULL else value


def _row(segment: Segment, rows: Iterable[tuple[str, Place]], repetition: int) -> dict[str, str | None]:
    made: dict[str, str | None] = {}
    for name, at in rows:
        value = segment.get(at.field, at.component, repetition, at.subcomponent)
        if value:
            made[name] = None if value == NULL else value
    return made
