"""Running the command as a shell does."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import yaml

from engine.cli.main import main

HOME = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HOME), "COLUMNS": "200"}


def engine(*arguments: str, limit: float = 60.0, **environment: str) -> subprocess.CompletedProcess[str]:
    """`engine …` to its end, piped."""
    return subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-m", "engine", *arguments], capture_output=True, text=True, timeout=limit, check=False,
        env={**ENVIRONMENT, **environment},
    )  # fmt: skip


def here(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, for commands that start nothing: a new Python costs a second each time."""
    out, err = io.StringIO(), io.StringIO()
    old = sys.argv
    sys.argv = ["engine", *arguments]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as over:
        code = over.code if isinstance(over.code, int) else 1
    else:
        code = 0
    finally:
        sys.argv = old
    return subprocess.CompletedProcess(sys.argv, code, out.getvalue(), err.getvalue())


def new_site(folder: Path, **changes: object) -> Path:
    """A folder made by `engine init` with its own free ports and its keys; `changes` are parts of engine.yaml."""
    made = here("init", str(folder))
    assert made.returncode == 0, made.stderr
    path = folder / "engine.yaml"
    tree = yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506 it makes nothing but text
    tree["listeners"]["api"]["http"] = f"127.0.0.1:{free_port()}"
    tree["listeners"]["hl7"]["mllp"] = f"127.0.0.1:{free_port()}"
    tree.update(changes)
    path.write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))
    made = here("keys", "--root", str(folder))
    assert made.returncode == 0, made.stderr
    return folder


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


class Running:
    """`engine run` as a process; its first line is waited for."""

    def __init__(self, folder: Path, *more: str, **environment: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-u", "-m", "engine", "run", "--root", str(folder), *more], text=True,
            stdout=subprocess.PIPE, stderr=(folder / "run.log").open("ab"), env={**ENVIRONMENT, **environment},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.first = self.process.stdout.readline().strip()

    def tell(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end; its exit code."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(40)
        assert time.monotonic() - began < 20, "it took its time"
        return code
