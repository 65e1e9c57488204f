"""Our numbers: settlement, trade, refund, message id. Drawn from a stored counter before the first byte leaves.

Blocks of the counter are reserved durably ahead of use, so a number is never given out twice, not after a crash and not
when the clock steps back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.times import beijing
from engine.core.world import World
from engine.saga.case import Case
from engine.saga.legs import Leg
from engine.store.counters import Counter


def sender_of(settings: Mapping[str, Any]) -> str:
    """The sender's code that a connection's messages are numbered under, "" when its platform wants none."""
    return str(settings.get("fixmedins_code", ""))


class Numbers:
    """Draws numbers for settlements and legs. `settlement` and `message` are the stored counters."""

    def __init__(self, world: World, settlement: Counter, message: Counter) -> None:
        self._world, self._settlement, self._message = world, settlement, message

    def settlement(self) -> str:
        """`S` + Beijing time (14) + six digits of the counter: 21 characters."""
        return f"S{beijing(self._world.now(), '%Y%m%d%H%M%S')}{self._settlement.draw() % 1_000_000:06d}"

    def message_id(self, sender: str) -> str:
        """Number of one message: time (14) + serial (4), as municipal platforms want it (`sender` ""); behind the
        sender's code (12) it is the msgid of the national insurance interface, 30 characters."""
        stamp = beijing(self._world.now(), "%Y%m%d%H%M%S")
        return f"{sender}{stamp}{self._message.draw() % 10_000:04d}"

    def of_leg(self, kind: str, case: Case, leg: Leg) -> str:
        """The business number of a leg: fixed by the settlement, the attempt and the leg, whatever happens."""
        match kind:
            case "trade":
                return f"{case.no}P{leg.attempt}"
            case "freeze":
                return f"{case.no}F{leg.attempt}"
            case "mixed":
                return f"{case.no}M{leg.attempt}"
            case "claim":
                return f"{case.no}C{leg.attempt}"
            case "refund":
                # as an undo, or money that is given back as a step
                return f"{case.no}R{_undone(case, leg)}" if leg.undo else f"{case.no}B{leg.id}"
            case "lock":
                return f"{case.no}L"
            case "bus":
                return f"{case.no}E1"
            case "void":
                return f"{case.no}V{_undone(case, leg)}"
            case "quote":
                return f"{case.no}Q{leg.id}"
            case "step":
                return f"{case.no}D{leg.id}"
            case "settlement":
                return case.no
            case _:
                raise ValueError(f"no such kind of number: {kind!r}")


def _undone(case: Case, undo: Leg) -> str:
    """Which leg an undo takes back, and, after a refund that was off, for the how many-th time."""
    earlier = sum(1 for leg in case.legs if leg.of == undo.of and leg.id < undo.id)
    return f"{undo.of}A{earlier + 1}" if earlier else str(undo.of)
