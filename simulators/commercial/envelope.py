"""The gateway's envelope: sorted `k=v` signed both ways, RSA with SHA-256 or HMAC-SHA256."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from simulators.base.objection import Objecting
from simulators.base.wire import loads
from simulators.base.world import BEIJING, SimWorld

APP_ID = "SBHOSP01"
HOSPITAL = "H37020000000"
FIELDS = ("appId", "hospitalCode", "service", "version", "timestamp", "nonce", "signType", "bizContent", "sign")
FORM = ("over the fields but sign, sorted, k=v joined by &: RSA2 is Base64 of SHA256withRSA, "
        "HMAC is lower-case hex HMAC-SHA256")
WINDOW = 600.0  # seconds a request's time may be off
CLIENT, INSURER = "commercial-client", "commercial-insurer"


class Refusal(Objecting):
    """The insurer's no: a code and its words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def plain(fields: Mapping[str, str]) -> bytes:
    """What is signed."""
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "sign" and fields[name]).encode()


class Seal:
    """Both sides' keys; what was seen of nonces."""

    def __init__(self, world: SimWorld) -> None:
        self._world, self._keys = world, world.keys
        self.secret = world.keys.secret("commercial")
        self.seen: set[str] = set()

    def sign(self, fields: Mapping[str, str], how: str) -> str:
        """The insurer's signature."""
        if how == "HMAC":
            return self._mac(fields)
        made = self._keys.rsa(INSURER).sign(plain(fields), padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(made).decode()

    def _mac(self, fields: Mapping[str, str]) -> str:
        return hmac.new(self.secret.encode(), plain(fields), hashlib.sha256).hexdigest()

    def _signed(self, fields: Mapping[str, str]) -> bool:
        if fields["signType"] == "HMAC":
            return hmac.compare_digest(self._mac(fields).encode(), fields["sign"].encode())
        try:
            self._keys.rsa(CLIENT).public_key().verify(
                base64.b64decode(fields["sign"], validate=True), plain(fields), padding.PKCS1v15(), hashes.SHA256()
            )
        except (InvalidSignature, ValueError):
            return False
        return True

    def opened(self, outer: Any) -> tuple[str, dict[str, Any]]:
        """The service and the business content of a well-signed request; Refusal otherwise."""
        if not isinstance(outer, dict):
            raise Refusal("4000", "报文不是JSON对象")
        for name in FIELDS:
            if not isinstance(outer.get(name), str) or not outer[name]:
                raise Refusal("4000", f"参数{name}不能为空").at(name, "text, required", outer.get(name))
        if unknown := sorted(outer.keys() - set(FIELDS)):
            raise Refusal("4000", f"未知参数{unknown[0]}").at(unknown[0], "no other fields")
        if outer["signType"] not in ("RSA2", "HMAC"):
            raise Refusal("4001", "不支持的签名方式").at("signType", "RSA2 or HMAC", outer["signType"])
        if (outer["appId"], outer["hospitalCode"]) != (APP_ID, HOSPITAL):
            raise Refusal("4002", "应用或医院未登记").at("appId, hospitalCode", f"{APP_ID}, {HOSPITAL}", outer["appId"])
        if not self._signed(outer):
            raise Refusal("4001", "签名验证失败").at("sign", "over the sorted fields k=v&k=v but sign", outer["sign"])
        self._fresh(outer["timestamp"], outer["nonce"])
        try:
            content = loads(outer["bizContent"], parse_float=Decimal)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise Refusal("4000", "bizContent不是JSON对象").at("bizContent", "a JSON object as text")
        return outer["service"], content

    def _fresh(self, stamp: str, nonce: str) -> None:
        try:
            at = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).timestamp()
        except ValueError:
            raise Refusal("4003", "时间戳格式错误").at("timestamp", "yyyy-MM-dd HH:mm:ss", stamp) from None
        if abs(at - self._world.signing()) > WINDOW:
            raise Refusal("4003", "时间戳超出允许范围").at("timestamp", f"within {WINDOW:g} s", stamp)
        if not 16 <= len(nonce) <= 64 or nonce in self.seen:
            raise Refusal("4003", "随机串重复或长度错误").at("nonce", "16 to 64 characters, used once", nonce)
        self.seen.add(nonce)
