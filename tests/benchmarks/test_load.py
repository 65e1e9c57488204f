"""The load of deliver's benchmark ends by itself also when there is nobody to load: what starts it waits for it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.engine_process import ROOT, free_port


@contextmanager
def _closing(after: int) -> Iterator[int]:
    """A door that accepts some connections and then is gone, as an engine killed while the load still connects."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(64)

        def accept() -> None:
            held = [door.accept()[0] for _ in range(after)]
            door.close()
            for one in held:
                one.close()

        watcher = threading.Thread(target=accept, daemon=True)
        port = door.getsockname()[1]
        watcher.start()
        yield port
        watcher.join(20)


def _said(port: int) -> dict[str, Any]:
    asked = json.dumps({"port": port, "connections": 4, "seconds": 60, "limit": 300})
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "bench.deliver_load", asked], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.count("\n") == 1
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_nobody_listens() -> None:
    said = _said(free_port())
    assert (said["all"], said["odd"], said["next"]) == (0, {"not connected": 1}, 1)


def test_the_door_goes_while_connections_are_made() -> None:
    with _closing(2) as port:
        said = _said(port)
    assert said["all"] == 0
    assert sum(said["odd"].values()) >= 1
