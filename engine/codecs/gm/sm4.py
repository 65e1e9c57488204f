"""SM4 (GB/T 32907): ECB and CBC with PKCS#7 padding as the platforms prescribe them, and GCM.

ECB and CBC do not notice what was changed on the way: only together with a signature over what they hide. A wrong
padding is one error and says nothing else, and whoever decrypts must have checked the signature first.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from engine.codecs.errors import Undecodable

BLOCK: Final = 16  # bytes of a block, of a key and of an initial vector
NONCE: Final = 12  # bytes
TAG: Final = 16  # bytes at the end of what GCM made


def encrypt(key: bytes, plain: bytes, iv: bytes | None = None) -> bytes:
    """PKCS#7-padded `plain` in CBC under this initial vector; without one, in ECB."""
    padder = PKCS7(8 * BLOCK).padder()
    return _through(_cipher(key, iv).encryptor(), padder.update(plain) + padder.finalize())


def decrypt(key: bytes, hidden: bytes, iv: bytes | None = None) -> bytes:
    """What `encrypt` hid; Undecodable when it is no whole number of blocks or its padding is wrong."""
    if not hidden or len(hidden) % BLOCK:
        raise Undecodable("sm4-length", len(hidden), "SM4: not a whole number of 16-byte blocks")
    padded = _through(_cipher(key, iv).decryptor(), hidden)
    unpadder = PKCS7(8 * BLOCK).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise Undecodable("sm4-padding", 0, "SM4: the padding is wrong, so the key or the bytes are") from None


def seal(key: bytes, nonce: bytes, plain: bytes, aad: bytes = b"") -> bytes:
    """GCM: the hidden bytes and their 16-byte tag. A nonce (12 bytes) must never come twice under one key."""
    work = Cipher(_sm4(key), modes.GCM(_sized("nonce", nonce, NONCE))).encryptor()
    work.authenticate_additional_data(aad)
    return work.update(plain) + work.finalize() + work.tag


def unseal(key: bytes, nonce: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
    """What `seal` hid; Undecodable when a bit of it, of the nonce or of `aad` was changed."""
    if len(sealed) < TAG:
        raise Undecodable("sm4-length", len(sealed), "SM4-GCM: shorter than its tag")
    work = Cipher(_sm4(key), modes.GCM(_sized("nonce", nonce, NONCE), sealed[-TAG:])).decryptor()
    work.authenticate_additional_data(aad)
    try:
        return work.update(sealed[:-TAG]) + work.finalize()
    except InvalidTag:
        raise Undecodable("sm4-tag", 0, "SM4-GCM: the tag does not hold") from None


def _cipher(key: bytes, iv: bytes | None) -> Cipher[modes.ECB] | Cipher[modes.CBC]:
    if iv is None:
        return Cipher(_sm4(key), modes.ECB())  # noqa: S305 -- the platform prescribes it; see the signature above it
    return Cipher(_sm4(key), modes.CBC(_sized("iv", iv, BLOCK)))


def _sm4(key: bytes) -> algorithms.SM4:
    return algorithms.SM4(_sized("key", key, BLOCK))


def _sized(name: str, value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise ValueError(f"SM4 {name}: {size} bytes are wanted, not {len(value)}")
    return value


def _through(work: CipherContext, data: bytes) -> bytes:
    return work.update(data) + work.finalize()
