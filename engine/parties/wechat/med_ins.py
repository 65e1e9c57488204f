"""医保自费混合支付 (`/v3/med-ins`): one order of the insurance's part and the cash, paid by the patient at one stroke.

The send map writes the order's fields; person's `name` and `id_no` come in clear and leave as the platform wants them:
the name, and a digest of the id number, each sealed for the platform's key. Sums that do not fit are found before
anything is sent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from engine.parties.wechat import v3
from engine.parties.wechat.keys import Merchant

ORDER, QUERY, REFUNDED = "med_ins", "med_ins_query", "med_ins_refunded"
ORDERS: Final = "/v3/med-ins/orders"
NOTIFY: Final = "/v3/med-ins/refunds/notify"
PERSONS: Final = ("payer", "relative")
_PARTS: Final = ("med_ins_gov_fee", "med_ins_self_fee", "med_ins_other_fee")
_BACK: Final = ("med_refund_gov_fee", "med_refund_self_fee", "med_refund_other_fee")
_OLD_ID: Final = re.compile(r"[0-9]{15}", re.ASCII)
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def order(merchant: Merchant, body: Mapping[str, Any]) -> dict[str, Any]:
    """The request's tree. ValueError names the field that does not fit."""
    tree = {"appid": merchant.plain.appid, "callback_url": merchant.plain.notify_url, **body}
    _sums(tree)
    for name in PERSONS:
        if name in tree:
            tree[name] = _person(merchant, name, tree[name])
    if tree.get("med_ins_test_env") is True and not merchant.plain.med_ins_test_env:
        raise ValueError("med_ins_test_env: the connection does not allow the bureau's test environment")
    return tree


def told(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Target and tree that tell the platform of insurance money given back: `mix_trade_no` names the order."""
    tree = dict(body)
    number = tree.pop("mix_trade_no", None)
    if not isinstance(number, str) or not number:
        raise ValueError("mix_trade_no: the send map must name the mixed order")
    if _fen(tree, "med_refund_total_fee") != sum(_fen(tree, name) for name in _BACK):
        raise ValueError("med_refund_total_fee: it is not the sum of gov, self and other")
    return f"{NOTIFY}?mix_trade_no={quote(number, safe='')}", tree


def id_digest(id_no: str) -> str:
    """Lower hexadecimal MD5 of an id number with capital X, an old one of 15 digits made 18."""
    number = id_no.strip().upper()
    if _OLD_ID.fullmatch(number):
        long = f"{number[:6]}19{number[6:]}"
        rest = sum(int(digit) * weight for digit, weight in zip(long, _WEIGHTS, strict=True)) % 11
        number = long + "10X98765432"[rest]
    return hashlib.md5(number.encode(), usedforsecurity=False).hexdigest()


def _person(merchant: Merchant, where: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or not all(isinstance(given.get(name), str) for name in ("name", "id_no")):
        raise ValueError(f"{where}: name and id_no are wanted")
    others = {name: value for name, value in given.items() if name not in ("name", "id_no")}
    return {
        "name": v3.sealed(merchant, given["name"]),
        "id_digest": v3.sealed(merchant, id_digest(given["id_no"])),
        "card_type": "ID_CARD",
        **others,
    }


def _sums(tree: Mapping[str, Any]) -> None:
    """total = gov + self + other + WeChat's cash + reductions = gov + self + other + insurance's cash + additions."""
    parts, cash = sum(_fen(tree, name) for name in _PARTS), _fen(tree, "wechat_pay_cash_fee")
    due = _fen(tree, "med_ins_cash_fee")
    less = sum(_fen(row, "cash_reduce_fee") for row in tree.get("cash_reduce_detail", ()))
    more = sum(_fen(row, "cash_add_fee") for row in tree.get("cash_add_detail", ()))
    total = _fen(tree, "total_fee")
    if not total == parts + cash + less == parts + due + more:
        raise ValueError("total_fee: the parts of the mixed order do not add up to it")
    insured = parts + due > 0
    fits = {
        "CASH_ONLY": not insured and cash > 0,
        "INSURANCE_ONLY": cash == 0,
        "CASH_AND_INSURANCE": insured and cash > 0,
    }
    if not fits.get(str(tree.get("mix_pay_type")), False):
        raise ValueError("mix_pay_type: it does not fit the amounts")
    if bool(tree.get("prepay_id")) != (cash > 0):
        raise ValueError("prepay_id: wanted exactly where WeChat takes cash")


def _fen(tree: Mapping[str, Any], name: str) -> int:
    value = tree.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name}: whole fen are wanted")
    return value
