"""What the buttons do: the same acts, faults and clock moves as the JSON doors, from a form's texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulators.base import deeds
from simulators.base.menu import Act, Input
from simulators.base.pages.texts import TEXTS

if TYPE_CHECKING:
    from simulators.base.party import SimParty

Form = dict[str, str]
NOTES = 20


@dataclass(frozen=True)
class Note:
    """What came of a button: shown on top of the page until the next one."""

    good: bool
    at: str
    what: str
    text: str


def play(party: SimParty, form: Form, language: str) -> None:
    """Do it and leave a note; whatever is wrong becomes the note."""
    from simulators.base.party import ActRefused

    def say(key: str) -> str:
        return TEXTS[key].of(language)

    try:
        what, text = _done(party, form, say)
        good = True
    except (ActRefused, ValueError) as no:
        good, what, text = False, say("said_no"), str(no)
    except KeyError as missing:
        good, what, text = False, say("said_no"), f"{missing.args[0] if missing.args else ''}?"
    party.notes.append(Note(good, party.world.stamp("%H:%M:%S"), what, text))
    del party.notes[:-NOTES]


def _done(party: SimParty, form: Form, say: Any) -> tuple[str, str]:
    match form.pop("do", ""):
        case "act":
            act = next((one for one in party.acts_said if one.name == form.get("act")), None)
            if act is None:
                raise ValueError(f"act: {form.get('act')!r}")
            answer = deeds.act(party, act_body(act, form))
            return f"{say('said_act')} {act.name}", json.dumps(answer, ensure_ascii=False, default=str)
        case "fault":
            return say("said_fault"), json.dumps(deeds.order(party, _fault(party, form, say)), ensure_ascii=False)
        case "unfault":
            deeds.take_back(party, int(form["id"]))
            return say("said_unfault"), form["id"]
        case "clock":
            deeds.advance(party, _number(form["seconds"], "seconds"))
            return say("said_clock"), f"{form['seconds']} s → {party.world.stamp()}"
        case "signing":
            deeds.sign_by(party, form["clock"])
            return say("said_signing"), say("signing_wall" if party.world.by_wall else "signing_clock")
        case "reset":
            party.picked = {}
            deeds.reset(party)
            return say("said_reset"), party.world.stamp()
    raise ValueError("do?")


def act_body(act: Act, form: Form) -> dict[str, Any]:
    """The body of /sim/act that a filled form means; empty fields are left out."""
    body: dict[str, Any] = {"act": act.name}
    if act.setting:
        return {**body, form["name"]: _loose(form["value"])}
    known = {one.name: one for one in act.inputs}
    for name, value in form.items():
        if name == "act" or value == "":
            continue
        body[name] = _typed(known[name], value) if name in known else value
    return body


def _typed(one: Input, value: str) -> Any:
    if one.kind in ("fen", "whole"):
        number = _number(value, one.name)
        if number != int(number):
            raise ValueError(f"{one.name}: {value}?")
        return int(number)
    if one.kind == "number":
        return _number(value, one.name)
    if one.kind == "flag":
        return value == "true"
    return _loose(value) if one.kind == "json" else value


def _loose(value: str) -> Any:
    """JSON where it is some (true, 12, a list); else the text itself."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _number(value: str, name: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{name}: {value}?") from None


def _fault(party: SimParty, form: Form, say: Any) -> dict[str, Any]:
    """The order a press means; what was filled in is kept for the next one."""
    op, times, kind = form.get("op", "*"), form.get("times", "1").strip(), form["fault"]
    party.picked = {"op": op, "times": times, "bill": form.get("bill", ""), "seconds": form.get("seconds", "30")}
    told = party.fault_menu().get(kind)
    if told and told.ops and op not in (*told.ops, "*"):
        raise ValueError(f"{kind} {say('only_at')} {', '.join(told.ops)}")
    order: dict[str, Any] = {"op": op, "fault": kind, "seconds": _number(form.get("seconds") or "30", "seconds")}
    order["times"] = None if times in ("", "∞") else int(_number(times, "times"))
    if bill := form.get("bill", "").strip():
        order["match"] = {_match_name(party, bill): bill}
    return order


def _match_name(party: SimParty, value: str) -> str:
    """`no` when the books know it as somebody's number, else `bill`."""
    return "no" if any(value in (row.no, row.party_no) and value != row.bill for row in party.ledger.rows) else "bill"
