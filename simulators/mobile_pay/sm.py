"""国密 as this simulator does it: SM2 by GmSSL or, where that is not installed, in pure Python; SM4 block by block.

Other code than the engine's on purpose: a mistake that both sides shared would not show.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

try:
    gmssl_pyx: Any = import_module("gmssl_pyx")
except ImportError:  # no wheel for this machine: slow, and as true
    gmssl_pyx = None

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
        return bytes(_pure().generate_pk(self.number)[1:])

    @property
    def private_text(self) -> str:
        """Base64 of D, as platforms hand it out."""
        return base64.b64encode(self.number).decode("ascii")

    @property
    def public_text(self) -> str:
        """Base64 of 04‖X‖Y."""
        return base64.b64encode(b"\x04" + self.point).decode("ascii")


def sign(pair: Pair, text: str, signer: str) -> str:
    """Base64 of r‖s."""
    if gmssl_pyx is not None:
        made = gmssl_pyx.sm2_sign(pair.number, pair.point, text.encode(), signer.encode())
        return base64.b64encode(_bare(made)).decode("ascii")
    one = _pure(pair.number, signer.encode(), b"\x04" + pair.point)
    halves = (bytes(half).rjust(32, b"\0") for half in one.sign(text.encode()))
    return base64.b64encode(b"".join(halves)).decode("ascii")


def good(point: bytes, text: str, signature: str, signer: str) -> bool:
    """Whether Base64 of r‖s is a signature over the text."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != 64:
        return False
    try:
        if gmssl_pyx is not None:
            shown = _number(raw[:32]) + _number(raw[32:])
            shown = bytes([0x30, len(shown)]) + shown
            return bool(gmssl_pyx.sm2_verify(point, text.encode(), shown, signer.encode()))
        judge = _pure(None, signer.encode(), b"\x04" + point)
        return bool(judge.verify(text.encode(), raw[:32], raw[32:]))
    except Exception:  # noqa: BLE001 - what a library does not like is no signature, however it says so
        return False


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


def _pure(*parts: Any) -> Any:
    """SM2 in pure Python: private number, user id, public point."""
    return import_module("gmalg").SM2(*parts)


def _bare(shown: bytes) -> bytes:
    """r‖s of SEQUENCE {INTEGER r, INTEGER s}, both short."""
    size = shown[3]
    r, s = shown[4 : 4 + size], shown[6 + size :]
    return r.lstrip(b"\0").rjust(32, b"\0") + s.lstrip(b"\0").rjust(32, b"\0")


def _number(half: bytes) -> bytes:
    bare = half.lstrip(b"\0") or b"\0"
    bare = b"\0" + bare if bare[0] & 0x80 else bare
    return bytes([2, len(bare)]) + bare
