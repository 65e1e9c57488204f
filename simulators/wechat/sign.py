"""The platform's cryptography: v3 signatures, sealed callback bodies, v2 signs.

Pure functions on bytes and texts; keys, nonces and clocks come in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.padding import PKCS7

SCHEMA = "WECHATPAY2-SHA256-RSA2048"
PROBE = "WECHATPAY/SIGNTEST/"
NONCE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

_PADDING = PKCS1v15()
_HASH = SHA256()
_SHA1 = SHA1()  # noqa: S303 - the platform prescribes it for OAEP
_OAEP = OAEP(MGF1(_SHA1), _SHA1, None)
_PAIR = re.compile(r'([a-z_]+)="([^"]*)"')


@dataclass(frozen=True)
class Authorization:
    """The parts of the `Authorization` header of a v3 request."""

    mchid: str
    nonce: str
    timestamp: int
    serial: str
    signature: str


def read_authorization(header: str) -> Authorization | None:
    """The header taken apart, pairs in any order; None when it is not of the platform's form."""
    schema, _, rest = header.partition(" ")
    parts = dict(_PAIR.findall(rest))
    if schema != SCHEMA or parts.keys() != {"mchid", "nonce_str", "timestamp", "serial_no", "signature"}:
        return None
    if not parts["timestamp"].isascii() or not parts["timestamp"].isdigit() or len(parts["timestamp"]) > 12:
        return None
    if not parts["nonce_str"] or len(parts["nonce_str"]) > 128:
        return None
    return Authorization(
        parts["mchid"], parts["nonce_str"], int(parts["timestamp"]), parts["serial_no"], parts["signature"]
    )


def request_message(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """The five lines a merchant signs; `target` is path and query as sent."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    """The three lines the platform signs on answers and callbacks; an empty body is an empty line."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def rsa_sign(key: RSAPrivateKey, message: bytes) -> str:
    """RSASSA-PKCS1-v1_5 with SHA-256, base64."""
    return base64.b64encode(key.sign(message, _PADDING, _HASH)).decode("ascii")


def rsa_verify(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether `signature` (base64) is `key`'s over exactly these bytes."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, _PADDING, _HASH)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def oaep_open(key: RSAPrivateKey, text: str) -> str | None:
    """A sensitive field (RSA-OAEP with SHA-1, base64) in clear; None when it was not sealed for this key."""
    try:
        clear = key.decrypt(base64.b64decode(text, validate=True), _OAEP)
        return clear.decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def oaep_seal(key: RSAPublicKey, text: str) -> str:
    """A sensitive field sealed for the owner of `key`, base64."""
    return base64.b64encode(key.encrypt(text.encode("utf-8"), _OAEP)).decode("ascii")


def seal(api_v3_key: str, plain: bytes, associated: str, nonce: str) -> str:
    """AEAD_AES_256_GCM as callbacks and `/v3/certificates` carry it: base64(ciphertext + tag); nonce 12 letters."""
    sealed = AESGCM(api_v3_key.encode("ascii")).encrypt(nonce.encode("ascii"), plain, associated.encode("utf-8"))
    return base64.b64encode(sealed).decode("ascii")


def v2_text(fields: Mapping[str, str], key: str) -> str:
    """The text a v2 sign is made of: non-empty fields but `sign`, sorted, then the key."""
    return "".join(f"{k}={fields[k]}&" for k in sorted(fields) if k != "sign" and fields[k] != "") + f"key={key}"


def v2_sign(fields: Mapping[str, str], key: str, sign_type: str = "MD5") -> str:
    """The v2 sign, upper hex; `sign_type` is MD5 or HMAC-SHA256 (ValueError otherwise)."""
    text = v2_text(fields, key).encode("utf-8")
    if sign_type == "MD5":
        return hashlib.md5(text, usedforsecurity=False).hexdigest().upper()
    if sign_type == "HMAC-SHA256":
        return hmac.new(key.encode("ascii"), text, hashlib.sha256).hexdigest().upper()
    raise ValueError(f"sign_type {sign_type!r}")


def v2_seal(api_v2_key: str, xml: bytes) -> str:
    """`req_info` of the v2 refund callback: AES-256-ECB, PKCS#7, key = lower hex MD5 of the v2 key, base64."""
    key = hashlib.md5(api_v2_key.encode("ascii"), usedforsecurity=False).hexdigest().encode("ascii")
    padder = PKCS7(128).padder()
    padded = padder.update(xml) + padder.finalize()
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the platform prescribes ECB
    return base64.b64encode(cipher.update(padded) + cipher.finalize()).decode("ascii")
