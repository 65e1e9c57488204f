"""The workers of `engine run`: started with the engine, begun again when one dies or the configuration changes."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.core.interpreter import environment, python

LOOK = 0.5  # seconds between two looks at who is still there
PATIENCE = 40.0  # seconds for a worker to end
START = 60.0  # seconds for a worker to be ready
ANSWER = 60.0  # seconds for a worker to do what a person asked


class Workers:
    """`workers`: their indexes; those from `count` on are more than the configuration wants and open no door."""

    def __init__(self, reactor: Any, root: Path, workers: list[int], count: int, log: Any) -> None:
        self._reactor, self._root, self._log = reactor, root, log
        self._workers, self._count = workers, count
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._ready: dict[int, threading.Event] = {}
        self._asked: dict[int, tuple[int, object, Any]] = {}  # by number: worker, its process, who waits
        self._last = 0
        self._stopped = False

    def start(self, then: Callable[[], None]) -> None:
        """Start them; `then` is called on the reactor when they are ready."""
        for index in self._workers:
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
        everyone, doors = ",".join(map(str, self._workers)), "open" if index < self._count else "shut"
        asked = [str(self._root), str(index), everyone, doors, str(os.getpid())]
        command = [*python(), "-m", "engine.cli.worker", *asked]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=environment(), stdin=pipe, stdout=pipe, text=True)  # noqa: S603 our own
        event = self._ready[index] = threading.Event()
        self._running[index] = process

        def listen() -> None:
            for said in process.stdout or ():
                told = json.loads(said)
                if "ready" in told:
                    event.set()
                else:
                    self._reactor.callFromThread(self._answered, told)
            event.set()
            self._reactor.callFromThread(self._gone, process)

        threading.Thread(target=listen, daemon=True).start()

    # What a person does with messages that lie in a worker's store (engine/runtime/deliver_elsewhere.py)

    def indexes(self) -> list[int]:
        """All workers, whether they answer just now or not: what lies in their stores is theirs."""
        return list(self._workers)

    def ask(self, index: int, asked: Mapping[str, Any]) -> Any:
        """A Deferred of the worker's answer; its code is E-WORKER when the worker is gone or says nothing."""
        from twisted.internet.defer import Deferred, succeed

        process = self._running.get(index)
        if process is None or process.poll() is not None or not self._ready[index].is_set():
            return succeed({"code": "E-WORKER", "detail": str(index)})
        self._last += 1
        number, answer = self._last, Deferred[Any]()
        self._asked[number] = (index, process, answer)
        text = json.dumps({"no": number, "asked": asked}) + "\n"

        def write() -> None:
            try:
                assert process.stdin is not None, "it was started with one"
                process.stdin.write(text)
                process.stdin.flush()
            except OSError:
                self._reactor.callFromThread(self._gone, process)

        self._reactor.callInThread(write)
        self._reactor.callLater(ANSWER, self._answered, {"no": number, "code": "E-WORKER", "detail": str(index)})
        return answer

    def _answered(self, told: dict[str, Any]) -> None:
        *_, answer = self._asked.pop(told.pop("no"), (None,))
        if answer is not None:
            answer.callback(told)

    def _gone(self, process: object) -> None:
        for number, (index, whose, _) in list(self._asked.items()):
            if whose is process:
                self._answered({"no": number, "code": "E-WORKER", "detail": str(index)})

    def _look(self) -> None:
        if self._stopped:
            return
        for index, one in list(self._running.items()):
            if one.poll() is not None:
                self._log.warning("worker_ended", worker=index, code=one.returncode)
                self._begin(index)
        self._reactor.callLater(LOOK, self._look)
