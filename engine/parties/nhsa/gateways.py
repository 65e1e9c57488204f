"""How a province's gateway wants a request authenticated: one profile each, chosen in the connection's settings."""

from __future__ import annotations

import base64
import hashlib
import hmac as hmac_std
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes, hmac

if TYPE_CHECKING:
    from engine.parties.nhsa.settings import Settings

Header = tuple[str, str]
Signer = Callable[["Settings", bytes, float, str], tuple[Header, ...]]


def x_ca_signature(secret: str, stamp: str, body: bytes) -> str:
    """`stamp:HEX`, upper hex HMAC-SM3 over `stamp \\n body` (Zhejiang)."""
    mac = hmac.HMAC(secret.encode(), hashes.SM3())
    mac.update(stamp.encode() + b"\n" + body)
    return f"{stamp}:{mac.finalize().hex().upper()}"


def tif_signature(token: str, stamp: str, nonce: str) -> str:
    """Hex SHA-256 of stamp, token, nonce, stamp (Guangdong, Hebei)."""
    return hashlib.sha256(f"{stamp}{token}{nonce}{stamp}".encode()).hexdigest()


def csb_signature(secret: str, fields: dict[str, str]) -> str:
    """Base64 HMAC-SHA1 over `k=v&k=v` with the names sorted (Jiangsu); the body is not signed."""
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac_std.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _none(_settings: Settings, _body: bytes, _now: float, _nonce: str) -> tuple[Header, ...]:
    return ()


def _tif(settings: Settings, _body: bytes, now: float, nonce: str) -> tuple[Header, ...]:
    stamp, name = str(int(now)), settings.tif_prefix
    return (
        (f"{name}-paasid", settings.access_key),
        (f"{name}-timestamp", stamp),
        (f"{name}-nonce", nonce),
        (f"{name}-signature", tif_signature(settings.secret, stamp, nonce)),
    )


def _x_ca(settings: Settings, body: bytes, now: float, _nonce: str) -> tuple[Header, ...]:
    return (
        ("x-ca-key", settings.access_key or settings.fixmedins_code),
        ("x-ca-signature", x_ca_signature(settings.secret, str(int(now)), body)),
    )


def _csb(settings: Settings, _body: bytes, now: float, _nonce: str) -> tuple[Header, ...]:
    fields = {
        "_api_name": settings.csb_api_name,
        "_api_version": settings.csb_api_version,
        "_api_access_key": settings.access_key,
        "_api_timestamp": str(int(now * (1000 if settings.csb_stamp == "ms" else 1))),
    }
    return (*fields.items(), ("_api_signature", csb_signature(settings.secret, fields)))


def _apikey(settings: Settings, _body: bytes, _now: float, _nonce: str) -> tuple[Header, ...]:
    return (("apikey", settings.secret),)


PROFILES: Final[dict[str, Signer]] = {
    "none": _none,
    "tif": _tif,
    "x-ca": _x_ca,
    "csb": _csb,
    "apikey": _apikey,
}
