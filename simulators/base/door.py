"""The party's HTTP server: Twisted's parser with the whole request handed over at once.

Real client libraries send absolute-form targets (Alipay's Python SDK does), so the target is
normalised here. Reply bytes are written by hand: faults need them exactly (half, twice), and the
exchange log shows what really went out.
"""

# Twisted's HTTP classes are only partly typed.
# mypy: allow-untyped-calls

from __future__ import annotations

from email.utils import formatdate
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from simulators.base.wire import Req, Resp

if TYPE_CHECKING:
    from simulators.base.party import SimParty

BODY_LIMIT = 8 * 1024 * 1024
IDLE_SECONDS = 120


def normalised(target: str) -> str:
    """The origin form (path and query) of a request target; `http://host:port/a?b` becomes `/a?b`."""
    for scheme in ("http://", "https://"):
        if target[: len(scheme)].lower() == scheme:
            rest = target[len(scheme) :]
            start = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=-1)
            tail = rest[start:] if start >= 0 else "/"
            return tail if tail.startswith("/") else "/" + tail
    return target


class SimChannel(HTTPChannel):
    """Keeps the head of each request as it came."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[bytes] = []

    def lineReceived(self, line: bytes) -> None:
        if line or self._lines:
            self._lines.append(line)
        super().lineReceived(line)

    def allHeadersReceived(self) -> None:
        self.requests[-1].raw_head = b"\r\n".join(self._lines) + b"\r\n"
        self._lines = []
        super().allHeadersReceived()


class SimRequest(Request):
    """One request and the ways its connection can end; the party decides which."""

    channel: Any
    content: Any
    raw_head = b""
    gone = False  # the other side hung up
    over = False  # answered, dropped or closed
    _refused = False

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        if length is not None and length > BODY_LIMIT:
            self._refuse_size()

    def handleContentChunk(self, data: bytes) -> None:
        if self._refused:
            return
        if self.content.tell() + len(data) > BODY_LIMIT:
            self._refuse_size()
            return
        self.content.write(data)

    def _refuse_size(self) -> None:
        self._refused = True
        self.channel.transport.write(
            b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        self.channel.loseConnection()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self._refused:
            return
        self.method, self.uri, self.clientproto = command, path, version
        site: SimSite = self.channel.site
        self._world = site.party.world  # the channel is gone when the other side hangs up
        site.party.handle(self._req(), self)

    def _req(self) -> Req:
        target = normalised(self.uri.decode("latin-1"))
        path, _, query = target.partition("?")
        headers = {
            name.decode("latin-1").lower(): ", ".join(v.decode("latin-1") for v in values)
            for name, values in self.requestHeaders.getAllRawHeaders()
        }
        peer = self.client
        return Req(
            method=self.method.decode("latin-1"),
            target=target,
            path=unquote(path),
            query=dict(reversed(parse_qsl(query, keep_blank_values=True))),  # the first of a name counts
            headers=headers,
            body=self.content.getvalue(),
            peer=f"{getattr(peer, 'host', 'memory')}:{getattr(peer, 'port', 0)}",
            raw_head=self.raw_head,
        )

    def reply_bytes(self, resp: Resp) -> tuple[bytes, bytes]:
        """Head and body as they would go out now."""
        more = {"Server": "simulator", "Date": formatdate(self._world.now(), usegmt=True)}
        if not self.gone and not self.channel.persistent:
            more["Connection"] = "close"
        return resp.head(more), b"" if self.method == b"HEAD" else resp.body

    def part(self, content: bytes) -> bool:
        """Some bytes of a reply that is not whole yet; False when the other side has hung up."""
        if self.gone or self.over:
            return False
        self.startedWriting = 1
        self.channel.transport.write(content)
        return True

    def send(self, content: bytes, *, and_close: bool = False) -> bool:
        """Write the reply's bytes and end the request; False when the other side has hung up."""
        if self.gone or self.over:
            return False
        self.over = True
        self.startedWriting = 1
        self.channel.transport.write(content)
        if and_close:
            self.channel.persistent = False
        self.finish()
        return True

    def drop(self) -> None:
        """Reset the connection (RST) without another byte."""
        if not self.gone and not self.over:
            self.over = True
            self.channel.transport.abortConnection()

    def close(self) -> None:
        """Close the connection (FIN) without an answer."""
        if not self.gone and not self.over:
            self.over = True
            self.channel.transport.loseConnection()

    def connectionLost(self, reason: Failure) -> None:
        self.gone = True
        super().connectionLost(reason)


class SimSite(Site):
    """The listening factory of one party."""

    protocol = SimChannel  # type: ignore[assignment]  # Twisted's own channel type is a private proxy
    requestFactory = SimRequest

    def __init__(self, party: SimParty) -> None:
        super().__init__(Resource(), reactor=party.world.reactor, timeout=IDLE_SECONDS)
        self.party = party

    def startFactory(self) -> None:
        """No access log, and no timer for its clock."""

    def stopFactory(self) -> None:
        """Nothing was started."""

    def log(self, request: Any) -> None:
        """Exchanges are kept by the party instead."""
