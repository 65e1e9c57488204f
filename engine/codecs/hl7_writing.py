"""A message made of what a map makes: `{"PID_3_1": "P0001", "FT1": [{"FT1_1": "1", "FT1_11_3": "12.50"}]}`.

Names are those of `hl7_fields`: PID-3.1 is `PID_3_1`. Segments come in the order in which they are first named; a list
under a segment's name repeats it, a list under a field's name repeats the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.codecs.hl7_er7 import Path
from engine.codecs.hl7_fields import Place, place
from engine.codecs.hl7v2 import Message

Tree = Any


def fill(message: Message, fields: Mapping[str, Tree]) -> None:
    """Put the fields into a message. ValueError names a field that is none; Unwritable a value that cannot be said."""
    for name, value in fields.items():
        if len(name) == 3:
            if not isinstance(value, list):
                raise ValueError(f"{name}: a segment is a list of its occurrences")
            for number, row in enumerate(value, 1):
                for inner, item in row.items():
                    at = place(inner)
                    if at.segment != name:
                        raise ValueError(f"{inner} is no field of {name}")
                    _put(message, at, item, number)
        else:
            _put(message, place(name), value, 1)


def _put(message: Message, at: Place, value: Tree, occurrence: int) -> None:
    if isinstance(value, list):
        for number, item in enumerate(value, 1):
            _set(message, at, item, occurrence, number)
    else:
        _set(message, at, value, occurrence, 1)


def _set(message: Message, at: Place, value: Tree, occurrence: int, repetition: int) -> None:
    if isinstance(value, Mapping):
        for inner, item in value.items():
            below = place(inner)
            if (below.segment, below.field) != (at.segment, at.field):
                raise ValueError(f"{inner} is no part of {at}")
            _set(message, below, item, occurrence, repetition)
        return
    if value is None:
        return
    message.set(Path(at.segment, occurrence, at.field, repetition, at.component, at.subcomponent), _text(at, value))


def _text(at: Place, value: Tree) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    raise ValueError(f"{at}: a {type(value).__name__} cannot be written in HL7")
