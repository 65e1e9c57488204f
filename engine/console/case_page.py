"""The values of one settlement's page: head, legs, timeline, plan, tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.console.asked import Asked
from engine.console.next_words import commands
from engine.console.reading import CALLS_SHOWN, Whole
from engine.console.timeline import Station, entries_of, stations_of
from engine.core.money import AMOUNTS
from engine.masking.values import Masker, masked_name
from engine.runtime.answers import cause_of
from engine.runtime.resolve import waiting
from engine.saga.case import AT_REST, Case, CaseState, found
from engine.saga.legs import Leg
from engine.saga.plan import Plan, Step, StepKind

TURNED = (CaseState.MANUAL, CaseState.BACK, CaseState.UNDONE, CaseState.REJECTED)
LEAVES_LEGS = (StepKind.DO, StepKind.OBSERVE)


def settlement(asked: Asked, found: Whole) -> dict[str, Any]:
    """All values of the page."""
    case, row = found.case, found.row
    channel = found.channel
    plan = channel.plan if channel is not None else None
    by_call = {call.id: call for call in found.calls}
    stations = stations_of({leg.id: leg.created_at for leg in case.legs}, found.trail)
    party_of = _party_of(plan, found)
    at_rest = case.state in AT_REST
    masker = Masker()
    masker.learn_tree(case.data)
    return {
        "row": row,
        "case": case,
        "cause": cause_of(case),
        "bills": found.bills,
        "amounts": [(name, row[name]) for name in AMOUNTS if row[name] is not None],
        "patient": patient_of(case),
        "request": case.data.get("request") if isinstance(case.data.get("request"), dict) else {},
        "took": (row["rest_at"] if at_rest and row["rest_at"] is not None else asked.now) - case.created_at,
        "at_rest": at_rest,
        "legs": [_leg(leg, stations, by_call, party_of) for leg in case.legs],
        "leg_of": {leg.id: leg for leg in case.legs},
        "entries": entries_of(found.calls, found.trail, asked.now),
        "cut": len(found.calls) >= CALLS_SHOWN,
        "channel": channel,
        "plan": None if plan is None else plan_rows(plan, case),
        "tasks": found.tasks,
        "typed": {one["id"]: commands(one["id"], case.no, case.state, waiting(case)) for one in found.tasks},
        "numbers": found.numbers,
        "heard": found.heard,
        "trail": found.trail,
        "kind_of": asked.kind,
        "plain": masker.text,
        "title_of": asked.title,
        "refresh": 0 if at_rest else 5,
    }


def patient_of(case: Case) -> str:
    """The patient's name, covered, once a party told it."""
    for path in ("his.bill.name", "nhsa.person.name"):
        name = found(case.data, path)
        if isinstance(name, str) and name:
            return masked_name(name)
    return ""


def _party_of(plan: Plan | None, found: Whole) -> Callable[[Leg], tuple[str, str]]:
    """Leg → (party, operation) of the plan or else of its own calls; of an observed leg the party it stands at."""
    seen = {call.call: (call.party, call.op) for call in found.calls}
    seen |= {step.key: (step.party, "") for step in plan.steps if step.party} if plan is not None else {}

    def look(leg: Leg) -> tuple[str, str]:
        rule = plan.calls.get(leg.call) if plan is not None else None
        return (rule.party, rule.op) if rule is not None else seen.get(leg.call, ("", ""))

    return look


def _leg(
    leg: Leg,
    stations: Mapping[int, list[Station]],
    calls: Mapping[int, Any],
    party_of: Callable[[Leg], tuple[str, str]],
) -> dict[str, Any]:
    party, op = party_of(leg)
    path = stations.get(leg.id, [])
    return {"leg": leg, "party": party, "op": op, "stations": path, "evidence": calls.get(leg.evidence)}


def plan_rows(plan: Plan, case: Case) -> list[dict[str, Any]]:
    """The plan's steps with where each stands: done, passed, skipped, here, turned or to_come; and its legs."""
    begun = {leg.step for leg in case.legs}
    passed = plan.steps if case.state is CaseState.SETTLED else plan.steps[: case.cursor]
    without = [step for step in passed if step.kind in LEAVES_LEGS and step.key not in begun]
    untrue = {step.condition for step in without if step.condition}
    rows = []
    for place, step in enumerate(plan.steps):
        rule = plan.calls.get(step.call)
        rows.append(
            {
                "no": place + 1,
                "step": step,
                "party": rule.party if rule is not None else "",
                "op": rule.op if rule is not None else "",
                "legs": [leg for leg in case.legs if leg.step == step.key],
                "stands": _stands(place, step, case, untrue, len(passed)),
            }
        )
    return rows


def _stands(place: int, step: Step, case: Case, untrue: set[str], passed: int) -> str:
    """A check or work leaves no leg: it was skipped when a call of the same condition was."""
    if place < passed:
        if any(leg.step == step.key for leg in case.legs):
            return "done"
        return "skipped" if step.kind in LEAVES_LEGS or step.condition in untrue else "passed"
    if place == passed:
        return "turned" if case.state in TURNED else "here"
    return "to_come"
