"""The HL7 door: a HIS asks for a quote, a settlement, a reversal or a query by DFT^P03 over MLLP, and is answered by
ACK^P03 with the settlement in a Z segment. It makes the same internal order as JSON (`engine/runtime/orders.py`).

HL7 carries no signature. Who speaks is told by the listener: the sender (MSH-3, MSH-4) is a client of engine.yaml, its
address one of `peers`, its certificate, where certificates are asked for, that client's.

A message number (MSH-10) that comes again gets the first acknowledgement again, byte for byte, also after a restart.
With other content it is refused. An answer that took nothing (`later`) is not kept: the same message may be sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred

from engine.codecs.errors import Undecodable
from engine.codecs.hl7_ack import AckCode, HL7Error, ack
from engine.codecs.hl7_plan import plan_of
from engine.codecs.hl7v2 import Header, Message, header_of, parse
from engine.config.listener_parts import Listener
from engine.config.mllp_parts import within
from engine.connectors.mllp import Peer
from engine.core.bilingual import apart, both
from engine.core.times import beijing
from engine.core.world import World
from engine.pipeline.rejected import MapRejected
from engine.runtime.auth import Client, Gate
from engine.runtime.hl7_profiles import profile_faults
from engine.runtime.hl7_refusals import NOT_OPEN, no_action, of_bytes, of_place
from engine.runtime.hl7_words import code_of, errors_of, fields_of, in_their_codes, words_of
from engine.runtime.journal import body_writes
from engine.runtime.logs import Log, trouble_of
from engine.runtime.meters import Meters
from engine.runtime.orders import Caller, Orders
from engine.runtime.replies import STATUS
from engine.runtime.sites import Sites
from engine.runtime.told import NOT_ONE, Told, error, stranger, wrong_fields
from engine.site.hl7_spec import Hl7Ask, Hl7Spec
from engine.store.calls import body
from engine.store.contract import Store, StoreFull, StoreStopped, Unit
from engine.store.ids import Ids
from engine.store.inbox import Earlier, earlier, hear_again, hear_first

NO_NUMBER: Final = ("no", "结算单号（no）与发起时的请求号（of）填一个", "give the settlement's number (no) or the request number it began with (of)")  # noqa: E501 both languages of one row
_SENT_AT: Final = 7  # MSH-7: a repeat may carry a new time


class Hl7Door:
    """Answers what comes in at the MLLP listeners; what no settle channel takes is refused."""

    def __init__(
        self,
        world: World,
        gate: Gate,
        sites: Sites,
        orders: Orders,
        store: Store,
        ids: Ids,
        meters: Meters,
        log: Log,
    ) -> None:
        self._world, self._gate, self._sites, self._orders = world, gate, sites, orders
        self._store, self._ids, self._meters, self._log = store, ids, meters, log
        self._working: dict[tuple[str, str], tuple[str, list[Deferred[bytes]]]] = {}

    def take(self, listener: str, data: bytes, peer: Peer) -> Deferred[bytes]:
        """One message of a listener, from its bytes to its acknowledgement."""
        return Deferred.fromCoroutine(self._take(listener, data, peer))

    async def _take(self, listener: str, data: bytes, peer: Peer) -> bytes:
        began, door = self._world.now(), self._sites.current.engine.listeners.get(listener)
        if door is None:  # just opened or about to close: not in force yet, or no longer
            return self._ack(header_of(data), "AE", NOT_OPEN, [HL7Error("207", text=NOT_OPEN)], [])
        try:
            message = parse(data, door.usual_charset)
        except Undecodable as no:
            self._served(listener, "none", "malformed", began)
            return self._not_taken(header_of(data, door.usual_charset), "102", of_bytes(no))
        header = message.header
        found = self._asked(listener, message)
        if found is None:
            self._served(listener, "none", "not_found", began)
            if lacks := self._lacks(listener, header):
                return self._ack(header, "AR", no_action(lacks), [HL7Error("100", lacks, 1, 0, no_action(lacks))], [])
            return self._not_taken(header, "201" if self._known_code(listener, header) else "200", of_place("MSH-9"), 9)
        spec, name = found
        client = self._client(door, header, peer)
        if client is None:
            self._meters.refused("hl7", "sender")
            self._log.warning("hl7_stranger", listener=listener, peer=peer.ip)
            return self._answered(header, spec, "start", stranger(), None)
        reply, word = await self._once(Caller(client, "hl7"), message, data, spec, name)
        self._served(listener, name, word, began)
        return reply

    # Who and what

    def _asked(self, listener: str, message: Message) -> tuple[Hl7Spec, str] | None:
        """The channel that takes this message, and its name; one with the message's action wins."""
        kind, first = (message.header.code, message.header.event), None
        for channel in self._sites.current.channels.values():
            spec = channel.hl7
            if spec is None or spec.at != listener or spec.message != kind:
                continue
            if message.find(spec.action.segment) is None:
                continue
            if _action(spec, message) in spec.asks:
                return spec, channel.name
            first = first or (spec, channel.name)
        return first

    def _lacks(self, listener: str, header: Header) -> str:
        """The segment of its action, where that is all a message lacks to be taken here; "" otherwise."""
        kind, every = (header.code, header.event), self._sites.current.channels.values()
        specs = (one.hl7 for one in every if one.hl7 is not None and one.hl7.at == listener)
        return next((spec.action.segment for spec in specs if spec.message == kind), "")

    def _known_code(self, listener: str, header: Header) -> bool:
        specs = [one.hl7 for one in self._sites.current.channels.values() if one.hl7 is not None]
        return any(one.at == listener and one.message[0] == header.code for one in specs)

    def _client(self, door: Listener, header: Header, peer: Peer) -> Client | None:
        """Who speaks: sender, address and certificate must agree; None for a stranger."""
        application, facility = (part.partition(header.marks.component)[0] for part in header.sender)
        sender = door.senders.get(f"{application}^{facility}") or door.senders.get(application)
        if sender is None or not within(peer.ip, door.peers):
            return None
        if door.tls is not None and door.tls.ca is not None and peer.name != (sender.subject or str(sender.client)):
            return None
        return self._gate.known(str(sender.client))

    # Once

    async def _once(
        self, caller: Caller, message: Message, data: bytes, spec: Hl7Spec, name: str
    ) -> tuple[bytes, str]:
        """The acknowledgement, and the word it carries; the first one again for a number that was here before."""
        header, digest = message.header, _digest(message)
        key = (caller.client.id, header.control_id)
        if not header.control_id:
            return self._not_taken(header, "101", of_place("MSH-10"), 10), "malformed"
        at_work = self._working.get(key)
        seen = await self._seen(*key) if at_work is None else None
        at_work = at_work or self._working.get(key)  # it may have come meanwhile
        if (at_work is not None and at_work[0] != digest) or (seen is not None and seen.body_hash != digest):
            return await self._another(caller, message, data, spec), "conflict"
        if at_work is not None:
            same: Deferred[bytes] = Deferred()
            at_work[1].append(same)
            return await same, "repeat"
        if seen is not None and seen.body_id is not None:
            kept = seen.body_id
            first = await self._store.read(lambda conn: body(conn, kept))
            if first:
                return first, "repeat"
        self._working[key] = (digest, [])
        try:
            reply, word, no = await self._do(caller, message, spec, name)
            await self._keep(key, digest, data, reply, no, kept=word != "later" and seen is None)
        except BaseException:
            for waiting in self._working.pop(key)[1]:
                waiting.errback(StoreStopped("the first of these failed"))
            raise
        for waiting in self._working.pop(key)[1]:
            waiting.callback(reply)
        return reply, word

    async def _seen(self, client: str, control_id: str) -> Earlier | None:
        return await self._store.read(lambda conn: earlier(conn, _source(client), control_id))

    async def _keep(
        self, key: tuple[str, str], digest: str, data: bytes, reply: bytes, no: str | None, *, kept: bool
    ) -> None:
        """The first acknowledgement beside the message, for its repeats. The order itself is stored already: when this
        fails, a repeat is known by its request number."""
        if not kept:
            return
        bodies, (asked, said) = body_writes(self._ids, no, data, reply)
        at, source = self._world.now(), _source(key[0])
        came = hear_again(
            self._ids.new(), source=source, key=key[1], body_hash=digest, verdict="heard", at=at, no=no, body_id=asked
        )
        first = hear_first(
            self._ids.new(), source=source, key=key[1], body_hash=digest, at=at, no=no, body_id=said
        )
        try:
            await self._store.submit(Unit("hl7", (*bodies, first, came)))
        except (StoreFull, StoreStopped) as no_room:
            self._log.warning("hl7_ack_not_kept", why=trouble_of(no_room))

    async def _another(self, caller: Caller, message: Message, data: bytes, spec: Hl7Spec) -> bytes:
        """Another message under a number already used: refused, and both are kept."""
        header = message.header
        self._meters.refused("hl7", "repeat_differs")
        bodies, (asked,) = body_writes(self._ids, None, data)
        note = hear_again(
            self._ids.new(), source=_source(caller.client.id), key=header.control_id, body_hash=_digest(message),
            verdict="different", at=self._world.now(), body_id=asked,
        )  # fmt: skip
        try:
            await self._store.submit(Unit("hl7_different", (*bodies, note)))
        except (StoreFull, StoreStopped) as no_room:
            self._log.warning("hl7_ack_not_kept", why=trouble_of(no_room))
        told = error("conflict", "E-REPEAT-DIFFERS")
        return self._answered(header, spec, "start", told, None, code="AR")

    # Doing

    async def _do(
        self, caller: Caller, message: Message, spec: Hl7Spec, name: str
    ) -> tuple[bytes, str, str | None]:
        """What the message asks, done: its acknowledgement, the word, the settlement's number."""
        header = message.header
        try:
            faults = [one.as_error() for one in plan_of(message).check(message)]
        except ValueError:
            return self._not_taken(header, "203", of_place("MSH-12"), 12), "malformed", None
        ask = spec.asks.get(_action(spec, message))
        faults += profile_faults(spec.profile, message, ask, spec.action.segment)
        if ask is None and not faults:
            every = ", ".join(spec.asks)
            text = both(f"只能是：{every}", f"must be one of {every}")
            faults = [HL7Error("103", spec.action.segment, 1, spec.action.field, text)]
        if faults or ask is None:
            told = wrong_fields([(_place(one), *apart(one.text)) for one in faults])
            return self._answered(header, spec, "start", told, None, errors=faults), told.word, None
        told = in_their_codes(await self._order(caller, message, ask, name), ask)
        no = str(told.body.get("settlement_no", "")) or None
        return self._answered(header, spec, ask.what, told, ask), told.word, no

    async def _order(self, caller: Caller, message: Message, ask: Hl7Ask, channel: str) -> Told:
        try:
            made: Mapping[str, Any] = ask.read.run({**ask.fields.read(message), **self._names()})
        except MapRejected as lost:
            self._sites.rejected(lost)
            about = lost.detail or lost.code
            return wrong_fields([(lost.target.removeprefix("body."), about, about)])
        if ask.what == "start":
            return await self._orders.start(caller, channel, made)
        no = str(made.get("no", ""))
        of = await self._orders.number_of(caller, str(made["of"])) if made.get("of") else ""
        if no and of and no != of:
            return wrong_fields([("of", *NOT_ONE)])
        if not no and not made.get("of"):
            return wrong_fields([NO_NUMBER])
        no = no or of
        asked = made.get("body", {})
        match ask.what:
            case "show":
                return await self._orders.show(caller, no)
            case "cancel":
                return await self._orders.cancel(caller, no, asked)
            case "refund":
                return await self._orders.refund(caller, no, asked)
            case event:
                return await self._orders.hear(caller, no, event, asked)

    def _names(self) -> dict[str, Any]:
        return {"hospital": self._sites.current.engine.hospital, "now": int(self._world.now())}

    # Answering

    def _answered(
        self,
        header: Header,
        spec: Hl7Spec,
        what: str,
        told: Told,
        ask: Hl7Ask | None,
        *,
        errors: Iterable[HL7Error] = (),
        code: AckCode | None = None,
    ) -> bytes:
        code = code or code_of(what, told)
        reason = told.body.get("reason", {})
        text = words_of(reason)
        found = list(errors) or ([] if code == "AA" else errors_of(told, ask))
        try:
            fields = fields_of(spec.answer, told, self._names())
        except MapRejected as no:  # the answer's own map: what happened is still said by MSA and ERR
            self._sites.rejected(no)
            self._log.error("hl7_answer_map", map=spec.answer.name, code=no.code, target=no.target)
            fields = []
        return self._ack(header, code, text, found, fields)

    def _not_taken(self, header: Header, condition: str, text: str, field: int = 0) -> bytes:
        """`field`: of MSH, where that is what is wrong."""
        at = ("MSH", 1, field) if field else ("", 0, 0)
        return self._ack(header, "AR", text, [HL7Error(condition, *at, text)], [])

    def _ack(
        self,
        header: Header,
        code: AckCode,
        text: str,
        errors: list[HL7Error],
        fields: list[tuple[str, int, int, str]],
    ) -> bytes:
        at = beijing(self._world.now(), "%Y%m%d%H%M%S")
        return ack(header, code, text, errors, control_id=f"A{self._ids.new()}", at=at, fields=fields)

    def _served(self, listener: str, name: str, word: str, began: float) -> None:
        status = STATUS.get(word, 200)
        took = self._world.now() - began
        self._meters.request_ended(listener, f"hl7_{name}", status, took)
        self._log.message(door=listener, route=f"hl7_{name}", outcome=word, ms=round(took * 1e3, 1))


def _action(spec: Hl7Spec, message: Message) -> str:
    at = spec.action
    segment = message.find(at.segment)
    return "" if segment is None else segment.get(at.field, at.component, 1, at.subcomponent)


def _place(error: HL7Error) -> str:
    return f"{error.segment}-{error.field}" if error.field else error.segment


def _source(client: str) -> str:
    return f"hl7:{client}"


def _digest(message: Message) -> str:
    """What the message says, but for the time it was sent: a repeat may be stamped anew."""
    head, *rest = message.segments
    fields = [text for number, text in enumerate(head.fields) if number != _SENT_AT]
    whole = "\r".join(["|".join(fields), *(segment.text() for segment in rest)])
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
