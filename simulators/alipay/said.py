"""Alipay's operations, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from simulators.alipay.settings import Settings
from simulators.alipay.trade import BEHAVIOURS
from simulators.base.menu import (
    Act,
    Line,
    Section,
    choice,
    fen,
    maybe,
    misfortune,
    said,
    setting,
    settings_section,
    text,
)

if TYPE_CHECKING:
    from simulators.alipay.book import Trade
    from simulators.alipay.party import AlipaySim

TITLE = said("支付宝", "Alipay")
OPS = {
    "precreate": said("预下单（二维码）", "order a QR (precreate)"), "pay": said("付款码支付", "pay by payment code"),
    "query": said("查询", "query"), "cancel": said("撤销", "cancel"), "close": said("关闭", "close"),
    "refund": said("退款", "refund"), "refund_query": said("查退款", "query a refund"),
    "freeze": said("资金冻结", "freeze funds"), "freeze_code": said("发码冻结", "a QR to freeze funds"),
    "freeze_query": said("查冻结", "query a freeze"), "freeze_cancel": said("撤销冻结", "cancel a freeze"),
    "unfreeze": said("解冻", "unfreeze"), "bill": said("账单地址", "address of a bill"),
    "download": said("下载账单", "download of a bill"), "paid": said("支付通知", "payment notification"),
    "refunded": said("退款通知", "refund notification"), "auth": said("冻结通知", "authorisation notification"),
}  # fmt: skip
_TOLD = ("paid", "refunded", "auth")
FAULTS = {
    "callback_never": misfortune("不通知", "never told", ("precreate", *_TOLD)),
    "callback_late": misfortune("通知迟到（秒）", "told late (seconds)", ("precreate", *_TOLD)),
    "callback_twice": misfortune("通知两次", "told twice", ("precreate", *_TOLD)),
    "callback_before_reply": misfortune("先通知后答复", "told before the reply", ("precreate",)),
    "callback_dead": misfortune("通知一次送不到，按平台的间隔再送", "one try reaches nobody, told again later",
        _TOLD),
    "callback_odd_type": misfortune("通知的 Content-Type 不对", "told with another Content-Type", _TOLD),
    "callback_more_fields": misfortune("通知多出未约定的字段", "told with fields nobody has agreed", _TOLD),
    "callback_gbk": misfortune("通知是 GBK 编码", "told in GBK", _TOLD),
    "system_error": misfortune("服务不可用（20000，结果未知）", "unavailable (20000): the outcome stays open"),
    "no_auth": misfortune("无权限", "no permission"),
    "frequency": misfortune("调用太频繁", "too many calls"),
    "retry": misfortune("撤销须再调（retry_flag=Y）", "a cancel to be called again (retry_flag=Y)", ("cancel",
        "freeze_cancel")),
    "unsigned": misfortune("答复无签名", "the reply is not signed"),
    "callback_new_id": misfortune("同一事实换通知号再发", "the same fact told again under a new id", _TOLD),
    "other_app": misfortune("通知里是别的应用", "the notification names another application", _TOLD),
    "other_seller": misfortune("通知里是别的收款方", "the notification names another seller", _TOLD),
    "refund_unchanged": misfortune("退款 10000 而 fund_change=N",
        "a refund says 10000 with fund_change N, nothing went back", ("refund",)),
    "refund_slow": misfortune("退款若干秒后才到账", "the refund goes back seconds later", ("refund",)),
    "bill_missing_row": misfortune("账单少一行", "the bill lacks a row", ("bill",)),
    "bill_extra_row": misfortune("账单多一行", "the bill has a row too many", ("bill",)),
    "bill_wrong_amount": misfortune("账单金额不符", "a row of the bill has another amount", ("bill",)),
    "bill_cross_day": misfortune("一行记到次日账单", "a row stands in the next day's bill", ("bill",)),
    "bill_empty": misfortune("账单只有表头", "the bill has a header and no row", ("bill",)),
    "bill_reordered": misfortune("账单列序不同", "the bill's columns in another order", ("bill",)),
    "bill_none": misfortune("账单不存在", "there is no bill", ("bill",)),
    "bill_link_expired": misfortune("下载地址已失效", "the bill's address has expired", ("bill",)),
    "bill_garbage": misfortune("账单是乱码", "the bill is garbage", ("bill",)),
    "bill_bomb": misfortune("账单是解压炸弹（80 MiB）", "the bill is a bomb: 80 MiB unpacked", ("bill",)),
}  # fmt: skip
_NO = text("no", "订单号", "order number")
ACTS = (
    Act("pay", "付款", "pay", (_NO,)),
    Act("scan", "扫码未付", "scan, do not pay yet", (_NO,)),
    Act("cancel", "不付了", "walk away", (_NO,)),
    Act("pay_twice", "两人各付一次", "pay twice", (_NO,), grave=True),
    Act("pay_after_close", "关闭后到账", "pay after it was closed", (_NO,), grave=True),
    Act("refund_at_portal", "在商家平台退款", "refund at the portal", (
        _NO, maybe("amount", "金额（分），不填退全部余额", "fen; empty: all that is left", "fen")), grave=True),
    Act("finish", "交易结束（不可再退）", "the trade is finished: no refund any more", (_NO,)),
    Act("payer", "付款码持有人将如何", "how the holder of a payment code behaves", (
        text("auth_code", "付款码", "payment code"), choice("behaviour", "表现", "behaviour", BEHAVIOURS),
        maybe("seconds", "秒", "seconds", "number"))),
    Act("callback_again", "再通知一次", "tell it again", (text("no", "订单号或退款单号", "order or refund number"),)),
    Act("set_balance", "商户余额（分）", "the seller's balance", (fen("amount", "分", "fen"),)),
    Act("withdraw", "T+1 提现", "T+1 withdrawal", (fen("retain", "留存（分）", "fen to stay"),)),
    Act("state", "查看一笔", "show one trade", (_NO,)),
    setting(names=[f.name for f in fields(Settings)]),
)  # fmt: skip
_COLUMNS = (
    said("订单号", "order"), said("账单", "bill"), said("产品", "product"), said("金额", "amount"), said("状态",
        "state"),
    said("付款笔数", "payments"), said("已退", "refunded"),
)  # fmt: skip
_BUTTONS = {
    "": ("pay", "scan", "pay_twice"), "WAIT_BUYER_PAY": ("pay", "cancel", "pay_twice"),
        "TRADE_CLOSED": ("pay_after_close",),
    "TRADE_SUCCESS": ("refund_at_portal", "pay_twice", "finish", "callback_again"),
}  # fmt: skip
SHOWN = 50


def sections(party: AlipaySim) -> list[Section]:
    """Trades with their payers' buttons, authorisations, the account, the settings."""
    trades = list(party.book.trades.values())[: -SHOWN - 1 : -1]
    auths = [
        Line(
            (one.no, one.title, one.amount, one.rest, one.paid, one.state),
            [("pay", {"no": one.no})] if one.state == "INIT" else [],
        )
        for one in list(party.auths.orders.values())[: -SHOWN - 1 : -1]
    ]
    columns = (
        said("授权单号", "authorisation"), said("标题", "title"), said("冻结", "frozen"), said("剩余", "rest"),
        said("已转支付", "captured"), said("状态", "state"),
    )  # fmt: skip
    account = [Line((said("余额", "balance"), party.book.balance))]
    return [
        Section(said("交易", "Trades"), _COLUMNS, [_line(trade) for trade in trades], frozenset({3, 6})),
        Section(said("资金授权", "Authorisations"), columns, auths, frozenset({2, 3, 4})),
        Section(said("商户账户", "The seller's account"), (said("项", "what"), said("元", "yuan")), account,
            frozenset({1})),
        settings_section(vars(party.settings)),
    ]


def _line(trade: Trade) -> Line:
    state = trade.state or "–"
    cells = (
        trade.no, trade.terms.body, trade.terms.product, trade.terms.total, state, len(trade.payments), trade.refunded,
    )  # fmt: skip
    paid_late = trade.state == "TRADE_CLOSED" and trade.payments
    return Line(cells, [] if paid_late else [(name, {"no": trade.no}) for name in _BUTTONS.get(trade.state, ())])
