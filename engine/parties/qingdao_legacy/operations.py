"""The transactions by the names a channel uses, and the message types they go under.

A type the bureau gives another code for is replaced in the connection's `codes`. `query` is not in any document that
could be found: its code and fields are to be agreed, or a bureau without it has none and says so in `codes`.
"""

from __future__ import annotations

from typing import Final

from engine.parties.contract import Op

# name: (type, zh, en, what it changes: "" nothing · "m" money)
_TABLE: Final = {
    "person": ("CX001", "联机查询人员信息", "read a person by card", ""),
    "person_by_id": ("CX002", "按身份证号查询人员", "read a person by id number", ""),
    "chronic": ("CX005", "查询门诊大病证", "certificates of chronic diseases", ""),
    "balance": ("YL002", "查询账户余额", "balance of the personal account", ""),
    "pay": ("YL001", "订单支付", "pay an order from the account", "m"),
    "cancel": ("YL003", "撤销支付", "take a payment back", "m"),
    "query": ("YL004", "查询支付结果", "ask what became of a payment", ""),
}

CODES: Final = {name: row[0] for name, row in _TABLE.items()}
OPS: Final = {
    name: Op(name, zh, en, changes=what != "", money=what == "m", number="msgid")
    for name, (_, zh, en, what) in _TABLE.items()
}
MONEY: Final = frozenset({"total", "amount", "account", "cost", "balance"})
"""Fields that are amounts: maps have them in yuan, whatever the connection says they are on the wire."""
