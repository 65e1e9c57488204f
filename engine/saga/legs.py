"""The leg table: what one outside change may become, by what it hears. A literal table; docs and console draw it.

A leg is one change at one party with one number. Its table is the fence rule written down: a leg whose outcome is
unknown is only ever left by a fact about its number, and "not there" counts only when it was asked after the
instant from which the request can no longer take effect. What is not in the table raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class LegState(StrEnum):
    """How far a leg has come."""

    READY = "ready"  # nothing of it has left this process
    SENT = "sent"
    UNSURE = "unsure"
    DEAD = "dead"  # never sent again; being stopped
    FENCED = "fenced"  # can no longer take effect; one new inquiry decides
    OK = "ok"
    NO = "no"
    MANUAL = "manual"


OPEN = frozenset({LegState.READY, LegState.SENT, LegState.UNSURE, LegState.DEAD, LegState.FENCED})
"""Not yet definite."""


class LegEvent(StrEnum):
    """What a leg may hear."""

    COMMITTED = "committed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    PENDING = "pending"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    CRASH = "crash"
    THERE = "there"
    WAITING = "waiting"
    CLOSED = "closed"
    NOT_THERE = "not_there"
    FACT_UNKNOWN = "fact_unknown"
    GIVE_UP = "give_up"
    STOP_ACCEPTED = "stop_accepted"
    STOP_FAILED = "stop_failed"
    FENCE_REACHED = "fence_reached"
    LIMIT = "limit"
    DIFFERS = "differs"
    DECLINED = "declined"  # an undo, by the party whose leave a refund needs first: nothing was taken back
    CONFIRMED = "confirmed"  # a leg known as `no` is there after all: a new inquiry says so, or there is none to ask


class Then(StrEnum):
    """What the machine does next for the leg."""

    SEND = "send"
    SEND_LATER = "send_later"
    ASK_LATER = "ask_later"
    ASK_NOW = "ask_now"
    STOP = "stop"
    STOP_LATER = "stop_later"
    NEXT = "next"
    BACK = "back"
    LATE = "late"
    COUNT = "count"
    OFF = "off"
    NOTHING = "nothing"
    PERSON = "person"


S, E, T = LegState, LegEvent, Then
Row = tuple[LegState, Then]

FORWARD: dict[tuple[LegState, LegEvent], Row] = {
    (S.READY, E.COMMITTED): (S.SENT, T.SEND),
    (S.READY, E.CRASH): (S.READY, T.SEND_LATER),
    (S.READY, E.GIVE_UP): (S.NO, T.BACK),
    (S.READY, E.THERE): (S.OK, T.NEXT),  # it left after all
    (S.READY, E.WAITING): (S.READY, T.NOTHING),
    (S.READY, E.CLOSED): (S.READY, T.NOTHING),
    (S.READY, E.NOT_THERE): (S.READY, T.NOTHING),
    (S.READY, E.FACT_UNKNOWN): (S.READY, T.NOTHING),
    (S.SENT, E.ACCEPTED): (S.OK, T.NEXT),
    (S.SENT, E.REFUSED): (S.NO, T.BACK),
    (S.SENT, E.PENDING): (S.UNSURE, T.ASK_LATER),
    (S.SENT, E.UNKNOWN): (S.UNSURE, T.ASK_LATER),
    (S.SENT, E.CRASH): (S.UNSURE, T.ASK_NOW),
    (S.SENT, E.NOT_SENT): (S.READY, T.SEND_LATER),
    (S.SENT, E.THERE): (S.OK, T.NEXT),  # a callback may be faster than the reply
    (S.SENT, E.GIVE_UP): (S.SENT, T.NOTHING),  # first let the call end
    # What the party tells by itself meanwhile: the answer is still to come.
    (S.SENT, E.WAITING): (S.SENT, T.NOTHING),
    (S.SENT, E.CLOSED): (S.SENT, T.NOTHING),
    (S.SENT, E.NOT_THERE): (S.SENT, T.NOTHING),
    (S.SENT, E.FACT_UNKNOWN): (S.SENT, T.NOTHING),
    (S.UNSURE, E.ACCEPTED): (S.OK, T.NEXT),
    (S.UNSURE, E.REFUSED): (S.NO, T.BACK),
    (S.UNSURE, E.PENDING): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.UNKNOWN): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.NOT_SENT): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.CRASH): (S.UNSURE, T.ASK_NOW),
    (S.UNSURE, E.THERE): (S.OK, T.NEXT),
    (S.UNSURE, E.CLOSED): (S.NO, T.BACK),
    (S.UNSURE, E.WAITING): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.NOT_THERE): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.FACT_UNKNOWN): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.GIVE_UP): (S.DEAD, T.STOP),
    (S.DEAD, E.ACCEPTED): (S.OK, T.NEXT),
    (S.DEAD, E.REFUSED): (S.NO, T.BACK),
    (S.DEAD, E.THERE): (S.OK, T.NEXT),
    (S.DEAD, E.STOP_ACCEPTED): (S.FENCED, T.ASK_NOW),
    (S.DEAD, E.FENCE_REACHED): (S.FENCED, T.ASK_NOW),
    (S.DEAD, E.STOP_FAILED): (S.DEAD, T.STOP_LATER),
    (S.DEAD, E.CRASH): (S.DEAD, T.STOP),
    (S.DEAD, E.GIVE_UP): (S.DEAD, T.NOTHING),
    # Before the fence only "there" tells anything.
    (S.DEAD, E.WAITING): (S.DEAD, T.NOTHING),
    (S.DEAD, E.CLOSED): (S.DEAD, T.NOTHING),
    (S.DEAD, E.NOT_THERE): (S.DEAD, T.NOTHING),
    (S.DEAD, E.FACT_UNKNOWN): (S.DEAD, T.NOTHING),
    (S.DEAD, E.PENDING): (S.DEAD, T.NOTHING),
    (S.DEAD, E.UNKNOWN): (S.DEAD, T.NOTHING),
    (S.DEAD, E.NOT_SENT): (S.DEAD, T.NOTHING),
    (S.FENCED, E.ACCEPTED): (S.OK, T.NEXT),
    (S.FENCED, E.REFUSED): (S.NO, T.BACK),
    (S.FENCED, E.THERE): (S.OK, T.NEXT),
    (S.FENCED, E.NOT_THERE): (S.NO, T.BACK),
    (S.FENCED, E.CLOSED): (S.NO, T.BACK),
    (S.FENCED, E.WAITING): (S.FENCED, T.ASK_LATER),
    (S.FENCED, E.FACT_UNKNOWN): (S.FENCED, T.ASK_LATER),
    (S.FENCED, E.CRASH): (S.FENCED, T.ASK_NOW),
    (S.FENCED, E.STOP_ACCEPTED): (S.FENCED, T.ASK_NOW),
    (S.FENCED, E.STOP_FAILED): (S.FENCED, T.ASK_LATER),
    (S.FENCED, E.GIVE_UP): (S.FENCED, T.NOTHING),
    (S.FENCED, E.PENDING): (S.FENCED, T.NOTHING),  # the original's late answer: our inquiry decides
    (S.FENCED, E.UNKNOWN): (S.FENCED, T.NOTHING),
    (S.FENCED, E.NOT_SENT): (S.FENCED, T.NOTHING),
    (S.FENCED, E.LIMIT): (S.MANUAL, T.PERSON),
    (S.OK, E.THERE): (S.OK, T.COUNT),
    (S.OK, E.ACCEPTED): (S.OK, T.COUNT),
    (S.OK, E.CLOSED): (S.OK, T.PERSON),  # undone by somebody else, such as a refund at the portal
    # Somebody says it took effect after all. That may be old news of what was reversed since: a new inquiry decides.
    (S.NO, E.THERE): (S.FENCED, T.ASK_NOW),
    (S.NO, E.ACCEPTED): (S.FENCED, T.ASK_NOW),
    (S.NO, E.CONFIRMED): (S.NO, T.LATE),
    (S.FENCED, E.CONFIRMED): (S.NO, T.LATE),
}
"""The table of a forward leg."""

UNDO: dict[tuple[LegState, LegEvent], Row] = {
    (S.READY, E.COMMITTED): (S.SENT, T.SEND),
    (S.READY, E.CRASH): (S.READY, T.SEND_LATER),
    (S.READY, E.THERE): (S.OK, T.NEXT),  # it left after all
    (S.READY, E.WAITING): (S.READY, T.NOTHING),
    (S.READY, E.CLOSED): (S.READY, T.NOTHING),
    (S.READY, E.NOT_THERE): (S.READY, T.NOTHING),
    (S.READY, E.FACT_UNKNOWN): (S.READY, T.NOTHING),
    (S.SENT, E.ACCEPTED): (S.OK, T.NEXT),
    (S.SENT, E.REFUSED): (S.MANUAL, T.PERSON),
    (S.SENT, E.DECLINED): (S.NO, T.OFF),
    (S.SENT, E.PENDING): (S.UNSURE, T.ASK_LATER),
    (S.SENT, E.UNKNOWN): (S.UNSURE, T.ASK_LATER),
    (S.SENT, E.CRASH): (S.UNSURE, T.ASK_NOW),
    (S.SENT, E.NOT_SENT): (S.READY, T.SEND_LATER),
    (S.SENT, E.THERE): (S.OK, T.NEXT),
    # What the party tells by itself meanwhile: the answer is still to come.
    (S.SENT, E.WAITING): (S.SENT, T.NOTHING),
    (S.SENT, E.CLOSED): (S.SENT, T.NOTHING),
    (S.SENT, E.NOT_THERE): (S.SENT, T.NOTHING),
    (S.SENT, E.FACT_UNKNOWN): (S.SENT, T.NOTHING),
    (S.UNSURE, E.ACCEPTED): (S.OK, T.NEXT),
    (S.UNSURE, E.REFUSED): (S.MANUAL, T.PERSON),
    (S.UNSURE, E.PENDING): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.UNKNOWN): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.NOT_SENT): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.CRASH): (S.UNSURE, T.ASK_NOW),
    (S.UNSURE, E.THERE): (S.OK, T.NEXT),
    (S.UNSURE, E.WAITING): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.NOT_THERE): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.FACT_UNKNOWN): (S.UNSURE, T.ASK_LATER),
    (S.UNSURE, E.CLOSED): (S.MANUAL, T.PERSON),  # the party gave the undo up for good
    (S.UNSURE, E.LIMIT): (S.MANUAL, T.PERSON),
    (S.OK, E.THERE): (S.OK, T.COUNT),
    (S.OK, E.ACCEPTED): (S.OK, T.COUNT),
    (S.OK, E.CLOSED): (S.OK, T.PERSON),
    # The refund was off, and its party says that it was taken back after all: a refund asked anew goes on from there.
    (S.NO, E.THERE): (S.OK, T.PERSON),
    (S.NO, E.ACCEPTED): (S.OK, T.PERSON),
    (S.NO, E.DIFFERS): (S.NO, T.PERSON),  # whoever decides about it could send it again, under what stands
    (S.MANUAL, E.THERE): (S.OK, T.NEXT),
    (S.MANUAL, E.ACCEPTED): (S.OK, T.NEXT),
}
"""The table of an undo leg: it may only go on, or call a person; the first of a refund may be declined, which is off
then."""

SETTLED_STATES = frozenset({S.OK, S.NO, S.MANUAL})
IGNORED_AT_REST = frozenset(
    {
        E.ACCEPTED, E.REFUSED, E.PENDING, E.UNKNOWN, E.NOT_SENT, E.CRASH, E.THERE, E.WAITING, E.CLOSED,
        E.NOT_THERE, E.FACT_UNKNOWN, E.GIVE_UP, E.STOP_ACCEPTED, E.STOP_FAILED, E.FENCE_REACHED, E.LIMIT,
    }
)  # fmt: skip


class NoSuchRow(Exception):
    """An internal event met a leg in a state the table has no row for: a defect of the engine."""


def row(undo: bool, state: LegState, event: LegEvent) -> Row:
    """The table's answer; NoSuchRow when there is none. Outside facts always have a cell."""
    found = (UNDO if undo else FORWARD).get((state, event))
    if found is not None:
        return found
    if event is E.DIFFERS:
        return (S.MANUAL, T.PERSON)
    if state in SETTLED_STATES and event in IGNORED_AT_REST:
        return (state, T.NOTHING)
    raise NoSuchRow(f"{'undo ' if undo else ''}leg in {state} heard {event}")


@dataclass(slots=True)
class Leg:
    """One change at one party. `id` counts from 1 in the settlement; `of` is the leg an undo undoes (0: none).

    Instants are unix seconds. `fence_at` is when the fence was, or will be, reached; `evidence` the call whose
    answer decided, `because` why the leg is `no` (refused, closed, fenced, not_sent), or what is known of one that
    is not decided yet (accepted, reply_lost, not_there, waiting, declined; late: it was known as `no` before).
    `param_hash` is of the first content sent under `number`: the number never goes out with another.
    """

    id: int
    step: str
    call: str
    number: str
    created_at: float
    undo: bool = False
    of: int = 0
    attempt: int = 1
    batch_no: int = 0
    state: LegState = LegState.READY
    amount: int | None = None
    sent_at: float | None = None
    next_at: float | None = None
    deadline_at: float | None = None
    fence_at: float | None = None
    stopped: bool = False
    asks: int = 0
    tries: int = 0
    evidence: int = 0
    because: str = ""
    code: str = ""
    text: str = ""
    param_hash: str = ""
    repeats_heard: int = 0
    in_flight: str = ""  # do, ask or stop: what is on the wire now; never stored

    def facts(self) -> dict[str, Any]:
        """What maps see of a leg as `own` or `of`."""
        return {
            "number": self.number,
            "attempt": self.attempt,
            "batch_no": self.batch_no,
            "amount": self.amount,
            "call": self.call,
            "at": int(self.created_at),
            "sent_at": None if self.sent_at is None else int(self.sent_at),
        }
