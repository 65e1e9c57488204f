"""The gateway: sign requests, cut the signed part out of an answer, verify it, say what it is.

The signature of an answer covers the bytes of its node exactly as sent, escapes and blanks included: it is cut out,
never printed anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from engine.codecs import form, json_text
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.alipay.keys import PUBLIC_KEY, Seller
from engine.parties.contract import Answer
from engine.parties.rsa2 import canonical, holds, signed

_DONE: Final = frozenset({"10000", "10003"})
# What the gateway itself refuses, before any business: only these may come unsigned.
_GATEWAY: Final = frozenset({"20001", "40001", "40002", "40003", "40006"})
_DECODER: Final = json.JSONDecoder()
_SPACE: Final = " \t\r\n"


def request(seller: Seller, method: str, content: Mapping[str, Any], now: float, *, notify: bool) -> HttpRequest:
    """The request of a method: public parameters in the query, `biz_content` in the form, signed together."""
    plain = seller.plain
    biz_content = json_text.print_json(content).decode()
    common = {
        "app_id": plain.app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": beijing(now, "%Y-%m-%d %H:%M:%S"),
        "version": "1.0",
        "notify_url": plain.notify_url if notify else "",
        "app_auth_token": plain.app_auth_token,
        "app_cert_sn": seller.app_cert_sn,
        "alipay_root_cert_sn": seller.root_cert_sn,
    }
    common = {name: value for name, value in common.items() if value}
    common["sign"] = signed(seller.private_key, canonical({**common, "biz_content": biz_content}, "sign"))
    return HttpRequest(
        "POST",
        f"{plain.endpoint}?{form.print_form(common).decode()}",
        (("Content-Type", "application/x-www-form-urlencoded;charset=utf-8"), ("Accept", "application/json")),
        form.print_form({"biz_content": biz_content}),
    )


def members(text: str) -> dict[str, tuple[Any, str]] | str:
    """The top members of an answer: name → value and its text exactly as sent; or what is wrong with it."""
    at = _skip(text, 0)
    found: dict[str, tuple[Any, str]] = {}
    try:
        if text[at] != "{":
            return "a JSON object was expected"
        at = _skip(text, at + 1)
        while text[at] != "}":
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, at)
            if not isinstance(name, str) or text[at] != ":" or name in found:
                return "crooked members"
            begin = _skip(text, at + 1)
            value, at = _DECODER.raw_decode(text, begin)
            found[name] = (value, text[begin:at])
            at = _skip(text, at)
            if text[at] == ",":
                at = _skip(text, at + 1)
            elif text[at] != "}":
                return "crooked members"
    except (ValueError, IndexError, RecursionError):
        return "not JSON"
    return "something behind the answer" if _skip(text, at + 1) != len(text) else found


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def read(seller: Seller, method: str, reply: HttpReply) -> Answer:
    """The answer of a method. Code: OK for 10000, else the gateway's sub_code, or its code where that says more."""
    if reply.status != 200:
        return wire.not_intact(f"HTTP {reply.status}")
    if len(reply.body) > wire.MAX_REPLY:
        return wire.not_intact("too long")
    try:
        parts = members(reply.body.decode())
    except UnicodeDecodeError:
        return wire.not_intact("not UTF-8")
    if isinstance(parts, str):
        return wire.not_intact(parts)
    node = f"{method.replace('.', '_')}_response"
    said = parts.get(node) or parts.get("error_response")
    if said is None or not isinstance(said[0], dict):
        return wire.not_intact(f"no {node}")
    try:
        tree = json_text.parse(said[1].encode(), max_bytes=wire.MAX_REPLY)
    except Undecodable as error:
        return wire.not_intact(f"{error.code}: {error}")
    code = tree.get("code")
    if not isinstance(code, str) or (node not in parts and code in _DONE):
        return wire.not_intact("no code")
    sign = parts.get("sign", ("", ""))[0]
    if not sign and code not in _GATEWAY:  # an order's fate is only believed under Alipay's signature
        return wire.not_intact("not signed")
    number = parts.get("alipay_cert_sn", (PUBLIC_KEY, ""))[0]
    fault = _fault(seller, said[1].encode(), sign, number) if sign else ""
    return wire.not_intact(fault) if fault else _judged(code, tree)


def _fault(seller: Seller, message: bytes, sign: Any, number: Any) -> str:
    """Why the signature of an answer does not hold, "" when it does. In public key mode a certificate's number means
    nothing; in certificate mode it names the key."""
    keys = seller.verify_keys
    key = keys.get(PUBLIC_KEY) or (keys.get(number) if isinstance(number, str) else None)
    if key is None:
        return "signature by a certificate we do not have"
    return "" if isinstance(sign, str) and holds(key, message, sign) else "bad signature"


def _judged(code: str, tree: dict[str, Any]) -> Answer:
    sub_code, words = tree.get("sub_code"), tree.get("sub_msg") or tree.get("msg")
    text = words if isinstance(words, str) else ""
    if code == "10000":
        return Answer(intact=True, code="OK", text=text, body=tree)
    if code in _DONE or code == "20000" or not isinstance(sub_code, str) or not sub_code:
        return Answer(intact=True, code=code, text=text, body=tree)
    return Answer(intact=True, code=sub_code, text=text, body=tree)
