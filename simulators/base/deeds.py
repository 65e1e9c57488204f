"""What an outside person does to a party: acts, faults, clock moves, resets; each is noted in the world's journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulators.base.party import SimParty


@dataclass(frozen=True, slots=True)
class Deed:
    """One of them. `at`: business seconds since the journal began; `kind`: act, fault, take_back, clock, reset."""

    at: float
    party: str
    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)


def act(party: SimParty, body: dict[str, Any]) -> dict[str, Any]:
    """Play the other person; ActRefused, ValueError and KeyError as the party says."""
    answer = party.act(body)
    party.world.note(Deed(party.world.journal_time(), party.name, "act", body))
    return answer


def order(party: SimParty, spec: dict[str, Any]) -> dict[str, Any]:
    """Order a misfortune; ValueError names the wrong field."""
    made = party.faults.add(spec)
    party.world.note(Deed(party.world.journal_time(), party.name, "fault", spec))
    return made.public()


def take_back(party: SimParty, number: int) -> None:
    """Withdraw the order of that id; ValueError when there is none."""
    found = party.faults.remove(number)
    party.world.note(Deed(party.world.journal_time(), party.name, "take_back", {"op": found.op,
        "fault": found.fault}))


def take_back_all(party: SimParty, like: Mapping[str, Any]) -> None:
    """Withdraw the orders with these fields (op, fault); all without any."""
    for one in list(party.faults.orders):
        if all(getattr(one, name, None) == value for name, value in like.items()):
            party.faults.remove(one.id)
    party.world.note(Deed(party.world.journal_time(), party.name, "take_back", dict(like)))


def clear_faults(party: SimParty) -> None:
    """Withdraw all orders."""
    party.faults.clear()
    party.world.note(Deed(party.world.journal_time(), party.name, "take_back", {}))


def advance(party: SimParty, seconds: float, *, noted: bool = True) -> None:
    """Move the clock of all parties (and of the engine, where both share one) on; ValueError: not ahead.

    `noted`: False for a clock that is only put right.
    """
    if not 0 <= seconds <= 10**9:
        raise ValueError("advance: seconds, not negative")
    if noted:
        party.world.note(Deed(party.world.journal_time(), "", "clock", {"advance": seconds}))
    party.world.move_on(seconds)


def reset(party: SimParty) -> None:
    """The first morning again."""
    party.start_over()
    party.world.note(Deed(party.world.journal_time(), party.name, "reset"))
