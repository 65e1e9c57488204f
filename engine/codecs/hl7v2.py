"""An HL7 v2 message as the engine sees it: decoded first, split only where somebody looks.

Decoding comes before splitting because in GBK and GB18030 the second byte of 504 characters is `|`, `^`, `~` or
a backslash (億 is 83 7C). The received bytes are kept as they came. Versions 2.3 to 2.6 are read alike: what a
field means is configuration, what it may hold is `hl7_plan`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from engine.codecs import hl7_charset
from engine.codecs.errors import Undecodable
from engine.codecs.hl7_beginning import beginning, charset_of
from engine.codecs.hl7_charset import GB18030, UTF_8, Unwritable, charset_named
from engine.codecs.hl7_er7 import STANDARD, Delimiters, Path, escape, path, unescape

_BOM: Final = b"\xef\xbb\xbf"
_DIVIDED: Final = re.compile(r"[~\\]").search  # a repetition or an escape sequence: seldom in MSH
_MSH: Final = "MSH|^~\\&|"
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)


@dataclass(slots=True)
class Header:
    """What an acknowledgement needs to know of a message; of a broken one, as much as could be read.

    Addresses are (application, facility) as they stand, escape sequences included. `charset` is ours (utf-8,
    gb18030, gbk), `declared` what MSH-18 said.
    """

    marks: Delimiters = STANDARD
    sender: tuple[str, str] = ("", "")
    receiver: tuple[str, str] = ("", "")
    code: str = ""
    event: str = ""
    structure: str = ""
    control_id: str = ""
    processing: str = "P"
    version: str = "2.4"
    charset: str = UTF_8
    declared: str = ""


class Segment:
    """One segment, split on first touch. Numbers are HL7's: from 1; MSH-1 is the field delimiter itself."""

    __slots__ = ("_fields", "_message", "line", "name")

    def __init__(self, message: Message, text: str) -> None:
        self._message = message
        self.line = text  # as it came; what was set since is in `fields`
        self._fields: list[str] | None = None
        self.name = text.partition(message.marks.field)[0]

    @property
    def fields(self) -> list[str]:
        """The fields as they stand; index = HL7's number."""
        fields = self._fields
        if fields is None:
            marks = self._message.marks
            fields = self.line.split(marks.field)
            if self.name == "MSH":
                fields.insert(1, marks.field)
            self._fields = fields
        return fields

    def er7(self, field: int, repetition: int = 1, component: int = 0, subcomponent: int = 0) -> str:
        """The text at a place exactly as it stands, "" when there is none. Repetition 0 is the whole field."""
        fields = self.fields
        if field >= len(fields):
            return ""
        text = fields[field]
        if not text or (self.name == "MSH" and field <= 2):
            return text
        marks = self._message.marks
        if repetition:
            text = _piece(text, marks.repetition, repetition)
        if component:
            text = _piece(text, marks.component, component)
        if subcomponent:
            text = _piece(text, marks.subcomponent, subcomponent)
        return text

    def get(self, field: int, component: int = 0, repetition: int = 1, subcomponent: int = 0) -> str:
        """The value at a place. Where the place is divided further, its text as it stands: nothing is left out."""
        text = self.er7(field, repetition, component, subcomponent)
        marks = self._message.marks
        if not marks.escape or marks.escape not in text or (self.name == "MSH" and field <= 2):
            return text
        if not subcomponent and marks.subcomponent and marks.subcomponent in text:
            return text
        if not component and marks.component in text:
            return text
        if not repetition and marks.repetition and marks.repetition in text:
            return text
        return unescape(text, marks, self._message.decode)

    def count(self, field: int) -> int:
        """How often a field repeats; 0 when it is empty."""
        text = self.er7(field, 0)
        mark = self._message.marks.repetition
        return (text.count(mark) + 1 if mark else 1) if text else 0

    def set_er7(self, text: str, field: int, repetition: int = 1, component: int = 0, subcomponent: int = 0) -> None:
        """Put a text at a place as it is; what lies before it is filled with empty places.

        ValueError for MSH-1 and MSH-2, and for a place that needs a delimiter the message does not have.
        """
        if self.name == "MSH" and field <= 2:
            raise ValueError("MSH-1 and MSH-2 are fixed when a message begins")
        fields = self.fields
        fields.extend([""] * (field + 1 - len(fields)))
        marks = self._message.marks
        levels = ((marks.repetition, repetition), (marks.component, component), (marks.subcomponent, subcomponent))
        fields[field] = text if repetition == 0 else _with(fields[field], levels, text)
        self._message.changed()

    def text(self) -> str:
        """The segment as one line."""
        fields = self._fields
        if fields is None:
            return self.line
        if self.name == "MSH":
            return fields[0] + fields[1] + self._message.marks.field.join(fields[2:])
        return self._message.marks.field.join(fields)


class Message:
    """A message read by `parse` or begun by `begin`. `charset` is what it is read and written in."""

    def __init__(self, text: str, marks: Delimiters, charset: str, raw: bytes = b"") -> None:
        self.marks = marks
        self.charset = charset
        self._raw = raw
        self._changed = not raw
        if "\n" in text:
            first = text.find("\r"), text.find("\n")
            if first[0] < 0 or first[1] < first[0]:  # the end of MSH decides what ends a segment
                text = text.replace("\r\n", "\r").replace("\n", "\r")
            else:
                text = text.replace("\r\n", "\r")
        self.lines = [line for line in text.split("\r") if line]
        """One a segment, as they came."""
        self._split: list[Segment] | None = None

    @property
    def raw(self) -> bytes:
        """The bytes as they were received; empty for a message begun here."""
        return self._raw

    @property
    def is_changed(self) -> bool:
        """Whether it says something else than the bytes received."""
        return self._changed

    @property
    def segments(self) -> list[Segment]:
        """All segments in order."""
        if self._split is None:
            self._split = [Segment(self, line) for line in self.lines]
        return self._split

    def let_go(self) -> None:
        """Forget the segments: each knows its message, a circle that somebody would have to find later."""
        self._split = None

    def named(self, name: str) -> list[Segment]:
        """The segments of one name, in order."""
        return [segment for segment in self.segments if segment.name == name]

    def find(self, name: str, occurrence: int = 1) -> Segment | None:
        """The n-th segment of a name."""
        for segment in self.segments:
            if segment.name == name:
                occurrence -= 1
                if not occurrence:
                    return segment
        return None

    def get(self, where: str | Path) -> str:
        """The value at a path, "" when there is none: `get("PID-5.1")`."""
        at = path(where) if isinstance(where, str) else where
        segment = self.find(at.segment, at.occurrence)
        return "" if segment is None else segment.get(at.field, at.component, at.repetition, at.subcomponent)

    def er7(self, where: str | Path) -> str:
        """The text at a path as it stands."""
        at = path(where) if isinstance(where, str) else where
        segment = self.find(at.segment, at.occurrence)
        return "" if segment is None else segment.er7(at.field, at.repetition, at.component, at.subcomponent)

    def all(self, where: str | Path) -> list[str]:
        """The values of every repetition of a field, in its first (or the named) segment."""
        at = path(where) if isinstance(where, str) else where
        segment = self.find(at.segment, at.occurrence)
        if segment is None:
            return []
        repetitions = range(1, segment.count(at.field) + 1)
        return [segment.get(at.field, at.component, n, at.subcomponent) for n in repetitions]

    def set(self, where: str | Path, value: str) -> None:
        """Put a value at a path; a segment that is not there yet is added at the end.

        ValueError when the segment's earlier occurrences are missing. Unwritable when it cannot be escaped.
        """
        at = path(where) if isinstance(where, str) else where
        text = escape(value, self.marks)
        self._place(at).set_er7(text, at.field, at.repetition, at.component, at.subcomponent)

    def set_er7(self, where: str | Path, text: str) -> None:
        """Put a text at a path as it is, delimiters and sequences included."""
        if "\r" in text or "\n" in text:
            raise ValueError("a segment end cannot be part of a field")
        at = path(where) if isinstance(where, str) else where
        self._place(at).set_er7(text, at.field, at.repetition, at.component, at.subcomponent)

    def add(self, name: str) -> Segment:
        """A new segment at the end."""
        if not _NAME.fullmatch(name) or name == "MSH":
            raise ValueError(f"{name!r} cannot be added")
        self.changed()
        self.segments.append(Segment(self, name))
        return self.segments[-1]

    def _place(self, at: Path) -> Segment:
        found = self.find(at.segment, at.occurrence)
        if found is not None:
            return found
        if at.occurrence > 1 and self.find(at.segment, at.occurrence - 1) is None:
            raise ValueError(f"{at}: {at.segment} number {at.occurrence - 1} comes first")
        return self.add(at.segment)

    def speak(self, declared: str) -> None:
        """Write MSH-18 and use that character set from now on. ValueError for an unknown name."""
        charset = charset_named(declared)
        self.set("MSH-18", declared)
        self.charset = charset or self.charset

    def changed(self) -> None:
        """Told by segments: the received bytes are no longer what this message says."""
        self._changed = True

    def decode(self, data: bytes) -> str:
        """Bytes of an escape sequence in this message's character set."""
        return hl7_charset.to_text(data, self.charset)

    def to_text(self) -> str:
        """The message as text: every segment ended by CR."""
        return "".join(segment.text() + "\r" for segment in self.segments)

    def to_bytes(self) -> bytes:
        """The bytes to send: those received when nothing was changed. Unwritable names character and place."""
        if not self._changed:
            return self._raw
        text = self.to_text()
        try:
            return hl7_charset.to_bytes(text, self.charset)
        except Unwritable as fault:
            before = text[: fault.offset].rpartition("\r")[2]
            number = before.count(self.marks.field) + (before[:3] == "MSH")
            raise Unwritable(fault.character, fault.offset, fault.charset, f"{before[:3]}-{number}") from None

    @property
    def header(self) -> Header:
        """MSH in short."""
        first = self.lines[0]
        if not self._changed and first.startswith(_MSH) and first.count("|") > 10 and not _DIVIDED(first, len(_MSH)):
            return _plain_header(first.split("|"), self.charset)
        return _header(self.segments[0], self.marks, self.charset)


def parse(data: bytes, default: str = UTF_8) -> Message:
    """Read a message. `default` is the connection's character set, for senders that declare none.

    Undecodable with the byte's offset: `hl7-no-msh`, `hl7-delimiters`, `charset-unknown`, `charset`.
    """
    skip = len(_BOM) if data.startswith(_BOM) else 0
    marks, head = beginning(data, skip)
    charset = charset_of(head, marks, skip, UTF_8 if skip else default)
    try:
        text = hl7_charset.to_text(data[skip:] if skip else data, charset)
    except Undecodable as fault:
        raise Undecodable(fault.code, fault.offset + skip, fault.text) from None
    return Message(text, marks, charset, data)


def from_text(text: str) -> Message:
    """A message that has been decoded already; it is written as MSH-18 says, or in UTF-8. Undecodable like `parse`."""
    marks, head = beginning(text.encode(), 0)
    return Message(text, marks, charset_of(head, marks, 0, UTF_8))


def header_of(data: bytes, default: str = UTF_8) -> Header:
    """As much of the header as can be read of bytes that `parse` refuses, for their AR."""
    skip = len(_BOM) if data.startswith(_BOM) else 0
    default = charset_named(default) or UTF_8
    try:
        marks, head = beginning(data, skip)
    except Undecodable:
        return Header(charset=default)
    try:
        charset = charset_of(head, marks, skip, default)
    except Undecodable:
        charset = default
    try:
        text = hl7_charset.to_text(head, charset)
    except Undecodable:  # it can be divided as what it may be; only what is plain ASCII is repeated to the sender
        fields = _likely(head).split(marks.field)
        text = marks.field.join(field if field.isascii() else "" for field in fields)
    header = Message(text, marks, charset, data).header
    try:
        return replace(header, charset=charset_named(header.declared) or charset)
    except ValueError:  # a name we do not know is not repeated: what we answer is not written in it
        return replace(header, declared="")


def begin(code: str, event: str, structure: str, *, version: str = "2.4", declared: str = "UNICODE UTF-8") -> Message:
    """A new message with the standard delimiters: its MSH holds type, version and character set, P for production."""
    message = Message("MSH|^~\\&\r", STANDARD, charset_named(declared) or UTF_8)
    kind = "^".join(escape(part, STANDARD) for part in (code, event, structure))
    message.set_er7("MSH-9", kind.rstrip("^"))
    message.set("MSH-11", "P")
    message.set("MSH-12", version)
    if declared:
        message.set("MSH-18", declared)
    return message


def _likely(head: bytes) -> str:
    try:
        return head.decode(GB18030)
    except UnicodeDecodeError:
        return head.decode("latin-1")


def _plain_header(fields: list[str], charset: str) -> Header:
    """Of an MSH with the standard delimiters in which nothing repeats or is escaped. MSH-1 is not among the fields."""
    kind = fields[8].split("^")
    return Header(
        STANDARD, (fields[2], fields[3]), (fields[4], fields[5]), kind[0], kind[1] if len(kind) > 1 else "",
        kind[2] if len(kind) > 2 else "", fields[9], fields[10] or "P", fields[11].partition("^")[0] or "2.4",
        charset, fields[17] if len(fields) > 17 else "",
    )  # fmt: skip


def _header(msh: Segment, marks: Delimiters, charset: str) -> Header:
    return Header(
        marks=marks,
        sender=(msh.er7(3), msh.er7(4)),
        receiver=(msh.er7(5), msh.er7(6)),
        code=msh.get(9, 1),
        event=msh.get(9, 2),
        structure=msh.get(9, 3),
        control_id=msh.er7(10),
        processing=msh.er7(11) or "P",
        version=msh.er7(12, 1, 1) or "2.4",
        charset=charset,
        declared=msh.er7(18, 0),
    )


def _piece(text: str, mark: str, number: int) -> str:
    if not mark or mark not in text:
        return text if number == 1 else ""
    pieces = text.split(mark, number)
    return pieces[number - 1] if number <= len(pieces) else ""


def _with(text: str, levels: tuple[tuple[str, int], ...], value: str) -> str:
    """`text` with one place replaced; a level whose number is 0 is not divided."""
    if not levels or not levels[0][1]:
        return value
    mark, number = levels[0]
    if not mark and number > 1:
        raise ValueError("the message has no delimiter for this place")
    pieces = text.split(mark) if mark else [text]
    pieces.extend([""] * (number - len(pieces)))
    pieces[number - 1] = _with(pieces[number - 1], levels[1:], value)
    return mark.join(pieces)
