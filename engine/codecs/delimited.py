"""Fields between separators, as the callers of `BUSINESS_HANDLE` write them: `^` between parts, `|` behind each field,
`$` between rows.

Bytes are decoded before anything is split: `^` and `|` are also the second bytes of GBK characters. No way of escaping
a separator is documented, so a value that holds one is refused, or written with its full-width twin where the site
says so; either way it never becomes two fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from engine.codecs.errors import Undecodable
from engine.codecs.fixed_length import CHARSETS, Field, Group, Part, Unfit

Tree = Any
_WIDE: Final = {"^": "＾", "|": "｜", "$": "＄"}
ESCAPES: Final = ("refuse", "fullwidth")
MAX_FIELDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Separators:
    """`part` between the parts of a message, `field` behind each field, `row` between rows of fields. `escape`: what
    happens to a value with a separator in it, refuse or fullwidth. `charset`: GBK or GB18030; sizes count its bytes."""

    part: str = "^"
    field: str = "|"
    row: str = "$"
    escape: str = "refuse"
    charset: str = "GBK"

    def __post_init__(self) -> None:
        if len({self.part, self.field, self.row}) != 3 or not all(mark in _WIDE for mark in self.marks):
            raise ValueError(f"three different separators of {' '.join(_WIDE)}")
        if self.escape not in ESCAPES or self.charset not in CHARSETS:
            raise ValueError(f"escape: {', '.join(ESCAPES)}; charset: {', '.join(CHARSETS)}")

    @property
    def marks(self) -> tuple[str, str, str]:
        return self.part, self.field, self.row

    def value(self, name: str, value: Tree, size: int = 0) -> str:
        """One value as it may stand between separators; `size` bytes at most (0: any). Unfit names field and
        character."""
        text = _text(name, value)
        for place, char in enumerate(text):
            if char < " " or char == "\x7f" or (char in self.marks and self.escape == "refuse"):
                raise Unfit(name, place, f"{char!r} may not stand in a value", char)
        if self.escape == "fullwidth":
            text = "".join(_WIDE[char] if char in self.marks else char for char in text)
        used = 0
        for place, char in enumerate(text):
            try:
                used += len(char.encode(CHARSETS[self.charset]))
            except UnicodeEncodeError:
                raise Unfit(name, used, f"{char!r} does not exist in {self.charset}", char) from None
            if size and used > size:
                raise Unfit(name, used, f"{size} bytes fit; character {place + 1}, {char!r}, does not", char)
        return text

    def joined(self, parts: Sequence[str]) -> str:
        """Parts with a separator behind each, as the interface has them. They may hold fields and rows."""
        return "".join(f"{part}{self.part}" for part in parts)

    def split(self, text: str, least: int) -> list[str]:
        """The parts of a message; what stands behind the last separator is one more when it is not empty.
        Undecodable(delimited-short): fewer than `least`."""
        parts = text.split(self.part)
        if parts[-1].strip("\x00 \r\n") == "":
            parts.pop()
        if len(parts) < least:
            raise Undecodable("delimited-short", len(text), f"{len(parts)} parts, at least {least} were expected")
        return parts

    def record(self, layout: Sequence[Part], tree: Mapping[str, Tree]) -> str:
        """The fields of a message in the layout's order, those left out empty. A group, which must be alone behind
        single fields, is rows: the single fields stand at the head of each. ValueError for a name nobody knows."""
        names = {part.name for part in layout}
        if unknown := sorted(set(tree) - names):
            raise ValueError(f"there is no field {unknown[0][:40]!r}")
        group = next((part for part in layout if isinstance(part, Group)), None)
        singles = [part for part in layout if isinstance(part, Field) and part.name]
        head = "".join(self._field(part, tree.get(part.name), part.name) for part in singles)
        if group is None:
            return head or self.field
        rows = tree.get(group.name) or []
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise ValueError(f"{group.name}: a list of objects")
        made = []
        for place, row in enumerate(rows):
            if unknown := sorted(set(row) - {part.name for part in group.fields}):
                raise ValueError(f"{group.name} has no field {unknown[0][:40]!r}")
            label = f"{group.name}[{place}]"
            made.append(head + "".join(self._field(f, row.get(f.name), f"{label}.{f.name}") for f in group.fields))
        return self.row.join(made) or head or self.field

    def _field(self, field: Field, value: Tree, label: str) -> str:
        return self.value(label, field.value if value is None else value, field.size) + self.field

    def fields(self, layout: Sequence[Part], text: str) -> dict[str, str]:
        """The fields of an answer by name. More than the layout knows are left alone (platforms add some behind the
        others); fewer: Undecodable(delimited-short)."""
        values = text.split(self.field)
        if values[-1].strip("\x00 \r\n") == "":
            values.pop()
        singles = [part for part in layout if isinstance(part, Field) and part.name]
        if len(values) < len(singles) or len(values) > MAX_FIELDS:
            told = f"{len(values)} fields, {len(singles)} were expected"
            raise Undecodable("delimited-short", len(text), told)
        return {part.name: value.strip() for part, value in zip(singles, values, strict=False)}


def _text(name: str, value: Tree) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    raise Unfit(name, 0, f"a text or a number was expected, not {type(value).__name__}")
