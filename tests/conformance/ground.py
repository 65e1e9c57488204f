"""The lists' ground in memory: a simulator on a hand-moved clock, called without sockets."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.testing import MemoryReactorClock

from engine.cli.folder import node_file
from engine.conformance.interfaces import Person, read_list
from engine.conformance.running import NoAnswer, Run
from engine.core.http import HttpReply, HttpRequest
from engine.parties.registry import PARTIES
from engine.site.files import read_files
from engine.site.settings import settings_of
from simulators.base.mllp import END, VT
from simulators.base.mllp_side import HL7
from simulators.base.outbound import parsed
from simulators.base.party import ActRefused, SimParty
from simulators.base.wire import Req, Resp
from simulators.base.world import SimWorld
from simulators.registry import party_class
from tests.simulation.keys import TownKeys
from tests.sms.hospital import files as short_messages
from tests.soap.his_site import FILES, edit

ROOT = Path(__file__).resolve().parents[2]
FORMER = ROOT / "docs/examples/former_insurance"
MORNING = 1795305600.0  # 2026-11-22 08:00 in Beijing
HOST = "sim.example"
BASE = f"http://{HOST}"


class Line:
    """One connection; what was written, and whether it was cut."""

    def __init__(self) -> None:
        self.sent, self.cut, self.over = b"", False, False

    def reply_bytes(self, resp: Resp) -> tuple[bytes, bytes]:
        return resp.head({}), resp.body

    def part(self, content: bytes) -> bool:
        self.sent += content
        return True

    def send(self, content: bytes, *, and_close: bool = False) -> bool:
        self.over = True
        self.sent += content
        self.cut = self.cut or and_close
        return True

    def drop(self) -> None:
        self.cut = True

    def close(self) -> None:
        self.cut = True


class Hl7Line(Line):
    """One connection to an MLLP door."""

    peer = "m:2"

    def reply_bytes(self, resp: Resp) -> tuple[bytes, bytes]:
        return (VT, resp.body + END) if resp.headers.get("Content-Type") == HL7 else (b"", resp.body)


class Memory:
    """`Ground` on one simulator. `transcript`: every reply, for comparison."""

    def __init__(self, party: SimParty, clock: MemoryReactorClock) -> None:
        self.party, self.clock, self.count = party, clock, 0
        self.transcript: list[bytes] = []

    def now(self) -> float:
        return self.party.world.now()

    def nonce(self) -> str:
        self.count += 1
        return f"{self.count:032x}"[::-1]  # where only a part of it is sent, that part is another too

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def person(self, one: Person, body: Mapping[str, Any]) -> Mapping[str, Any]:
        with suppress(ActRefused):  # he cannot do it now: what comes next will tell
            return self.party.act(dict(body))
        return {}

    def send(self, request: HttpRequest) -> tuple[HttpReply, float]:
        if request.method == "MLLP":
            return HttpReply(200, (), self._by_mllp(request.body)), 1.0
        line, (path, _, query) = Line(), request.target.partition("?")
        asked = dict(parse_qsl(query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in request.headers}
        headers.setdefault("accept", "*/*")
        headers.setdefault("host", HOST)
        headers.setdefault("user-agent", "conformance")
        self.party.handle(Req(request.method, request.target, path, asked, headers, request.body, "m:1", b""), line)
        for _ in range(200):
            if line.over or line.cut:
                break
            self.clock.advance(0.5)
        self.transcript.append(line.sent)
        reply = parsed(line.sent)
        if reply is None:
            raise NoAnswer("the connection ended" if line.cut else "no answer in 100 s")
        return HttpReply(reply.status, tuple(reply.headers.items()), reply.body), 1.0


    def _by_mllp(self, body: bytes) -> bytes:
        """A message at the house's MLLP door, its acknowledgement out of its frame."""
        line, door = Hl7Line(), self.party.mllp
        assert door is not None
        door.handle(body, line)  # type: ignore[arg-type]  # a line of memory
        for _ in range(200):
            if line.over or line.cut:
                break
            self.clock.advance(0.5)
        self.transcript.append(line.sent)
        start, end = line.sent.find(VT), line.sent.find(END)
        if start < 0 or end < start:
            raise NoAnswer("the connection ended" if line.cut else "no answer in 100 s")
        return line.sent[start + 1 : end]


def card_of(card: Any, place: str) -> str:
    """The value a reference `var/sim/PARTY/a/b` stands for."""
    for name in Path(place).parts[3:]:
        card = card[name]
    return str(card)


def standing(kind: str, folder: Path) -> tuple[Run, Memory]:
    """A run of the list of `kind` against its own simulator; secrets in `folder`."""
    code, clock = PARTIES[kind], MemoryReactorClock()
    world = SimWorld(clock, anchor=MORNING)
    world.keys = TownKeys()
    world.engine = "http://127.0.0.1:9"  # callbacks go there, and reach nobody
    party = party_class(code.about.simulator)(world)
    node, files = node_file(ROOT), read_files(ROOT)
    if kind == "his_soap":
        node, files = node_file(_by_soap(folder)), {**files, **FILES}
    if kind == "his_hl7":
        node = node_file(_with_hl7(folder))
    if kind == "commercial":
        node = node_file(ROOT / "docs/examples/commercial_insurance")
    if kind in ("dareway", "neusoft", "yinhai"):
        node, files = node_file(FORMER), read_files(FORMER)
    if kind == "sms":
        text = short_messages()["engine.yaml"].decode().replace("127.0.0.1:8751", HOST)  # the host is signed
        (folder / "engine.yaml").write_text(text, "utf-8")
        node = node_file(folder)
    if kind == "wechat":  # WeChat has opened v3 payment codes to this merchant
        text = (ROOT / "engine.yaml").read_text("utf-8").replace("    api_v2_key:", "    codepay: yes\n    api_v2_key:")
        (folder / "engine.yaml").write_text(text, "utf-8")
        node = node_file(folder)
        party.act({"act": "set", "codepay": True})
    entry = next(one for one in node.parties.values() if one.kind == kind)
    for ref in _references(dict(entry.settings)):
        path = folder / ref
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(card_of(party.card(BASE), ref))
    settings = code.open(settings_of(entry, code, folder, files))
    ground = Memory(party, clock)
    return Run(code, read_list(kind), settings, ground, {}), ground


def _by_soap(folder: Path) -> Path:
    """A folder with the shipped engine.yaml whose HIS is reached by SOAP."""
    text = (ROOT / "engine.yaml").read_text("utf-8")
    for old, new in edit():
        text = text.replace(old, new)
    (folder / "engine.yaml").write_text(text, "utf-8")
    return folder


def _with_hl7(folder: Path) -> Path:
    """A folder with the shipped engine.yaml and the connection that the example of a HIS in HL7 shows."""
    from tests.his_examples.ground import laid_over

    (folder / "engine.yaml").write_bytes(laid_over("his_hl7")["engine.yaml"])
    return folder


def _references(tree: Any) -> list[str]:
    from engine.cli.keys import references

    return [ref.place for ref in references(tree) if ref.place.startswith("var/sim/")]
