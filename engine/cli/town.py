"""The simulated parties as a process of their own: started on the ports, clock and secrets of an engine.yaml."""

from __future__ import annotations

import json
import queue
import re
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.cli.keys import references, write_secret
from engine.cli.say import WRONG_USE, CannotRun, WrongUse
from engine.core.interpreter import environment, python
from engine.core.world import World

if TYPE_CHECKING:
    from engine.config.engine_file import EngineFile

SECRETS = Path("var/sim")
SCENARIO = "scenario: "  # how they begin a line about the scenario being played
START_LIMIT = 30.0  # seconds for all to listen; making RSA keys takes a moment on the first run


class Town:
    """Simulators of one engine.yaml. `urls`: simulator → HTTP address; `mllp`: simulator → its MLLP port, where
    engine.yaml names one. `more`: options of `python -m simulators`. Stop it when done."""

    def __init__(
        self, root: Path, file: EngineFile, parties: Sequence[str] = (), more: Sequence[str] = (),
        told: Callable[[str], object] = lambda text: None,
    ) -> None:
        """`told` hears what becomes of a scenario that is played."""
        self.root, self.file, self._more, self._told = root, file, more, told
        self.urls = addresses(file, parties)
        self.mllp = mllp_ports(file, self.urls)
        self.process: subprocess.Popen[str] | None = None

    def start(self, world: World, log: Path | None = None) -> None:
        """Start, wait until all listen, set their clock to `world`'s, write the secrets that engine.yaml names.

        `log`: file for what they print; None: this terminal's standard error. CannotRun when one does not start.
        """
        listed = [f"{name}={urlsplit(url).port}" for name, url in self.urls.items()]
        ports = ",".join([*listed, *(f"{name}.mllp={port}" for name, port in self.mllp.items())])
        doors = [door for door in self.file.listeners.values() if door.http is not None]
        engine = f"http://{doors[0].http[0]}:{doors[0].http[1]}" if doors and doors[0].http else ""
        command = [
            *python(), "-m", "simulators", *self.urls, "--ports", ports, "--state", str(self.root / SECRETS),
            "--rate", str(world.rate), "--anchor", f"{world.now():.3f}", "--engine", engine, *self._more,
        ]  # fmt: skip
        errors = log.open("ab") if log is not None else None
        try:
            self.process = subprocess.Popen(  # noqa: S603 our own program
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment(),
                start_new_session=True,  # Ctrl-C is for us; we stop them
            )
        finally:
            if errors is not None:
                errors.close()
        self._await_listening()
        self._set_clock(next(iter(self.urls)), world)  # one process, one clock
        self.write_secrets()

    def _await_listening(self) -> None:
        process = self.process
        assert process is not None
        assert process.stdout is not None
        said: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=_pass_on, args=(process.stdout, said, self._told), daemon=True).start()
        for _ in self.urls:
            try:
                ended = not said.get(timeout=START_LIMIT)
            except queue.Empty:
                self.stop()
                raise CannotRun("模拟系统没有启动 · the simulators did not start") from None
            if ended or process.poll() is not None:
                code = self.stop()
                trouble = WrongUse if code == WRONG_USE else CannotRun
                raise trouble(f"模拟系统没有启动，代码 {code} · the simulators did not start (see above)")

    def _set_clock(self, name: str, world: World) -> None:
        """Business time of the simulators = the engine's; they started a little later than they were told."""
        behind = world.now() - datetime.fromisoformat(self.get(name, "/sim/clock")["now"]).timestamp()
        if behind > 0:
            self.post(name, "/sim/clock", {"advance": behind, "quiet": True})

    def write_secrets(self) -> None:
        """Every reference to `var/sim/SIMULATOR/FIELD/…` gets that field of the simulator's card, mode 0600."""
        cards = {name: self.get(name, "/sim/card.json") for name in self.urls}
        for entry in self.file.parties.values():
            for ref in references(dict(entry.settings)):
                place = Path(ref.place)
                if ref.kind != "file" or not place.is_relative_to(SECRETS):
                    continue
                name, *fields = place.relative_to(SECRETS).parts
                if name not in cards:
                    continue
                write_secret(self.root / place, _field(cards[name], fields, ref.place).encode())

    def get(self, name: str, path: str) -> dict[str, Any]:
        """GET of a simulator's `/sim/*` door."""
        return ask(f"{self.urls[name]}{path}")

    def post(self, name: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST to it; CannotRun when it refuses."""
        return ask(f"{self.urls[name]}{path}", body)

    def stop(self) -> int:
        """Ask the process to end, wait for it, and say its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def addresses(file: EngineFile, parties: Sequence[str] = ()) -> dict[str, str]:
    """Simulator → address, for the parties of engine.yaml that we can play. WrongUse for a name nobody has, CannotRun
    for one that engine.yaml does not use."""
    players = _players()
    if unknown := [name for name in parties if name not in players.values()]:
        names = ", ".join(dict.fromkeys(players.values()))
        raise WrongUse(f"没有这样的模拟系统 · no such simulator: {', '.join(unknown)}; {names}")
    found = {name: url for name, url in _played(file).items() if not parties or name in parties}
    if missing := [name for name in parties if name not in found]:
        raise CannotRun(f"engine.yaml 没有用到 · engine.yaml does not use: {', '.join(missing)}")
    return found


def mllp_ports(file: EngineFile, urls: Mapping[str, str]) -> dict[str, int]:
    """Simulator → the port of its MLLP door, of those in `urls`. A simulator that speaks both has it one port above
    its HTTP port; an address beside no HTTP port is that of the simulator which the party's kind names."""
    players, beside = _players(), {_port(url) + 1: name for name, url in _played(file).items()}
    found: dict[str, int] = {}
    for entry in file.parties.values():
        if _is_mllp(entry.url):
            name = beside.get(_port(entry.url)) or players.get(entry.kind, "")
            found.setdefault(name, _port(entry.url))
    return {name: port for name, port in found.items() if name in urls}


def _played(file: EngineFile) -> dict[str, str]:
    """Simulator → HTTP address, for all that engine.yaml needs; one that only speaks MLLP there has its HTTP doors one
    port below."""
    players = _players()
    found: dict[str, str] = {}
    for entry in file.parties.values():
        if entry.kind in players and not _is_mllp(entry.url):
            found.setdefault(players[entry.kind], http_door(entry.url))
    doors = {_port(url) + 1 for url in found.values()}
    for entry in file.parties.values():
        if entry.kind in players and _is_mllp(entry.url) and _port(entry.url) not in doors:
            found.setdefault(players[entry.kind], f"http://127.0.0.1:{_port(entry.url) - 1}")
    return {name: found[name] for name in dict.fromkeys(players.values()) if name in found}


def _players() -> dict[str, str]:
    """Kind of party → the simulator that plays it."""
    from engine.parties.registry import PARTIES

    return {kind: party.about.simulator for kind, party in PARTIES.items() if party.about.simulator}


def http_door(url: str) -> str:
    """Where a simulator has its HTTP doors: one that takes messages over plain TCP has them on the same port."""
    return re.sub(r"^tcp:", "http:", url).rstrip("/")


def _is_mllp(url: str) -> bool:
    return url.startswith("mllp:")


def _port(url: str) -> int:
    place = urlsplit(url)
    return place.port or (443 if place.scheme == "https" else 80)


def _pass_on(lines: Iterable[str], said: queue.SimpleQueue[str], told: Callable[[str], object]) -> None:
    """Read on for ever, so that the simulators never wait for a reader; "" is put when they have ended."""
    for text in lines:
        if text.startswith(SCENARIO):
            told(text.rstrip())
        else:
            said.put(text)
    said.put("")


def _field(card: Any, fields: Sequence[str], place: str) -> str:
    at = card
    for name in fields:
        at = at.get(name) if isinstance(at, dict) else None
    if not isinstance(at, str) or not at:
        raise CannotRun(f"模拟系统没有给出 · the simulators' card has no {place}")
    return at


def ask(url: str, body: Mapping[str, Any] | None = None, timeout: float = 10.0) -> dict[str, Any]:
    """One JSON question on loopback; CannotRun when it is not answered well."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})  # noqa: S310 an address of engine.yaml, http or https
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as reply:
            found: dict[str, Any] = json.load(reply)
            return found
    except urllib.error.HTTPError as no:
        raise CannotRun(f"{url}: {no.code} {no.read(300).decode('utf-8', 'replace')}") from None
    except (OSError, ValueError) as no:
        raise CannotRun(f"{url}: {no}") from None
