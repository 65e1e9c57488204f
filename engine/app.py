"""The engine put together: the one place that builds objects. It reads as a list of parts.

`Engine(...).start()` opens the store, recovers, opens the doors and starts the clock's channels, in that order;
`stop()` does the reverse and lets what is in flight end. The reactor is handed in by the command line, a test or a
simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from engine.config.secret import SecretMissing, SecretRef, resolve_secret
from engine.console.console import Console, routes
from engine.console.node import Door, Node
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.listeners import Makes
from engine.parties.registry import PARTIES
from engine.runtime.answer_api import AnswerApi
from engine.runtime.auth import NONCE_LIFE, Client, Gate
from engine.runtime.callbacks import Callbacks
from engine.runtime.connections import Connections, Link
from engine.runtime.deliver import Deliver
from engine.runtime.deliver_api import DeliverApi
from engine.runtime.deliver_reports import Reports
from engine.runtime.deliver_spread import shared_doors
from engine.runtime.desk import Desk
from engine.runtime.doors import Doors
from engine.runtime.driver import SettlementDriver
from engine.runtime.health import Health
from engine.runtime.hl7_door import Hl7Door
from engine.runtime.housekeeping import Housekeeping
from engine.runtime.journal import Journal
from engine.runtime.links import link_of
from engine.runtime.listening import Listening, Prepared
from engine.runtime.logs import Log
from engine.runtime.meters import Meters
from engine.runtime.node_meters import NodeMeters
from engine.runtime.numbers import Numbers
from engine.runtime.orders import Orders
from engine.runtime.outflow import Outflow
from engine.runtime.recovery import Recovery
from engine.runtime.reload import Reload
from engine.runtime.replies import error
from engine.runtime.routes import Route
from engine.runtime.senders import Sender
from engine.runtime.sessions import Session, Sessions
from engine.runtime.settlement_api import SettlementApi
from engine.runtime.site_api import SiteApi
from engine.runtime.sites import Sites
from engine.runtime.soap_door import SoapDoor
from engine.runtime.sources import Sources, failing
from engine.runtime.tasks_api import TasksApi
from engine.runtime.timed import Timed
from engine.runtime.unmapped import Unmapped
from engine.saga.rules import RULES, Rules
from engine.site.descriptions import same_descriptions
from engine.site.site import Site
from engine.store.contract import Connection, Store
from engine.store.counters import Counter
from engine.store.ids import Ids
from engine.store.sessions import sessions
from engine.store.trail import used_nonces

DRAIN = 30.0  # seconds in which what is in flight may end
LINGER = 60.0  # seconds a party's old connections stay for calls begun before it was replaced
_QUIET = frozenset({"healthz", "readyz", "metrics"})  # asked by machines every few seconds
LAST_WORDS = 20.0  # seconds after which a request still being worked on is answered `working`


class Engine:
    """One node of the settlement engine."""

    def __init__(
        self, world: World, root: Path, site: Site, store: Store, log: Log, *, rules: Rules = RULES, processes: int = 1,
        lanes: int = 1,
    ) -> None:
        self.world, self.root, self.store, self.log = world, root, store, log
        self.meters = Meters()
        self.node_meters = NodeMeters(world, self.meters)
        self.ids = Ids(world, store, lanes=lanes)
        self._settlement_numbers, self._message_numbers = Counter(store, "settlement"), Counter(store, "message")
        self.numbers = Numbers(world, self._settlement_numbers, self._message_numbers)
        self.sites = Sites(site, self.numbers)
        self.connections = Connections(self._links(site))
        self.sessions = Sessions(world, self._sign_in)
        self.desk = Desk(world, store, self.ids, self.meters, log)
        self.outflow = self._make_outflow()
        limits = site.engine.limits
        self.driver = SettlementDriver(
            world, store, self.sites, self.outflow, self.ids, self.meters, log, rules=rules,
            open_max=limits.open_settlements, queue_max=limits.queued_events, sealer=store.sealer, desk=self.desk,
        )  # fmt: skip
        self.gate = Gate(world, self._clients(site))
        journal = Journal(world, store, self.ids, log)
        self.timed = Timed(world, self.sites, self.outflow, store, self.numbers, journal, log, self.sessions.put,
                           root, self.desk)  # fmt: skip
        self.housekeeping = Housekeeping(world, store, site.engine.retention, log)
        self.unmapped = Unmapped(world, store, self.meters, log)
        self.sites.on_rejected = self.unmapped.note
        self.recovery = Recovery(world, store, self.driver, log)
        self.orders = Orders(world, self.sites, self.driver, store, self.numbers, self.ids, self.meters)
        self.soap = SoapDoor(world, self.gate, self.orders, self.meters)
        callbacks = Callbacks(world, self.sites, self.connections, store, self.ids, self.driver, self.meters, log,
                              self.outflow.verify_keys)  # fmt: skip
        self.doors = Doors(
            SettlementApi(world, self.gate, self.orders, self.meters),
            AnswerApi(world, self.gate, self.sites, self.outflow, journal, self.meters),
            callbacks, Reports(world, self.sites, store, self.ids, callbacks, self.meters, log),
            Health(self.node_meters, self._not_ready),
        )  # fmt: skip
        self.hl7 = Hl7Door(world, self.gate, self.sites, self.orders, store, self.ids, self.meters, log)
        self.deliver = Deliver(world, store, self.ids, self.sites, self.connections, self.meters, log, self.hl7.take)
        sources = Sources(world, root, store, self.ids, self.sites, self.deliver, log, self.meters)
        self.driver.teller = self.deliver.tell
        self.deliver.full_check.person = lambda kind, text: self.desk.call(kind, None, text, "engine")
        self._makes = Makes(world, root, log, shared_doors(site) if processes > 1 else frozenset())
        self.deliver_api = DeliverApi(world, self.gate, store, self.sites, self.ids, self.deliver, self.meters)
        self.listening = Listening({
            "http": self._makes.http_kind(self._knock, self._served, self.doors.body_limit),
            "mllp": self._makes.mllp_kind(self.deliver.hear), **sources.kinds(),
        })  # fmt: skip
        self.reload = Reload(world, store, self.sites, self.driver, self, log)
        self._site_api = SiteApi(
            world, root, self.gate, store, self.sites, self.driver, self.reload, self.ids, self.meters
        )
        self._tasks_api = TasksApi(world, self.gate, store, self.ids, self.driver, self.meters)
        self._console = Console(world, store, self._node(), log)
        self._state = "starting"
        self.beside: Callable[[], AbstractContextManager[Sequence[Connection]]] = lambda: nullcontext(())  # of workers

    # Life

    async def start(self) -> None:
        """Store, recovery, doors, clock. Errors: whatever keeps the engine from running (CannotStart, UnknownSite)."""
        await self.store.start()
        counters = (self.ids, self._settlement_numbers, self._message_numbers)
        await gatherResults(
            [Deferred.fromCoroutine(one.start()) for one in counters],
            consumeErrors=True,
        )
        await self.reload.begin()
        for party, (values, until) in (await self.store.read(sessions)).items():
            self.sessions.put(party, Session(values, until))
        used_since = self.world.now() - NONCE_LIFE
        self.gate.remember(await self.store.read(lambda conn: used_nonces(conn, used_since)))
        await self.recovery.mark()
        await self.deliver.recover()
        self._build_doors()
        await self._open_doors()
        self._state = "running"
        self.recovery.carry_on()
        self.deliver.start()
        self.timed.start()
        self.housekeeping.start()
        self.log.info("started", site=self.sites.current.content_hash[:12], doors=len(self.listeners))

    async def stop(self) -> None:
        """Close the doors, let calls in flight end (at most 30 s), store what is queued, leave."""
        self._state = "stopping"
        self.timed.stop()
        self._console.stop()
        self.housekeeping.stop()
        until = self.world.passed() + DRAIN
        self.orders.leave_by = self.world.now() + LAST_WORDS
        await self.listening.drain(DRAIN)
        self.deliver.stop()
        while (self.driver.in_flight or self.deliver.busy) and self.world.passed() < until:
            pause: Deferred[None] = Deferred()
            self.world.later(0.1, pause.callback, None)
            await pause
        await self.connections.close()
        self.unmapped.stop()
        await self.store.stop()
        self.log.info("stopped", in_flight=self.driver.in_flight)

    # Listeners

    @property
    def listeners(self) -> dict[str, Any]:
        """Those with an address of their own, by name."""
        return self.listening.by_name

    async def _open_doors(self) -> None:
        await self.listening.open(self.sites.current.engine.listeners)

    @property
    def extra_routes(self) -> dict[str, list[Route]]:
        """Routes beside the channels' own, by listener: SOAP, the console, the configuration's ("": the first)."""
        console = self.sites.current.engine.console
        found = {"": [*self._site_api.routes(), *self._tasks_api.routes()]}
        if console is not None:
            found[console.at] = routes(self._console)
        for more in (self.deliver_api.routes(), self.soap.routes(self.sites.current)):
            for at, routes_there in more.items():
                found[at] = [*found.get(at, ()), *routes_there]
        return found

    def _build_doors(self) -> None:
        self.doors.build(self.sites.current, self.extra_routes, self.sites.older())
        self.deliver.reloaded()

    def _knock(self, name: str, request: HttpRequest) -> Deferred[HttpReply] | HttpReply:
        if name not in self.doors.tables:  # just opened or about to close: not in force yet, or no longer
            return error(503, "E-STOPPING")
        return self.doors.knock(name, request)

    def _served(self, door: str, method: str, path: str, status: int, seconds: float, size: int) -> None:
        table = self.doors.tables.get(door)
        found = table.find(method, path) if table is not None and path else None
        name = found[0].name if found else "none"
        self.meters.request_ended(door, name, status, seconds)
        if name not in _QUIET:
            took, where = round(seconds * 1e3, 1), found[0].template if found else "none"  # never what a client wrote
            self.log.message(door=door, method=method, path=where, route=name, outcome=status, ms=took)

    def _not_ready(self) -> str:
        if self._state != "running":
            return self._state
        return "store full" if self.store.state == "refusing" else "the database is silent" if self.store.silent else ""

    # Parts a rehearsal replaces (engine/conversation_stage.py)

    def _make_outflow(self) -> Outflow:
        return Outflow(
            self.world, self.connections, self.sessions, self.meters, self._key_missing, lambda: self.store.ours
        )

    def _key_missing(self, party: str, serial: str) -> None:
        """An answer is signed with a key that cannot be fetched: payments stall until a person lays it in place."""
        self.desk.call("key_missing", None, f"signature by unknown serial {serial}", party)

    # Parts made from engine.yaml

    def _links(self, site: Site) -> dict[str, Link]:
        return {name: self._link(name, site) for name in site.engine.parties}

    def _link(self, name: str, site: Site) -> Link:
        return link_of(self.world, self.root, site, name)

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
            failing=lambda: failing(self.listening.by_name),
            beside=lambda: self.beside(),
            hands=self.deliver_api.hands,
        )

    def _doors_open(self) -> list[Door]:
        found = []
        for name, table in self.doors.tables.items():
            listener = self.listeners.get(name)
            address = "" if listener is None else f"{listener.host}:{listener.port}"
            found += [Door(name, address, method, path, what) for path, method, what in table.table()]
        return found

    def _store_state(self) -> str:
        state = self.store.state
        if state == "open":
            return "" if self.store.room_for_new_work else self._not_ready() or "little room left on the disk"
        return "full" if state == "refusing" else str(state)

    def _clients(self, site: Site) -> dict[str, Client]:
        def reader(ref: SecretRef) -> Any:
            return lambda: resolve_secret(ref, self.root)

        return {
            name: Client(str(name), reader(one.secret), frozenset(one.scopes), frozenset(one.campuses), one.soap_token)
            for name, one in site.engine.clients.items()
        }

    # Another configuration while it runs (engine/runtime/reload.py)

    def unreadable(self, old: Site, new: Site) -> list[str]:
        """Secrets of listeners, and of new or changed clients and parties, that cannot be read."""
        found = []
        for name, door in new.engine.listeners.items():
            found += _missing(f"listeners.{name}", partial(self._makes.keys, door))
        for name, one in new.engine.clients.items():
            if one != old.engine.clients.get(name):
                found += _missing(f"clients.{name}", partial(resolve_secret, one.secret, self.root))
        for name, entry in new.engine.parties.items():
            was = old.engine.parties.get(name)
            if was is None or entry.tls or (entry.kind, entry.settings) != (was.kind, was.settings):
                found += _missing(f"parties.{name}", partial(_open_party, self._link(name, new)))
        return found

    async def prepare(self, site: Site) -> Prepared:
        """Bind the listeners it needs and we have not. Errors: CannotOpen."""
        return await self.listening.prepare(site.engine.listeners)

    async def forget(self, prepared: Prepared) -> None:
        await self.listening.forget(prepared)

    def swap(self, old: Site, prepared: Prepared) -> None:
        """The sites were replaced: clients, parties, routes, listeners, the clock's channels and limits follow."""
        site = self.sites.current
        self.gate.replace(self._clients(site))
        self._replace_parties(old, site)
        self._build_doors()
        self.listening.take(prepared)
        self.listening.let_go(prepared, DRAIN)
        self.timed.follow()
        self.housekeeping.keep(site.engine.retention)

    def fresh_keys(self) -> None:
        """Read all keys anew; those in use stay where that fails."""
        self._replace_parties(self.sites.current, self.sites.current)
        for why in self.listening.fresh_keys():
            self.log.error("keys_stay", why=why)

    def _replace_parties(self, old: Site, site: Site) -> None:
        same_limit = old.engine.limits.body_bytes == site.engine.limits.body_bytes and same_descriptions(old, site)
        before = old.engine.parties
        stay = [name for name, entry in site.engine.parties.items() if same_limit and entry == before.get(name)]
        for sender in self.connections.replace(self._links(site), stay):
            self.world.later(LINGER, self._retire, sender)

    def _retire(self, sender: Sender) -> None:
        """A sender nobody gives new calls to: stopped once what it carries has ended."""
        if sender.in_flight or sender.queued:
            self.world.later(LINGER, self._retire, sender)
        else:
            self.connections.leave(sender)

    async def _sign_in(self, party: str) -> Session | None:
        return await self.timed.sign_in(party)


def _open_party(link: Link) -> object:
    return link.party.open(link.settings()), link.tls()


def _missing(what: str, read: Callable[[], object]) -> list[str]:
    """Why a secret cannot be read or is no key, for one line; [] when it can."""
    try:
        read()
    except (SecretMissing, OSError, ValueError, KeyError) as no:
        return [f"{what}: {no}"]
    return []


def _version() -> str:
    try:
        return version("settlement-engine")
    except PackageNotFoundError:  # run from its source folder
        return "source"
