"""The way out of deliver channels: lanes (a destination and an order key), one message of a lane at a time, lanes side
by side through their party's gate. A message leaves its lane when its end is on the disk.

In memory a message that waits is a number; its bytes are read when it is due.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from engine.config.channel_deliver import Tries
from engine.core import failpoints
from engine.core.retry import Backoff
from engine.core.world import DelayedCall, World
from engine.runtime.deliver_batch import Batches, End
from engine.runtime.deliver_counts import Undelivered
from engine.runtime.deliver_gate import Gate
from engine.runtime.deliver_message import Held
from engine.runtime.deliver_send import Sending, Sent
from engine.runtime.logs import Log
from engine.runtime.sites import Sites
from engine.site.deliver_spec import DeliverSpec, Destination
from engine.store.contract import CannotRead, Store
from engine.store.messages import Due, Kept, due_messages, message_bytes

PAGE = 5000  # rows a reading at recovery
LOAD = 64  # messages read from the store at once
IN_MEMORY = 32 << 20  # bytes of messages that wait with their bytes
READ_AGAIN = 3.0  # seconds, where the database had no connection to read by
GONE = "E-DELIVER-GONE"
HELD = "held"


class Lane:
    """One destination and order key. `items`: messages in order, as numbers or held; the first is the one at work.
    `state`: idle, ready, busy, waiting, held (behind a dead letter), parked (its channel is stopped)."""

    __slots__ = ("channel", "dest", "due", "gate", "items", "key", "sent_at", "state", "tries")

    def __init__(self, channel: str, dest: str, key: int) -> None:
        self.channel, self.dest, self.key = channel, dest, key
        self.items: list[int | Held] = []
        self.state = "idle"
        self.tries = 0
        self.due = 0.0
        self.sent_at = 0.0  # when its head was last sent with no clear answer
        self.gate: Gate | None = None  # while it is busy

    def __lt__(self, other: Lane) -> bool:
        return self.due < other.due


class Lanes:
    """All lanes of this process. `settled` is called with messages that have no destination left to decide."""

    def __init__(
        self, world: World, store: Store, sites: Sites, batches: Batches, sending: Sending, log: Log
    ) -> None:
        self._world, self._store, self._sites, self._log = world, store, sites, log
        self._batches, self.sending = batches, sending
        batches.ended = self._ended
        self._lanes: dict[tuple[str, str], dict[int, Lane]] = {}
        self._site: Any = None  # whose channels `_targets` are
        self._targets: dict[tuple[str, str], tuple[DeliverSpec, Destination]] = {}
        self.gates: dict[str, Gate] = {}
        self.share = 1  # processes that send to the same parties: what a party bears is divided by it
        self.waiting: list[Lane] = []
        self._alarm: DelayedCall | None = None
        self._wanted: list[Lane] = []
        self._reading = False
        self._parked: dict[str, list[Lane]] = {}
        self._memory = 0
        self._left: list[Gate] = []
        self._stopped = False
        self.stopped_channels: dict[str, str] = {}
        self.undelivered = Undelivered()
        self._again: dict[int, float] = {}  # dead letters to be sent again, and since when
        self._born = world.now()  # what is older may have been sent by an earlier life
        self.settled: Callable[[list[Held]], None] = lambda messages: None

    # In

    def add(self, held: Held) -> None:
        """A message that has just been stored, with its rows for the outbox."""
        size = len(held.body or b"")
        keep = self._memory + size <= IN_MEMORY
        for row in held.rows:
            self._append(held.channel, str(row[1]), held.key, held if keep else held.id)
        held.rows = []
        if keep:
            self._memory += size

    def restore(self, due: Due) -> None:
        """A message that was stored earlier; a dead letter keeps its place where the channel holds behind it."""
        spec = self._spec(due.channel)
        if due.state == "dead":
            self.undelivered.lies(due.channel, due.dest)
            if spec is not None and spec.hold:
                self._lane(due.channel, due.dest, due.lane).state = HELD
            return
        lane = self._lane(due.channel, due.dest, due.lane)
        lane.items.append(due.message)
        self.undelivered.waits(due.channel, due.dest)
        if len(lane.items) == 1:
            lane.tries = due.tries
            lane.due = due.next_at

    async def recover(self) -> int:
        """Rebuild all lanes from the store; call before a door opens. The number of deliveries to make."""
        after = 0
        while found := await self._store.read(lambda conn, after=after: due_messages(conn, after, PAGE)):  # type: ignore[misc] # a default binds the loop's value
            for due in found:
                self.restore(due)
            after = found[-1].message
        return self.undelivered.waiting.total()

    def start(self) -> None:
        """Begin with what recovery found."""
        for lanes in list(self._lanes.values()):
            for lane in list(lanes.values()):
                if lane.items and lane.state == "idle":
                    self._due(lane)

    def stop(self) -> None:
        """No more is sent."""
        self._stopped = True
        for gate in self.gates.values():
            gate.stop()
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()

    @property
    def in_flight(self) -> int:
        return sum(gate.in_flight for gate in self.gates.values())

    def _append(self, channel: str, dest: str, key: int, item: int | Held) -> None:
        lane = self._lane(channel, dest, key)
        lane.items.append(item)
        self.undelivered.waits(channel, dest)
        if lane.state == "idle" and len(lane.items) == 1:
            self._ready(lane)

    def _lane(self, channel: str, dest: str, key: int) -> Lane:
        lanes = self._lanes.get((channel, dest))
        if lanes is None:
            lanes = self._lanes[channel, dest] = {}
        lane = lanes.get(key)
        if lane is None:
            lane = lanes[key] = Lane(channel, dest, key)
        return lane

    def _drop(self, lane: Lane) -> None:
        """An empty lane is forgotten."""
        self._lanes[lane.channel, lane.dest].pop(lane.key, None)

    # Whose turn it is

    def _spec(self, channel: str) -> DeliverSpec | None:
        found = self._sites.current.channels.get(channel)
        return None if found is None else found.deliver

    def _target(self, lane: Lane) -> tuple[DeliverSpec, Destination] | None:
        if self._sites.current is not self._site:
            self._site = self._sites.current
            self._targets.clear()
        key = lane.channel, lane.dest
        found = self._targets.get(key)
        if found is None:
            spec = self._spec(lane.channel)
            dest = spec.to.get(lane.dest) if spec is not None else None
            if spec is None or dest is None:
                return None
            found = self._targets[key] = spec, dest
        return found

    def gate(self, party: str) -> Gate:
        """The gate of a party, with today's limits."""
        entry = self._sites.current.engine.parties[party]
        gate = self.gates.get(party)
        if gate is None:
            gate = self.gates[party] = Gate(self._world, party, entry, self._go)
        if gate.entry is not entry or gate.share != self.share:
            gate.agreed(entry, self.share)
        return gate

    def _ready(self, lane: Lane) -> None:
        """Its head may be sent as soon as its party's gate lets it."""
        target = self._target(lane)
        if self._stopped or target is None or lane.channel in self.stopped_channels:
            lane.state = "parked"  # its channel is stopped, or the configuration no longer has it
            self._parked.setdefault(lane.channel, []).append(lane)
            return
        lane.state = "ready"
        self.gate(target[1].party).add(lane)

    def _due(self, lane: Lane) -> None:
        """Wait for the lane's next try, or go at once."""
        if lane.due <= self._world.now():
            self._ready(lane)
            return
        lane.state = "waiting"
        heappush(self.waiting, lane)
        self.set_alarm()

    def set_alarm(self) -> None:
        due = self.waiting[0].due
        if self._alarm is not None and self._alarm.active():
            if self._alarm_at <= due:
                return
            self._alarm.cancel()
        self._alarm_at = due
        self._alarm = self._world.later(due - self._world.now(), self._ring)

    _alarm_at = 0.0

    def _ring(self) -> None:
        now = self._world.now() + 1e-6
        while self.waiting and self.waiting[0].due <= now:
            lane = heappop(self.waiting)
            if lane.state == "waiting":
                self._ready(lane)
        if self.waiting:
            self.set_alarm()

    def parked(self) -> list[str]:
        """Channels with lanes that wait for them."""
        return list(self._parked)

    def let_go(self, channel: str) -> None:
        """A stopped channel goes on, or a new configuration has it again."""
        for lane in self._parked.pop(channel, []):
            if lane.state == "parked":
                self._ready(lane)

    def revived(self, channel: str, dest: str, key: int, id: int) -> None:
        """A dead letter is to be sent again: at the head of a lane that waits behind it, else as the last."""
        lane = self._lane(channel, dest, key)
        self.undelivered.again(channel, dest)
        self._again[id] = self._world.now()
        if lane.state == HELD:
            lane.items.insert(0, id)
            lane.state = "idle"
        else:
            lane.items.append(id)
        if lane.state == "idle":
            lane.tries, lane.due = 0, 0.0
            self._ready(lane)

    def released(self, channel: str, dest: str, key: int) -> None:
        """A dead letter was given up: what waits behind it goes on."""
        self.undelivered.given_up(channel, dest)
        lane = self._lane(channel, dest, key)
        if lane.state == HELD:
            lane.state = "idle"
            if lane.items:
                lane.tries, lane.due = 0, 0.0
                self._ready(lane)
            else:
                self._drop(lane)

    # One message

    def _go(self, gate: Gate, lane: Lane) -> None:
        """The gate has let this lane's head go."""
        lane.state, lane.gate = "busy", gate
        item = lane.items[0]
        target = self._target(lane)
        if target is None or lane.channel in self.stopped_channels:
            lane.state = "parked"
            self._parked.setdefault(lane.channel, []).append(lane)
            gate.ended()
        elif isinstance(item, int) or item.body is None:
            self._wanted.append(lane)
            self._read()
        else:
            self._send(lane, item, *target)

    def _read(self) -> None:
        if self._reading or not self._wanted:
            return
        self._reading = True
        lanes, self._wanted = self._wanted[:LOAD], self._wanted[LOAD:]
        ids = [item if isinstance(item := lane.items[0], int) else item.id for lane in lanes]
        reading = self._store.read(lambda conn: message_bytes(conn, ids))
        reading.addCallbacks(self._have_read, self._not_read, (lanes,), errbackArgs=(lanes,))

    def _have_read(self, found: dict[int, tuple[Kept, bytes]], lanes: list[Lane]) -> None:
        self._reading = False
        for lane in lanes:
            item = lane.items[0]
            id = item if isinstance(item, int) else item.id
            target = self._target(lane)
            if id not in found or target is None:
                held = item if isinstance(item, Held) else Held(id, lane.channel, "", "", "", self._world.now())
                self._over(lane, held, Sent("", "", "", dead=GONE))
                continue
            kept, body = found[id]
            if isinstance(item, int):
                item = Held(id, kept.channel, kept.kind, kept.source, kept.control, kept.received_at)
                lane.items[0] = item
            item.body = body
            self._memory += len(body)
            self._send(lane, item, *target)
        self._read()

    def _not_read(self, failure: Any, lanes: list[Lane]) -> None:
        """The store is stopped or dead, and the process ends; or it is tried again."""
        self._reading = False
        self._log.error("deliver_not_read", why=type(failure.value).__name__)
        if failure.check(CannotRead) is not None:
            self._wanted = lanes + self._wanted
            self._world.later(READ_AGAIN, self._read)

    def _send(self, lane: Lane, held: Held, spec: DeliverSpec, dest: Destination) -> None:
        failpoints.hit("deliver.before_send")
        since = 0.0
        if dest.ask:
            since = lane.sent_at or (self._born if held.received < self._born else self._again.get(held.id, 0.0))
        self.sending.send(held, spec, dest, self._over, lane, since)

    def _over(self, lane: Lane, held: Held, sent: Sent) -> None:
        """An attempt ended: what comes of it is written; the lane goes on when it is on the disk."""
        failpoints.hit("deliver.sent")
        now = self._world.now()
        sent.started_at = sent.started_at or now
        end = End(lane, held, sent)
        if lane.gate is not None:
            lane.gate.heard(sent.healthy)
        if sent.failed in ("silent", "unknown") and not sent.asked:
            lane.sent_at = now
        if sent.dead:
            end.dead, end.tries = sent.dead, lane.tries + 1
        elif sent.failed:
            self._judge(lane, held, end, sent, now)
        self._batches.end(end)

    def _judge(self, lane: Lane, held: Held, end: End, sent: Sent, now: float) -> None:
        """Try again later, or give it up to a person."""
        target = self._target(lane)
        rules = target[0].retry[sent.failed] if target is not None else Tries()
        tries = end.tries = lane.tries + 1
        if target is not None and not target[1].repeats and sent.failed in ("silent", "unknown"):
            end.dead = f"{sent.why}; repeats: never"
            return
        backoff = Backoff(rules.first, 2.0, rules.cap, rules.jitter)
        wait = backoff.delay(tries, self._world.jitter())
        if tries >= rules.tries or now + wait > held.received + rules.max_age:
            end.dead = sent.why
            return
        end.next_at, end.why = now + wait, sent.why

    def _ended(self, ends: list[End]) -> None:
        """Ends that are on the disk."""
        settled = []
        for end in ends:
            lane: Lane = end.lane
            held = end.held
            gate, lane.gate = lane.gate, None
            if gate is not None:
                self._left.append(gate)
            if end.next_at is not None:
                lane.tries, lane.due = end.tries, end.next_at
                self._forget(held)
                if held.left < 0:
                    lane.items[0] = held.id
                self._due(lane)
                continue
            self.undelivered.over(lane.channel, lane.dest, end.dead)
            del lane.items[0]
            lane.tries, lane.due, lane.sent_at = 0, 0.0, 0.0
            self._again.pop(held.id, None)
            if end.dead:
                held.failed = held.failed or end.dead
                self._log.warning("dead_letter", channel=lane.channel, dest=lane.dest, no=str(held.id), why=end.dead)
                target = self._target(lane)
                if target is not None and target[0].hold:
                    lane.state = HELD
            if lane.state != HELD:
                lane.state = "idle"
                if lane.items:
                    self._ready(lane)
                else:
                    self._drop(lane)
            held.left -= 1
            if held.left <= 0:
                self._forget(held)
                settled.append(held)
        if settled:
            self.settled(settled)
        left, self._left = self._left, []
        for gate in left:
            gate.ended()

    def _forget(self, held: Held) -> None:
        """Its bytes are no longer needed here, or not for a while."""
        if held.body is not None and held.left <= 1:
            self._memory = max(0, self._memory - len(held.body))
            held.body = held.names = None
