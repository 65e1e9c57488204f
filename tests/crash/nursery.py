"""Starts engines quickly: one process that has everything imported and forks a real engine process for each start.

Reads lines of JSON {"root", "env", "out", "err"} and answers each with the new process's id. The engine's own start is
not shortened: only Python's imports are. A child is killed like any other process; the kernel reaps it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import engine.app
import engine.cli.run
import engine.parties.registry
from engine.cli.folder import loaded


def main() -> None:
    """Serve until the standard input ends."""
    loaded(Path(sys.argv[1]))  # the parties' modules, the condition library: what the first load imports
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _engine(order)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _engine(order: dict[str, object]) -> None:
    """In the child: be an engine started from a shell."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(str(order[name]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
    os.environ.update(order["env"])  # type: ignore[call-overload]  # JSON made it
    os.chdir(str(order["root"]))
    code = 3
    try:
        code = engine.cli.run.run(Path(str(order["root"])))
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
