"""Instants and durations as the parties write them. Inside, an instant is unix seconds; outside, Beijing time."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")

_DURATION = re.compile(r"([1-9][0-9]{0,5})(ms|s|m|h|d)", re.ASCII)
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def beijing(instant: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """An instant as Beijing wall time in a strftime form."""
    if "%f" in form:
        return datetime.fromtimestamp(instant, BEIJING).strftime(form)
    second = math.floor(instant)
    return _beijing(second + round((instant - second) * 1e6) // 1_000_000, form)  # as datetime rounds


@lru_cache(maxsize=1024)
def _beijing(second: int, form: str) -> str:
    """One second's messages all carry the same few texts, and strftime takes longer than the map around it."""
    return datetime.fromtimestamp(second, BEIJING).strftime(form)


def rfc3339(instant: float) -> str:
    """`2026-11-22T10:20:00+08:00`, whole seconds."""
    return datetime.fromtimestamp(int(instant), BEIJING).isoformat()


def iso_utc(instant: float) -> str:
    """For logs and trails: UTC with milliseconds."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant_of(text: str, form: str) -> float:
    """Unix seconds of Beijing wall time written in a strftime form; ValueError otherwise."""
    return datetime.strptime(text, form).replace(tzinfo=BEIJING).timestamp()


def instant_of_rfc3339(text: str) -> float:
    """Unix seconds of an RFC 3339 time; an offset is required; ValueError otherwise."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset, such as +08:00")
    return moment.timestamp()


def seconds_of(text: str) -> float:
    """Seconds of a duration such as `40s`, `5m`, `250ms`, `1h`, `2d`; ValueError otherwise."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("a duration is a whole number with ms, s, m, h or d, such as 40s")
    return int(match.group(1)) * _UNIT[match.group(2)]
