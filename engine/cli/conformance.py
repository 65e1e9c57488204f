"""`engine conformance PARTY --against URL`: the party's interface list, one by one, and the pass sheet for 逐一联调."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.cli.folder import node_file
from engine.cli.say import FOUND, GOOD, CannotRun, WrongUse, document, line, table, trouble
from engine.cli.town import ask
from engine.codecs.mllp import CR, FS, VT, frame
from engine.conformance import names, sheet
from engine.conformance.interfaces import BadList, InterfaceList, Person, list_of, read_list, read_yaml
from engine.conformance.running import NoAnswer, Run
from engine.core.http import HttpReply, HttpRequest
from engine.core.times import beijing

if TYPE_CHECKING:
    from engine.core.world import World
    from engine.parties.contract import Party

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SIGNED_APART = 60.0  # seconds: two clocks further apart are not one
BY_WALL = (
    "模拟系统的时钟拨过，而签名按墙钟核对；先改回 · the simulators' clock was moved and signatures are held against "
    'the wall; first: POST /sim/clock {"signing": "clock"}'
)
WAIT = 60.0  # seconds a platform has for one answer
LIMIT = 16 * 1024 * 1024  # bytes of one answer
MLLP, OVER_MLLP = ("mllp", "mllps"), ("his_hl7", "mllp")


def conformance(
    root: Path, party: str, against: str, values: Path | None, out: Path | None, connection: str, as_json: bool,
    world: World,
) -> int:
    """Play the list and write PARTY.json and PARTY.html into `out`. 0 all passed, 1 something differs."""
    from engine.parties.registry import PARTIES

    try:
        wanted = read_list(party)
        given = _given(values)
    except KeyError:
        raise WrongUse(f"没有这个接口清单 · no list for {party}; {', '.join(names())}") from None
    except BadList as wrong:
        raise WrongUse(str(wrong)) from None
    place = urlsplit(against)
    if place.scheme not in ("http", "https", "tcp", "mllp", "mllps") or not place.hostname:
        raise WrongUse("--against http://…")
    if (party in OVER_MLLP) is not (place.scheme in MLLP) or (place.scheme in MLLP and place.port is None):
        raise WrongUse(f"--against mllp://主机:端口（只用于 · only for {', '.join(OVER_MLLP)}） · mllp://host:port")
    if place.scheme == "tcp" and (place.port is None or "frame" not in PARTIES[party].settings.model_fields):
        raise WrongUse("--against http://… · tcp://主机:端口 只用于定长报文 · tcp://host:port is for fixed lengths")
    code, settings = _opened(root, party, connection)
    frame = int(getattr(getattr(settings, "plain", None), "frame", 0))
    ground = WebGround(against, world, frame)
    if (stands := ground.stands()) not in ("", code.about.simulator):
        trouble(f"那里是 {stands} 的模拟系统 · the simulator of {stands} stands there")
    run = Run(code, wanted, settings, ground, given)
    began = beijing(world.now())
    try:
        run.play(lambda one: None if as_json else line(f"{one.op:<36} {one.result:<10} {one.code} {one.why}".rstrip()))
    except NoAnswer as no:
        raise CannotRun(f"{against}: {no}") from None
    except BadList as wrong:
        raise WrongUse(str(wrong)) from None
    found = sheet.document(wanted, run.lines, against=against, at=began, version=_version())
    _write(found, out, wanted)
    if as_json:
        document(found)
    else:
        _draw(found, out)
    return GOOD if found["passed"] else FOUND


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("engine")
    except PackageNotFoundError:
        return "0.1.0"


def _given(values: Path | None) -> dict[str, Any]:
    if values is None:
        return {}
    try:
        return read_yaml(values.read_text(encoding="utf-8"), values.name)
    except OSError as no:
        raise WrongUse(f"{values}: {no.strerror}") from None


def _opened(root: Path, kind: str, connection: str) -> tuple[Party, Any]:
    """The party's code, and its settings as engine.yaml has them."""
    from engine.config.secret import SecretMissing
    from engine.parties.registry import PARTIES
    from engine.site.files import read_files
    from engine.site.settings import settings_of

    file = node_file(root)
    kinds = sorted({one for one in PARTIES if list_of(one) == list_of(kind)}, key=lambda one: one != kind)
    found = [
        name for one in kinds for name, entry in file.parties.items()
        if entry.kind == one and connection in ("", name)
    ]  # fmt: skip
    if not found:
        raise CannotRun(f"engine.yaml 没有 {kind} 类连接 {connection} · engine.yaml has no connection of kind {kind}")
    party = PARTIES[file.parties[found[0]].kind]
    try:
        return party, party.open(settings_of(file.parties[found[0]], party, root, read_files(root)))
    except (SecretMissing, ValueError, OSError) as no:
        raise CannotRun(f"{found[0]}: {no}") from None


def _write(found: Mapping[str, Any], out: Path | None, wanted: InterfaceList) -> None:
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{wanted.party}.json").write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    (out / f"{wanted.party}.html").write_text(sheet.page(found), encoding="utf-8")


def _draw(found: Mapping[str, Any], out: Path | None) -> None:
    rows = [
        (one["op"], each["field"], each["kind"], each["expected"], each["got"])
        for one in found["interfaces"]
        for each in one["differences"]
    ]
    if rows:
        table("不符的字段 · what differs", ("op", "field", "kind", "expected", "got"), rows)
    counts = ", ".join(f"{name} {count}" for name, count in found["counts"].items())
    line(f"{'全部通过 · all passed' if found['passed'] else '未通过 · not passed'}: {counts}")
    if out is not None:
        line(f"{out / found['party']}.html")


def _simulator_at(place: str) -> str:
    try:
        return str(ask(f"{place}/sim/card.json").get("party", "simulator"))
    except CannotRun:
        return ""


def _trust() -> ssl.SSLContext:
    """The system's roots, as the engine's connections trust them. Python 3.13 asks for more by itself: key identifiers,
    which a hospital's own authority often leaves out."""
    found = ssl.create_default_context()
    found.verify_flags &= ~(ssl.VerifyFlags.VERIFY_X509_STRICT | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN)
    return found


class WebGround:
    """A platform at an address. Where a simulator stands there, it plays the other person itself."""

    def __init__(self, against: str, world: World, frame: int = 0) -> None:
        """`frame`: bytes of every message, where the platform speaks fixed lengths over tcp://."""
        self._place, self._world, self._frame = urlsplit(against), world, frame
        self._against = against.rstrip("/").replace("tcp://", "http://")  # a simulator has its other doors beside
        self._stands = _simulator_at(self._against) if self._place.hostname in LOOPBACK else ""
        self._ahead = self._moved_by() if self._place.hostname in LOOPBACK else 0.0

    def _moved_by(self) -> float:
        """How far a simulator's clock has been moved on; 0 where none stands there."""
        try:
            told = ask(f"{self._against}/sim/clock")
            ahead = datetime.fromisoformat(str(told["now"])).timestamp() - self._world.now()
        except (CannotRun, KeyError):
            return 0.0
        if told.get("signing") == "wall" and abs(ahead) > SIGNED_APART:
            raise CannotRun(f"{self._against}: {BY_WALL}")
        return ahead

    def stands(self) -> str:
        """Whose simulator stands there; "" for a real platform."""
        return self._stands

    def _reach(self) -> None:
        """Nobody is asked to do anything for a platform that is not there; NoAnswer."""
        port = self._place.port or (443 if self._place.scheme == "https" else 80)
        try:
            socket.create_connection((self._place.hostname or "", port), timeout=WAIT).close()
        except OSError as no:
            raise NoAnswer(str(no), reached=False) from None

    def now(self) -> float:
        return self._world.now() + self._ahead

    def nonce(self) -> str:
        return self._world.nonce()

    def wait(self, seconds: float) -> None:
        threading.Event().wait(seconds / self._world.rate)

    def send(self, request: HttpRequest) -> tuple[HttpReply, float]:
        """One call on a connection of its own."""
        place, began = self._place, self._world.wall()
        assert place.hostname is not None
        if place.scheme == "tcp":
            return HttpReply(200, (), self._framed(request.body)), (self._world.wall() - began) * 1000
        if place.scheme in MLLP:
            return HttpReply(200, (), self._hl7(request.body)), (self._world.wall() - began) * 1000
        if place.scheme == "https":
            link: http.client.HTTPConnection = http.client.HTTPSConnection(
                place.hostname, place.port, timeout=WAIT, context=_trust()
            )
        else:
            link = http.client.HTTPConnection(place.hostname, place.port, timeout=WAIT)
        headers = {"Host": place.netloc, **dict(request.headers)}
        try:
            link.connect()
        except OSError as no:
            raise NoAnswer(str(no), reached=False) from None
        try:
            link.request(request.method, place.path.rstrip("/") + request.target, request.body or None, headers)
            reply = link.getresponse()
            body = reply.read(LIMIT)
        except (OSError, http.client.HTTPException) as no:
            raise NoAnswer(f"{type(no).__name__} {no}") from None
        finally:
            link.close()
        return HttpReply(reply.status, tuple(reply.getheaders()), body), (self._world.wall() - began) * 1000

    def _framed(self, message: bytes) -> bytes:
        """A message of fixed length there, one back; what came before the line was closed."""
        return self._talked(message, lambda heard: len(heard) < self._frame)

    def _hl7(self, message: bytes) -> bytes:
        """A message in its frame there, the first one back out of its frame."""
        heard = self._talked(frame(message), lambda heard: FS + CR not in heard and len(heard) < LIMIT)
        start, end = heard.find(VT), heard.find(FS + CR)
        if start < 0 or end < start:
            raise NoAnswer(f"no HL7 in a frame: {heard[:40]!r}")
        return heard[start + 1 : end]

    def _talked(self, message: bytes, unfinished: Callable[[bytes], bool]) -> bytes:
        """What came back on a connection of its own, before it was whole or closed."""
        assert self._place.hostname is not None
        assert self._place.port is not None
        heard = b""
        try:
            line = socket.create_connection((self._place.hostname, self._place.port), timeout=WAIT)
            if self._place.scheme == "mllps":
                line = _trust().wrap_socket(line, server_hostname=self._place.hostname)
        except OSError as no:
            raise NoAnswer(str(no), reached=False) from None
        try:
            with line:
                line.sendall(message)
                while unfinished(heard) and (more := line.recv(65536)):
                    heard += more
        except OSError as no:
            raise NoAnswer(f"{type(no).__name__} {no}") from None
        if not heard:
            raise NoAnswer("closed without an answer")
        return heard

    def person(self, one: Person, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A simulator plays it by /sim/act; in life somebody does it and says so, and what he got by it."""
        if self._stands:
            try:
                told = ask(f"{self._against}/sim/act", body) if body else {}
            except CannotRun as no:
                trouble(f"{one.zh} · {one.en}: {no}")
                return {}
            return told if isinstance(told, dict) else {}
        self._reach()
        trouble(f"→ {one.zh} · {one.en}")
        if not sys.stdin.isatty():
            raise CannotRun("要有人在场 · somebody must be there to do it (a terminal)")
        if not one.keep:
            input("做完按回车 · press Enter when done ")
        return {told: input(f"{told} = ").strip() for told in one.keep.values()}
