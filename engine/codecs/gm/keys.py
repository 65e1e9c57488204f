"""SM2 keys in the forms other people write them: hexadecimal, Base64, PEM.

A private key is the number D: 32 bytes, or 33 with a leading 00, in hexadecimal or Base64; or PEM (PKCS#8, SEC 1). A
public key is the point: X‖Y (64 bytes) or 04‖X‖Y (65), in hexadecimal or Base64; or PEM (SubjectPublicKeyInfo). A
ValueError says what is wrong and never repeats what it read.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from engine.codecs.errors import Undecodable
from engine.codecs.gm import curve, der

EC_KEY: Final = bytes.fromhex("2a8648ce3d0201")  # 1.2.840.10045.2.1
SM2_CURVE: Final = bytes.fromhex("2a811ccf5501822d")  # 1.2.156.10197.1.301
_UNPACKED: Final = b"\x04"
_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END \1-----")
_MAX_TEXT: Final = 4096  # characters
_HEX_LENGTHS: Final = (64, 66, 128, 130)
_SEC1: Final = ("EC PRIVATE KEY", "SM2 PRIVATE KEY")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A point of the curve, X‖Y in 64 bytes."""

    point: bytes

    def __post_init__(self) -> None:
        x, y = (int.from_bytes(half, "big") for half in (self.point[: curve.SIZE], self.point[curve.SIZE :]))
        if len(self.point) != 2 * curve.SIZE or not curve.holds(x, y):
            raise ValueError("not a point of the SM2 curve")

    def hex(self) -> str:
        """04‖X‖Y in upper hexadecimal, the form most platforms print."""
        return (_UNPACKED + self.point).hex().upper()


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A number in 32 bytes, and the public key that belongs to it."""

    number: bytes = field(repr=False)
    public: PublicKey


def private_key(text: str) -> PrivateKey:
    """The private key written here."""
    data = _pem(text, ("PRIVATE KEY", *_SEC1), _private_der) or _binary(text)
    if len(data) == curve.SIZE + 1 and data[0] == 0:
        data = data[1:]
    if len(data) != curve.SIZE:
        raise ValueError(f"an SM2 private key has {curve.SIZE} bytes")
    x, y = curve.public_point(int.from_bytes(data, "big"))
    return PrivateKey(data, PublicKey(x.to_bytes(curve.SIZE, "big") + y.to_bytes(curve.SIZE, "big")))


def public_key(text: str) -> PublicKey:
    """The public key written here."""
    data = _pem(text, ("PUBLIC KEY",), _public_der) or _binary(text)
    if len(data) == 2 * curve.SIZE + 1 and data[:1] == _UNPACKED:
        data = data[1:]
    if len(data) != 2 * curve.SIZE:
        raise ValueError("an SM2 public key has 64 bytes, or 65 that begin with 04")
    return PublicKey(data)


def public_info(key: PublicKey) -> bytes:
    """The key as SubjectPublicKeyInfo, in DER."""
    return der.wrap(der.SEQUENCE, _algorithm() + der.wrap(der.BITS, b"\0" + _UNPACKED + key.point))


def private_info(key: PrivateKey) -> bytes:
    """The key as PKCS#8, in DER, without a password."""
    point = der.wrap(0xA1, der.wrap(der.BITS, b"\0" + _UNPACKED + key.public.point))
    inner = der.wrap(der.SEQUENCE, der.integer(1) + der.wrap(der.OCTETS, key.number) + point)
    return der.wrap(der.SEQUENCE, der.integer(0) + _algorithm() + der.wrap(der.OCTETS, inner))


def pem(kind: str, data: bytes) -> str:
    """DER as PEM; `kind` is PRIVATE KEY or PUBLIC KEY."""
    text = base64.b64encode(data).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n"


def _algorithm() -> bytes:
    return der.wrap(der.SEQUENCE, der.wrap(der.NAME, EC_KEY) + der.wrap(der.NAME, SM2_CURVE))


def _binary(text: str) -> bytes:
    """Hexadecimal or Base64, told apart by length: no key has as many characters in both."""
    bare = "".join(text.split())
    if len(bare) in _HEX_LENGTHS and re.fullmatch(r"[0-9A-Fa-f]+", bare):
        return bytes.fromhex(bare)
    try:
        return base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("neither hexadecimal, nor Base64, nor PEM") from None


def _pem(text: str, kinds: tuple[str, ...], read: Callable[[bytes, str], bytes]) -> bytes:
    if len(text) > _MAX_TEXT:
        raise ValueError("too long for an SM2 key")
    if "-----BEGIN" not in text:
        return b""
    for found in _PEM.finditer(text):
        if found[1] in kinds:
            try:
                return read(base64.b64decode("".join(found[2].split()), validate=True), found[1])
            except (Undecodable, binascii.Error) as error:
                raise ValueError(f"{found[1]}: not an SM2 key ({error})") from None
    raise ValueError(f"PEM with {' or '.join(kinds)} was expected (and without a password)")


def _private_der(data: bytes, kind: str) -> bytes:
    top = der.Reader(data).inside()
    top.integer(1)
    if kind not in _SEC1:
        _sm2_only(top.inside())
        top = der.Reader(top.take(der.OCTETS)).inside()
        top.integer(1)
        return top.take(der.OCTETS)
    number = top.take(der.OCTETS)
    if top.inside(0xA0).take(der.NAME) != SM2_CURVE:
        raise _other_curve()
    return number


def _public_der(data: bytes, _kind: str) -> bytes:
    top = der.Reader(data).inside()
    _sm2_only(top.inside())
    return top.take(der.BITS)[1:]


def _sm2_only(algorithm: der.Reader) -> None:
    if (algorithm.take(der.NAME), algorithm.take(der.NAME)) != (EC_KEY, SM2_CURVE):
        raise _other_curve()


def _other_curve() -> Undecodable:
    return Undecodable("der", 0, "not a key on the SM2 curve")
