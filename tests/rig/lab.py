"""The laboratory: four parties and the engine on one reactor, real or simulated, with one clock.

    lab = Lab(reactor, tmp_path)
    await lab.open()
    status, answer = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    ...
    await lab.close()

The parties' ledgers are the judge: `lab.ledger("wechat", "charge")`. In a simulated reactor, where the engine has a
node of its own (`engine_reactor`), `lab.crash()` throws the engine away as a dead process would;
`await lab.start_engine()` starts a new one on the same store.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from twisted.internet.defer import maybeDeferred
from twisted.internet.protocol import Factory

from engine.app import Engine
from engine.config.engine_file import read_engine_file
from engine.config.tree import read_tree
from engine.core.world import World
from engine.runtime.logs import open_log
from engine.saga.rules import RULES, Rules
from engine.site.files import hash_of, read_files
from engine.site.load import load
from engine.site.site import Site
from engine.store.contract import Crash, Unit
from engine.store.open import open_store
from engine.store.store import SqlStore
from simulators.base.keys import KeyRing
from simulators.base.party import SimParty
from simulators.base.world import SimWorld
from simulators.kiosk import Kiosk
from simulators.registry import party_class
from simulators.town import PERSONS

ROOT = Path(__file__).resolve().parents[2]
PARTIES = {
    "his": 8701, "insurance": 8711, "municipal": 8712, "qingdao": 8713, "wechat": 8721, "alipay": 8722,
    "unionpay": 8723, "einvoice": 8731, "mobile_pay": 8714,
}  # fmt: skip
SECRET = "kiosk-secret-for-tests"
_SITES: dict[str, Site] = {}  # loading costs a second: laboratories share what is loaded
_MOVED: dict[tuple[str, bytes], Site] = {}


@cache
def _shipped() -> Mapping[str, bytes]:
    return read_files(ROOT)


class Lab:
    """Everything of one hospital in one process."""

    doors: ClassVar[Mapping[str, int]] = PARTIES
    """Its parties, and the ports that engine.yaml says they have."""

    def __init__(
        self,
        reactor: Any,
        folder: Path,
        *,
        engine_reactor: Any = None,
        seed: int = 1,
        rate: float = 1.0,
        rules: Rules = RULES,
        inline: bool = False,
        edit: tuple[tuple[str, str], ...] = (),
        more: Mapping[str, bytes] = MappingProxyType({}),
        keys: KeyRing | None = None,
        on_store: Callable[[SqlStore], None] = lambda store: None,
    ) -> None:
        """`engine_reactor`: the engine's own (default: the parties'). `inline`: no threads, seeded randomness.
        `edit`: replacements in engine.yaml; `more`: files beside the shipped ones. `keys`: the town's keys, where
        several laboratories share them.
        `on_store` sees each new store before the engine has it (to delay its answers, to set its faults)."""
        self.reactor, self.folder, self.rules, self._edit = reactor, folder, rules, edit
        self._more = more
        self.engine_reactor = engine_reactor or reactor
        self._on_store, self._starts = on_store, 0
        anchor = float(reactor.seconds())
        self._rate, self._anchor, self._seed, self._inline = rate, anchor, seed, inline
        self.sim_world = SimWorld(reactor, seed=seed, rate=rate, anchor=anchor)
        self.sim_world.keys = keys or self.sim_world.keys
        self.parties: dict[str, SimParty] = {}
        self.ports: dict[str, Any] = {}
        self.engine: Engine | None = None
        self.log = io.StringIO()
        self.engine_port = self.hl7_port = 0
        self.kiosks: dict[tuple[str, str], Kiosk] = {}

    # Life

    async def open(self) -> None:
        """Start the parties, then the engine."""
        for name in self.doors:
            self.start_party(name)
        self._write_secrets()
        self.engine_port, self.hl7_port = await self._free_port(), await self._free_port()
        await self.start_engine()

    async def _free_port(self) -> int:
        """A port for the engine, known before it starts: the parties' callbacks are told it."""
        probe = self.engine_reactor.listenTCP(0, Factory(), interface="127.0.0.1")
        port = int(probe.getHost().port)
        await maybeDeferred(probe.stopListening)
        return port

    def start_party(self, name: str) -> SimParty:
        party = self.parties.get(name) or party_class(name)(self.sim_world)
        self.parties[name] = party
        self.ports[name] = party.listen(0)
        if name == "his" and "his_hl7" not in self.ports:
            self.ports["his_hl7"] = party.listen_mllp(0)
        return party

    async def start_engine(self) -> Engine:
        """A new engine on the store in the laboratory's folder."""
        self._starts += 1
        world = World(
            self.engine_reactor, rate=self._rate, anchor=self._anchor,
            seed=self._seed * 1000 + self._starts if self._inline else None, inline=self._inline,
        )  # fmt: skip
        site = self.site()
        options = {"durable": False} if self._inline else {}
        store = open_store(str(self.folder / "engine.db"), world, bytes(range(32)), **options)
        self._on_store(store)
        engine = Engine(world, self.folder, site, store, open_log(world.now, self.log), rules=self.rules)
        self.engine = engine
        await engine.start()
        return engine

    def files(self) -> Mapping[str, bytes]:
        """The shipped site as it stands in the repository; another site's laboratory gives its own."""
        return {**(_shipped() if self._inline else read_files(ROOT)), **self._more}

    def site(self) -> Site:
        """The site with the laboratory's addresses."""
        files = dict(self.files())
        at_home = files["engine.yaml"].decode()
        text = at_home
        for name, port in self.doors.items():
            there = self.ports[name].getHost()
            text = text.replace(f"127.0.0.1:{port}", f"{there.host}:{there.port}")
        text = text.replace("127.0.0.1:8600", f"{self.engine_host}:{self.engine_port}")
        text = text.replace("127.0.0.1:8610", f"{self.engine_host}:{self.hl7_port}")
        for old, new in self._edit:
            assert old in text, f"engine.yaml has no {old!r}"
            at_home, text = at_home.replace(old, new), text.replace(old, new)
        mllp = self.ports["his_hl7"].getHost()
        text = text.replace("127.0.0.1:8702", f"{mllp.host}:{mllp.port}")
        return _moved(_loaded({**files, "engine.yaml": at_home.encode()}), text.encode())

    def crash(self, *, in_store: bool = False) -> None:
        """The engine's process is dead, between two instructions: nothing more of it is sent, stored or called.
        `in_store`: called from a store's fault hook, which raises Crash itself."""
        engine, self.engine = self.engine, None
        assert engine is not None, "no engine is running"
        store = engine.store
        assert isinstance(store, SqlStore)
        self.engine_reactor.crash()
        self.engine_reactor = self.engine_reactor.sim.node(self.engine_reactor.name)
        if not in_store:
            store.fail = _dead
            store.submit(Unit("crash", ()))

    async def close(self) -> None:
        """Stop everything."""
        for kiosk in self.kiosks.values():
            await kiosk.close()
        if self.engine is not None:
            await self.engine.stop()
        for port in self.ports.values():
            await maybeDeferred(port.stopListening)
        for party in self.parties.values():
            party.reset()

    # Secrets, as `engine keys` and the simulators write them

    def _write_secrets(self) -> None:
        keys = self.folder / "var" / "keys"
        keys.mkdir(parents=True, exist_ok=True)
        for name in ("client-K01.secret", "client-C01.secret", "client-H01.secret", "client-OPS.secret"):
            (keys / name).write_text(SECRET)
        text = self.files()["engine.yaml"].decode()
        for party in self.doors:
            there = self.ports[party].getHost()
            card = self.parties[party].card(f"http://{there.host}:{there.port}")
            for match in re.finditer(rf"file:(var/sim/{party}/([A-Za-z0-9_/]+))", text):
                value: Any = card
                for part in match[2].split("/"):
                    value = value[part]
                path = self.folder / match[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(str(value))

    # Doing and looking

    @property
    def kiosk(self) -> Kiosk:
        """The first terminal."""
        return self.terminal("K01")

    def terminal(self, terminal_id: str, client: str = "K01") -> Kiosk:
        """A terminal of a client; made when first asked for."""
        kiosk = self.kiosks.get((client, terminal_id))
        if kiosk is None:
            kiosk = self.kiosks[(client, terminal_id)] = Kiosk(self.sim_world, self.url(), client, SECRET, terminal_id)
        return kiosk

    def url(self, path: str = "") -> str:
        return f"http://{self.engine_host}:{self.engine_port}{path}"

    @property
    def engine_host(self) -> str:
        return str(getattr(self.engine_reactor, "address", "127.0.0.1"))

    def bill_request(self, patient: str, bill: str, *, request_no: str = "", insured: bool = True) -> dict[str, Any]:
        """The body of a new settlement for one bill of one patient, by insurance card."""
        person = next(p for p in PERSONS if p.id == patient)
        return {
            "request_no": request_no or f"K01-{bill}",
            "campus": "main",
            "terminal": {"kind": "kiosk", "id": "K01"},
            "operator": "K01",
            "patient": {
                "id": patient,
                "credential": {"kind": "insurance_card", "value": person.card_no, "card_sn": person.card_sn},
            },
            "bills": [bill],
            "pay_identity": "insured" if insured else "self_pay",
        }

    def ledger(self, party: str, *kinds: str) -> list[dict[str, Any]]:
        """Rows of a party's own ledger, of these kinds (all without any)."""
        rows = self.parties[party].ledger.since(0)["rows"]
        return [row for row in rows if not kinds or row["kind"] in kinds]

    def kept(self, party: str) -> int:
        """What a payment platform took and did not give back, in fen."""
        taken = sum(row["amount"] for row in self.ledger(party, "charge"))
        return taken - sum(row["amount"] for row in self.ledger(party, "refund", "reverse"))

    async def rest(self, no: str, *states: str, seconds: float = 900.0) -> dict[str, Any]:
        """Ask until the settlement is at rest, or in one of these states too: the answer."""
        until = self.sim_world.now() + seconds
        while True:
            _, answer = await self.kiosk.show(no, wait=20)
            if answer["state"] in (*states, "settled", "undone", "rejected", "manual"):
                return answer
            assert self.sim_world.now() < until, answer

    def fault(self, party: str, op: str, fault: str, **more: Any) -> None:
        """Put one fault into a party."""
        self.parties[party].faults.add({"op": op, "fault": fault, "times": 1, **more})

    def act(self, party: str, act: str, **more: Any) -> dict[str, Any]:
        """Play the other person at a party."""
        return self.parties[party].act({"act": act, **more})


def _loaded(files: Mapping[str, bytes]) -> Site:
    key = hash_of(files)
    if key not in _SITES:
        site = load(files)
        assert isinstance(site, Site), [f"{p.file}:{p.line}:{p.col} {p.code} {p.en}" for p in site]
        _SITES[key] = site
    return _SITES[key]


def _moved(site: Site, node_file: bytes) -> Site:
    """The same content on a node with other addresses."""
    place = site.version, node_file
    if place in _MOVED:
        return _MOVED[place]
    node, wrong = read_tree(node_file.decode(), "engine.yaml")
    assert node is not None, wrong
    engine = read_engine_file(node, wrong)
    assert engine is not None, wrong
    assert not wrong, wrong
    source = {**site.source, "engine.yaml": node_file}
    _MOVED[place] = replace(site, engine=engine, source=source, version=hash_of(source))
    return _MOVED[place]


def _dead(moment: str, units: object) -> None:
    raise Crash(moment)
