"""The connection to the mobile payment platform, and its provincial habits of signing and hiding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import Field

from engine.codecs.gm import sm2
from engine.parties.mobile_pay import hiding
from engine.parties.mobile_pay.operations import PATHS
from engine.parties.settings import PartySettings


class Settings(PartySettings):
    """The connection to 医保移动支付: ids and keys as the bureau gave them, then what differs from province to
    province."""

    callback_keys: ClassVar[tuple[str, ...]] = ("platform_key",)

    org_code: str = Field(pattern=r"^[0-9A-Za-z]{1,30}$")
    """定点医药机构编号（orgCodg）
    · the institution's number (orgCodg)"""
    app_id: str = Field(pattern=r"^[\x21-\x7e]{16,64}$")
    """平台分配的应用编号（appId）；SM4 密钥也由它推出
    · the application's id given by the platform (appId); the SM4 key is derived from it too"""
    app_secret: str = Field(pattern=r"^[\x21-\x7e]{8,128}$", repr=False)
    """平台分配的应用密钥（appSecret）：在签名串末尾，SM4 密钥也由它推出
    · the application's secret (appSecret): it ends what is signed, and the SM4 key is derived from it"""
    private_key: str = Field(min_length=1, repr=False)
    """我方 SM2 私钥：十六进制、Base64 或 PEM
    · our SM2 private key: hexadecimal, Base64 or PEM"""
    platform_key: str = Field(min_length=1)
    """平台的 SM2 公钥，用来验签：十六进制、Base64 或 PEM
    · the platform's SM2 public key, which verifies: hexadecimal, Base64 or PEM"""
    cipher: Literal["ecb", "cbc"] = "ecb"
    """encData 的 SM4 模式；多数省用 ecb
    · the mode of SM4 for encData; most provinces use ecb"""
    iv: Literal["zero", "key"] = "zero"
    """cbc 的初始向量：zero 全零，key 就是密钥；ecb 不用
    · the vector of cbc: zero, or the key itself; ecb has none"""
    key_pick: Literal["first", "even"] = "first"
    """从推出的十六进制文本里取哪 16 位作 SM4 密钥：first 前 16 位，even 偶数位
    · which 16 of the derived hexadecimal characters are the SM4 key: the first, or those at even places"""
    output: Literal["hex", "base64"] = "hex"
    """encData 的编码：hex 大写十六进制，或 base64
    · how encData is written: upper-case hexadecimal, or Base64"""
    signer: Literal["secret", "default"] = "secret"
    """SM2 签名的用户标识：secret 即 app_secret，default 即国密默认的 1234567812345678
    · the SM2 user id: secret is app_secret, default is the standard's 1234567812345678"""
    joiner: str = Field(default="&key=", max_length=16)
    """签名串里参数与 app_secret 之间的文字
    · what stands between the parameters and app_secret in what is signed"""
    numbers: Literal["kept", "text"] = "kept"
    """签名串里的数字：kept 照写，text 写成带引号的文本
    · numbers in what is signed: kept as they are, or as text in quotes"""
    stamp: Literal["ms", "text"] = "ms"
    """信封的 timestamp：ms 自 1970 年的毫秒数，text 北京时间 yyyyMMddHHmmss
    · the envelope's timestamp: ms since 1970, or text, Beijing time as yyyyMMddHHmmss"""
    version: str = Field(default="2.0.1", pattern=r"^[0-9.]{1,16}$")
    """信封的版本号（见过 1.0.0、2.0.1）
    · the envelope's version (seen: 1.0.0, 2.0.1)"""
    prefix: str = Field(default="", pattern=r"^(/[^?#\s]*)?$")
    """加在各交易路径之前；空：不加
    · put before the path of every transaction; empty: nothing"""
    paths: dict[str, str] = Field(default_factory=dict)
    """本省不同的路径，交易编号: 以 / 开头的路径
    · paths that differ here, transaction: a path from /"""
    window_s: int = Field(default=600, ge=1, le=86_400)
    """平台通知（6302）的时间与本机最多差多少秒；差得更多的拒收，防止重放
    · seconds by which the time of a notice (6302) may differ from ours; others are refused, so that none is replayed"""


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
