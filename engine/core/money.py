"""Money is a whole number of fen, everywhere. No float, no Decimal arithmetic on amounts.

The accepted spellings are narrow on purpose: `int("１２３")`, `Decimal("NaN")` and `Decimal("1e5")`
are all accepted by Python and all wrong on a bill.
"""

from __future__ import annotations

import re
from decimal import Decimal

AMOUNTS = ("total", "fund", "account", "relief", "other", "cash")
"""The amounts of a settlement: the total, and the parts that make it up."""
MAX_FEN = 99_999_999_999  # 999,999,999.99 yuan: more is a mistake, not a bill

_YUAN = re.compile(r"(-?)(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,2})0*)?", re.ASCII)
_FEN = re.compile(r"-?(0|[1-9][0-9]{0,10})", re.ASCII)


class BadAmount(ValueError):
    """An amount that is not a plain number of yuan or fen."""


def fen_of_yuan(value: object) -> int:
    """Fen of a yuan amount given as text, int or Decimal (`"1075.00"` → 107500); else BadAmount."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise BadAmount(f"not an amount in yuan: {value!r}")
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    match = _YUAN.fullmatch(text)
    if match is None:
        raise BadAmount(f"not an amount in yuan: {text[:40]!r}")
    sign, yuan, cents = match.groups()
    fen = int(yuan) * 100 + int((cents or "").ljust(2, "0"))
    return -fen if sign else fen


def fen_of(value: object) -> int:
    """Fen of an amount given in fen, as int or as digits; else BadAmount."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadAmount(f"not an amount in fen: {value!r}")
    text = str(value)
    if _FEN.fullmatch(text) is None:
        raise BadAmount(f"not an amount in fen: {text[:40]!r}")
    fen = int(text)
    if abs(fen) > MAX_FEN:
        raise BadAmount(f"amount out of range: {text}")
    return fen


def yuan_of_fen(fen: int) -> str:
    """`107500` → `"1075.00"`."""
    sign = "-" if fen < 0 else ""
    whole, cents = divmod(abs(fen), 100)
    return f"{sign}{whole}.{cents:02d}"
