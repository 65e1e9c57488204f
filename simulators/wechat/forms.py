"""Orders and refunds as v3 answers and callbacks show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from simulators.base.world import BEIJING
from simulators.wechat.book import Order, Payment, Refund

TRADE_TYPE = {
    "native": "NATIVE", "jsapi": "JSAPI", "app": "APP", "h5": "MWEB", "codepay": "MICROPAY",
    "micropay": "MICROPAY",
}
STATE_TEXT = {
    "SUCCESS": "支付成功", "REFUND": "订单发生过退款，退款详情请查询退款单", "NOTPAY": "订单未支付",
    "CLOSED": "订单已关闭", "REVOKED": "订单已撤销", "USERPAYING": "需要用户输入支付密码",
    "PAYERROR": "支付失败(其他原因)",
}
REFUND_EVENT = {
    "SUCCESS": ("REFUND.SUCCESS", "退款成功"), "ABNORMAL": ("REFUND.ABNORMAL", "退款异常"),
    "CLOSED": ("REFUND.CLOSED", "退款关闭"),
}


def beijing(at: float) -> str:
    """RFC 3339 to the second with +08:00, as the platform writes times."""
    return datetime.fromtimestamp(int(at), BEIJING).isoformat()


def payment_of(order: Order, transaction_id: str = "") -> Payment | None:
    """The payment asked for, else the first."""
    wanted = [p for p in order.payments if p.transaction_id == transaction_id]
    found = wanted or order.payments
    return found[0] if found else None


def order_form(order: Order, mchid: str, payment: Payment | None) -> dict[str, Any]:
    """The answer of a query, of codepay, and the plain text of TRANSACTION.SUCCESS."""
    terms = order.terms
    form: dict[str, Any] = {
        "appid": terms.appid, "mchid": mchid, "out_trade_no": order.no,
        "trade_type": TRADE_TYPE[terms.product], "trade_state": order.state,
        "trade_state_desc": STATE_TEXT[order.state], "attach": terms.attach, "promotion_detail": [],
    }
    amount: dict[str, Any] = {"total": terms.total, "currency": "CNY"}
    if payment is None:
        form["payer"] = {"openid": terms.openid} if terms.openid else {}
    else:
        form["transaction_id"] = payment.transaction_id
        form["bank_type"] = payment.bank_type
        form["success_time"] = beijing(payment.at)
        form["payer"] = {"openid": payment.openid}
        amount |= {"payer_total": terms.total, "payer_currency": "CNY"}
    if terms.device:
        form["scene_info"] = {"device_id": terms.device}
    form["amount"] = amount
    return form


def refund_form(refund: Refund) -> dict[str, Any]:
    """The answer of a refund and of its query."""
    form: dict[str, Any] = {
        "refund_id": refund.refund_id, "out_refund_no": refund.no, "transaction_id": refund.transaction_id,
        "out_trade_no": refund.order.no, "channel": refund.channel, "user_received_account": refund.account,
        "create_time": beijing(refund.at), "status": refund.status, "funds_account": refund.funds,
        "amount": {
            "total": refund.order.terms.total, "refund": refund.amount, "from": [],
            "payer_total": refund.order.terms.total, "payer_refund": refund.amount,
            "settlement_refund": refund.amount, "settlement_total": refund.order.terms.total,
            "discount_refund": 0, "currency": "CNY",
        },
        "promotion_detail": [],
    }
    if refund.status == "SUCCESS":
        form["success_time"] = beijing(refund.done_at)
    return form


def refund_event_form(refund: Refund, mchid: str) -> dict[str, Any]:
    """The plain text of a REFUND.* callback: other names than the query's, no channel."""
    form: dict[str, Any] = {
        "mchid": mchid, "transaction_id": refund.transaction_id, "out_trade_no": refund.order.no,
        "refund_id": refund.refund_id, "out_refund_no": refund.no, "refund_status": refund.status,
        "user_received_account": refund.account,
        "amount": {
            "total": refund.order.terms.total, "refund": refund.amount,
            "payer_total": refund.order.terms.total, "payer_refund": refund.amount,
        },
    }
    if refund.status == "SUCCESS":
        form["success_time"] = beijing(refund.done_at)
    return form
