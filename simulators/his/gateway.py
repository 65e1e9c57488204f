"""The gateway's guard: who signs, with what, how long ago, and never the same nonce twice."""

from __future__ import annotations

import hashlib
import hmac
from collections import deque

from simulators.base.wire import Req
from simulators.his.answers import Refusal

CLOCK_SECONDS = 300
NONCE_SECONDS = 600

FORM = "X-Sign = lower-case hex HMAC-SHA256(secret, X-Timestamp LF X-Nonce LF body), with X-App-Id; replies alike"


def signature(secret: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA256 over `timestamp LF nonce LF body`."""
    return hmac.new(secret.encode(), f"{timestamp}\n{nonce}\n".encode() + body, hashlib.sha256).hexdigest()


class Guard:
    """Checks requests of one application."""

    def __init__(self, app_id: str, secret: str) -> None:
        self._app_id, self._secret = app_id, secret
        self._seen: set[str] = set()
        self._order: deque[tuple[float, str]] = deque()

    def admit(self, req: Req, now: float) -> str:
        """The nonce of a well-signed request; Refusal otherwise."""
        app_id, timestamp, nonce, sign = (
            req.headers.get(name, "") for name in ("x-app-id", "x-timestamp", "x-nonce", "x-sign")
        )
        if app_id != self._app_id:
            raise Refusal("APP_UNKNOWN", "应用标识无效").at("X-App-Id", self._app_id, app_id)
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
            raise Refusal("TIMESTAMP_INVALID", "时间戳格式错误")
        if abs(int(timestamp) - now) > CLOCK_SECONDS:
            raise Refusal("TIMESTAMP_INVALID", "时间戳超出允许范围").at("X-Timestamp", f"within 300 s of {now:.0f}",
                timestamp)
        if not 0 < len(nonce) <= 64 or not nonce.isascii():
            raise Refusal("NONCE_INVALID", "随机串格式错误")
        if not hmac.compare_digest(signature(self._secret, timestamp, nonce, req.body), _ascii(sign)):
            wanted = f"hex HMAC-SHA256(secret, {timestamp} LF {nonce} LF body)"
            raise Refusal("SIGN_INVALID", "签名错误").at("X-Sign", wanted, sign)
        self._once(nonce, now)
        return nonce

    def _once(self, nonce: str, now: float) -> None:
        while self._order and self._order[0][0] <= now:
            self._seen.discard(self._order.popleft()[1])
        if nonce in self._seen:
            raise Refusal("NONCE_REPLAYED", "请求重复提交")
        self._seen.add(nonce)
        self._order.append((now + NONCE_SECONDS, nonce))

    def headers(self, timestamp: str, nonce: str, body: bytes) -> dict[str, str]:
        """The reply's own signature, over the request's nonce: a caller may check it."""
        return {"X-Timestamp": timestamp, "X-Nonce": nonce, "X-Sign": signature(self._secret, timestamp, nonce, body)}


def _ascii(text: str) -> str:
    return text if text.isascii() else ""
