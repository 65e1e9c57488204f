"""The gateway's forms and signatures, written once more: nothing here is the engine's."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Fields = dict[str, str]
HOW = {  # by signMethod, for people; the text is k=v joined by &, sorted by name, filled fields without signature
    "01": "SHA256withRSA over the small hex SHA-256 of the text",
    "11": "SHA-256(text & SHA-256(secure key)), small hex",
    "12": "SM3(text & SM3(secure key)), small hex",
}


def read_form(body: bytes) -> Fields | None:
    """A request's fields; None when it is no form in UTF-8 or a name stands twice."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except (ValueError, UnicodeDecodeError):
        return None
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


def write_raw(fields: Fields) -> bytes:
    """An answer: not URL-encoded."""
    return "&".join(f"{k}={v}" for k, v in fields.items()).encode("utf-8")


def text(fields: Fields) -> str:
    """What is signed: filled fields, sorted, without the signature."""
    kept = sorted((k, v) for k, v in fields.items() if v != "" and k != "signature")
    return "&".join("=".join(pair) for pair in kept)


def digest(plain: str, how: str = "sha256") -> str:
    """Small hexadecimal; `how`: sha256 or sm3."""
    if how == "sm3":
        sm3 = hashes.Hash(hashes.SM3())
        sm3.update(plain.encode("utf-8"))
        return sm3.finalize().hex()
    return hashlib.sha256(plain.encode("utf-8")).hexdigest()


def keyed(fields: Fields, secure_key: str, method: str) -> str:
    """signMethod 11 (SHA-256) and 12 (SM3)."""
    how = "sm3" if method == "12" else "sha256"
    return digest(text(fields) + "&" + digest(secure_key, how), how)


def rsa_sign(key: rsa.RSAPrivateKey, fields: Fields, *, single: bool = False) -> str:
    """signMethod 01. `single` leaves the first hash out, as wrong clients do."""
    message = text(fields) if single else digest(text(fields))
    return base64.b64encode(key.sign(message.encode("utf-8"), padding.PKCS1v15(), hashes.SHA256())).decode("ascii")


def rsa_good(key: rsa.RSAPublicKey, fields: Fields) -> bool:
    """Whether a request's signature is that of this key."""
    try:
        given = base64.b64decode(fields.get("signature", ""), validate=True)
        key.verify(given, digest(text(fields)).encode("ascii"), padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True
