"""What a settlement hears of a call it made."""

from __future__ import annotations

from typing import Any

from engine.core.outcome import Outcome
from engine.runtime.logs import Log
from engine.runtime.outflow import Talk
from engine.runtime.reasons import UNREADABLE
from engine.runtime.room import Letter, Room
from engine.saga.events import Answered, Heard, Refused, Send

Tree = Any


def heard_of(room: Room, send: Send, call_id: int, talk: Talk, log: Log) -> Answered:
    """The event that a finished call is for its settlement: the outcome, and what our maps read in the answer."""
    leg = room.case.leg(send.leg_id)
    read: tuple[Tree, Any, tuple[str, ...]] = (None, None, ())
    outcome, code, text = talk.outcome, talk.answer.code, talk.answer.text
    if talk.reply and not talk.answer.intact and not code:
        code = UNREADABLE  # it did answer, but not in the agreed form
    if talk.answer.intact and (send.purpose == "ask" or outcome in ("accepted", "pending")):
        try:
            read = room.judge.read(send.call, room.case, leg, send.purpose, talk.answer)
        except Exception as no:  # noqa: BLE001 an answer our map cannot read tells nothing for sure
            text = no.reason.zh if isinstance(no, Refused) else type(no).__name__
            log.error("answer_not_read", no=room.case.no, call=send.call, problem=text)
            outcome, code = Outcome.UNKNOWN, UNREADABLE
    made, fact, differs = read
    return Answered(send.leg_id, send.purpose, outcome, fact, made, differs, code, text, call_id, talk.started_at)


def label_of(room: Room, letter: Letter) -> str:
    """The name of a turn's fail-points: what was heard, of which call."""
    event = letter.event
    if isinstance(event, Answered):
        return f"{room.case.leg(event.leg_id).call}.{event.purpose}"
    return f"{type(event).__name__}.{event.event}" if isinstance(event, Heard) else type(event).__name__
