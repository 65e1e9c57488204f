"""Notifications: a signed form posted to our address, repeated until the answer is exactly `success`."""

from __future__ import annotations

import re
from typing import Final

from engine.codecs import form
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.parties.alipay.keys import Seller
from engine.parties.contract import Heard, NotHeard
from engine.parties.rsa2 import canonical, holds

_CHARSET: Final = re.compile(rb"(?:^|&)charset=([A-Za-z0-9-]{1,20})(?:&|$)")
_CHARSETS: Final = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "GB18030", "gb2312": "GB18030", "gb18030": "GB18030"}
_TEXT: Final = (("Content-Type", "text/plain"),)
ACCEPTED: Final = HttpReply(200, _TEXT, b"success")
FAILED: Final = HttpReply(500, _TEXT, b"fail")


def heard(seller: Seller, request: HttpRequest) -> Heard | NotHeard:
    """Verify over the decoded values as they came, then check that it is about us.

    Kinds: the trade's status; REFUND for a refund's notice, whatever the status; the notice's own type for funds
    frozen and given free.
    """
    found = _CHARSET.search(request.body)
    charset = _CHARSETS.get(found[1].decode().lower() if found else "utf-8")
    if charset is None:
        return _no(400, "unknown charset")
    try:
        fields = form.parse(request.body, charset)
    except Undecodable:
        return _no(400, "not a form")
    if not fields.get("sign"):
        return _no(401, "not signed")
    if fields.get("sign_type") != "RSA2":
        return _no(401, "unknown signature type")
    if not _is_signed(seller, fields, charset):
        return _no(401, "bad signature")
    if fields.get("app_id", seller.plain.app_id) != seller.plain.app_id:
        return _no(403, "another application's message")
    if fields.get("seller_id", seller.plain.seller_id) != seller.plain.seller_id:
        return _no(403, "another seller's message")
    kind = _kind(fields)
    if not kind:
        return _no(400, "no trade_status")
    number = fields.get({"REFUND": "out_biz_no"}.get(kind, "out_trade_no"), "") or fields.get("out_request_no", "")
    body = {name: value for name, value in fields.items() if value and name not in ("sign", "sign_type")}
    return Heard(kind=kind, body=body, accepted=ACCEPTED, failed=FAILED, number=number, id=fields.get("notify_id", ""))


def _is_signed(seller: Seller, fields: dict[str, str], charset: str) -> bool:
    """Without sign and sign_type; some messages keep sign_type. Senders disagree whether empty values count."""
    empties = (True, False) if "" in fields.values() else (True,)
    for without in (("sign", "sign_type"), ("sign",)):
        for empty in empties:
            message = canonical(fields, *without, empty=empty, charset=charset)
            if any(holds(key, message, fields["sign"]) for key in seller.verify_keys.values()):
                return True
    return False


def _kind(fields: dict[str, str]) -> str:
    notice = fields.get("notify_type", "")
    if notice.startswith("fund_auth"):
        return notice
    if fields.get("gmt_refund") and fields.get("out_biz_no"):
        return "REFUND"
    return fields.get("trade_status", "")


def _no(status: int, why: str) -> NotHeard:
    return NotHeard(HttpReply(status, _TEXT, b"fail"), why)
