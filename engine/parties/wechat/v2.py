"""v2: flat XML signed with the APIv2 key; still the way of payment codes and their reversal."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from engine.codecs import xml_text
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply
from engine.parties import wire
from engine.parties.contract import Answer
from engine.parties.wechat.keys import Settings


def signature(fields: Mapping[str, str], key: str, how: str) -> str:
    """Upper hex over the sorted non-empty fields without `sign`, then `&key=`; `how`: MD5 or HMAC-SHA256."""
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "sign" and fields[name])
    data = f"{text}&key={key}".encode()
    if how == "HMAC-SHA256":
        return hmac.new(key.encode(), data, hashlib.sha256).hexdigest().upper()
    return hashlib.md5(data).hexdigest().upper()


def body(settings: Settings, fields: Mapping[str, object], nonce: str) -> bytes:
    """The XML of a request: the map's fields, ours, and the signature. ValueError for what is no text or number."""
    made: dict[str, str] = {"appid": settings.appid, "mch_id": settings.mchid, "nonce_str": nonce}
    made["sign_type"] = settings.v2_sign
    for name, value in fields.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(f"{name}: text or a whole number is wanted")
        made[name] = str(value)
    made["sign"] = signature(made, settings.api_v2_key, settings.v2_sign)
    return xml_text.print_flat(made)


def read(settings: Settings, reply: HttpReply) -> Answer:
    """`return_code` is the transport, `result_code` the business; a business answer must be signed.

    Codes: OK, RECALL (a reversal that must be called again), RETURN_FAIL (the envelope was refused), else err_code.
    """
    if reply.status != 200:
        return wire.not_intact(f"HTTP {reply.status}")
    try:
        fields = xml_text.parse_flat(reply.body)
    except Undecodable as error:
        return wire.not_intact(f"{error.code}: {error}")
    if fields.get("return_code") != "SUCCESS":
        if fields.get("return_code") != "FAIL":
            return wire.not_intact("no return_code")
        return Answer(intact=True, code="RETURN_FAIL", text=fields.get("return_msg", ""), body=fields)
    wanted = signature(fields, settings.api_v2_key, settings.v2_sign)
    if not hmac.compare_digest(wanted.encode(), fields.get("sign", "").encode()):
        return wire.not_intact("bad signature")
    if (fields.get("appid"), fields.get("mch_id")) != (settings.appid, settings.mchid):
        return wire.not_intact("another merchant's answer")
    text = fields.get("err_code_des", "")
    if fields.get("recall") == "Y":
        return Answer(intact=True, code="RECALL", text=text, body=fields)
    if fields.get("result_code") == "SUCCESS":
        return Answer(intact=True, code="OK", text=text, body=fields)
    return Answer(intact=True, code=fields.get("err_code", ""), text=text, body=fields)
