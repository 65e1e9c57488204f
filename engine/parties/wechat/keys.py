"""The merchant's and the platform's keys, parsed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """The connection to WeChat Pay.

    `verify_keys`: serial → PEM, platform certificates (hex serial) and public keys (`PUB_KEY_ID_…`) together:
    while a merchant moves from one to the other, answers and callbacks come signed by either.
    `med_ins_test_env`: whether a mixed order (`/v3/med-ins`) may say that it goes to the bureau's test environment.
    `wechatpay_serial` is the public key id to name in requests, empty in certificate mode. `notify_url` has no
    query string. `mini_appid`: the mini program of the same merchant, where there is one. `codepay`: WeChat has opened
    v3 payment codes to this merchant (`codepay`, `code_reverse`); without it they go by v2. `fee_bp`: the fee agreed,
    in 1/10000 of the amount; bills are checked by it. `fund_accounts`: the accounts whose fund flow bills the books
    read (资金账单); [] where the merchant may not fetch them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    appid: str = Field(min_length=1, max_length=32)
    mchid: str = Field(pattern=r"^[0-9]{8,32}$")
    merchant_serial: str = Field(pattern=r"^[0-9A-Fa-f]{8,64}$")
    merchant_private_key: str = Field(repr=False)
    verify_keys: dict[str, str] = Field(min_length=1)
    api_v3_key: str = Field(pattern=r"^[\x21-\x7e]{32}$", repr=False)
    api_v2_key: str = Field(default="", pattern=r"^([\x21-\x7e]{32})?$", repr=False)
    v2_sign: Literal["MD5", "HMAC-SHA256"] = "HMAC-SHA256"
    wechatpay_serial: str = Field(default="", max_length=64)
    notify_url: str = Field(pattern=r"^https?://[^?#\s]{1,240}$")
    client_ip: str = Field(default="127.0.0.1", max_length=45)
    mini_appid: str = Field(default="", max_length=32)
    codepay: bool = False
    fee_bp: int = Field(default=0, ge=0, le=1000)
    fund_accounts: tuple[Literal["BASIC", "OPERATION", "FEES"], ...] = Field(default=("BASIC",), max_length=3)
    med_ins_test_env: bool = False


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
