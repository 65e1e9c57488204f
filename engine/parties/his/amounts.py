"""A HIS's payload in the one form maps know, and back: amounts are int fen inside and whatever the connection declares
outside, lists are lists. Shared by all styles, so that a bill is the same bill however it came."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from engine.core.money import BadAmount, fen_of, fen_of_yuan, yuan_of_fen
from engine.parties.his import inhos
from engine.parties.his.operations import LISTS

Unit = Annotated[
    Literal["fen", "yuan"],
    Field(
        description="HIS 接口上金额的单位：fen 分，yuan 元（两位小数）；映射里始终是整数分。与 HIS 不符，差一百倍 · "
        "the unit of amounts on the HIS's side, yuan with two places; maps always see whole fen. A wrong one is an "
        "error by a hundred"
    ),
]
"""A setting of every HIS that is not asked in HL7."""
AMOUNTS: Final = inhos.AMOUNTS | {
    "amount", "cash", "fund", "account", "balance", "relief", "otherFund", "commercial", "self", "fee",
}  # fmt: skip
_UNIT_PRICE: Final = "price"  # in fen too, but may have decimals: four of a yuan
_PRICE: Final = re.compile(r"(0|[1-9][0-9]{0,10})(\.[0-9]{1,6})?", re.ASCII)


def written(tree: Any, unit: str) -> Any:
    """A request's tree with its amounts (int fen) as text in `unit`, fen or yuan; BadAmount names the field."""
    return _converted(tree, _out_yuan if unit == "yuan" else _out)


def understood(op: str, data: Any, unit: str) -> Any:
    """An answer's payload: amounts in int fen, the operation's lists as lists, an item's unit price also as
    `priceYuan`. BadAmount for an amount that is none in `unit`."""
    fields = LISTS.get(op, ())
    if len(fields) == 1 and (data is None or isinstance(data, list)):
        data = {fields[0]: data}
    data = _converted({} if data is None else data, _in_yuan if unit == "yuan" else _in)
    if isinstance(data, dict):
        for field in fields:
            data[field] = data.get(field) or []
            for member in data[field]:  # a list inside a member, such as a report's results
                if isinstance(member, dict) and member.get("results", "") is None:
                    member["results"] = []
        for item in data.get("items", ()):
            # A price of 0.0356 yuan is no whole number of fen.
            if isinstance(item, dict) and item.get(_UNIT_PRICE) is not None:
                item["priceYuan"] = format(Decimal(item[_UNIT_PRICE]).scaleb(-2), "f")
    return data


def _converted(tree: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(tree, dict):
        return {
            name: _amount(name, value, change)
            if (name in AMOUNTS or name == _UNIT_PRICE) and value is not None
            else _converted(value, change)
            for name, value in tree.items()
        }
    if isinstance(tree, list):
        return [_converted(item, change) for item in tree]
    return tree


def _amount(name: str, value: Any, change: Callable[[str, Any], Any]) -> Any:
    """One amount converted; the refusal names the field and quotes nothing."""
    try:
        return change(name, value)
    except BadAmount:
        raise BadAmount(f"{name}: no amount in the agreed form") from None


def _out(name: str, fen: Any) -> str:
    return str(fen_of(fen))


def _out_yuan(name: str, fen: Any) -> str:
    return yuan_of_fen(fen_of(fen))


def _in(name: str, value: Any) -> int | Decimal:
    return _price(value, 0) if name == _UNIT_PRICE else fen_of(value)


def _in_yuan(name: str, value: Any) -> int | Decimal:
    return _price(value, 2) if name == _UNIT_PRICE else fen_of_yuan(value)


def _price(value: Any, shift: int) -> int | Decimal:
    """A unit price in fen, whole where it is whole; BadAmount when it is none."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, bool) or _PRICE.fullmatch(text) is None:
        raise BadAmount(f"not a unit price: {text[:40]!r}")
    fen = Decimal(text).scaleb(shift)
    return int(fen) if fen == fen.to_integral_value() else fen
