"""WeChat Pay's operations, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from simulators.base.menu import (
    Act,
    Line,
    Section,
    Words,
    choice,
    fen,
    maybe,
    misfortune,
    said,
    setting,
    settings_section,
    text,
)
from simulators.wechat.codepay import BEHAVIOURS
from simulators.wechat.settings import Settings

if TYPE_CHECKING:
    from simulators.wechat.book import Order
    from simulators.wechat.party import WeChatSim

TITLE = said("微信支付", "WeChat Pay")
OPS = {
    "native": said("二维码下单", "order by QR"), "jsapi": said("公众号下单", "order in WeChat (JSAPI)"),
    "h5": said("H5 下单", "order by web page (H5)"), "app": said("APP 下单", "order by app"),
    "codepay": said("付款码（v3）", "payment code (v3)"), "micropay": said("付款码（v2）", "payment code (v2)"),
    "query": said("查订单", "query an order"), "close": said("关单", "close"), "reverse": said("撤销", "reverse"),
    "refund": said("退款", "refund"), "refund_query": said("查退款", "query a refund"),
    "med_ins": said("医保自费混合下单", "order of insurance and cash"),
    "med_ins_query": said("查混合订单", "query a mixed order"),
    "med_ins_refunded": said("医保退款通知（商户告知）", "told of insurance money given back"),
    "abnormal_refund": said("异常退款", "abnormal refund"), "certificates": said("平台证书", "platform certificates"),
    "echo": said("自检", "self-test"), "tradebill": said("交易账单", "trade bill"),
    "fundflowbill": said("资金账单", "fund flow bill"), "download": said("下载账单", "download of a bill"),
    "paid": said("支付通知", "payment callback"), "refunded": said("退款通知", "refund callback"),
}  # fmt: skip
_TOLD = ("paid", "refunded")
_BILLS = ("tradebill", "fundflowbill")
_ORDERS = ("native", "jsapi", "h5", "app", "paid", "refunded", "refund")
FAULTS = {
    "callback_never": misfortune("不通知", "never told", _ORDERS),
    "callback_late": misfortune("通知迟到（秒）", "told late (seconds)", _ORDERS),
    "callback_twice": misfortune("通知两次", "told twice", _ORDERS),
    "callback_before_reply": misfortune("先通知后答复", "told before the reply", ("native", "jsapi", "h5", "app",
        "refund")),
    "callback_dead": misfortune("通知一次送不到，按平台的间隔再送", "one try reaches nobody, told again later",
        _TOLD),
    "callback_odd_type": misfortune("通知的 Content-Type 不对", "told with another Content-Type", _TOLD),
    "callback_more_fields": misfortune("通知多出未约定的字段", "told with fields nobody has agreed", _TOLD),
    "callback_gbk": misfortune("通知是 GBK 编码", "told in GBK", _TOLD),
    "clock_skew": misfortune("平台时钟快十分钟", "the platform's clock is ten minutes ahead"),
    "frequency": misfortune("频率限制", "too many requests (FREQUENCY_LIMITED)"),
    "system_error": misfortune("系统异常（结果未知）", "SYSTEM_ERROR: the outcome stays open"),
    "bank_error": misfortune("银行异常（结果未知）", "BANK_ERROR: the outcome stays open"),
    "no_auth": misfortune("无接口权限", "no permission (NO_AUTH)"),
    "recall": misfortune("撤销须再调（recall=Y）", "a reversal to be called again (recall=Y)", ("reverse",)),
    "old_timestamp": misfortune("答复或通知的时间戳过旧", "an old timestamp on the reply or callback"),
    "unknown_serial": misfortune("证书序列号未知", "an unknown certificate serial"),
    "missing_signature": misfortune("缺签名头", "a signature header is missing"),
    "unsigned": misfortune("成功而无签名", "a success without a signature"),
    "probe": misfortune("假签名探测（WECHATPAY/SIGNTEST/）", "a probe with a false signature (WECHATPAY/SIGNTEST/)"),
    "callback_new_id": misfortune("同一事实换通知号再发", "the same fact told again under a new id", _TOLD),
    "other_merchant": misfortune("通知里是别的商户", "the callback names another merchant", _TOLD),
    "refund_abnormal": misfortune("退款以异常告终", "the refund ends ABNORMAL", ("refund",)),
    "refund_closed": misfortune("退款关闭", "the refund ends CLOSED", ("refund",)),
    "refund_stuck": misfortune("退款一直处理中", "the refund stays PROCESSING", ("refund",)),
    "bill_missing_row": misfortune("账单少一行", "the bill lacks a row", _BILLS),
    "bill_extra_row": misfortune("账单多一行", "the bill has a row too many", _BILLS),
    "bill_wrong_amount": misfortune("账单金额不符", "a row of the bill has another amount", _BILLS),
    "bill_cross_day": misfortune("一行记到次日账单", "a row stands in the next day's bill", ("tradebill",)),
    "bill_processing": misfortune("退款行仍为 PROCESSING", "refunds of the bill are still PROCESSING", ("tradebill",)),
    "bill_empty": misfortune("账单只有表头", "the bill has a header and no row", ("tradebill",)),
    "bill_old_header": misfortune("账单用旧表头", "the bill has the columns of former years", ("tradebill",)),
    "bill_reordered": misfortune("账单列序不同", "the bill's columns in another order", ("tradebill",)),
    "bill_bad_hash": misfortune("账单摘要不符", "the bill's hash is wrong", _BILLS),
    "bill_none": misfortune("账单不存在", "there is no bill (NO_STATEMENT_EXIST)", _BILLS),
    "bill_creating": misfortune("账单生成中", "the bill is being made (STATEMENT_CREATING)", _BILLS),
    "bill_link_expired": misfortune("下载地址已失效", "the bill's address has expired", _BILLS),
    "bill_garbage": misfortune("账单是 GBK 编码", "the bill is in GBK", _BILLS),
    "bill_bomb": misfortune("账单是解压炸弹（80 MiB）", "the bill is a bomb: 80 MiB unpacked", _BILLS),
}  # fmt: skip
_NO = text("no", "订单号", "order number")
ACTS = (
    Act("pay", "付款", "pay", (_NO,)),
    Act("cancel", "不付了", "walk away", (_NO,)),
    Act("pay_twice", "两人各付一次", "pay twice", (_NO,), grave=True),
    Act("pay_after_close", "关单后到账", "pay after it was closed", (_NO,), grave=True),
    Act("refund_at_portal", "在商户平台退款", "refund at the portal", (
        _NO, maybe("amount", "金额（分），不填退全部余额", "fen; empty: all that is left", "fen")), grave=True),
    Act("finish_refund", "退款有结果", "finish a refund", (
        text("no", "退款单号", "refund number"), choice("status", "结果", "result", ("SUCCESS", "ABNORMAL",
            "CLOSED")))),
    Act("refund_elsewhere", "申请异常退款（在商户平台）", "apply for an abnormal refund at the portal", (
        text("no", "退款单号", "refund number"), choice("way", "退到", "to", ("MERCHANT_BANK_CARD",
            "USER_BANK_CARD")))),
    Act("payer", "付款码持有人将如何", "how the holder of a payment code behaves", (
        text("auth_code", "付款码", "payment code"), choice("behaviour", "表现", "behaviour", BEHAVIOURS),
        maybe("seconds", "秒", "seconds", "number"))),
    Act("callback_again", "再通知一次", "tell it again", (text("no", "订单号或退款单号", "order or refund number"),)),
    Act("send_probe", "发假签名探测", "send a probe with a false signature", (_NO,), grave=True),
    Act("rotate_key", "换平台证书", "a new platform certificate"),
    Act("set_balance", "商户余额（分）", "the merchant's balance", (fen("amount", "分", "fen"),)),
    Act("pay_mixed", "付混合订单（医保加自费）", "pay a mixed order (insurance and cash)", (
        _NO, maybe("insurance", "elsewhere：医保支付单不在这里下", "elsewhere: ordered at none of these"))),
    Act("pay_mixed_after_close", "混合订单关闭后到账", "a mixed order is paid after it was closed", (_NO,), grave=True),
    Act("fail_mixed", "混合订单失败", "a mixed order fails", (_NO,)),
    Act("withdraw", "T+1 提现", "T+1 withdrawal", (fen("retain", "留存（分）", "fen to stay"),)),
    Act("state", "查看一笔", "show one order", (_NO,)),
    setting(names=[f.name for f in fields(Settings)]),
)  # fmt: skip
_COLUMNS: tuple[Words, ...] = (
    said("订单号", "order"), said("账单", "bill"), said("产品", "product"), said("金额", "amount"),
    said("状态", "state"), said("付款笔数", "payments"), said("退款", "refunds"),
)  # fmt: skip
_BUTTONS = {
    "NOTPAY": ("pay", "cancel", "pay_twice"), "USERPAYING": ("pay", "cancel"), "CLOSED": ("pay_after_close",),
    "SUCCESS": ("refund_at_portal", "pay_twice", "callback_again"), "REFUND": ("callback_again",),
}  # fmt: skip
SHOWN = 50


def sections(party: WeChatSim) -> list[Section]:
    """Orders with their payers' buttons, the account, the settings."""
    orders = list(party.book.orders.values())[: -SHOWN - 1 : -1]
    account = [
        Line((said("余额", "balance"), party.book.balance)),
        Line((said("进行中的退款", "refunds under way"), sum(
            r.amount for r in party.book.refunds.values() if r.status == "PROCESSING"))),
    ]  # fmt: skip
    return [
        Section(said("订单", "Orders"), _COLUMNS, [_line(order) for order in orders], frozenset({3})),
        Section(said("商户账户", "The merchant's account"), (said("项", "what"), said("元", "yuan")), account,
                frozenset({1})),
        settings_section(vars(party.settings)),
    ]  # fmt: skip


def _line(order: Order) -> Line:
    refunds = ", ".join(f"{r.no} {r.status} {r.amount / 100:.2f}" for r in order.refunds)
    cells = (
        order.no, order.terms.attach, order.terms.product, order.terms.total, order.state, len(order.payments), refunds,
    )  # fmt: skip
    acts = [(name, {"no": order.no}) for name in _BUTTONS.get(order.state, ())]
    acts += [("finish_refund", {"no": r.no, "status": "SUCCESS"}) for r in order.refunds if r.status == "PROCESSING"]
    acts += [("refund_elsewhere", {"no": r.no, "way": "MERCHANT_BANK_CARD"}) for r in order.refunds
             if r.status == "ABNORMAL"]  # fmt: skip
    return Line(cells, acts)
