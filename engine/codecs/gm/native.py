"""The compiled SM2 that this machine has: OpenSSL 3's, or GmSSL's where the system's OpenSSL was built without it.

Chosen once, at the first use. Both hand over and take DER; `sm2` knows all other forms.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol


class Unavailable(RuntimeError):
    """This machine has no compiled SM2; the text says what would give it one."""


class Native(Protocol):
    """Signatures and encryption in DER. Keys are a number (32 bytes) and its point (X‖Y, 64 bytes)."""

    name: str

    def sign(self, number: bytes, point: bytes, signer: bytes, text: bytes) -> bytes:
        """SEQUENCE {r, s} over SM3(Z ‖ text)."""

    def verify(self, point: bytes, signer: bytes, text: bytes, signature: bytes) -> bool:
        """Whether it holds; False for whatever is no signature. Never raises on what others may send."""

    def encrypt(self, point: bytes, plain: bytes) -> bytes:
        """SEQUENCE {x, y, C3, C2}."""

    def decrypt(self, number: bytes, point: bytes, hidden: bytes) -> bytes | None:
        """None when it does not decipher."""


@cache
def native() -> Native:
    """This machine's SM2; Unavailable when it has none."""
    from engine.codecs.gm import gmssl, libcrypto

    found: Native | None = libcrypto.found() or gmssl.found()
    if found is None:
        raise Unavailable(
            "SM2 needs OpenSSL 3 built with SM2 (Debian 12, Ubuntu 22.04, openEuler 24.03 and later have it)"
            " or, on x86-64 Linux, the package gmssl-pyx"
        )
    return found
