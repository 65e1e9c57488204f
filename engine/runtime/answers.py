"""What a settlement looks like at the API: one shape from every address (see `/openapi.json`)."""

from __future__ import annotations

from typing import Any

from engine.core.money import AMOUNTS
from engine.core.times import rfc3339
from engine.pipeline.rejected import MapRejected
from engine.runtime.judge import SiteJudge
from engine.runtime.reasons import of_code
from engine.saga.case import Case, CaseState, Reason
from engine.saga.legs import LegState
from engine.saga.plan import Plan

INVOICE_PATIENCE = 10.0  # seconds a settled bill waits for its invoice before it is called settled without

SAYS_IT_IS_OVER = frozenset({"E-CANCELLED", "E-REFUNDED", "E-PAY-EXPIRED", "E-SILENT", "E-DRIFT"})
"""Causes whose words tell how a settlement ended: not true of one that waits for a person or is still going back."""
LEADS_TO_PAY = frozenset({"E-PAY-NOTENOUGH", "E-PAY-CODE", "E-PAY-NOT-PAID", "E-PAY-REFUSED"})
"""Causes whose words lead the patient to pay again: never while a person has yet to find out what was paid."""


def state_of(case: Case, plan: Plan, now: float) -> str:
    """The API's word: working, quoted, paying, settled, undone, rejected or manual."""
    match case.state:
        case CaseState.WAITING:
            return plan.steps[case.cursor].answer or "working"
        case CaseState.FINAL:
            late = case.final_at is not None and now - case.final_at >= INVOICE_PATIENCE
            return "settled" if late else "working"
        case CaseState.FORWARD:
            return "paying" if _paying(case, plan) else "working"
        case CaseState.BACK:
            return "working"
        case _:
            return str(case.state)


def _paying(case: Case, plan: Plan) -> bool:
    if case.cursor >= len(plan.steps) or plan.steps[case.cursor].answer != "paying":
        return False
    leg = next((one for one in reversed(case.legs) if one.step == plan.steps[case.cursor].key), None)
    known = leg is not None and leg.state is LegState.UNSURE and leg.because == "accepted"
    return known and case.pending is None


def code_told(code: str, state: str) -> str:
    """The code to tell of a settlement that is in `state` because of `code`: "" when there is none."""
    if state == CaseState.MANUAL and (not code or code in SAYS_IT_IS_OVER | LEADS_TO_PAY):
        return "E-PERSON"
    return "E-UNDOING" if state == CaseState.BACK and code in SAYS_IT_IS_OVER else code


def cause_of(case: Case) -> Reason | None:
    """Why a settlement is as it is, in words that are true of it now."""
    code = "" if case.cause is None else case.cause.code
    told = code_told(code, case.state)
    return case.cause if told == code else of_code(told)


def reason_json(reason: Reason) -> dict[str, str]:
    """A Reason as the API shows it."""
    shown = {"code": reason.code, "zh": reason.zh, "en": reason.en, "side": reason.side}
    if reason.next:
        shown["next"] = reason.next
    if reason.next_en:
        shown["next_en"] = reason.next_en
    return shown


def answer_of(case: Case, judge: SiteJudge, now: float) -> dict[str, Any]:
    """What a settlement looks like to its caller. Absent fields are left out."""
    state = state_of(case, judge.plan, now)
    body: dict[str, Any] = {"settlement_no": case.no, "request_no": case.request_no, "state": state}
    due = case.data.get("due")
    if isinstance(due, dict):
        body["amounts"] = {name: due.get(name, 0) for name in AMOUNTS}
    if state == "quoted" and case.wait_until is not None:
        body["expires_at"] = rfc3339(case.wait_until)
    body.update(_from_map(case, judge, state))
    if "asked_by" in case.data:  # the client that asked for the cancel or refund under way or done
        body["numbers"] = {**body.get("numbers", {}), "asked_by": case.data["asked_by"]}
    reason = case.notice if state == "quoted" else cause_of(case)
    if reason is not None:
        body["reason"] = reason_json(reason)
    return body


_BACK = ("numbers", "invoice", "give_back", "deposit")
_SHOWN = {
    "quoted": ("numbers", "invoice", "deposit"), "paying": ("numbers", "pay", "deposit"),
    "rejected": ("numbers", "invoice"),
}  # fmt: skip


def _from_map(case: Case, judge: SiteJudge, state: str) -> dict[str, Any]:
    """`numbers`, `invoice`, `pay`, `give_back` (what the terminal is to give to the patient: kind, no, fen) and
    `deposit` (of a stay: paid, used, collect, back, fen), as the channel's answers map makes them; what is not known
    yet is left out."""
    answers = judge.channel.answers
    if answers is None:
        return {}
    try:
        made = answers.run(judge.names(case))
    except MapRejected as no:
        judge.rejected(no)
        return {}
    kept: dict[str, Any] = {}
    for name in _SHOWN.get(state, _BACK):
        part = made.get(name)
        if isinstance(part, dict):
            part = {k: v for k, v in part.items() if v not in (None, "")}
            if part:
                kept[name] = part
    return kept
