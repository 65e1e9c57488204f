"""A node with one deliver channel on a simulated reactor: a HIS that sends HL7, receivers that can be told to fail.

    ward = Ward(tmp_path)
    ward.start()
    ward.send("C1", patient="P1")            # → Ack
    ward.emr.got                              # what the receiver took, in order
    ward.crash(); ward.start()                # the process died, a new one runs on the same store
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Factory, Protocol

from engine.app import Engine
from engine.core.world import World
from engine.runtime.logs import open_log
from engine.site.load import load
from engine.site.site import Site
from engine.store.contract import Connection
from engine.store.messages import attempts_of, due_of, message
from engine.store.open import open_store
from engine.store.store import SqlStore
from tests.simulation.reactor import SimReactor, Weather

CHANNEL = """channel: events
kind:    deliver
title:   试验
listen:  {{at: hl7, messages: [ADT^A01, ADT^A08], ack: {ack}, answer_within: 5s}}
key:     hl7.PID_3_1
patient: hl7.PID_3_1
visit:   hl7.PV1_19
when:    "hl7.MSH_11 != 'T'"
to:
  emr: {{to: emr, op: post, send: event, wait: 5s, repeats: {repeats}}}
{more}
retry:
  not_sent: {{first: 2s, cap: 30s, max_age: {max_age}}}
  silent:   {{first: 2s, cap: 30s, max_age: {max_age}}}
  unknown:  {{first: 2s, cap: 30s, max_age: {max_age}}}
  refused:  {{tries: 1}}
dead:    {dead}
"""
MAP = """map: event
make:
  - [no,      own.number]
  - [control, message.control]
  - [patient, hl7.PID_3_1]
  - [name,    hl7.PID_5_1]
"""
ENGINE = """engine: {{name: t, profile: test}}
store: sqlite:var/engine.db
keys: {{store: file:var/keys/store.key, index: file:var/keys/index.key}}
listeners: {{api: {{http: "{host}:8600"}}, hl7: {{mllp: "{host}:8610", idle: 9d}}}}
clients:
  OPS: {{secret: file:var/keys/ops, scopes: [operate]}}
  APP: {{secret: file:var/keys/ops, scopes: [deliver]}}
parties:
  emr: {{kind: subscriber, url: "http://{emr}:8741", path: /emr, window: {window}, queue: 2000{gates}}}
  lis: {{kind: mllp, url: "mllp://{lis}:8742", window: 4{lis_more}}}
"""
SECRET = "s" * 40


@dataclass(frozen=True)
class Ack:
    """An acknowledgement as the HIS sees it."""

    code: str
    control: str
    raw: bytes


class Emr:
    """A receiver over HTTP. `answer`: status, or "silent", or "reset"; `got`: controls it took, in order."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self.answer: Callable[[dict[str, Any]], int | str] = lambda body: 200
        self.got: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.asked: list[tuple[float, str]] = []
        self.numbers: list[str] = []
        self._port: Any = None

    def up(self) -> None:
        factory: Any = Factory()
        factory.protocol = lambda: _Http(self)
        self._port = self._ward.sim.node("emr").listenTCP(8741, factory)

    def down(self) -> None:
        self._ward.sim.node("emr").crash()

    def take(self, head: bytes, body: bytes) -> int | str:
        tree = json.loads(body)
        self.asked.append((self._ward.sim.seconds(), tree["control"]))
        answer = self.answer(tree)
        if answer == 200:
            self.got.append((tree["patient"], tree["control"]))
            self.bodies.append(tree)
            self.numbers.append(tree["no"])
        return answer


class _Http(Protocol):
    def __init__(self, emr: Emr) -> None:
        self._emr, self._buffer = emr, b""

    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        self._buffer += data
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(rest) < size:
            return
        self._buffer = rest[size:]
        answer = self._emr.take(head, rest[:size])
        if answer == "reset":
            wire.abortConnection()
        elif answer != "silent":
            wire.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok" % answer)


class Lis(Protocol):
    """A receiver over MLLP that keeps what it gets."""

    got: list[bytes]
    text = b""

    def connectionMade(self) -> None:
        self._buffer = b""

    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        self._buffer += data
        while b"\x1c\r" in self._buffer:
            block, _, self._buffer = self._buffer.partition(b"\x1c\r")
            body = block.partition(b"\x0b")[2]
            self.got.append(body)
            control = body.split(b"|ADT^")[1].split(b"|")[1]  # a byte of MSH-4 may look like a delimiter
            wire.write(b"\x0bMSH|^~\\&|LIS||E||20261122||ACK|1|P|2.4\rMSA|AA|" + control + self.text + b"\r\x1c\r")


class Ward:
    """One node, one HIS, two receivers."""

    def __init__(self, folder: Path, *, ack: str = "stored", dead: str = "go_on", max_age: str = "3d", gates: str = "",
                 window: int = 8, repeats: str = "same_number", more: str = "", seed: int = 1,
                 lis_more: str = "", maps: dict[str, str] | None = None, lis_says: bytes = b"") -> None:  # fmt: skip
        self.sim = SimReactor(seed, Weather(delay=(0.02, 0.05)))
        self.folder = folder
        self.emr = Emr(self)
        self.lis: list[bytes] = []
        self._channel = CHANNEL.format(ack=ack, dead=dead, max_age=max_age, more=more, repeats=repeats)
        self._gates, self._window, self._lis_more, self._maps = gates, window, lis_more, maps or {}
        self.engine: Engine | None = None
        self.store: SqlStore | None = None
        self.log = io.StringIO()
        self._starts = 0
        self.emr.up()
        lis: Any = Factory()
        lis.protocol = lambda: _with(Lis(), self.lis, lis_says)
        self.sim.node("lis").listenTCP(8742, lis)
        keys = folder / "var/keys"
        keys.mkdir(parents=True, exist_ok=True)
        for name in ("store.key", "index.key", "ops"):
            (keys / name).write_text(SECRET)

    def site(self) -> Site:
        host = self.sim.node("engine").address
        files = {
            "engine.yaml": ENGINE.format(host=host, emr=self.sim.node("emr").address, gates=self._gates,
                                         lis=self.sim.node("lis").address, window=self._window,
                                         lis_more=self._lis_more),
            "channels/events.yaml": self._channel,
            "mappings/event.map.yaml": MAP,
            **self._maps,
        }  # fmt: skip
        made = load({name: text.encode() for name, text in files.items()})
        assert isinstance(made, Site), [f"{p.file}:{p.line} {p.code} {p.en} {p.hint}" for p in made]
        return made

    def start(self) -> None:
        """A new process on the same store."""
        self._starts += 1
        world = World(self.sim.node("engine"), seed=self._starts, inline=True)
        self.store = open_store(str(self.folder / "engine.db"), world, SECRET.encode(), durable=False)
        self.engine = Engine(world, self.folder, self.site(), self.store, open_log(world.now, self.log))
        self.wait(Deferred.fromCoroutine(self.engine.start()))

    def stop(self) -> None:
        assert self.engine is not None
        self.wait(Deferred.fromCoroutine(self.engine.stop()))

    def crash(self) -> None:
        """The process is gone between two instructions."""
        assert self.store is not None
        self.sim.node("engine").crash()
        self.store.backend.rollback()
        self.store.backend.close()
        self.engine = None

    def wait(self, deferred: Deferred[Any], limit: float = 120.0) -> Any:
        said: list[Any] = []
        deferred.addBoth(said.append)
        assert self.sim.run(lambda: bool(said), limit), "it did not come"
        if hasattr(said[0], "raiseException"):
            said[0].raiseException()
        return said[0]

    def advance(self, seconds: float) -> None:
        self.sim.advance(seconds)

    # HIS

    def raw(self, body: bytes) -> Deferred[bytes]:
        """Send one block over a connection of its own; fires with the acknowledgement's body."""
        answer: Deferred[bytes] = Deferred()
        factory: Any = ClientFactory()
        factory.noisy = False
        factory.protocol = lambda: _His(body, answer)
        self.sim.node("his").connectTCP(self.sim.node("engine").address, 8610, factory)
        return answer

    def send(self, control: str, patient: str = "P1", **more: str) -> Ack:
        """One ADT^A01 and its acknowledgement."""
        return ack_of(self.wait(self.raw(adt(control, patient, **more))))

    # Looking

    def read(self, look: Callable[[Connection], Any]) -> Any:
        assert self.store is not None
        return self.wait(self.store.read(look))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a plain statement of the test's own."""
        assert self.store is not None
        raw = self.store.backend.reader()
        try:
            found: list[tuple[Any, ...]] = raw.execute(sql).fetchall()
            return found
        finally:
            raw.close()

    def state(self, control: str) -> str:
        rows = self.rows(f"SELECT state FROM messages WHERE control = '{control}' ORDER BY id")  # noqa: S608 test's own
        return " ".join(row[0] for row in rows)

    def number(self, control: str) -> int:
        return int(self.rows(f"SELECT id FROM messages WHERE control = '{control}'")[0][0])  # noqa: S608 test's own

    def story(self, control: str) -> tuple[Any, list[Any], list[Any]]:
        number = self.number(control)
        return self.read(lambda conn: (message(conn, number), due_of(conn, number), attempts_of(conn, number)))


class _His(Protocol):
    def __init__(self, body: bytes, answer: Deferred[bytes]) -> None:
        self._body, self._answer, self._buffer = body, answer, b""

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.write(b"\x0b" + self._body + b"\x1c\r")

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer.endswith(b"\x1c\r") and not self._answer.called:
            wire: Any = self.transport
            wire.loseConnection()
            self._answer.callback(self._buffer[1:-2])

    def connectionLost(self, reason: Any = None) -> None:
        if not self._answer.called:
            self._answer.callback(b"")


def _with(lis: Lis, got: list[bytes], says: bytes = b"") -> Lis:
    lis.got, lis.text = got, says
    return lis


def adt(control: str, patient: str = "P1", *, event: str = "A01", name: str = "测试甲", mode: str = "P",
        sender: str = "NHIS") -> bytes:  # fmt: skip
    """A small ADT message in UTF-8."""
    return (
        f"MSH|^~\\&|{sender}|MAIN|ENGINE|MAIN|20261122080000||ADT^{event}|{control}|{mode}|2.4||||||UNICODE UTF-8\r"
        f"EVN|{event}|20261122080000\rPID|1||{patient}^^^MAIN||{name}||19900101|M\rPV1|1|I|||||||||||||||||V{patient}\r"
    ).encode()


def ack_of(raw: bytes) -> Ack:
    """An acknowledgement taken apart."""
    msa = next((line for line in raw.split(b"\r") if line.startswith(b"MSA|")), b"MSA||").split(b"|")
    return Ack(msa[1].decode(), msa[2].decode(), raw)
