"""A settlement's history as a person reads it: what was heard, each call, and what came of it.

Made of the stored calls and the trail alone; the trail says which answer moved which leg.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.store.calls import Call

QUIET = 2.0  # seconds: longer stretches in which nothing was on the wire are drawn this long
LOST_AFTER = 180.0  # seconds: no call waits longer; its answer was lost with the process


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state. `leg` 0: the settlement's own."""

    leg: int
    before: str
    after: str
    why: str


@dataclass(slots=True)
class Entry:
    """One row. A call (`call`), or something heard (`kind` names the event; `detail` what it carried). `start` and
    `width` place the call on the drawn axis, in parts of 1000; `wait` is a stretch of quiet before it, in seconds."""

    at: float
    kind: str = ""
    call: Call | None = None
    moves: list[Move] = field(default_factory=list)
    detail: Mapping[str, Any] = field(default_factory=dict)
    start: int = 0
    width: int = 0
    wait: float = 0.0
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Station:
    """A state a leg came to, and after how many seconds of its life; `why` is the event's name."""

    state: str
    at: float
    after: float
    why: str


def read_detail(row: Mapping[str, Any]) -> dict[str, Any]:
    """A trail row's detail; {} for one that cannot be read."""
    try:
        made = json.loads(row["detail"])
    except ValueError:
        return {}
    return made if isinstance(made, dict) else {}


def moves_of(detail: Mapping[str, Any]) -> list[Move]:
    """The changes of state a trail row tells of."""
    found = []
    for row in detail.get("moved") or ():
        if isinstance(row, list) and len(row) == 4:
            what, before, after, why = (str(part) for part in row)
            words = what.split()
            is_leg = len(words) >= 2 and words[0] == "leg" and words[1].isdigit()
            found.append(Move(int(words[1]) if is_leg else 0, before, after, why))
    return found


def entries_of(calls: Sequence[Call], trail: Iterable[Mapping[str, Any]], now: float) -> list[Entry]:
    """The rows of the timeline, oldest first."""
    made = [Entry(call.started_at, call=call, lost=_lost(call, now)) for call in calls]
    unheard = list(made)
    for row in trail:
        detail = read_detail(row)
        moves = [move for move in moves_of(detail) if (move.before, move.after) != ("ready", "sent")]
        if row["kind"] == "Answered":
            entry = _answered(unheard, detail)
            if entry is not None:
                unheard.remove(entry)
                entry.moves += moves
                continue
        if moves or row["kind"] not in ("Tick", "Answered"):
            made.append(Entry(row["at"], row["kind"], moves=moves, detail=detail))
    made.sort(key=lambda one: (one.at, one.call is not None))
    _place(made, now)
    return made


def _lost(call: Call, now: float) -> bool:
    return call.ended_at is None and now - call.started_at > LOST_AFTER


def _answered(entries: Sequence[Entry], detail: Mapping[str, Any]) -> Entry | None:
    """The call an answer belongs to: same leg and purpose, the earliest not yet answered; the same outcome first."""
    for exact in (True, False):
        for entry in entries:
            call = entry.call
            assert call is not None
            same = call.leg_id == detail.get("leg") and call.purpose == detail.get("purpose")
            if same and call.ended_at is not None and (not exact or call.outcome == detail.get("outcome")):
                return entry
    return None


def _place(entries: Sequence[Entry], now: float) -> None:
    """Draw calls on one axis from which the quiet stretches are cut."""
    spans = sorted((e.at, _end(e, now)) for e in entries if e.call is not None)
    if not spans:
        return
    cuts: list[tuple[float, float]] = []  # from this instant on, subtract so much in all
    cut, reached = 0.0, spans[0][0]
    for start, end in spans:
        if start - reached > QUIET:
            cut += start - reached - QUIET
            cuts.append((start, cut))
        reached = max(reached, end)

    def drawn(instant: float) -> float:
        taken = max((sum_ for at, sum_ in cuts if at <= instant), default=0.0)
        return instant - spans[0][0] - taken

    whole = max(drawn(reached), 0.001)
    before = entries[0].at
    for entry in entries:
        entry.wait = entry.at - before if entry.at - before > QUIET else 0.0
        before = max(before, entry.at if entry.call is None else _end(entry, now))
        if entry.call is not None:
            first, last = drawn(entry.at), drawn(_end(entry, now))
            entry.start = min(995, int(first / whole * 1000))
            entry.width = max(5, min(1000 - entry.start, int((last - first) / whole * 1000)))


def _end(entry: Entry, now: float) -> float:
    call = entry.call
    assert call is not None
    if call.ended_at is not None:
        return max(call.ended_at, call.started_at)
    return entry.at + 1.0 if entry.lost else max(now, entry.at)


def stations_of(legs: Mapping[int, float], trail: Iterable[Mapping[str, Any]]) -> dict[int, list[Station]]:
    """Leg → the states it came to, in order. `legs`: leg id → when it was created."""
    found = {leg: [Station("ready", at, 0.0, "")] for leg, at in legs.items()}
    for row in trail:
        for move in moves_of(read_detail(row)):
            if move.leg in found:
                stations = found[move.leg]
                if stations[-1].state == move.before == "ready" and row["at"] - stations[-1].at < 0.001:
                    stations.pop()  # it was sent in the moment it was made
                stations.append(Station(move.after, row["at"], row["at"] - legs[move.leg], move.why))
    return found
