"""One attempt: map, build, send, judge. Callbacks, not coroutines: this is the path of every message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from twisted.python.failure import Failure

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
from engine.runtime.deliver_ask import LATE_MAX, Inquiry
from engine.runtime.deliver_message import Held, names_of
from engine.runtime.meters import Meters
from engine.runtime.senders import ask
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
    asked: bool = False  # it was only asked about


OURS_AGAIN = 1.0  # seconds until a message is tried that was kept back


class Sending:
    """Makes attempts; `over(lane, message, sent)` is called once for each, never before `send` has been left. None is
    begun while not `ours` (`Store.ours`): another node may be sending since."""

    def __init__(self, world: World, sites: Sites, connections: Connections, meters: Meters) -> None:
        self._world, self._sites, self._connections, self._meters = world, sites, connections, meters
        self.on_defect: Callable[[Any], None] = lambda failure: None
        self.ours: Callable[[], bool] = lambda: True

    def send(
        self, held: Held, spec: DeliverSpec, dest: Destination, over: Over, lane: Any, since: float = 0.0
    ) -> None:
        """Try one message at one destination. `since`: it may have been sent until then, and the receiver is asked
        first."""
        if not self.ours():
            self._world.later(OURS_AGAIN, self.send, held, spec, dest, over, lane, since)
            return
        try:
            body = self._body(held, spec, dest, self._sites.current.engine.hospital)
            if since:
                self._look(held, dest, body, over, lane, since)
            else:
                self._leave(held, dest, body, over, lane)
        except MapRejected as no:
            self._sites.rejected(no)
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
        now, nonce = self._world.now(), self._world.nonce()
        call = Outgoing(dest.op, body, number, link.opened, NO_SESSION, now, nonce, held.received)
        request = link.party.build(call)
        ask(link.sender, request, dest.wait, _Attempt(self, link, dest, call, request, over, lane, held))

    def _look(self, held: Held, dest: Destination, body: Any, over: Over, lane: Any, since: float) -> None:
        """Ask whether it is there; send it only when it is not, and nothing sent before can still arrive."""
        began = self._world.now()

        def told(outcome: Outcome, code: str, request: bytes, reply: bytes) -> None:
            self._meters.call_ended(dest.party, dest.ask, outcome, self._world.now() - began)
            self.found(held, dest, body, over, lane, since, Sent(
                outcome, "", code, request=request, reply=reply, healthy=code != "SILENT", started_at=began,
                took=self._world.now() - began,
            ))  # fmt: skip

        Inquiry(self._world, self._connections.get(dest.party), held, dest, body, told, self.on_defect).go()

    def found(
        self, held: Held, dest: Destination, body: Any, over: Over, lane: Any, since: float, sent: Sent
    ) -> None:
        """What came of asking."""
        sent.asked = True
        late = self._sites.current.engine.parties[dest.party].late_max or LATE_MAX
        if sent.outcome == Outcome.REFUSED and sent.started_at >= since + late:
            self._leave(held, dest, body, over, lane)
            return
        if sent.outcome != Outcome.ACCEPTED:
            sent.outcome, sent.failed, sent.why = Outcome.UNKNOWN, "unknown", f"asked: {sent.code}"
        over(lane, held, sent)

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

    def ended(self, attempt: _Attempt, result: HttpReply | CallFailed) -> None:
        """The party answered, or the call failed."""
        call, dest = attempt.call, attempt.dest
        took = self._world.now() - call.now
        if isinstance(result, HttpReply):
            sent = self._answered(attempt, result, took)
        else:
            unsent = isinstance(result, NotSent)
            word = "not_sent" if unsent else "silent"
            self._meters.call_ended(dest.party, dest.op, word, took)
            sent = Sent(
                "not_sent" if unsent else Outcome.UNKNOWN, word, word.upper(), f"{word}: {result.why}"[:120],
                request=attempt.request.body, started_at=call.now, took=took, healthy=False,
            )  # fmt: skip
        attempt.over(attempt.lane, attempt.held, sent)

    def _answered(self, attempt: _Attempt, reply: HttpReply, took: float) -> Sent:
        party, call, dest = attempt.link.party, attempt.call, attempt.dest
        answer = party.read(call, attempt.request, reply)
        outcome = judge(answer, dest.op, dest.rows, party.outcomes)
        self._meters.call_ended(dest.party, dest.op, outcome, took)
        sent = Sent(
            outcome, "", answer.code or str(reply.status), request=attempt.request.body, reply=reply.body,
            started_at=call.now, took=took, healthy=True,
        )  # fmt: skip
        if outcome is not Outcome.ACCEPTED:
            sent.failed = CLASS[outcome]
            sent.why = f"{outcome} {sent.code}"
            sent.healthy = outcome is Outcome.REFUSED  # a clear no comes from a party that works
        return sent


class _Attempt:
    """What is known of an attempt while its answer is awaited; called with how it ended."""

    __slots__ = ("call", "dest", "held", "lane", "link", "over", "request", "sending")

    def __init__(
        self, sending: Sending, link: Connection, dest: Destination, call: Outgoing, request: HttpRequest, over: Over,
        lane: Any, held: Held,
    ) -> None:  # fmt: skip
        self.sending, self.link, self.dest, self.call, self.request = sending, link, dest, call, request
        self.over, self.lane, self.held = over, lane, held

    def __call__(self, result: HttpReply | CallFailed) -> None:
        try:
            self.sending.ended(self, result)
        except Exception:  # noqa: BLE001 - a defect of ours must not cost the connection it came on
            self.sending.on_defect(Failure())  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
