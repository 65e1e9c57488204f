"""Whether a settlement in flight may go on under another plan: only one that agrees in all that was already done."""

from __future__ import annotations

from engine.saga.case import Case
from engine.saga.legs import Leg
from engine.saga.plan import CallRule, Plan, Step

_SAME = ("key", "kind", "call", "final", "each", "each_as", "again")


def cannot_move(case: Case, old: Plan, new: Plan) -> str:
    """Why this settlement cannot go on under `new`, in words for the operator; "" when it can.

    What was done, asked, stopped or may have to be undone must be the same calls of the same parties; only what is to
    come may differ.
    """
    for place, step in enumerate(old.steps[: case.cursor + 1]):
        there = new.steps[place] if place < len(new.steps) else None
        if there is None or _form(there) != _form(step):
            return f"step {place + 1} is {step.key}, there it is {there.key if there is not None else 'none'}"
    for leg in case.legs:
        why = _leg(leg, old, new)
        if why:
            return f"leg {leg.id} {leg.call}: {why}"
    return ""


def _form(step: Step) -> tuple[object, ...]:
    return tuple(getattr(step, name) for name in _SAME)


def _leg(leg: Leg, old: Plan, new: Plan) -> str:
    before = {step.key: step for step in old.steps}.get(leg.step)
    after = {step.key: step for step in new.steps}.get(leg.step)
    if before is None or after is None:
        return f"there is no step {leg.step}"
    why = _call(leg.call, old, new)
    for word in ("ask", "stop", "undo"):
        name, there = getattr(before, word), getattr(after, word)
        if name != there:
            why = why or f"{word} is {name or 'none'}, there it is {there or 'none'}"
        elif name:
            why = why or _call(name, old, new)
    return why


def _call(name: str, old: Plan, new: Plan) -> str:
    """The two calls must carry the same kind of number to the same operation of the same party."""
    was, is_ = old.calls.get(name), new.calls.get(name)
    if was is None:  # observed: nobody calls it
        return "" if is_ is None else f"{name} is called there"
    if is_ is None:
        return f"there is no call {name}"
    return "" if _talk(was) == _talk(is_) else f"{name} is {_shown(was)}, there it is {_shown(is_)}"


def _talk(rule: CallRule) -> tuple[str, str, str]:
    return (rule.party, rule.op, rule.number)


def _shown(rule: CallRule) -> str:
    return f"{rule.op} of {rule.party}"
