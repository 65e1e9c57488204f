"""TLS towards the outside: always verified, never older than 1.2 (Twisted's own floor)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL.crypto import FILETYPE_PEM, Error
from twisted.internet import ssl

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How to speak TLS. The peer is always verified, by the system's roots or by `ca_pem` alone.

    `cert_pem` (with its chain, own certificate first) and `key_pem` are shown to peers that ask for them;
    `server_name` is verified and sent instead of the address's host name.
    """

    ca_pem: bytes = b""
    cert_pem: bytes = b""
    key_pem: bytes = b""
    server_name: str = ""


def client_tls(options: TlsOptions, host: str) -> Any:
    """What Twisted's endpoints need to speak TLS with `host`. Raises ValueError naming a PEM text that is none, or a
    key that belongs to another certificate."""
    trust: Any = None
    if options.ca_pem:
        trusted = _certificates(options.ca_pem, "ca_pem")
        trust = ssl.trustRootFromCertificates(trusted)  # type: ignore[no-untyped-call]  # untyped in Twisted
    own: ssl.PrivateCertificate | None = None
    extra: dict[str, Any] = {}
    if options.cert_pem:
        chain = _certificates(options.cert_pem, "cert_pem")
        key = _key(options.key_pem)
        _belongs(chain[0], key)
        own = ssl.PrivateCertificate.fromCertificateAndKeyPair(  # type: ignore[no-untyped-call]  # untyped in Twisted
            chain[0], key
        )
        extra["extraCertChain"] = [link.original for link in chain[1:]]
    return ssl.optionsForClientTLS(options.server_name or host, trust, own, extraCertificateOptions=extra)


def server_tls(options: TlsOptions) -> Any:
    """The context factory of a listener that shows `cert_pem`; with `ca_pem` every client must show one of theirs.

    Raises ValueError naming a PEM text that is none, or a key that belongs to another certificate.
    """
    chain = _certificates(options.cert_pem, "cert_pem")
    trust: Any = None
    if options.ca_pem:
        trusted = _certificates(options.ca_pem, "ca_pem")
        trust = ssl.trustRootFromCertificates(trusted)  # type: ignore[no-untyped-call]  # untyped in Twisted
    key = _key(options.key_pem)
    _belongs(chain[0], key)
    return ssl.CertificateOptions(
        privateKey=key.original,
        certificate=chain[0].original,
        extraCertChain=[link.original for link in chain[1:]],
        trustRoot=trust,
    )


def _belongs(certificate: ssl.Certificate, key: ssl.KeyPair) -> None:
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ours = key.original.to_cryptography_key().public_key().public_bytes(*form)
    if certificate.original.to_cryptography().public_key().public_bytes(*form) != ours:
        raise ValueError("key_pem is not the key of cert_pem")


def _certificates(text: bytes, what: str) -> list[ssl.Certificate]:
    found: list[bytes] = _PEM.findall(text)
    if not found:
        raise ValueError(f"{what} holds no certificate")
    try:
        return [ssl.Certificate.loadPEM(pem) for pem in found]
    except Error:
        raise ValueError(f"{what} holds a broken certificate") from None


def _key(text: bytes) -> ssl.KeyPair:
    try:
        return ssl.KeyPair.load(text, FILETYPE_PEM)
    except Error:
        raise ValueError("key_pem holds no private key") from None
