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


def codec_of(fields: Fields) -> str:
    """The codec of `encoding`, which clients write in capitals or small letters; UTF-8 where it says nothing known."""
    return "gb18030" if fields.get("encoding", "").upper() == "GBK" else "utf-8"


def read_form(body: bytes) -> Fields | None:
    """A request's fields, in the encoding they name; None when it is no form in it or a name stands twice.

    Some clients leave an `&` at the end.
    """
    pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    found = dict(pairs)
    if not found or len(found) != len(pairs) or b"=" not in body:
        return None
    return _decoded(found)


def _decoded(found: Fields) -> Fields | None:
    codec = codec_of(found)
    try:
        return {name: value.encode("latin-1").decode(codec) for name, value in found.items()}
    except UnicodeDecodeError:
        return None


def write_raw(fields: Fields) -> bytes:
    """An answer: not URL-encoded, in the encoding it names."""
    return "&".join(f"{k}={v}" for k, v in fields.items()).encode(codec_of(fields))


def read_raw(body: bytes) -> Fields:
    """The fields of such an answer."""
    return _decoded(dict(pair.split("=", 1) for pair in body.decode("latin-1").split("&"))) or {}


def text(fields: Fields) -> str:
    """What is signed: filled fields, sorted, without the signature."""
    kept = sorted((k, v) for k, v in fields.items() if v != "" and k != "signature")
    return "&".join("=".join(pair) for pair in kept)


def digest(plain: str, how: str = "sha256", codec: str = "utf-8") -> str:
    """Small hexadecimal; `how`: sha256 or sm3."""
    if how == "sm3":
        sm3 = hashes.Hash(hashes.SM3())
        sm3.update(plain.encode(codec))
        return sm3.finalize().hex()
    return hashlib.sha256(plain.encode(codec)).hexdigest()


def keyed(fields: Fields, secure_key: str, method: str) -> str:
    """signMethod 11 (SHA-256) and 12 (SM3)."""
    how = "sm3" if method == "12" else "sha256"
    return digest(text(fields) + "&" + digest(secure_key, how), how, codec_of(fields))


def rsa_sign(key: rsa.RSAPrivateKey, fields: Fields, *, single: bool = False) -> str:
    """signMethod 01. `single` leaves the first hash out, as wrong clients do."""
    codec = codec_of(fields)
    message = text(fields) if single else digest(text(fields), codec=codec)
    return base64.b64encode(key.sign(message.encode(codec), padding.PKCS1v15(), hashes.SHA256())).decode("ascii")


def rsa_good(key: rsa.RSAPublicKey, fields: Fields) -> bool:
    """Whether a request's signature is that of this key."""
    try:
        given = base64.b64decode(fields.get("signature", ""), validate=True)
        hashed = digest(text(fields), codec=codec_of(fields))
        key.verify(given, hashed.encode("ascii"), padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True
