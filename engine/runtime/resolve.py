"""A person decides about a settlement that needs one: what became of each leg nobody could tell, and then back.

The decision is an event like any other: it is stored with who took it and why, the settlement's open tasks are closed
in the same unit, and from there the machine undoes what is left to undo. It can never send money anywhere by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.saga.byhand import OFF
from engine.saga.case import Case, CaseState, Reason, may_still_stand
from engine.saga.events import Resolved
from engine.saga.legs import Leg, LegState
from engine.store.contract import Write
from engine.store.lists import list_tasks
from engine.store.tasks import close_task

TASKS_MAX = 50


def decision(body: Mapping[str, Any]) -> Resolved:
    """The event of a `resolve` request: who decided, why, and a word for each leg."""
    by, why = str(body["by"]), str(body["reason"])
    verdicts = {int(leg): str(word) for leg, word in body.get("legs", {}).items()}
    return Resolved(Reason("E-RESOLVED", f"{by}：{why}", f"{by}: {why}", "engine"), verdicts)


def waiting(case: Case) -> dict[int, str]:
    """The legs that need a person, by id. A settlement at rest may have one: a refund of late money, for example."""
    return {leg.id: leg.call for leg in case.legs if leg.state is LegState.MANUAL}


def undecided(case: Case, verdicts: Mapping[int, str]) -> list[str]:
    """Legs that need a person and got no word, as `7 nhsa.settle`; and words for legs that need none."""
    legs = waiting(case)
    missing = [f"{leg_id} {call}" for leg_id, call in legs.items() if leg_id not in verdicts]
    return missing + [f"{leg_id}?" for leg_id in verdicts if leg_id not in legs]


def cannot_be_off(case: Case, verdicts: Mapping[int, str]) -> list[str]:
    """Legs said to be `off` where the settlement would not stand as before, as `7 his.void`."""
    off = [case.leg(leg_id) for leg_id, word in verdicts.items() if word == OFF]
    return [f"{leg.id} {leg.call}" for leg in off if not can_be_off(case, leg)]


def can_be_off(case: Case, leg: Leg) -> bool:
    """Whether a person may say `off` of this leg."""
    return case.state is CaseState.MANUAL and may_still_stand(case, leg)


def closing(conn: Any, no: str, body: Mapping[str, Any], now: float) -> tuple[Write, ...]:
    """Writes that close the settlement's open tasks, with who did it and what was found."""
    found = list_tasks(conn, is_open=True, no=no, limit=TASKS_MAX)
    return tuple(close_task(row["id"], by=str(body["by"]), note=str(body["reason"]), at=now) for row in found)
