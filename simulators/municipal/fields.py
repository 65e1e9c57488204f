"""Fields of the transactions: what must be there, how long, of what kind. Names are the platform's pinyin initials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from simulators.base.objection import Objecting
from simulators.base.world import BEIJING


class Refusal(Objecting):
    """A business refusal: appcode (negative) and appmsg."""

    def __init__(self, text: str, code: int = -10) -> None:
        super().__init__(text)
        self.text, self.code = text, code


@dataclass(frozen=True)
class Field:
    """`kind`: C text, N money in yuan with two places, Q quantity with four, D date and time, R rows."""

    kind: str
    longest: int
    required: bool
    rows: Mapping[str, Field] | None = None

    @property
    def form(self) -> str:
        """For people."""
        kind = {
            "C": f"text of at most {self.longest} characters", "N": "yuan with two decimals (12.30)",
            "Q": "number of at most four decimals", "D": "yyyy-MM-dd HH:mm:ss", "R": "rows",
        }[self.kind]
        return f"{kind}{', required' if self.required else ''}"


def fields(spec: str, **rows: Mapping[str, Field]) -> dict[str, Field]:
    """`name C30 Y; other N12 N` as fields; `rows` are lists of objects, required."""
    made = {}
    for piece in filter(None, (part.strip() for part in spec.split(";"))):
        name, kind, required = piece.split()
        made[name] = Field(kind[0], int(kind[1:] or 0), required == "Y")
    return {**made, **{name: Field("R", 0, True, inside) for name, inside in rows.items()}}


_ROW = fields(
    "mxxh C30 Y; yyxmbm C50 Y; yyxmmc C200 Y; ylxmbm C50 Y; fssj D19 Y; dj Q16 Y; sl Q16 Y; zje N16 Y; dw C20 N;"
    "gg C50 N; kdksbm C30 Y; kdksmc C100 N; ysbm C30 Y; ysxm C50 N"
)
_CREDENTIAL = "klx C2 Y; kh C50 Y; kxlh C32 N"
SPECS: dict[str, dict[str, Field]] = {
    "9100": fields("czyxm C50 Y"),
    "9101": fields("bs C9 Y; zje N16 Y; tczf N16 Y"),
    "9110": fields(""),
    "2100": fields(_CREDENTIAL),
    "2210": fields(
        f"grbh C30 Y; {_CREDENTIAL}; yltclb C2 Y; ghsj D19 Y; ksbm C30 Y; ksmc C100 Y; ysbm C30 Y; ysxm C50 Y;"
        "jbbm C30 Y; jbmc C200 Y"
    ),
    "2240": fields("mzlsh C30 Y"),
    "2310": fields("mzlsh C30 Y", row=_ROW),
    "2320": fields("mzlsh C30 Y; yjylsh C18 Y"),
    "2420": fields("mzlsh C30 Y; zje N16 Y; zhsybz C1 Y"),
    "2410": fields("mzlsh C30 Y; zje N16 Y; zhsybz C1 Y; tczf N16 Y; grzhzf N16 Y; xjzf N16 Y"),
    "2430": fields("mzlsh C30 Y; brjsh C30 Y"),
    "2421": fields("yjylsh C18 Y; yjybh C4 Y"),
    "2450": fields("yjylsh C18 Y"),
}
HEAD = fields("jybh C4 Y; czybh C20 Y; ywzqh C60 N; jylsh C18 Y; yljgbh C12 Y; jysj D19 Y")
LISTS = ("row",)
SERIAL = re.compile(r"[0-9]{18}", re.ASCII)  # our number: a moment (14) and a count (4)
_MOMENT = "%Y-%m-%d %H:%M:%S"
_MONEY = re.compile(r"(0|[1-9][0-9]{0,9})\.[0-9]{2}", re.ASCII)
_QUANTITY = re.compile(r"(0|[1-9][0-9]{0,9})(\.[0-9]{1,4})?", re.ASCII)


def row_of(spec: Mapping[str, Field]) -> Mapping[str, Field]:
    """The fields of a transaction's rows; nothing where it has none."""
    return next((field.rows for field in spec.values() if field.rows is not None), {})


def checked(spec: Mapping[str, Field], given: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """The given values when each is in order, those left out as ""; Refusal -1 names the first that is not."""
    if unknown := sorted(given.keys() - spec.keys()):
        raise Refusal(f"未知字段{where}{unknown[0]}", -1).at(where + unknown[0], f"only {', '.join(spec)}")
    made: dict[str, Any] = {}
    for name, field in spec.items():
        value = given.get(name, "")
        if value in ("", []) and field.required:
            raise Refusal(f"字段{where}{name}不能为空", -1).at(where + name, field.form)
        if field.rows is not None:
            made[name] = [
                checked(field.rows, row if isinstance(row, dict) else {}, f"{name}[{place}].")
                for place, row in enumerate(value, 1)
            ]
            continue
        if not isinstance(value, str) or len(value) > field.longest:
            raise Refusal(f"字段{where}{name}长度超过{field.longest}", -1).at(where + name, field.form, value)
        if value and not _fits(field.kind, value):
            raise Refusal(f"字段{where}{name}格式不正确", -1).at(where + name, field.form, value)
        made[name] = value
    return made


def _fits(kind: str, value: str) -> bool:
    if kind == "N":
        return _MONEY.fullmatch(value) is not None
    if kind == "Q":
        return _QUANTITY.fullmatch(value) is not None
    if kind == "D":
        try:
            told = datetime.strptime(value, _MOMENT).replace(tzinfo=BEIJING)
        except ValueError:
            return False
        return told.strftime(_MOMENT) == value
    return True


def fen(value: str) -> int:
    """A checked amount in yuan as fen."""
    return int(Decimal(value) * 100)


def yuan(amount: int) -> str:
    """Fen as yuan with two places."""
    sign, rest = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{rest // 100}.{rest % 100:02d}"
