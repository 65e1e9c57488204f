"""The beginning of an HL7 message as bytes: its delimiters and its character set, before anything is decoded."""

from __future__ import annotations

import re
from typing import Final

from engine.codecs.errors import Undecodable
from engine.codecs.hl7_charset import GB18030, UTF_8, charset_named
from engine.codecs.hl7_er7 import STANDARD, Delimiters, delimiters

_LINE_END: Final = re.compile(rb"\r|\n")
_USUAL: Final = b"MSH|^~\\&|"


def beginning(data: bytes, skip: int) -> tuple[Delimiters, bytes]:
    """The delimiters and the bytes of the MSH segment."""
    if data.startswith(_USUAL, skip):
        end = data.find(b"\r", skip)
        if end > 0 and data.find(b"\n", skip, end) < 0:
            return STANDARD, data[skip:end]
    found = _LINE_END.search(data, skip)
    head = data[skip : found.start() if found else len(data)]
    if not head.startswith(b"MSH") or len(head) < 5:
        raise Undecodable("hl7-no-msh", skip, "a message begins with MSH")
    mark = head[3:4]
    encoding = head[4:].partition(mark)[0]
    try:
        return delimiters(mark.decode("ascii"), encoding.decode("ascii")), head
    except ValueError as fault:  # UnicodeDecodeError is one
        raise Undecodable("hl7-delimiters", skip + 3, str(fault)[:120]) from None


def charset_of(head: bytes, marks: Delimiters, skip: int, default: str) -> str:
    """Which character set a message is in, by its MSH segment.

    The sender's own names may be Chinese too, and then MSH cannot be divided before it is decoded: so each
    reading is tried, and the one under which MSH-18 names itself is right.
    """
    default = charset_named(default) or UTF_8
    if head.isascii():
        return _named(_msh_18(head.decode("ascii"), marks), head, skip) or default
    for codec in (UTF_8, GB18030):
        said = _msh_18(head.decode(codec, "surrogateescape"), marks)
        if _right(said, codec):
            return charset_named(said)
    for codec in (UTF_8, GB18030):
        try:
            return _named(_msh_18(head.decode(codec), marks), head, skip) or default
        except UnicodeDecodeError:
            continue
    return default


def _right(said: str, codec: str) -> bool:
    """Does a reading name the character set by which it was read?"""
    try:
        charset = charset_named(said)
    except ValueError:
        return False
    return bool(charset) and (charset == UTF_8) == (codec == UTF_8)


def _msh_18(text: str, marks: Delimiters) -> str:
    fields = text.split(marks.field, 18)  # MSH-1 is the first delimiter, so index 17 is MSH-18
    said = fields[17] if len(fields) > 17 else ""
    return said.partition(marks.repetition)[0] if marks.repetition else said


def _named(said: str, head: bytes, skip: int) -> str:
    try:
        return charset_named(said)
    except ValueError as fault:
        place = max(head.rfind(said.encode("utf-8")), 0)
        raise Undecodable("charset-unknown", skip + place, str(fault)) from None
