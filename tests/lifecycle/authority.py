"""A certificate authority made up for a test."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates for this machine; each has a serial number of its own.

    `plain` leaves out the key identifiers and usages that RFC 5280 demands, as many a hospital's own authority does.
    """

    def __init__(self, name: str = "made-up authority", *, plain: bool = False) -> None:
        self._plain = plain
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.pem = self._sign(self._name, self._key.public_key(), ca=True).public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str = "localhost", *, expired: bool = False) -> tuple[bytes, bytes, int]:
        """Certificate and key as PEM, and the certificate's serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = self._sign(subject, key.public_key(), ca=False, host=name, days=-1 if expired else 9)
        plain = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return made.public_bytes(serialization.Encoding.PEM), plain, made.serial_number

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool, host: str = "", days: int = 9
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 OpenSSL compares with the real clock
        builder = (
            x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 9 * DAY).not_valid_after(now + days * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )  # fmt: skip
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        if not self._plain:  # Python 3.13 and later demand them, as others do
            ours, theirs = self._key.public_key(), x509.SubjectKeyIdentifier.from_public_key(key)
            builder = builder.add_extension(theirs, critical=False).add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), critical=False
            )
            usage = dict.fromkeys(USAGES, False) | {"key_cert_sign": ca, "crl_sign": ca, "digital_signature": not ca}
            builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        return builder.sign(self._key, hashes.SHA256())
