"""A party's own calls to the outside (callbacks): one POST, the answer or why there was none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure

from simulators.base.exchanges import Exchange
from simulators.base.faults import POSTED, Fault
from simulators.base.wire import Resp

if TYPE_CHECKING:
    from simulators.base.party import SimParty

REPLY_LIMIT = 1024 * 1024
ODD_TYPE = "text/plain"


class NoAnswer(Exception):
    """The other side could not be reached, hung up, or took too long; the text says which."""


class _Post(Protocol):
    """Writes one request with Connection: close and reads until the reply is complete."""

    transport: Any

    def __init__(self, content: bytes, done: Deferred[bytes]) -> None:
        self._content, self._done = content, done
        self._got = bytearray()

    def connectionMade(self) -> None:
        self.transport.write(self._content)

    def dataReceived(self, data: bytes) -> None:
        self._got += data
        if len(self._got) > REPLY_LIMIT or complete(bytes(self._got)):
            self._finish()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._finish()

    def _finish(self) -> None:
        done, self._done = self._done, Deferred()
        if not done.called:
            done.callback(bytes(self._got))
        if self.transport is not None:
            self.transport.loseConnection()


class _PostFactory(ClientFactory):
    noisy = False

    def __init__(self, content: bytes, done: Deferred[bytes]) -> None:
        self._content, self._done = content, done

    def buildProtocol(self, addr: Any) -> Protocol:
        return _Post(self._content, self._done)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        if not self._done.called:
            self._done.errback(NoAnswer(reason.getErrorMessage()))


def parsed(raw: bytes) -> Resp | None:
    """The reply in these bytes when complete (Content-Length or chunked), else None."""
    head, found, body = raw.partition(b"\r\n\r\n")
    if not found:
        return None
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ", 2)
    if len(parts) < 2 or not parts[1].isdecimal():
        return None
    headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
    status = int(parts[1])
    if "chunked" in headers.get("transfer-encoding", "").lower():
        whole = _unchunked(body)
    elif status == 204:
        whole = b""
    else:
        length = headers.get("content-length", "")
        whole = body[: int(length)] if length.isdecimal() and len(body) >= int(length) else None
    return None if whole is None else Resp(status, whole, headers)


def complete(raw: bytes) -> bool:
    """Whether a whole reply has arrived."""
    return parsed(raw) is not None


def _unchunked(body: bytes) -> bytes | None:
    whole = bytearray()
    while True:
        line, found, rest = body.partition(b"\r\n")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            return None
        if not found or len(rest) < size + 2:
            return bytes(whole) if found and size == 0 else None
        if size == 0:
            return bytes(whole)
        whole += rest[:size]
        body = rest[size + 2 :]


def post(
    party: SimParty, op: str, url: str, body: bytes, headers: dict[str, str], *, wait: float = 5.0,
    match: Mapping[str, str] | None = None,
) -> Deferred[Resp]:
    """POST to `url` (http, an address or `localhost`); the reply, or NoAnswer after `wait` reactor seconds.

    The call is kept among the party's exchanges with direction "out". The faults of one try are taken here, by the
    operation or `callback`, and `match`.
    """
    fault = _taken(party, op, match or {})
    if fault is not None and fault.fault == "callback_odd_type":
        headers = {**headers, "Content-Type": ODD_TYPE}
    place = urlsplit(url)
    if place.scheme != "http" or not place.hostname:
        raise ValueError(f"not an http address: {url}")
    target = (place.path or "/") + (f"?{place.query}" if place.query else "")
    all_headers = {
        "Host": place.netloc, "Content-Length": str(len(body)), "Connection": "close",
        "User-Agent": "simulator", **headers,
    }
    lines = [f"POST {target} HTTP/1.1", *(f"{k}: {v}" for k, v in all_headers.items()), "", ""]
    content = "\r\n".join(lines).encode("latin-1") + body
    row = party.exchanges.begin(op, place.netloc, content, direction="out", fault=fault.fault if fault else "")
    if fault is not None and fault.fault == "callback_dead":
        party.exchanges.end(row, b"", "refused")
        return fail(NoAnswer("nobody there"))
    arrived: Deferred[bytes] = Deferred()
    host = "127.0.0.1" if place.hostname == "localhost" else place.hostname
    reactor = party.world.reactor
    connector = reactor.connectTCP(host, place.port or 80, _PostFactory(content, arrived), timeout=wait)

    def too_long() -> None:
        if not arrived.called:
            arrived.errback(NoAnswer(f"no answer in {wait} s"))
            connector.disconnect()

    patience = reactor.callLater(wait, too_long)
    return arrived.addBoth(_judge, party, row, patience)


def _taken(party: SimParty, op: str, match: Mapping[str, str]) -> Fault | None:
    return party.faults.take(op, POSTED, lambda: match) or party.faults.take("callback", POSTED, lambda: match)


def _judge(result: bytes | Failure, party: SimParty, row: Exchange, patience: Any) -> Resp:
    if patience.active():
        patience.cancel()
    if isinstance(result, Failure):
        party.exchanges.end(row, b"", "refused")
        result.raiseException()
    assert isinstance(result, bytes)
    resp = parsed(result)
    party.exchanges.end(row, result, "answered" if resp else "half")
    if resp is None:
        raise NoAnswer("the reply was not complete")
    return resp
