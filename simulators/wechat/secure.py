"""The v2 doors that demand the merchant's certificate (mutual TLS), on a port of their own."""

# Twisted's TLS and HTTP classes are only partly typed.
# mypy: allow-untyped-calls

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from twisted.internet.ssl import Certificate, PrivateCertificate

from simulators.base.door import SimRequest, SimSite
from simulators.base.wire import Req
from simulators.base.world import SimWorld

if TYPE_CHECKING:
    from simulators.wechat.party import WeChatSim

TLS = "tls:"  # a peer that showed the merchant's certificate begins so


class _SecureRequest(SimRequest):
    def _req(self) -> Req:
        req = super()._req()
        return replace(req, peer=TLS + req.peer)


class _SecureSite(SimSite):
    requestFactory = _SecureRequest


def server_certificate(world: SimWorld) -> str:
    """The PEM certificate of the port, for 127.0.0.1 and localhost; what a client must trust."""
    key = world.keys.rsa("wechat.tls")

    def make() -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        start = datetime.fromtimestamp(world.now(), UTC).replace(microsecond=0) - timedelta(days=1)
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(start)
            .not_valid_after(start + timedelta(days=3653))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)

    return world.keys.kept("wechat.tls.cert.pem", make).decode("ascii")


def listen_secure(party: WeChatSim) -> Any:
    """Listen on a free loopback port for callers with the merchant's certificate; ValueError without TLS."""
    ring = party.world.keys
    listen = getattr(party.world.reactor, "listenSSL", None)
    if listen is None:
        raise ValueError("this reactor has no TLS")
    pair = server_certificate(party.world) + ring.private_pem("wechat.tls")
    merchant = Certificate.loadPEM(ring.certificate_pem("wechat.merchant").encode("ascii"))
    options = PrivateCertificate.loadPEM(pair).options(merchant)
    return listen(0, _SecureSite(party), options, interface="127.0.0.1")
