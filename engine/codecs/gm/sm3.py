"""SM3 digests (GB/T 32905) and HMAC-SM3."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC


def sm3(data: bytes) -> bytes:
    """The digest of these bytes, 32 bytes."""
    work = hashes.Hash(hashes.SM3())
    work.update(data)
    return work.finalize()


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """The keyed digest, 32 bytes; a key of any length but none."""
    return _mac(key, data).finalize()


def hmac_holds(key: bytes, data: bytes, mac: bytes) -> bool:
    """Whether this is the keyed digest of these bytes, in a time that tells nothing."""
    try:
        _mac(key, data).verify(mac)
    except InvalidSignature:
        return False
    return True


def _mac(key: bytes, data: bytes) -> HMAC:
    if not key:
        raise ValueError("an HMAC key must not be empty")
    work = HMAC(key, hashes.SM3())
    work.update(data)
    return work
