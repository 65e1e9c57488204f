"""Who the merchant and the gateway are: ids, keys, and a chain of certificates with short serials."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from simulators.base.world import SimWorld
from simulators.unionpay import sign

MER_ID = "777290058110048"
PFX_PASSWORD = "000000"  # noqa: S105 - the password every UnionPay test certificate has
SIGNER = "00040000:SIGN"
# name: (serial, common name, issuer, is an authority, first and last day from today). They begin years ago: keys
# outlive the clocks of tests, which move.
_PAPERS: dict[str, tuple[int, str, str, bool, int, int]] = {
    "root": (1001, "Simulated Town Root CA", "", True, -1825, 3653),
    "middle": (1002, "Simulated Town OCA1", "root", True, -1825, 3653),
    "merchant": (69026276696, f"041@Z12@{MER_ID}:SIGN@00000001", "middle", False, -1825, 3653),
    "gateway": (68759585097, f"041@Z12@{SIGNER}@00000001", "middle", False, -1825, 3653),
    # What a merchant must not believe:
    "expired": (68759585090, f"041@Z12@{SIGNER}@00000001", "middle", False, -4000, -1830),
    "neighbour": (68759585098, "041@Z12@777290058110099:SIGN@00000001", "middle", False, -1825, 3653),
    "false_root": (1001, "Simulated Town Root CA", "", True, -1825, 3653),
    "false_middle": (1002, "Simulated Town OCA1", "false_root", True, -1825, 3653),
    "foreign": (68759585097, f"041@Z12@{SIGNER}@00000001", "false_middle", False, -1825, 3653),
}
# Faults that sign with such a paper.
FALSE_SIGNERS = {
    "foreign_certificate": "foreign", "expired_certificate": "expired", "wrong_signer": "neighbour",
}


class Identity:
    """Keys of one merchant and of the gateway facing it."""

    def __init__(self, world: SimWorld) -> None:
        self.world = world
        self.mer_id = MER_ID
        self.cert_id = _PAPERS["merchant"][0]
        self.secure_key = world.keys.secret("unionpay.secure", 32)
        self.merchant_public = world.keys.rsa("unionpay.merchant").public_key()
        self.gateway_pem = self.pem("gateway")

    def pem(self, name: str) -> str:
        """A certificate in PEM, made when first asked for."""
        serial, common_name, issuer, authority, first, last = _PAPERS[name]
        if issuer:
            self.pem(issuer)
        return self.world.keys.kept(
            f"unionpay.{name}.cert.pem", self._maker(name, serial, common_name, issuer, authority, first, last)
        ).decode("ascii")

    def _maker(
        self, name: str, serial: int, common_name: str, issuer: str, authority: bool, first: int, last: int
    ) -> Callable[[], bytes]:
        ring = self.world.keys

        def make() -> bytes:
            subject = _named(common_name)
            above = _named(_PAPERS[issuer][1]) if issuer else subject
            today = datetime.fromtimestamp(self.world.now(), UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            own, by = ring.rsa(f"unionpay.{name}"), ring.rsa(f"unionpay.{issuer or name}")
            made = (
                x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(above)
                .public_key(own.public_key())
                .serial_number(serial)
                .not_valid_before(today + timedelta(days=first))
                .not_valid_after(today + timedelta(days=last))
                .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
                .sign(by, hashes.SHA256())
            )
            return made.public_bytes(serialization.Encoding.PEM)

        return make

    def asked_well(self, fields: sign.Fields) -> bool:
        """Whether a request carries the merchant's signature, by certificate or by key."""
        method = fields.get("signMethod", "")
        if method in ("11", "12"):
            return fields.get("signature") == sign.keyed(fields, self.secure_key, method)
        if method != "01":
            return False
        given = fields.get("certId", "")
        try:
            serial = int(given, 0)  # some write 0x…
        except ValueError:
            return False
        return serial == self.cert_id and sign.rsa_good(self.merchant_public, fields)

    def signed(self, fields: sign.Fields, method: str, spoil: str = "") -> sign.Fields:
        """The fields with certificate and signature. `spoil`: a fault that makes them wrong."""
        made = {k: v for k, v in fields.items() if k not in ("signature", "signPubKeyCert")}
        made["signMethod"] = method if method in ("11", "12") else "01"
        if made["signMethod"] == "01":
            paper = FALSE_SIGNERS.get(spoil, "gateway")
            made["signPubKeyCert"] = self.gateway_pem if paper == "gateway" else self.pem(paper)
            key = self.world.keys.rsa(f"unionpay.{paper}")
            made["signature"] = sign.rsa_sign(key, made, single=spoil == "single_hash")
        else:
            made["signature"] = sign.keyed(made, self.secure_key, made["signMethod"])
        if spoil == "bad_signature":
            first = made["signature"][0]
            made["signature"] = ("b" if first == "a" else "a") + made["signature"][1:]
        if spoil == "unsigned":
            del made["signature"]
        return made

    def card(self) -> dict[str, Any]:
        """Everything the merchant holds; `sign_pfx` is its key and certificate as UnionPay hands them out (base64)."""
        return {
            "mer_id": self.mer_id, "version": "5.1.0", "sign_method": "01", "cert_id": str(self.cert_id),
            "sign_certificate": self.pem("merchant"),
            "sign_private_key": self.world.keys.private_pem("unionpay.merchant"),
            "sign_pfx": base64.b64encode(self._pfx()).decode("ascii"), "sign_pfx_password": PFX_PASSWORD,
            "root": self.pem("root"), "middle": self.pem("middle"), "signer": SIGNER,
            "gateway_certificate": self.gateway_pem, "encrypt_certificate": self.gateway_pem,
            "secure_key": self.secure_key,
        }

    def _pfx(self) -> bytes:
        def make() -> bytes:
            paper = x509.load_pem_x509_certificate(self.pem("merchant").encode("ascii"))
            # The way UnionPay's own files are locked: what every client can open, also those that know nothing newer.
            locked = (
                serialization.PrivateFormat.PKCS12.encryption_builder()
                .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
                .hmac_hash(hashes.SHA1())  # noqa: S303 - what those clients can check
                .build(PFX_PASSWORD.encode("ascii"))
            )
            key = self.world.keys.rsa("unionpay.merchant")
            return pkcs12.serialize_key_and_certificates(b"merchant", key, paper, None, locked)

        return self.world.keys.kept("unionpay.merchant.3des.pfx", make)


def _named(common_name: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulated Town"),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ])
