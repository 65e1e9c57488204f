"""What one turn of a settlement writes: its new state, its legs, its numbers, the calls about to leave, the trail.

One unit. What is written here is all that a restart knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.runtime.answers import state_of
from engine.runtime.journal import body_writes
from engine.runtime.outflow import Talk
from engine.runtime.room import Letter, Room
from engine.saga.case import RELEASES_BILLS, Case, CaseState
from engine.saga.events import (
    Answered,
    Cancelled,
    Command,
    Event,
    FactHeard,
    Heard,
    Moved,
    RefundAsked,
    Send,
    Started,
    Task,
    TaskOver,
)  # fmt: skip
from engine.saga.legs import Leg
from engine.saga.legwork import OBSERVED, SEEN
from engine.store.calls import complete_call, insert_call
from engine.store.contract import Write
from engine.store.ids import Ids
from engine.store.legs import upsert_leg
from engine.store.numbers import claim_number
from engine.store.persons import keep_person
from engine.store.settlements import Columns, insert_case, release_bills, update_case
from engine.store.tasks import end_task, open_task
from engine.store.trail import add_trail


def rows_of_turn(
    ids: Ids,
    room: Room,
    letter: Letter,
    commands: list[Command],
    call_ids: Mapping[int, int],
    now: float,
    first: list[Write],
    bills: list[str],
    before: CaseState,
) -> list[Write]:
    """All writes of a turn, in order. `call_ids` maps the id() of each Send to its call's id; `before` is the state
    that is stored."""
    case = room.case
    writes = list(first)
    if case.version == 1:
        writes += insert_case(case, bills, _columns(room, now, ids.new()))
    else:
        writes += update_case(case, _columns(room, now, 0), before)
    writes += _call_ended(ids, case, letter)
    writes += _persons(room, letter.event)
    for leg in room.changed_legs():
        writes.append(upsert_leg(case.no, leg, room.judge.party_of(leg)))
        if leg.number and leg.id not in room.stored and not _shared(case, leg):
            writes.append(claim_number(leg.number, _kind(room, leg), case.no, leg.id, ours=leg.because not in SEEN))
    for command in commands:
        if isinstance(command, Send):
            writes.append(_call_begun(room, command, call_ids[id(command)], now))
        elif isinstance(command, Task):
            writes.append(task_open(ids.new(), case.no, command, _side(room, command), now))
        elif isinstance(command, TaskOver):
            writes.append(end_task(case.no, command.leg_id, command.kind, at=now))
    if case.state in RELEASES_BILLS:
        writes.append(release_bills(case.no))
    writes.append(_trail(ids.new(), case, letter, commands, now))
    return writes


def _columns(room: Room, now: float, row_id: int) -> Columns:
    """What lists show. `row_id`: of a new settlement, with which goes what never changes afterwards."""
    case = room.case
    due = case.data.get("due")
    known: Mapping[str, Any] = due if isinstance(due, Mapping) else {}
    said = known.get
    columns = Columns(
        at=now,
        answer=state_of(case, room.plan, now),
        total=said("total"),
        fund=said("fund"),
        account=said("account"),
        relief=said("relief"),
        other=said("other"),
        cash=said("cash"),
        reason_code=case.cause.code if case.cause is not None else "",
    )
    if row_id:
        request = case.data.get("request", {})
        terminal = request.get("terminal", {})
        columns.id = row_id
        columns.campus = str(request.get("campus", ""))
        columns.terminal_kind = str(terminal.get("kind", ""))
        columns.terminal_id = str(terminal.get("id", ""))
        columns.operator = str(request.get("operator", ""))
        columns.patient_index = _patient_index(room, request)
    return columns


PERSONAL = ("name", "id_no", "phone", "card_no")
"""Fields of a call's output that name a person: kept as a keyed hash to search by, the value sealed."""


def _patient_index(room: Room, request: Mapping[str, Any]) -> str:
    patient = str(request.get("patient", {}).get("id", ""))
    return room.sealer.person_index("patient", patient) if room.sealer is not None and patient else ""


def _persons(room: Room, event: Event) -> list[Write]:
    """What this event tells of who the patient is."""
    if room.sealer is None:
        return []
    known: dict[str, str] = {}
    if isinstance(event, Started):
        credential = room.case.data.get("request", {}).get("patient", {}).get("credential", {})
        known[str(credential.get("kind", ""))] = str(credential.get("value", ""))
    elif isinstance(event, Answered) and isinstance(event.made, Mapping):
        known = {kind: str(event.made[kind]) for kind in PERSONAL if event.made.get(kind)}
    return [keep_person(room.case.no, kind, value, room.sealer) for kind, value in known.items() if kind and value]


def _call_ended(ids: Ids, case: Case, letter: Letter) -> list[Write]:
    """The call whose answer this event is: its outcome, and the bytes both ways."""
    event, talk = letter.event, letter.talk
    if not isinstance(event, Answered) or not isinstance(talk, Talk):
        return []
    writes, (asked, said) = body_writes(ids, case.no, talk.request, talk.reply)
    ended = complete_call(
        event.call_id,
        ended_at=talk.ended_at,
        outcome=str(event.outcome) if event.outcome is not None else "not_sent",
        fact=str(event.fact or ""),
        code=event.code,
        text=event.text,
        request_body=asked,
        reply_body=said,
    )
    return [*writes, ended]


def _call_begun(room: Room, send: Send, call_id: int, now: float) -> Write:
    spec = room.judge.channel.calls[send.call]
    return insert_call(
        call_id,
        no=room.case.no,
        leg_id=send.leg_id,
        purpose=send.purpose,
        call=send.call,
        party=spec.party,
        op=spec.op,
        number=send.number,
        started_at=now,
        param_hash=room.case.leg(send.leg_id).param_hash if send.purpose == "do" else "",
    )


def _kind(room: Room, leg: Leg) -> str:
    rule = room.plan.calls.get(leg.call)
    return rule.number if rule is not None and rule.number else OBSERVED


def _shared(case: Case, leg: Leg) -> bool:
    """Some numbers name the settlement's lock or the settlement itself and serve several legs: the first owns it."""
    return any(other.number == leg.number for other in case.legs if other.id < leg.id)


def _side(room: Room, task: Task) -> str:
    if not task.leg_id:
        return ""
    call = room.case.leg(task.leg_id).call
    spec = room.judge.channel.calls.get(call)
    return spec.party if spec is not None else ""


def task_open(row_id: int, no: str | None, task: Task, side: str, now: float) -> Write:
    """A task for a person."""
    return open_task(row_id, kind=task.kind, text=task.text[:200], at=now, no=no, leg_id=task.leg_id, side=side)


def _trail(row_id: int, case: Case, letter: Letter, commands: list[Command], now: float) -> Write:
    """One line of history: what was heard, and every change of state it led to. No patient data."""
    event = letter.event
    heard: dict[str, Any] = {"heard": type(event).__name__}
    if isinstance(event, Answered):
        heard |= {"leg": event.leg_id, "purpose": event.purpose, "outcome": str(event.outcome or "not_sent")}
        heard |= {"fact": str(event.fact)} if event.fact else {}
        heard |= {"code": event.code} if event.code else {}
    elif isinstance(event, FactHeard):
        heard |= {"leg": event.leg_id, "fact": str(event.fact)}
    elif isinstance(event, Heard):
        heard |= {"event": event.event}
    elif isinstance(event, Cancelled | RefundAsked):
        heard |= {"by": event.by}
    moved: list[list[str]] = []
    sent: list[list[str]] = []
    for one in commands:
        if type(one) is Moved:
            moved.append([one.what, one.before, one.after, one.why])
        elif type(one) is Send:
            sent.append([one.call, one.purpose, one.number])
    return add_trail(row_id, case.no, now, type(event).__name__, {**heard, "moved": moved, "sent": sent})
