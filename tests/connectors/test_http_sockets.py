"""What only real sockets show: resets under unread bytes, TLS, and a FIN in the kernel."""

from __future__ import annotations

import socket
import ssl as standard_ssl
import threading
from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from OpenSSL import SSL
from twisted.internet import reactor, ssl  # noqa: TID251 - these tests are about the real one
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread  # noqa: TID251 - blocking sockets play the strangers
from twisted.protocols.tls import TLSMemoryBIOFactory

from engine.connectors.contract import NotSent, Silent
from engine.connectors.http_limits import HttpLimits
from engine.connectors.http_listener import HttpListener
from engine.connectors.http_sender import HttpSender
from engine.connectors.tls import TlsOptions
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from tests.lifecycle import authority as authorities
from tests.simulation.reactor import SimReactor

WORLD = World(reactor)
ASK = HttpRequest("POST", "/x", (), b"12")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def pause(seconds: float) -> Deferred[None]:
    waited: Deferred[None] = Deferred()
    WORLD.later(seconds, waited.callback, None)
    return waited


def stranger(port: int, data: bytes, *, read: bool = True) -> Deferred[bytes]:
    """What a plain blocking client gets that sends everything before it reads anything."""

    def talk() -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(data)
            heard = b""
            while piece := line.recv(65536):
                heard += piece
            return heard

    return deferToThread(talk)


@pytest_twisted.ensureDeferred
async def test_a_client_still_sending_can_read_why_it_was_refused() -> None:
    listener = HttpListener(WORLD, "api", "127.0.0.1", 0, lambda request: HttpReply(200))
    port = await listener.start()
    body = b"x" * 6_000_000
    for data in (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n" + body,
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + body,
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 200_000,
    ):
        heard = await stranger(port, data)
        assert heard.count(b"HTTP/1.1 ") == 1
        assert b"Connection: close" in heard
    await listener.stop()
    assert listener.connections == 0


@pytest_twisted.ensureDeferred
async def test_sender_and_listener_over_real_sockets() -> None:
    listener = HttpListener(
        WORLD,
        "api",
        "127.0.0.1",
        0,
        lambda request: HttpReply(200, (("X-Target", request.target),), request.body[::-1]),
        HttpLimits(body=10_000_000),
    )
    port = await listener.start()
    for host in ("127.0.0.1", "localhost"):
        sender = HttpSender(WORLD, f"http://{host}:{port}", window=4)
        big = bytes(range(256)) * 20_000
        for body in (b"", b"a", big):
            reply = await sender.send(HttpRequest("POST", "/p?q", (), body), 20)
            assert (reply.status, reply.body, reply.header("X-Target")) == (200, body[::-1], "/p?q")
        assert sender.opened == 1
        await sender.stop()
    await listener.drain(5)


@pytest_twisted.ensureDeferred
async def test_a_closed_port_is_not_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(NotSent):
            await HttpSender(WORLD, f"http://{host}:{port}").send(ASK, 5)


class Scripted(Protocol):
    """Answers the first bytes it hears with its script."""

    def __init__(self, script: Callable[[Any], None]) -> None:
        self._script = script

    def dataReceived(self, data: bytes) -> None:
        self._script(self.transport)


class Server:
    """A scripted server on a real port, plain or TLS."""

    def __init__(self, script: Callable[[Any], None], context: Any = None) -> None:
        factory = Factory()
        factory.noisy = False
        factory.buildProtocol = lambda addr: Scripted(script)  # type: ignore[method-assign,assignment,return-value] # one method
        net: Any = reactor
        self.listening = (
            net.listenTCP(0, factory, interface="127.0.0.1")
            if context is None
            else net.listenSSL(0, factory, context, interface="127.0.0.1")
        )
        self.port = self.listening.getHost().port


@pytest_twisted.ensureDeferred
async def test_a_reset_after_the_request_is_silent() -> None:
    server = Server(lambda transport: transport.abortConnection())
    with pytest.raises(Silent):
        await HttpSender(WORLD, f"http://127.0.0.1:{server.port}").send(ASK, 5)
    await server.listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_connection_the_peer_has_closed_is_not_used_again() -> None:
    def script(transport: Any) -> None:
        transport.write(OK)
        transport.loseConnection()  # although the reply did not say so

    server = Server(script)
    sender = HttpSender(WORLD, f"http://127.0.0.1:{server.port}")
    for n in range(3):
        assert (await sender.send(ASK, 5)).body == b"ok"
        await pause(0.05)
        assert sender.opened == n + 1
    await sender.stop()
    await server.listening.stopListening()


# --- TLS


class Authority(authorities.Authority):
    """A certificate authority made up for this test; `issue` gives certificate and key as PEM."""

    def issue(self, host: str, *, expired: bool = False) -> tuple[bytes, bytes]:  # type: ignore[override]  # no serial
        return super().issue(host, expired=expired)[:2]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(plain=True)  # as many a hospital's own


def context(authority: Authority, host: str = "localhost", *, expired: bool = False, ask: bool = False) -> Any:
    certificate, key = authority.issue(host, expired=expired)
    own = ssl.PrivateCertificate.loadPEM(certificate + key)
    trust = [ssl.Certificate.loadPEM(authority.pem)] if ask else []
    return own.options(*trust)


def quiet(transport: Any) -> None:
    transport.write(OK)


def tls_sender(server: Server, authority: Authority, **options: Any) -> HttpSender:
    return HttpSender(
        WORLD, f"https://localhost:{server.port}", tls=TlsOptions(ca_pem=authority.pem, **options), connect_timeout=5
    )


@pytest_twisted.ensureDeferred
async def test_tls_with_a_trusted_peer(authority: Authority) -> None:
    listener = HttpListener(
        WORLD, "api", "127.0.0.1", 0, lambda request: HttpReply(200, (), request.body * 9),
        tls=TlsOptions(b"", *authority.issue("localhost")),
    )
    port = await listener.start()
    sender = HttpSender(WORLD, f"https://localhost:{port}", tls=TlsOptions(ca_pem=authority.pem))
    for body in (b"1", b"x" * 300_000):
        reply = await sender.send(HttpRequest("POST", "/", (), body), 10)
        assert reply.body == body * 9
    assert sender.opened == 1
    await sender.stop()
    await listener.drain(5)


@pytest.mark.parametrize(
    "make",
    [
        lambda good: context(Authority()),
        lambda good: context(good, "elsewhere.example"),
        lambda good: context(good, expired=True),
    ],
    ids=["unknown authority", "another name", "expired"],
)
@pytest_twisted.ensureDeferred
async def test_tls_with_anyone_else_is_not_sent(authority: Authority, make: Callable[[Authority], Any]) -> None:
    heard: list[Any] = []
    server = Server(heard.append, make(authority))
    sender = tls_sender(server, authority)
    hooks: list[int] = []
    with pytest.raises(NotSent, match="tls"):
        await sender.send(ASK, 5, lambda: hooks.append(1))
    assert (heard, hooks) == ([], [])
    await sender.stop()
    await server.listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_plain_text_where_tls_was_expected_is_not_sent(authority: Authority) -> None:
    server = Server(lambda transport: transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(NotSent, match="tls"):
        await tls_sender(server, authority).send(ASK, 5)
    await server.listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_handshake_that_never_ends_is_not_sent(authority: Authority) -> None:
    server = Server(lambda transport: None)
    sender = HttpSender(
        WORLD, f"https://localhost:{server.port}", tls=TlsOptions(ca_pem=authority.pem), connect_timeout=0.2
    )
    with pytest.raises(NotSent, match="connect timeout"):
        await sender.send(ASK, 5)
    await server.listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_client_certificate_is_shown_when_asked_for(authority: Authority) -> None:
    server = Server(quiet, context(authority, ask=True))
    certificate, key = authority.issue("engine")
    known = tls_sender(server, authority, cert_pem=certificate, key_pem=key)
    assert (await known.send(ASK, 5)).body == b"ok"
    await known.stop()
    with pytest.raises((Silent, NotSent)):
        await tls_sender(server, authority).send(ASK, 5)
    await server.listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_another_server_name_than_the_address(authority: Authority) -> None:
    server = Server(quiet, context(authority, "pay.example"))
    sender = tls_sender(server, authority, server_name="pay.example")
    assert (await sender.send(ASK, 5)).body == b"ok"
    await sender.stop()
    await server.listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_tls_1_1_is_refused(authority: Authority) -> None:
    old = context(authority)
    old.getContext().set_min_proto_version(SSL.TLS1_VERSION)
    old.getContext().set_max_proto_version(SSL.TLS1_1_VERSION)
    old.getContext().set_cipher_list(b"ALL:@SECLEVEL=0")
    server = Server(quiet, old)
    with pytest.raises(NotSent, match="tls"):
        await tls_sender(server, authority).send(ASK, 5)
    await server.listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_reply_until_close_under_tls_needs_a_proper_goodbye(authority: Authority) -> None:
    def polite(transport: Any) -> None:
        transport.write(b"HTTP/1.1 200 OK\r\n\r\nwhole")
        transport.loseConnection()

    def cut(transport: Any) -> None:
        transport.write(b"HTTP/1.1 200 OK\r\n\r\nhal")
        transport.transport.loseConnection()  # a FIN below TLS, as someone in between would send it

    server = Server(polite, context(authority))
    assert (await tls_sender(server, authority).send(ASK, 5)).body == b"whole"
    await server.listening.stopListening()
    server = Server(cut, context(authority))
    with pytest.raises(Silent):
        await tls_sender(server, authority).send(ASK, 5)
    await server.listening.stopListening()


def test_a_mute_tls_peer_does_not_keep_a_resting_connection_open(authority: Authority) -> None:
    sim = SimReactor()
    here, there = sim.node("engine"), sim.node("localhost")
    factory = Factory()
    factory.buildProtocol = lambda addr: Scripted(quiet)  # type: ignore[method-assign,assignment,return-value] # one method
    there.listenTCP(443, TLSMemoryBIOFactory(context(authority), False, factory, there))
    sender = HttpSender(World(here), f"https://{there.address}", tls=TlsOptions(authority.pem, server_name="localhost"))
    ended: list[Any] = []
    sender.send(ASK, 5).addBoth(ended.append)
    sim.advance(1)
    assert ended[0].body == b"ok"
    there.crash("nothing")
    sim.advance(20)
    assert len(here.transports) == 1  # saying goodbye
    sim.advance(2)
    assert (len(here.transports), here.getDelayedCalls()) == (0, [])


@pytest_twisted.ensureDeferred
async def test_a_softly_closed_tls_connection_leaves_no_timer_behind(authority: Authority) -> None:
    net: Any = reactor
    before = set(net.getDelayedCalls())
    server = Server(quiet, context(authority))
    sender = tls_sender(server, authority)
    assert (await sender.send(ASK, 5)).body == b"ok"
    await sender.stop()
    await server.listening.stopListening()
    await pause(0.2)
    assert [call for call in net.getDelayedCalls() if call not in before] == []


@pytest.mark.parametrize("what", ["ca_pem", "cert_pem", "key_pem"])
@pytest.mark.parametrize("pem", [b"nothing", b"-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"])
def test_a_pem_that_is_none_is_named_at_once(authority: Authority, what: str, pem: bytes) -> None:
    certificate, key = authority.issue("engine")
    texts = {"ca_pem": authority.pem, "cert_pem": certificate, "key_pem": key, what: pem}
    with pytest.raises(ValueError, match=what):
        HttpSender(WORLD, "https://localhost", tls=TlsOptions(**texts))


@pytest_twisted.ensureDeferred
async def test_two_processes_may_share_an_address_and_others_may_not() -> None:
    """What two processes do, two listeners do here: the kernel deals connections out to both."""
    heard: list[str] = []

    def listener(name: str, port: int, *, share: bool) -> HttpListener:
        def handle(request: HttpRequest) -> HttpReply:
            heard.append(name)
            return HttpReply(200)

        return HttpListener(WORLD, name, "127.0.0.1", port, handle, share=share)

    one = listener("one", 0, share=True)
    port = await one.start()
    two = listener("two", port, share=True)
    assert await two.start() == port
    for share in (False, True):
        alone = listener("alone", 0, share=not share)
        taken = await alone.start()
        with pytest.raises(CannotListenError):
            await listener("other", taken, share=share).start()
        await alone.stop()
    for _ in range(200):
        assert (await stranger(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).startswith(
            b"HTTP/1.1 200"
        )
        if len(set(heard)) == 2:
            break
    assert set(heard) == {"one", "two"}
    await one.stop()
    await two.stop()


def holding(port: int, tls: bytes | None, said: bytes, held: threading.Event, over: threading.Event) -> Deferred[bytes]:
    """A stranger that says something and then neither reads, nor answers a goodbye, nor hangs up until it is over.
    What it had heard by then."""

    def talk() -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            line = plain
            if tls is not None:
                line = standard_ssl.create_default_context(cadata=tls.decode()).wrap_socket(
                    plain, server_hostname="localhost"
                )
            line.sendall(said)
            held.set()
            assert over.wait(20)
            try:
                return line.recv(65536)
            except OSError:
                return b""

    return deferToThread(talk)


HALF = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("said", [b"", HALF], ids=["resting", "half a request"])
@pytest_twisted.ensureDeferred
async def test_a_peer_that_says_no_more_and_hears_nothing_does_not_hold_the_drain(secure: bool, said: bytes) -> None:
    authority = Authority()
    certificate, key = authority.issue("localhost")
    tls = TlsOptions(b"", certificate, key) if secure else None
    listener = HttpListener(WORLD, "api", "127.0.0.1", 0, lambda request: HttpReply(200), tls=tls)
    port = await listener.start()
    held, over = threading.Event(), threading.Event()
    heard = holding(port, authority.pem if secure else None, said, held, over)
    await deferToThread(held.wait, 20)
    while not listener.connections or (said and not listener.held):
        assert not heard.called, "the peer could not even begin"
        await pause(0.01)
    began = WORLD.now()
    await listener.drain(20)
    assert WORLD.now() - began < 5, "twenty seconds are for what was taken"
    over.set()
    assert (await heard).startswith(b"HTTP/1.1 503 " if said and not secure else b"")
    assert listener.connections == 0
