"""Why the platform says no: one table for both generations of the interface.

A refusal is a definite answer (the order did not happen), except SYSTEM_ERROR and BANK_ERROR, which
leave the outcome open on purpose. `number` is the tail of the answer's Request-ID.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulators.base.objection import Objecting

# The vendor publishes no number for plain parameter errors; this one is the simulator's own.
OTHER = 268435466


@dataclass(frozen=True)
class Reason:
    """How one refusal is said: v3 status, v3 code, number, v2 err_code, Chinese text."""

    status: int
    code: str
    number: int
    err_code: str
    text: str


REASONS: dict[str, Reason] = {
    "param": Reason(400, "PARAM_ERROR", OTHER, "PARAM_ERROR", "参数错误"),
    "extra_param": Reason(400, "PARAM_ERROR", 270924358, "PARAM_ERROR", "请求中含有未在API文档中定义的参数"),
    "sign": Reason(401, "SIGN_ERROR", 268443699, "SIGNERROR", "错误的签名，验签失败"),
    "mchid": Reason(400, "MCH_NOT_EXISTS", OTHER, "MCHID_NOT_EXIST", "商户号不存在"),
    "appid": Reason(400, "APPID_MCHID_NOT_MATCH", OTHER, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配"),
    "no_auth": Reason(403, "NO_AUTH", OTHER, "NOAUTH", "商户无此接口权限"),
    "limit": Reason(403, "RULE_LIMIT", OTHER, "TRADE_ERROR", "交易被风控规则限制，请更换其他支付方式"),
    "frequency": Reason(429, "FREQUENCY_LIMITED", 268447840, "FREQUENCY_LIMITED", "频率限制，请降低请求频率"),
    "system": Reason(500, "SYSTEM_ERROR", OTHER, "SYSTEMERROR", "系统异常，请用相同参数重新调用"),
    "bank": Reason(502, "BANK_ERROR", OTHER, "BANKERROR", "银行系统异常"),
    "no_order": Reason(404, "ORDER_NOT_EXIST", 268512771, "ORDERNOTEXIST", "订单不存在"),
    "paid": Reason(400, "ORDERPAID", 268449538, "ORDERPAID", "该订单已支付"),
    "closed": Reason(400, "ORDER_CLOSED", 268447914, "ORDERCLOSED", "该订单已关闭"),
    "reversed": Reason(400, "ORDERREVERSED", 268447914, "ORDERREVERSED", "该订单已撤销"),
    "differs": Reason(
        400, "INVALID_REQUEST", 268498688, "OUT_TRADE_NO_USED", "请求重入时，参数与首次请求时不一致"
    ),
    "used": Reason(403, "OUT_TRADE_NO_USED", 268498688, "OUT_TRADE_NO_USED", "商户订单号重复"),
    "only_reverse": Reason(
        400, "INVALID_REQUEST", 268449641, "TRADE_STATE_ERROR", "付款码支付订单只能撤销，请调用撤销接口"
    ),
    "not_reversible": Reason(
        400, "INVALID_REQUEST", OTHER, "TRADE_STATE_ERROR", "只有付款码支付订单可以撤销，请调用关单或退款接口"
    ),
    "reverse_refunded": Reason(400, "INVALID_REQUEST", OTHER, "TRADE_STATE_ERROR", "订单已退款，不能撤销"),
    "reverse_expired": Reason(400, "INVALID_REQUEST", OTHER, "REVERSE_EXPIRE", "订单超过7天，无法撤销"),
    "expire": Reason(
        400, "PARAM_ERROR", OTHER, "INVALID_REQUEST", "time_expire时间过短，至少1分钟"
    ),
    "paying": Reason(400, "USERPAYING", OTHER, "USERPAYING", "需要用户输入支付密码"),
    "code_expired": Reason(
        400, "AUTH_CODE_EXPIRED", OTHER, "AUTHCODEEXPIRE", "二维码已过期，请用户在微信上刷新后再试"
    ),
    "code_invalid": Reason(400, "AUTH_CODE_INVALID", OTHER, "AUTH_CODE_INVALID", "请扫描微信支付付款码"),
    "payer_poor": Reason(403, "NOT_ENOUGH", OTHER, "NOTENOUGH", "用户账号余额不足"),
    "merchant_poor": Reason(403, "NOT_ENOUGH", OTHER, "NOTENOUGH", "基本账户余额不足，请充值后重新发起"),
    "payer_failed": Reason(403, "TRADE_ERROR", OTHER, "TRADE_ERROR", "用户取消支付或支付失败"),
    "refund_differs": Reason(
        400, "INVALID_REQUEST", OTHER, "REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致，请核实后再试"
    ),
    "refund_too_much": Reason(400, "INVALID_REQUEST", OTHER, "ERROR", "累计退款金额大于支付金额"),
    "refund_full": Reason(400, "INVALID_REQUEST", OTHER, "TRADE_STATE_ERROR", "订单已全额退款"),
    "refund_total": Reason(400, "PARAM_ERROR", OTHER, "PARAM_ERROR", "订单金额与微信支付记录不一致"),
    "refund_unpaid": Reason(400, "INVALID_REQUEST", OTHER, "ORDERNOTREADY", "订单未支付，不能退款"),
    "refund_many": Reason(400, "INVALID_REQUEST", OTHER, "ERROR", "一笔订单最多支持50次部分退款"),
    "refund_late": Reason(400, "INVALID_REQUEST", OTHER, "TRADE_OVERDUE", "订单已超过可退款的最大期限"),
    "no_refund": Reason(404, "RESOURCE_NOT_EXISTS", OTHER, "REFUNDNOTEXIST", "退款单不存在"),
    "refund_not_abnormal": Reason(400, "INVALID_REQUEST", OTHER, "ERROR", "退款单不是异常状态，不能发起异常退款"),
    "no_bill": Reason(400, "NO_STATEMENT_EXIST", OTHER, "No Bill Exist", "账单文件不存在"),
    "bill_creating": Reason(400, "STATEMENT_CREATING", OTHER, "Bill Creating", "账单生成中，请稍后再试"),
    "bill_link": Reason(400, "INVALID_REQUEST", OTHER, "PARAM_ERROR", "下载链接已失效，请重新申请账单"),
}

# The vendor uses both spellings; the setting `old_spelling` answers with these.
OLD_SPELLING = {
    "ORDER_NOT_EXIST": "ORDERNOTEXIST", "ORDER_CLOSED": "ORDERCLOSED", "RULE_LIMIT": "RULELIMIT",
    "FREQUENCY_LIMITED": "FREQUENCY_LIMIT", "AUTH_CODE_EXPIRED": "AUTHCODEEXPIRE",
}


class Refusal(Objecting):
    """The platform's no, by its name in REASONS; `text` and `detail` replace or add to the table's words."""

    def __init__(self, name: str, text: str = "", detail: dict[str, Any] | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.reason = REASONS[name]
        self.text = text or self.reason.text
        self.detail = detail
