"""The envelope as the platform reads and writes it: checks in the platform's order, and its refusals."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from simulators.base.objection import Objecting
from simulators.base.wire import Resp, json_resp, loads
from simulators.base.world import BEIJING, SimWorld
from simulators.mobile_pay import sm
from simulators.mobile_pay.settings import Settings

Form = dict[str, Any]
ENVELOPE = ("appId", "encType", "signType", "version", "timestamp", "encData", "signData")


class Refusal(Objecting):
    """A refusal: code and message; it comes unsigned and plain."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class Identity:
    """The hospital's app and the two key pairs, and how the province signs (`settings`)."""

    def __init__(self, world: SimWorld) -> None:
        ring = world.keys
        self.world = world
        self.app_id = ring.secret("mobile_pay.app", 32)
        self.app_secret = ring.secret("mobile_pay.secret", 32)
        self.hospital = sm.Pair(self._number("hospital"))
        self.platform = sm.Pair(self._number("platform"))

    def _number(self, name: str) -> bytes:
        """A private key from the ring: 32 letters and digits as bytes are a number far below the curve's order."""
        return self.world.keys.secret(f"mobile_pay.{name}", 32).encode("ascii")

    def key(self, settings: Settings) -> bytes:
        """The SM4 key of this app."""
        hidden = sm.sm4(self.app_id[:16].encode(), self.app_secret.encode(), None, hide=True)
        text = hidden.hex().upper()
        return (text[1::2] if settings.key_pick == "even" else text)[:16].encode()

    def opened(self, form: Any, settings: Settings) -> Form:
        """The data of a request; Refusal in the order protocol, signature, business."""
        if not isinstance(form, dict):
            raise Refusal("10001", "请求报文格式错误").at("", "a JSON object")
        for name in ENVELOPE:
            if not isinstance(form.get(name), str) or not form[name]:
                raise Refusal("10002", f"参数{name}不能为空").at(name, "a text")
        if form["appId"] != self.app_id:
            raise Refusal("10003", "应用标识不存在").at("appId", self.app_id, form["appId"])
        if (form["encType"], form["signType"]) != ("SM4", "SM2"):
            raise Refusal("10004", "加密或签名方式不支持").at("signType", "SM2 and SM4", form["signType"])
        if abs(self._moment(form["timestamp"]) - self.world.signing()) > settings.window_seconds:
            raise Refusal("10005", "请求时间超出允许范围").at("timestamp", "within the window", form["timestamp"])
        data = self._data(form["encData"], settings)
        if not sm.good(self.hospital.point, text_of(form, data, self.app_secret, settings), form["signData"],
                       self._signer(settings)):  # fmt: skip
            raise Refusal("10006", "验签失败").at("signData", "SM2 over the sorted parameters", form["signData"])
        if not isinstance(data, dict):
            raise Refusal("10001", "业务数据格式错误").at("encData", "a JSON object inside")
        return data

    def _data(self, text: str, settings: Settings) -> Any:
        try:
            hidden = base64.b64decode(text, validate=True) if settings.output == "base64" else binascii.unhexlify(text)
            plain = sm.sm4(self.key(settings), hidden, self._iv(settings), hide=False)
            return loads(plain, parse_float=_Kept)
        except (ValueError, RecursionError):
            raise Refusal("10007", "解密失败").at("encData", f"SM4-{settings.cipher}, {settings.output}") from None

    def sealed(self, data: Form, settings: Settings, more: Form | None = None, spoil: str = "") -> Form:
        """An envelope of the platform. `spoil`: bad_signature or unsigned."""
        as_text = settings.stamp == "text"
        stamp = self.world.signing_stamp("%Y%m%d%H%M%S") if as_text else str(int(self.world.signing() * 1000))
        form = {"appId": self.app_id, "encType": "SM4", "signType": "SM2", "version": "2.0.1", "timestamp": stamp,
                **(more or {})}  # fmt: skip
        plain = compact(neat(data, settings) or {})
        hidden = sm.sm4(self.key(settings), plain.encode(), self._iv(settings), hide=True)
        signature = sm.sign(self.platform, text_of(form, data, self.app_secret, settings), self._signer(settings))
        if spoil == "bad_signature":
            signature = ("B" if signature[0] == "A" else "A") + signature[1:]
        shown = base64.b64encode(hidden).decode() if settings.output == "base64" else hidden.hex().upper()
        made = {**form, "encData": shown, "signData": signature}
        if spoil == "unsigned":
            del made["signData"]
        return made

    def plain(self, form: Form, settings: Settings) -> Any:
        """The data of an envelope, whoever signed it."""
        return self._data(form["encData"], settings)

    def answer(self, data: Form, settings: Settings, spoil: str = "") -> Resp:
        """A yes."""
        return json_resp(self.sealed(data, settings, {"code": "0", "message": "成功", "success": True}, spoil))

    def _iv(self, settings: Settings) -> bytes | None:
        if settings.cipher == "ecb":
            return None
        return self.key(settings) if settings.iv == "key" else bytes(16)

    def _signer(self, settings: Settings) -> str:
        return self.app_secret if settings.signer == "secret" else sm.DEFAULT_SIGNER

    def _moment(self, text: str) -> float:
        if not text.isdecimal():
            raise Refusal("10005", "timestamp格式错误").at("timestamp", "ms or yyyyMMddHHmmss", text)
        if len(text) == 14 and text.startswith("20"):
            try:
                return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING).timestamp()
            except ValueError:
                pass
        return int(text) / 1000


class _Kept(str):
    """A number with a point, as it was written."""


def refused(refusal: Refusal) -> Resp:
    """A no."""
    return json_resp({"code": refusal.code, "message": refusal.text, "success": False})


def neat(value: Any, settings: Settings) -> Any:
    """Without what is empty, with names in order; None when nothing is left."""
    if isinstance(value, dict):
        kept = {k: neat(v, settings) for k, v in sorted(value.items())}
        return {k: v for k, v in kept.items() if v is not None} or None
    if isinstance(value, list):
        return [one for one in (neat(v, settings) for v in value) if one is not None] or None
    if value is None or value == "":
        return None
    if settings.numbers == "text" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return str(value) if settings.numbers == "text" and isinstance(value, _Kept) else value


def compact(value: Any) -> str:
    """JSON without blanks; numbers with a point as they came."""
    if isinstance(value, _Kept):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{compact(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def text_of(form: Form, data: Any, secret: str, settings: Settings) -> str:
    """What is signed."""
    parts = {k: v for k, v in form.items() if k not in ("signData", "encData", "extra") and v not in (None, "")}
    clean = neat(data, settings)
    if clean is not None:
        parts["data"] = clean
    pairs = [f"{k}={v if type(v) is str else compact(v)}" for k, v in sorted(parts.items())]
    return "&".join(pairs) + settings.joiner + secret
