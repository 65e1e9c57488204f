"""The e-invoice platform's services, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.base.menu import (
    Act,
    Line,
    Section,
    fen,
    maybe,
    misfortune,
    said,
    setting,
    settings_section,
    text,
)  # fmt: skip

if TYPE_CHECKING:
    from simulators.einvoice.party import EinvoiceSim

TITLE = said("医疗电子票据", "Medical e-invoices")
ISSUES = (
    "invoiceEBillOutpatient", "invEBillRegistration", "invEBillHospitalized", "invEBillCheckUp",
    "invoicePayMentVoucher",
)  # fmt: skip
WRITE_OFFS = ("writeOffEBill", "writeOffPayMentVoucher")
EXCHANGES = ("turnPaper", "reTurnPaper")
OPS = {
    "invoiceEBillOutpatient": said("开门诊票据", "issue, outpatient"),
    "invEBillRegistration": said("开挂号票据", "issue, registration"),
    "invEBillHospitalized": said("开住院票据", "issue, inpatient"),
    "invEBillCheckUp": said("开体检票据", "issue, examination"),
    "invoicePayMentVoucher": said("开预交金凭证", "deposit voucher"),
    "writeOffEBill": said("冲红", "write off"),
    "writeOffPayMentVoucher": said("预交金退款冲销", "write off a deposit voucher"),
    "getEBillStatesByBillInfo": said("查票据状态", "state of an invoice"),
    "getBillByBusNo": said("按业务号查", "find by business number"),
    "getBillByBusDate": said("按日期查", "list of a period"),
    "checkTotalData": said("总笔数核对", "totals of a day"),
    "checkWriteOffData": said("退费数据核对", "write-offs of a day"),
    "getValidBillBatchCode": said("可用票据代码", "valid batches"),
    "getPaperBillNo": said("下一纸质票号", "next paper number"),
    "turnPaper": said("换开纸质", "exchange for paper"),
    "reTurnPaper": said("重新换开", "exchange again"),
    "invalidPaper": said("作废纸质", "void a paper"),
    "invalidBlankBillNo": said("作废空白票", "void blank papers"),
}
_AMOUNTS = (
    "getEBillStatesByBillInfo", "getBillByBusNo", "getBillByBusDate", "checkTotalData", "checkWriteOffData",
)  # fmt: skip
_NUMBERED = (*ISSUES, *EXCHANGES, "getPaperBillNo")
FAULTS = {
    "state_500": misfortune("查状态答复 500", "a state query answers 500", ("getEBillStatesByBillInfo",)),
    "plain_message": misfortune("message 未做 Base64", "`message` without its Base64"),
    "plain_words": misfortune("已执行，message 是文字而不是 JSON", "executed, `message` is words instead of JSON"),
    "done_before": misfortune("已执行，却答复先前已办（已冲红、重复…）", "executed, told as done before",
        (*ISSUES, *WRITE_OFFS, *EXCHANGES, "invalidPaper", "invalidBlankBillNo")),
    "not_enough_balance": misfortune("无可用票号", "no numbers left", _NUMBERED),
    "wrong_amount": misfortune("答复金额多一分", "the reply tells one fen more", _AMOUNTS),
}  # fmt: skip
_NO = text("no", "业务号", "business number")
ACTS = (
    Act("flush", "平台人员冲红", "the platform's people write it off", (_NO,)),
    Act("exchange", "平台人员换开纸质", "the platform's people print it on paper", (_NO,)),
    Act("issue", "平台另开一张（医院不知道）", "the platform issues one the hospital does not know",
        (fen("amount", "金额", "amount"), maybe("payer", "交款人", "payer"), maybe("place", "开票点", "desk"))),
    setting(names=("state_query_500", "paper_void_flushes", "paper_left")),
)  # fmt: skip
_COLUMNS = (
    said("业务号", "business number"), said("种类", "kind"), said("票据代码", "batch"), said("票据号", "number"),
    said("校验码", "check"), said("金额", "amount"), said("状态", "state"), said("红票", "red bill"),
    said("纸质票", "paper"), said("预交金凭证", "deposit voucher"), said("未用预交金", "deposit left"),
)  # fmt: skip
_PAPERS = (
    said("纸质票号", "paper"), said("电子票据号", "e-invoice"), said("状态", "state"), said("开票点", "desk"),
    said("原因", "reason"),
)  # fmt: skip
SHOWN = 50


def sections(party: EinvoiceSim) -> list[Section]:
    """Invoices and vouchers, papers, the settings."""
    bills = list(party.register.by_bus_no.values())[: -SHOWN - 1 : -1]
    lines = [
        Line(
            (b.bus_no, b.bus_type, b.batch, b.no, b.check, b.amount, "written off" if b.red else "done",
             b.red.no if b.red else "", b.paper, b.voucher, b.left if b.voucher else None),
            () if b.red else (("flush", {"no": b.bus_no}), ("exchange", {"no": b.bus_no})),
        )
        for b in bills
    ]  # fmt: skip
    papers = [
        Line((p.no, p.bill.no if p.bill else "", "void" if p.voided else "in use", p.place, p.reason))
        for p in list(party.stock.papers.values())[: -SHOWN - 1 : -1]
    ]
    return [
        Section(said("票据", "Invoices"), _COLUMNS, lines, frozenset({5, 10})),
        Section(said("纸质票据", "Papers"), _PAPERS, papers),
        settings_section({
            "state_query_500": party.state_query_500, "paper_void_flushes": party.stock.flushes,
            "paper_left": party.stock.left,
        }),
    ]  # fmt: skip
