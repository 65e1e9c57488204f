"""Amounts on the wire: decimals with two places outside, whole fen inside."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from simulators.base.wire import loads

CENT = Decimal("0.01")
# A Unicode noncharacter no message may contain; it brackets a number while json writes it as text,
# because json would write the float 1200.0 where the platform writes 1200.00.
_MARK = "\ufdd0"


def exact(value: object) -> Decimal | None:
    """A JSON number or a number written as text, exactly; None when it is neither (or not finite)."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def fen(value: Decimal) -> int:
    """Yuan to fen; more than two places are a caller's error that `fields` has refused before."""
    return int(value.scaleb(2).to_integral_value(ROUND_HALF_UP))


def times(quantity: Decimal, price: Decimal) -> int:
    """round(quantity × price, 2) half-up, in fen."""
    return fen((quantity * price).quantize(CENT, ROUND_HALF_UP))


def part(amount: int, share_bp: int) -> int:
    """A share (in 1/10000) of an amount of fen, half-up; amounts are not negative."""
    return (amount * share_bp * 2 + 10000) // 20000


def yuan(amount: int) -> str:
    """Fen as a number with two places, ready for `dump`."""
    sign, rest = ("-", -amount) if amount < 0 else ("", amount)
    return f"{_MARK}{sign}{rest // 100}.{rest % 100:02d}{_MARK}"


def number(value: Decimal) -> str:
    """A decimal exactly as it is, ready for `dump`."""
    return f"{_MARK}{value:f}{_MARK}"


def share(bp: int) -> str:
    """A share in 1/10000 as a number with four places, ready for `dump`."""
    return f"{_MARK}{bp // 10000}.{bp % 10000:04d}{_MARK}"


def dump(obj: object) -> bytes:
    """JSON in UTF-8 without blanks, the marked numbers as numbers."""
    text = json.dumps(obj, ensure_ascii=False, separators=(",", ":"))
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "").encode("utf-8")


def load(body: bytes) -> Any:
    """JSON in UTF-8, numbers with a point exactly; ValueError when it is not, or carries a forbidden character."""
    text = body.decode("utf-8")
    if _MARK in text or "\\ufdd0" in text.lower():
        raise ValueError("forbidden character")
    return loads(text, parse_float=Decimal)

