"""A worker: a process that shares the doors of spread deliver channels with the engine and has a store of its own.

It takes messages in and sends them on, and does nothing else: no settlement, no clock, no HTTP. What people stop is
read from the engine's store; a new configuration is a new worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from engine.codecs import hl7v2
from engine.codecs.hl7_ack import HL7Error, ack
from engine.connectors.mllp import Peer
from engine.core.times import beijing
from engine.core.world import World
from engine.listeners import Makes
from engine.runtime.clock_steps import move_retries
from engine.runtime.connections import Connections
from engine.runtime.deliver import Deliver
from engine.runtime.deliver_elsewhere import served
from engine.runtime.deliver_hands import Hands
from engine.runtime.deliver_spread import shared_doors
from engine.runtime.hl7_refusals import of_place
from engine.runtime.housekeeping import Housekeeping
from engine.runtime.links import link_of
from engine.runtime.listening import Opened
from engine.runtime.logs import Log
from engine.runtime.meters import Meters
from engine.runtime.node_meters import as_told
from engine.runtime.numbers import Numbers
from engine.runtime.pulse import Pulse
from engine.runtime.sites import Sites
from engine.runtime.unmapped import Unmapped
from engine.site.site import Site
from engine.store.beside import Beside
from engine.store.counters import Counter
from engine.store.ids import Ids
from engine.store.store import SqlStore

DRAIN = 30.0  # seconds in which what is in flight may end
LOOK = 1.0  # seconds between two looks at what people stopped


class Worker:
    """One worker. `beside`: the engine's file first, then the other workers'. `lane` of `lanes`: which ids are its.

    `count`: processes in all, by which what a party bears is divided. One that is more than the configuration wants
    (`doors` False) takes nothing in: it sends what lies in its store, and keeps it in reach until its time is over.
    """

    def __init__(
        self, world: World, root: Any, site: Site, store: SqlStore, log: Log, beside: Beside, *, lane: int, lanes: int,
        count: int, doors: bool,
    ) -> None:  # fmt: skip
        self._world, self._root, self._store, self._log, self._beside = world, root, store, log, beside
        self._ids = Ids(world, store, lane=lane, lanes=lanes)
        numbers = Numbers(world, Counter(store, "settlement"), Counter(store, "message"))
        self._sites = Sites(site, numbers)
        self._connections = Connections({name: link_of(world, root, site, name) for name in site.engine.parties})
        self._meters = Meters()
        self.deliver = Deliver(
            world, store, self._ids, self._sites, self._connections, self._meters, log, self._nobody
        )
        self.deliver.intake.beside = beside.known
        self.deliver.lanes.share = count
        self._shares = doors
        self.hands = Hands(world, store, self._ids, self._sites, self.deliver)
        self._housekeeping = Housekeeping(world, store, site.engine.retention, log)
        self._unmapped = Unmapped(world, store, self._meters, log)
        self._sites.on_rejected = self._unmapped.note
        self._pulse = Pulse(world, self._meters, self._clock_was_set)
        self._doors: list[Opened] = []
        self._stopped: Mapping[str, str] = {}
        self._timer: Any = None

    async def start(self) -> None:
        """Store, recovery, doors."""
        await self._store.start()
        await self._ids.start()
        self._look()
        await self.deliver.recover()
        site = self._sites.current
        shared = shared_doors(site) if self._shares else frozenset()
        kind = Makes(self._world, self._root, self._log, shared).mllp_kind(self.deliver.hear)
        for name in sorted(shared):
            listener = kind.make(name, site.engine.listeners[name])
            await listener.start()
            self._doors.append(listener)
        self.deliver.start()
        self._housekeeping.start()
        self._pulse.start()

    async def stop(self) -> None:
        """Close the doors, let what is in flight end, leave."""
        if self._timer is not None:
            self._timer.cancel()
        self._housekeeping.stop()
        self._pulse.stop()
        until = self._world.passed() + DRAIN
        await gatherResults([one.drain(DRAIN) for one in self._doors], consumeErrors=True)
        self.deliver.stop()
        while self.deliver.busy and self._world.passed() < until:
            pause: Deferred[None] = Deferred()
            self._world.later(0.05, pause.callback, None)
            await pause
        await self._connections.close()
        self._unmapped.stop()
        await self._store.stop()
        self._beside.close()

    async def asked(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """What a person wants done with messages that lie here, handed on by the engine; or what is measured here."""
        if line["do"] == "metrics":
            return {"ok": {"families": as_told(self._meters.families())}}
        return await served(self.hands, self._store, line)

    def _look(self) -> None:
        """What people stopped or let go since the last look."""
        now = self._beside.switches()
        for what in {*now, *self._stopped}:
            if now.get(what, "") != self._stopped.get(what, ""):
                self.deliver.switched(what, now.get(what, ""))
        self._stopped = now
        self._timer = self._world.later(LOOK, self._look)

    def _clock_was_set(self, wall_seconds: float) -> None:
        """The engine tells of it in the log; what waits to be sent again here is moved here."""
        move_retries(wall_seconds * self._world.rate, self.deliver.lanes)

    def _nobody(self, listener: str, data: bytes, peer: Peer) -> Deferred[bytes]:
        """A message no deliver channel takes: refused as the engine would refuse it."""
        door = self._sites.current.engine.listeners.get(listener)
        header = hl7v2.header_of(data, door.usual_charset if door else "UTF-8")
        at = beijing(self._world.now(), "%Y%m%d%H%M%S")
        answer: Deferred[bytes] = Deferred()
        text = of_place("MSH-9")
        errors = [HL7Error("200", "MSH", 1, 9, text)]
        answer.callback(ack(header, "AR", text, errors, control_id=f"A{self._ids.new()}", at=at))
        return answer
