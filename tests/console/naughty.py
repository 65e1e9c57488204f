"""In place of engine.cli.aside: children that do what none of ours should. `python -m tests.console.naughty WORK …`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.cli import aside
from engine.store.open import backend_of


def _eat(root: Path, head: Any, groups: Any) -> Iterator[Any]:
    yield len(bytearray(4 << 30))


def _reach(root: Path, head: Any, groups: Any) -> Iterator[Any]:
    """Each attempt by its name, and whether it was refused."""
    scratch = Path(os.environ["TMPDIR"])
    tries: dict[str, Callable[[], object]] = {
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), 1),
        "bind": lambda: socket.socket().bind(("127.0.0.1", 0)),
        "resolve": lambda: socket.getaddrinfo("localhost", 80),
        "process": lambda: subprocess.run([sys.executable, "-V"], check=True),
        "shell": lambda: os.system("true"),  # noqa: S605, S607 it is refused
        "fork": lambda: os._exit(0) if os.fork() == 0 else None,
        "key": lambda: (root / "var/keys/store.key").read_bytes(),
        "key by a detour": lambda: (root / "channels/../var/keys/store.key").read_bytes(),
        "store": lambda: (root / "var/engine.db").open("r+b"),
        "live store": lambda: backend_of(f"{root}/var/engine.db"),
        "store elsewhere": lambda: backend_of("postgresql://127.0.0.1/engine"),
        "key elsewhere": lambda: Path("/etc/hostname").read_bytes(),
        "write": lambda: (root / "channels/new.yaml").write_text("x"),
        "remove": lambda: (root / "engine.yaml").unlink(),
        "rename": lambda: (root / "engine.yaml").rename(root / "other.yaml"),
        "configuration": lambda: (root / "engine.yaml").read_bytes(),
        "package": lambda: Path(aside.__file__).read_bytes(),
        "store of its own": lambda: backend_of(f"{scratch}/engine.db"),
        "scratch": lambda: (scratch / "x").write_text("x"),
        "scratch removed": lambda: (scratch / "x").unlink(),
    }
    for name, attempt in tries.items():
        try:
            attempt()
        except aside.Refused:
            yield [name, True]
        else:
            yield [name, False]


def main() -> None:
    work = sys.argv[1]
    if work in ("eat", "reach"):
        aside.WORKS |= {"eat": _eat, "reach": _reach}
        sys.exit(aside.main(work, Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
    if work == "hang":
        signal.pause()
    elif work == "deaf":  # it closes its answer and stays
        os.close(1)
        signal.pause()
    elif work == "flood":
        while True:
            sys.stdout.write("x" * 65536)
    elif work == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif work == "environment":
        sys.stdin.buffer.readline()
        print(json.dumps([sys.argv, dict(os.environ)]))


if __name__ == "__main__":
    main()
