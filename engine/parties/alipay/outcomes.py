"""What Alipay's answers mean.

Not listed, and therefore unknown: 20000, ACQ.SYSTEM_ERROR, ACQ.CONTEXT_INCONSISTENT (the number is taken by a request
of other content), ACQ.DISCORDANT_REPEAT_REQUEST, and whatever comes new. Query, never guess.
"""

from __future__ import annotations

from typing import Final

from engine.core.outcome import Outcome
from engine.parties.contract import Op, OutcomeRow

METHODS: Final = {
    "precreate": "alipay.trade.precreate",
    "pay": "alipay.trade.pay",
    "query": "alipay.trade.query",
    "cancel": "alipay.trade.cancel",
    "close": "alipay.trade.close",
    "refund": "alipay.trade.refund",
    "refund_query": "alipay.trade.fastpay.refund.query",
    "freeze": "alipay.fund.auth.order.freeze",
    "freeze_code": "alipay.fund.auth.order.voucher.create",
    "freeze_query": "alipay.fund.auth.operation.detail.query",
    "freeze_cancel": "alipay.fund.auth.operation.cancel",
    "unfreeze": "alipay.fund.auth.order.unfreeze",
    "bill": "alipay.data.dataservice.bill.downloadurl.query",
}
_ORDER: Final = frozenset({"precreate", "freeze_code"})
_FREEZE: Final = frozenset({"freeze", "freeze_code"})
_PAY: Final = frozenset({"precreate", "pay"}) | _FREEZE
_STOP: Final = frozenset({"close", "cancel", "freeze_cancel"})
_REFUND: Final = frozenset({"refund", "unfreeze"})
_QUERY: Final = frozenset({"query", "refund_query", "freeze_query"})


def _op(name: str, zh: str, en: str, *, changes: bool = False, money: bool = False, number: str = "") -> Op:
    return Op(name, zh, en, changes=changes, money=money, number=number)


OPS: Final = {
    op.name: op
    for op in (
        _op("precreate", "扫码下单", "order for a QR code", changes=True, money=True, number="trade"),
        _op("pay", "付款码支付，或用冻结资金支付", "charge a payment code or frozen funds",
            changes=True, money=True, number="trade"),
        _op("query", "查询交易", "ask for a trade"),
        _op("cancel", "撤销交易（已付则退回）", "cancel a trade, paid or not", changes=True, money=True),
        _op("close", "关闭未付交易", "close an unpaid trade", changes=True),
        _op("refund", "退款", "refund", changes=True, money=True, number="refund"),
        _op("refund_query", "查询退款", "ask for a refund"),
        _op("freeze", "付款码冻结资金（预授权）", "freeze funds by a payment code",
            changes=True, money=True, number="freeze"),
        _op("freeze_code", "扫码冻结资金（预授权）", "order a QR code to freeze funds",
            changes=True, money=True, number="freeze"),
        _op("freeze_query", "查询资金授权操作", "ask for an operation on frozen funds"),
        _op("freeze_cancel", "撤销资金授权操作", "cancel a freeze, done or not", changes=True, money=True),
        _op("unfreeze", "解冻", "give frozen funds free", changes=True, money=True, number="refund"),
        _op("bill", "查询对账单下载地址", "ask where a bill can be fetched"),
    )
}  # fmt: skip

_PAY_REFUSED: Final = (
    "ACQ.PAYMENT_AUTH_CODE_INVALID", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH",
    "ACQ.ERROR_BALANCE_PAYMENT_DISABLE", "ACQ.BUYER_SELLER_EQUAL", "ACQ.TRADE_BUYER_NOT_MATCH",
    "ACQ.BUYER_ENABLE_STATUS_FORBID", "ACQ.MOBILE_PAYMENT_SWITCH_OFF", "ACQ.PAYMENT_REQUEST_HAS_RISK",
    "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "ACQ.TRADE_HAS_CLOSE", "ACQ.TOTAL_FEE_EXCEED",
    "ACQ.SELLER_BEEN_BLOCKED", "ACQ.PARTNER_ERROR", "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR",
    "ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR", "ACQ.BEYOND_PAY_RESTRICTION", "ACQ.BEYOND_PER_RECEIPT_RESTRICTION",
    "PAYMENT_AUTH_CODE_INVALID", "PAYER_BALANCE_NOT_ENOUGH", "USER_MONEY_NOT_ENOUGH",
)  # fmt: skip
_DEFINITE: Final = ("ACQ.INVALID_PARAMETER", "ACQ.ACCESS_FORBIDDEN", "INVALID_PARAMETER", "40001", "40002", "40003",
                    "40006", "20001")  # fmt: skip
_REFUND_REFUSED: Final = (
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "ACQ.TRADE_HAS_FINISHED", "ACQ.TRADE_NOT_EXIST",
    "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.TRADE_NOT_ALLOW_REFUND", "AUTH_ORDER_NOT_EXIST",
    "AUTH_AMOUNT_NOT_ENOUGH", "ORDER_ALREADY_CLOSED", "ORDER_ALREADY_FINISH",
)  # fmt: skip


def _rows() -> tuple[OutcomeRow, ...]:
    yes, no, wait = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING
    final = "the platform's own no: this number was not and will not be charged by this request"
    return (
        OutcomeRow("OK", wait, _ORDER, because="a QR code is not yet a payment"),
        OutcomeRow("OK", yes),
        OutcomeRow("10003", wait, _PAY),
        OutcomeRow("INIT", wait, _FREEZE | _REFUND),
        OutcomeRow("ACQ.TRADE_HAS_SUCCESS", wait, _PAY, because="paid under our own number: the query says by whom"),
        *(OutcomeRow(code, no, _PAY, because=final) for code in _PAY_REFUSED),
        OutcomeRow("RETRY", wait, _STOP),
        OutcomeRow("NOTHING", no, _STOP, because="nothing was there to cancel: a request under way may still arrive"),
        OutcomeRow("ACQ.TRADE_HAS_CLOSE", yes, _STOP, because="it is closed"),
        OutcomeRow("ORDER_ALREADY_CLOSED", yes, _STOP, because="it is closed"),
        *(OutcomeRow(code, no, _STOP, because="it is paid, not there, or too old to be stopped") for code in (
            "ACQ.TRADE_NOT_EXIST", "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.TRADE_STATUS_ERROR",
            "ACQ.TRADE_HAS_FINISHED", "ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_CANCEL_TIME_OUT",
            "ACQ.SELLER_BALANCE_NOT_ENOUGH", "AUTH_ORDER_NOT_EXIST", "ORDER_ALREADY_FINISH",
            "AUTH_OPERATION_NOT_EXIST")),
        OutcomeRow("NO_CHANGE", wait, _REFUND, because="done before or not at all: the inquiry says which"),
        OutcomeRow("ACQ.SELLER_BALANCE_NOT_ENOUGH", no, _REFUND,
                   because="the seller's balance is empty; same number later"),
        *(OutcomeRow(code, no, _REFUND, because="not refunded, and never will be by this request")
          for code in _REFUND_REFUSED),
        *(OutcomeRow(code, no, _QUERY) for code in (
            "ACQ.TRADE_NOT_EXIST", "NOT_YET", "AUTH_ORDER_NOT_EXIST", "AUTH_OPERATION_NOT_EXIST")),
        *(OutcomeRow(code, no, because="not executed") for code in (*_DEFINITE, "isv.*", "aop.*")),
    )  # fmt: skip


OUTCOMES: Final = _rows()
