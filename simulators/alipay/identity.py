"""Who the platform and the application are: ids, keys, certificates and their numbers; what signs what."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import NameOID

from simulators.base.world import SimWorld

APP_ID = "2021000000000001"
SELLER_ID = "2088000000000001"
_NAMES = (
    ("CN", NameOID.COMMON_NAME), ("OU", NameOID.ORGANIZATIONAL_UNIT_NAME), ("O", NameOID.ORGANIZATION_NAME),
    ("C", NameOID.COUNTRY_NAME),
)


def sign(key: RSAPrivateKey, message: bytes) -> str:
    """RSA2: SHA-256 with RSA, Base64."""
    return base64.b64encode(key.sign(message, PKCS1v15(), hashes.SHA256())).decode()


def verify(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether the signature is good."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def canonical(fields: Mapping[str, str], *without: str, charset: str = "utf-8") -> bytes:
    """Sorted `k=v` with `&`, without empty values, in bytes of the character set the sender speaks."""
    return "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if v and k not in without).encode(charset)


def number_of(certificate: x509.Certificate) -> str:
    """The platform's number of a certificate: MD5 of issuer and decimal serial."""
    values = {short: str(certificate.issuer.get_attributes_for_oid(oid)[0].value) for short, oid in _NAMES}
    text = ",".join(f"{short}={value}" for short, value in values.items()) + str(certificate.serial_number)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Identity:
    """One application of one seller, and the platform facing it, in both modes at once."""

    def __init__(self, world: SimWorld) -> None:
        self.world, self.app_id, self.seller_id = world, APP_ID, SELLER_ID
        ring = world.keys
        self.app_public = ring.rsa("alipay.app").public_key()
        self.platform_key = ring.rsa("alipay.platform")
        self.encrypt_key = base64.b64encode(ring.secret("alipay.encrypt", 16).encode()).decode()  # AES-128
        self.root = self._certificate("alipay.root", "Simulated Alipay Root", "alipay.root", authority=True)
        self.between = self._certificate("alipay.between", "Simulated Alipay Class 1 CA", "alipay.root", authority=True)
        self.platform = self._certificate("alipay.platform", "Simulated Alipay", "alipay.between")
        self.app = self._certificate("alipay.app", APP_ID, "alipay.between")
        self.app_cert_sn, self.root_cert_sn = number_of(self.app), number_of(self.root)
        self.platform_cert_sn = number_of(self.platform)

    def _certificate(self, name: str, common_name: str, issuer: str, *, authority: bool = False) -> x509.Certificate:
        ring = self.world.keys

        def made_name(common: str) -> x509.Name:
            return x509.Name([
                x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulated Town"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Payments"),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ])

        def make() -> bytes:
            above = made_name(common_name) if issuer == name else self._by_name[issuer].subject
            start = datetime.fromtimestamp(self.world.now(), UTC).replace(microsecond=0) - timedelta(days=1)
            certificate = (
                x509.CertificateBuilder()
                .subject_name(made_name(common_name))
                .issuer_name(above)
                .public_key(ring.rsa(name).public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(start)
                .not_valid_after(start + timedelta(days=3653))
                .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
                .sign(ring.rsa(issuer), hashes.SHA256())
            )
            return certificate.public_bytes(serialization.Encoding.PEM)

        made = x509.load_pem_x509_certificate(ring.kept(f"{name}.alipay.pem", make))
        self._by_name[name] = made
        return made

    @property
    def _by_name(self) -> dict[str, x509.Certificate]:
        found: dict[str, x509.Certificate] = self.__dict__.setdefault("made", {})
        return found

    def answer(self, node: str, text: str, *, certificate: bool, charset: str = "utf-8") -> bytes:
        """The answer around the text of its node: the signature directly behind it, as clients look for it there."""
        number = f',"alipay_cert_sn":"{self.platform_cert_sn}"' if certificate else ""
        said = text.encode(charset, "replace")
        return f'{{"{node}":'.encode() + said + f'{number},"sign":"{sign(self.platform_key, said)}"}}'.encode()

    def notice(self, fields: dict[str, str], charset: str) -> dict[str, str]:
        """A notification's fields with its signature, over the values in its charset, without sign and sign_type."""
        whole = {**fields, "sign_type": "RSA2"}
        return {**whole, "sign": sign(self.platform_key, canonical(whole, "sign", "sign_type", charset=charset))}

    def card(self) -> dict[str, Any]:
        """Everything the application holds, for either mode."""
        ring = self.world.keys

        def pem(*certificates: x509.Certificate) -> str:
            return "".join(c.public_bytes(serialization.Encoding.PEM).decode() for c in certificates)

        return {
            "app_id": self.app_id, "seller_id": self.seller_id, "sign_type": "RSA2",
            "app_private_key": ring.private_pem("alipay.app"), "app_public_key": ring.public_pem("alipay.app"),
            "alipay_public_key": ring.public_pem("alipay.platform"),
            "app_certificate": pem(self.app), "alipay_certificate": pem(self.platform, self.between),
            "alipay_root_certificate": pem(self.root), "app_cert_sn": self.app_cert_sn,
            "alipay_cert_sn": self.platform_cert_sn, "alipay_root_cert_sn": self.root_cert_sn,
            "encrypt_key": self.encrypt_key,
        }
