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
    "confirm.pre.balance.bill": ("ConfirmPreBalance", "预结算结果确认", "confirm a quote's result", "c", "step"),
    # 建档、预约挂号
    "set.patient.info": ("CreateCardInfo", "建档或更新患者", "create or update a patient", "c", "step"),
    "query.reg.schedule.list": ("QuerySch", "排班号源", "schedules and what is free", "", ""),
    "pre.reg": ("DoPreReg", "挂号预处理", "what a registration costs", "", ""),
    "lock.reg": ("LockReg", "锁号", "hold a slot until its expiry", "c", "lock"),
    "unlock.reg": ("UnLockReg", "解锁号", "release the slot", "c", ""),
    "reg": ("DoReg", "预约挂号", "book and charge the registration", "m", "settlement"),
    "query.reg": ("QueryRegRecord", "查询挂号", "ask for a registration by our number", "", ""),
    "take.reg": ("TakeReg", "取号", "take the queue number", "c", "step"),
    "cancel.reg": ("CancelReg", "退号", "cancel a registration", "m", "void"),
    "query.zy.pre.out.hos.self": ("QueryPreOutHos", "出院预结算", "what a discharge comes to", "", ""),
    # 报告、HIS 自己的扫码付、其他
    "query.lis.report": ("QueryLisReport", "检验报告", "laboratory reports", "", ""),
    "query.pacs.check.result": ("QueryPacsResult", "检查结果", "imaging results", "", ""),
    "create.pay.order": ("CreatePayOrder", "扫码付下单", "order at the HIS's own collection", "m", "trade"),
    "query.pay.order": ("QueryPayOrder", "扫码付查询", "ask for such an order", "", ""),
    "cancel.pay.order": ("CancelPayOrder", "扫码付撤单", "close such an order", "c", ""),
    "refund.pay.order": ("RefundPayOrder", "扫码付退款", "refund such an order", "m", "refund"),
    "query.day.bill": ("QueryDayBill", "对账", "what the HIS booked on a day", "", ""),
    "upload.operation.state": ("UploadState", "操作状态上传", "tell how an operation ended", "c", "step"),
    "monitor.sign.in": ("MonitorSignIn", "监控签到", "a terminal says that it is there", "", ""),
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
    "query.reg.schedule.list": ("schedules",),
    "pre.reg": ("items",),
    "query.lis.report": ("reports",),
    "query.pacs.check.result": ("reports",),
    "query.day.bill": ("rows",),
}
"""The lists of an answer: an empty one may be said in many ways, and in XML a list of one looks like none."""
INNER_LISTS: Final = ("results",)
"""Lists inside the members of those."""
_NUMBER_FIELD: Final = {
    "lock": "lockNo", "settlement": "settleNo", "void": "voidNo", "quote": "preNo", "trade": "outTradeNo",
    "refund": "outRefundNo",
}  # fmt: skip
_OWN_FIELD: Final = {
    **inhos.NUMBER_FIELD, "confirm.pre.balance.bill": "confirmNo", "set.patient.info": "createNo",
    "take.reg": "takeNo", "upload.operation.state": "uploadNo",
}  # fmt: skip
"""Where an operation's own number stands, when not where the kind of number usually does."""


def number_field(op: Op) -> str:
    """The field of the request in which an operation's own number stands."""
    return _OWN_FIELD.get(op.name) or _NUMBER_FIELD[op.number]
