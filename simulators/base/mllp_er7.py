r"""HL7 v2 text as the simulated parties read and write it: decoded first, then divided, escapes undone last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})-(\d{1,3})(?:\.(\d{1,2}))?(?:\.(\d{1,2}))?", re.ASCII)
_SEQUENCE = re.compile(r"\\([FSTRE]|\.br|X(?:[0-9A-Fa-f]{2})+)\\")


class Unreadable(Exception):
    """Bytes that are no HL7 message; `offset` is the first byte that is wrong."""

    def __init__(self, why: str, offset: int = 0) -> None:
        super().__init__(f"{why}, byte {offset}")
        self.offset = offset


def codec_named(said: str) -> str:
    """Python's codec for a name in MSH-18 ("" for none); LookupError for a name no hospital here uses."""
    name = said.upper().replace("-", "").replace(" ", "").replace("UNICODE", "")
    if name in ("", '""', "ASCII", "USASCII"):
        return ""
    if name == "UTF8":
        return "utf-8"
    if name in ("GBK", "GB2312", "CP936", "GB18030", "GB180302000", "GB180302005", "GB180302022"):
        return "gb18030"  # hospitals say GBK and send what only GB18030 has
    raise LookupError(said)


@dataclass(frozen=True)
class Row:
    """One segment: its fields as they stand, HL7's numbers as indexes."""

    fields: tuple[str, ...]
    marks: str  # field, component, repetition, escape, subcomponent
    codec: str

    def raw(self, field: int) -> str:
        """A whole field, divided or not; "" when there is none."""
        return self.fields[field] if field < len(self.fields) else ""

    def get(self, field: int, component: int = 0, sub: int = 0) -> str:
        """The value at a place of the field's first repetition, escapes undone."""
        text = self.raw(field)
        if self.fields[0] == "MSH" and field < 3:
            return text
        text = text.split(self.marks[2])[0]
        for mark, number in ((self.marks[1], component), (self.marks[4], sub)):
            if number:
                pieces = text.split(mark)
                text = pieces[number - 1] if number <= len(pieces) else ""
        return self._plain(text)

    def _plain(self, text: str) -> str:
        field, component, repetition, mark, sub = tuple(self.marks)
        if mark not in text:
            return text
        letters = {"F": field, "S": component, "R": repetition, "E": mark, "T": sub, ".br": "\n"}

        def value(found: re.Match[str]) -> str:
            inside = found[1]
            if inside in letters:
                return letters[inside]
            try:
                return bytes.fromhex(inside[1:]).decode(self.codec)
            except UnicodeDecodeError:
                return found[0]

        pattern = _SEQUENCE if mark == "\\" else re.compile(_SEQUENCE.pattern.replace("\\\\", re.escape(mark)))
        return pattern.sub(value, text)


@dataclass(frozen=True)
class Er7:
    """A whole message."""

    rows: tuple[Row, ...]
    body: bytes
    said: str  # MSH-18 as it stands
    codec: str

    def named(self, name: str) -> list[Row]:
        """The segments of one name, in order."""
        return [row for row in self.rows if row.fields[0] == name]

    def get(self, place: str) -> str:
        """`get("PID-5.1")`: the value in the first segment of that name, "" when there is none."""
        name, field, component, sub = parsed_place(place)
        row = next(iter(self.named(name)), None)
        return "" if row is None else row.get(field, component, sub)

    @property
    def event(self) -> str:
        """`ADT^A01`."""
        return f"{self.get('MSH-9.1')}^{self.get('MSH-9.2')}"

    @property
    def control_id(self) -> str:
        """MSH-10 as it stands, to be repeated in MSA-2."""
        return self.rows[0].raw(10)


def parsed_place(text: str) -> tuple[str, int, int, int]:
    """`FT1-11.3` taken apart; ValueError for anything else."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no place in a message; write like FT1-11.3")
    return found[1], int(found[2]), int(found[3] or 0), int(found[4] or 0)


def read(body: bytes, default: str = "utf-8") -> Er7:
    """The message in these bytes; `default` is the codec of senders that declare none. Unreadable."""
    skip = 3 if body.startswith(b"\xef\xbb\xbf") else 0
    if body[skip : skip + 3] != b"MSH" or len(body) < skip + 8:
        raise Unreadable("no MSH segment", skip)
    marks = body[skip + 3 : skip + 8].decode("latin-1")
    if len(set(marks)) != 5 or any(mark.isalnum() or not "!" <= mark <= "~" for mark in marks):
        raise Unreadable("MSH-1 and MSH-2 are no delimiters", skip + 3)
    said = _declared(body[skip:], marks)
    try:
        codec = codec_named(said) or default
    except LookupError:
        raise Unreadable(f"character set {said[:20]!r} is not known", skip) from None
    try:
        text = body[skip:].decode(codec)
    except UnicodeDecodeError as wrong:
        raise Unreadable(f"no {codec} character", skip + wrong.start) from None
    lines = [line for line in re.split(r"\r\n|\r|\n" if "\r" not in text else r"\r\n?", text) if line]
    return Er7(tuple(_row(line, marks, codec) for line in lines), body, said, codec)


def _declared(body: bytes, marks: str) -> str:
    """MSH-18. The segment itself may be Chinese: the reading that names itself tells, else the one that
    works."""
    head = re.split(rb"[\r\n]", body, maxsplit=1)[0]
    for codec in ("utf-8", "gb18030"):
        said = _msh_18(head.decode(codec, "replace"), marks)
        try:
            if codec_named(said) == codec:
                return said
        except LookupError:
            continue
    for codec in ("utf-8", "gb18030"):
        try:
            return _msh_18(head.decode(codec), marks)
        except UnicodeDecodeError:
            continue
    return ""  # no reading works: whatever it declares could be anybody's bytes


def _msh_18(head: str, marks: str) -> str:
    fields = head.split(marks[0])
    return fields[17].split(marks[2])[0].strip() if len(fields) > 17 else ""


def _row(line: str, marks: str, codec: str) -> Row:
    fields = line.split(marks[0])
    if fields[0] == "MSH":
        fields.insert(1, marks[0])
    return Row(tuple(fields), marks, codec)


def esc(value: str) -> str:
    r"""A value as it may stand in a message with the usual delimiters; a line feed becomes `\.br\`."""
    table = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\n": "\\.br\\", "\r": "\\X0D\\"}
    return "".join(table.get(character, character) for character in value)


def written(rows: Sequence[Sequence[str]], codec: str) -> bytes:
    """Segments whose fields stand as they shall be sent; MSH's second field is MSH-2."""
    return "".join("|".join(row).rstrip("|") + "\r" for row in rows).encode(codec)
