"""国密 as this platform writes it: keys and signatures in Base64, SM4 with its padding put on and taken off by hand."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulators.mobile_pay import sm2

# What stands before the bytes of a key on the curve SM2 in SubjectPublicKeyInfo and in PKCS#8.
_PUBLIC = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_PRIVATE = bytes.fromhex("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420")
DEFAULT_SIGNER = "1234567812345678"


class Unreadable(ValueError):
    """Bytes that do not unfold."""


@dataclass(frozen=True)
class Pair:
    """A key pair. `number`: D in 32 bytes."""

    number: bytes

    @cached_property
    def point(self) -> bytes:
        """X‖Y."""
        return sm2.public(self.number)

    @property
    def private_text(self) -> str:
        """Base64 of D, as platforms hand it out."""
        return base64.b64encode(self.number).decode("ascii")

    @property
    def public_text(self) -> str:
        """Base64 of 04‖X‖Y."""
        return base64.b64encode(b"\x04" + self.point).decode("ascii")

    def forms(self, name: str, *, private: bool = False) -> dict[str, str]:
        """The key as libraries want it: hex (D, or 04‖X‖Y) and PEM, under `NAME_hex` and `NAME_pem`."""
        open_ = b"\x04" + self.point
        if not private:
            return {f"{name}_hex": open_.hex(), f"{name}_pem": _pem("PUBLIC KEY", _PUBLIC + open_)}
        der = _PRIVATE + self.number + b"\xa1\x44\x03\x42\x00" + open_
        return {f"{name}_hex": self.number.hex(), f"{name}_pem": _pem("PRIVATE KEY", der)}


def sign(pair: Pair, text: str, signer: str) -> str:
    """Base64 of r‖s."""
    return base64.b64encode(sm2.sign(pair.number, text.encode(), signer.encode())).decode("ascii")


def good(point: bytes, text: str, signature: str, signer: str) -> bool:
    """Whether Base64 of r‖s is a signature over the text."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return sm2.good(point, text.encode(), signer.encode(), raw)


def sm4(key: bytes, data: bytes, iv: bytes | None, *, hide: bool) -> bytes:
    """ECB, or CBC with `iv`; PKCS#7 put on or taken off."""
    made: Any = Cipher(algorithms.SM4(key), modes.ECB() if iv is None else modes.CBC(iv))  # noqa: S305 - prescribed
    if hide:
        fill = 16 - len(data) % 16
        work = made.encryptor()
        return bytes(work.update(data + bytes([fill]) * fill) + work.finalize())
    if not data or len(data) % 16:
        raise Unreadable("length")
    work = made.decryptor()
    plain = bytes(work.update(data) + work.finalize())
    fill = plain[-1]
    if not 1 <= fill <= 16 or plain[-fill:] != bytes([fill]) * fill:
        raise Unreadable("padding")
    return plain[:-fill]


def _pem(kind: str, der: bytes) -> str:
    text = base64.b64encode(der).decode("ascii")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])
