"""A request taken apart and checked: of the gateway (parameters from query and body together, the signature over all)
or of the second protocol (rest.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from simulators.alipay import hidden, rest
from simulators.alipay.identity import Identity, canonical, verify
from simulators.alipay.reasons import REASONS, Refusal
from simulators.base.wire import Req, loads
from simulators.base.world import BEIJING

CLOCK_TOLERANCE = 600.0
AMOUNT = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?", re.ASCII)
CODECS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
NUMBER = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)


@dataclass
class Asked:
    """One request: its public parameters and its business content."""

    method: str
    params: dict[str, str]
    biz: dict[str, Any] = field(default_factory=dict)
    rest: bool = False  # asked by /v3/…

    @property
    def hidden(self) -> bool:
        """Whether content is hidden by AES, both ways."""
        return bool(self.params.get("encrypt_type"))

    @property
    def node(self) -> str:
        """The answer's node."""
        return f"{self.method.replace('.', '_')}_response"

    @property
    def by_certificate(self) -> bool:
        return bool(self.params.get("app_cert_sn"))

    @property
    def notify_url(self) -> str:
        return self.params.get("notify_url", "")

    @property
    def charset(self) -> str:
        """The character set of the answer and of what is told later: utf-8 or GBK."""
        return "GBK" if codec_of(self.params) == "gb18030" else "utf-8"

    def text(self, name: str, most: int = 256, *, needed: bool = True) -> str:
        """A text of the content; Refusal when it is missing, too long, or no text."""
        value = self.biz.get(name)
        if value is None or value == "":
            if needed:
                raise Refusal("missing", f"缺少必选参数{name}").at(name, f"text of at most {most} characters, required")
            return ""
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)  # some clients send amounts as numbers
        if not isinstance(value, str) or len(value) > most:
            raise Refusal("param", f"参数{name}无效").at(name, f"text of at most {most} characters", value)
        return value

    def number(self, name: str, *, needed: bool = True) -> str:
        """One of the caller's numbers."""
        value = self.text(name, 64, needed=needed)
        if value and NUMBER.fullmatch(value) is None:
            raise Refusal("param", f"参数{name}无效").at(name, f"matches {NUMBER.pattern}", value)
        return value

    def fen(self, name: str) -> int:
        """A positive amount in yuan, as fen."""
        match = AMOUNT.fullmatch(self.text(name, 12))
        amount = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else 0
        if amount < 1:
            refusal = Refusal("param", f"参数{name}无效，金额须大于0且至多两位小数")
            raise refusal.at(name, "yuan above 0 with at most two decimals", self.biz.get(name))
        return amount


def params_of(req: Req) -> dict[str, str]:
    """All parameters, wherever they stand, in the character set they name; Refusal when they contradict each other.

    Some clients put `charset` into the address and into the form: the same value twice is one.
    """
    if rest.speaks(req):
        return rest.params(req)
    kind = req.headers.get("content-type", "")
    texts = [req.target.partition("?")[2]]
    if req.body and ("form-urlencoded" in kind or not kind):
        texts.append(req.body.decode("latin-1"))
    found: dict[str, str] = {}
    for text in texts:
        pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1")
        part = dict(pairs)
        if len(part) != len(pairs) or any(found.get(name, value) != value for name, value in part.items()):
            raise Refusal("param", "参数重复")
        found |= part
    codec = codec_of(found) or "utf-8"
    try:
        return {name: value.encode("latin-1").decode(codec) for name, value in found.items()}
    except UnicodeDecodeError:
        raise Refusal("charset").at("charset", "all values in the character set it names", codec) from None


def codec_of(params: dict[str, str]) -> str:
    """The codec of the parameters; "" for one the gateway does not know."""
    return CODECS.get(params.get("charset", "").lower(), "")


def named(req: Req) -> Asked | None:
    """Who a request says it is from and what it asks for, nothing checked; None when it does not say."""
    try:
        params = params_of(req)
    except Refusal:
        return None
    return Asked(params["method"], params, rest=rest.speaks(req)) if params.get("method") else None


def asked(req: Req, identity: Identity, now: float, *, strict_clock: bool) -> Asked:
    """The request, authorised; Refusal otherwise."""
    params, by_rest = params_of(req), rest.speaks(req)
    if by_rest:
        rest.authorised(req, identity, now, strict_clock=strict_clock)
    else:
        _authorised(params, identity, now, strict_clock=strict_clock)
    return Asked(params["method"], params, _content(params, identity), by_rest)


def _content(params: dict[str, str], identity: Identity) -> dict[str, Any]:
    """The business content, shown where it was hidden."""
    text, way = params.get("biz_content") or "{}", params.get("encrypt_type", "")
    if way and way != "AES":
        raise Refusal("hidden", "解密出错，不支持的加密算法").at("encrypt_type", "AES", way)
    try:
        if way:
            text = hidden.shown(identity.encrypt_key, text, codec_of(params))
    except ValueError:
        raise Refusal("hidden").at("biz_content", "Base64 of AES-128-CBC under encrypt_key", text) from None
    try:
        biz = loads(text)
    except ValueError:
        raise Refusal("param", "biz_content不是JSON").at("biz_content", "a JSON object", text) from None
    if not isinstance(biz, dict):
        raise Refusal("param", "biz_content不是JSON对象").at("biz_content", "a JSON object", text)
    return biz


def _authorised(params: dict[str, str], identity: Identity, now: float, *, strict_clock: bool) -> None:
    for name in ("app_id", "method", "sign", "sign_type", "timestamp", "version", "charset"):
        if not params.get(name):
            raise Refusal("missing", f"缺少{name}参数").at(name, "required")
    if params["app_id"] != identity.app_id:
        raise Refusal("app_id").at("app_id", identity.app_id, params["app_id"])
    if params["sign_type"] != "RSA2":
        raise Refusal("sign_type").at("sign_type", "RSA2", params["sign_type"])
    if not codec_of(params):
        raise Refusal("charset").at("charset", "utf-8 or GBK", params["charset"])
    try:
        stamp = datetime.strptime(params["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).timestamp()
    except ValueError:
        raise Refusal("timestamp").at("timestamp", "yyyy-MM-dd HH:mm:ss", params["timestamp"]) from None
    if strict_clock and abs(stamp - now) > CLOCK_TOLERANCE:
        raise Refusal("timestamp")
    content = canonical(params, "sign", charset=codec_of(params))
    if not verify(identity.app_public, content, params["sign"]):
        over = content.decode(codec_of(params))
        words = f"{REASONS['sign'][2]}，网关生成的验签字符串为：{escape(over, quote=False)}"
        raise Refusal("sign", words).at("sign", f"SHA256withRSA over {over!r}", params["sign"])
    sent = (params.get("app_cert_sn", ""), params.get("alipay_root_cert_sn", ""))
    if any(sent) and sent != (identity.app_cert_sn, identity.root_cert_sn):
        raise Refusal("cert")
