"""UnionPay's operations, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from simulators.base.menu import (
    Act,
    Line,
    Section,
    choice,
    maybe,
    misfortune,
    said,
    setting,
    settings_section,
    text,
)
from simulators.unionpay.settings import Settings

if TYPE_CHECKING:
    from simulators.unionpay.book import Txn
    from simulators.unionpay.party import UnionPaySim

TITLE = said("银联全渠道", "UnionPay")
OPS = {
    "qr": said("二维码消费（主扫）", "consume by QR"), "scan": said("付款码消费（被扫）", "consume by payment code"),
    "front": said("前台消费", "consume on the gateway's page"), "undo": said("消费撤销", "undo"),
    "refund": said("退货", "refund"), "reverse": said("冲正", "reverse"), "query": said("交易状态查询", "query"),
    "file": said("对账文件", "day file"), "paid": said("消费通知", "payment notice"),
    "refunded": said("退货通知", "refund notice"), "certificate": said("加密公钥更新查询", "encryption certificate"),
}  # fmt: skip
_TOLD, _FILE, _BACK = ("paid", "refunded"), ("file",), ("refund", "undo")
_TELLING = ("qr", "scan", "refund", "undo", *_TOLD)
FAULTS = {
    "callback_never": misfortune("不通知", "never told", _TELLING),
    "callback_late": misfortune("通知迟到（秒）", "told late (seconds)", _TELLING),
    "callback_twice": misfortune("通知两次", "told twice", _TELLING),
    "callback_before_reply": misfortune("先通知后答复", "told before the reply", ("qr", "scan", "refund", "undo")),
    "callback_dead": misfortune("通知一次送不到，按平台的间隔再送", "one try reaches nobody, told again later",
        _TOLD),
    "callback_odd_type": misfortune("通知的 Content-Type 不对", "told with another Content-Type", _TOLD),
    "callback_more_fields": misfortune("通知多出未约定的字段", "told with fields nobody has agreed", _TOLD),
    "callback_gbk": misfortune("通知说是 UTF-8 而编码是 GBK", "told in GBK under the name of UTF-8", _TOLD),
    "too_many_queries": misfortune("查询过于频繁（37）", "queried too often (37)"),
    "out_of_hours": misfortune("不在受理时间（39）", "out of hours (39)"),
    "risk": misfortune("风险受限（38）", "refused for risk (38)"),
    "system_error": misfortune("系统错误（99）", "system error (99)"),
    "no_permission": misfortune("无此权限（32）", "no permission (32)"),
    "suspicious": misfortune("交易失败（01）", "failed (01)"),
    "in_doubt": misfortune("已执行，答复 03 结果未明", "executed, answered 03: in doubt"),
    "other_order": misfortune("答复的是别的订单", "the reply names another order"),
    "unsigned": misfortune("答复无签名", "the reply is not signed"),
    "single_hash": misfortune("只做一次摘要的签名", "a signature over a single hash"),
    "wrong_signer": misfortune("他人证书签名", "signed by another's certificate"),
    "foreign_certificate": misfortune("外来证书", "a certificate of another root"),
    "expired_certificate": misfortune("过期证书", "an expired certificate"),
    "other_merchant": misfortune("通知里是别的商户", "the notice names another merchant", _TOLD),
    "refund_fails": misfortune("先答 00，随后失败", "00 at first, then failed", _BACK),
    "refund_stuck": misfortune("先答 00，一直没有结果", "00 at first, then nothing", _BACK),
    "bill_missing_row": misfortune("对账文件少一行", "the day file lacks a row", _FILE),
    "bill_extra_row": misfortune("对账文件多一行", "the day file has a row too many", _FILE),
    "bill_wrong_amount": misfortune("对账文件金额不符", "a row of the day file has another amount", _FILE),
    "bill_cross_day": misfortune("一行记到次日对账文件", "a row stands in the next day's file", _FILE),
    "bill_empty": misfortune("对账文件没有行", "a day file without a row", _FILE),
    "bill_none": misfortune("对账文件不存在", "there is no day file", _FILE),
    "bill_garbage": misfortune("对账文件是乱码", "the day file is garbage", _FILE),
    "bill_bomb": misfortune("对账文件解压后巨大", "the day file unfolds to 80 MiB", _FILE),
}  # fmt: skip
_NO = text("no", "订单号", "order number")
ACTS = (
    Act("pay", "付款", "pay", (_NO,)),
    Act("cancel", "不付了", "walk away", (_NO,)),
    Act("pay_twice", "两人各付一次", "pay twice", (_NO,), grave=True),
    Act("pay_late", "过期后到账（42）", "pay after the code's time (42)", (_NO,), grave=True),
    Act("refund_at_portal", "在商户平台退货", "refund at the portal", (
        _NO, maybe("amount", "金额（分），不填退全部余额", "fen; empty: all that is left", "fen")), grave=True),
    Act("finish_refund", "退货有结果", "finish a refund", (
        text("no", "退货单号", "refund number"), choice("status", "结果", "result", ("done", "failed")))),
    Act("payer", "付款码持有人将如何", "how the holder of a payment code behaves", (
        text("auth_code", "付款码", "payment code"),
        choice("behaviour", "表现", "behaviour", ("pays", "password", "poor", "walks", "fails")))),
    Act("callback_again", "再通知一次", "tell it again", (_NO,)),
    Act("state", "查看一笔", "show one transaction", (_NO,)),
    setting(names=[f.name for f in fields(Settings)]),
)  # fmt: skip
_COLUMNS = (
    said("订单号", "order"), said("交易", "what"), said("账单", "bill"), said("金额", "amount"), said("状态", "state"),
    said("应答码", "code"), said("查询号", "query id"),
)  # fmt: skip
SHOWN = 50


def sections(party: UnionPaySim) -> list[Section]:
    """Transactions with their payers' buttons, the settings."""
    txns = list(party.book.txns.values())[: -SHOWN - 1 : -1]
    return [
        Section(said("交易", "Transactions"), _COLUMNS, [_line(txn) for txn in txns], frozenset({3})),
        settings_section(vars(party.settings)),
    ]


def _line(txn: Txn) -> Line:
    cells = (txn.order_id, txn.op, txn.bill, txn.amount, txn.state, txn.code, txn.query_id)
    return Line(cells, [(name, {"no": txn.order_id}) for name in _buttons(txn)])


def _buttons(txn: Txn) -> tuple[str, ...]:
    if txn.op in ("refund", "undo"):
        return ("finish_refund",) if txn.state == "doubt" else ()
    if txn.payments:
        return ("refund_at_portal", "pay_twice", "callback_again")
    if txn.state in ("open", "doubt"):
        return ("pay", "cancel", "pay_twice")
    return ("pay_late",) if txn.state == "failed" and txn.op in ("qr", "front") else ()
