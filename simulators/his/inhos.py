"""The operations of the gateway about stays in hospital: what they take, what they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulators.his.answers import Habits, Refusal, write_time
from simulators.his.fields import TRADE_MODES
from simulators.his.stays import Deposit, Stay, StayLine, Stays
from simulators.town import DOCTORS

if TYPE_CHECKING:
    from simulators.his.party import HisSim

def status(sim: HisSim, texts: dict[str, str], body: Any) -> dict[str, Any]:
    """The 电子住院证 or the stay: who, where, fees, deposits, whether the discharge is ordered."""
    if not texts["admissionNo"] and not texts["inhosNo"]:
        raise Refusal("PARAM_INVALID", "参数admissionNo和inhosNo不能都为空", field="inhosNo")
    stay = sim.stays.find(texts["admissionNo"], texts["inhosNo"])
    if stay.person.id != texts["patientId"]:
        raise Refusal("STAY_NOT_FOUND", "没有找到电子住院证或住院登记")
    return told(sim.stays, stay, sim.desk.status(stay.bill) if stay.bill else "", sim.habits)


def told(stays: Stays, stay: Stay, bill_status: str, habits: Habits) -> dict[str, Any]:
    """A stay as `query.check.inhos.status` answers it."""
    name, _, dept, dept_name, caty = DOCTORS[stay.doctor]
    person, bill = stay.person, stay.bill
    diagnosis = {"code": stay.icd, "name": stay.icd_name, "type": "1", "sort": "1", "time": write_time(stay.issued_at)}
    items = [_item(line, stay, habits) for line in bill.lines] if bill else []
    made: dict[str, Any] = {
        "admissionNo": stay.admission_no, "inhosNo": stay.inhos_no, "status": stay.state, "billStatus": bill_status,
        "patientId": person.id, "patientName": person.name, "idNo": person.id_no, "gender": person.gender,
        "birth": person.birth, "phone": person.phone, "contact": stay.contact, "tel": stay.tel,
        "deptCode": dept, "deptName": dept_name, "caty": caty, "drCode": stay.doctor, "drName": name,
        "bed": stay.bed, "inTime": write_time(stay.at or stay.issued_at), "suggested": habits.money(stay.suggested),
        "amount": habits.money(bill.amount if bill else 0), "depositLeft": habits.money(stay.left()),
        "nextDeposit": f"{stay.inhos_no}-{len(stay.deposits) + 1}" if stay.inhos_no else "",
        **habits.listed("diagnoses", [diagnosis]), **habits.listed("items", items),
        **habits.listed("deposits", [_deposit(one, habits) for one in stay.deposits]),
    }  # fmt: skip
    if bill:
        made["billVersion"] = bill.version()
    if stay.insurance:
        made["insurance"] = dict(stay.insurance)
    if stay.leave:
        made["leave"] = {"time": write_time(stay.leave["time"]), "way": stay.leave["way"]}
    return made


def listed(stays: Stays) -> list[dict[str, Any]]:
    """All 电子住院证 and what became of them, for the card."""
    return [
        {"admission": one.admission_no, "stay": one.inhos_no, "patient": one.person.id, "state": one.state,
         "suggested": one.suggested, "deposits": one.left()}
        for one in stays.by_admission.values()
    ]


def _item(line: Any, stay: Stay, habits: Habits) -> dict[str, Any]:
    assert isinstance(line, StayLine)
    name, _, dept, dept_name, _caty = DOCTORS[stay.doctor]
    return {
        "lineNo": line.line_no, "originLineNo": line.origin, "itemCode": line.item.code, "itemName": line.item.name,
        "itemType": line.item.charge_type, "unit": line.item.unit, "price": habits.money(line.item.price_fen),
        "qty": f"{line.qty:f}", "amount": habits.money(line.amount), "time": write_time(line.at), "deptCode": dept,
        "deptName": dept_name, "drCode": stay.doctor, "drName": name,
    }


def _deposit(made: Deposit, habits: Habits) -> dict[str, Any]:
    return {
        "receiptNo": made.receipt, "depositNo": made.no, "seq": str(made.seq), "time": write_time(made.at),
        "tradeMode": made.mode, "outTradeNo": made.trade, "transNo": made.trans, "state": made.state,
        "amount": habits.money(made.amount), "returned": habits.money(made.returned), "left": habits.money(made.left),
    }


def register(sim: HisSim, texts: dict[str, str], body: Any) -> dict[str, Any]:
    """入院登记."""
    stay = sim.stays.find(texts["admissionNo"], "")
    if stay.person.id != texts["patientId"]:
        raise Refusal("STAY_NOT_FOUND", "没有找到电子住院证或住院登记")
    stay = sim.stays.register(texts["admissionNo"], texts["registerNo"], texts["contact"], texts["tel"])
    return {"registerNo": texts["registerNo"], "inhosNo": stay.inhos_no, "inTime": write_time(stay.at), "bed": stay.bed}


def registered(sim: HisSim, texts: dict[str, str], body: Any) -> dict[str, Any]:
    state, stay = sim.stays.registered(texts["registerNo"])
    more = {"inhosNo": stay.inhos_no, "inTime": write_time(stay.at), "bed": stay.bed} if stay else {}
    return {"registerNo": texts["registerNo"], "state": state, **more}


def cancel(sim: HisSim, texts: dict[str, str], body: Any) -> dict[str, Any]:
    sim.stays.cancel(texts["registerNo"])
    return {"registerNo": texts["registerNo"], "voidNo": texts["voidNo"]}


def insure(sim: HisSim, texts: dict[str, str], body: Any) -> dict[str, Any]:
    """Under which numbers the insurance knows the stay (none: no longer); the last word counts."""
    sim.stays.insure(texts["inhosNo"], {name: texts[name] for name in ("mdtrtId", "psnNo", "insutype", "admdvs")})
    return {"inhosNo": texts["inhosNo"], "insureNo": texts["insureNo"]}


def pay_in(sim: HisSim, texts: dict[str, str], body: Any) -> dict[str, Any]:
    mode = texts["tradeMode"]
    if mode not in TRADE_MODES:
        raise Refusal("PARAM_INVALID", f"参数tradeMode应为{'、'.join(TRADE_MODES)}", field="tradeMode")
    if mode in ("WX", "ZFB", "YL") and not texts["outTradeNo"]:
        raise Refusal("PARAM_INVALID", "线上支付须有outTradeNo", field="outTradeNo")
    amount = sim.habits.read_money("amount", texts["amount"])
    made = sim.stays.pay_in(
        texts["inhosNo"], texts["depositNo"], amount, mode, texts["outTradeNo"], texts["transNo"]
    )
    return {"depositNo": made.no, "receiptNo": made.receipt, "payTime": write_time(made.at)}


def deposit(sim: HisSim, texts: dict[str, str], body: Any) -> dict[str, Any]:
    state, stay, made = sim.stays.deposit(texts["depositNo"])
    told: dict[str, Any] = {"depositNo": texts["depositNo"], "state": state}
    if stay is not None and made is not None:
        told |= {"inhosNo": stay.inhos_no, "receiptNo": made.receipt, "payTime": write_time(made.at),
                 "amount": sim.habits.money(made.amount), "left": sim.habits.money(made.left)}  # fmt: skip
    return told


def void_deposit(sim: HisSim, texts: dict[str, str], body: Any) -> dict[str, Any]:
    sim.stays.void_deposit(texts["depositNo"], texts["voidNo"])
    return {"depositNo": texts["depositNo"], "voidNo": texts["voidNo"]}


def give_back(sim: HisSim, texts: dict[str, str], body: Any) -> dict[str, Any]:
    """退预交金 after the discharge: what of a receipt goes back, and by which way."""
    amount = sim.habits.read_money("amount", texts["amount"])
    sim.stays.give_back(texts["inhosNo"], texts["receiptNo"], texts["backNo"], amount)
    return {"backNo": texts["backNo"], "receiptNo": texts["receiptNo"]}


def given_back(sim: HisSim, texts: dict[str, str], body: Any) -> dict[str, Any]:
    return {"backNo": texts["backNo"], "state": "DONE" if sim.stays.given_back(texts["backNo"]) else "NONE"}


WORK: dict[str, Callable[[HisSim, dict[str, str], Any], Any]] = {
    "query.check.inhos.status": status, "register.inhos": register, "query.register.inhos": registered,
    "cancel.register.inhos": cancel, "insure.inhos": insure, "pay.inhos.deposit": pay_in,
    "query.inhos.deposit": deposit, "void.inhos.deposit": void_deposit, "back.inhos.deposit": give_back,
    "query.inhos.back": given_back,
}  # fmt: skip
