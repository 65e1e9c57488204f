"""`engine conformance` against a platform whose certificate comes from a hospital's own authority, over HTTPS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from twisted.internet.testing import MemoryReactorClock

from engine.cli.conformance import WebGround
from engine.conformance.running import NoAnswer
from engine.core.http import HttpRequest
from engine.core.world import World
from tests.lifecycle.authority import Authority

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
ASKED = HttpRequest("POST", "/his", (), b"{}")


@pytest.fixture(params=[True, False], ids=["bare certificates", "by the book"])
def authority(request: pytest.FixtureRequest) -> Authority:
    return Authority(plain=request.param)


def read_whole(line: ssl.SSLSocket) -> None:
    """Headers and body come in two pieces: a line closed between them is reset, and its answer may be lost."""
    with line.makefile("rb") as coming:
        length = 0
        while header := coming.readline().strip().lower():
            if header.startswith(b"content-length:"):
                length = int(header.partition(b":")[2])
        coming.read(length)


@pytest.fixture
def place(authority: Authority, tmp_path: Path) -> Iterator[str]:
    """The address of a platform that answers everything alike."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key, _ = authority.issue("localhost")
    (tmp_path / "both.pem").write_bytes(certificate + key)
    context.load_cert_chain(tmp_path / "both.pem")
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                raw, _ = door.accept()
            except OSError:
                return
            with suppress(OSError), context.wrap_socket(raw, server_side=True) as line:
                read_whole(line)
                line.sendall(GOOD)

    threading.Thread(target=serve, daemon=True).start()
    yield f"https://localhost:{door.getsockname()[1]}"
    door.shutdown(socket.SHUT_RDWR)
    door.close()


def ground(place: str, trusted: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebGround:
    (tmp_path / "roots.pem").write_bytes(trusted.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    return WebGround(place, World(MemoryReactorClock()))  # type: ignore[arg-type, no-untyped-call]  # Twisted left it untyped


def test_an_authority_of_the_system_is_believed_as_the_engine_believes_it(
    place: str, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply, _ = ground(place, authority, tmp_path, monkeypatch).send(ASKED)
    assert (reply.status, reply.body) == (200, b"{}")


def test_anybody_else_is_not(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoAnswer, match="verify"):
        ground(place, Authority("somebody else"), tmp_path, monkeypatch).send(ASKED)
