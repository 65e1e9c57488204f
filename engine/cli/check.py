"""`engine check`: can this node start here, now? Problems are exit code 1; a party that is down is only a warning."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.cli.awake import DEVICE
from engine.cli.folder import master_key, store_url
from engine.cli.say import FOUND, GOOD, STATE_STYLES, CannotRun, document, table

if TYPE_CHECKING:
    from engine.config.engine_file import EngineFile
    from engine.core.world import World

CONNECT_LIMIT = 2.0  # seconds for a party to take a connection


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `verdict`: good, warning or problem."""

    what: str
    verdict: str
    text: str


def check(root: Path, as_json: bool = False, call: bool = False) -> int:
    """Look at everything a start needs, start nothing. Exit code 1 when the engine could not run. `call`: payment
    platforms are asked to test keys and signatures too; what fails there is a problem."""
    found = list(_findings(root))
    if call and not any(one.verdict == "problem" for one in found):
        found += self_tests(root)
    if as_json:
        document([{"what": one.what, "verdict": one.verdict, "text": one.text} for one in found])
    else:
        rows = [(one.what, one.verdict, one.text) for one in found]
        table("启动前检查 · before a start", ("what", "verdict", "text"), rows, STATE_STYLES)
    return FOUND if any(one.verdict == "problem" for one in found) else GOOD


def _findings(root: Path) -> Iterator[Finding]:
    from engine.config.problems import failing
    from engine.site.load import load
    from engine.site.site import Site

    try:
        made = load(root)
    except OSError as no:
        yield Finding("configuration", "problem", str(no))
        return
    if not isinstance(made, Site):
        wrong = failing(made)
        first = wrong[0]
        yield Finding("configuration", "problem",
                      f"{len(wrong)} errors; {first.file}:{first.line} {first.code} {first.zh}")  # fmt: skip
        return
    text = f"{len(made.channels)} channels, {len(made.maps)} maps, {made.version[:12]}"
    yield Finding("configuration", "good", text)
    file = made.engine
    if file.clock.rate != 1:
        yield Finding("clock", "warning", f"开发时钟 · development clock, rate {file.clock.rate}")
        if file.clock.anchor is None:
            yield Finding("clock", "problem", "缺少 anchor，重启后时间倒退 · no anchor: time goes back at a restart")
    if file.awake:
        yield _awake()
    yield from _secrets(root, file)
    yield from _store(root, file)
    yield from _ports(file)
    yield from _parties(file)


def _awake() -> Finding:
    if os.access(DEVICE, os.W_OK):
        return Finding("awake", "good", DEVICE)
    return Finding("awake", "warning", f"{DEVICE} 没有或不可写，处理器照常休眠 · is not there, or not writable here")


def _secrets(root: Path, file: EngineFile) -> Iterator[Finding]:
    from engine.cli.keys import own_secrets
    from engine.config.secret import SecretMissing, resolve_secret
    from engine.parties.registry import PARTIES
    from engine.runtime.party_tls import tls_of
    from engine.site.files import read_files
    from engine.site.settings import settings_of

    held: dict[bytes, str] = {}
    for what, ref in own_secrets(file):
        try:
            other = held.setdefault(resolve_secret(ref, root), what)
        except SecretMissing as no:
            yield Finding(f"key {what}", "problem", f"{no} (engine keys)")
            continue
        if other != what:
            same = f"{ref} 与 {other} 相同 · the same as that of {other} (engine keys)"
            yield Finding(f"key {what}", "problem", same)
            continue
        loose = ref.kind == "file" and (root / ref.place).stat().st_mode & 0o077
        yield Finding(
            f"key {what}",
            "warning" if loose else "good",
            f"{ref}" + (" 他人可读 · others can read it" if loose else ""),
        )
    files = read_files(root)
    for name, entry in file.parties.items():
        try:
            PARTIES[entry.kind].open(settings_of(entry, PARTIES[entry.kind], root, files))
            tls_of(entry, root)
        except (SecretMissing, ValueError) as no:
            yield Finding(f"keys of {name}", "warning", str(no))
        else:
            yield Finding(f"keys of {name}", "good", entry.kind)


def _store(root: Path, file: EngineFile) -> Iterator[Finding]:
    from engine.store.contract import CannotStart, NotMade
    from engine.store.open import open_reader
    from engine.store.sqlite import safe_version

    try:
        url, key = store_url(root, file), master_key(root, file)
    except CannotRun as no:
        yield Finding("store", "problem", str(no).replace("\n", " "))
        return
    if not url.startswith("postgresql:"):
        import pysqlite3.dbapi2 as dbapi

        fine = safe_version(dbapi.sqlite_version_info)
        yield Finding("sqlite", "good" if fine else "problem",
                      dbapi.sqlite_version + ("" if fine else " · can lose commits: needs 3.51.3"))  # fmt: skip
        if not Path(url).parent.is_dir():
            yield Finding("store", "problem", f"目录不存在 · no such folder: {Path(url).parent}")
            return
        if not Path(url).exists():
            yield Finding("store", "good", f"{url} 尚未建立 · will be made")
            return
    try:
        with open_reader(url, key):
            yield Finding("store", "good", url if not url.startswith("postgresql:") else "postgresql")
    except NotMade:
        yield Finding("store", "good", "postgresql 尚未建立 · will be made")
    except CannotStart as no:
        yield Finding("store", "problem", str(no))


def _ports(file: EngineFile) -> Iterator[Finding]:
    """Each listener's address. What an engine that runs already holds is no problem: a check beside it is usual."""
    running = any(
        _engine_answers(*door.http, door.tls is not None)
        for door in file.listeners.values()
        if door.http is not None and port_taken(*door.http)
    )
    for name, door in file.listeners.items():
        address = door.http or door.mllp
        if address is None:
            continue
        host, port = address
        taken = port_taken(host, port)
        if taken and running:
            yield Finding(f"listener {name}", "good", f"{host}:{port} 引擎正在运行 · an engine is running here")
        else:
            verdict = "problem" if taken else "good"
            yield Finding(f"listener {name}", verdict, f"{host}:{port}" + (f" {taken}" if taken else ""))


def _engine_answers(host: str, port: int, encrypted: bool) -> bool:
    """Whether an engine says there that it is alive. Its certificate is not looked at: nothing is told or believed."""
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    line = (
        HTTPSConnection(host, port, timeout=CONNECT_LIMIT, context=unverified)
        if encrypted
        else HTTPConnection(host, port, timeout=CONNECT_LIMIT)
    )
    try:
        with closing(line):
            line.request("GET", "/healthz")
            return bool(json.loads(line.getresponse().read(1024)) == {"alive": True})
    except (OSError, ValueError, HTTPException):
        return False


def port_taken(host: str, port: int) -> str:
    """Why nobody can listen there now, "" when one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as no:
            return no.strerror or str(no)
    return ""


def _parties(file: EngineFile) -> Iterator[Finding]:
    for name, entry in file.parties.items():
        place = urlsplit(entry.url)
        if not place.hostname:  # files of this machine, an embedded database, what a terminal collects
            continue
        port = place.port or (443 if place.scheme == "https" else 80)
        try:
            socket.create_connection((place.hostname or "", port), CONNECT_LIMIT).close()
        except OSError as no:
            yield Finding(f"party {name}", "warning", f"{entry.url}: {no.strerror or no}")
        else:
            yield Finding(f"party {name}", "good", entry.url)


def self_tests(root: Path) -> list[Finding]:
    """One call to each party that has a self-test: address, our signature and theirs, none of it an order."""
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in
    from twisted.internet.defer import Deferred

    from engine.cli.folder import node_file
    from engine.core.world import World

    file = node_file(root)
    world = World(reactor, rate=float(file.clock.rate), anchor=file.clock.anchor)
    ended: list[object] = []

    def over(result: object) -> None:
        ended.append(result)
        world.reactor.stop()

    world.reactor.callWhenRunning(lambda: Deferred.fromCoroutine(called(world, root, file)).addBoth(over))
    world.reactor.run()
    if not ended:
        raise KeyboardInterrupt
    if not isinstance(ended[0], list):
        raise CannotRun(str(ended[0]))
    return ended[0]


async def called(world: World, root: Path, file: EngineFile) -> list[Finding]:
    """The findings of all self-tests, one after the other."""
    from engine.config.secret import SecretMissing
    from engine.parties.contract import Probes
    from engine.parties.registry import PARTIES
    from engine.runtime.single_call import line_of, tested
    from engine.site.files import read_files

    files, found = read_files(root), []
    for name, entry in file.parties.items():
        if not isinstance(PARTIES[entry.kind], Probes):
            continue
        try:
            good, text = await tested(line_of(world, entry, root, files))
        except (SecretMissing, ValueError) as no:
            good, text = False, str(no)
        found.append(Finding(f"self-test of {name}", "good" if good else "problem", text))
    return found
