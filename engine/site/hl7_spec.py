"""What a settle channel takes by HL7, compiled: by message type and action, who reads it and who writes the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.codecs.hl7_fields import FieldReader, Place
from engine.config.hl7_profile import Profile
from engine.pipeline.field_map import FieldMap

_INDEX = re.compile(r"\[[0-9]+\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hl7Ask:
    """One action. `what` is start, cancel, refund, show, or an event; `fields` takes out what the map `read` reads;
    `places`: which part of the order comes from where in the message; `codes`: of a part that a code table makes, what
    the message may say there, and what that means."""

    what: str
    read: FieldMap
    fields: FieldReader
    places: Mapping[str, Place]
    codes: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    def place(self, path: str) -> Place | None:
        """Where a part of the order (`patient.id`), or the first of what lies below it, stands in the message."""
        path = _INDEX.sub("", path)
        found = self.places.get(path)
        if found is not None:
            return found
        return next((at for name, at in self.places.items() if name.startswith((f"{path}.", f"{path}["))), None)


@dataclass(frozen=True, slots=True)
class Hl7Spec:
    """All of one channel. `at` is an MLLP listener; `message` (code, event) such as (DFT, P03)."""

    at: str
    message: tuple[str, str]
    profile: Profile
    action: Place
    asks: Mapping[str, Hl7Ask]
    answer: FieldMap
