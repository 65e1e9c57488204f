"""One pattern a segment: text that fits it has nothing that a checking plan could find.

A plan looks at each field, component and datatype by itself, which takes Python some microseconds a segment. Nearly
all segments are right, and one regular expression sees that in half the time. A text that does not fit may
still be right (a subcomponent, the 29th of February): the plan then looks as it always does, and alone says what is
wrong. Only for the standard delimiters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from engine.codecs.hl7_er7 import NULL

if TYPE_CHECKING:
    from engine.codecs.hl7_plan import FieldCheck, PartCheck

Fits = Callable[[str], Any]

_BLOCK: Final = 8  # fields between two looks whether the line is at its end
_RUN: Final = 4  # fields that are often all empty, which is seen at one go
_LONG: Final = 1 << 31  # more than any table says: no limit
_MARK: Final = r"\|"
_WHOLE: Final = "[^|~^]"  # of a component, subcomponents included
_ALONE: Final = "[^|~^&]"  # of a component that is not divided
_REST: Final = r"(?:\^[^|~]*+)?"  # components beyond those the plan knows
_TIME: Final = r"(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:[0-5][0-9](?:\.[0-9]{1,4})?)?)?"
_ZONE: Final = r"(?:[+-](?:0[0-9]|1[0-4])[0-5][0-9])?"
_DATE: Final = (
    r"(?!0000)[0-9]{4}(?:(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])%s|(?:0[13578]|1[02])31%s"
    r"|(?:0[13-9]|1[0-2])(?:29|30)%s|(?:0[1-9]|1[0-2]))?"
)
_TYPES: Final = {
    "DT": f"(?>{_DATE % ('', '', '')})",
    "TM": f"(?>{_TIME}{_ZONE})",
    "DTM": f"(?>{_DATE % ((f'(?:{_TIME})?',) * 3)}{_ZONE})",
    "NM": r"(?>[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++))",
    "SI": r"[0-9]++",
}


def pattern_of(name: str, required: Iterable[int], rows: Iterable[FieldCheck | None]) -> Fits:
    """What tells whether the line of a segment fits, without the delimiters at its end. Of MSH, MSH-1 and MSH-2 are
    the standard delimiters."""
    checks = list(rows)
    first, begin = (3, r"MSH\|\^~\\&") if name == "MSH" else (1, name)
    must = {number for number in required if number >= first}
    last = max([len(checks) - 1, *must])
    blocks = []
    for start in range(first, last + 1, _RUN):
        if (start - first) % _BLOCK == 0:
            blocks.append("")
        run = range(start, min(start + _RUN, last + 1))
        fields = "".join([_of_field(checks[one] if one < len(checks) else None, one in must) for one in run])
        empty = rf"\|{{{len(run)}}}(?![^|])"
        blocks[-1] += fields if len(run) == 1 or must.intersection(run) else f"(?>{empty}|{fields})"
    text, ends = begin, 0
    for number, block in enumerate(blocks):
        if any(one >= first + number * _BLOCK for one in must):
            text += block
        else:
            text += rf"(?:\Z|{block}"
            ends += 1
    return re.compile(text + r"(?![^|])" + ")" * ends).match


def _of_field(check: FieldCheck | None, required: bool) -> str:
    """A field with the delimiter before it, or the end of the line."""
    choices = []
    if check is None:
        choices.append("[^|]*+")
    elif check.short >= 0:
        choices.append(f"[^|~]{{0,{check.short}}}+" if check.short < _LONG else "[^|~]*+")
    else:
        choices.append("")
    if check is not None and (inside := _inside(check)):
        choices.append(inside)
    end = "(?![^|])"
    if required:
        return rf"\|(?=[^|])(?>{'|'.join(choice + end for choice in choices)})"
    return rf"(?>\|{choices[0]}{end}|\Z{''.join(f'|{_MARK}{one}{end}' for one in choices[1:])})"


def _inside(check: FieldCheck) -> str:
    parts = _of_parts(check.parts)
    if parts is None:
        return ""
    piece = rf"(?>{parts}|{NULL}(?![^|~])|)" if parts else "[^|~]*+"
    if check.repeats == 1:
        return piece
    more = f"{{0,{check.repeats - 1}}}" if check.repeats else "*"
    return f"{piece}(?:~{piece}){more}+"


def _of_parts(parts: Iterable[PartCheck]) -> str | None:
    """The components of one repetition, from the first on; None when only the plan can say."""
    by_component: dict[int, list[PartCheck]] = {}
    for part in parts:
        by_component.setdefault(part.component or 1, []).append(part)
    if not by_component:
        return ""
    text = ""
    ends = 0
    needed = max((number for number, mine in by_component.items() if any(part.required for part in mine)), default=0)
    for number in range(1, max(by_component) + 1):
        component = _component(by_component.get(number, []))
        if component is None:
            return None
        if number == 1:
            text = component
        elif number <= needed:
            text += rf"\^{component}"
        else:
            text += rf"(?:\^{component}"
            ends += 1
    return text + _REST + ")?" * ends


def _component(parts: list[PartCheck]) -> str | None:
    if not parts:
        return f"{_WHOLE}*+"
    if any(part.required and part.subcomponent for part in parts):
        return None
    limits = [part.length for part in parts if part.length]
    kinds = {part.type for part in parts if part.type}
    character = _ALONE if any(part.subcomponent for part in parts) else _WHOLE
    most = min(limits, default=0)
    if len(kinds) > 1:
        return None
    if kinds:
        text = _TYPES[kinds.pop()]
        if most:
            text = rf"(?={character}{{0,{most}}}+(?:[|~^]|\Z)){text}"
    else:
        text = f"{character}{{0,{most}}}+" if most else f"{character}*+"
        if any(part.required for part in parts):
            return rf"(?=[^|~^&]){text}"
        return text
    return text if any(part.required for part in parts) else f"(?>{text})?"
