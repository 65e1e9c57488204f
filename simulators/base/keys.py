"""Test keys, certificates and secrets of the parties: made once, kept in the process or in a folder."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

# RSA keys cost 100 ms and more to make, and 40 to read; worlds without a folder share one set per process and seed.
_PROCESS: dict[tuple[int, str], bytes] = {}
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"


class KeyRing:
    """Named keys: asked for the second time, the same come back, also after a restart with a folder.

    Files are written 0600 in a 0700 folder, one per name. Without a folder, secrets come from the
    seed (the same in every run) and RSA keys live as long as the process.
    """

    def __init__(self, directory: Path | None, seed: int, now: Callable[[], float]) -> None:
        self._directory = directory
        self._seed = seed
        self._now = now
        self._rsa: dict[str, rsa.RSAPrivateKey] = {}

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The bytes stored under `name` (a file name, no slash); made and stored when there are none."""
        if not name or "/" in name or name.startswith("."):
            raise ValueError(f"not a key name: {name!r}")
        if self._directory is None:
            place = (self._seed, name)
            if place not in _PROCESS:
                _PROCESS[place] = make()
            return _PROCESS[place]
        path = self._directory / name
        if not path.exists():
            self._write(path, make())
        return path.read_bytes()

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)

    def secret(self, name: str, length: int = 32) -> str:
        """A shared secret of letters and digits."""

        def make() -> bytes:
            fixed = self._directory is None
            source = random.Random(f"{self._seed} {name}") if fixed else random.SystemRandom()
            return "".join(source.choice(_ALPHABET) for _ in range(length)).encode("ascii")

        return self.kept(f"{name}.secret", make).decode("ascii")

    def rsa(self, name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
        """An RSA private key."""
        if name not in self._rsa:
            pem = self.kept(f"{name}.key.pem", lambda: _private_pem(rsa.generate_private_key(65537, bits)))
            self._rsa[name] = _read(name, pem)
        return self._rsa[name]

    def private_pem(self, name: str) -> str:
        """The private key in PEM (PKCS#8), for the card."""
        return _private_pem(self.rsa(name)).decode("ascii")

    def public_pem(self, name: str) -> str:
        """The public key in PEM (SubjectPublicKeyInfo), for the card."""
        public = self.rsa(name).public_key()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return public.public_bytes(serialization.Encoding.PEM, form).decode("ascii")

    def certificate(
        self, name: str, common_name: str, issuer: str = "", *, authority: bool = False
    ) -> x509.Certificate:
        """The certificate of key `name`; `issuer` names another certificate of this ring, empty: self-signed.

        Valid ten years from the first making; the serial number is 20 bytes, as real platforms have.
        """

        def make() -> bytes:
            subject = x509.Name([
                x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulated Town"),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ])
            above = self._stored_certificate(issuer).subject if issuer else subject
            start = datetime.fromtimestamp(self._now(), UTC).replace(microsecond=0) - timedelta(days=1)
            certificate = (
                x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(above)
                .public_key(self.rsa(name).public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(start)
                .not_valid_after(start + timedelta(days=3653))
                .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
                .sign(self.rsa(issuer or name), hashes.SHA256())
            )
            return certificate.public_bytes(serialization.Encoding.PEM)

        return x509.load_pem_x509_certificate(self.kept(f"{name}.cert.pem", make))

    def _stored_certificate(self, name: str) -> x509.Certificate:
        def missing() -> bytes:
            raise ValueError(f"make the certificate of {name} first")

        return x509.load_pem_x509_certificate(self.kept(f"{name}.cert.pem", missing))

    def certificate_pem(self, name: str) -> str:
        """A certificate made before, in PEM, for the card."""
        return self._stored_certificate(name).public_bytes(serialization.Encoding.PEM).decode("ascii")


@lru_cache(maxsize=256)
def _read(name: str, pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{name}: not an RSA key")
    return key


def _private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
