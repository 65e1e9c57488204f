"""The e-invoice platform's services, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.base.menu import Line, Section, misfortune, said, setting, settings_section

if TYPE_CHECKING:
    from simulators.einvoice.party import EinvoiceSim

TITLE = said("医疗电子票据", "Medical e-invoices")
OPS = {
    "invoiceEBillOutpatient": said("开门诊票据", "issue, outpatient"), "invEBillRegistration": said("开挂号票据",
        "issue, registration"),
    "writeOffEBill": said("冲红", "write off"), "getEBillStatesByBillInfo": said("查票据状态", "state of an invoice"),
    "getBillByBusNo": said("按业务号查", "find by business number"), "getBillByBusDate": said("按日期查",
        "list of a period"),
    "checkTotalData": said("核对开票合计", "compare totals"), "checkWriteOffData": said("核对冲红合计",
        "compare write-offs"),
    "getValidBillBatchCode": said("可用票据代码", "valid batches"), "getPaperBillNo": said("下一纸质票号",
        "next paper number"),
    "turnPaper": said("换开纸质", "exchange for paper"), "reTurnPaper": said("重新换开", "exchange again"),
    "invalidPaper": said("作废纸质", "void a paper"), "invalidBlankBillNo": said("作废空白票", "void blank papers"),
}  # fmt: skip
_AMOUNTS = ("getEBillStatesByBillInfo", "getBillByBusNo", "getBillByBusDate")
FAULTS = {
    "state_500": misfortune("查状态答复 500", "a state query answers 500", ("getEBillStatesByBillInfo",)),
    "not_enough_balance": misfortune("无可用票号", "no numbers left"),
    "wrong_amount": misfortune("答复金额多一分", "the reply tells one fen more", _AMOUNTS),
}
ACTS = (setting(names=("state_query_500", "paper_left")),)
_COLUMNS = (
    said("业务号", "business number"), said("票据代码", "batch"), said("票据号", "number"), said("校验码", "check"),
    said("金额", "amount"), said("状态", "state"), said("红票", "red bill"), said("纸质票", "paper"),
)  # fmt: skip
SHOWN = 50


def sections(party: EinvoiceSim) -> list[Section]:
    """Invoices, paper numbers, the settings."""
    register = party.register
    lines = [
        Line((b.bus_no, b.batch, b.no, b.check, b.amount, "written off" if b.red else "done", b.red.no if b.red else "",
            b.paper))
        for b in list(register.by_bus_no.values())[: -SHOWN - 1 : -1]
    ]  # fmt: skip
    left = register.paper_last - register.paper_next + 1
    return [
        Section(said("票据", "Invoices"), _COLUMNS, lines, frozenset({4})),
        settings_section({"state_query_500": party.state_query_500, "paper_left": left}),
    ]
