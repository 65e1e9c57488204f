"""Gateway authentication, one profile per province; only what stands before the interface itself.

`check` answers "" when the call may pass, otherwise the reason. Replays are remembered ten minutes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import hmac as keyed

PROFILES = ("none", "tif", "x-ca", "csb", "apikey")
GATE_FORMS: Mapping[str, str] = {
    "none": "",
    "tif": "x-tif-signature = hex SHA-256(timestamp + token + nonce + timestamp), x-tif-timestamp in seconds, "
    "x-tif-nonce once, x-tif-paasid (x-rio-… alike)",
    "x-ca": "x-ca-signature = timestamp:UPPERHEX(HMAC-SM3(secret, timestamp LF body)), timestamp in seconds, x-ca-key",
    "csb": "_api_signature = Base64 HMAC-SHA1 over _api_access_key, _api_name, _api_timestamp, _api_version as "
    "k=v joined by &, timestamp in seconds or milliseconds",
    "apikey": "apikey",
}
SKEW = 180.0  # seconds between the caller's clock and the gateway's
NONCE_MEMORY = 600.0  # seconds a nonce stays used


@dataclass
class Secrets:
    """What the bureau handed to the hospital for each profile (test values)."""

    tif_paasid: str = "SIMPAASID"
    tif_token: str = "SIMTOKEN"  # noqa: S105 - test values, published in the card
    xca_key: str = "H37020000000"
    xca_secret: str = "SIMSECRET"  # noqa: S105 - as above
    csb_access_key: str = "SIMAK"
    csb_secret: str = "SIMSK"  # noqa: S105 - as above
    csb_api_name: str = "hssServives"
    csb_api_version: str = "1.0.0"
    apikey: str = "SIMAPIKEY"


def tif_signature(timestamp: str, token: str, nonce: str) -> str:
    """Hex SHA-256 of timestamp + token + nonce + timestamp."""
    return hashlib.sha256(f"{timestamp}{token}{nonce}{timestamp}".encode()).hexdigest()


def xca_signature(timestamp: str, secret: str, body: bytes) -> str:
    """`timestamp:UPPERHEX(HMAC-SM3(secret, timestamp \\n body))`."""
    mac = keyed.HMAC(secret.encode(), hashes.SM3())
    mac.update(timestamp.encode() + b"\n" + body)
    return f"{timestamp}:{mac.finalize().hex().upper()}"


def csb_signature(headers: Mapping[str, str], secret: str) -> str:
    """Base64 HMAC-SHA1 over the four `_api_*` fields but the signature, keys sorted, `k=v` joined by &."""
    names = ("_api_access_key", "_api_name", "_api_timestamp", "_api_version")
    text = "&".join(f"{name}={headers.get(name, '')}" for name in names)
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


@dataclass
class Gateway:
    """The gate of one bureau: the profile in force, the clock, the nonces seen."""

    now: Callable[[], float]  # unix seconds
    profile: str = "tif"
    secrets: Secrets = field(default_factory=Secrets)
    _seen: set[str] = field(default_factory=set)
    _order: deque[tuple[float, str]] = field(default_factory=deque)

    def check(self, headers: Mapping[str, str], body: bytes) -> str:
        """Why the call may not pass, in the gateway's words; "" when it may. `headers` have lower-case names."""
        match self.profile:
            case "tif":
                return self._tif(headers)
            case "x-ca":
                return self._xca(headers, body)
            case "csb":
                return self._csb(headers)
            case "apikey":
                return self._apikey(headers)
        return ""

    def _tif(self, headers: Mapping[str, str]) -> str:
        family = "x-tif" if "x-tif-signature" in headers else "x-rio"
        paasid, stamp, nonce, signature = (
            headers.get(f"{family}-{name}", "") for name in ("paasid", "timestamp", "nonce", "signature")
        )
        if not (paasid and stamp and nonce and signature):
            return "missing x-tif headers"
        if paasid != self.secrets.tif_paasid:
            return "paasid not found"
        if self._stale(stamp, 1.0):
            return "timestamp expired"
        if not _equal(signature.lower(), tif_signature(stamp, self.secrets.tif_token, nonce)):
            return "signature invalid"
        return "nonce already used" if self._replayed(nonce) else ""

    def _xca(self, headers: Mapping[str, str], body: bytes) -> str:
        stamp, _, digest = headers.get("x-ca-signature", "").partition(":")
        if headers.get("x-ca-key") != self.secrets.xca_key:
            return "x-ca-key not found"
        if self._stale(stamp, 1.0):
            return "timestamp expired"
        good = _equal(f"{stamp}:{digest.upper()}", xca_signature(stamp, self.secrets.xca_secret, body))
        return "" if good else "signature invalid"

    def _csb(self, headers: Mapping[str, str]) -> str:
        s = self.secrets
        expected = (s.csb_access_key, s.csb_api_name, s.csb_api_version)
        if tuple(headers.get(f"_api_{n}", "") for n in ("access_key", "name", "version")) != expected:
            return "api or access key not found"
        stamp = headers.get("_api_timestamp", "")
        # one city sends seconds, another milliseconds: thirteen digits are milliseconds
        if self._stale(stamp, 1000.0 if len(stamp) >= 13 else 1.0):
            return "timestamp expired"
        return "" if _equal(headers.get("_api_signature", ""), csb_signature(headers, s.csb_secret)) \
            else "signature invalid"

    def _apikey(self, headers: Mapping[str, str]) -> str:
        return "" if _equal(headers.get("apikey", ""), self.secrets.apikey) else "apikey invalid"

    def _stale(self, stamp: str, unit: float) -> bool:
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 15:
            return True
        return abs(self.now() - int(stamp) / unit) > SKEW

    def _replayed(self, nonce: str) -> bool:
        now = self.now()
        while self._order and self._order[0][0] <= now - NONCE_MEMORY:
            self._seen.discard(self._order.popleft()[1])
        if nonce in self._seen:
            return True
        self._seen.add(nonce)
        self._order.append((now, nonce))
        return False

    def forget(self) -> None:
        """An empty nonce memory, as after a restart."""
        self._seen.clear()
        self._order.clear()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
