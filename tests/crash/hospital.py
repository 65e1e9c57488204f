"""A hospital of real processes: the simulators live on, the engine is killed and started again."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time  # the wall's time: real processes are waited for here, nothing of the engine
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PORTS = {
    "api": 8600, "hl7": 8610, "his": 8701, "insurance": 8711, "municipal": 8712, "qingdao": 8713, "wechat": 8721,
    "alipay": 8722, "unionpay": 8723, "einvoice": 8731, "mobile_pay": 8714,
}  # fmt: skip
OWN = ("api", "hl7")  # the engine's; the others are simulators'
RATE = 20
START_LIMIT = 30.0


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Hospital:
    """Simulators and engine on free ports of this machine, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.anchor = int(time.time())
        self.simulators: subprocess.Popen[str] | None = None
        self.nursery: subprocess.Popen[str] | None = None
        self.engine = 0
        self.starts = 0

    def open(self) -> None:
        """Lay the folder, start the simulators, write the secrets."""
        for name in ("channels", "mappings", "schemas"):
            (self.folder / name).symlink_to(ROOT / name)
        text = (ROOT / "engine.yaml").read_text()
        for name, port in PORTS.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.ports[name]}")
        text = text.replace("profile: demo}", f"profile: test, clock: {{rate: {RATE}, anchor: {self.anchor}}}}}")
        (self.folder / "engine.yaml").write_text(text)
        listed = ",".join(f"{name}={port}" for name, port in self.ports.items() if name not in OWN)
        command = [
            sys.executable, "-m", "simulators", *(name for name in PORTS if name not in OWN), "--ports", listed,
            "--state", str(self.folder / "var" / "sim"), "--rate", str(RATE), "--anchor", str(self.anchor),
        ]  # fmt: skip
        self.simulators = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(len(PORTS) - 1):
            _line(self.simulators)
        self._set_clock()
        self._secrets(text)

    def now(self) -> float:
        """Business time, as the engine counts it."""
        return self.anchor + (time.time() - self.anchor) * RATE

    def _set_clock(self) -> None:
        """The simulators started a little after the anchor: bring them to the engine's time."""
        behind = self.now() - datetime.fromisoformat(self.get("his", "/sim/clock")["now"]).timestamp()
        self.post("his", "/sim/clock", {"advance": max(0.0, behind)})

    def _secrets(self, text: str) -> None:
        for match in re.finditer(r"file:(var/[A-Za-z0-9_./-]+)", text):
            path = self.folder / match[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                continue
            _, kind, *rest = Path(match[1]).parts
            path.write_text(self._card_value(rest) if kind == "sim" else "0123456789abcdef" * 4)
            path.chmod(0o600)

    def _card_value(self, parts: list[str]) -> str:
        value: Any = self.get(parts[0], "/sim/card.json")
        for part in parts[1:]:
            value = value[part]
        return str(value)

    def start(self, failpoint: str = "", log: str = "") -> bool:
        """Start the engine; False when it died before it was ready (a fail-point may want that)."""
        self.starts += 1
        out = self.folder / f"engine{self.starts}.out"
        order = {
            "root": str(self.folder),
            "env": {"ENGINE_FAILPOINT": failpoint, "ENGINE_FAILPOINT_LOG": log},
            "out": str(out),
            "err": str(self.folder / f"engine{self.starts}.log"),
        }
        nursery = self._nursery()
        assert nursery.stdin is not None
        nursery.stdin.write(json.dumps(order) + "\n")
        nursery.stdin.flush()
        self.engine = int(_line(nursery))
        until = time.monotonic() + START_LIMIT
        while not self.dead() and time.monotonic() < until:
            if out.exists() and "ready" in out.read_text():
                return True
            time.sleep(0.01)
        return False

    def _nursery(self) -> subprocess.Popen[str]:
        if self.nursery is None:
            self.nursery = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.nursery", str(self.folder)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        return self.nursery

    def signal(self, number: int) -> None:
        """Send the engine a signal."""
        if not self.dead():
            os.kill(self.engine, number)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self.signal(signal.SIGKILL)
        while not self.dead():
            time.sleep(0.002)

    def dead(self) -> bool:
        return self.engine == 0 or not Path(f"/proc/{self.engine}").exists()

    def fresh(self) -> None:
        """A new day: parties reset, an empty store."""
        self.kill()
        for path in self.folder.glob("var/engine.db*"):
            path.unlink()
        for name in PORTS:
            if name not in ("api", "hl7"):
                self.post(name, "/sim/reset", {})

    def close(self) -> None:
        """End both processes."""
        self.kill()
        for process in (self.nursery, self.simulators):
            if process is not None:
                process.terminate()
                process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Talking to the parties

    def get(self, name: str, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=10) as reply:
            return json.load(reply)

    def post(self, name: str, path: str, body: dict[str, Any]) -> Any:
        address, kind = f"http://127.0.0.1:{self.ports[name]}{path}", {"Content-Type": "application/json"}
        request = urllib.request.Request(address, json.dumps(body).encode(), kind)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)

    def ledger(self, name: str, *kinds: str) -> list[dict[str, Any]]:
        rows = self.get(name, "/sim/ledger")["rows"]
        return [row for row in rows if not kinds or row["kind"] in kinds]

    def kept(self) -> int:
        """What the payment platform kept, in fen."""
        taken = sum(row["amount"] for row in self.ledger("wechat", "charge"))
        return taken - sum(row["amount"] for row in self.ledger("wechat", "refund", "reverse"))

    def logs(self) -> str:
        """All that the engine's processes wrote."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("engine*.log")))


def _line(process: subprocess.Popen[str]) -> str:
    """The next line a process prints; "" when it ended or says nothing for half a minute."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    stdout = process.stdout
    assert stdout is not None
    threading.Thread(target=lambda: said.put(stdout.readline()), daemon=True).start()
    try:
        return said.get(timeout=START_LIMIT)
    except queue.Empty:
        return ""
