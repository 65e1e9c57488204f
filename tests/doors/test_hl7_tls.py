"""HL7 over real sockets with certificates both ways: the sender's name counts only with its own certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 - these tests are about the real one

from engine.connectors.contract import CallFailed
from engine.connectors.mllp import MllpSender
from engine.connectors.tls import TlsOptions
from engine.core.world import World
from tests.connectors.test_http_sockets import Authority
from tests.doors.his import Ack, His
from tests.rig.lab import Lab

WORLD = World(reactor)
KEYS = "tls: {certificate: file:var/keys/hl7.crt, key: file:var/keys/hl7.key, ca: file:var/keys/ca.crt}"
SENDERS = "senders: {NHIS: {client: H01, subject: his-gateway}}"


class _Nowhere:
    """A message needs no town to be written."""


async def _told(lab: Lab, authority: Authority, certificate: tuple[bytes, bytes] | None) -> Ack:
    options = TlsOptions(authority.pem, *(certificate or ()), server_name="engine")
    sender = MllpSender(WORLD, "127.0.0.1", lab.hl7_port, tls=options)
    his: Any = His(_Nowhere())  # type: ignore[arg-type]  # see there
    try:
        message = his.message("PRE", order=lab.bill_request("P0001", "B20261122001"))
        return Ack(await sender.send(message, "M000001", 60))
    finally:
        await sender.stop()


@pytest_twisted.ensureDeferred
async def test_a_sender_is_who_its_certificate_says(tmp_path: Path) -> None:
    authority = Authority()
    keys = tmp_path / "var" / "keys"
    keys.mkdir(parents=True)
    certificate, key = authority.issue("engine")
    for name, text in (("hl7.crt", certificate), ("hl7.key", key), ("ca.crt", authority.pem)):
        (keys / name).write_bytes(text)
    lab = Lab(reactor, tmp_path, edit=(("senders: {NHIS: {client: H01}}", f"{KEYS}, {SENDERS}"),))
    await lab.open()
    try:
        other = await _told(lab, authority, authority.issue("lab-system"))
        assert (other.code, other.state) == ("AR", "unsigned"), "a good certificate, but another system's"
        with pytest.raises(CallFailed):
            await _told(lab, authority, Authority().issue("his-gateway"))
        with pytest.raises(CallFailed):
            await _told(lab, authority, None)
        assert lab.ledger("his", "lock") == []
        good = await _told(lab, authority, authority.issue("his-gateway"))
        assert (good.code, good.state) == ("AA", "quoted")
    finally:
        await lab.close()
