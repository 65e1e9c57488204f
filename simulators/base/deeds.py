"""What an outside person does to a party: acts, faults, clock moves, resets; each is noted in the world's journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulators.base.party import SimParty


@dataclass(frozen=True, slots=True)
class Deed:
    """One of them. `at`: business seconds since the journal began; `kind`: act, fault, take_back, clock, signing,
    reset."""

    at: float
    party: str
    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)


def act(party: SimParty, body: dict[str, Any]) -> dict[str, Any]:
    """Play the other person; ActRefused, ValueError and KeyError as the party says."""
    name, known = body.get("act"), [one.name for one in party.acts_said]
    if not isinstance(name, str) or (known and name not in known):
        raise ValueError(f"unknown act {name!r}; there are {', '.join(known)}")
    answer = party.act(body)
    party.world.note(Deed(party.world.journal_time(), party.name, "act", _by_number(body, answer)))
    return answer


def _by_number(body: dict[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """The act as another run can play it: a QR's text is another one there, its order's place in the books is not."""
    if not body.get("qr") or not answer.get("no"):
        return body
    return {**{name: value for name, value in body.items() if name != "qr"}, "no": answer["no"]}


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
    check_advance(seconds)
    if noted:
        party.world.note(Deed(party.world.journal_time(), "", "clock", {"advance": seconds}))
    party.world.move_on(seconds)


def check_advance(seconds: Any) -> None:
    """ValueError for what no clock can be moved on by."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= 10**9:
        raise ValueError("advance: seconds, not negative")


def sign_by(party: SimParty, clock: str) -> None:
    """Times in signatures by the simulators' `clock`, or by the `wall`'s; ValueError for another."""
    party.world.sign_by(clock)
    party.world.note(Deed(party.world.journal_time(), "", "signing", {"by": clock}))


def reset(party: SimParty) -> None:
    """The first morning again."""
    party.start_over()
    party.world.note(Deed(party.world.journal_time(), party.name, "reset"))
