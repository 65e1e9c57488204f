"""Instants as people write and read them on a command line; Beijing time."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from engine.cli.say import WrongUse
from engine.core.times import BEIJING

_AGO = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def since_of(root: Path, text: str, now: float | None = None) -> float | None:
    """Unix seconds of `2h`, `7d`, a date, or a time; None for "". What is ago counts on the node's own clock, or from
    `now`."""
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return (clock_of(root) if now is None else now) - int(ago[1]) * _UNITS[ago[2]]
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse("--since: 2026-11-22, 2026-11-22T08:00, 2h, 30m, 7d") from None
    return (when if when.tzinfo else when.replace(tzinfo=BEIJING)).timestamp()


def clock_of(root: Path) -> float:
    """The node's business time now."""
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in

    from engine.cli.folder import node_file
    from engine.core.world import World

    clock = node_file(root).clock
    return World(reactor, rate=float(clock.rate), anchor=clock.anchor).now()


def moment(at: float | None, *, day: bool = True) -> str:
    """`11-22 08:05:03.123` Beijing time; "" for None."""
    if at is None:
        return ""
    when = datetime.fromtimestamp(at, BEIJING)
    return when.strftime("%m-%d %H:%M:%S." if day else "%H:%M:%S.") + f"{when.microsecond // 1000:03d}"
