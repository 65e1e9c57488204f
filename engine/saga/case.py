"""A settlement as the machine sees it: its state, its legs, and all it has learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.saga.legs import Leg, LegState

Tree = Any


class CaseState(StrEnum):
    """How far a settlement has come. FINAL: money has moved and all agree; from there only forward."""

    FORWARD = "forward"
    WAITING = "waiting"
    BACK = "back"
    FINAL = "final"
    SETTLED = "settled"
    UNDONE = "undone"
    REJECTED = "rejected"
    MANUAL = "manual"


class CaseEvent(StrEnum):
    """What moves a settlement as a whole. REFUSED: a party or a rule said no; PERSON: people must look."""

    AWAIT = "await"
    HEARD = "heard"
    AGAIN = "again"
    REFUSED = "refused"
    CANCEL = "cancel"
    EXPIRED = "expired"
    STEPS_DONE = "steps_done"
    FINAL_DONE = "final_done"
    ALL_UNDONE = "all_undone"
    NOTHING_DONE = "nothing_done"
    PERSON = "person"
    RESUME = "resume"
    REFUND = "refund"
    REFUND_OFF = "refund_off"


C, V = CaseState, CaseEvent

CASE: dict[tuple[CaseState, CaseEvent], CaseState] = {
    (C.FORWARD, V.AWAIT): C.WAITING,
    (C.FORWARD, V.AGAIN): C.WAITING,
    (C.FORWARD, V.REFUSED): C.BACK,
    (C.FORWARD, V.CANCEL): C.BACK,
    (C.FORWARD, V.STEPS_DONE): C.FINAL,
    (C.FORWARD, V.PERSON): C.MANUAL,
    (C.WAITING, V.HEARD): C.FORWARD,
    (C.WAITING, V.CANCEL): C.BACK,
    (C.WAITING, V.EXPIRED): C.BACK,
    (C.WAITING, V.PERSON): C.MANUAL,
    (C.BACK, V.ALL_UNDONE): C.UNDONE,
    (C.BACK, V.NOTHING_DONE): C.REJECTED,
    (C.BACK, V.PERSON): C.MANUAL,
    (C.FINAL, V.FINAL_DONE): C.SETTLED,
    (C.FINAL, V.PERSON): C.FINAL,  # a task for a person; the settlement stands
    (C.SETTLED, V.PERSON): C.SETTLED,
    (C.UNDONE, V.PERSON): C.UNDONE,
    (C.REJECTED, V.PERSON): C.REJECTED,
    (C.MANUAL, V.PERSON): C.MANUAL,
    (C.MANUAL, V.RESUME): C.BACK,  # a person decided, with a reason
    (C.SETTLED, V.REFUND): C.BACK,  # the whole bill is taken back
    (C.BACK, V.REFUND_OFF): C.SETTLED,  # who is asked first does not allow it, and nothing was taken back
    (C.MANUAL, V.REFUND_OFF): C.SETTLED,  # a person found that nothing was, and lets it stand
}
"""The settlement table. What is not in it raises."""



class End(StrEnum):
    """How money that was asked for went back, as others are told of it. UNDONE: the settlement never stood; REFUNDED:
    it stood and was taken back; REJECTED: nobody had been asked for money; LATE: money that came although it counted
    no more has been given back, whatever the settlement is."""

    UNDONE = "undone"
    REFUNDED = "refunded"
    REJECTED = "rejected"
    LATE = "late"


ENDS: dict[tuple[CaseEvent, bool], End] = {
    (V.ALL_UNDONE, False): End.UNDONE,
    (V.ALL_UNDONE, True): End.REFUNDED,
    (V.NOTHING_DONE, False): End.REJECTED,
}
"""Which end an event is, by whether the settlement had stood before (all its steps were done). What is not in it is
none: a settlement that comes to stand tells of itself in `final`, one that needs a person tells nobody yet."""

AT_REST = frozenset({C.SETTLED, C.UNDONE, C.REJECTED, C.MANUAL})
RELEASES_BILLS = frozenset({C.UNDONE, C.REJECTED})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was refused or undone, for the patient and the desk. `side`: patient, his, insurance, payment,
    einvoice, engine, client. `next`: what to do now (Chinese)."""

    code: str
    zh: str
    en: str
    side: str
    next: str = ""
    next_en: str = ""


@dataclass(slots=True)
class Case:
    """One settlement. `data` holds the request, every call's output, works and heard events under their names.

    `cursor` is the plan's step at hand; `attempt` counts rounds of the await that `again` returns to; `item` the
    place in a for_each; `pending` an event heard while the leg of the way chosen before was not yet definite.
    """

    no: str
    channel: str
    site_hash: str
    client: str
    request_no: str
    created_at: float
    data: dict[str, Tree]
    state: CaseState = CaseState.FORWARD
    version: int = 0
    cursor: int = 0
    item: int = 0
    attempt: int = 1
    legs: list[Leg] = field(default_factory=list)
    cause: Reason | None = None
    notice: Reason | None = None  # why the last attempt failed, shown with `quoted`
    cause_kind: str = ""  # refused, cancelled, expired, refunded, refund_off (it stands, and `cause` says why)
    pending: dict[str, Tree] | None = None
    wait_until: float | None = None
    final_at: float | None = None
    rest_at: float | None = None

    def leg(self, leg_id: int) -> Leg:
        """The leg with this id (legs are numbered from 1 without gaps)."""
        return self.legs[leg_id - 1]

    def next_at(self) -> float | None:
        """The next instant at which time alone moves this settlement; None when nothing is due."""
        moments = [leg.next_at for leg in self.legs if leg.next_at is not None and not leg.in_flight]
        if self.state is CaseState.WAITING and self.wait_until is not None:
            moments.append(self.wait_until)
        return min(moments) if moments else None


def may_still_stand(case: Case, undo: Leg) -> bool:
    """Whether the settlement stands as before once this undo is known not to have happened: it had stood, somebody
    asked it back, nothing else of it was begun, and nobody doubts what was done."""
    if case.cause_kind != "refunded" or case.final_at is None or not undo.undo:
        return False
    if any(leg.state is LegState.MANUAL and leg is not undo for leg in case.legs):
        return False
    back = [leg for leg in case.legs if leg.undo and leg.state is not LegState.NO]
    return [leg for leg in back if case.leg(leg.of).state is not LegState.NO] == [undo]  # what came late goes aside


def put(data: dict[str, Tree], name: str, value: Tree, *, merge: bool = False) -> None:
    """Store a call's output under its dotted name: `his.bill` → `data["his"]["bill"]`."""
    at = data
    *parents, last = name.split(".")
    for part in parents:
        at = at.setdefault(part, {})
    if merge and isinstance(at.get(last), Mapping) and isinstance(value, Mapping):
        at[last] = {**at[last], **{k: v for k, v in value.items() if v is not None}}
    else:
        at[last] = value


def found(data: Mapping[str, Tree], name: str) -> Tree:
    """What stands under a dotted name; None when nothing does."""
    at: Tree = data
    for part in name.split("."):
        at = at.get(part) if isinstance(at, Mapping) else None
    return at


def forget(data: dict[str, Tree], name: str) -> None:
    """Take out what stands under a dotted name: of a call that counts no more."""
    at: Tree = data
    *parents, last = name.split(".")
    for part in parents:
        at = at.get(part, {})
    at.pop(last, None)
