"""What the HL7 door answers: AA, AE or AR, the errors with their places, and the answer's own Z segment.

    AA  taken: the state stands in the Z segment (a `working` is not yet a `settled`)
    AE  not done: what was asked did not come about, for the reason given
    AR  not taken: unreadable, unknown, not allowed, or another message under a number already used
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.codecs.hl7_ack import AckCode, HL7Error
from engine.codecs.hl7_fields import place
from engine.core.bilingual import both
from engine.pipeline.field_map import FieldMap
from engine.runtime.told import ERROR_WORDS, Told, wrong_fields
from engine.site.hl7_spec import Hl7Ask

CAME_TO_NOTHING: Final = frozenset({"rejected", "undone", "manual"})
"""States that are no success for who asked to settle or pay."""
_CONDITION: Final = {"not_found": "204", "busy": "206", "malformed": "102"}
"""A word → condition of HL7 table 0357; `conflict` depends on its code, all others are 207."""


def in_their_codes(told: Told, ask: Hl7Ask) -> Told:
    """A field that a code table makes is refused in the message's own codes: its sender never wrote the order's words,
    and cannot write them."""
    path, *others = told.body.get("fields") or [""]
    codes, at = ask.codes.get(str(path)), ask.place(str(path))
    if told.word != "malformed" or not codes or at is None:
        return told
    said = [f"{code}（{value}）" for code, value in codes], [f"{code} ({value})" for code, value in codes]
    first = (str(path), f"{at} 应写{'、'.join(said[0])}之一", f"write one of {', '.join(said[1])} in {at}")
    return wrong_fields([first, *((str(one), "", "") for one in others)])


def code_of(what: str, told: Told) -> AckCode:
    """AA, AE or AR for what was asked (start, cancel, refund, show, or an event)."""
    if told.word in ("unsigned", "forbidden"):
        return "AR"
    if told.word in ERROR_WORDS or told.word == "busy":
        return "AE"
    if what == "refund" and told.word == "settled":  # it was not allowed, and stands
        return "AE"
    goes_on = what in ("cancel", "refund", "show")
    return "AE" if told.word in CAME_TO_NOTHING and not goes_on else "AA"


def words_of(reason: Mapping[str, Any]) -> str:
    """A reason's stable code and words, for MSA-3 and ERR: `E-CODE 中文 · English`; "" where there is none."""
    zh, en = str(reason.get("zh") or ""), str(reason.get("en") or "")
    return " ".join(part for part in (str(reason.get("code") or ""), both(zh, en) if zh and en else zh or en) if part)


def errors_of(told: Told, ask: Hl7Ask | None) -> list[HL7Error]:
    """The ERR segment: the reason's stable code and words; for a field at fault where it stands in the message."""
    reason: Mapping[str, Any] = told.body.get("reason", {})
    code = str(reason.get("code", ""))
    words = words_of(reason)
    condition = _CONDITION.get(told.word, "205" if code == "E-REPEAT-DIFFERS" else "207")
    found = []
    for path in told.body.get("fields") or [told.body.get("field", "")]:
        at = ask.place(str(path)) if ask is not None and path else None
        if at is None:
            found.append(HL7Error(condition, text=words))
        else:
            found.append(HL7Error(condition, at.segment, 1, at.field, f"{words} [{at}]"))
    return found


def fields_of(answer: FieldMap, told: Told, names: Mapping[str, Any]) -> list[tuple[str, int, int, str]]:
    """The answer's Z segments, as the channel's map makes them: (segment, field, component, value)."""
    made = answer.run({**names, "answer": told.body, "word": told.word})
    found = []
    for name, value in made.items():
        at = place(name)
        found.append((at.segment, at.field, at.component, str(value)))
    return found
