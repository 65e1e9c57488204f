"""A hospital of real processes for messages: HIS and subscribers simulated, the engine with the shipped site."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time  # the wall's time: real processes are waited for here, nothing of the engine
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.cli.folder import reading
from engine.core.interpreter import environment
from engine.store.messages import Kept, Tried, attempts_of, message_bytes

ROOT = Path(__file__).resolve().parents[2]
PORTS = {
    "api": 8600, "hl7": 8610, "his": 8701, "his.mllp": 8702, "subscribers": 8741, "subscribers.mllp": 8742,
}  # fmt: skip
LIS = "engine"  # messages are forwarded as they came: their MSH-5 is the engine
RATE = 20  # business seconds in one of the wall's
START_LIMIT = 60.0
PATIENCE = 60.0


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


class House:
    """Simulators and engine on free ports of this machine, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.simulators: subprocess.Popen[str] | None = None
        self.engine: subprocess.Popen[str] | None = None
        self.starts = 0
        self.anchor = int(time.time())  # noqa: TID251 both clocks begin here

    def now(self) -> float:
        """Business time, as the engine counts it."""
        return self.anchor + (time.time() - self.anchor) * RATE  # noqa: TID251 the same

    def open(self) -> None:
        """Lay the folder, start everything."""
        for name in ("channels", "mappings", "schemas"):
            shutil.copytree(ROOT / name, self.folder / name)
        self._patience()
        text = (ROOT / "engine.yaml").read_text(encoding="utf-8")
        for name, port in PORTS.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.ports[name]}")
        clock = f"profile: test, clock: {{rate: {RATE}, anchor: {self.anchor}}}}}"
        assert "profile: demo}" in text
        text = text.replace("profile: demo}", clock)
        (self.folder / "engine.yaml").write_text(text, encoding="utf-8")
        listed = ",".join(f"{name}={port}" for name, port in self.ports.items() if name not in ("api", "hl7"))
        self.simulators = self._start("-m", "simulators", "his", "subscribers", "--ports", listed, "--state",
                                      str(self.folder / "var" / "sim"), "--rate", str(RATE), "--anchor",
                                      str(self.anchor))  # fmt: skip
        for _ in range(4):
            assert "listening" in _line(self.simulators)
        behind = self.now() - datetime.fromisoformat(self.get("his", "/sim/clock")["now"]).timestamp()
        self.post("his", "/sim/clock", {"advance": max(0.0, behind)})
        self._secrets(text)
        self._habits()
        self.start()

    def _patience(self) -> None:
        """Waits on the network pass as quickly as the clock: ten seconds would be half a second of a busy machine, and
        a receiver that is merely slow would hear everything twice."""
        path = self.folder / "channels" / "his_events.yaml"
        text = path.read_text(encoding="utf-8")
        assert text.count("wait: 10s") == 3
        path.write_text(text.replace("wait: 10s", "wait: 60s"), encoding="utf-8")

    def _habits(self) -> None:
        self.his("set_hl7", to=f"127.0.0.1:{self.ports['hl7']}", wait=60, repeat_after=2)

    def _start(self, *words: str, err: Any = None, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 our own programs
            [sys.executable, "-u", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=err, text=True,
            env={**environment(), **(env or {})},
        )  # fmt: skip

    def _secrets(self, text: str) -> None:
        cards = {name: self.get(name, "/sim/card.json") for name in ("his", "subscribers")}
        for match in re.finditer(r"file:(var/[A-Za-z0-9_./-]+)", text):
            path = self.folder / match[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                continue
            _, kind, *rest = Path(match[1]).parts
            card = cards.get(rest[0], {}) if kind == "sim" else {}
            path.write_text(str(card.get(rest[-1], "0123456789abcdef" * 4)))
            path.chmod(0o600)

    def start(self, failpoint: str = "") -> None:
        """Start the engine and wait until its doors are open."""
        self.starts += 1
        with (self.folder / f"engine{self.starts}.log").open("ab") as log:
            env = {"ENGINE_FAILPOINT": failpoint}
            self.engine = self._start("-m", "engine", "run", "--root", str(self.folder), err=log, env=env)
        until = time.monotonic() + START_LIMIT
        while time.monotonic() < until:
            said = _line(self.engine)
            if "ready" in said:
                threading.Thread(target=self.engine.communicate, daemon=True).start()
                return
            assert said or self.engine.poll() is None, self.logs()
        raise AssertionError(f"the engine was not ready in {START_LIMIT} s\n{self.logs()}")

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.engine is not None and self.engine.poll() is None:
            os.kill(self.engine.pid, signal.SIGKILL)
            self.engine.wait(10)

    def close(self) -> None:
        """End all processes."""
        for process in (self.engine, self.simulators):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def logs(self) -> str:
        """All that the engine's processes wrote."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("engine*.log")))

    # Talking to the parties

    def get(self, name: str, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=30) as reply:
            return json.load(reply)

    def post(self, name: str, path: str, body: dict[str, Any]) -> Any:
        address = f"http://127.0.0.1:{self.ports[name]}{path}"
        request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 our own
                return json.load(reply)
        except urllib.error.HTTPError as no:
            raise AssertionError(f"{path}: {no.code} {no.read().decode()}") from None

    def his(self, act: str, **more: Any) -> Any:
        return self.post("his", "/sim/act", {"act": act, **more})

    def fault(self, name: str, fault: str, **more: Any) -> None:
        self.post(name, "/sim/faults", {"op": "*", "fault": fault, **more})

    def calm(self) -> None:
        """No misfortune any more."""
        for name in ("his", "subscribers"):
            request = urllib.request.Request(f"http://127.0.0.1:{self.ports[name]}/sim/faults", method="DELETE")
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 our own

    def fresh(self) -> None:
        """The parties' first morning again; the engine keeps its store."""
        for name in ("his", "subscribers"):
            self.post(name, "/sim/reset", {})
        self._habits()

    def sent(self) -> list[dict[str, Any]]:
        """The HIS's ledger of what it sent."""
        return [row for row in self.get("his", "/sim/ledger")["rows"] if row["kind"] == "message"]

    def arrived(self, subscriber: str, *states: str) -> list[dict[str, Any]]:
        """A subscriber's ledger, in the order of arrival."""
        rows = self.get("subscribers", "/sim/ledger")["rows"]
        subscriber = LIS if subscriber == "lis" else subscriber
        return [r for r in rows if r["party_no"].startswith(f"{subscriber}-") and (not states or r["state"] in states)]

    def until(self, done: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait for something; AssertionError with what the HIS waits for when it does not happen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if done():
                return
            time.sleep(0.05)  # noqa: TID251 real processes
        raise AssertionError(f"{what} did not happen in {seconds} s; {self.his('waiting')}\n{self.logs()[-3000:]}")

    def acknowledged(self) -> None:
        """Wait until the HIS waits for nothing."""
        self.until(lambda: all(row["state"] != "waiting" for row in self.sent()), "every acknowledgement")

    # Talking to the engine

    def block(self, body: bytes, line: socket.socket | None = None) -> bytes:
        """One MLLP block there and the acknowledgement's body back; on a connection of its own unless one is given."""
        if line is None:
            with socket.create_connection(("127.0.0.1", self.ports["hl7"]), 10) as own:
                return self.block(body, own)
        line.settimeout(30)
        line.sendall(b"\x0b" + body + b"\x1c\r")
        raw = b""
        while not raw.endswith(b"\x1c\r"):
            more = line.recv(65536)
            assert more, f"closed after {raw!r}"
            raw += more
        return raw[1:-2]

    def stored(self) -> list[tuple[Kept, bytes]]:
        """Every message in the engine's store with its bytes, opened as the engine opens them."""
        with reading(self.folder) as conn:
            with sqlite3.connect(f"file:{self.folder}/var/engine.db?mode=ro", uri=True) as plain:
                ids = [row[0] for row in plain.execute("SELECT id FROM messages ORDER BY id")]
            return list(message_bytes(conn, ids).values())

    def tried(self, message: int) -> list[Tried]:
        """The attempts to deliver it, with the bytes both ways."""
        with reading(self.folder) as conn:
            return attempts_of(conn, message)

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the engine on this house."""
        return subprocess.run(  # noqa: S603 our own program
            [sys.executable, "-m", "engine", *words, "--root", str(self.folder)], cwd=ROOT, capture_output=True,
            text=True, timeout=120, check=False, env=environment(),
        )  # fmt: skip


def _line(process: subprocess.Popen[str]) -> str:
    """The next line a process prints; "" when it ended or says nothing for half a minute."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    stdout = process.stdout
    assert stdout is not None
    threading.Thread(target=lambda: said.put(stdout.readline()), daemon=True).start()
    try:
        return said.get(timeout=30.0)
    except queue.Empty:
        return ""
