"""SM2 (GB/T 32918): signatures with SM3 and encryption, in every form platforms use.

A signature is r‖s in 64 bytes (`raw`) or DER. Hidden bytes are C1‖C3‖C2 (`c1c3c2`, today's order), C1‖C2‖C3 (`c1c2c3`,
of 2010) or DER (GM/T 0009); C1 is 04‖X‖Y. The signer's id goes into the digest: both sides must mean the same.
"""

from __future__ import annotations

from typing import Final, Literal

from engine.codecs.errors import Undecodable
from engine.codecs.gm import curve, der
from engine.codecs.gm.keys import PrivateKey, PublicKey, private_key, public_key
from engine.codecs.gm.native import Unavailable, native

__all__ = [
    "SIGNER", "PrivateKey", "PublicKey", "Unavailable", "decrypt", "der_signature", "encrypt", "private_key",
    "public_key", "raw_signature", "sign", "verify",
]  # fmt: skip

SIGNER: Final = b"1234567812345678"  # the user id where nothing else is agreed (GM/T 0009)
MAX_SIGNER: Final = 8191  # bytes
MAX_PLAIN: Final = 65_536  # bytes; more is SM4's work
_SIZE: Final = curve.SIZE
_C1: Final = 1 + 2 * _SIZE

Form = Literal["raw", "der"]
Order = Literal["c1c3c2", "c1c2c3", "der"]


def sign(key: PrivateKey, text: bytes, signer: bytes = SIGNER, form: Form = "raw") -> bytes:
    """The signature over these bytes. Two signatures over the same bytes differ: each has its own random number."""
    made = native().sign(key.number, key.public.point, _signer(signer), text)
    return made if form == "der" else raw_signature(made)


def verify(key: PublicKey, text: bytes, signature: bytes, signer: bytes = SIGNER, form: Form = "raw") -> bool:
    """Whether the signature is by this key and signer over these bytes; False for whatever is no signature."""
    try:
        shown = der_signature(signature) if form == "raw" else der_signature(raw_signature(signature))
    except Undecodable:
        return False
    return native().verify(key.point, _signer(signer), text, shown)


def raw_signature(shown: bytes) -> bytes:
    """r‖s of a signature in DER; Undecodable when it is none."""
    top = der.Reader(shown)
    inner = top.inside()
    top.end()
    r, s = inner.integer(_SIZE), inner.integer(_SIZE)
    inner.end()
    return _within(r) + _within(s)


def der_signature(raw: bytes) -> bytes:
    """A signature r‖s in DER; Undecodable when it is none."""
    if len(raw) != 2 * _SIZE:
        raise Undecodable("sm2-signature", len(raw), "SM2: a signature r‖s has 64 bytes")
    r, s = int.from_bytes(raw[:_SIZE], "big"), int.from_bytes(raw[_SIZE:], "big")
    _within(r), _within(s)
    return der.wrap(der.SEQUENCE, der.integer(r) + der.integer(s))


def encrypt(key: PublicKey, plain: bytes, order: Order = "c1c3c2") -> bytes:
    """These bytes (1 to 65,536; 255 where GmSSL does it) for the holder of the private key."""
    if not 0 < len(plain) <= MAX_PLAIN:
        raise ValueError(f"SM2 encrypts 1 to {MAX_PLAIN} bytes")
    made = native().encrypt(key.point, plain)
    if order == "der":
        return made
    inner = der.Reader(made).inside()
    x, y = inner.integer(_SIZE).to_bytes(_SIZE, "big"), inner.integer(_SIZE).to_bytes(_SIZE, "big")
    digest, hidden = inner.take(der.OCTETS), inner.take(der.OCTETS)
    return b"\x04" + x + y + (digest + hidden if order == "c1c3c2" else hidden + digest)


def decrypt(key: PrivateKey, hidden: bytes, order: Order = "c1c3c2") -> bytes:
    """What was hidden; Undecodable when a bit of it was changed or it was meant for another."""
    shown = hidden if order == "der" else _shown(hidden, order)
    found = native().decrypt(key.number, key.public.point, shown)
    if found is None:
        raise Undecodable("sm2-hidden", 0, "SM2: it does not decipher with this key")
    return found


def _shown(hidden: bytes, order: Order) -> bytes:
    """C1, C3, C2 as DER. C1 may lack its 04, as some libraries write it."""
    if len(hidden) > _C1 + _SIZE + MAX_PLAIN:
        raise Undecodable("sm2-hidden", len(hidden), "SM2: too long")
    start = 1 if hidden[:1] == b"\x04" and _point(hidden[1:_C1]) else 0
    rest = hidden[start + 2 * _SIZE :]
    if len(rest) <= _SIZE or not _point(hidden[start : start + 2 * _SIZE]):
        raise Undecodable("sm2-hidden", 0, "SM2: it does not begin with a point of the curve")
    digest, body = (rest[:_SIZE], rest[_SIZE:]) if order == "c1c3c2" else (rest[-_SIZE:], rest[:-_SIZE])
    x, y = (int.from_bytes(hidden[at : at + _SIZE], "big") for at in (start, start + _SIZE))
    parts = der.integer(x) + der.integer(y) + der.wrap(der.OCTETS, digest) + der.wrap(der.OCTETS, body)
    return der.wrap(der.SEQUENCE, parts)


def _point(pair: bytes) -> bool:
    return len(pair) == 2 * _SIZE and curve.holds(
        int.from_bytes(pair[:_SIZE], "big"), int.from_bytes(pair[_SIZE:], "big")
    )


def _within(value: int) -> bytes:
    if not 1 <= value < curve.N:
        raise Undecodable("sm2-signature", 0, "SM2: r and s are numbers from 1 to n - 1")
    return value.to_bytes(_SIZE, "big")


def _signer(signer: bytes) -> bytes:
    if len(signer) > MAX_SIGNER:
        raise ValueError(f"an SM2 user id has at most {MAX_SIGNER} bytes")
    return signer
