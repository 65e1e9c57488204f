"""A real `engine run` in a folder of its own: started, stopped as an operator would or cut off, and looked at."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time  # the wall's time: real processes are measured here
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_LIMIT, STOP_LIMIT = 60.0, 40.0  # seconds
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def line_of(process: subprocess.Popen[str], seconds: float = START_LIMIT) -> str:
    """The next line a process prints; "" when it ended or stays silent."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    stdout = process.stdout
    assert stdout is not None
    threading.Thread(target=lambda: said.put(stdout.readline()), daemon=True).start()
    try:
        return said.get(timeout=seconds)
    except queue.Empty:
        return ""


class EngineProcess:
    """`environment`: what its process is told besides; `port`: of its HTTP listener. The folder is the caller's to lay
    and to remove."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self.environment = environment or {}
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=os.environ.get("BENCH_DIR")))
        self.port = free_port()
        self.engine: subprocess.Popen[str] | None = None
        self.started_in = 0.0

    def start(self, module: str = "engine", *more: str) -> None:
        """Start the engine; RuntimeError when it is not ready in time. `module`: `bench.probed` watches its reactor."""
        began = time.perf_counter()
        with (self.folder / "engine.log").open("a") as errors:
            self.engine = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", module, "run", "--root", str(self.folder), *more],
                cwd=self.folder, env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
                stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
        if "ready" not in line_of(self.engine):
            raise RuntimeError(f"the engine did not start: {self.log()[-6000:]}")
        self.started_in = time.perf_counter() - began

    def stop(self) -> str:
        """Stop it as an operator would; what it printed meanwhile."""
        engine, self.engine = self.engine, None
        if engine is None or engine.stdout is None:
            return ""
        if engine.poll() is None:
            engine.send_signal(signal.SIGTERM)
            try:
                engine.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                engine.kill()
                engine.wait()
        with engine.stdout:
            return engine.stdout.read()

    def kill(self) -> None:
        """As a power cut would."""
        if self.engine is not None:
            self.engine.kill()
            self.engine.wait()
            if self.engine.stdout is not None:
                self.engine.stdout.close()
        self.engine = None

    def processes(self) -> list[int]:
        """The engine's process and its workers."""
        assert self.engine is not None
        children = Path(f"/proc/{self.engine.pid}/task/{self.engine.pid}/children")
        found = children.read_text().split() if children.exists() else []
        return [self.engine.pid, *map(int, found)]

    def cpu(self) -> float:
        """CPU seconds of the engine's processes so far, all threads."""
        total = 0.0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
        return total

    def rss(self, peak: bool = False) -> float:
        """MiB of memory of the engine's processes, now or at most."""
        name, total = "VmHWM" if peak else "VmRSS", 0.0
        for pid in self.processes():
            found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
            total += int(found[1]) / 1024 if found else 0.0
        return total

    def log(self) -> str:
        """What it wrote to its standard error so far."""
        return (self.folder / "engine.log").read_text()
