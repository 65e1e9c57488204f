"""Days and times in maps: instants and texts to Beijing wall time and back, each form compiled once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from engine.core.times import BEIJING
from engine.pipeline.rejected import kind_of, wrong

CACHED = 1024  # the items of a bill share a few times; reading one costs 3 µs, remembering it 0.1
_DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "y": 2}
_NAMED = ("rfc3339", "unix", "unix_ms")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?", re.ASCII)
_LATEST = 32_503_651_200  # the year 3000: a larger number is in milliseconds


class BadForm(ValueError):
    """Not a form of date; `meant` is the form probably meant."""

    def __init__(self, text: str, meant: str = "") -> None:
        super().__init__(text)
        self.meant = meant


def check_form(form: str) -> None:
    """A strftime form of %Y %m %d %H %M %S %y, or rfc3339, unix, unix_ms; else BadForm."""
    if form in _NAMED:
        return
    letters = re.findall(r"%(.?)", form, re.DOTALL)
    if not letters or any(letter not in _DIGITS for letter in letters):
        meant = form
        for word, sign in (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S")):
            meant = meant.replace(word, sign)
        raise BadForm(form, meant if meant != form else "")


def moment_of(value: Any) -> datetime:
    """The moment of an instant (unix seconds) or of a text in an unmistakable form (`2026-11-22 10:20:00`,
    `2026-11-22`, `20261122`, `20261122102000`, RFC 3339). Times without offset are Beijing's."""
    if type(value) is str:
        try:
            if _ISO.fullmatch(value):
                moment = datetime.fromisoformat(value)
                return moment if moment.tzinfo is not None else moment.replace(tzinfo=BEIJING)
            match = _COMPACT.fullmatch(value)
            if match is not None:
                return datetime(*(int(part or 0) for part in match.groups()), tzinfo=BEIJING)  # type: ignore[arg-type,misc]  # six numbers
        except ValueError:
            pass
        raise wrong("the text is no day or time; say its form with `from`")
    return _at(value)


def _at(value: Any) -> datetime:
    if type(value) is int or type(value) is Decimal or type(value) is float:  # a float is a clock's reading
        if -_LATEST < value < _LATEST:
            return datetime.fromtimestamp(int(value // 1), BEIJING)
        raise wrong("the number is no instant in seconds (milliseconds?)")
    raise wrong(f"{kind_of(value)} is no day or time")


def instant_of(value: Any) -> int | float | Decimal:
    """Unix seconds of what `moment_of` reads."""
    if type(value) is int or type(value) is float or type(value) is Decimal:
        return value
    return _timestamp(value) if type(value) is str else moment_of(value).timestamp()


@lru_cache(maxsize=CACHED)
def _timestamp(text: str) -> float:
    return moment_of(text).timestamp()


def reader(form: str) -> Callable[[Any], datetime]:
    """Reads texts of one form exactly (all digits present), in Beijing time."""
    check_form(form)
    if form == "rfc3339":
        return _rfc3339
    if form == "unix":
        return lambda value: _at(_number(value))
    if form == "unix_ms":
        return lambda value: _at(_number(value) // 1000)
    parts = re.split(r"%(.)", form)
    order = parts[1::2]
    pattern = "".join(re.escape(part) if i % 2 == 0 else f"([0-9]{{{_DIGITS[part]}}})" for i, part in enumerate(parts))
    match_of = re.compile(pattern, re.ASCII).fullmatch

    def read(value: Any) -> datetime:
        match = match_of(value) if type(value) is str else None
        if match is None:
            raise wrong(f"{kind_of(value)} that is not a time written as {form}")
        found = dict(zip(order, map(int, match.groups()), strict=True))
        year = found.get("Y", 2000 + found.get("y", -2000))
        day = (year, found.get("m", 1), found.get("d", 1))
        try:
            return datetime(*day, found.get("H", 0), found.get("M", 0), found.get("S", 0), tzinfo=BEIJING)
        except ValueError:
            raise wrong(f"there is no such day or time ({form})") from None

    if "Y" not in order and "y" not in order:
        raise BadForm(form)
    return read


def _number(value: Any) -> Any:
    if type(value) is str and re.fullmatch(r"-?[0-9]{1,16}", value, re.ASCII):
        return int(value)
    if type(value) is int or type(value) is Decimal:
        return value
    raise wrong(f"{kind_of(value)} is no number of seconds")


def _rfc3339(value: Any) -> datetime:
    if type(value) is str and _ISO.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None:
            return moment
    raise wrong("not an RFC 3339 time with its offset")


def writer(form: str) -> Callable[[datetime], Any]:
    """Writes a moment in one form, in Beijing time; `unix` and `unix_ms` as whole numbers."""
    check_form(form)
    if form == "unix":
        return lambda moment: int(moment.timestamp() // 1)
    if form == "unix_ms":
        return lambda moment: int(moment.timestamp() // 1) * 1000
    if form == "rfc3339":
        return lambda moment: moment.astimezone(BEIJING).replace(microsecond=0).isoformat()
    return lambda moment: (moment if moment.tzinfo is BEIJING else moment.astimezone(BEIJING)).strftime(form)


__all__ = ["BadForm", "check_form", "instant_of", "moment_of", "reader", "writer"]
