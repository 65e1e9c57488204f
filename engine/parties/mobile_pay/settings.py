"""The connection to the mobile payment platform, and its provincial habits of signing and hiding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.codecs.gm import sm2
from engine.parties.mobile_pay import hiding
from engine.parties.mobile_pay.operations import PATHS


class Settings(BaseModel):
    """The connection to 医保移动支付. `app_id`, `app_secret`: as the bureau gave them; `private_key`: ours and
    `platform_key`: theirs, each as hexadecimal, Base64 or PEM.

    What differs from province to province: `cipher` (ecb, cbc), `iv` of cbc (zero, key), `key_pick`: which 16 of the 32
    or more hexadecimal characters are the key (first, even places), `output` (hex, base64), `signer`: the SM2 user id
    (secret: the app_secret; default: 1234567812345678), `joiner` before the secret at the end of what is signed,
    `numbers`: how numbers stand in it (kept, text), `stamp` (ms, text), `version`, `prefix` and `paths` (transaction →
    path). `window_s`: seconds a callback's time may differ from ours.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    org_code: str = Field(pattern=r"^[0-9A-Za-z]{1,30}$")
    app_id: str = Field(pattern=r"^[\x21-\x7e]{16,64}$")
    app_secret: str = Field(pattern=r"^[\x21-\x7e]{8,128}$", repr=False)
    private_key: str = Field(min_length=1, repr=False)
    platform_key: str = Field(min_length=1)
    cipher: Literal["ecb", "cbc"] = "ecb"
    iv: Literal["zero", "key"] = "zero"
    key_pick: Literal["first", "even"] = "first"
    output: Literal["hex", "base64"] = "hex"
    signer: Literal["secret", "default"] = "secret"
    joiner: str = Field(default="&key=", max_length=16)
    numbers: Literal["kept", "text"] = "kept"
    stamp: Literal["ms", "text"] = "ms"
    version: str = Field(default="2.0.1", pattern=r"^[0-9.]{1,16}$")
    prefix: str = Field(default="", pattern=r"^(/[^?#\s]*)?$")
    paths: dict[str, str] = Field(default_factory=dict)
    window_s: int = Field(default=600, ge=1, le=86_400)


@dataclass(frozen=True, slots=True)
class Opened:
    """Settings with the keys parsed; what `Outgoing.settings` carries. `hidden_by`: the SM4 key of id and secret."""

    plain: Settings
    private: sm2.PrivateKey
    platform: sm2.PublicKey
    hidden_by: bytes = field(repr=False)

    @property
    def signer(self) -> bytes:
        """The SM2 user id of both sides."""
        return self.plain.app_secret.encode() if self.plain.signer == "secret" else sm2.SIGNER


def opened(settings: Settings) -> Opened:
    """Parse the keys; ValueError names the field that is wrong."""
    for code, path in settings.paths.items():
        if code not in PATHS or not path.startswith("/"):
            raise ValueError(f"paths: {code}: {path}: a known transaction and a path from / are wanted")
    try:
        private = sm2.private_key(settings.private_key)
    except ValueError as no:
        raise ValueError(f"private_key: {no}") from None
    try:
        platform = sm2.public_key(settings.platform_key)
    except ValueError as no:
        raise ValueError(f"platform_key: {no}") from None
    return Opened(settings, private, platform, hiding.key_of(settings.app_id, settings.app_secret, settings.key_pick))
