"""Parties spoken to over TLS: they must be who they should be, see our certificate where they want one, and both may be
changed while the engine runs.

The receiver is Python's own ssl on a thread, with a plain reader of its own.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from engine.connectors.mllp import MllpSender
from tests.deliver.ward import adt
from tests.lifecycle.authority import Authority
from tests.lifecycle.desk import ENGINE, apply, edited, in_force, running
from tests.rig.lab import Lab

OURS = "{ca: file:var/keys/their-ca.crt, certificate: file:var/keys/engine.crt, key: file:var/keys/engine.key}"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"


class Receiver:
    """An MLLP and HTTP receiver that shows its certificate and wants one signed by `asks`; notes who sent what."""

    def __init__(self, own: tuple[bytes, bytes], asks: Authority) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show(own)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(cadata=asks.pem.decode())
        self.got: list[tuple[str, str]] = []
        self.refused = 0
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.door.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def show(self, own: tuple[bytes, bytes]) -> None:
        with tempfile.NamedTemporaryFile(suffix=".pem") as both:
            both.write(own[0] + own[1])
            both.flush()
            self.context.load_cert_chain(both.name)

    def close(self) -> None:
        self.door.close()

    def _listen(self) -> None:
        while True:
            try:
                raw, _ = self.door.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        try:
            wire = self.context.wrap_socket(raw, server_side=True)
        except OSError:
            self.refused += 1
            return
        subject: Any = wire.getpeercert() or {}
        name = dict(pair for part in subject.get("subject", ()) for pair in part).get("commonName", "")
        heard = b""
        while not heard.endswith((b"\x1c\r", b"}", b">")):
            try:
                more = wire.recv(65536)
            except OSError:
                return
            if not more:
                return
            heard += more
        if heard.startswith(b"POST"):
            self.got.append((name, heard.split(b" ")[1].decode()))
            wire.sendall(OK)
        else:
            number = heard.split(b"|")[9].decode()
            self.got.append((name, number))
            wire.sendall(b"\x0bMSH|^~\\&|L||E||2026||ACK|R|P|2.4\rMSA|AA|" + number.encode() + b"\r\x1c\r")
        wire.close()  # the next one shows its certificate again


def lay(folder: Path, name: str, text: bytes) -> None:
    place = folder / "var/keys" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text)
    place.chmod(0o600)


def certify(folder: Path, authority: Authority, name: str) -> None:
    certificate, key, _ = authority.issue(name)
    lay(folder, "engine.crt", certificate)
    lay(folder, "engine.key", key)


async def until(lab: Lab, done: Callable[[], bool], seconds: float = 20.0) -> None:
    waited = 0.0
    while not done():
        assert waited < seconds
        pause: Deferred[None] = Deferred()
        lab.reactor.callLater(0.05, pause.callback, None)
        await pause
        waited += 0.05


async def event(lab: Lab, number: str) -> None:
    """The HIS tells of an admission and is told AA."""
    sender = MllpSender(running(lab).world, "127.0.0.1", lab.hl7_port)
    reply = await sender.send(adt(number), number, 20.0)
    assert b"MSA|AA" in reply
    await sender.stop(1.0)


async def secure(lab: Lab, party: str, url: str) -> tuple[int, dict[str, Any]]:
    """Point the party at an encrypted address, with our certificates."""
    entry = running(lab).sites.current.engine.parties[party]
    row = f"url:     {entry.url}"
    return await apply(lab, edited(in_force(lab), ENGINE, (row, f"{row.replace(entry.url, url)}\n    tls:     {OURS}")))


@pytest_twisted.ensureDeferred
async def test_messages_go_out_over_mutual_tls_and_to_nobody_else(lab: Lab) -> None:
    ours, theirs, next_ = Authority("ours"), Authority("theirs"), Authority("theirs, next")
    certify(lab.folder, ours, "engine")
    lay(lab.folder, "their-ca.crt", theirs.pem)
    lis = Receiver(theirs.issue()[:2], ours)
    status, told = await secure(lab, "lis", f"mllps://localhost:{lis.port}")
    assert (status, told.get("changed")) == (200, True), told
    await event(lab, "C1")
    await until(lab, lambda: lis.got == [("engine", "C1")])

    lis.show(next_.issue()[:2])  # a certificate from somebody else: who is that?
    await event(lab, "C2")
    await until(lab, lambda: lis.refused >= 1)
    assert lis.got == [("engine", "C1")], "not a byte of a patient goes there"

    lay(lab.folder, "their-ca.crt", next_.pem)
    certify(lab.folder, ours, "engine-2027")
    await apply(lab, in_force(lab))  # the same configuration: certificates are read again
    await until(lab, lambda: ("engine-2027", "C2") in lis.got)
    lis.close()


@pytest_twisted.ensureDeferred
async def test_an_http_receiver_with_the_hospital_s_own_authority(lab: Lab) -> None:
    ours, theirs = Authority("ours"), Authority("theirs")
    certify(lab.folder, ours, "engine")
    lay(lab.folder, "their-ca.crt", theirs.pem)
    emr = Receiver(theirs.issue()[:2], ours)
    status, told = await secure(lab, "emr", f"https://localhost:{emr.port}")
    assert (status, told.get("changed")) == (200, True), told
    await event(lab, "C1")
    both = [("engine", "/emr/events"), ("engine", "/platform/events")]  # the data platform has the same address
    await until(lab, lambda: sorted(emr.got) == both)
    emr.close()


@pytest.mark.parametrize("wrong", ["missing", "no certificate", "another key"])
@pytest_twisted.ensureDeferred
async def test_certificates_that_cannot_be_used_are_refused_whole(lab: Lab, wrong: str) -> None:
    ours = Authority("ours")
    certify(lab.folder, ours, "engine")
    if wrong != "missing":
        lay(lab.folder, "their-ca.crt", b"nothing" if wrong == "no certificate" else ours.pem)
    if wrong == "another key":
        lay(lab.folder, "engine.key", ours.issue()[1])
    before = running(lab).sites.current.version
    status, told = await secure(lab, "lis", "mllps://localhost:9")
    assert (status, told["reason"]["code"]) == (409, "E-SITE-KEYS"), told
    assert "parties.lis" in str(told)
    assert running(lab).sites.current.version == before
