"""The way in of deliver channels: HL7 messages and HTTP requests become stored messages, each acknowledged once.

A message is known again by its sender (listener, MSH-3, MSH-4) and MSH-10, also after a restart. The same content gets
the first acknowledgement again, byte for byte; other content under the same number is refused, and both are kept.

With `ack: delivered` the sender hears AA when every destination has it and AE when one has it as a dead letter. Where
`answer_within` passes first it hears an AE that is not kept: the message is stored and goes on; whoever repeats it
waits again and hears how it stands then.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from engine.codecs import hl7v2
from engine.codecs.errors import Undecodable
from engine.codecs.hl7_ack import AckCode, HL7Error
from engine.codecs.hl7_plan import Finding, Plan, check, plan_for
from engine.codecs.hl7_tables import structure_of
from engine.connectors.answer import Answer
from engine.core import failpoints
from engine.core.bilingual import both
from engine.core.world import World
from engine.pipeline.condition import ConditionFailed
from engine.runtime.deliver_acks import Caller, Refused, ack_of
from engine.runtime.deliver_batch import Batches
from engine.runtime.deliver_lanes import Lanes
from engine.runtime.deliver_message import Held, digest_of, with_lets
from engine.runtime.handing import TOLD_SOURCE
from engine.runtime.hl7_refusals import of_bytes, of_place
from engine.runtime.meters import Meters
from engine.runtime.sites import Sites
from engine.site.deliver_spec import DeliverSpec, Names
from engine.site.site import Channel
from engine.store.codec import encode
from engine.store.contract import Store
from engine.store.ids import Ids
from engine.store.messages import Known, known_message

RECENT = 2_000  # messages whose number is known without asking the store
LOOK = 0.25  # seconds between two looks at who has waited too long
Index = Callable[[str, str], int]


class Intake:
    """Takes messages in. `index(kind, value)` gives 64 bits of a person's keyed hash."""

    def __init__(
        self, world: World, store: Store, ids: Ids, sites: Sites, batches: Batches, lanes: Lanes, meters: Meters,
        index: Index,
    ) -> None:  # fmt: skip
        self._world, self._store, self._ids, self._sites = world, store, ids, sites
        self._batches, self._lanes, self._meters, self._index = batches, lanes, meters, index
        batches.taken, batches.known, batches.refused = self._taken, self._ask, self._no_room
        lanes.settled = self._settled
        self.full: Callable[[str, int, bytes, str], None] = lambda channel, number, body, charset: None
        self.lines: Callable[[Sequence[tuple[Held, str]]], None] = lambda ended: None  # what the log says of each
        self._recent: OrderedDict[tuple[str, str], Held] = OrderedDict()
        self._late: dict[int, list[Held]] = {}  # repeats that wait for a message the store knows of
        self._patient: deque[tuple[float, Held]] = deque()
        self._timer: Any = None
        self._site: Any = None
        self._table: dict[tuple[str, str], Channel] = {}
        self.killed: dict[str, str] = {}
        self.beside: Callable[[str, str], Known | None] | None = None  # what other processes took in
        self._elsewhere: list[Held] = []  # repeats that wait for another process's delivery

    # HL7

    def takes(self, listener: str, event: str) -> Channel | None:
        """The channel that takes this kind of message at this listener."""
        site = self._sites.current
        if site is not self._site:
            self._site, self._table = site, {}
            for channel in site.channels.values():
                for one in channel.deliver.events if channel.deliver is not None else ():
                    self._table[channel.deliver.at, one] = channel  # type: ignore[union-attr]  # looked at just above
        found = self._table.get((listener, event))
        return found or self._table.get((listener, event.partition("^")[0] + "^*"))

    def hear(
        self, listener: str, message: hl7v2.Message, header: hl7v2.Header, event: str, channel: Channel | None
    ) -> Answer:
        """One HL7 message of a kind that this channel takes (None: nobody does); its acknowledgement is given after the
        message is stored (or delivered)."""
        source = f"{listener} {header.sender[0]}^{header.sender[1]}"
        held = Held(self._ids.new(), "", event, source, header.control_id, self._world.now())
        held.body = message.raw
        held.digest = digest_of(message.raw)
        answer = Answer()
        if channel is None:
            known = any(key[0] == listener and key[1][:3] == header.code for key in self._table)
            text = f"{event}：{of_place('MSH-9')}"
            error = HL7Error("201" if known else "200", "MSH", 1, 9, text)
            return self._refuse(held, header, "AR", text, [error], answer)
        spec = channel.deliver
        assert spec is not None, "the table holds deliver channels only"
        held.channel = channel.name
        if not header.control_id:
            error = HL7Error("101", "MSH", 1, 10, of_place("MSH-10"))
            return self._refuse(held, header, "AR", error.text, [error], answer)
        if channel.name in self.killed:
            stopped = f"channel {channel.name} is stopped; send it later"
            text = both(f"通道 {channel.name} 已停用，请稍后再发", stopped)
            answer.give(ack_of(header, held, "AR", text, [HL7Error("207", text=text)]))
            return answer
        held.reply = [Caller(header, answer)]
        if self._again(held):
            return answer
        findings = _checked(message, header) if spec.check else ()
        if findings:
            code: AckCode = "AR" if findings[0].rule == "version" else "AE"
            return self._refuse(held, header, code, findings[0].text, [one.as_error() for one in findings[:10]], answer)
        try:
            self._accept(spec, held, spec.reader.read(message))
        except ConditionFailed as no:
            error = HL7Error("101", text=both(f"条件无法判断：{no.text}", f"cannot be decided: {no.text}"))
            return self._refuse(held, header, "AE", error.text, [error], answer)
        if spec.full:
            self.full(channel.name, held.id, message.raw, message.charset)
        return answer

    def unreadable(self, listener: str, data: bytes, fault: Undecodable, charset: str) -> Answer:
        """Bytes that are no HL7 message in its character set: kept as they are, and refused with the byte's offset.
        `charset` is the line's own: who names none in MSH-18 reads our words in it too."""
        header = hl7v2.header_of(data, charset)
        source = f"{listener} {header.sender[0]}^{header.sender[1]}"
        held = Held(self._ids.new(), "", f"{header.code}^{header.event}", source, header.control_id, self._world.now())
        held.body, held.digest = data, digest_of(data)
        text = of_bytes(fault)
        return self._refuse(held, header, "AR", text, [HL7Error("102", text=text)], Answer())

    def _refuse(
        self, held: Held, header: hl7v2.Header, code: AckCode, text: str, errors: Sequence[HL7Error],
        answer: Answer,
    ) -> Answer:  # fmt: skip
        """Keep what is not taken, and say why."""
        held.state, held.ack, held.opens = "refused", code, 0
        held.reply = [Refused(ack_of(header, held, code, text, errors), answer)]
        self._meters.refused(held.channel or "deliver", code)
        self._batches.take(held)
        return answer

    # Every door

    def accept_json(self, channel: Channel, held: Held, names: Names, answer: Callable[[Held], None]) -> None:
        """An HTTP request that passed its schema; `answer` is called with the message when it can be answered."""
        held.reply = [answer]
        if not self._again(held):
            assert channel.deliver is not None
            self._accept(channel.deliver, held, names)

    def _again(self, held: Held) -> bool:
        """Whether its number was seen lately; then it is dealt with."""
        key = (held.source, held.control)
        first = self._recent.get(key)
        if first is None:
            found = self.beside(*key) if self.beside is not None and held.control else None
            if found is not None:
                self._repeat(held, found, None, elsewhere=True)
                return True
            self._recent[key] = held
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)
            return False
        self._repeat(held, Known(first.id, first.digest, first.state, first.ack, first.received), first)
        return True

    def _repeat(self, held: Held, first: Known, live: Held | None, *, elsewhere: bool = False) -> None:
        if first.digest != held.digest:
            held.state, held.ack, held.opens, held.rows = "refused", "AR", 0, []
            for caller in held.reply:
                caller.other_content(held)
            self._batches.take(held)
            return
        self.lines([(held, "repeat")])
        held.id, held.received, held.ack, held.state = first.id, first.received_at, first.ack, first.state
        if live is not None and live.reply is not None:
            live.reply += held.reply  # it waits for the disk, or for the destinations, as the first one does
        elif first.ack:
            self._tell(held)
        else:
            if elsewhere:
                self._elsewhere.append(held)
            else:
                self._late.setdefault(first.id, []).append(held)
            self._wait(held)

    def _accept(self, spec: DeliverSpec, held: Held, names: Names) -> None:
        """Where it goes, in which lanes; then to the disk."""
        with_lets(spec, names, held, self._sites.current.engine.hospital)
        self.note_persons(spec, held, names)
        if spec.when is None or spec.when.test(names):
            self.place(spec, held, names, None)
        if held.rows:
            if not spec.ack_delivered:
                held.ack = "AA"
        else:
            held.state, held.ack = "skipped", "AA"
        self._batches.take(held)

    def told(self, spec: DeliverSpec, channel: str, no: str, names: Mapping[str, Any]) -> Held:
        """A message a settlement hands over: what the channel's maps read of it, sealed as its bytes."""
        held = Held(self._ids.new(), channel, "settlement", f"{TOLD_SOURCE}{channel}", no, self._world.now())
        held.body = encode({name: names[name] for name in sorted(spec.roots) if name in names})
        held.digest, held.opens, held.ack = digest_of(held.body), 0, "AA"
        read = with_lets(spec, dict(names), held, self._sites.current.engine.hospital)
        self.note_persons(spec, held, read)
        if spec.when is None or spec.when.test(read):
            self.place(spec, held, read, None)
        if not held.rows:
            held.state = "skipped"
        held.names = None
        return held

    def note_persons(self, spec: DeliverSpec, held: Held, names: Names) -> None:
        """Whose it is: the patient's and the visit's index."""
        patient, visit = spec.patient(names), spec.visit(names)
        held.patient = self._index("patient", patient) if patient else 0
        held.visit = self._index("visit", visit) if visit else 0

    def place(self, spec: DeliverSpec, held: Held, names: Names, only: Collection[str] | None) -> None:
        """Its lane, and its rows for the outbox: every destination that wants it, or `only` these."""
        key = spec.key(names) if spec.key is not None else ""
        if not key:
            held.key = held.id
        elif key == spec.patient(names):
            held.key = held.patient or self._index("patient", key)
        else:
            held.key = self._index("key", key)
        held.rows = [
            (held.id, dest.name, held.channel, dest.party, held.key, "ready", 0, 0.0, "")
            for dest in spec.to.values()
            if (only is None or dest.name in only) and (dest.when is None or dest.when.test(names))
        ]
        if held.rows:
            held.left, held.names = len(held.rows), names

    def _taken(self, messages: list[Held]) -> None:
        """They are on the disk."""
        over = []
        for held in messages:
            if held.ack:
                failpoints.hit("deliver.before_ack")
                self._tell(held)
            else:
                self._wait(held)
            if held.rows:
                self._lanes.add(held)
            else:
                over.append((held, held.state))
                held.body = held.names = None
        if over:
            self.lines(over)

    def _settled(self, messages: list[Held]) -> None:
        """No destination is left to decide of these, as far as each message in memory knows."""
        over = []
        for held in messages:
            late = self._late.get(held.id) if self._late else None
            if held.left == 0:
                held.state = "dead" if held.failed else "done"
                held.ack = held.ack or ("AE" if held.failed else "AA")
                failpoints.hit("deliver.before_ack")
                self._tell(held)
                over.append((held, held.state))
                for one in self._late.pop(held.id, ()) if late else ():
                    one.ack = held.ack
                    self._tell(one)
                continue
            over.append((held, "dead" if held.failed else "done"))  # after a restart: a line for each destination
            if late is not None:
                self._store.read(lambda conn, id=held.id: conn.row("message_get", id=id)).addCallback(  # type: ignore[misc] # a default binds the loop's value
                    self._looked, held.id
                )
        self.lines(over)

    def _looked(self, row: Any, id: int) -> None:
        if row is None or not row[12]:
            return
        for one in self._late.pop(id, ()):
            one.ack = row[12]
            self._tell(one)

    def _tell(self, held: Held) -> None:
        """Answer who waits for it."""
        replies, held.reply = held.reply, None
        for caller in replies or ():
            caller(held)

    def _ask(self, held: Held) -> None:
        """The store knows its number: what is there?"""
        first = self._recent.get((held.source, held.control))
        if first is held:
            del self._recent[held.source, held.control]
        source, control = held.source, held.control

        def answered(found: Known | None) -> None:
            if found is not None:
                self._repeat(held, found, None)

        self._store.read(lambda conn: known_message(conn, source, control)).addCallback(answered)

    def _no_room(self, held: Held) -> None:
        """The disk is full: its sender keeps it."""
        self._recent.pop((held.source, held.control), None)
        held.state, held.ack = "not_stored", "AE"
        self.lines([(held, held.state)])
        self._tell(held)

    # Patience

    def _wait(self, held: Held) -> None:
        channel = self._sites.current.channels.get(held.channel)
        within = channel.deliver.answer_within if channel is not None and channel.deliver is not None else 20.0
        self._patient.append((self._world.passed() + within, held))
        if self._timer is None:
            self._timer = self._world.later(LOOK, self._look)

    def _look(self) -> None:
        """Who has waited long enough is told that it is stored, and no more."""
        self._timer = None
        now = self._world.passed()
        waiting, self._elsewhere = self._elsewhere, []
        for held in waiting:
            found = self.beside(held.source, held.control) if self.beside is not None and held.reply else None
            if found is not None and found.ack:
                held.ack = found.ack
                self._tell(held)
            elif held.reply:
                self._elsewhere.append(held)
        while self._patient and (self._patient[0][0] <= now or self._patient[0][1].reply is None):
            _, held = self._patient.popleft()
            if held.reply is not None:
                replies, held.reply = held.reply, []
                for caller in replies:
                    caller.later(held)
        if self._patient:
            self._timer = self._world.later(LOOK, self._look)

    def stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


def _checked(message: hl7v2.Message, header: hl7v2.Header) -> list[Finding]:
    """As `check`, with the header that is known already."""
    try:
        return _plan(header.version, header.code, header.event, header.structure).check(message)
    except ValueError:
        return check(message)


@lru_cache(maxsize=1024)
def _plan(version: str, code: str, event: str, structure: str) -> Plan:
    return plan_for(version, structure_of(version, code, event, structure))
