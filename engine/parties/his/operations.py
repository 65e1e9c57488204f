"""What can be asked of a HIS, whatever it is wrapped in: the names a channel uses, and the codes of the SOAP style.

Codes differ from HIS to HIS: a site replaces single ones in the connection's `codes`.
"""

from __future__ import annotations

from typing import Final

from engine.parties.contract import Op
from engine.parties.his import inhos

# name: (SOAP code, zh, en, what it changes: "" nothing · "c" something · "m" money, which of our numbers it carries)
_TABLE: Final = {
    "query.patient.info": ("QueryCardInfo", "查询患者", "find a patient", "", ""),
    "query.wait.balance.bill.list": ("QueryToPayList", "待缴费列表", "list unpaid bills", "", ""),
    "query.wait.balance.bill.item.list":
        ("QueryToPayDetail", "待缴费明细", "read one unpaid bill with its lines", "", ""),
    "lock.bill": ("LockBill", "锁定单据", "lock a bill until its expiry", "c", "lock"),
    "unlock.bill": ("UnLockBill", "解锁单据", "release the lock", "c", ""),
    "balance.and.pay.bill": ("DoPay", "结算入账", "book the settlement", "m", "settlement"),
    "query.pay.bill": ("QueryPayRecord", "查询结算", "ask for a settlement by our number", "", ""),
    "void.pay.bill": ("CancelPay", "作废结算", "void a booked settlement", "m", "void"),
    "pre.balance.bill": ("PreBalance", "预结算（医保由 HIS 办理）", "quote, the HIS asks the insurance", "c", "quote"),
    "query.ebill": ("QueryEBill", "查询电子票据（HIS 开具）", "ask for the invoice the HIS issued", "", ""),
    "cancel.pre.balance.bill": ("CancelPreBalance", "撤销预结算", "take a quote back", "c", ""),
    **inhos.TABLE,
}  # fmt: skip

CODES: Final = {name: row[0] for name, row in _TABLE.items()}
OPS: Final = {
    name: Op(name, zh, en, changes=what != "", money=what == "m", number=number)
    for name, (_, zh, en, what, number) in _TABLE.items()
}
LISTS: Final = {
    "query.wait.balance.bill.list": ("bills",),
    "query.wait.balance.bill.item.list": ("items", "diagnoses"),
    **inhos.LISTS,
}
"""The lists of an answer: an empty one may be said in many ways, and in XML a list of one looks like none."""
_NUMBER_FIELD: Final = {"lock": "lockNo", "settlement": "settleNo", "void": "voidNo", "quote": "preNo"}


def number_field(op: Op) -> str:
    """The field of the request in which an operation's own number stands."""
    return inhos.NUMBER_FIELD.get(op.name) or _NUMBER_FIELD[op.number]
