"""Alipay as a party: which bytes each operation is, and what came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from engine.core.http import HttpReply, HttpRequest
from engine.core.money import BadAmount, fen_of_yuan
from engine.parties import wire
from engine.parties.alipay import bills, funds, gateway, notify, outcomes
from engine.parties.alipay.keys import Seller, Settings, opened
from engine.parties.bills import BillRow, day_span
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.funds import FundRow

_NOTIFIES: Final = frozenset({"precreate", "pay", "freeze", "freeze_code", "unfreeze"})
# Our number, where it stands; a freeze is the first operation of its authorisation and has its number twice.
_NUMBER_FIELDS: Final = {
    "precreate": ("out_trade_no",), "pay": ("out_trade_no",), "refund": ("out_request_no",),
    "freeze": ("out_order_no", "out_request_no"), "freeze_code": ("out_order_no", "out_request_no"),
    "unfreeze": ("out_request_no",),
}  # fmt: skip
# Unix seconds in the body of an inquiry, never sent: until then an order that is not there may still come (a QR that
# nobody scanned is no trade yet, and a cancelled one leaves nothing behind), and "not there" is read as NOT_YET.
UNTIL: Final = "until"
_ABSENT: Final = frozenset({"ACQ.TRADE_NOT_EXIST", "AUTH_ORDER_NOT_EXIST", "AUTH_OPERATION_NOT_EXIST"})
_SCANNED: Final = {"precreate": "qr_code", "freeze_code": "code_value"}  # where the code to scan stands
_SAME: Final = ("out_trade_no", "out_order_no", "out_request_no")


class Alipay:
    """Send maps write `biz_content`; public parameters, notify_url and signatures come from the connection."""

    kind = "alipay"
    about = About("payment", "支付平台", "the payment platform", role="payment", simulator="alipay")
    settings: type[BaseModel] = Settings
    ops = outcomes.OPS
    outcomes = outcomes.OUTCOMES

    def open(self, settings: Settings) -> Seller:
        return opened(settings)

    def build(self, call: Outgoing) -> HttpRequest:
        for field in _NUMBER_FIELDS.get(call.op, ()):
            wire.own_number(call, field)
        content, method = dict(wire.body_of(call)), outcomes.METHODS[call.op]
        content.pop(UNTIL, None)
        return gateway.request(call.settings, method, content, call.now, notify=call.op in _NOTIFIES)

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        answer = gateway.read(call.settings, outcomes.METHODS[call.op], reply)
        sent, tree = wire.body_of(call), answer.body
        if not answer.intact:
            return answer
        if answer.code != "OK":
            early = answer.code in _ABSENT and call.now < sent.get(UNTIL, 0)
            return _with_code(answer, "NOT_YET") if early else answer
        for name in _SAME:
            if name in tree and name in sent and tree[name] != sent[name]:
                return wire.not_intact("another order's answer")
        return self._good(call.op, sent, answer)

    def _good(self, op: str, sent: Mapping[str, Any], answer: Answer) -> Answer:
        """10000 says that the request was understood; what came of it stands in the answer's own fields."""
        tree = answer.body
        if op == "bill" and not isinstance(tree.get("bill_download_url"), str):
            return wire.not_intact("no bill_download_url")
        if op in _SCANNED and not isinstance(tree.get(_SCANNED[op]), str):
            return wire.not_intact("no code to scan")
        if op == "pay" and not _same_amount(sent.get("total_amount"), tree.get("total_amount")):
            return wire.not_intact("another amount")
        if op in ("freeze", "unfreeze"):
            if not _same_amount(sent.get("amount"), tree.get("amount")):
                return wire.not_intact("another amount")
            if tree.get("status") != "SUCCESS":
                return _with_code(answer, "INIT" if tree.get("status") == "INIT" else "")
        if op == "refund" and tree.get("fund_change") != "Y":
            return _with_code(answer, "NO_CHANGE")
        if op in ("cancel", "freeze_cancel"):
            if tree.get("retry_flag") == "Y":
                return _with_code(answer, "RETRY")
            if not tree.get("action"):
                return _with_code(answer, "NOTHING")
        return answer

    def verify(self, settings: Seller, request: HttpRequest, now: float) -> Heard | NotHeard:
        return notify.heard(settings, request)

    # Its bills

    bill_op = "bill"
    no_bill = frozenset({"isp.bill_not_exist"})
    bill_slack_s = 0.0

    def bill_span(self, opened: Seller, day: str) -> tuple[float, float]:
        return day_span(day)

    def bill_ask(self, opened: Seller, day: str, now: float) -> dict[str, Any]:
        return {"bill_type": "trade", "bill_date": day}

    def bill_hosts(self, opened: Seller) -> frozenset[str]:
        return frozenset(opened.plain.bill_hosts)

    def bill_link(self, answer: Answer) -> str:
        return str(answer.body["bill_download_url"])

    def bill_request(self, opened: Seller, link: str, now: float, nonce: str) -> HttpRequest:
        parts = urlsplit(link)
        return HttpRequest("GET", f"{parts.path or '/'}?{parts.query}")  # the link itself is the key

    def bill_rows(self, opened: Seller, day: str, answer: Answer, content: bytes) -> list[BillRow]:
        return bills.rows_of(content, opened.plain.seller_id)

    def bill_fee(self, opened: Seller) -> int | None:
        return opened.plain.fee_bp

    # Its account

    fund_op = "bill"

    def fund_accounts(self, opened: Seller) -> Sequence[str]:
        return opened.plain.fund_accounts

    def fund_ask(self, opened: Seller, account: str, day: str) -> dict[str, Any]:
        return {"bill_type": account, "bill_date": day}

    def fund_rows(self, opened: Seller, day: str, answer: Answer, content: bytes) -> list[FundRow]:
        return funds.rows_of(content, opened.plain.seller_id, day)

    # Its self-test: a trade nobody ever made is answered, signed, with "there is none"

    probe_op = "query"
    probe_good = frozenset({"ACQ.TRADE_NOT_EXIST"})

    def probe_ask(self, opened: Seller, now: float, nonce: str) -> dict[str, Any]:
        return {"out_trade_no": f"PROBE{nonce}"}


def _same_amount(sent: Any, said: Any) -> bool:
    """Whether an answer names the amount we asked for; an answer that names none, or something odd, does not."""
    try:
        return fen_of_yuan(sent) == fen_of_yuan(said)
    except BadAmount:
        return sent is None and said is None


def _with_code(answer: Answer, code: str) -> Answer:
    return Answer(intact=True, code=code, text=answer.text, body=answer.body)


PARTY: Final = Alipay()
