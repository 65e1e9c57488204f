"""HL7 over real sockets: TLS, client certificates, and half-closed connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 - these tests are about the real one
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread  # noqa: TID251 - a blocking socket plays the stranger

from engine.codecs.hl7_ack import ack, read_ack
from engine.codecs.hl7v2 import begin, parse
from engine.codecs.mllp import frame
from engine.connectors.contract import NotSent, Silent
from engine.connectors.mllp import MllpLimits, MllpListener, MllpSender, Peer
from engine.connectors.tls import TlsOptions, server_tls
from engine.core.world import World
from tests.connectors.test_http_sockets import Authority, holding

WORLD = World(reactor)


def message(number: str, note: str = "億") -> bytes:
    sent = begin("ADT", "A08", "ADT_A01", declared="GBK")
    sent.set("MSH-10", number)
    sent.set("PID-5.1", note)
    return sent.to_bytes()


def pause(seconds: float) -> Deferred[None]:
    waited: Deferred[None] = Deferred()
    WORLD.later(seconds, waited.callback, None)
    return waited


class Server:
    """A listener that accepts everything and remembers who spoke."""

    def __init__(self, tls: TlsOptions | None = None, limits: MllpLimits | None = None) -> None:
        self.peers: list[Peer] = []
        self.listener = MllpListener(WORLD, "hl7", "127.0.0.1", 0, self._take, limits, tls)

    def _take(self, body: bytes, peer: Peer) -> bytes:
        self.peers.append(peer)
        return ack(parse(body), "AA", control_id="R", at="20261122102000")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest_twisted.ensureDeferred
async def test_plain_messages_large_and_small() -> None:
    server = Server()
    port = await server.listener.start()
    sender = MllpSender(WORLD, "127.0.0.1", port)
    for number, note in (("M1", "億"), ("M2", "東" * 1_000_000), ("M3", "瑋")):
        reply = await sender.send(message(number, note), number, 20)
        assert read_ack(reply, number).kind == "accepted"
    assert (sender.opened, len(server.peers)) == (1, 3)
    await sender.stop()
    await server.listener.drain(5)
    assert server.listener.connections == 0


@pytest_twisted.ensureDeferred
async def test_tls_and_mutual_tls(authority: Authority) -> None:
    certificate, key = authority.issue("localhost")
    own, own_key = authority.issue("his.example")
    stranger, stranger_key = Authority().issue("his.example")
    for asks in (False, True):
        server = Server(TlsOptions(authority.pem if asks else b"", certificate, key))
        port = await server.listener.start()
        known = MllpSender(WORLD, "localhost", port, tls=TlsOptions(authority.pem, own, own_key))
        assert read_ack(await known.send(message("M1"), "M1", 10), "M1").kind == "accepted"
        assert server.peers[-1].name == ("his.example" if asks else "")
        for tls in (TlsOptions(authority.pem), TlsOptions(authority.pem, stranger, stranger_key)):
            other = MllpSender(WORLD, "localhost", port, tls=tls)
            if asks:  # TLS 1.3 lets a client finish before the server has looked: sent, or not, but never answered
                with pytest.raises((NotSent, Silent)):
                    await other.send(message("M2"), "M2", 5)
            else:
                assert read_ack(await other.send(message("M2"), "M2", 5), "M2").kind == "accepted"
            await other.stop()
        assert len(server.peers) == (1 if asks else 3)
        await known.stop()
        await server.listener.stop()


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_not_who_it_should_be_is_never_sent_a_byte(authority: Authority) -> None:
    cases: list[tuple[tuple[bytes, bytes], TlsOptions]] = [
        (authority.issue("elsewhere.example"), TlsOptions(authority.pem)),
        (authority.issue("localhost", expired=True), TlsOptions(authority.pem)),
        (Authority().issue("localhost"), TlsOptions(authority.pem)),
        (authority.issue("localhost"), TlsOptions()),
    ]
    for (certificate, key), tls in cases:
        server = Server(TlsOptions(b"", certificate, key))
        port = await server.listener.start()
        sender = MllpSender(WORLD, "localhost", port, tls=tls)
        with pytest.raises(NotSent, match="tls"):
            await sender.send(message("M1"), "M1", 10)
        assert server.peers == []
        await sender.stop()
        await server.listener.stop()


@pytest_twisted.ensureDeferred
async def test_a_closed_tls_connection_leaves_no_timer_behind(authority: Authority) -> None:
    net: Any = reactor
    before = set(net.getDelayedCalls())
    certificate, key = authority.issue("localhost")
    server = Server(TlsOptions(b"", certificate, key))
    sender = MllpSender(WORLD, "localhost", await server.listener.start(), tls=TlsOptions(authority.pem))
    await sender.send(message("M1"), "M1", 10)
    await sender.stop()
    await server.listener.drain(5)
    while any(call not in before and call.getTime() - net.seconds() < 1.5 for call in net.getDelayedCalls()):
        await pause(0.01)
    await pause(0.05)
    assert [call for call in net.getDelayedCalls() if call not in before] == []


def blocking(port: int, talk: Callable[[socket.socket], Any]) -> Deferred[Any]:
    def work() -> Any:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            return talk(line)

    return deferToThread(work)


def read_all(line: socket.socket) -> bytes:
    heard = b""
    try:
        while piece := line.recv(65536):
            heard += piece
    except ConnectionResetError:
        pass
    return heard


@pytest_twisted.ensureDeferred
async def test_tls_and_plain_do_not_mix(authority: Authority) -> None:
    certificate, key = authority.issue("localhost")
    secure = Server(TlsOptions(b"", certificate, key), MllpLimits(handshake_s=0.3))
    port = await secure.listener.start()

    def plain(line: socket.socket) -> bytes:
        line.sendall(frame(message("M1")))
        return read_all(line)

    assert frame(b"")[:1] not in await blocking(port, plain)
    assert await blocking(port, read_all) == b""  # says nothing: cut after the handshake's time
    assert secure.peers == []
    await secure.listener.stop()
    bare = Server()
    sender = MllpSender(WORLD, "localhost", await bare.listener.start(), tls=TlsOptions(authority.pem))
    with pytest.raises(NotSent):
        await sender.send(message("M1"), "M1", 5)
    assert bare.listener.noise == {"tls": 1}
    await sender.stop()
    await bare.listener.stop()


@pytest_twisted.ensureDeferred
async def test_a_client_that_never_reads_is_cut() -> None:
    server = Server(limits=MllpLimits(write_s=0.3))
    port = await server.listener.start()

    def deaf(line: socket.socket) -> bool:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        block = frame(message("M" * 150))
        try:
            while True:
                line.sendall(block * 100)
        except OSError:
            return True

    assert await blocking(port, deaf)
    await server.listener.drain(5)
    assert (server.listener.connections, server.listener.held) == (0, 0)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("said", [b"", frame(message("M1"))[:20]], ids=["resting", "half a message"])
@pytest_twisted.ensureDeferred
async def test_a_peer_that_says_no_more_and_hears_nothing_does_not_hold_the_drain(
    authority: Authority, secure: bool, said: bytes
) -> None:
    certificate, key = authority.issue("localhost")
    server = Server(TlsOptions(b"", certificate, key) if secure else None)
    port = await server.listener.start()
    held, over = threading.Event(), threading.Event()
    heard = holding(port, authority.pem if secure else None, said, held, over)
    await deferToThread(held.wait, 20)
    while not server.listener.connections or (said and not server.listener.held):
        assert not heard.called, "the peer could not even begin"
        await pause(0.01)
    began = WORLD.now()
    await server.listener.drain(20)
    assert WORLD.now() - began < 5, "twenty seconds are for what was taken"
    over.set()
    assert await heard == b""
    assert (server.listener.connections, server.listener.held, server.peers) == (0, 0, [])


def test_key_and_certificate_texts_are_checked(authority: Authority) -> None:
    certificate, key = authority.issue("localhost")
    for options, what in (
        (TlsOptions(), "cert_pem"),
        (TlsOptions(b"", certificate, b"x"), "key_pem"),
        (TlsOptions(b"x", certificate, key), "ca_pem"),
    ):
        with pytest.raises(ValueError, match=what):
            server_tls(options)
