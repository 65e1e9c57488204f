"""What the interface document says about each field, checked as the platform does.

A node is declared in one text, `name type required`, separated by semicolons; types as in the
document: C30 text of at most 30 characters, N16,2 a number with that precision, D a date, DT a time.
The document gives text lengths in characters here; a Chinese character counts one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulators.base.objection import Objecting
from simulators.insurance.money import exact

_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\Z")
_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d\Z")


class Refusal(Objecting):
    """A business failure: infcode -1; `text` becomes err_msg with the platform's prefix and module codes."""

    def __init__(self, text: str, module: int = 4001) -> None:
        super().__init__(text)
        self.text, self.module = text, module


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: str  # C, N, D, DT
    size: int  # characters, or whole digits of a number
    places: int
    required: bool

    @property
    def form(self) -> str:
        """As the document writes it: `C30, required`."""
        size = {"C": str(self.size), "N": f"{self.size},{self.places}"}.get(self.kind, "")
        written = {"D": " (yyyy-MM-dd)", "DT": " (yyyy-MM-dd HH:mm:ss)"}.get(self.kind, "")
        return f"{self.kind}{size}{written}{', required' if self.required else ''}"


Fields = tuple[Field, ...]


def fields(text: str) -> Fields:
    """Read a declaration, once, at import."""
    made = []
    for entry in text.split(";"):
        name, kind, required = entry.split()
        letters = kind.rstrip("0123456789,")
        size, _, places = kind[len(letters):].partition(",")
        made.append(Field(name, letters, int(size or 0), int(places or 0), required == "Y"))
    return tuple(made)


def clean(node: Mapping[str, Any], spec: Fields, where: str = "") -> dict[str, Any]:
    """The declared fields with their types: text (absent: ""), Decimal (absent: None); Refusal names the field.

    Numbers sent as text and codes sent as numbers are taken, as the platform's own parser does;
    undeclared fields are local extras and passed over.
    """
    taken: dict[str, Any] = {}
    for f in spec:
        value = node.get(f.name)
        if value is None or value == "":
            if f.required:
                raise Refusal(f"{where}{f.name}不能为空").at(where + f.name, f.form)
            taken[f.name] = None if f.kind == "N" else ""
        elif f.kind == "N":
            taken[f.name] = _number(f, value, where)
        else:
            taken[f.name] = _text(f, value, where)
    return taken


def _number(f: Field, value: object, where: str) -> Decimal:
    number = exact(value)
    if number is None:
        raise Refusal(f"{where}{f.name}不是有效的数值").at(where + f.name, f.form, value)
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > f.places:
        raise Refusal(f"{where}{f.name}小数位数超过{f.places}位").at(where + f.name, f.form, value)
    if number.adjusted() >= f.size - f.places:
        raise Refusal(f"{where}{f.name}超过长度限制{f.size},{f.places}").at(where + f.name, f.form, value)
    return number


def _text(f: Field, value: object, where: str) -> str:
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise Refusal(f"{where}{f.name}类型不正确").at(where + f.name, f.form, value)
        value = str(value)
    if f.kind == "C":
        if len(value) > f.size:
            raise Refusal(f"{where}{f.name}超过长度限制{f.size}").at(where + f.name, f.form, value)
    elif not (_TIME if f.kind == "DT" else _DATE).match(value) and not (f.kind == "DT" and _DATE.match(value)):
        raise Refusal(f"{where}{f.name}日期格式不正确").at(where + f.name, f.form, value)
    return value


def node(source: Mapping[str, Any], name: str, spec: Fields) -> dict[str, Any]:
    """One object of `input`, cleaned."""
    found = source.get(name)
    if not isinstance(found, dict):
        raise Refusal(f"输入节点{name}不能为空").at(f"input.{name}", "object, required", found)
    return clean(found, spec)


def rows(source: Mapping[str, Any], name: str, spec: Fields, key: str = "") -> list[dict[str, Any]]:
    """A list of `input`, cleaned; `key` names the field that identifies a row in error texts."""
    found = source.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(row, dict) for row in found):
        raise Refusal(f"输入节点{name}不能为空").at(f"input.{name}", "list of objects, not empty")
    cleaned = []
    for place, row in enumerate(found, 1):
        label = f"第{place}行[{row.get(key, '')}]" if key else f"第{place}行"
        cleaned.append(clean(row, spec, label))
    return cleaned
