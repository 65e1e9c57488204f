"""What WeChat Pay's answers mean. Both spellings of a code occur (ORDER_CLOSED, ORDERCLOSED); both are listed.

Not listed, and therefore unknown: SYSTEM_ERROR, BANK_ERROR, OUT_TRADE_NO_USED, rate limits, and whatever
comes new. Query, never guess.
"""

from __future__ import annotations

from typing import Final

from engine.core.outcome import Outcome
from engine.parties.contract import Op, OutcomeRow

_CREATE: Final = frozenset({"native", "jsapi", "mini", "h5", "med_ins"})
_CODE: Final = frozenset({"micropay", "codepay"})
_PAY: Final = _CREATE | _CODE
_STOP: Final = frozenset({"close", "reverse", "code_reverse"})
_REFUND: Final = frozenset({"refund", "abnormal_refund"})
_BILL: Final = frozenset({"trade_bill", "flow_bill"})


def _op(name: str, zh: str, en: str, *, changes: bool = False, money: bool = False, number: str = "") -> Op:
    return Op(name, zh, en, changes=changes, money=money, number=number)


OPS: Final = {
    op.name: op
    for op in (
        _op("native", "扫码下单", "order for a QR code", changes=True, money=True, number="trade"),
        _op("jsapi", "公众号下单", "order inside WeChat", changes=True, money=True, number="trade"),
        _op("mini", "小程序下单", "order in a mini program", changes=True, money=True, number="trade"),
        _op("h5", "H5 下单（微信外的网页）", "order outside WeChat", changes=True, money=True, number="trade"),
        _op("prepay", "混合支付的自费预下单", "the cash part of a mixed order"),
        _op("med_ins", "医保自费混合下单", "order of insurance and cash", changes=True, money=True, number="mixed"),
        _op("med_ins_query", "查询混合订单", "ask for a mixed order"),
        _op("med_ins_refunded", "医保退款通知", "tell that insurance money was given back"),
        _op("query", "查询订单", "ask for an order"),
        _op("close", "关闭订单", "close an unpaid order", changes=True),
        _op("refund", "退款", "refund", changes=True, money=True, number="refund"),
        _op("refund_query", "查询退款", "ask for a refund"),
        _op("micropay", "付款码支付", "charge a payment code", changes=True, money=True, number="trade"),
        _op("order_query", "查询付款码订单", "ask for a payment code order"),
        _op("certificates", "下载平台证书", "fetch the platform's certificates"),
        _op("reverse", "撤销付款码订单", "reverse a payment code order", changes=True, money=True),
        _op("codepay", "付款码支付（v3，须已开通）", "charge a payment code by v3, where it is open to the merchant",
            changes=True, money=True, number="trade"),
        _op("code_reverse", "撤销付款码订单（v3）", "reverse a payment code order of v3", changes=True, money=True),
        _op("abnormal_refund", "异常退款改退银行卡", "send an abnormal refund to a bank card", changes=True),
        _op("trade_bill", "申请交易账单", "ask for a day's trades"),
        _op("flow_bill", "申请资金账单", "ask for a day's movements of the account"),
        _op("echo", "密钥自检（不下单）", "test both key pairs; places no order"),
    )
}  # fmt: skip

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
        OutcomeRow("RECALL", wait, frozenset({"reverse", "code_reverse"})),
        OutcomeRow("NOTPAY", wait, frozenset({"codepay"})),
        *(OutcomeRow(code, no, frozenset({"codepay"}), because=final) for code in ("PAYERROR", "REVOKED", "CLOSED")),
        OutcomeRow("NO_STATEMENT_EXIST", no, _BILL, because="no trade on that day"),
        OutcomeRow("STATEMENT_CREATING", wait, _BILL),
        # The number is taken by an earlier request of other content: what stands there must be asked for.
        OutcomeRow("INVALID_REQUEST", Outcome.UNKNOWN, _PAY | _REFUND, "不一致"),
        OutcomeRow("USERPAYING", wait, _CODE),
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
        *(OutcomeRow(code, no, frozenset({"query", "order_query", "refund_query", "med_ins_query"})) for code in (
            "ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS")),
    )  # fmt: skip


OUTCOMES: Final = _rows()
