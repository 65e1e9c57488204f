"""What a bare library takes for a piece of a party's work, on the same bytes: signatures, digests, ciphers, parsers.
SM2 and SM4 go through the engine's thin door to the compiled ones, which is measured with them."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Sequence

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from lxml import etree

from bench.floors import micro
from engine.codecs.gm import sm2, sm4

TEXT = b"x" * 1024
DOCUMENT = b"<xml>" + b"".join(b"<field%d>value of it</field%d>" % (n, n) for n in range(28)) + b"</xml>"
TREE = b"{" + b",".join(b'"field%d":"value of the field"' % n for n in range(32)) + b"}"
Call = Callable[[], object]


class Floors:
    """One key of each kind; `cost` times a piece of work on given bytes."""

    def __init__(self) -> None:
        self._rsa = rsa.generate_private_key(65537, 2048)
        self._sm2 = sm2.private_key("0f" * 32)
        self._aead, self._nonce = AESGCM(bytes(32)), bytes(12)
        self._made: dict[str, Callable[[bytes], Call]] = {
            "RSA sign": lambda data: lambda: self._rsa.sign(data, PKCS1v15(), hashes.SHA256()),
            "RSA verify": self._rsa_verify,
            "SM2 sign": lambda data: lambda: sm2.sign(self._sm2, data),
            "SM2 verify": self._sm2_verify,
            "SM4 hide": lambda data: lambda: sm4.encrypt(bytes(16), data, bytes(16)),
            "SM4 show": self._sm4_show,
            "AES-GCM open": self._aes_open,
            "HMAC-SM3": lambda data: lambda: _hmac_sm3(data),
            "HMAC-SHA256": lambda data: lambda: hmac.digest(b"k" * 32, data, "sha256"),
            "SHA-256": lambda data: lambda: hashlib.sha256(data).hexdigest(),
            "MD5": lambda data: lambda: hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "JSON write": _json_write, "JSON read": lambda data: lambda: json.loads(data),
            "XML write": _xml_write, "XML read": lambda data: lambda: etree.fromstring(data),
            "inner XML write": lambda data: _xml_write(inner(data)),
            "inner XML read": lambda data: _xml_read(inner(data)),
            "inner JSON write": lambda data: _json_write(inner(data)),
            "inner JSON read": lambda data: _json_read(inner(data)),
            "text split": lambda data: _split(inner(data).decode()),
            "GBK write": _gbk_write, "GBK read": lambda data: lambda: data.decode("gb18030"),
        }  # fmt: skip

    def cost(self, names: Sequence[str], data: bytes, seconds: float = 0.15) -> float:
        """CPU microseconds of all of them on these bytes."""
        return sum(micro(self._made[name](data), seconds) for name in names)

    def library(self) -> dict[str, float]:
        """CPU microseconds of each on about 1 KiB."""
        texts = {"JSON": TREE, "XML": DOCUMENT, "text": b"<s>" + b"field^" * 170 + b"</s>"}
        found = {}
        for name in self._made:
            if not name.startswith("inner "):
                data = next((text for kind, text in texts.items() if name.startswith(kind)), TEXT)
                found[name] = self.cost([name], data, 0.3)
        return found

    def _rsa_verify(self, data: bytes) -> Call:
        signed, public = self._rsa.sign(data, PKCS1v15(), hashes.SHA256()), self._rsa.public_key()
        return lambda: public.verify(signed, data, PKCS1v15(), hashes.SHA256())

    def _sm2_verify(self, data: bytes) -> Call:
        signed, public = sm2.sign(self._sm2, data), self._sm2.public
        return lambda: sm2.verify(public, data, signed)

    def _sm4_show(self, data: bytes) -> Call:
        hidden = sm4.encrypt(bytes(16), data, bytes(16))
        return lambda: sm4.decrypt(bytes(16), hidden, bytes(16))

    def _aes_open(self, data: bytes) -> Call:
        sealed = self._aead.encrypt(self._nonce, data, b"")
        return lambda: self._aead.decrypt(self._nonce, sealed, b"")


def inner(data: bytes) -> bytes:
    """The document or line inside a SOAP message: its longest text, with no declaration of an encoding."""
    texts = (text for one in etree.fromstring(data).iter() if (text := one.text))
    return re.sub(r"^\s*<\?xml.*?\?>", "", max(texts, key=len), count=1).encode()


def _hmac_sm3(data: bytes) -> bytes:
    mac = HMAC(b"k" * 32, hashes.SM3())
    mac.update(data)
    return mac.finalize()


def _json_write(data: bytes) -> Call:
    tree = json.loads(data)
    return lambda: orjson.dumps(tree)


def _json_read(data: bytes) -> Call:
    return lambda: json.loads(data)


def _xml_write(data: bytes) -> Call:
    tree = etree.fromstring(data)
    return lambda: etree.tostring(tree)


def _xml_read(data: bytes) -> Call:
    return lambda: etree.fromstring(data)


def _split(text: str) -> Call:
    return lambda: text.split("^")


def _gbk_write(data: bytes) -> Call:
    text = data.decode("gb18030")
    return lambda: text.encode("gb18030")
