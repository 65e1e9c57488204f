"""One attempt: map, build, send, judge. Callbacks, not coroutines: this is the path of every message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.codecs.errors import NotWritable, Undecodable
from engine.connectors.contract import CallFailed, NotSent
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.core.world import World
from engine.parties.contract import Outgoing
from engine.parties.outcome_table import judge
from engine.pipeline.condition import ConditionFailed
from engine.pipeline.rejected import MapRejected
from engine.runtime.connections import CannotCall, Connection, Connections
from engine.runtime.deliver_message import Held, names_of
from engine.runtime.meters import Meters
from engine.runtime.sites import Sites
from engine.site.deliver_spec import DeliverSpec, Destination

Over = Callable[[Any, Held, "Sent"], None]
NO_SESSION: Mapping[str, str] = {}
CLASS = {Outcome.REFUSED: "refused", Outcome.UNKNOWN: "unknown", Outcome.PENDING: "unknown"}


@dataclass(slots=True)
class Sent:
    """How an attempt ended. `failed`: its class, "" when it was taken; `dead`: it need not be tried again, and why.
    `healthy`: what it says of the party, None for nothing."""

    outcome: str
    failed: str
    code: str
    why: str = ""
    dead: str = ""
    healthy: bool | None = None
    request: bytes = b""
    reply: bytes = b""
    started_at: float = 0.0
    took: float = 0.0


class Sending:
    """Makes attempts; `over(lane, message, sent)` is called once for each, never before `send` has been left."""

    def __init__(self, world: World, sites: Sites, connections: Connections, meters: Meters) -> None:
        self._world, self._sites, self._connections, self._meters = world, sites, connections, meters
        self.on_defect: Callable[[Any], None] = lambda failure: None

    def send(self, held: Held, spec: DeliverSpec, dest: Destination, over: Over, lane: Any) -> None:
        """Try one message at one destination."""
        try:
            body = self._body(held, spec, dest, self._sites.current.engine.hospital)
            self._leave(held, dest, body, over, lane)
        except MapRejected as no:
            self._soon(over, lane, held, Sent("not_sent", "", no.code, dead=f"{no.code} {no.path or no.detail}"))
        except ConditionFailed as no:
            self._soon(over, lane, held, Sent("not_sent", "", "E-CONDITION", dead=f"E-CONDITION {no.text}"))
        except Undecodable as no:
            self._soon(over, lane, held, Sent("not_sent", "", no.code, dead=f"unreadable: {no.code}"))
        except CannotCall as no:
            self._soon(over, lane, held, Sent("not_sent", "not_sent", "CANNOT-CALL", str(no)[:120], healthy=False))
        except NotWritable as bad:
            self._soon(over, lane, held, Sent("not_sent", "", "UNWRITABLE", dead=str(bad)[:200]))
        except Exception as bad:  # noqa: BLE001 - what a map made and the party cannot write: a person has to look
            why = f"cannot be written: {type(bad).__name__}"
            self._soon(over, lane, held, Sent("not_sent", "", "UNWRITABLE", dead=why))

    def _leave(self, held: Held, dest: Destination, body: Any, over: Over, lane: Any) -> None:
        """What a rehearsal replaces: build and send."""
        link = self._connections.get(dest.party)
        number = f"{held.id}{dest.suffix}"
        call = Outgoing(dest.op, body, number, link.opened, NO_SESSION, self._world.now(), "", held.received)
        request = link.party.build(call)
        where = (link, dest, call, request, over, lane, held)
        sent = link.sender.send(request, dest.wait)
        sent.addCallbacks(self._answered, self._failed, where, errbackArgs=where)
        sent.addErrback(self.on_defect)

    def _soon(self, over: Over, lane: Any, held: Held, sent: Sent) -> None:
        sent.started_at = self._world.now()
        self._world.later(0.0, over, lane, held, sent)

    def _body(self, held: Held, spec: DeliverSpec, dest: Destination, hospital: Mapping[str, Any]) -> Any:
        if dest.send is None:
            return held.body
        names = held.names
        if names is None:
            charset = self._charset(spec.at)
            names = held.names = names_of(spec, held, hospital, charset)
        names["own"] = {"number": f"{held.id}{dest.suffix}"}
        names["now"] = int(held.received)  # not the clock: a repeat under one number says the same
        return dest.send.run(names)

    def _charset(self, listener: str) -> str:
        door = self._sites.current.engine.listeners.get(listener)
        return (door.charset if door is not None else "") or "utf-8"

    def _answered(
        self, reply: HttpReply, link: Connection, dest: Destination, call: Outgoing, request: HttpRequest, over: Over,
        lane: Any, held: Held,
    ) -> None:  # fmt: skip
        answer = link.party.read(call, request, reply)
        outcome = judge(answer, dest.op, dest.rows, link.party.outcomes)
        took = self._world.now() - call.now
        self._meters.call_ended(dest.party, dest.op, outcome, took)
        sent = Sent(
            outcome, "", answer.code or str(reply.status), request=request.body, reply=reply.body, started_at=call.now,
            took=took, healthy=True,
        )  # fmt: skip
        if outcome is not Outcome.ACCEPTED:
            sent.failed = CLASS[outcome]
            sent.why = f"{outcome} {sent.code}"
            sent.healthy = outcome is Outcome.REFUSED  # a clear no comes from a party that works
        over(lane, held, sent)

    def _failed(
        self, failure: Any, link: Connection, dest: Destination, call: Outgoing, request: HttpRequest, over: Over,
        lane: Any, held: Held,
    ) -> None:  # fmt: skip
        failure.trap(CallFailed)
        unsent = failure.check(NotSent) is not None
        took = self._world.now() - call.now
        word = "not_sent" if unsent else "silent"
        self._meters.call_ended(dest.party, dest.op, word, took)
        sent = Sent(
            "not_sent" if unsent else Outcome.UNKNOWN, word, word.upper(), f"{word}: {failure.value.why}"[:120],
            request=request.body, started_at=call.now, took=took, healthy=False,
        )  # fmt: skip
        over(lane, held, sent)
