"""Which v3 request each operation is: method, path and query, and the fields that come from the connection."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from engine.parties.wechat import med_ins, v3
from engine.parties.wechat.keys import Merchant

ORDERS: Final = "/v3/pay/transactions"
REFUNDS: Final = "/v3/refund/domestic/refunds"
# Operation → the last part of its path. A mini program's order is a JSAPI order under the mini program's own id.
CREATES: Final = {"native": "native", "jsapi": "jsapi", "prepay": "jsapi", "mini": "jsapi", "h5": "h5"}
BILLS: Final = {"trade_bill": "tradebill", "flow_bill": "fundflowbill"}
SEALED: Final = ("bank_account", "real_name")  # of an abnormal refund to a payer's card: only WeChat may read them
_DAY: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)

Request = tuple[str, str, dict[str, Any] | None]


def request_of(op: str, body: dict[str, Any], merchant: Merchant) -> Request:
    """Method, target and tree (None: no body). ValueError names what the send map must say."""
    plain = merchant.plain
    ours = {"appid": appid_of(op, merchant), "mchid": plain.mchid}
    if op in CREATES:
        return "POST", f"{ORDERS}/{CREATES[op]}", {**ours, "notify_url": plain.notify_url, **body}
    if op == med_ins.ORDER:
        return "POST", med_ins.ORDERS, med_ins.order(merchant, body)
    if op == med_ins.QUERY:
        return "GET", f"{med_ins.ORDERS}/out-trade-no/{_path(body, 'out_trade_no')}", None
    if op == med_ins.REFUNDED:
        return "POST", *med_ins.told(body)
    if op == "codepay":
        if not plain.codepay:
            raise ValueError("codepay: the connection does not say that this merchant may use it")
        return "POST", f"{ORDERS}/codepay", {**ours, **body}
    if op == "refund":
        return "POST", REFUNDS, {"notify_url": plain.notify_url, **body}
    if op == "refund_query":
        return "GET", f"{REFUNDS}/{_path(body, 'out_refund_no')}", None
    if op == "abnormal_refund":
        rest = {name: v3.sealed(merchant, text) if name in SEALED else text for name, text in body.items()}
        return "POST", f"{REFUNDS}/{quote(str(rest.pop('refund_id', '')), safe='')}/apply-abnormal-refund", rest
    if op == "certificates":
        return "GET", "/v3/certificates", None
    if op == "echo":
        message = body.get("echo_message", "")
        return "POST", "/v3/security/echo", {**body, "encrypted_echo_message": v3.sealed(merchant, message)}
    if op in BILLS:
        return "GET", f"/v3/bill/{BILLS[op]}?{urlencode({**_bill(body), 'tar_type': 'GZIP'})}", None
    order = f"{ORDERS}/out-trade-no/{_path(body, 'out_trade_no')}"
    if op == "query":
        return "GET", f"{order}?mchid={plain.mchid}", None
    if op == "code_reverse":
        return "POST", f"{order}/reverse", ours
    return "POST", f"{order}/close", {"mchid": plain.mchid}


def appid_of(op: str, merchant: Merchant) -> str:
    """The app an order is placed under. ValueError where the connection names no mini program."""
    if op != "mini":
        return merchant.plain.appid
    if not merchant.plain.mini_appid:
        raise ValueError("mini_appid: orders of a mini program need it")
    return merchant.plain.mini_appid


def needs_serial(op: str, body: dict[str, Any]) -> bool:
    """Whether the request carries sealed fields and must name the key they are sealed with."""
    names = {"abnormal_refund": SEALED, med_ins.ORDER: med_ins.PERSONS}.get(op, ())
    return op == "echo" or any(name in body for name in names)


def _bill(body: dict[str, Any]) -> dict[str, str]:
    day = body.get("bill_date")
    if not isinstance(day, str) or _DAY.fullmatch(day) is None:
        raise ValueError("bill_date: a day such as 2026-11-21")
    return {name: str(value) for name, value in body.items()}


def link_target(link: str) -> str:
    """Path and query of a download link as the platform gave it. Errors: ValueError."""
    parts = urlsplit(link)
    if not parts.path.startswith("/v3/billdownload/"):
        raise ValueError("download_url: not a link to a bill")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _path(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field}: the send map must name the order asked for")
    return quote(value, safe="")
