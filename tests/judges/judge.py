"""A judge at work: its program runs in its own environment and answers one question a line."""

from __future__ import annotations

import base64
import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from tests.judges.venvs import HERE, python_of

# A shell goes to / first: handed a folder, Twisted would fork, which a process with threads should not.
ELSEWHERE = ("sh", "-c", 'cd / && exec "$@"', "judge")
CLEAN = {"PATH": "/usr/bin:/bin", "NO_PROXY": "*", "no_proxy": "*", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}


class Objection(Exception):
    """The judge's own code raised; the text is the exception's kind and words."""


class _Lines(ProcessProtocol):
    def __init__(self) -> None:
        self.got, self.said = b"", b""
        self.waiting: Deferred[bytes] | None = None
        self.over: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.got += data
        line, found, rest = self.got.partition(b"\n")
        if found and self.waiting is not None:
            self.got, waiting, self.waiting = rest, self.waiting, None
            waiting.callback(line)

    def errReceived(self, data: bytes) -> None:
        self.said += data

    def processEnded(self, reason: Failure) -> None:
        if self.waiting is not None:
            waiting, self.waiting = self.waiting, None
            waiting.errback(Objection(f"it died: {self.said.decode(errors='replace')[-2000:]}"))
        self.over.callback(None)


class Judge:
    """`await judge.ask("query", out_trade_no=…)`: what the judge's client gave, or Objection with what it raised.

    `program`: a file of `programs/`; bytes travel as `{"base64": …}` in both directions."""

    def __init__(self, reactor: IReactorProcess, environment: str, program: str) -> None:
        self._lines = _Lines()
        python, place = str(python_of(environment)), str(HERE / "programs" / program)
        self._process = reactor.spawnProcess(self._lines, "/bin/sh", [*ELSEWHERE, python, "-I", "-u", place], CLEAN)

    async def ask(self, door: str, **given: Any) -> Any:
        """One question. Only one at a time."""
        assert self._lines.waiting is None, "one question at a time"
        self._lines.waiting = waiting = Deferred()
        self._process.write(json.dumps({"door": door, "given": given}, default=_packed).encode() + b"\n")
        answer = json.loads(await waiting, object_hook=_unpacked)
        if "raised" in answer:
            raise Objection(answer["raised"])
        return answer["gave"]

    async def close(self) -> None:
        """The program ends with its input."""
        self._process.closeStdin()
        await self._lines.over


def _packed(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} cannot be asked about")


def _unpacked(tree: dict[str, Any]) -> Any:
    return base64.b64decode(tree["base64"]) if set(tree) == {"base64"} else tree
