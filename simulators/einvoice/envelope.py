"""The wrapper: appid, data, noise, version, sign; replies data, noise, sign; Base64 inside Base64."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

from simulators.base.objection import Objecting
from simulators.base.wire import loads

VERSION = "1.0"
GOOD = "S0000"
FORM = "upper-case hex MD5 of appid=…&data=…&noise=…&key=…&version=1.0, data in Base64"


class Failure(Objecting):
    """The platform's refusal: a result code and plain text."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def sign(app_id: str, data: str, noise: str, key: str) -> str:
    """Upper-case hex MD5 over the fixed order, `data` in its Base64 form."""
    text = f"appid={app_id}&data={data}&noise={noise}&key={key}&version={VERSION}"
    return hashlib.md5(text.encode("utf-8")).hexdigest().upper()


def opened(outer: Any, app_id: str, key: str) -> dict[str, Any]:
    """The business object of a request (numbers as Decimal); Failure when wrapper or signature is wrong."""
    if not isinstance(outer, dict):
        raise Failure("E0001", "请求报文格式错误")
    fields = {name: outer.get(name) for name in ("appid", "data", "noise", "version", "sign")}
    for name, value in fields.items():
        if not isinstance(value, str) or not value:
            raise Failure("E0001", f"参数{name}不能为空").at(name, "text, required")
    if unknown := sorted(outer.keys() - fields.keys()):
        raise Failure("E0001", f"未知参数{unknown[0]}")
    if fields["version"] != VERSION:
        raise Failure("E0001", "版本号错误")
    if len(str(fields["noise"])) > 36:
        raise Failure("E0001", "参数noise长度错误")
    if fields["appid"] != app_id:
        raise Failure("E0002", "应用帐号不存在").at("appid", app_id, fields["appid"])
    expected = sign(app_id, str(fields["data"]), str(fields["noise"]), key)
    if not hmac.compare_digest(expected.encode(), str(fields["sign"]).encode("utf-8", "replace")):
        wanted = "MD5 upper hex over appid=…&data=…&noise=…&key=…&version=1.0"
        raise Failure("E0003", "签名验证失败").at("sign", wanted, fields["sign"])
    try:
        inner = loads(base64.b64decode(str(fields["data"]), validate=True), parse_float=Decimal)
    except (binascii.Error, ValueError, RecursionError):
        raise Failure("E0004", "参数data解析失败") from None
    if not isinstance(inner, dict):
        raise Failure("E0004", "参数data解析失败")
    return inner


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def sealed(result: str, message: dict[str, Any] | str, noise: str, app_id: str, key: str) -> dict[str, str]:
    """The signed reply; `message` is JSON on success and plain text on failure."""
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    return plain(result, _base64(text), noise, app_id, key)


def plain(result: str, message: str, noise: str, app_id: str, key: str) -> dict[str, str]:
    """The signed reply with `message` as it is: some installations leave its Base64 away."""
    data = _base64(json.dumps({"result": result, "message": message}, ensure_ascii=False))
    return {"data": data, "noise": noise, "sign": sign(app_id, data, noise, key)}
