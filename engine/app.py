"""The engine put together: the one place that builds objects. It reads as a list of parts.

`Engine(...).start()` opens the store, recovers, opens the doors and starts the clock's channels, in that order;
`stop()` does the reverse and lets what is in flight end. The reactor is handed in by the command line, a test or a
simulation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from engine.config.secret import SecretRef, resolve_secret
from engine.connectors.http_limits import HttpLimits
from engine.connectors.http_listener import HttpListener
from engine.connectors.http_sender import HttpSender
from engine.console.console import Console, routes
from engine.console.node import Door, Node
from engine.core.world import World
from engine.parties.registry import PARTIES
from engine.runtime.answer_api import AnswerApi
from engine.runtime.auth import NONCE_LIFE, Client, Gate
from engine.runtime.callbacks import Callbacks
from engine.runtime.connections import Connections, Link
from engine.runtime.doors import Doors
from engine.runtime.driver import SettlementDriver
from engine.runtime.health import Health
from engine.runtime.housekeeping import Housekeeping
from engine.runtime.journal import Journal
from engine.runtime.logs import Log, trouble_of
from engine.runtime.meters import Meters
from engine.runtime.numbers import Numbers
from engine.runtime.orders import Orders
from engine.runtime.outflow import Outflow
from engine.runtime.recovery import Recovery
from engine.runtime.routes import Route
from engine.runtime.sessions import Session, Sessions
from engine.runtime.settlement_api import SettlementApi
from engine.runtime.sites import Sites, UnknownSite
from engine.runtime.timed import Timed
from engine.saga.rules import RULES, Rules
from engine.site.load import load_pinned
from engine.site.settings import settings_of
from engine.site.site import Site
from engine.store.contract import Store, Unit
from engine.store.counters import Counter
from engine.store.ids import Ids
from engine.store.sessions import sessions
from engine.store.site_versions import keep_site, site_files, sites_in_use
from engine.store.trail import used_nonces

DRAIN = 30.0  # seconds in which what is in flight may end
LAST_WORDS = 20.0  # seconds after which a request still being worked on is answered `working`


class Engine:
    """One node of the settlement engine."""

    def __init__(
        self, world: World, root: Path, site: Site, store: Store, log: Log, *, rules: Rules = RULES
    ) -> None:
        self.world, self.root, self.store, self.log = world, root, store, log
        self.meters = Meters()
        self.ids = Ids(world, store)
        self._settlement_numbers, self._message_numbers = Counter(store, "settlement"), Counter(store, "message")
        self.numbers = Numbers(world, self._settlement_numbers, self._message_numbers)
        self.sites = Sites(site, self.numbers)
        self.connections = Connections({name: self._link(name) for name in site.engine.parties})
        self.sessions = Sessions(world, self._sign_in)
        self.outflow = self._make_outflow()
        limits = site.engine.limits
        self.driver = SettlementDriver(
            world, store, self.sites, self.outflow, self.ids, self.meters, log,
            rules=rules, open_max=limits.open_settlements, queue_max=limits.queued_events,
            sealer=getattr(store, "sealer", None),
        )  # fmt: skip
        self.gate = Gate(world, self._clients(site))
        journal = Journal(world, store, self.ids, log)
        self.timed = Timed(
            world, self.sites, self.outflow, store, self.numbers, journal, log, self.sessions.put
        )
        self.housekeeping = Housekeeping(world, store, site.engine.retention, log)
        self.recovery = Recovery(world, store, self.driver, log)
        self.orders = Orders(world, self.sites, self.driver, store, self.numbers, self.ids, self.meters)
        self.doors = Doors(
            SettlementApi(world, self.gate, self.orders, self.meters),
            AnswerApi(world, self.gate, self.sites, self.outflow, journal, self.meters),
            Callbacks(world, self.sites, self.connections, store, self.ids, self.driver, self.meters, log),
            Health(self.meters, self._not_ready),
        )
        self.listeners: dict[str, HttpListener] = {}
        self.extra_routes: dict[str, list[Route]] = {}
        if site.engine.console is not None:
            self.extra_routes[site.engine.console.at] = routes(Console(world, store, self._node(), log))
        self._state = "starting"

    # Life

    async def start(self) -> None:
        """Store, recovery, doors, clock. Errors: whatever keeps the engine from running (CannotStart, UnknownSite)."""
        await self.store.start()
        counters = (self.ids, self._settlement_numbers, self._message_numbers)
        await gatherResults(
            [Deferred.fromCoroutine(one.start()) for one in counters],
            consumeErrors=True,
        )
        await self._pinned_sites()
        for party, (values, until) in (await self.store.read(sessions)).items():
            self.sessions.put(party, Session(values, until))
        used_since = self.world.now() - NONCE_LIFE
        self.gate.remember(await self.store.read(lambda conn: used_nonces(conn, used_since)))
        await self.recovery.mark()
        self.doors.build(self.sites.current, self.extra_routes)
        for name, door in self.sites.current.engine.listeners.items():
            if door.http is not None:
                await self._open(name, door)
        self._state = "running"
        self.recovery.carry_on()
        self.timed.start()
        self.housekeeping.start()
        self.log.info("started", site=self.sites.current.content_hash[:12], doors=len(self.listeners))

    async def stop(self) -> None:
        """Close the doors, let calls in flight end (at most 30 s), store what is queued, leave."""
        self._state = "stopping"
        self.timed.stop()
        self.housekeeping.stop()
        until = self.world.now() + DRAIN
        self.orders.leave_by = self.world.now() + LAST_WORDS
        await gatherResults([one.drain(DRAIN) for one in self.listeners.values()], consumeErrors=True)
        while self.driver.in_flight and self.world.now() < until:
            pause: Deferred[None] = Deferred()
            self.world.later(0.1, pause.callback, None)
            await pause
        await self.connections.close()
        await self.store.stop()
        self.log.info("stopped", in_flight=self.driver.in_flight)

    async def _pinned_sites(self) -> None:
        site = self.sites.current
        texts = {path: data.decode("utf-8") for path, data in site.files.items()}
        kept = keep_site(site.content_hash, texts, self.world.now())
        await self.store.submit(Unit("site", (kept,)))
        for content_hash in await self.store.read(sites_in_use):
            if self.sites.knows(content_hash):
                continue
            files = await self.store.read(partial(site_files, hash=content_hash))
            pinned = load_pinned({path: text.encode() for path, text in (files or {}).items()}, site.engine)
            if not isinstance(pinned, Site):
                raise UnknownSite(f"site {content_hash[:12]} of settlements in flight cannot be loaded: {pinned[:3]}")
            self.sites.pin(pinned)

    async def _open(self, name: str, door: Any) -> None:
        host, port = door.http
        limits = HttpLimits(
            body=door.body_bytes, connections=door.connections, per_ip=door.connections, in_flight=door.connections,
            idle_s=door.idle, body_limit=self.doors.body_limit(name),
        )  # fmt: skip
        listener = HttpListener(
            self.world, name, host, port, lambda request: self.doors.knock(name, request), limits,
            on_request=lambda method, path, status, seconds, size: self._served(name, method, path, status, seconds),
            on_error=lambda failure: self.log.error(
                "door_failed", door=name, why=trouble_of(failure.value, failure.tb)
            ),
        )  # fmt: skip
        await listener.start()
        self.listeners[name] = listener

    def _served(self, door: str, method: str, path: str, status: int, seconds: float) -> None:
        found = self.doors.tables[door].find(method, path) if path else None
        self.meters.request_ended(door, found[0].name if found else "none", status, seconds)

    def _not_ready(self) -> str:
        if self._state != "running":
            return self._state
        return "store full" if getattr(self.store, "state", "") == "refusing" else ""

    # Parts a rehearsal replaces (engine/conversation_stage.py)

    def _make_outflow(self) -> Outflow:
        return Outflow(self.world, self.connections, self.sessions, self.meters)

    # Parts made from engine.yaml

    def _link(self, name: str) -> Link:
        def settings() -> Any:
            entry = self.sites.current.engine.parties[name]
            return settings_of(entry, PARTIES[entry.kind], self.root)

        def sender() -> HttpSender:
            entry = self.sites.current.engine.parties[name]
            reply_max = self.sites.current.engine.limits.body_bytes
            return HttpSender(
                self.world, entry.url, window=entry.window, queue_max=entry.queue, max_reply_bytes=reply_max
            )

        site_parties: Mapping[str, Any] = self.sites.current.engine.parties
        return Link(PARTIES[site_parties[name].kind], settings, sender)

    def _node(self) -> Node:
        """What the console is told of this node."""

        def party(name: str) -> Any:
            entry = self.sites.current.engine.parties.get(name)
            return None if entry is None else PARTIES[entry.kind]

        return Node(
            version=_version(),
            root=self.root,
            started_at=self.world.now(),
            site=lambda: self.sites.current,
            ops=lambda name: getattr(party(name), "ops", {}),
            outcomes=lambda name: getattr(party(name), "outcomes", ()),
            in_flight=self.connections.stats,
            doors=self._doors_open,
            state=lambda: self._state,
            store_state=self._store_state,
        )

    def _doors_open(self) -> list[Door]:
        found = []
        for name, table in self.doors.tables.items():
            listener = self.listeners.get(name)
            address = "" if listener is None else f"{listener.host}:{listener.port}"
            found += [Door(name, address, method, path, what) for path, method, what in table.table()]
        return found

    def _store_state(self) -> str:
        state = getattr(self.store, "state", "open")
        if state == "open":
            return "" if getattr(self.store, "room_for_new_work", True) else "little room left on the disk"
        return "full" if state == "refusing" else str(state)

    def _clients(self, site: Site) -> dict[str, Client]:
        def reader(ref: SecretRef) -> Any:
            return lambda: resolve_secret(ref, self.root)

        return {
            name: Client(name, reader(one.secret), frozenset(one.scopes), frozenset(one.campuses))
            for name, one in site.engine.clients.items()
        }

    async def _sign_in(self, party: str) -> Session | None:
        return await self.timed.sign_in(party)


def _version() -> str:
    try:
        return version("settlement-engine")
    except PackageNotFoundError:  # run from its source folder
        return "source"
