"""Why the platform says no: code, sub_code and words."""

from __future__ import annotations

from simulators.base.objection import Objecting

MSG = {
    "10000": "Success", "10003": "order success pay inprocess", "20000": "Service Currently Unavailable",
    "20001": "Insufficient Token Permissions", "40001": "Missing Required Arguments", "40002": "Invalid Arguments",
    "40004": "Business Failed", "40005": "Call Limited", "40006": "Insufficient Permissions",
}
REASONS: dict[str, tuple[str, str, str]] = {
    "missing": ("40001", "isv.missing-parameter", "缺少必选参数"),
    "method": ("40002", "isv.invalid-method", "不存在的方法名"),
    "app_id": ("40002", "isv.invalid-app-id", "无效的AppID参数"),
    "sign": ("40002", "isv.invalid-signature", "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配"),
    "sign_type": ("40002", "isv.invalid-signature-type", "无效的签名类型"),
    "charset": ("40002", "isv.invalid-charset", "字符集错误"),
    "timestamp": ("40002", "isv.invalid-timestamp", "非法的时间戳参数"),
    "cert": ("40002", "isv.app-cert-sn-not-match", "应用公钥证书SN或根证书SN不匹配"),
    "verb": ("40002", "isv.invalid-http-method", "请求方法不正确"),
    "hidden": ("40002", "isv.decryption-error-unknown", "解密出错，未知错误"),
    "param": ("40002", "isv.invalid-parameter", "参数无效"),
    "token": ("20001", "aop.invalid-auth-token", "无效的访问令牌"),
    "no_auth": ("40006", "isv.insufficient-isv-permissions", "ISV权限不足，建议在开发者中心检查对应功能是否已经添加"),
    "frequency": ("40005", "isv.app-call-limited", "应用调用次数超限"),
    "unavailable": ("20000", "isp.unknow-error", "系统繁忙"),
    "system": ("40004", "ACQ.SYSTEM_ERROR", "系统错误"),
    "business": ("40004", "ACQ.INVALID_PARAMETER", "参数无效"),
    "risk": ("40004", "ACQ.PAYMENT_REQUEST_HAS_RISK", "支付有风险"),
    "no_trade": ("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在"),
    "differs": ("40004", "ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改"),
    "paid": ("40004", "ACQ.TRADE_HAS_SUCCESS", "交易已被支付"),
    "closed": ("40004", "ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
    "status": ("40004", "ACQ.REASON_TRADE_STATUS_INVALID", "交易状态异常"),
    "finished": ("40004", "ACQ.TRADE_HAS_FINISHED", "交易已完结"),
    "code_invalid": ("40004", "ACQ.PAYMENT_AUTH_CODE_INVALID", "支付失败，获取顾客账户信息失败，请顾客刷新付款码"),
    "payer_poor": ("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足"),
    "seller_poor": ("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", "商户的支付宝账户余额不足"),
    "cancel_late": ("40004", "ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围"),
    "refund_too_much": ("40004", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"),
    "refund_differs": ("40004", "ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致"),
    "refund_late": ("40004", "ACQ.TRADE_NOT_ALLOW_REFUND", "当前交易不允许退款"),
    "no_auth_order": ("40004", "AUTH_ORDER_NOT_EXIST", "支付宝资金授权订单不存在"),
    "no_operation": ("40004", "AUTH_OPERATION_NOT_EXIST", "支付宝资金操作流水不存在"),
    "auth_finished": ("40004", "ORDER_ALREADY_FINISH", "支付宝资金授权订单已经完结"),
    "auth_closed": ("40004", "ORDER_ALREADY_CLOSED", "支付宝资金授权订单已经关闭"),
    "auth_short": ("40004", "AUTH_AMOUNT_NOT_ENOUGH", "授权剩余金额不足"),
    "no_bill": ("40004", "isp.bill_not_exist", "账单不存在"),
}


class Refusal(Objecting):
    """The platform's no, by its name in REASONS; `words` replace the table's."""

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.code, self.sub_code, text = REASONS[name]
        self.words = words or text

    def form(self) -> dict[str, str]:
        """As it stands in an answer."""
        return {"code": self.code, "msg": MSG[self.code], "sub_code": self.sub_code, "sub_msg": self.words}
