"""The application's and Alipay's keys, parsed once, in public key mode or in certificate mode."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import NameOID
from pydantic import Field, model_validator

from engine.parties.bills import FeeBp
from engine.parties.rsa2 import private_key, public_key
from engine.parties.settings import PartySettings

_RSA_SIGNATURES: Final = "1.2.840.113549.1.1."
_ISSUER: Final = (
    ("CN", NameOID.COMMON_NAME), ("OU", NameOID.ORGANIZATIONAL_UNIT_NAME),
    ("O", NameOID.ORGANIZATION_NAME), ("C", NameOID.COUNTRY_NAME),
)  # fmt: skip
PUBLIC_KEY: Final = ""  # the name of Alipay's only key in public key mode


class Settings(PartySettings):
    """The connection to Alipay's gateway, in public key mode or in certificate mode: exactly one of the two."""

    callback_url: ClassVar[str] = "notify_url"
    callback_keys: ClassVar[tuple[str, ...]] = ("alipay_public_key", "alipay_certificate")

    app_id: str = Field(pattern=r"^[0-9]{8,32}$")
    """开放平台的应用编号
    · the application's id at the open platform"""
    seller_id: str = Field(pattern=r"^2088[0-9]{12}$")
    """收款方的支付宝账号（PID）；通知里的收款方须与它一致
    · the payee's account (PID); notices must name it"""
    app_private_key: str = Field(repr=False)
    """应用私钥，PEM，RSA 2048 位以上，不带口令；给请求签名
    · the application's private key, PEM, RSA of 2048 bits or more, no password; signs requests"""
    alipay_public_key: str = ""
    """公钥模式：支付宝公钥（不是应用公钥），PEM：平台给的 Base64 要加上头尾两行；空：证书模式
    · public key mode: Alipay's key (not the application's), PEM: the platform shows Base64, its two frame lines are
    to be added; empty: certificate mode"""
    app_certificate: str = ""
    """证书模式：应用公钥证书，PEM（appCertPublicKey.crt），须与 app_private_key 成对
    · certificate mode: the application's certificate, PEM (appCertPublicKey.crt), of app_private_key"""
    alipay_certificate: str = ""
    """证书模式：支付宝公钥证书及其中级证书，PEM；更换期间新旧证书都放进来
    · certificate mode: Alipay's certificate and those between it and the root, PEM; while Alipay changes it, the old
    and the new one"""
    alipay_root_certificate: str = ""
    """证书模式：支付宝根证书，PEM（alipayRootCert.crt）
    · certificate mode: Alipay's root certificates, PEM (alipayRootCert.crt)"""
    notify_url: str = Field(pattern=r"^https?://[^?#\s]{1,240}$")
    """支付结果的通知地址，支付宝从外网访问；收不到也不影响结果，只是慢一点
    · where Alipay sends results, reached from outside; nothing depends on them, they only make it faster"""
    endpoint: str = Field(default="/gateway.do", pattern=r"^/[A-Za-z0-9._/-]{1,100}$")
    """网关的路径
    · the gateway's path"""
    app_auth_token: str = Field(default="", max_length=64, repr=False)
    """服务商代医院调用时的应用授权令牌；空：医院自己的应用
    · the token by which a provider acts for the hospital; empty: the hospital's own application"""
    bill_hosts: tuple[str, ...] = ("dwbillcenter.alipay.com",)
    """对账单下载链接可以指向的主机，本连接的地址之外；别处的链接不访问
    · hosts that links to bills may lead to, besides this connection's address; no other is called"""
    fee_bp: FeeBp = 0
    fund_accounts: tuple[Literal["signcustomer"], ...] = ("signcustomer",)
    """对账另读的账务明细（签约账户的收支）；[]：不读
    · the account bills that the books read besides the trades; []: none"""

    @model_validator(mode="after")
    def _one_mode(self) -> Self:
        certificates = (self.app_certificate, self.alipay_certificate, self.alipay_root_certificate)
        if self.alipay_public_key and any(certificates):
            raise ValueError("alipay_public_key: not together with certificates")
        if not self.alipay_public_key and not all(certificates):
            raise ValueError(
                "alipay_public_key, or app_certificate, alipay_certificate and alipay_root_certificate, are wanted"
            )
        return self


@dataclass(frozen=True, slots=True)
class Seller:
    """Settings with the keys parsed; what `Outgoing.settings` carries.

    `verify_keys`: certificate number → Alipay's key; in public key mode the one key under "".
    `app_cert_sn`, `root_cert_sn`: sent with each request of certificate mode, "" otherwise.
    """

    plain: Settings
    private_key: RSAPrivateKey
    verify_keys: Mapping[str, RSAPublicKey]
    app_cert_sn: str = ""
    root_cert_sn: str = ""


def certificate_number(certificate: x509.Certificate) -> str:
    """Alipay's number of a certificate: MD5 in hex of the issuer's CN, OU, O, C and the decimal serial."""
    parts = []
    for short, oid in _ISSUER:
        found = certificate.issuer.get_attributes_for_oid(oid)
        if found:
            parts.append(f"{short}={found[0].value!s}")
    text = ",".join(parts) + str(certificate.serial_number)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def root_number(roots: Sequence[x509.Certificate]) -> str:
    """The numbers of the RSA roots, joined by `_`: the file holds roots of other algorithms too."""
    return "_".join(certificate_number(root) for root in roots if _is_rsa(root))


def opened(settings: Settings) -> Seller:
    """Parse all keys; ValueError names the field that is wrong."""
    private = private_key("app_private_key", settings.app_private_key)
    if settings.alipay_public_key:
        return Seller(settings, private, {PUBLIC_KEY: public_key("alipay_public_key", settings.alipay_public_key)})
    roots = _certificates("alipay_root_certificate", settings.alipay_root_certificate)
    own = _certificates("app_certificate", settings.app_certificate)[0]
    if own.public_key() != private.public_key():
        raise ValueError("app_certificate: it is not the certificate of app_private_key")
    chain = _certificates("alipay_certificate", settings.alipay_certificate)
    keys = {certificate_number(one): _trusted(one, chain, roots) for one in chain if not _is_authority(one)}
    if not keys:
        raise ValueError("alipay_certificate: Alipay's own certificate is not in it")
    return Seller(settings, private, keys, certificate_number(own), root_number(roots))


def _certificates(field: str, pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise ValueError(f"{field}: not a PEM certificate ({error})") from None


def _is_rsa(certificate: x509.Certificate) -> bool:
    return certificate.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURES)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _trusted(
    one: x509.Certificate, chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> RSAPublicKey:
    """The key of a certificate that a root vouches for, directly or through authorities of the chain."""
    key = one.public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("alipay_certificate: an RSA certificate is wanted")
    at = one
    for _ in range(len(chain) + 1):
        if any(_issued(root, at) for root in roots):
            return key
        above = next((c for c in chain if c is not at and _is_authority(c) and _issued(c, at)), None)
        if above is None:
            break
        at = above
    raise ValueError("alipay_certificate: no certificate of alipay_root_certificate vouches for it")


def _issued(above: x509.Certificate, below: x509.Certificate) -> bool:
    """Whether `above` signed `below`; False for algorithms other than RSA."""
    if above.subject != below.issuer or not _is_rsa(below):
        return False
    key, how = above.public_key(), below.signature_hash_algorithm
    if not isinstance(key, RSAPublicKey) or how is None:
        return False
    try:
        key.verify(below.signature, below.tbs_certificate_bytes, PKCS1v15(), how)
    except InvalidSignature:
        return False
    return True
