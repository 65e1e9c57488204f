"""The workers of `engine run`: started with the engine, begun again when one dies or the configuration changes."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.cli.folder import environment, python

LOOK = 0.5  # seconds between two looks at who is still there
PATIENCE = 40.0  # seconds for a worker to end
START = 60.0  # seconds for a worker to be ready


class Workers:
    """`count`: processes in all, the engine's own among them."""

    def __init__(self, reactor: Any, root: Path, count: int, log: Any) -> None:
        self._reactor, self._root, self._count, self._log = reactor, root, count, log
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._ready: dict[int, threading.Event] = {}
        self._stopped = False

    def start(self, then: Callable[[], None]) -> None:
        """Start them; `then` is called on the reactor when they are ready."""
        for index in range(1, self._count):
            self._begin(index)
        waiting = list(self._ready.values())

        def wait() -> None:
            for event in waiting:
                event.wait(START)
            self._reactor.callFromThread(then)

        if waiting:
            self._reactor.callInThread(wait)
            self._reactor.callLater(LOOK, self._look)
        else:
            then()

    def renew(self) -> None:
        """A new configuration: each ends, and is begun again with it."""
        for one in self._running.values():
            one.terminate()

    def stop(self) -> None:
        """End all of them; returns when they are gone."""
        self._stopped = True
        self.renew()
        for one in self._running.values():
            try:
                one.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()

    def _begin(self, index: int) -> None:
        numbers = [str(one) for one in (index, self._count, os.getpid())]
        command = [*python(), "-m", "engine.cli.worker", str(self._root), *numbers]
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)  # noqa: S603 our own
        event = self._ready[index] = threading.Event()
        self._running[index] = process

        def listen() -> None:
            for _ in process.stdout or ():
                event.set()
            event.set()

        threading.Thread(target=listen, daemon=True).start()

    def _look(self) -> None:
        if self._stopped:
            return
        for index, one in list(self._running.items()):
            if one.poll() is not None:
                self._log.warning("worker_ended", worker=index, code=one.returncode)
                self._begin(index)
        self._reactor.callLater(LOOK, self._look)
