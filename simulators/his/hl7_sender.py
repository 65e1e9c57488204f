"""The HIS's sending side: events in their order on one connection, each repeated under its number until it is
acknowledged. That is what real HIS do, so the receiver must know a number it has seen."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from twisted.python.failure import Failure

from simulators.base.ledger import Row
from simulators.base.mllp_ack import read_answer
from simulators.base.mllp_call import MllpCaller
from simulators.base.mllp_er7 import esc
from simulators.base.party import SimParty
from simulators.his.hl7_settings import Hl7Settings


@dataclass
class Outgoing:
    """One message and its ledger row: kind `message`, `no` MSH-10, `ref` event, `bill` visit; state waiting,
    acknowledged, refused (AR, or AE where AE is not repeated) or given_up."""

    number: str
    event: str
    body: bytes
    row: Row
    tries: int = 0
    said: str = ""  # the last answer, or why there was none


class Sender:
    """One queue to one address; nothing overtakes."""

    def __init__(self, party: SimParty, settings: Hl7Settings, place: str) -> None:
        self._party, self._settings = party, settings
        self._caller = MllpCaller(party, place)
        self.queue: deque[Outgoing] = deque()
        self._busy = False
        self._over = False

    def send(self, message: Outgoing) -> None:
        """Put it at the end of the queue."""
        self.queue.append(message)
        self._next()

    def stop(self) -> None:
        """Nothing more is sent; what was under way is not waited for."""
        self._over = True
        self.queue.clear()
        self._caller.close()

    def _next(self) -> None:
        if self._busy or self._over or not self.queue:
            return
        self._busy = True
        message = self.queue[0]
        message.tries += 1
        asked = self._caller.ask(message.event, message.body, self._settings.wait)
        asked.addCallbacks(self._answered, self._unanswered, (message,), errbackArgs=(message,))

    def _answered(self, reply: bytes, message: Outgoing) -> None:
        answer = read_answer(reply, self._settings.unsaid)
        message.said = f"{answer.code} {answer.text}".strip()
        ours = answer.control_id in (message.number, esc(message.number))
        if not ours or answer.code not in ("AA", "AE", "AR", "CA", "CE", "CR"):
            message.said = message.said or "not an acknowledgement"
            self._caller.close()  # what comes later on this connection could be mistaken too
            self._again(message)
        elif answer.code in ("AA", "CA"):
            self._done(message, "acknowledged")
        elif answer.code in ("AE", "CE") and self._settings.on_ae == "repeat":
            self._again(message)
        else:
            self._done(message, "refused")

    def _unanswered(self, failure: Failure, message: Outgoing) -> None:
        message.said = failure.getErrorMessage()
        self._again(message)

    def _again(self, message: Outgoing) -> None:
        if self._settings.tries and message.tries >= self._settings.tries:
            self._done(message, "given_up")
        elif not self._over:
            self._party.later(self._settings.repeat_after, self._free)

    def _done(self, message: Outgoing, state: str) -> None:
        if self._over:
            return
        self.queue.popleft()
        self._party.ledger.change(message.row, state=state)
        self._free()

    def _free(self) -> None:
        self._busy = False
        self._next()
