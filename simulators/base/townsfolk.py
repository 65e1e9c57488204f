"""What the people of the town do at an insurance platform: sign, go into hospital, have money on their account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from simulators.town import Person


class Folk(Protocol):
    """A platform's memory of them; all but `people` by the insurance's number of the person."""

    people: dict[str, Person]
    signed: dict[str, bool]
    balances: dict[str, int]
    stays: set[str]


def play(folk: Folk, act: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """sign, unsign, set_balance, admit or discharge; ValueError names what is wrong."""
    person = folk.people.get(str(body.get("person", "")))
    if person is None:
        raise ValueError(f"person: no {body.get('person')!r} in the town")
    if act in ("sign", "unsign"):
        folk.signed[person.psn_no] = act == "sign"
    elif act == "set_balance":
        balance = body.get("balance")
        if not isinstance(balance, int) or isinstance(balance, bool) or balance < 0:
            raise ValueError("balance: fen, not negative")
        folk.balances[person.psn_no] = balance
    elif act == "admit":
        folk.stays.add(person.psn_no)
    else:
        folk.stays.discard(person.psn_no)
    return {"person": person.id, "act": act}


def switch(platform: object, wanted: Mapping[str, Any], allowed: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The act `set`: the platform's habits, all or none; ValueError names the choices."""
    for name, value in wanted.items():
        if name not in allowed or value not in allowed[name]:
            raise ValueError(f"set: {name}: one of {allowed.get(name, tuple(allowed))}")
    for name, value in wanted.items():
        setattr(platform, name, value)
    return {"set": dict(wanted)}
