"""SM2 by GmSSL (package gmssl-pyx), where the system's OpenSSL has none. It keeps the interpreter's lock meanwhile."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from engine.codecs.gm import curve
from engine.codecs.gm.sm3 import sm3

_MAX_PLAIN = 255  # bytes that GmSSL encrypts at once


def found() -> Gmssl | None:
    """The package, when it is installed."""
    try:
        return Gmssl(import_module("gmssl_pyx"))
    except ImportError:
        return None


def entitled(point: bytes, signer: bytes) -> bytes:
    """Z of GB/T 32918.2: the digest that binds a signature to its signer's id and key."""
    size = 8 * len(signer)
    if size > 0xFFFF:
        raise ValueError("an SM2 user id has at most 8191 bytes")
    figures = b"".join(value.to_bytes(curve.SIZE, "big") for value in (curve.A, curve.B, curve.GX, curve.GY))
    return sm3(size.to_bytes(2, "big") + signer + figures + point)


class Gmssl:
    """GmSSL. It signs digests: its own way with whole texts prepares 32 signatures for one."""

    name = "GmSSL"

    def __init__(self, lib: Any) -> None:
        self._lib = lib

    def sign(self, number: bytes, point: bytes, signer: bytes, text: bytes) -> bytes:
        return bytes(self._lib.sm2_sign_sm3_digest(number, sm3(entitled(point, signer) + text)))

    def verify(self, point: bytes, signer: bytes, text: bytes, signature: bytes) -> bool:
        digest = sm3(entitled(point, signer) + text)
        try:
            return bool(self._lib.sm2_verify_sm3_digest(point, digest, signature))
        except self._lib.GmsslInnerError:
            return False

    def encrypt(self, point: bytes, plain: bytes) -> bytes:
        if len(plain) > _MAX_PLAIN:
            raise ValueError(f"SM2 by GmSSL encrypts at most {_MAX_PLAIN} bytes: a key, not a message")
        return bytes(self._lib.sm2_encrypt(point, plain))

    def decrypt(self, number: bytes, point: bytes, hidden: bytes) -> bytes | None:
        try:
            return bytes(self._lib.sm2_decrypt(number, hidden))
        except self._lib.GmsslInnerError:
            return None
