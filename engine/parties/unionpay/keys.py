"""The merchant's signing key, and whom we believe as UnionPay: a root, a middle certificate and a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import BaseModel, ConfigDict, Field

BY_CERTIFICATE: Final = "01"
TEST_SIGNER: Final = "00040000:SIGN"


class Settings(BaseModel):
    """The connection to UnionPay. `sign_method`: 01 certificates (RSA), 11 a shared key with SHA-256, 12 with SM3.

    By certificate it needs `sign_certificate` and `sign_private_key` (ours, from the .pfx) and `root` and `middle`
    (theirs; a PEM may hold several while they change). `signer` is the third part of the common name of the
    certificate that answers are signed with; the test platform's is `00040000:SIGN`. `back_url` is where notices go.
    `file_url`: the file server, where it has another address. `clearing_hour`: when the clearing day ends (your
    acquirer says when; 24: at midnight). `fee_bp`: the fee agreed, in 1/10000 of the amount.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mer_id: str = Field(pattern=r"^[0-9A-Za-z]{15}$")
    sign_method: Literal["01", "11", "12"] = "01"
    sign_certificate: str = ""
    sign_private_key: str = Field(default="", repr=False)
    root: str = ""
    middle: str = ""
    signer: str = Field(default="中国银联股份有限公司", min_length=1, max_length=64)
    secure_key: str = Field(default="", pattern=r"^([\x21-\x7e]{16,128})?$", repr=False)
    back_url: str = Field(pattern=r"^https?://[^?#&\s]{1,240}$")
    channel_type: Literal["07", "08"] = "08"
    access_type: Literal["0", "1", "2"] = "0"
    term_id: str = Field(default="00000001", pattern=r"^[0-9A-Za-z]{8}$")
    file_url: str = Field(default="", pattern=r"^(https?://[^?#\s]{1,200})?$")
    clearing_hour: int = Field(default=23, ge=1, le=24)
    fee_bp: int = Field(default=0, ge=0, le=1000)


@dataclass(frozen=True, slots=True)
class Merchant:
    """Settings with the keys parsed; what `Outgoing.settings` carries. `cert_id`: decimal serial, "" with a key."""

    plain: Settings
    private_key: RSAPrivateKey | None = None
    cert_id: str = ""
    roots: tuple[x509.Certificate, ...] = ()
    middles: tuple[x509.Certificate, ...] = ()


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
