"""A message of fixed-length fields as an operator reads it: one field a line, under the names its request carried.

The bytes alone have no names, so the party's request says where each field stands, of both sides
(`engine/parties/qingdao_legacy`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from engine.masking.values import STARS, Masker, plain_key

REQUEST, REPLY = "X-Request-Layout", "X-Reply-Layout"
HEADERS: Final = (REQUEST, REPLY)
_PLACE: Final = re.compile(r"([^:,]{1,80}):([0-9]{1,5}):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Row:
    """One field: its name, its first byte, what stands there without filling ("" of an empty one)."""

    name: str
    at: int
    text: str

    @property
    def key(self) -> str:
        """The name as keys are compared: of `wards[0].code` the last part."""
        return self.name.rpartition(".")[2]


def rows(body: bytes, layout: str) -> list[Row]:
    """The fields of a message; [] when the layout is none, or the body a page or a document. A half message gives the
    fields it has."""
    places = _PLACE.findall(layout)
    if not places or not body or body.lstrip()[:1] in (b"<", b"{"):
        return []
    made = []
    for name, at, size in places:
        raw = body[int(at) : int(at) + int(size)]
        made.append(Row(unquote(name), int(at), raw.decode("gb18030", "replace").strip(" \x00")))
    return made


def _beside(found: list[Row]) -> frozenset[str]:
    return frozenset(plain_key(row.key) for row in found)


def learn(masker: Masker, found: list[Row]) -> None:
    """First pass: remember every value that is covered for its name."""
    beside = _beside(found)
    for row in found:
        masker.learn(row.key, row.text, beside)


def laid(masker: Masker, found: list[Row]) -> str:
    """One line a field that says anything: its byte, its name, its value as it may be shown."""
    beside = _beside(found)
    width = max(len(row.name) for row in found)
    lines = []
    for row in found:
        if row.text:
            value = STARS if "\ufffd" in row.text else masker.value(row.key, row.text, beside)
            lines.append(f"{row.at:5d}  {row.name:<{width}}  {value}")
    return "\n".join(lines)
