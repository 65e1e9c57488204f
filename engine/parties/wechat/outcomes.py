"""What WeChat Pay's answers mean. Both spellings of a code occur (ORDER_CLOSED, ORDERCLOSED); both are listed.

Not listed, and therefore unknown: SYSTEM_ERROR, BANK_ERROR, OUT_TRADE_NO_USED, rate limits, and whatever
comes new. Query, never guess.
"""

from __future__ import annotations

from typing import Final

from engine.core.outcome import Outcome
from engine.parties.contract import Op, OutcomeRow

_CREATE: Final = frozenset({"native", "jsapi"})
_PAY: Final = _CREATE | {"micropay"}
_STOP: Final = frozenset({"close", "reverse"})
_REFUND: Final = frozenset({"refund"})


def _op(name: str, zh: str, en: str, *, changes: bool = False, money: bool = False, number: str = "") -> Op:
    return Op(name, zh, en, changes=changes, money=money, number=number)


OPS: Final = {
    op.name: op
    for op in (
        _op("native", "扫码下单", "order for a QR code", changes=True, money=True, number="trade"),
        _op("jsapi", "公众号下单", "order inside WeChat", changes=True, money=True, number="trade"),
        _op("query", "查询订单", "ask for an order"),
        _op("close", "关闭订单", "close an unpaid order", changes=True),
        _op("refund", "退款", "refund", changes=True, money=True, number="refund"),
        _op("refund_query", "查询退款", "ask for a refund"),
        _op("micropay", "付款码支付", "charge a payment code", changes=True, money=True, number="trade"),
        _op("order_query", "查询付款码订单", "ask for a payment code order"),
        _op("certificates", "下载平台证书", "fetch the platform's certificates"),
        _op("reverse", "撤销付款码订单", "reverse a payment code order", changes=True, money=True),
    )
}

_DEFINITE: Final = (
    "PARAM_ERROR", "INVALID_REQUEST", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "MCHID_NOT_EXIST",
    "APPID_NOT_EXIST", "SIGN_ERROR", "SIGNERROR", "NO_AUTH", "NOAUTH", "RULE_LIMIT", "RULELIMIT", "ACCOUNT_ERROR",
    "LACK_PARAMS", "XML_FORMAT_ERROR", "REQUIRE_POST_METHOD", "POST_DATA_EMPTY", "NOT_UTF8",
)  # fmt: skip
_PAY_REFUSED: Final = (
    "AUTHCODEEXPIRE", "AUTH_CODE_EXPIRED", "AUTH_CODE_ERROR", "AUTH_CODE_INVALID", "NOTENOUGH", "NOT_ENOUGH",
    "NOTSUPORTCARD", "ORDERCLOSED", "ORDER_CLOSED", "ORDERREVERSED", "BUYER_MISMATCH", "TRADE_ERROR",
    "INVALID_TRANSACTION", "TRADE_STATE_ERROR",
)  # fmt: skip


def _rows() -> tuple[OutcomeRow, ...]:
    yes, no, wait = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING
    final = "the platform's own no: this number was not and will not be charged by this request"
    return (
        OutcomeRow("OK", wait, _CREATE, because="an order is not yet a payment"),
        OutcomeRow("OK", yes),
        OutcomeRow("RECALL", wait, frozenset({"reverse"})),
        # The number is taken by an earlier request of other content: what stands there must be asked for.
        OutcomeRow("INVALID_REQUEST", Outcome.UNKNOWN, _PAY | _REFUND, "不一致"),
        OutcomeRow("USERPAYING", wait, frozenset({"micropay"})),
        # "Already paid" under our own number: the query says by whom, and it counts as paid.
        OutcomeRow("ORDERPAID", wait, _PAY),
        OutcomeRow("ORDER_PAID", wait, _PAY),
        *(OutcomeRow(code, no, _PAY, because=final) for code in _PAY_REFUSED),
        *(OutcomeRow(code, yes, _STOP, because="it is closed") for code in (
            "ORDERCLOSED", "ORDER_CLOSED", "ORDERREVERSED")),
        *(OutcomeRow(code, no, _STOP, because="it is paid, or of another kind") for code in (
            "ORDERPAID", "ORDER_PAID", "TRADE_STATE_ERROR", "REVERSE_EXPIRE", "ORDERNOTEXIST", "ORDER_NOT_EXIST")),
        OutcomeRow("REFUND_PROCESSING", wait, _REFUND),
        OutcomeRow("REFUND_CLOSED", no, _REFUND, because="this refund number is closed for ever"),
        *(OutcomeRow(code, no, _REFUND, because="the merchant's balance is empty; same number later") for code in (
            "NOTENOUGH", "NOT_ENOUGH")),
        OutcomeRow("RESOURCE_NOT_EXISTS", no, _REFUND, because="no such order to refund"),
        *(OutcomeRow(code, no, because="not executed") for code in _DEFINITE),
        *(OutcomeRow(code, no, frozenset({"query", "order_query", "refund_query"})) for code in (
            "ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS")),
    )  # fmt: skip


OUTCOMES: Final = _rows()
