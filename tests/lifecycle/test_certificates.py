"""Certificates of listeners that stay where they are: new connections see the new one, those that are there go on.

Real sockets and TLS; the clients are Python's own ssl, on threads.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread  # noqa: TID251 the clients here are blocking ones of other people

from engine.cli.control import ask
from engine.core.world import World
from tests.lifecycle.authority import Authority
from tests.lifecycle.desk import CHANNEL, ENGINE, Files, apply, edited, in_force, running, taken
from tests.rig.lab import Lab

TLS = "tls: {certificate: file:var/keys/door.crt, key: file:var/keys/door.key}"


class Client:
    """One TLS connection that stays."""

    def __init__(self, port: int, authority: Authority, own: tuple[bytes, bytes] | None = None) -> None:
        context = ssl.create_default_context(cadata=authority.pem.decode())
        if own is not None:
            _load(context, own)
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.wire = context.wrap_socket(raw, server_hostname="localhost")

    @property
    def serial(self) -> int:
        """Of the certificate the engine showed."""
        der = self.wire.getpeercert(binary_form=True)
        assert der is not None
        return x509.load_der_x509_certificate(der).serial_number

    def say(self, data: bytes, until: bytes) -> bytes:
        self.wire.sendall(data)
        heard = b""
        while until not in heard:
            more = self.wire.recv(65536)
            assert more, heard
            heard += more
        return heard

    def alive(self) -> bytes:
        return self.say(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"alive")

    def close(self) -> None:
        self.wire.close()


def _load(context: ssl.SSLContext, own: tuple[bytes, bytes]) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".pem") as both:
        both.write(own[0] + own[1])
        both.flush()
        context.load_cert_chain(both.name)


def off(work: Callable[..., Any], *given: Any) -> Deferred[Any]:
    return deferToThread(work, *given)


def _lay(folder: Path, authority: Authority) -> int:
    """A new certificate in the files engine.yaml names; its serial number."""
    certificate, key, serial = authority.issue()
    (folder / "var/keys/door.crt").write_bytes(certificate)
    (folder / "var/keys/door.key").write_bytes(key)
    for name in ("door.crt", "door.key"):
        (folder / "var/keys" / name).chmod(0o600)
    return serial


async def _second_door(lab: Lab) -> int:
    """An HTTP listener of its own with TLS; its port."""
    port = await lab._free_port()
    row = f"api:             {{http: 127.0.0.1:{lab.engine_port}}}"
    await taken(lab, edited(in_force(lab), ENGINE, (row, f"{row}\n  desk: {{http: 127.0.0.1:{port}, {TLS}}}")))
    return port


@pytest_twisted.ensureDeferred
async def test_a_renewed_certificate_is_shown_from_the_next_connection_on(lab: Lab) -> None:
    authority = Authority()
    first = _lay(lab.folder, authority)
    port = await _second_door(lab)
    before = running(lab).listeners["desk"]
    stays = await off(Client, port, authority)
    assert stays.serial == first
    assert b"200" in await off(stays.alive)
    second = _lay(lab.folder, authority)
    status, answer = await apply(lab, in_force(lab))  # SIGHUP is the same: nothing changed, keys are read anew
    assert (status, answer["changed"]) == (200, False)
    fresh = await off(Client, port, authority)
    assert fresh.serial == second
    assert b"200" in await off(fresh.alive)
    assert b"200" in await off(stays.alive), "a connection that was there is unhurt"
    assert running(lab).listeners["desk"] is before, "the door never closed"
    for client in (stays, fresh):
        await off(client.close)


@pytest_twisted.ensureDeferred
async def test_a_door_with_tls_of_its_own_says_https_of_itself(lab: Lab) -> None:
    """No proxy in front that could say so: the SOAP description named an address at which nobody spoke plain HTTP, and
    the console's cookie could have travelled in clear."""
    authority = Authority()
    _lay(lab.folder, authority)
    port = await lab._free_port()
    row = f"api:             {{http: 127.0.0.1:{lab.engine_port}}}"
    files = edited(in_force(lab), ENGINE, (row, f"{row}\n  desk: {{http: 127.0.0.1:{port}, {TLS}}}"))
    await taken(lab, edited(files, CHANNEL, ("at:   api\n  path: /soap", "at:   desk\n  path: /soap")))
    client = await off(Client, port, authority)
    head = f"GET /soap/insurance?wsdl HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()
    told = await off(client.say, head, b"</wsdl:definitions>")
    await off(client.close)
    assert told.count(f'location="https://localhost:{port}/soap/insurance"'.encode()) == 2


@pytest_twisted.ensureDeferred
async def test_a_request_on_its_way_is_answered_over_the_connection_it_came_by(lab: Lab) -> None:
    authority = Authority()
    _lay(lab.folder, authority)
    port = await _second_door(lab)
    stays = await off(Client, port, authority)
    half = off(stays.say, b"GET /healthz HTTP/1.1\r\nHost: local", b"")
    await half
    second = _lay(lab.folder, authority)
    await apply(lab, in_force(lab))
    assert b"alive" in await off(stays.say, b"host\r\n\r\n", b"alive")
    fresh = await off(Client, port, authority)
    assert fresh.serial == second
    for client in (stays, fresh):
        await off(client.close)


@pytest_twisted.ensureDeferred
async def test_other_files_for_the_certificate_are_a_change_like_any_other(lab: Lab) -> None:
    authority = Authority()
    _lay(lab.folder, authority)
    port = await _second_door(lab)
    certificate, key, serial = authority.issue()
    (lab.folder / "var/keys/new.crt").write_bytes(certificate)
    (lab.folder / "var/keys/new.key").write_bytes(key)
    for name in ("new.crt", "new.key"):
        (lab.folder / "var/keys" / name).chmod(0o600)
    listener = running(lab).listeners["desk"]
    other = [("keys/door.crt", "keys/new.crt"), ("keys/door.key", "keys/new.key")]
    await taken(lab, edited(in_force(lab), ENGINE, *other))
    client = await off(Client, port, authority)
    assert client.serial == serial
    assert running(lab).listeners["desk"] is listener
    await off(client.close)


@pytest_twisted.ensureDeferred
async def test_a_door_becomes_secure_and_plain_again_where_it_stands(lab: Lab) -> None:
    authority = Authority()
    serial = _lay(lab.folder, authority)
    port = await lab._free_port()
    row = f"api:             {{http: 127.0.0.1:{lab.engine_port}}}"
    plain = edited(in_force(lab), ENGINE, (row, f"{row}\n  desk: {{http: 127.0.0.1:{port}}}"))
    await taken(lab, plain)
    raw = socket.create_connection(("127.0.0.1", port), timeout=10)
    here = f"desk: {{http: 127.0.0.1:{port}"
    await taken(lab, edited(plain, ENGINE, (here, f"{here}, {TLS}")))
    client = await off(Client, port, authority)
    assert client.serial == serial

    def asked() -> bytes:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return raw.recv(65536)

    assert b"200" in await off(asked), "who came plain goes on plain"
    raw.close()
    await off(client.close)


@pytest.mark.parametrize("wrong", ["no key", "no certificate", "another's key"])
@pytest_twisted.ensureDeferred
async def test_keys_that_do_not_fit_are_refused_and_the_old_ones_stay(lab: Lab, wrong: str) -> None:
    authority = Authority()
    serial = _lay(lab.folder, authority)
    port = await _second_door(lab)
    key, certificate = lab.folder / "var/keys/door.key", lab.folder / "var/keys/door.crt"
    match wrong:
        case "no key":
            key.unlink()
        case "no certificate":
            certificate.write_bytes(b"nothing of the kind")
        case _:
            key.write_bytes(authority.issue()[1])
    status, answer = await apply(lab, in_force(lab))
    if status == 200:
        assert not answer["changed"]
    client = await off(Client, port, authority)
    assert client.serial == serial, "what was in use stays in use"
    status, answer = await apply(lab, _touched(lab))
    assert (status, answer["reason"]["code"]) == (409, "E-SITE-KEYS"), answer
    assert "listeners.desk" in answer["reason"]["en"]
    await off(client.close)


def _touched(lab: Lab) -> Files:
    return edited(in_force(lab), ENGINE, ("window:   20", "window:   21"))


@pytest_twisted.ensureDeferred
async def test_mllp_with_client_certificates_takes_a_new_authority(lab: Lab) -> None:
    """The HIS's certificates come from another authority from now on: its next connection must show one of those."""
    ours, theirs, next_ = Authority("ours"), Authority("theirs"), Authority("theirs, next")
    _lay(lab.folder, ours)
    (lab.folder / "var/keys/his.crt").write_bytes(theirs.pem)
    (lab.folder / "var/keys/his.crt").chmod(0o600)
    port = await lab._free_port()
    row = f"api:             {{http: 127.0.0.1:{lab.engine_port}}}"
    door = f"lab: {{mllp: 127.0.0.1:{port}, {TLS[:-1]}, ca: file:var/keys/his.crt}}}}"
    await taken(lab, edited(in_force(lab), ENGINE, (row, f"{row}\n  {door}")))
    message = b"\x0bMSH|^~\\&|NHIS|A|E|E|20261122||ZZZ^Z01|M1|P|2.4\r\x1c\r"
    stays = await off(Client, port, ours, theirs.issue("his")[:2])
    assert b"MSA|" in await off(stays.say, message, b"\x1c\r")
    (lab.folder / "var/keys/his.crt").write_bytes(next_.pem)
    await apply(lab, in_force(lab))
    assert b"MSA|" in await off(stays.say, message.replace(b"M1", b"M2"), b"\x1c\r"), "who was let in stays"
    fresh = await off(Client, port, ours, next_.issue("his")[:2])
    assert b"MSA|" in await off(fresh.say, message.replace(b"M1", b"M3"), b"\x1c\r")

    def old_one() -> bytes:
        late = Client(port, ours, theirs.issue("his")[:2])
        try:
            return late.say(message.replace(b"M1", b"M4"), b"\x1c\r")
        finally:
            late.close()

    with pytest.raises((ssl.SSLError, OSError, AssertionError)):
        await off(old_one)
    for client in (stays, fresh):
        await off(client.close)


@pytest_twisted.ensureDeferred
async def test_the_commands_reach_an_engine_whose_own_door_is_secure(lab: Lab) -> None:
    authority = Authority()
    _lay(lab.folder, authority)
    row = f"api:             {{http: 127.0.0.1:{lab.engine_port}}}"
    await taken(lab, edited(in_force(lab), ENGINE, (row, f"api: {{http: 127.0.0.1:{lab.engine_port}, {TLS}}}")))
    (lab.folder / "engine.yaml").write_bytes(in_force(lab)[ENGINE])
    world = World(lab.reactor)
    status, told = await off(ask, lab.folder, "operate", "/v1/site", None, world)
    assert (status, told["version"]) == (200, running(lab).sites.current.version)
    impostor = Authority().issue()
    (lab.folder / "var/keys/door.crt").write_bytes(impostor[0])
    with pytest.raises(Exception, match=r"(?i)certificate"):
        await off(ask, lab.folder, "operate", "/v1/site", None, world)
