"""What the terminal itself collects: a card by its POS, cash by its drawer. Nobody outside is called.

The patient has paid before the engine hears of it; the terminal's word (for a card the slip) is the proof, and the
acquirer's own bill is what the books hold it against. Giving back is the terminal's too: cash is handed out at once and
written down as owed until then; a card is voided at the POS, which the terminal reports when it is done
(`POST …/returned`). Until it has, the settlement is not undone.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.settings import PartySettings

_SAYS: Final = {
    "collect": "TAKEN", "collected": "TAKEN", "hand_back": "OWED", "handed_back": "OWED", "void": "ASKED",
    "voided": "ASKED",
}  # fmt: skip


class Settings(PartySettings):
    """A till has no settings: what it takes is said by the channel."""


class Till:
    """The terminal's own means of payment as a party; its connection's address is `here:`."""

    kind = "till"
    about = About("client", "收款终端", "the terminal that collects")
    settings: type[BaseModel] = Settings
    ops: Final = {
        op.name: op
        for op in (
            Op("collect", "终端已收款", "the terminal has collected", changes=True, money=True, number="trade"),
            Op("collected", "终端收款查询", "what the terminal collected"),
            Op("hand_back", "终端退现金", "the terminal hands cash back", changes=True, money=True, number="refund"),
            Op("handed_back", "退现金查询", "whether cash is to be handed back"),
            Op("void", "终端撤销刷卡", "the terminal voids the card", changes=True, money=True, number="refund"),
            Op("voided", "刷卡撤销查询", "whether the card payment was voided"),
        )
    }
    outcomes: Final = (
        OutcomeRow("TAKEN", Outcome.ACCEPTED),
        OutcomeRow("OWED", Outcome.ACCEPTED),
        OutcomeRow("ASKED", Outcome.PENDING, frozenset({"void"})),
        OutcomeRow("ASKED", Outcome.ACCEPTED),
    )

    def open(self, settings: Settings) -> Settings:
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        if call.number:
            wire.own_number(call, "no")
        return HttpRequest("POST", f"/{call.op}", (), json_text.print_json(wire.body_of(call)))

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        """What was written down is what was said: the connector hands the request's own body back."""
        if reply.body != request.body:
            return wire.not_intact("not what was said")
        return Answer(True, _SAYS[call.op], body=wire.object_of(reply.body))

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


PARTY: Final = Till()
