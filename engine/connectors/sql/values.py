"""What a database driver gives and takes, and our text: exact, with no float and no guessed character in between."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from engine.codecs.charset import decode
from engine.codecs.errors import Undecodable
from engine.core.money import BadAmount, fen_of_yuan

VALUE_MAX = 1024 * 1024  # characters or bytes of one value
Value = str | int | None
"""What a row carries: text, an amount in fen, or nothing."""


class BadValue(ValueError):
    """A value that cannot be carried exactly; the text names no person."""


def text_of(value: object, charset: str = "utf-8", mangled: bool = False) -> str | None:
    """A driver's value as text. Bytes are read in `charset`; `mangled`: so is text, which the driver took for Latin-1
    (a database that says US7ASCII and holds GBK)."""
    match value:
        case None:
            return None
        case bool():
            return "1" if value else "0"
        case str() | bytes() | bytearray() | memoryview():
            return _characters(value, charset, mangled)
        case int() | UUID():
            return str(value)
        case Decimal():
            if not value.is_finite():
                raise BadValue("not a number")
            return format(value, "f")
        case float():
            if not math.isfinite(value):
                raise BadValue("not a number")
            return format(Decimal(repr(value)), "f")  # the shortest text that means this value
        case datetime() | date() | time():
            return value.isoformat()
    if hasattr(value, "read"):  # a large object, while its connection is still open
        return text_of(value.read(), charset, mangled)
    raise BadValue(f"a value of the type {type(value).__name__}")


def _characters(value: str | bytes | bytearray | memoryview, charset: str, mangled: bool) -> str:
    if len(value) > VALUE_MAX:
        raise BadValue(f"longer than {VALUE_MAX}")
    if isinstance(value, str):
        if not mangled:
            return value
        try:
            value = value.encode("latin-1")
        except UnicodeEncodeError:
            raise BadValue("text that is not what the driver takes for Latin-1") from None
    try:
        return decode(bytes(value), charset)
    except Undecodable as fault:
        raise BadValue(str(fault)) from None


def fen_of_value(value: object) -> int | None:
    """Fen of a column in yuan; BadValue for what is no exact amount."""
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else text_of(value)
    try:
        return fen_of_yuan(text)
    except BadAmount:
        raise BadValue("not an exact amount in yuan") from None


# --- the high-water mark ----------------------------------------------------------------------------


def mark_text(mark: object, key: object, early: Sequence[tuple[object, object]] = ()) -> str:
    """A mark and its tie-breaker as text to be stored, types kept; with them those of the rows that were handed over
    before their time."""
    more = [[[_typed(one) for one in row] for row in early]] if early else []
    return json.dumps([_typed(mark), _typed(key), *more], ensure_ascii=False)


def mark_of(text: str) -> tuple[Any, Any]:
    """The mark and tie-breaker again; ValueError for a text that is none."""
    mark, key, *_ = _parts(text)
    return _untyped(mark), _untyped(key)


def early_of(text: str) -> list[tuple[Any, Any]]:
    """The rows handed over before their time, by mark and key; ValueError for a text that is none."""
    _, _, *more = _parts(text)
    return [(_untyped(mark), _untyped(key)) for rows in more for mark, key in rows]


def _parts(text: str) -> list[Any]:
    found = json.loads(text)
    if not isinstance(found, list) or len(found) not in (2, 3):
        raise ValueError("not a mark")
    return found


def _typed(value: object) -> list[str] | None:
    match value:
        case None:
            return None
        case str():
            return ["text", value]
        case bytes() | bytearray() | memoryview():
            return ["bytes", bytes(value).hex()]
        case bool():
            pass
        case int():
            return ["int", str(value)]
        case Decimal() if value.is_finite():
            return ["number", str(value)]
        case float() if math.isfinite(value):
            return ["float", value.hex()]  # compared by the database only, so kept bit by bit
        case datetime():
            return ["time", value.isoformat()]
        case date():
            return ["date", value.isoformat()]
        case UUID():
            return ["uuid", str(value)]
    raise BadValue(f"a mark of the type {type(value).__name__}")


def _untyped(found: Any) -> Any:
    if found is None:
        return None
    kind, text = found
    readers: dict[str, Any] = {
        "text": str,
        "bytes": bytes.fromhex,
        "int": int,
        "number": Decimal,
        "float": float.fromhex,
        "time": datetime.fromisoformat,
        "date": date.fromisoformat,
        "uuid": UUID,
    }
    if kind not in readers or not isinstance(text, str):
        raise ValueError("not a mark")
    return readers[kind](text)


# --- into a table -----------------------------------------------------------------------------------


def value_for(value: Value, wanted: type[Any] | None) -> object:
    """Our value for a column whose Python type is `wanted` (None: not known); BadValue when it cannot be one."""
    if value is None or wanted is None or (isinstance(value, wanted) and not isinstance(value, bool)):
        return value
    text = str(value)
    try:
        if wanted is str:
            return text
        if wanted is int:
            return int(text) if text.strip().lstrip("-").isdecimal() else _no(text)
        if wanted in (Decimal, float):
            return Decimal(text)
        if wanted is bool:
            return {"1": True, "0": False}[text]
        if wanted is datetime:
            return datetime.fromisoformat(text)
        if wanted is date:
            return date.fromisoformat(text[:10])
        if wanted is time:
            return time.fromisoformat(text)
    except (ValueError, KeyError, InvalidOperation):
        raise BadValue(f"no value of the type {wanted.__name__}") from None
    return value


def _no(text: str) -> int:
    raise ValueError(text)


def alike(theirs: object, ours: object) -> bool:
    """Does a column hold what we would write there? Padding of CHAR and zeros of NUMBER do not count."""
    if theirs is None or ours is None:
        return theirs is ours
    if isinstance(theirs, int | Decimal | float) and isinstance(ours, int | Decimal | float):
        return Decimal(repr(theirs) if isinstance(theirs, float) else theirs) == Decimal(ours)
    if isinstance(theirs, datetime) and isinstance(ours, datetime):
        return theirs.replace(tzinfo=None) == ours.replace(tzinfo=None)
    return (text_of(theirs) or "").rstrip() == (text_of(ours) or "").rstrip()
