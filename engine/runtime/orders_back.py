"""Who may ask what of a settlement, and what asking it back means: a cancel, a refund, of the whole bill, by whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.runtime.auth import Client
from engine.runtime.reasons import of_code
from engine.saga.case import Case
from engine.saga.events import Cancelled, Event, RefundAsked
from engine.saga.legs import LegState
from engine.saga.legwork import OBSERVED
from engine.saga.plan import Plan

SCOPES: dict[str, frozenset[str]] = {
    "start": frozenset({"settle"}),
    "hear": frozenset({"settle"}),
    "show": frozenset({"query"}),
    "cancel": frozenset({"settle", "refund"}),
    "refund": frozenset({"refund"}),
    "resolve": frozenset({"operate"}),
    "ask": frozenset({"query"}),
}
"""What is asked → the scopes of engine.yaml, any of which allows it."""


def may_act(client: Client, case: Case) -> bool:
    """Its own settlements; and with scope `refund` (a refund desk) those of its campuses, whoever made them."""
    if case.client == client.id:
        return True
    campus = str(case.data.get("request", {}).get("campus", ""))
    return "refund" in client.scopes and (not client.campuses or campus in client.campuses)


def may_see(client: Client, case: Case) -> bool:
    """Its own settlements, and those it has asked back."""
    return client.id in (case.client, case.data.get("asked_by"))


def repeat_key(client: Client, case: Case, request_no: str) -> str:
    """What makes a cancel or refund the same one: its number, which another client than the settlement's own counts
    for itself."""
    return request_no if client.id == case.client else f"{client.id}/{request_no}"


def was(case: Case, what: str, request_no: str = "") -> bool:
    """Whether this was asked before: at all, or under this number."""
    heard = case.data.get("_once", {}).get(what, {})
    return request_no in heard if request_no else bool(heard)


def back_event(what: str, reason_code: str, by: str) -> Event:
    """The event of a cancel or a refund asked by a client."""
    reason = of_code("E-CANCELLED" if what == "cancel" else "E-REFUNDED", reason_code)
    return Cancelled(reason, by) if what == "cancel" else RefundAsked(reason, by)


def all_lines(case: Case, path: str, wanted: Sequence[str]) -> bool:
    """Whether these lines are the whole bill (none named: the whole). `path` is where the channel keeps the bill's line
    numbers; without one no list of lines can be known to be whole. An insured bill is never taken back in part, and a
    part must not silently become the whole."""
    return not wanted or (bool(path) and set(wanted) == _values(case.data, path.split(".")))


def can_go_back(case: Case, plan: Plan) -> bool:
    """Whether anything that was done has a way back: a signing or a change of data has none of its own, and must not be
    called undone."""
    done = (leg for leg in case.legs if leg.state is LegState.OK and not leg.undo and leg.because != OBSERVED)
    return any(plan.steps[plan.index(leg.step)].undo for leg in done)


def _values(at: Any, names: Sequence[str]) -> set[str]:
    if isinstance(at, list):
        return {value for item in at for value in _values(item, names)}
    if not names:
        return set() if at is None else {str(at)}
    return _values(at.get(names[0]), names[1:]) if isinstance(at, dict) else set()
