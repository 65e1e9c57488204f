"""The merchant's signing key, and whom we believe as UnionPay: a root, a middle certificate and a name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field

from engine.parties.bills import FeeBp
from engine.parties.settings import PartySettings

BY_CERTIFICATE: Final = "01"
TEST_SIGNER: Final = "00040000:SIGN"


class Settings(PartySettings):
    """The connection to UnionPay: signed by certificate, or by a shared key."""

    callback_url: ClassVar[str] = "back_url"
    callback_keys: ClassVar[tuple[str, ...]] = ("root", "secure_key")

    mer_id: str = Field(pattern=r"^[0-9A-Za-z]{15}$")
    """商户号，收单机构分配
    · the merchant's number, given by the acquirer"""
    sign_method: Literal["01", "11", "12"] = "01"
    """签名方式（全渠道 5.1.0）：01 证书（RSA），11 共用密钥 SHA-256，12 共用密钥 SM3
    · how both sides sign (5.1.0): 01 certificates (RSA), 11 a shared key with SHA-256, 12 with SM3"""
    sign_certificate: str = ""
    """商户签名证书，PEM（从 .pfx 导出）；01 必须有
    · our certificate, PEM (from the .pfx); 01 needs it"""
    sign_private_key: str = Field(default="", repr=False)
    """商户签名私钥，PEM（从 .pfx 导出），RSA 2048 位以上，不带口令；01 必须有
    · our private key, PEM (from the .pfx), RSA of 2048 bits or more, no password; 01 needs it"""
    root: str = ""
    """银联根证书，PEM；更换期间可放多张；01 必须有
    · UnionPay's root certificate, PEM, several while it changes; 01 needs it"""
    middle: str = ""
    """银联中级证书，PEM；更换期间可放多张；01 必须有
    · UnionPay's middle certificate, PEM, several while it changes; 01 needs it"""
    signer: str = Field(default="中国银联股份有限公司", min_length=1, max_length=64)
    """应答签名证书的名称（CN 以 @ 分开的第三段）必须是它；测试环境写 00040000:SIGN
    · whose certificate must sign answers: the third part of its common name (between @); the test platform's is
    00040000:SIGN"""
    secure_key: str = Field(default="", pattern=r"^([\x21-\x7e]{16,128})?$", repr=False)
    """11 与 12 的共用密钥
    · the shared key of 11 and 12"""
    back_url: str = Field(pattern=r"^https?://[^?#&\s]{1,240}$")
    """后台通知地址，银联从外网访问；收不到也不影响结果，只是慢一点
    · where UnionPay sends results, reached from outside; nothing depends on them, they only make it faster"""
    channel_type: Literal["07", "08"] = "08"
    """渠道类型 channelType：07 互联网（PC），08 移动；按收单机构的要求
    · channelType: 07 internet (PC), 08 mobile; as the acquirer says"""
    access_type: Literal["0", "1", "2"] = "0"
    """接入类型 accessType：0 商户直连，1 收单机构接入，2 平台商户接入
    · accessType: 0 the merchant itself, 1 through an acquirer, 2 through a platform merchant"""
    term_id: str = Field(default="00000001", pattern=r"^[0-9A-Za-z]{8}$")
    """付款码（scan）上报的终端号
    · the terminal's number told with payment codes (scan)"""
    file_url: str = Field(default="", pattern=r"^(https?://[^?#\s]{1,200})?$")
    """对账文件服务器的地址；空：与连接的地址相同
    · the address of the file server; empty: the connection's own"""
    clearing_hour: int = Field(default=23, ge=1, le=24)
    """清算日在几点结束（北京时间的小时，24 为半夜），问收单机构；对账文件按它分日
    · the hour at which the clearing day ends (Beijing, 24: midnight), as the acquirer says; day files are cut there"""
    fee_bp: FeeBp = 0


@dataclass(frozen=True, slots=True)
class Proven:
    """The key of a certificate whose chain was checked, and the time in which all of the chain is valid: both ends
    included, unix seconds."""

    key: RSAPublicKey
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Merchant:
    """Settings with the keys parsed; what `Outgoing.settings` carries. `cert_id`: decimal serial, "" with a key.
    `proven`: certificates (as they came, PEM) that these very roots, middles and signer were found to stand for; other
    settings are another Merchant, which has found nothing yet.
    """

    plain: Settings
    private_key: RSAPrivateKey | None = None
    cert_id: str = ""
    roots: tuple[x509.Certificate, ...] = ()
    middles: tuple[x509.Certificate, ...] = ()
    proven: dict[str, Proven] = field(init=False, default_factory=dict, compare=False, repr=False)


def opened(settings: Settings) -> Merchant:
    """Parse all keys; ValueError names the field that is wrong."""
    if settings.sign_method != BY_CERTIFICATE:
        if not settings.secure_key:
            raise ValueError("secure_key: sign_method 11 and 12 need it")
        return Merchant(settings)
    own = _certificates("sign_certificate", settings.sign_certificate)[0]
    try:
        private = load_pem_private_key(settings.sign_private_key.encode(), None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"sign_private_key: not a PEM private key without password ({error})") from None
    if not isinstance(private, RSAPrivateKey) or private.key_size < 2048:
        raise ValueError("sign_private_key: an RSA key of at least 2048 bits is wanted")
    public = own.public_key()
    if not isinstance(public, RSAPublicKey) or public.public_numbers() != private.public_key().public_numbers():
        raise ValueError("sign_certificate: it is not the certificate of sign_private_key")
    return Merchant(
        settings,
        private,
        str(own.serial_number),
        _certificates("root", settings.root),
        _certificates("middle", settings.middle),
    )


def _certificates(field: str, pem: str) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError as error:
        raise ValueError(f"{field}: not a certificate in PEM ({error})") from None
