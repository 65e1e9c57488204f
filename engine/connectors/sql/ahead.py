"""Marks that lie in the future: a clock of theirs that is wrong, a year somebody typed wrong. Pure.

A row with such a mark must not become what a view was read up to, for every later row would be below it.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.core.times import BEIJING, beijing

DAY = 86_400.0
_SPACED = re.compile(
    r"(\d{4}([-/.])\d\d\2\d\d(?:[ T]\d\d(?::\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?)?)(?: ?(?:Z|[+-]\d\d:?\d\d))?"
)
_PLAIN = re.compile(r"\d{14}(?:\d{3})?")


def time_like(mark: Any, instant: float) -> Any:
    """The mark that a row of this instant (unix seconds) would have, in the form of this one; None where the mark is no
    time: a sequence, a row version. Times without an offset are Beijing's. Digits alone are a time where there are 14
    or 17 of them and they make one; they may as well be a day and a serial number, so for them it is a day later."""
    match mark:
        case datetime():
            moment = datetime.fromtimestamp(instant, mark.tzinfo or BEIJING)
            return moment if mark.tzinfo else moment.replace(tzinfo=None)
        case date():
            return datetime.fromtimestamp(instant, BEIJING).date()
        case str():
            return _text_like(mark, instant)
        case int() | Decimal() if not isinstance(mark, bool) and Decimal(mark).is_finite() and mark == int(mark):
            digits = _text_like(str(int(mark)), instant)
            return None if digits is None else type(mark)(digits)
    return None


def _text_like(text: str, instant: float) -> str | None:
    spaced = _SPACED.fullmatch(text)
    core = spaced[1] if spaced else text
    if spaced is None and _PLAIN.fullmatch(text) is None:
        return None
    digits = re.sub(r"\D", "", core)
    try:
        datetime.strptime(digits[:14].ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - is it a time at all
    except ValueError:
        return None
    new = iter(beijing(instant + (0.0 if spaced else DAY), "%Y%m%d%H%M%S").ljust(len(digits), "0"))
    return re.sub(r"\d", lambda _: next(new), core) + text[len(core) :]


def later_than(mark: Any, instant: float) -> bool:
    """Whether this mark is a time after this instant."""
    limit = time_like(mark, instant)
    return limit is not None and bool(mark > limit)
