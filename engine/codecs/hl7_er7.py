"""The small grammar of ER7: delimiters, escape sequences, and the paths that configuration writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from engine.codecs.hl7_charset import Unwritable

NULL: Final = '""'  # a field the sender wants deleted, not one it left out

_PATH: Final = re.compile(
    r"([A-Z][A-Z0-9]{2})(?:\(([1-9][0-9]{0,4})\))?"
    r"-([1-9][0-9]{0,2})(?:\[([1-9][0-9]{0,4})\])?(?:\.([1-9][0-9]{0,2})(?:\.([1-9][0-9]{0,2}))?)?",
    re.ASCII,
)
_HEX: Final = re.compile(r"X((?:[0-9A-Fa-f]{2})+)", re.ASCII)
_FOREIGN: Final = re.compile(r"[HN]|[CMXZ][0-9A-Za-z]*|\.[a-z]{2}[+-]?[0-9]*", re.ASCII)  # well formed, not ours


@dataclass(frozen=True, slots=True)
class Delimiters:
    """What MSH-1 and MSH-2 say; "" for one that a short MSH-2 leaves out."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @property
    def encoding(self) -> str:
        """MSH-2 as the sender wrote it (but for a fifth, truncation character)."""
        return self.component + self.repetition + self.escape + self.subcomponent


STANDARD: Final = Delimiters()


@lru_cache(maxsize=64)
def delimiters(field: str, encoding: str) -> Delimiters:
    """ValueError when they are not one to five distinct printable ASCII characters other than letters and digits."""
    marks = field + encoding
    if not 1 <= len(encoding) <= 5:
        raise ValueError("MSH-2 must hold one to five encoding characters")
    for mark in marks:
        if not "!" <= mark <= "~" or mark.isalnum() or mark == '"':
            raise ValueError(f"{mark!a} cannot be a delimiter")
    if len(set(marks)) != len(marks):
        raise ValueError(f"MSH-1 and MSH-2 repeat a delimiter: {marks!a}")
    return STANDARD if marks == "|^~\\&" else Delimiters(field, *encoding[:4], *[""] * (4 - len(encoding[:4])))


@dataclass(frozen=True, slots=True)
class Path:
    """`FT1(2)-11[1].3` taken apart. Counts begin at 1; component and subcomponent are 0 where the path ends above."""

    segment: str
    occurrence: int
    field: int
    repetition: int
    component: int
    subcomponent: int

    def __str__(self) -> str:
        text = self.segment + (f"({self.occurrence})" if self.occurrence > 1 else "") + f"-{self.field}"
        text += f"[{self.repetition}]" if self.repetition > 1 else ""
        text += f".{self.component}" if self.component else ""
        return text + (f".{self.subcomponent}" if self.subcomponent else "")


@lru_cache(maxsize=4096)
def path(text: str) -> Path:
    """A path from its text: `PID-5.1`, `PID-3[2].1`, `FT1(2)-11.3`, `PID-5.1.2`. ValueError for anything else."""
    found = _PATH.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no HL7 path; write like PID-5.1, PID-3[2].1 or FT1(2)-11.3")
    segment, occurrence, field, repetition, component, subcomponent = found.groups()
    return Path(
        segment, int(occurrence or 1), int(field), int(repetition or 1), int(component or 0), int(subcomponent or 0)
    )


def unescape(text: str, marks: Delimiters, decode: Callable[[bytes], str]) -> str:
    r"""The value behind its escape sequences. `decode` reads the bytes of \X..\ in the message's character set.

    A sequence that is unknown, broken or never ended stays as it stands: nothing a sender wrote disappears.
    """
    mark = marks.escape
    if not mark or mark not in text:
        return text
    plain = {
        "F": marks.field,
        "S": marks.component,
        "R": marks.repetition,
        "E": mark,
        "T": marks.subcomponent,
        ".br": "\n",
    }
    out: list[str] = []
    at = 0
    while (start := text.find(mark, at)) >= 0:
        end = text.find(mark, start + 1)
        if end < 0:
            break
        inside = text[start + 1 : end]
        value = plain.get(inside) or _hexadecimal(inside, decode)
        if value is not None:
            out.append(text[at:start] + value)
            at = end + 1
        else:  # after a lonely mark the next one may begin a sequence
            after = end + 1 if _FOREIGN.fullmatch(inside) else end
            out.append(text[at:after])
            at = after
    return "".join(out) + text[at:]


def _hexadecimal(inside: str, decode: Callable[[bytes], str]) -> str | None:
    found = _HEX.fullmatch(inside)
    if found is None:
        return None
    try:
        return decode(bytes.fromhex(found[1]))
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _escapes(marks: Delimiters) -> tuple[dict[int, str], frozenset[str]]:
    mark = marks.escape
    needed = {"\r": "X0D", "\n": ".br", "\x0b": "X0B", "\x1c": "X1C"}
    for value, letter in zip((marks.field, *marks.encoding), "FSRET", strict=False):
        needed[value] = letter
    if not mark:
        return {}, frozenset(needed)
    return {ord(value): f"{mark}{name}{mark}" for value, name in needed.items()}, frozenset()


def escape(value: str, marks: Delimiters) -> str:
    """A value as it may stand in a message: whatever would divide the message is written as a sequence.

    Unwritable where the sender's MSH-2 declares no escape character and one is needed.
    """
    table, forbidden = _escapes(marks)
    if forbidden:
        for offset, character in enumerate(value):
            if character in forbidden:
                raise Unwritable(character, offset, "a message without an escape character")
        return value
    return value.translate(table)
