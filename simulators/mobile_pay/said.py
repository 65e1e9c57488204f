"""The mobile payment's operations, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from simulators.base.menu import Act, Line, Section, misfortune, said, setting, settings_section, text
from simulators.mobile_pay.book import ORDERED, SETTLED, UPLOADED, Order
from simulators.mobile_pay.settings import Settings

if TYPE_CHECKING:
    from simulators.mobile_pay.party import MobilePaySim

TITLE = said("医保移动支付", "Mobile insurance payment")
OPS = {
    "6201": said("6201 费用明细上传", "6201 upload fees"), "6202": said("6202 支付下单", "6202 order the payment"),
    "6203": said("6203 退款", "6203 refund"), "6301": said("6301 结果查询", "6301 ask for an order"),
    "6302": said("6302 结果通知", "6302 notice of the result"),
    "6401": said("6401 撤销", "6401 revoke an unpaid order"),
}  # fmt: skip
_TOLD = ("6302",)
FAULTS = {
    "callback_never": misfortune("不通知", "never told", _TOLD),
    "callback_late": misfortune("通知迟到（秒）", "told late (seconds)", _TOLD),
    "callback_twice": misfortune("通知两次", "told twice", _TOLD),
    "callback_before_reply": misfortune("下单即付并先通知后答复", "paid at once and told before the reply", ("6202",)),
    "callback_dead": misfortune("通知一次送不到，按平台的间隔再送", "one try reaches nobody, told again later",
        _TOLD),
    "callback_odd_type": misfortune("通知的 Content-Type 不对", "told with another Content-Type", _TOLD),
    "callback_more_fields": misfortune("通知多出未约定的字段", "told with fields nobody has agreed", _TOLD),
    "callback_gbk": misfortune("通知是 GBK 编码", "told in GBK", _TOLD),
    "unsigned": misfortune("答复或通知无签名", "the reply or notice is not signed"),
    "odd_state": misfortune("查询答复未知的 ordStas（99）", "the query answers an unknown ordStas (99)", ("6301",)),
    "refund_exp": misfortune("退款已执行，答复 EXP", "the refund is done, answered EXP", ("6203",)),
    "refund_fail": misfortune("退款未执行，答复 FAIL", "the refund is not done, answered FAIL", ("6203",)),
    "token_expired": misfortune("支付授权码过期", "the authorisation expired"),
    "wrong_amount": misfortune("答复金额多一分", "the amounts told are one fen too high", ("6301", "6202", "6302")),
}
_NO = text("no", "机构订单号或 payOrdId", "the hospital's number or payOrdId")
ACTS = (
    Act("authorize", "患者授权（得到 payAuthNo）", "the patient authorises (gives a payAuthNo)", (
        text("person", "人员（P0001）", "person (P0001)", hint="P0001"),)),
    Act("pay", "输入密码付款", "pay with the password", (_NO,)),
    Act("cancel", "不付了", "walk away", (_NO,)),
    Act("fail", "医保结算失败", "the insurance refuses", (_NO,)),
    Act("callback_again", "再通知一次", "tell it again", (_NO,)),
    Act("state", "查看一笔", "show one order", (_NO,)),
    setting(names=[f.name for f in fields(Settings)]),
)  # fmt: skip
_COLUMNS = (
    said("机构订单号", "our number"), said("payOrdId", "payOrdId"), said("姓名", "name"), said("总额", "total"),
    said("基金", "fund"), said("个账", "account"), said("现金", "cash"), said("ordStas", "ordStas"),
)  # fmt: skip
SHOWN = 50


def sections(party: MobilePaySim) -> list[Section]:
    """Orders with their payers' buttons, the settings."""
    orders = list(party.book.orders.values())[: -SHOWN - 1 : -1]
    return [
        Section(said("订单", "Orders"), _COLUMNS, [_line(order) for order in orders], frozenset({3, 4, 5, 6})),
        settings_section(vars(party.settings)),
    ]


def _line(order: Order) -> Line:
    a = order.amounts
    cells = (
        order.med_org_ord, order.number, order.person.name, a.split.total, a.pool, a.account, a.cash, order.state,
    )  # fmt: skip
    acts = {UPLOADED: ("cancel",), ORDERED: ("pay", "fail", "cancel"), SETTLED: ("callback_again",)}
    return Line(cells, [(name, {"no": order.med_org_ord}) for name in acts.get(order.state, ())])
