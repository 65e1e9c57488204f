"""The connection to a commercial insurer's gateway, and its keys parsed once."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from pydantic import Field, model_validator

from engine.parties.rsa2 import holds, private_key, public_key, signed
from engine.parties.settings import PartySettings


class Settings(PartySettings):
    """The connection to the insurer: signed with RSA keys, or with a shared secret."""

    app_id: str = Field(min_length=1, max_length=64)
    """保险公司（或其第三方管理公司）给本院的应用编号
    · the application's id given by the insurer or its administrator"""
    hospital: str = Field(min_length=1, max_length=32)
    """保险公司对本院的机构编号（hospitalCode）
    · the hospital's number at the insurer (hospitalCode)"""
    sign_type: Literal["RSA2", "HMAC"] = "RSA2"
    """签名方式：RSA2 用 private_key 与 insurer_key，HMAC 用 secret；两种不能同时写
    · how both sides sign: RSA2 wants private_key and insurer_key, HMAC wants secret; never both"""
    private_key: str = Field(default="", repr=False)
    """RSA2：我方私钥，PEM
    · RSA2: our private key, PEM"""
    insurer_key: str = ""
    """RSA2：保险公司的公钥，PEM
    · RSA2: the insurer's public key, PEM"""
    secret: str = Field(default="", repr=False)
    """HMAC：共用密钥，16 字以上（HMAC-SHA256）
    · HMAC: the shared secret, 16 characters or more (HMAC-SHA256)"""
    path: str = Field(default="/claims/gateway", pattern=r"^/[A-Za-z0-9._/-]{1,100}$")
    """网关的路径，所有请求都到这里
    · the gateway's only path"""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.sign_type == "HMAC" and (len(self.secret) < 16 or self.private_key or self.insurer_key):
            raise ValueError("sign_type HMAC wants secret (16 characters or more) and no keys")
        if self.sign_type == "RSA2" and (self.secret or not self.private_key or not self.insurer_key):
            raise ValueError("sign_type RSA2 wants private_key and insurer_key, and no secret")
        return self


@dataclass(frozen=True, slots=True)
class Opened:
    """Settings with the keys parsed; `ours` and `theirs` are None where a secret signs."""

    plain: Settings
    ours: RSAPrivateKey | None
    theirs: RSAPublicKey | None

    def sign(self, message: bytes) -> str:
        """Base64 of RSA2, or lower-case hex HMAC-SHA256."""
        return self._mac(message) if self.ours is None else signed(self.ours, message)

    def proves(self, message: bytes, signature: str) -> bool:
        """Whether the insurer signed this message."""
        if self.theirs is None:
            return hmac.compare_digest(self._mac(message).encode(), signature.encode())
        return holds(self.theirs, message, signature)

    def _mac(self, message: bytes) -> str:
        return hmac.new(self.plain.secret.encode(), message, hashlib.sha256).hexdigest()


def opened(settings: Settings) -> Opened:
    """Parse the keys; ValueError names the field that is wrong."""
    if settings.sign_type == "HMAC":
        return Opened(settings, None, None)
    return Opened(
        settings, private_key("private_key", settings.private_key), public_key("insurer_key", settings.insurer_key)
    )
