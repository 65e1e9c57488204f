"""Acknowledgements of HL7 v2, written and read: AA done, AE done wrong, AR not taken.

A reply proves something only about the message whose MSH-10 its MSA-2 repeats. Everything else (another number,
no MSA, unreadable bytes) is UNKNOWN: the other side may have done what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from engine.codecs import hl7_charset
from engine.codecs.errors import Undecodable
from engine.codecs.hl7_charset import UTF_8, Unwritable
from engine.codecs.hl7_er7 import STANDARD, escape
from engine.codecs.hl7v2 import Header, Message, Segment, parse

AckCode = Literal["AA", "AE", "AR"]

# HL7 table 0357, which every ERR segment speaks.
CONDITIONS: Final = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}
FAILURE_WORDS: Final = re.compile(r"失败|错误|异常|不存在|拒绝|无效|fail|error|reject|invalid|exception", re.IGNORECASE)
_VERSION: Final = re.compile(r"2\.([0-9])(?:\.[0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class HL7Error:
    """One row of an ERR segment: a code of table 0357, where (`segment`, its number, field), and what about it."""

    code: str
    segment: str = ""
    occurrence: int = 0
    field: int = 0
    text: str = ""


class AckKind(StrEnum):
    """What a reply says about the message it was awaited for."""

    ACCEPTED = "accepted"  # AA or CA, and nothing beside it speaks of an error
    DOUBTFUL = "doubtful"  # AA or CA, but its text or an ERR segment speaks of an error: the party's policy decides
    ERROR = "error"  # AE or CE
    REJECTED = "rejected"  # AR or CR
    MISMATCH = "mismatch"  # another message's acknowledgement
    UNREADABLE = "unreadable"  # no acknowledgement at all


_KINDS: Final = {
    "AA": AckKind.ACCEPTED,
    "CA": AckKind.ACCEPTED,
    "AE": AckKind.ERROR,
    "CE": AckKind.ERROR,
    "AR": AckKind.REJECTED,
    "CR": AckKind.REJECTED,
}


@dataclass(frozen=True, slots=True)
class AckVerdict:
    """A reply, read. `control_id` is its MSA-2, `text` MSA-3; `why` says what was wrong with an unreadable one."""

    kind: AckKind
    code: str = ""
    control_id: str = ""
    text: str = ""
    errors: tuple[HL7Error, ...] = ()
    why: str = ""


def ack(
    to: Header | Message,
    code: AckCode,
    text: str = "",
    errors: Iterable[HL7Error] = (),
    *,
    control_id: str,
    at: str,
    fields: Iterable[tuple[str, int, int, str]] = (),
) -> bytes:
    """The acknowledgement of a message, in its own delimiters, version and character set.

    `control_id` is the acknowledgement's own MSH-10, `at` its time (`YYYYMMDDHHMMSS`, Beijing). For a message that
    `parse` refused, hand in `header_of(data)`. `fields` are segments of the answer behind MSA and ERR: (segment, field,
    component or 0, value) each. A character that the set has not is written as `U+2C35B`: an acknowledgement never
    fails.
    """
    header = to.header if isinstance(to, Message) else to
    marks = header.marks
    if not text and not errors and not fields and marks is STANDARD and control_id.isalnum():
        plain = _plain_ack(header, code, control_id, at)
        if plain:
            return plain
    kind = ["ACK"] + ([header.event] + ["ACK"] * bool(header.structure) if header.event else [])
    msh = [
        f"MSH{marks.field}{marks.encoding}",
        *header.receiver,
        *header.sender,
        at,
        "",
        marks.component.join(escape(part, marks) for part in kind),
        escape(control_id, marks),
        header.processing,
        header.version,
    ]
    if header.declared:
        msh += ["", "", "", "", "", header.declared]
    msa = ["MSA", code, header.control_id, _safe(text, header)] if text else ["MSA", code, header.control_id]
    lines = [marks.field.join(msh), marks.field.join(msa)]
    lines += _err(list(errors), header)
    lines += _segments(fields, header)
    return _encode("".join(line + "\r" for line in lines), header.charset)


def _plain_ack(header: Header, code: str, control_id: str, at: str) -> bytes:
    """The same for the most frequent: nothing but the code is to be said. b"" when something has to be escaped."""
    event = header.event
    if not event.isalnum():
        return b""
    said = f"||||||{header.declared}" if header.declared else ""
    text = (
        f"MSH|^~\\&|{'|'.join(header.receiver)}|{'|'.join(header.sender)}|{at}||ACK^{event}"
        f"{'^ACK' if header.structure else ''}|{control_id}|{header.processing}|{header.version}{said}\r"
        f"MSA|{code}|{header.control_id}\r"
    )
    return text.encode("ascii") if text.isascii() else _encode(text, header.charset)


def read_ack(
    data: bytes, expected_control_id: str, default: str = UTF_8, failure: re.Pattern[str] = FAILURE_WORDS
) -> AckVerdict:
    """What this reply says about the message sent as `expected_control_id`.

    `default` is the connection's character set; `failure` finds the words with which a partner tells of a failure
    in the text of an AA.
    """
    try:
        message = parse(data, default)
    except Undecodable as fault:
        return AckVerdict(AckKind.UNREADABLE, why=f"{fault.code} at byte {fault.offset}")
    acknowledgements = message.named("MSA")
    if len(acknowledgements) != 1:
        return AckVerdict(AckKind.UNREADABLE, why="no MSA" if not acknowledgements else "more than one MSA")
    msa = acknowledgements[0]
    code, number, text = msa.get(1), msa.get(2), msa.get(3)
    errors = tuple(_errors(message))
    kind = _KINDS.get(code)
    if kind is None:
        return AckVerdict(AckKind.UNREADABLE, code[:8], number, text, errors, "unknown acknowledgement code")
    if expected_control_id not in (number, msa.er7(2)) or not expected_control_id:
        return AckVerdict(AckKind.MISMATCH, code, number, text, errors, "MSA-2 is another message's number")
    if kind is AckKind.ACCEPTED and (errors or failure.search(text)):
        kind = AckKind.DOUBTFUL
    return AckVerdict(kind, code, number, text, errors)


def answers(data: bytes, control_id: str, default: str = UTF_8) -> bool:
    """Is this readable as the acknowledgement of that message?"""
    return read_ack(data, control_id, default).kind not in (AckKind.MISMATCH, AckKind.UNREADABLE)


def _safe(text: str, header: Header) -> str:
    try:
        return escape(text, header.marks)
    except Unwritable:  # a message without an escape character: its delimiters cannot appear in our words
        marks = header.marks.field + header.marks.encoding + "\r\n\x0b\x1c"
        return "".join(" " if character in marks else character for character in text)


def _encode(text: str, charset: str) -> bytes:
    while True:
        try:
            return hl7_charset.to_bytes(text, charset)
        except Unwritable as fault:
            text = text.replace(fault.character, f"U+{ord(fault.character):04X}")


def _segments(fields: Iterable[tuple[str, int, int, str]], header: Header) -> list[str]:
    places: dict[str, dict[int, dict[int, str]]] = {}
    for segment, field, component, value in fields:
        places.setdefault(segment, {}).setdefault(field, {})[component or 1] = _safe(value, header)
    lines = []
    for segment, row in places.items():
        cells = [row.get(number, {}) for number in range(1, max(row) + 1)]
        joined = [header.marks.component.join(c.get(n, "") for n in range(1, max(c, default=0) + 1)) for c in cells]
        lines.append(header.marks.field.join([segment, *joined]))
    return lines


def _modern(version: str) -> bool:
    """Since 2.5 an ERR segment holds one error, in fields of its own."""
    found = _VERSION.fullmatch(version)
    return found is not None and int(found[1]) >= 5


def _err(errors: list[HL7Error], header: Header) -> list[str]:
    if not errors:
        return []
    marks = header.marks

    def code_of(error: HL7Error, inner: str) -> str:
        return inner.join((error.code, _safe(error.text or CONDITIONS.get(error.code, ""), header), "HL70357"))

    def place_of(error: HL7Error) -> list[str]:
        return [error.segment, str(error.occurrence or ""), str(error.field or "")]

    if not _modern(header.version):
        rows = [marks.component.join([*place_of(error), code_of(error, marks.subcomponent or " ")]) for error in errors]
        if not marks.repetition:
            rows = rows[:1]
        return [f"ERR{marks.field}{marks.repetition.join(rows)}"]
    lines = []
    for error in errors:
        place = marks.component.join(place_of(error)).rstrip(marks.component)
        condition = HL7Error(error.code)
        row = ["ERR", "", place, code_of(condition, marks.component), "E", "", "", "", _safe(error.text, header)]
        lines.append(marks.field.join(row).rstrip(marks.field))
    return lines


def _errors(message: Message) -> Iterable[HL7Error]:
    """The errors of a reply's ERR segments in either form; code 0 and severities I and W are none."""
    for segment in message.named("ERR"):
        if segment.er7(3):
            if segment.get(4) not in ("I", "W") and segment.get(3, 1) != "0":
                yield _error(segment, segment.get(3, 1), segment.get(8) or segment.get(3, 2), 2, 1)
            continue
        for repetition in range(1, segment.count(1) + 1):
            code = segment.get(1, 4, repetition, 1)
            if code and code != "0":
                yield _error(segment, code, segment.get(1, 4, repetition, 2), 1, repetition)


def _error(segment: Segment, code: str, text: str, field: int, repetition: int) -> HL7Error:
    def number(component: int) -> int:
        found = segment.get(field, component, repetition)
        return int(found) if found.isascii() and found.isdigit() and len(found) < 6 else 0

    return HL7Error(code, segment.get(field, 1, repetition), number(2), number(3), text)
