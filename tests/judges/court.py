"""A simulator on a real socket, an ear for what it sends by itself, and the engine's party beside the judge."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from twisted.internet import reactor as real_reactor  # noqa: TID251 - real sockets for other people's clients
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread  # noqa: TID251 - http.client blocks
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.registry import PARTIES
from simulators.base.party import SimParty
from simulators.base.world import SimWorld
from tests.judges.judge import Judge
from tests.parties.judge import outcome_of

reactor: Any = real_reactor
_KEYS = TemporaryDirectory(prefix="judges-")  # new RSA keys for every test would take most of their time


class Ear(Resource):
    """Keeps every message sent to it and answers what `says` says of it."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[HttpRequest] = []
        self.says: Callable[[HttpRequest], HttpReply] = lambda _: HttpReply(200, (), b"success")
        self._waiting: list[tuple[int, Deferred[None]]] = []

    def render(self, request: Request) -> bytes:
        headers = tuple(
            (name.decode(), value.decode()) for name, values in request.requestHeaders.getAllRawHeaders()
            for value in values
        )  # fmt: skip
        got = HttpRequest(request.method.decode(), request.uri.decode(), headers, request.content.read())
        self.heard.append(got)
        reply = self.says(got)
        request.setResponseCode(reply.status)
        for count, waiting in self._waiting:
            if len(self.heard) >= count and not waiting.called:
                reactor.callLater(0, waiting.callback, None)
        return reply.body

    async def nth(self, count: int) -> HttpRequest:
        """The message number `count`, from 1."""
        if len(self.heard) < count:
            waiting: Deferred[None] = Deferred()
            self._waiting.append((count, waiting))
            waiting.addTimeout(20, reactor)
            await waiting
        return self.heard[count - 1]


@dataclass
class Court:
    """One simulator before its judges; `opened`: the engine's connection, made of the simulator's card."""

    sim: Any
    address: str
    ear: Ear
    ear_url: str
    opened: Any = None
    judges: list[Judge] = field(default_factory=list)
    asked: int = 0
    _ports: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, make: type[SimParty], *, anchor: float | None = None) -> Court:
        kept = None if anchor is not None else Path(_KEYS.name)
        sim = make(SimWorld(reactor, anchor=anchor, state_dir=kept))
        port, ear = sim.listen(0), Ear()
        ear_port = reactor.listenTCP(0, Site(ear), interface="127.0.0.1")
        return cls(
            sim, f"http://127.0.0.1:{port.getHost().port}", ear,
            f"http://127.0.0.1:{ear_port.getHost().port}/told", _ports=[port, ear_port],
        )  # fmt: skip

    @property
    def card(self) -> dict[str, Any]:
        found: dict[str, Any] = self.sim.card(self.address)
        return found

    def open(self, **settings: Any) -> None:
        """The engine's side, with these settings."""
        party = PARTIES[self.sim.name]
        self.opened = party.open(party.settings.model_validate(settings))

    def judge(self, environment: str, program: str) -> Judge:
        judge = Judge(reactor, environment, program)
        self.judges.append(judge)
        return judge

    def built(self, op: str, body: Any, number: str = "") -> tuple[Outgoing, HttpRequest]:
        """The bytes the engine would send now."""
        self.asked += 1
        call = Outgoing(op, body, number, self.opened, {}, self.sim.world.now(), f"{self.asked:032x}")
        return call, PARTIES[self.sim.name].build(call)

    async def engine(self, op: str, body: Any, number: str = "") -> tuple[Outcome, Answer]:
        """One call of the engine's party over the socket, as its table judges the answer."""
        call, request = self.built(op, body, number)
        reply = await self.raw(request)
        party = PARTIES[self.sim.name]
        answer = party.read(call, request, reply)
        return outcome_of(party, op, answer), answer

    async def raw(self, request: HttpRequest) -> HttpReply:
        """The simulator's bytes, before anybody reads them."""
        reply: HttpReply = await deferToThread(post, self.address, request)
        return reply

    def hears(self, request: HttpRequest) -> Any:
        """What the engine makes of a message the simulator sent."""
        return PARTIES[self.sim.name].verify(self.opened, request, self.sim.world.now())

    async def close(self) -> None:
        for judge in self.judges:
            await judge.close()
        for port in self._ports:
            await port.stopListening()


def post(address: str, request: HttpRequest) -> HttpReply:
    """The bytes of a request over a plain client of the standard library, and what came back."""
    line = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    try:
        line.request(request.method, request.target, request.body or None, dict(request.headers))
        got = line.getresponse()
        return HttpReply(got.status, tuple(got.getheaders()), got.read())
    finally:
        line.close()
