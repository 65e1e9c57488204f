"""The transactions of the platform by the names a channel uses, and the codes they go under.

Codes differ from city to city: a site replaces single ones in the connection's `codes`.
"""

from __future__ import annotations

from typing import Final

from engine.parties.contract import Op

# name: (code, zh, en, what it changes: "" nothing · "c" something · "m" money, element a good answer must have)
_TABLE: Final = {
    "sign_in": ("9100", "签到", "sign in", "", "ywzqh"),
    "reconcile": ("9101", "操作员对账", "reconcile an operator's day", "", "sfyz"),
    "sign_out": ("9110", "签退", "sign out", "", ""),
    "person": ("2100", "读取人员信息", "read a person", "", "grbh"),
    "register": ("2210", "门诊登记", "register a visit", "c", "mzlsh"),
    "unregister": ("2240", "门诊登记撤销", "cancel a registration", "c", ""),
    "upload": ("2310", "明细上传", "upload fee lines", "c", ""),
    "unload": ("2320", "明细撤销", "withdraw fee lines", "c", ""),
    "quote": ("2420", "预结算", "quote a settlement", "", "zje"),
    "settle": ("2410", "结算", "settle", "m", "brjsh"),
    "cancel": ("2430", "结算撤销", "cancel a settlement", "m", ""),
    "reverse": ("2421", "冲正", "reverse a transaction of unknown outcome", "m", ""),
    "query": ("2450", "交易结果查询", "ask what became of a transaction", "", "jyzt"),
}

CODES: Final = {name: row[0] for name, row in _TABLE.items()}
NEEDED: Final = {name: row[4] for name, row in _TABLE.items() if row[4]}
LISTS: Final = ("row",)
OPS: Final = {
    name: Op(name, zh, en, changes=what != "", money=what == "m", number="msgid", session=name != "sign_in")
    for name, (_, zh, en, what, _needed) in _TABLE.items()
}
