"""Runs of timed channels: one per period, also after a crash in the middle."""

from __future__ import annotations

from dataclasses import dataclass

from engine.store.contract import Connection, Write


@dataclass(frozen=True, slots=True)
class Period:
    """How a period stands: running, done or failed."""

    state: str
    started_at: float
    ended_at: float | None
    text: str


def begin_period(channel: str, period: str, at: float) -> Write:
    """Begin. Guard: it was never begun."""
    return Write("period_begin", {"channel": channel, "period": period, "at": at}, rows=1)


def begin_period_again(channel: str, period: str, at: float) -> Write:
    """Begin a failed or interrupted period again. Guard: it was begun and is not done."""
    return Write("period_again", {"channel": channel, "period": period, "at": at}, rows=1)


def end_period(channel: str, period: str, at: float, *, done: bool, text: str = "") -> Write:
    """End a running period. `text`: our own words, never a person's data. Guard: it runs."""
    state = "done" if done else "failed"
    return Write(
        "period_end", {"channel": channel, "period": period, "state": state, "at": at, "text": text[:200]}, rows=1
    )


def period(conn: Connection, channel: str, name: str) -> Period | None:
    """How a period stands; None when it was never begun."""
    row = conn.row("period_get", channel=channel, period=name)
    return None if row is None else Period(*row)
