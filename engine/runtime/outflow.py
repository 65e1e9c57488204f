"""One call to a party, from the body a map made to an outcome: sign, send, read, judge. Decides nothing about money.

Addresses, keys and the daily sign-in are looked up at the moment of sending. A party that says our sign-in is gone has
executed nothing: we sign in again (once for all who wait) and send the same number once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.connectors.contract import NotSent, Silent
from engine.core import failpoints
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.core.world import World
from engine.parties.contract import Answer, OutcomeRow, Outgoing
from engine.parties.outcome_table import judge
from engine.runtime.connections import CannotCall, Connection, Connections
from engine.runtime.meters import Meters
from engine.runtime.sessions import Sessions
from engine.runtime.threads import on_a_thread
from engine.runtime.verify_keys import VerifyKeys

Tree = Any
SECOND_TRY = 10.0  # seconds for the repeat after a new sign-in


@dataclass(slots=True)
class Talk:
    """One finished call. `outcome` None: no byte of the request left this process."""

    outcome: Outcome | None
    answer: Answer
    request: bytes
    reply: bytes
    started_at: float
    ended_at: float
    why: str = ""


class Outflow:
    """Sends calls for settlements, answers and timed channels alike. `key_missing` is told (party, serial) when an
    answer is signed by a key that cannot be had. While not `ours` (`Store.ours`) nothing leaves that changes
    anything: we may have stood still for long, and another node decided since."""

    def __init__(
        self, world: World, connections: Connections, sessions: Sessions, meters: Meters,
        key_missing: Callable[[str, str], None] = lambda party, serial: None,
        ours: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._world, self.connections, self._sessions, self._meters = world, connections, sessions, meters
        self._key_missing, self._ours = key_missing, ours
        self.verify_keys = VerifyKeys(world, connections, self._fetch_keys)

    async def talk(
        self, party: str, op: str, number: str, body: Tree, wait: float, rows: tuple[OutcomeRow, ...], label: str,
        made: float = 0.0,
    ) -> Talk:  # fmt: skip
        """Send one call and wait at most `wait` business seconds in all. Never raises on what a party does. `made`:
        when what may be sent again was first there (`Outgoing`)."""
        started = self._world.now()
        deadline = started + wait
        try:
            link = self.connections.get(party)
            session = await self._session(link, op)
            talk = await self._once(link, op, number, body, session, deadline, rows, label, made)
            if talk.answer.session_lost:
                session = await self._sessions.renew(party, session)
                late = max(deadline, self._world.now() + SECOND_TRY)
                talk = await self._once(link, op, number, body, session, late, rows, label, made)
        except CannotCall as no:
            return self._unsent(started, str(no), b"")
        return talk

    async def _session(self, link: Connection, op: str) -> Mapping[str, str]:
        return await self._sessions.get(link.name) if link.party.ops[op].session else {}

    async def _once(
        self,
        link: Connection,
        op: str,
        number: str,
        body: Tree,
        session: Mapping[str, str],
        deadline: float,
        rows: tuple[OutcomeRow, ...],
        label: str,
        made: float,
    ) -> Talk:
        started = self._world.now()
        call = Outgoing(op, body, number, link.opened, session, started, self._world.nonce(), made)
        try:
            request = link.party.build(call)
        except Exception as bad:  # noqa: BLE001 whatever a map made that the party cannot write: nothing was sent
            raise CannotCall(f"{link.name} {op}: cannot be written: {type(bad).__name__}: {bad}"[:200]) from None
        failpoints.hit(f"send.before:{label}")
        return await self._send(link, call, request, started, deadline, rows, label)

    async def _send(
        self,
        link: Connection,
        call: Outgoing,
        request: HttpRequest,
        started: float,
        deadline: float,
        rows: tuple[OutcomeRow, ...],
        label: str,
    ) -> Talk:
        sent = _bytes_of_request(request)
        if link.party.ops[call.op].changes and not self._ours():
            return self._unsent(started, "the database may be another node's", sent)
        try:
            reply: HttpReply = await link.sender.send(request, deadline - self._world.now())
        except NotSent as no:
            self._meters.call_ended(link.name, call.op, "not_sent", self._world.now() - started)
            return self._unsent(started, no.why, sent)
        except Silent as no:
            failpoints.hit(f"send.silent:{label}")
            self._meters.call_ended(link.name, call.op, "silent", self._world.now() - started)
            silent = Answer(False, "SILENT", no.why)
            return Talk(Outcome.UNKNOWN, silent, sent, b"", started, self._world.now(), no.why)
        failpoints.hit(f"send.after:{label}")
        answer = await self._read(link, call, request, reply)
        if answer.unknown_key:
            answer = await self._read_again(link.name, call, request, reply, answer)
        outcome = judge(answer, call.op, rows, link.party.outcomes)
        self._meters.call_ended(link.name, call.op, outcome, self._world.now() - started)
        return Talk(outcome, answer, sent, _bytes_of_reply(reply), started, self._world.now())

    async def _read(self, link: Connection, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        """What the reply says; a bulky one is read on a thread."""
        if not link.party.ops[call.op].bulky:
            return _read(link, call, request, reply)
        return await on_a_thread(self._world, lambda: _read(link, call, request, reply))

    async def _read_again(
        self, party: str, call: Outgoing, request: HttpRequest, reply: HttpReply, answer: Answer
    ) -> Answer:
        """The same answer, once the key it is signed with is here."""
        if await self.verify_keys.has(party, answer.unknown_key):
            link = self.connections.get(party)
            return _read(link, replace(call, settings=link.opened), request, reply)
        self._meters.key_missing(party)
        self._key_missing(party, answer.unknown_key)
        return answer

    async def _fetch_keys(self, party: str, op: str, wait: float) -> Mapping[str, str] | None:
        talk = await self.talk(party, op, "", {}, wait, (), f"{party}.{op}")
        return talk.answer.body if talk.outcome is Outcome.ACCEPTED else None

    def _unsent(self, started: float, why: str, sent: bytes) -> Talk:
        return Talk(None, Answer(False, "NOT-SENT", why), sent, b"", started, self._world.now(), why)


def _read(link: Connection, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
    try:
        return link.party.read(call, request, reply)
    except Exception as bad:  # noqa: BLE001 a reply our own code cannot read tells nothing
        return Answer(False, "UNREADABLE", type(bad).__name__)


def _bytes_of_request(request: HttpRequest) -> bytes:
    head = f"{request.method} {request.target}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in request.headers)
    return head.encode("utf-8", "surrogateescape") + b"\r\n" + request.body


def _bytes_of_reply(reply: HttpReply) -> bytes:
    head = f"{reply.status}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in reply.headers)
    return head.encode("utf-8", "surrogateescape") + b"\r\n" + reply.body

