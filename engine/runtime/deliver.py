"""Deliver channels as one part of the engine: in, out, and what a restart finds.

    deliver = Deliver(world, store, ids, sites, connections, meters, log, older)
    await deliver.recover()      # before a door opens
    deliver.start()              # after the doors are open
    deliver.take(listener, data, peer)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from engine.codecs import hl7v2
from engine.codecs.errors import Undecodable
from engine.config.mllp_parts import within
from engine.connectors.answer import Answer
from engine.connectors.mllp import Peer
from engine.core.world import World
from engine.pipeline.condition import ConditionFailed
from engine.runtime.connections import Connections
from engine.runtime.deliver_batch import Batches
from engine.runtime.deliver_full_check import FullCheck
from engine.runtime.deliver_intake import Intake
from engine.runtime.deliver_lanes import Lanes
from engine.runtime.deliver_message import Held
from engine.runtime.deliver_send import Sending
from engine.runtime.handing import Handed, nobody_told
from engine.runtime.logs import Log, trouble_of
from engine.runtime.meters import Meters
from engine.runtime.sites import Sites
from engine.store.contract import Store
from engine.store.ids import Ids
from engine.store.messages import switches
from engine.store.trail import add_trail

Next = Callable[[str, bytes, Peer], Deferred[bytes]]
INDEXES = 4_000  # persons whose hash need not be made again


class Deliver:
    """`orders` takes the messages that no deliver channel takes, where a settle channel listens on the same door."""

    def __init__(
        self, world: World, store: Store, ids: Ids, sites: Sites, connections: Connections, meters: Meters, log: Log,
        orders: Next,
    ) -> None:  # fmt: skip
        self._world, self._store, self._sites, self._log, self._orders = world, store, sites, log, orders
        self._meters, self._ids = meters, ids
        self.on_reloaded: Callable[[], None] = lambda: None
        self._indexes: dict[tuple[str, str], int] = {}
        self.batches = Batches(world, store, ids)
        self.sending = Sending(world, sites, connections, meters)
        self.sending.ours = lambda: store.ours
        self.sending.on_defect = self._defect
        self.lanes = Lanes(world, store, sites, self.batches, self.sending, log)
        meters.follow(self.lanes.undelivered)
        self.intake = Intake(world, store, ids, sites, self.batches, self.lanes, meters, self._index)
        self.intake.lines = self._lines
        self.full_check = FullCheck(world, meters, log)
        self.intake.full = self.full_check.offer

    def send_with(self, sending: Sending) -> None:
        """A rehearsal's own way of sending."""
        self.sending = self.lanes.sending = sending

    @property
    def busy(self) -> bool:
        """Whether a message is on its way to the disk or to a party."""
        return self.batches.busy or self.lanes.in_flight > 0

    async def recover(self) -> int:
        """Find what is not delivered; the number of deliveries. Before a door opens."""
        for what, state in (await self._store.read(switches)).items():
            self.switched(what, state)
        due = await self.lanes.recover()
        if due:
            self._log.info("deliver_recovered", undelivered=due)
        return due

    def start(self) -> None:
        """Send what is due."""
        self.lanes.start()

    def stop(self) -> None:
        """Send no more; what is in flight may end."""
        self.lanes.stop()
        self.intake.stop()

    def switched(self, what: str, state: str) -> None:
        """A person stopped a channel or party (`channel NAME`, `party NAME`), or lets it go on (state "")."""
        kind, _, name = what.partition(" ")
        if kind == "party":
            if name in self._sites.current.engine.parties:
                gate = self.lanes.gate(name)
                gate.paused = bool(state)
                gate.pump()
            return
        if state == "killed":
            self.intake.killed[name] = state
        else:
            self.intake.killed.pop(name, None)
        if state:
            self.lanes.stopped_channels[name] = state
        else:
            self.lanes.stopped_channels.pop(name, None)
            self.lanes.let_go(name)

    def reloaded(self) -> None:
        """Another configuration is in force: gates take its limits, what waited for a channel that is back goes on."""
        for name in list(self.lanes.gates):
            if name in self._sites.current.engine.parties:
                self.lanes.gate(name).pump()
        for name in self.lanes.parked():
            if name not in self.lanes.stopped_channels:
                self.lanes.let_go(name)
        self.on_reloaded()

    def tell(self, channel: str, no: str, names: Mapping[str, Any]) -> Handed:
        """A settlement hands a message to a channel: stored in the settlement's own unit, sent after it."""
        found = self._sites.current.channels.get(channel)
        if found is None or found.deliver is None:
            self._log.error("tell_lost", channel=channel, no=no)
            return nobody_told(channel, no, names)
        try:
            held = self.intake.told(found.deliver, channel, no, names)
        except ConditionFailed as failed:
            self._log.error("tell_undecided", channel=channel, no=no, why=failed.text)
            return nobody_told(channel, no, names)
        writes = self.batches.rows_of(held)
        if held.rows:
            detail = {"channel": channel, "message": str(held.id), "end": names.get("ended", {}).get("how", "")}
            writes.append(add_trail(self._ids.new(), no, held.received, "Told", detail))
        return Handed(writes, lambda: self.lanes.add(held), bool(held.rows))

    def take(self, listener: str, data: bytes, peer: Peer) -> Deferred[bytes]:
        """One HL7 message of a listener, from its bytes to its acknowledgement."""
        answer = self.hear(listener, data, peer)
        return answer.deferred() if isinstance(answer, Answer) else answer

    def hear(self, listener: str, data: bytes, peer: Peer) -> Answer | Deferred[bytes]:
        """The same for a door."""
        door = self._sites.current.engine.listeners.get(listener)
        if door is None:
            return self._orders(listener, data, peer)
        try:
            message = hl7v2.parse(data, charset := door.usual_charset)
        except Undecodable as fault:  # nobody knows whose it was: the bytes are kept, whichever channels listen here
            if door.peers and not within(peer.ip, door.peers):
                return self._orders(listener, data, peer)  # refused too, but a stranger's bytes are not kept
            return self.intake.unreadable(listener, data, fault, charset)
        header = message.header
        event = f"{header.code}^{header.event}"
        channel = self.intake.takes(listener, event)
        if channel is None and self._settles_at(listener):
            return self._orders(listener, data, peer)
        if door.peers and not within(peer.ip, door.peers):
            self._meters.refused(listener, "peer")
            return self._orders(listener, data, peer)
        answer = self.intake.hear(listener, message, header, event, channel)
        message.let_go()
        return answer

    def _settles_at(self, listener: str) -> bool:
        return any(one.hl7 is not None and one.hl7.at == listener for one in self._sites.current.channels.values())

    def _index(self, kind: str, value: str) -> int:
        found = self._indexes.get((kind, value))
        if found is None:
            if len(self._indexes) >= INDEXES:
                self._indexes.clear()
            found = self._indexes[kind, value] = index_of(self._store.sealer, kind, value)
        return found

    def _lines(self, ended: Sequence[tuple[Held, str]]) -> None:
        """The one line of each message: when nothing is left to do with it, or why it came to nothing."""
        now = self._world.now()
        self._log.messages([
            {"no": str(held.id), "channel": held.channel, "kind": held.kind, "source": held.source,
             "control": held.control, "ms": round((now - held.received) * 1000, 1), "outcome": outcome}
            for held, outcome in ended
        ])  # fmt: skip

    def _defect(self, failure: Any) -> None:
        self._log.error("deliver_defect", why=trouble_of(failure.value, failure.tb))


def index_of(sealer: Any, kind: str, value: str) -> int:
    """64 bits of the keyed hash of a person's or visit's number; never 0."""
    return int.from_bytes(sealer.person_digest(kind, value)[:8], "big", signed=True) or 1
