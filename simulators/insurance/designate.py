"""2505 人员定点备案, 2506 撤销, 5302 人员定点信息: the institution a person signed with (签约)."""

from __future__ import annotations

from typing import Any

from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node
from simulators.insurance.state import Bureau, Designation
from simulators.town import Person

_2505 = fields(
    "psn_no C30 Y; tel C50 N; addr C200 N; biz_appy_type C6 Y; begndate D Y; enddate D N; agnter_name C50 N;"
    "agnter_cert_type C6 N; agnter_certno C50 N; agnter_tel C30 N; agnter_addr C200 N; agnter_rlts C3 N;"
    "fix_srt_no C3 Y; fixmedins_code C12 Y; fixmedins_name C200 Y; memo C500 N"
)
_2506 = fields("trt_dcla_detl_sn C30 Y; psn_no C30 Y; memo C500 N")
_5302 = fields("psn_no C30 Y; biz_appy_type C6 N")
FOREVER = "2099-12-31"


def designate(bureau: Bureau, call: Call) -> object:
    """2505: sign with an institution; a change is possible once a calendar year."""
    asked = node(call.input, "data", _2505)
    person, today = bureau.person(asked["psn_no"]), bureau.today()
    if asked["begndate"] < today:
        raise Refusal("定点备案开始日期不能早于当前日期", 2505)
    if asked["enddate"] and asked["enddate"] < asked["begndate"]:
        raise Refusal("定点备案结束日期不能早于开始日期", 2505)
    live = [d for d in bureau.signed(person) if d.enddate >= today]
    if any(d.begndate[:4] == today[:4] for d in live):
        raise Refusal("该人员本年度已办理定点备案,每年只能变更一次", 2505)
    made = sign(
        bureau, person, asked["fixmedins_code"], asked["fixmedins_name"], asked["begndate"],
        asked["enddate"] or FOREVER,
    )
    made.fix_srt_no, made.memo = asked["fix_srt_no"], asked["memo"]
    return {"result": {"trt_dcla_detl_sn": made.number}}


def sign(bureau: Bureau, person: Person, code: str, name: str, begndate: str, enddate: str) -> Designation:
    """Enter a designation; what was in force ends the day before, or never began."""
    end_all(bureau, person, begndate)
    made = Designation(bureau.opaque_id(), person.psn_no, code, name, begndate, enddate)
    bureau.signed(person).append(made)
    return made


def end_all(bureau: Bureau, person: Person, day: str) -> None:
    """Nothing is in force from `day` (yyyy-MM-dd) on."""
    held = bureau.signed(person)
    held[:] = [d for d in held if d.begndate < day]
    for d in held:
        if d.enddate >= day:
            d.enddate = bureau.day_before(day)


def withdraw(bureau: Bureau, call: Call) -> object:
    """2506: take a designation back, as if it had not been made."""
    asked = node(call.input, "data", _2506)
    held = bureau.signed(bureau.person(asked["psn_no"]))
    found = next((d for d in held if d.number == asked["trt_dcla_detl_sn"]), None)
    if found is None:
        raise Refusal(f"未查询到待遇申报明细流水号[{asked['trt_dcla_detl_sn']}]的定点备案", 2506)
    held.remove(found)
    return None


def designations(bureau: Bureau, call: Call) -> object:
    """5302: all designations, ended ones too; the caller reads the dates."""
    asked = node(call.input, "data", _5302)
    person = bureau.person(asked["psn_no"])
    return {"psnfixmedin": [_row(d) for d in bureau.signed(person)]}


def _row(d: Designation) -> dict[str, Any]:
    return {
        "psn_no": d.psn_no, "insutype": d.insutype, "fix_srt_no": d.fix_srt_no,
        "fixmedins_code": d.fixmedins_code,
        "fixmedins_name": d.fixmedins_name, "begndate": d.begndate, "enddate": d.enddate,
        "memo": d.memo or None,
    }
