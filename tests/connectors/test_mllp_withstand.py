"""What strangers, broken senders and slow wires do to the HL7 door, over real sockets."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 - these tests are about real sockets
from twisted.internet.protocol import Factory, Protocol

from engine.codecs.hl7_ack import ack, read_ack
from engine.codecs.hl7v2 import parse
from engine.codecs.mllp import Frame, Framer, frame
from engine.connectors.contract import Silent
from engine.connectors.mllp import MllpLimits, MllpSender
from tests.connectors.test_mllp_sockets import WORLD, Server, blocking, message, read_all

NET: Any = reactor


class Hears(Server):
    """A listener that keeps what it was handed."""

    def __init__(self, limits: MllpLimits | None = None) -> None:
        super().__init__(limits=limits)
        self.bodies: list[bytes] = []
        self.listener.handle = self._keep

    def _keep(self, body: bytes, peer: Any) -> bytes:
        self.bodies.append(body)
        return self._take(body, peer)

    async def stop(self) -> None:
        await self.listener.drain(5)
        assert (self.listener.connections, self.listener.held, self.listener.in_flight) == (0, 0, 0)


def acknowledged(heard: bytes) -> list[str]:
    """MSA-2 of each acknowledgement in these bytes; every one must be an AA in a block of its own."""
    framer = Framer(1_000_000)
    found = framer.feed(heard)
    assert not framer.inside
    assert all(isinstance(part, Frame) for part in found)
    texts = [part.body.decode("gbk").split("\rMSA|AA|")[1] for part in found if isinstance(part, Frame)]
    return [text.partition("\r")[0].partition("|")[0] for text in texts]


def said(*pieces: bytes, end: bool = True) -> Any:
    """A blocking client that sends each piece as a packet of its own, says it is done, and reads to the end."""

    def talk(line: socket.socket) -> bytes:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                line.sendall(piece)
            if end:
                line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it closed on us while we talked
        return read_all(line)

    return talk


def answered(*pieces: bytes, count: int) -> Any:
    """A blocking client that sends the pieces and reads so many acknowledgements before it goes."""

    def talk(line: socket.socket) -> bytes:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            line.sendall(piece)
        heard = b""
        while heard.count(b"\x1c\r") < count:
            got = line.recv(65536)
            assert got, heard
            heard += got
        return heard

    return talk


@pytest_twisted.ensureDeferred
async def test_two_messages_in_one_packet_and_one_byte_per_packet() -> None:
    server = Hears()
    port = await server.listener.start()
    both = frame(message("M1")) + frame(message("M2", "區"))
    assert acknowledged(await blocking(port, answered(both, count=2))) == ["M1", "M2"]
    single = [both[n : n + 1] for n in range(len(both))]
    assert acknowledged(await blocking(port, answered(*single, count=2))) == ["M1", "M2"]
    assert server.bodies == [message("M1"), message("M2", "區")] * 2
    assert server.listener.noise == {}
    await server.stop()


@pytest_twisted.ensureDeferred
async def test_no_end_block_is_never_a_message() -> None:
    server = Hears(MllpLimits(frame_s=0.3))
    port = await server.listener.start()
    half = frame(message("M1"))[:-2]
    assert await blocking(port, said(half)) == b""  # it says no more and leaves
    assert server.listener.noise == {"unfinished": 1}
    assert await blocking(port, said(half, end=False)) == b""  # it waits: cut after the block's time
    assert await blocking(port, said(half + b"\x1c", end=False)) == b""  # FS alone is no end
    assert server.bodies == []
    assert server.listener.noise == {"unfinished": 3}
    await server.stop()


@pytest_twisted.ensureDeferred
async def test_64_megabytes_are_taken_where_allowed_and_refused_unread_elsewhere() -> None:
    big = message("M1", "note").replace(b"note", "東".encode("gbk") * (32 * 1024 * 1024))
    assert len(big) > 64 * 1024 * 1024
    server = Hears(MllpLimits(message=80 * 1024 * 1024, buffered=200 * 1024 * 1024))
    port = await server.listener.start()
    assert acknowledged(await blocking(port, answered(frame(big), count=1))) == ["M1"]
    assert server.bodies == [big]
    await server.stop()
    server = Hears()
    port = await server.listener.start()
    assert await blocking(port, said(frame(big))) == b""
    assert (server.bodies, server.listener.noise) == ([], {"too-long": 1})
    assert acknowledged(await blocking(port, answered(frame(message("M2")), count=1))) == ["M2"]  # others go on
    await server.stop()


@pytest.mark.parametrize(
    ("before", "after", "noise"),
    [
        (b"\x0bMSH|^~\\&|half of another patient", b"", "restarted"),
        (b"\x0bMSH|^~\\&|damaged\x1cX", b"", "no-cr"),
        (b"\r\n\r\n  hello\x00\xff", b"", "garbage"),
        (b"", b"\r\n", ""),
    ],
    ids=["embedded VT", "FS without CR", "garbage before VT", "line ends after FS CR"],
)
@pytest_twisted.ensureDeferred
async def test_a_stream_out_of_step_never_joins_two_messages(before: bytes, after: bytes, noise: str) -> None:
    server = Hears()
    port = await server.listener.start()
    whole = before + frame(message("M1")) + after + frame(message("M2"))
    assert acknowledged(await blocking(port, answered(whole, count=2))) == ["M1", "M2"]
    assert server.bodies == [message("M1"), message("M2")]
    assert server.listener.noise.get(noise, 0) == (1 if noise else 0)
    await server.stop()


@pytest_twisted.ensureDeferred
async def test_a_sender_of_nothing_but_garbage_is_shut_out() -> None:
    server = Hears()
    port = await server.listener.start()
    assert await blocking(port, said(b"x" * 4000 + frame(message("M1")), end=False)) == b""
    assert (server.bodies, server.listener.noise) == ([], {"garbage": 1})
    await server.stop()


@pytest_twisted.ensureDeferred
async def test_a_browser_and_a_tls_client_at_the_hl7_port_are_cut_and_named() -> None:
    server = Hears()
    port = await server.listener.start()

    def browse(line: socket.socket) -> str:
        browser = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            browser.request("GET", "/")
            browser.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return "cut"
        return "answered"

    def greet(line: socket.socket) -> str:
        line.settimeout(5)
        try:
            ssl.create_default_context().wrap_socket(line, server_hostname="localhost")
        except TimeoutError:
            return "left waiting"
        except (ssl.SSLError, ConnectionResetError):
            return "cut"
        return "answered"

    assert await blocking(port, browse) == "cut"
    assert await blocking(port, greet) == "cut"
    assert (server.bodies, server.listener.noise) == ([], {"http": 1, "tls": 1})
    await server.stop()


class Slow(Protocol):
    """Acknowledges the first message of all half a second late, every other one at once, and notes who spoke where."""

    spoken: list[tuple[int, str]]
    lines = 0

    def connectionMade(self) -> None:
        Slow.lines += 1
        self._line = Slow.lines
        self._framer = Framer(1_000_000)

    def dataReceived(self, data: bytes) -> None:
        for part in self._framer.feed(data):
            assert isinstance(part, Frame)
            number = parse(part.body).get("MSH-10")
            Slow.spoken.append((self._line, number))
            reply = frame(ack(parse(part.body), "AA", control_id="R", at="20261122102000"))
            NET.callLater(0.5 if len(Slow.spoken) == 1 else 0, self.transport.write, reply)  # type: ignore[union-attr]  # connected


@pytest_twisted.ensureDeferred
async def test_a_late_acknowledgement_closes_the_connection_and_answers_nothing() -> None:
    Slow.spoken, Slow.lines = [], 0
    factory = Factory.forProtocol(Slow)
    factory.noisy = False
    port = NET.listenTCP(0, factory, interface="127.0.0.1")
    sender = MllpSender(WORLD, "127.0.0.1", port.getHost().port)
    first = sender.send(message("M1"), "M1", 0.2)
    second = sender.send(message("M2"), "M2", 5)
    with pytest.raises(Silent, match="timeout"):
        await first
    assert read_ack(await second, "M2").kind == "accepted"
    assert read_ack(await sender.send(message("M3"), "M3", 5), "M3").kind == "accepted"
    assert Slow.spoken == [(1, "M1"), (2, "M2"), (2, "M3")]
    assert (sender.mismatched, sender.surplus) == (0, 0)
    await sender.stop()
    await port.stopListening()
