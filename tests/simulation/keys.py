"""The town's keys for all seeds: made from a fixed seed, so that a seed's bytes are the same on every machine.

Signatures are part of what a seed's digest covers, so keys, serial numbers and certificates must not be drawn anew by
each process. These keys are public knowledge and good for simulations only.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from simulators.base.keys import KeyRing

EXPONENT = 65537
BORN = datetime(2026, 1, 1, tzinfo=UTC)
_SIEVE = [n for n in range(3, 8000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]


class TownKeys(KeyRing):
    """A key ring whose content depends on names only."""

    def __init__(self) -> None:
        super().__init__(None, 1, lambda: BORN.timestamp())

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        return _KEPT.setdefault(name, make() if name not in _KEPT else b"")

    def rsa(self, name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
        return _key(name, bits)

    def private_pem(self, name: str) -> str:
        form = serialization.PrivateFormat.PKCS8
        pem = self.rsa(name).private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        return pem.decode("ascii")

    def certificate(
        self, name: str, common_name: str, issuer: str = "", *, authority: bool = False
    ) -> x509.Certificate:
        def make() -> bytes:
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
            above = self._stored_certificate(issuer).subject if issuer else subject
            serial = int.from_bytes(hashlib.sha256(name.encode()).digest()[:19], "big")
            builder = (
                x509.CertificateBuilder(subject_name=subject, issuer_name=above)
                .public_key(self.rsa(name).public_key())
                .serial_number(serial)
                .not_valid_before(BORN)
                .not_valid_after(BORN + timedelta(days=3653))
                .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            )
            made = builder.sign(self.rsa(issuer or name), hashes.SHA256())
            return made.public_bytes(serialization.Encoding.PEM)

        return x509.load_pem_x509_certificate(self.kept(f"{name}.cert.pem", make))


_KEPT: dict[str, bytes] = {}


@cache
def _key(name: str, bits: int) -> rsa.RSAPrivateKey:
    dice = random.Random(f"{name} {bits}")
    while True:
        p, q = _prime(dice, bits // 2), _prime(dice, bits // 2)
        if p != q and (p * q).bit_length() == bits:
            break
    p, q = max(p, q), min(p, q)
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()


def _prime(dice: random.Random, bits: int) -> int:
    while True:
        n = dice.getrandbits(bits) | (3 << (bits - 2)) | 1
        if (n - 1) % EXPONENT and all(n % small for small in _SIEVE) and _probably_prime(dice, n):
            return n


def _probably_prime(dice: random.Random, n: int, rounds: int = 8) -> bool:
    """Miller and Rabin's test; the first rounds throw out nearly everything."""
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(rounds):
        x = pow(dice.randrange(2, n - 1), odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True
