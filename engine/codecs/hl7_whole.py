"""A whole HL7 answer as a tree, for who asks a question and does not know beforehand which fields come back.

The first segment of each name stands flat (`PID_5_1`, and `PID_5` for the field as a whole); every segment also in the
list under its name (`FT1: [{FT1_2: …}]`); a field's repetitions under `each` (`each.PID_3: [{PID_3_1: …}]`).
What is empty is not there; what the sender wants deleted (`""`) is null.
"""

from __future__ import annotations

from typing import Any

from engine.codecs.hl7_er7 import NULL
from engine.codecs.hl7v2 import Message, Segment

_SHOWN = 400  # fields of a segment


def whole(message: Message) -> dict[str, Any]:
    """The tree of a message."""
    made: dict[str, Any] = {}
    each: dict[str, list[dict[str, Any]]] = {}
    for segment in message.segments:
        first = segment.name not in made
        rows = [_fields(segment, message.marks.component)]
        made.setdefault(segment.name, []).extend(rows)
        if not first:
            continue
        made.update(rows[0])
        for number in range(1, min(len(segment.fields), _SHOWN)):
            if segment.name != "MSH" and segment.fields[number]:
                count = segment.count(number)
                many = [_parts(segment, number, one, message.marks.component) for one in range(1, count + 1)]
                each[f"{segment.name}_{number}"] = many
    made["each"] = each
    return made


def _fields(segment: Segment, mark: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for number in range(1, min(len(segment.fields), _SHOWN)):
        if segment.fields[number] and not (segment.name == "MSH" and number <= 2):
            made.update(_parts(segment, number, 1, mark))
    return made


def _parts(segment: Segment, number: int, repetition: int, mark: str) -> dict[str, Any]:
    """A field, whole and by its components."""
    name, made = f"{segment.name}_{number}", {}
    for at in range(segment.er7(number, repetition).count(mark) + 2):
        value = segment.get(number, at, repetition)
        if value:
            made[f"{name}_{at}" if at else name] = None if value == NULL else value
    return made
