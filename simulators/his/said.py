"""The HIS's operations, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.base.menu import (
    ACKS_SAID,
    Act,
    Input,
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
from simulators.his.answers import Habits
from simulators.his.hl7_events import EVENTS, EVENTS_24
from simulators.town import TEMPLATES

if TYPE_CHECKING:
    from simulators.his.bills import Bill
    from simulators.his.party import HisSim
    from simulators.his.stays import Stay

TITLE = said("医院信息系统", "HIS")
OPS = {
    "query.patient.info": said("查患者", "find a patient"), "query.wait.balance.bill.list": said("待缴费列表",
        "unpaid bills"),
    "query.wait.balance.bill.item.list": said("账单明细", "a bill's lines"), "lock.bill": said("锁账单", "lock a bill"),
    "unlock.bill": said("解锁账单", "unlock a bill"), "balance.and.pay.bill": said("结算入账", "book the settlement"),
    "query.pay.bill": said("查入账", "find a booking"), "void.pay.bill": said("作废入账", "void a booking"),
    "pre.balance.bill": said("预结算（HIS 主导）", "quote (HIS-led)"),
    "cancel.pre.balance.bill": said("取消预结算（HIS 主导）", "cancel a quote (HIS-led)"),
    "query.check.inhos.status": said("查住院证、住院", "an admission note, a stay"),
    "register.inhos": said("入院登记", "register an admission"),
    "query.register.inhos": said("查入院登记", "find a registration"),
    "cancel.register.inhos": said("取消入院登记", "cancel a registration"),
    "insure.inhos": said("登记住院的医保信息", "note the insurance of a stay"),
    "pay.inhos.deposit": said("预交金入账", "book a deposit"),
    "query.inhos.deposit": said("查预交金", "find a deposit"),
    "void.inhos.deposit": said("作废预交金", "void a deposit"),
    "back.inhos.deposit": said("退预交金入账", "book what goes back"),
    "query.inhos.back": said("查退预交金", "find what went back"),
    "query.ebill": said("查票据（HIS 主导）", "find the invoice (HIS-led)"), "DFT^P03": said("HL7 费用消息",
        "HL7 charges"),
    "confirm.pre.balance.bill": said("确认预结算（HIS 主导）", "confirm a quote (HIS-led)"),
    "set.patient.info": said("建档", "create a patient"),
    "query.reg.schedule.list": said("号源", "schedules"),
    "pre.reg": said("挂号预处理", "registration beforehand"),
    "lock.reg": said("锁号", "hold a slot"),
    "unlock.reg": said("解锁号", "release a slot"),
    "reg": said("挂号", "register"),
    "query.reg": said("查挂号", "find a registration"),
    "take.reg": said("取号", "take a queue number"),
    "cancel.reg": said("退号", "cancel a registration"),
    "query.zy.pre.out.hos.self": said("出院预结算", "quote a discharge"),
    "query.lis.report": said("检验报告", "laboratory reports"),
    "query.pacs.check.result": said("检查结果", "imaging results"),
    "create.pay.order": said("扫码付下单", "order a scan-pay"),
    "query.pay.order": said("查扫码付", "find a scan-pay"),
    "cancel.pay.order": said("撤扫码付", "close a scan-pay"),
    "refund.pay.order": said("退扫码付", "refund a scan-pay"),
    "query.day.bill": said("对账", "the day's bookings"),
    "upload.operation.state": said("上传状态", "tell a state"),
    "monitor.sign.in": said("监控签到", "a terminal signs in"),
}  # fmt: skip
OPS |= {
    "QBP^Q21": said("HL7 查患者", "HL7: find a patient"), "QRY^Q27": said("HL7 待缴费", "HL7: unpaid bills"),
    "QBP^Z11": said("HL7 排班", "HL7: schedules"), "ZHY^ZRN": said("HL7 号源", "HL7: free slots"),
    "SRM^S01": said("HL7 预约挂号", "HL7: book"), "SRM^S04": said("HL7 取消预约", "HL7: cancel"),
    "QBP^ZYJ": said("HL7 预交金状态", "HL7: state of a deposit"), "QBP^ZDI": said("HL7 住院列表", "HL7: stays"),
    "QBP^ZZL": said("HL7 日清单", "HL7: a stay's fees"), "SQM^ZQ1": said("HL7 缴费记录", "HL7: payments"),
    "QBP^ZPI": said("HL7 已缴发票", "HL7: paid invoices"), "QBP^ZDL": said("HL7 已缴明细", "HL7: paid lines"),
}  # fmt: skip
_LED, _HL7 = ("balance.and.pay.bill",), ("DFT^P03",)
_MONEY = (
    "query.wait.balance.bill.list", "query.wait.balance.bill.item.list", "query.pay.bill", "pre.balance.bill",
    "query.check.inhos.status", "query.inhos.deposit",
)  # fmt: skip
_LISTS = ("query.wait.balance.bill.list", "query.wait.balance.bill.item.list", "query.check.inhos.status")
FAULTS = {
    "booking_fails": misfortune("医保已结算而入账失败（HIS 主导）",
        "the insurance settled, the HIS cannot book (HIS-led)", _LED),
    "wrong_amount": misfortune("答复金额多一分", "the reply tells one fen more", _MONEY),
    "fault_after_commit": misfortune("已执行，答复 SOAP Fault 或 HTTP 500",
        "executed, answered by a SOAP fault or HTTP 500"),
    "gbk_bytes": misfortune("声明 UTF-8 而字节是 GBK", "bytes of GBK in what says UTF-8"),
    "other_unit": misfortune("金额换了单位（约定分而写元，约定元而写分）",
        "amounts in the other unit, fen or yuan", _MONEY),
    "success_text": misfortune("成功标志写成文字 true", 'the success flag as the text "true"'),
    "says_duplicate": misfortune("已执行，答复“重复的请求”", "executed, answered as a duplicate"),
    "null_lists": misfortune("列表写成 null", "lists as null", _LISTS),
    "cut_reply": misfortune("报文完整送达而内容被截断", "delivered whole, but cut inside"),
    **{name: misfortune(one.words.zh, one.words.en, _HL7) for name, one in ACKS_SAID.items()},
}
_BILL = text("bill", "账单号", "bill")
_STAY = text("stay", "住院号", "stay")
ACTS = (
    Act("new_bill", "开一张账单", "write a bill", (
        text("patient", "患者（P0001）", "patient (P0001)", hint="P0001"), choice("template", "模板", "template",
            TEMPLATES),
        maybe("bill", "账单号（不填自动）", "bill (empty: the next)"))),
    Act("collect_at_window", "在窗口收费", "collect at the window", (_BILL,), grave=True),
    Act("change_bill", "改账单（加一项）", "change the bill (one item more)", (
        _BILL, text("item", "项目", "item", hint="K0002"), maybe("qty", "数量", "quantity")), grave=True),
    Act("void_bill", "作废账单", "void the bill", (_BILL,), grave=True),
    Act("pay_in", "往区域诊疗卡里存钱", "pay in to the hospital card", (
        text("patient", "患者（P0001）", "patient (P0001)", hint="P0001"), fen("amount", "金额（分）", "fen"))),
    Act("issue_admission", "开电子住院证", "issue an admission note", (
        text("patient", "患者（P0001）", "patient (P0001)", hint="P0001"),
        maybe("suggested", "建议预交金（分）", "deposit to ask for, fen", "whole"))),
    Act("charge_stay", "住院记账（负数为退）", "charge a stay (negative: give back)", (
        _STAY, text("item", "项目", "item", hint="K0001"), maybe("qty", "数量", "quantity"),
        maybe("origin", "退哪一行", "line given back"))),
    Act("order_discharge", "开出院医嘱", "order the discharge", (_STAY, maybe("way", "离院方式", "way of leaving"))),
    Act("keep_in", "撤销出院医嘱", "take the order back", (_STAY,)),
    Act("pay_out", "窗口退余下的预交金", "pay out what is left at the window", (_STAY,), grave=True),
    Act("pay_order", "患者付 HIS 的扫码单", "the patient pays the HIS's order", (text("order", "订单号", "order"),)),
    Act("send", "发 HL7 消息", "send an HL7 message", (
        choice("event", "事件", "event", (
            *EVENTS, *EVENTS_24)),
        maybe("count", "条数", "how many", "whole"), maybe("patient", "患者", "patient"),
        Input("charset", Words("字符集", "character set"), "choice", ("", "GBK", "GB18030", "GB 18030-2000",
            "UNICODE UTF-8", "UTF-8"), needed=False),
        maybe("to", "发往（主机:端口）", "to (host:port)"))),
    Act("set_hl7", "改 HL7 设置", "change an HL7 setting", (
        choice("name", "设置", "setting", (
            "to", "charset", "version", "wait", "repeat_after", "tries", "on_ae", "duplicates", "unsaid")),
        Input("value", Words("值", "value"), "json")), setting=True),
    Act("waiting", "还有什么没被应答", "what is not acknowledged"),
    Act("hang_up", "停止重发", "stop sending", grave=True),
    setting(names=tuple(Habits().public())),
)  # fmt: skip
_STAYS = (
    said("住院证", "admission note"), said("住院号", "stay"), said("患者", "patient"), said("状态", "state"),
    said("费用", "fees"), said("预交金余额", "deposits left"),
)  # fmt: skip
_COLUMNS = (
    said("账单", "bill"), said("患者", "patient"), said("姓名", "name"), said("金额", "amount"), said("状态", "state"),
    said("项目", "lines"),
)  # fmt: skip
SHOWN = 60


def sections(party: HisSim) -> list[Section]:
    """Bills with the doctors' and cashiers' buttons, the settings."""
    bills = [one for one in party.desk.bills.values() if one.no not in party.stays.by_no][: -SHOWN - 1 : -1]
    stays = list(party.stays.by_admission.values())[: -SHOWN - 1 : -1]
    return [
        Section(said("账单", "Bills"), _COLUMNS, [_bill(party, bill) for bill in bills], frozenset({3})),
        Section(said("住院", "Stays"), _STAYS, [_stay(one) for one in stays], frozenset({4, 5})),
        settings_section(party.habits.public()),
    ]


def _stay(one: Stay) -> Line:
    fees = one.bill.amount if one.bill else 0
    acts: list[tuple[str, dict[str, str]]] = []
    if one.state in ("admitted", "leaving"):
        after = "keep_in" if one.state == "leaving" else "order_discharge"
        acts = [("charge_stay", {"stay": one.inhos_no, "item": "K0001"}), (after, {"stay": one.inhos_no})]
    if one.state == "left" and one.left():
        acts = [("pay_out", {"stay": one.inhos_no})]
    return Line((one.admission_no, one.inhos_no, one.person.name, one.state, fees, one.left()), acts)


def _bill(party: HisSim, bill: Bill) -> Line:
    lines = ", ".join(f"{line.item.name} ×{line.qty.normalize():f}" for line in bill.lines)
    acts = []
    if bill.state == "unpaid":
        acts = [("collect_at_window", {"bill": bill.no}), ("change_bill", {"bill": bill.no, "item": "K0002"}),
                ("void_bill", {"bill": bill.no})]  # fmt: skip
    return Line((bill.no, bill.person.id, bill.person.name, bill.amount, party.desk.status(bill), lines), acts)
