"""What a deliver channel is told of a settlement: all its names, and at its end how it ended and what the payer got
back. `ended` is {how, back, code}: one of `engine.saga.case.End`; fen given back to the payer under this end; the
reason's code, "" for none. What is told by a step has no `ended`.
"""

from __future__ import annotations

from typing import Any

from engine.parties.registry import PARTIES
from engine.runtime.judge import SiteJudge
from engine.saga.case import Case
from engine.saga.events import Tell
from engine.saga.legs import Leg, LegState
from engine.saga.legwork import OBSERVED
from engine.saga.payer import PAYING

HOLDS = "freeze"  # the number of what only holds money: nothing was taken that could come back


def told_names(judge: SiteJudge, case: Case, tell: Tell) -> dict[str, Any]:
    """All names a map of the told channel may read."""
    names = judge.names(case)
    if tell.end is not None:
        code = case.cause.code if case.cause is not None else ""
        names["ended"] = {"how": str(tell.end), "back": _back(judge, case, tell.leg_id), "code": code}
    return names


def _back(judge: SiteJudge, case: Case, leg_id: int) -> int:
    """Fen that went back to the payer: by one undo of late money, or by all those that belong to the end itself."""
    back = 0
    for undo in case.legs:
        if not undo.undo or undo.state is not LegState.OK:
            continue
        leg = case.leg(undo.of)
        mine = undo.id == leg_id if leg_id else leg.state is not LegState.NO
        if mine and _paid(judge, leg):
            amount = leg.amount if undo.amount is None else undo.amount
            back += amount or 0
    return back


def _paid(judge: SiteJudge, leg: Leg) -> bool:
    """Whether the leg was the payer's money: at a payment platform, at a terminal, shown as `paying`, or taken from an
    account that the HIS keeps (seen inside its booking)."""
    plan = judge.plan
    step, rule = plan.steps[plan.index(leg.step)], plan.calls.get(leg.call)
    party = step.party if leg.because == OBSERVED else rule.party if rule is not None else ""
    entry = judge.site.engine.parties.get(party)
    if entry is None or (rule is not None and rule.number == HOLDS):
        return False
    about = PARTIES[entry.kind].about
    if leg.because == OBSERVED:
        return about.role == "his"
    return about.role == "payment" or about.side == "client" or step.answer == PAYING
