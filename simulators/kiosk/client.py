"""Signed requests to the engine; a request whose reply was lost is sent again, word for word."""

# Twisted's HTTP client classes are only partly typed.
# mypy: allow-untyped-calls

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer  # type: ignore[import-untyped]  # no stubs are published

from simulators.base.world import SimWorld

if TYPE_CHECKING:
    from simulators.kiosk.flow import Story

Answer = tuple[int, dict[str, Any]]
LOST = (ResponseFailed, ConnectionClosed, ConnectError, CancelledError)
REPLY_LIMIT = 4 * 1024 * 1024
PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # business seconds before each repetition
BUSY = frozenset({408, 429, 503})  # 408: the request itself came too slowly; nothing was taken


class NoReply(Exception):
    """The engine did not answer the request or any of its repetitions; nothing is known about it."""


@implementer(IBodyProducer)
class _Body:
    def __init__(self, content: bytes) -> None:
        self.content, self.length = content, len(content)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self.content)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Written at once: nothing to pause."""

    def resumeProducing(self) -> None:
        """Written at once: nothing to resume."""

    def stopProducing(self) -> None:
        """Written at once: nothing to stop."""


class _Reader(Protocol):
    """Collects a reply's body; cut off at REPLY_LIMIT it counts as lost."""

    transport: Any

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._hang_up())
        self._parts: list[bytes] = []
        self._size = 0

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > REPLY_LIMIT:
            self._hang_up()
            return
        self._parts.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        whole = type(reason.value).__name__ in ("ResponseDone", "PotentialDataLoss")
        if whole and self._size <= REPLY_LIMIT:
            self.done.callback(b"".join(self._parts))
        else:
            self.done.errback(ResponseFailed([reason]))


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Addresses are dialled directly, without a resolver, so that a simulated reactor will do."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def endpointForURI(self, uri: Any) -> Any:
        host: str = uri.host.decode("ascii")
        if ":" in host:
            way: Any = TCP6ClientEndpoint(self._reactor, host, uri.port)
        elif host.replace(".", "").isdigit() or host == "localhost":
            way = TCP4ClientEndpoint(self._reactor, "127.0.0.1" if host == "localhost" else host, uri.port)
        else:
            way = HostnameEndpoint(self._reactor, host, uri.port)
        return wrapClientTLS(optionsForClientTLS(host), way) if uri.scheme == b"https" else way


class Kiosk:
    """One terminal of one client of the engine.

    Answers are `(HTTP status, JSON object)`. `patience` is how long a reply is waited for, in
    business seconds; after the last repetition NoReply is raised. `door` is where new settlements go.
    """

    door = "/v1/outpatient/settlements"

    def __init__(
        self, world: SimWorld, engine_url: str, client_id: str, secret: str, terminal_id: str, *,
        patience: float = 60.0,
    ) -> None:
        place = urlsplit(engine_url)
        if place.scheme not in ("http", "https") or not place.netloc:
            raise ValueError(f"not an address of the engine: {engine_url}")
        self.world = world
        self.terminal_id = terminal_id
        self.patience = patience
        self.repeated = 0  # how many replies were lost so far
        self._base = f"{place.scheme}://{place.netloc}"
        self._client_id, self._secret = client_id, secret.encode("utf-8")
        self._pool: Any = HTTPConnectionPool(world.reactor, persistent=True)
        self._pool.retryAutomatically = False  # the kiosk itself decides what is sent again
        self._pool.maxPersistentPerHost = 16
        self._agent = Agent.usingEndpointFactory(world.reactor, _Endpoints(world.reactor), pool=self._pool)
        self._count = 0

    async def settle(self, body: dict[str, Any]) -> Answer:
        """POST of a new settlement at `door`."""
        return await self.ask("POST", self.door, body)

    async def pay(self, no: str, body: dict[str, Any]) -> Answer:
        """POST /v1/settlements/{no}/pay: the patient's choice."""
        return await self.ask("POST", f"/v1/settlements/{quote(no)}/pay", body)

    async def cancel(self, no: str, body: dict[str, Any]) -> Answer:
        """POST /v1/settlements/{no}/cancel."""
        return await self.ask("POST", f"/v1/settlements/{quote(no)}/cancel", body)

    async def refund(self, no: str, body: dict[str, Any]) -> Answer:
        """POST /v1/settlements/{no}/refunds."""
        return await self.ask("POST", f"/v1/settlements/{quote(no)}/refunds", body)

    async def show(self, no: str, wait: float | None = None) -> Answer:
        """GET /v1/settlements/{no}; with `wait` the engine answers at the next change, or after so many seconds."""
        tail = "" if wait is None else f"?wait={wait:g}"
        return await self.ask("GET", f"/v1/settlements/{quote(no)}{tail}", patience=self.patience + (wait or 0.0))

    async def bills(self, patient: str) -> Answer:
        """GET /v1/outpatient/bills: what the patient has not paid."""
        return await self.ask("GET", f"/v1/outpatient/bills?patient={quote(patient, safe='')}")

    def next_no(self) -> str:
        """A request number this terminal has not used."""
        self._count += 1
        return f"{self.terminal_id}-{int(self.world.now() * 1000)}-{self._count}"

    def close(self) -> Deferred[Any]:
        """Hang up; the answer fires when all connections are gone."""
        closed: Deferred[Any] = self._pool.closeCachedConnections()
        return closed

    async def run_flow(
        self, patient: dict[str, Any], bills: list[str], pay_identity: str, choice: Any, **more: Any
    ) -> Story:
        """A whole settlement to its rest: see `simulators.kiosk.flow.run_flow`."""
        from simulators.kiosk.flow import run_flow

        return await run_flow(self, patient, bills, pay_identity, choice, **more)

    async def ask(
        self, method: str, target: str, body: dict[str, Any] | None = None, *, patience: float = 0.0
    ) -> Answer:
        """One request, repeated with the same body (and a fresh signature) until it is answered."""
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8")
        trouble: object = ""
        for pause in (*PAUSES, None):
            try:
                status, found = await self._once(method, target, content, patience or self.patience)
            except LOST as lost:
                trouble = lost
            else:
                if status not in BUSY and (found is not None or 400 <= status < 500):
                    return status, found or {}
                trouble = f"HTTP {status}"
            if pause is None:
                break
            self.repeated += 1
            await self.pause(pause)
        raise NoReply(f"{method} {target}: {trouble}")

    async def pause(self, seconds: float) -> None:
        """Let business seconds pass."""
        over: Deferred[None] = Deferred()
        self.world.later(seconds, over.callback, None)
        await over

    async def _once(
        self, method: str, target: str, content: bytes, patience: float
    ) -> tuple[int, dict[str, Any] | None]:
        under_way = Deferred.fromCoroutine(self._talk(method, target, content))
        limit = self.world.later(patience, under_way.cancel)
        try:
            status, raw = await under_way
        finally:
            limit.cancel()
        try:
            found = json.loads(raw) if raw else {}
        except ValueError:
            return status, None
        return status, found if isinstance(found, dict) else None

    async def _talk(self, method: str, target: str, content: bytes) -> tuple[int, bytes]:
        headers = Headers({k: [v] for k, v in self._signed(method, target, content).items()})
        url = (self._base + target).encode("ascii")
        sent = _Body(content) if content else None
        reply: Any = await self._agent.request(method.encode("ascii"), url, headers, sent)
        reader = _Reader()
        reply.deliverBody(reader)
        return int(reply.code), await reader.done

    def _signed(self, method: str, target: str, content: bytes) -> dict[str, str]:
        stamp, nonce = str(int(self.world.now())), f"{self.world.rng.getrandbits(128):032x}"
        text = f"{method}\n{target}\n{stamp}\n{nonce}\n{hashlib.sha256(content).hexdigest()}"
        mark = hmac.new(self._secret, text.encode("utf-8"), hashlib.sha256).hexdigest()
        headers = {"X-Client": self._client_id, "X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": mark}
        return {**headers, "Content-Type": "application/json"} if content else headers
