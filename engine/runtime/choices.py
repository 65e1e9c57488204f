"""Whether what a terminal chooses can be taken: the checks that stand right behind the step that waits for it, asked
before it is taken. A choice that does not apply changes nothing; who made it hears why, and chooses again."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any

from engine.runtime.judge import SiteJudge
from engine.saga.case import Case, CaseState, Reason, put
from engine.saga.events import Refused
from engine.saga.plan import Plan, StepKind

Tree = Any


def does_not_apply(judge: SiteJudge, case: Case, event: str, body: Tree) -> Reason | None:
    """Why this choice cannot be taken; None when it can, or when the settlement does not wait for one now (the saga
    knows what to do with that). It is only a look: the same checks stand in the plan, whatever happens meanwhile."""
    if not _is_asked(judge.plan, case, event):
        return None
    trial = copy(case)
    trial.data = dict(case.data)
    top = event.partition(".")[0]
    if top in trial.data:
        trial.data[top] = deepcopy(trial.data[top])  # an earlier choice stays as it is
    put(trial.data, event, body)
    try:
        for step in judge.plan.steps[judge.plan.index(event) + 1 :]:
            if step.kind is not StepKind.CHECK:
                return None
            if not step.condition or judge.holds(step.condition, trial):
                judge.checks(step.maps, trial)
    except Refused as no:
        return no.reason
    return None


def too_soon(plan: Plan, case: Case, event: str) -> bool:
    """Whether the settlement does not wait for this now but will, or may, later: before the quote, or between the
    choice and the payment. Taken now it would be forgotten, and its number used up."""
    if case.state is not CaseState.FORWARD or _is_asked(plan, case, event):
        return False
    return any(event in (step.key, step.again) for step in plan.steps[case.cursor :])


def _is_asked(plan: Plan, case: Case, event: str) -> bool:
    """Whether it is waited for, or may take the place of a payment under way."""
    if case.cursor >= len(plan.steps):
        return False
    step = plan.steps[case.cursor]
    if case.state is CaseState.WAITING:
        return step.key == event
    return case.state is CaseState.FORWARD and step.again == event
