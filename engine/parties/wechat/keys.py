"""The merchant's and the platform's keys, parsed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import Field

from engine.parties.bills import FeeBp
from engine.parties.settings import PartySettings


class Settings(PartySettings):
    """The connection to WeChat Pay."""

    callback_url: ClassVar[str] = "notify_url"
    callback_keys: ClassVar[tuple[str, ...]] = ("verify_keys",)

    appid: str = Field(min_length=1, max_length=32)
    """公众号（或应用）的 appid，须已与商户号绑定
    · the appid of the official account or app, bound to the merchant"""
    mchid: str = Field(pattern=r"^[0-9]{8,32}$")
    """微信支付商户号
    · the merchant's number at WeChat Pay"""
    merchant_serial: str = Field(pattern=r"^[0-9A-Fa-f]{8,64}$")
    """商户 API 证书的序列号（商户平台的“API 安全”里看）；换证书时与私钥一起换
    · serial of the merchant's API certificate (merchant platform, API security); changes together with the key"""
    merchant_private_key: str = Field(repr=False)
    """商户 API 私钥，PEM（apiclient_key.pem），RSA 2048 位以上，不带口令；给 v3 请求签名
    · the merchant's API key, PEM (apiclient_key.pem), RSA of 2048 bits or more, no password; signs requests of v3"""
    verify_keys: dict[str, str] = Field(min_length=1)
    """验签用的平台公钥，序列号: PEM；平台证书（十六进制序列号）与微信支付公钥（PUB_KEY_ID_…）写在一起，
    切换期间应答与通知由任一签名
    · keys the platform signs with, serial: PEM; platform certificates (hexadecimal serial) and public keys
    (PUB_KEY_ID_…) together, for while a merchant moves from one to the other either of them signs"""
    api_v3_key: str = Field(pattern=r"^[\x21-\x7e]{32}$", repr=False)
    """APIv3 密钥，用来解开通知与平台证书
    · the APIv3 key; opens notices and platform certificates"""
    api_v2_key: str = Field(default="", pattern=r"^([\x21-\x7e]{32})?$", repr=False)
    """APIv2 密钥，v2 的付款码接口用它签名；空：不能用 v2 付款码
    · the APIv2 key, which signs payment codes by v2; empty: no payment codes by v2"""
    v2_sign: Literal["MD5", "HMAC-SHA256"] = "HMAC-SHA256"
    """v2 接口的签名算法，随请求告诉微信（sign_type）
    · how v2 is signed; each request says it (sign_type)"""
    wechatpay_serial: str = Field(default="", max_length=64)
    """请求头 Wechatpay-Serial 里写的公钥编号（PUB_KEY_ID_…），须在 verify_keys 里；空：平台证书模式
    · the public key's id to name in requests (Wechatpay-Serial), one of verify_keys; empty: certificate mode"""
    notify_url: str = Field(pattern=r"^https?://[^?#\s]{1,240}$")
    """支付与退款结果的通知地址，微信从外网访问；收不到也不影响结果，只是慢一点
    · where WeChat sends results, reached from outside; nothing depends on them, they only make it faster"""
    client_ip: str = Field(default="127.0.0.1", max_length=45)
    """v2 付款码支付上报的终端 IP（spbill_create_ip）；映射里写了就用映射的
    · the terminal's IP told with v2 payment codes (spbill_create_ip), unless the map says another"""
    mini_appid: str = Field(default="", max_length=32)
    """同一商户的小程序 appid；空：没有小程序，mini 不能用
    · the appid of the same merchant's mini program; empty: there is none, and no mini orders"""
    codepay: bool = False
    """微信是否已为本商户开通 v3 付款码（codepay、code_reverse）；no：付款码走 v2
    · whether WeChat opened v3 payment codes (codepay, code_reverse) to this merchant; no: they go by v2"""
    fee_bp: FeeBp = 0
    fund_accounts: tuple[Literal["BASIC", "OPERATION", "FEES"], ...] = Field(default=("BASIC",), max_length=3)
    """对账另读哪些账户的资金账单：BASIC 基本，OPERATION 运营，FEES 手续费；商户没有下载权限时写 []
    · the accounts whose fund flow bills the books read: basic, operation, fees; [] where the merchant may not fetch
    them"""
    med_ins_test_env: bool = False
    """混合支付（/v3/med-ins）的订单可否声明走医保测试环境；生产必须为 no
    · whether a mixed order (/v3/med-ins) may say that it goes to the bureau's test environment; never in production"""


@dataclass(frozen=True, slots=True)
class Merchant:
    """Settings with the keys parsed; what `Outgoing.settings` carries. `verify_keys` by `same_serial`."""

    plain: Settings
    private_key: RSAPrivateKey
    verify_keys: Mapping[str, RSAPublicKey]


def same_serial(serial: str) -> str:
    """One form of a serial: some write it in lower case, some without leading zeros."""
    return serial.upper().lstrip("0")


def opened(settings: Settings) -> Merchant:
    """Parse all keys; ValueError names the field that is wrong."""
    try:
        private = load_pem_private_key(settings.merchant_private_key.encode(), None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"merchant_private_key: not a PEM private key without password ({error})") from None
    if not isinstance(private, RSAPrivateKey) or private.key_size < 2048:
        raise ValueError("merchant_private_key: an RSA key of at least 2048 bits is wanted")
    keys = {same_serial(serial): public_key(serial, pem) for serial, pem in settings.verify_keys.items()}
    if len(keys) != len(settings.verify_keys):
        raise ValueError("verify_keys: a serial is given twice")
    if settings.wechatpay_serial and same_serial(settings.wechatpay_serial) not in keys:
        raise ValueError("wechatpay_serial: its public key is missing in verify_keys")
    return Merchant(settings, private, keys)


def public_key(serial: str, pem: str) -> RSAPublicKey:
    """The RSA key of a certificate or a public key in PEM; ValueError names the serial."""
    try:
        if "BEGIN CERTIFICATE" in pem:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            if int(serial, 16) != certificate.serial_number:
                raise ValueError("the certificate has another serial")
            key = certificate.public_key()
        else:
            key = load_pem_public_key(pem.encode())  # type: ignore[assignment]  # all kinds of keys; judged below
    except ValueError as error:
        raise ValueError(f"verify_keys: {serial}: {error}") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError(f"verify_keys: {serial}: an RSA key is wanted")
    return key
