"""Before something is sent again to a receiver that does not know a repeat: ask it whether our number is there.

It is looked for on every day since the message came, the latest first. "Not there" counts only once nothing that was
sent can take effect any more (the connection's `late_max` after the last try); then it is sent, under its number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.connectors.contract import CallFailed
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.core.world import World
from engine.parties.contract import Outgoing
from engine.parties.outcome_table import judge
from engine.runtime.connections import Connection
from engine.runtime.deliver_message import Held
from engine.site.deliver_spec import Destination

LATE_MAX = 120.0  # seconds, where the connection names none
DAY, BEIJING = 86_400.0, 28_800.0
NO_SESSION: dict[str, str] = {}
Told = Callable[[Outcome, str, bytes, bytes], None]


class Inquiry:
    """One question about one message at one receiver; `told(outcome, code, request, reply)` is called once: ACCEPTED it
    is there, REFUSED it is not, anything else tells nothing."""

    def __init__(
        self, world: World, link: Connection, held: Held, dest: Destination, body: Any, told: Told,
        on_defect: Callable[[Any], None],
    ) -> None:  # fmt: skip
        self._world, self._link, self._dest, self._body, self._told = world, link, dest, body, told
        self._number, self._on_defect = f"{held.id}{dest.suffix}", on_defect
        days = int((world.now() + BEIJING) // DAY) - int((held.received + BEIJING) // DAY)
        self._days = [held.received + DAY * n for n in range(days + 1)]

    def go(self) -> None:
        """Ask about one day; ValueError when the party cannot write the question."""
        day = self._days.pop()
        call = Outgoing(
            self._dest.ask, self._body, self._number, self._link.opened, NO_SESSION, self._world.now(),
            self._world.nonce(), day,
        )  # fmt: skip
        request = self._link.party.build(call)
        sent = self._link.sender.send(request, self._dest.wait)
        sent.addCallbacks(self._answered, self._failed, (call, request), errbackArgs=(request,))
        sent.addErrback(self._on_defect)

    def _answered(self, reply: HttpReply, call: Outgoing, request: HttpRequest) -> None:
        party = self._link.party
        answer = party.read(call, request, reply)
        outcome = judge(answer, self._dest.ask, (), party.outcomes)
        if outcome is Outcome.REFUSED and self._days:
            self.go()
        else:
            self._told(outcome, answer.code or str(reply.status), request.body, reply.body)

    def _failed(self, failure: Any, request: HttpRequest) -> None:
        failure.trap(CallFailed)
        self._told(Outcome.UNKNOWN, "SILENT", request.body, b"")
