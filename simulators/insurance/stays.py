"""2401 入院办理, 2402 出院办理, 2403 住院信息变更, 2404 入院撤销, 2405 出院撤销."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.insurance.dictionary import known_diagnosis
from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node, rows
from simulators.insurance.person import check_credential, of_stay
from simulators.insurance.state import Bureau, Stay, Visit, kept
from simulators.insurance.visit import check_doctor

_MATERNITY = (
    "dise_codg C30 N; dise_name C500 N; oprn_oprt_code C30 N; oprn_oprt_name C500 N; fpsc_no C50 N; matn_type C6 N;"
    "birctrl_type C6 N; latechb_flag C3 N; geso_val N2,0 N; fetts N3,0 N; fetus_cnt N3,0 N; pret_flag C3 N;"
    "birctrl_matn_date D N"
)
_STAY = (
    "coner_name C50 N; tel C50 N; begntime DT Y; mdtrt_cert_type C3 Y; mdtrt_cert_no C50 N; card_sn C32 N;"
    "med_type C6 Y; medrcdno C30 N; atddr_no C30 Y; chfpdr_name C50 Y; adm_diag_dscr C200 Y; adm_dept_codg C30 Y;"
    "adm_dept_name C100 Y; adm_bed C30 N; dscg_maindiag_code C20 Y; dscg_maindiag_name C300 Y;"
    f"main_cond_dscr C1000 N; dise_type_code C3 N; {_MATERNITY}"
)
_2401 = fields(f"psn_no C30 Y; insutype C6 Y; ipt_no C30 Y; {_STAY}")
_2403 = fields(f"mdtrt_id C30 Y; psn_no C30 Y; endtime DT N; ipt_otp_no C30 Y; {_STAY}")
_2402 = fields(
    "mdtrt_id C30 Y; psn_no C30 Y; insutype C6 Y; endtime DT Y; cop_flag C3 N; dscg_dept_codg C30 Y;"
    f"dscg_dept_name C100 Y; dscg_bed C30 N; dscg_way C3 Y; die_date D N; {_MATERNITY}"
)
_DISEINFO = fields(
    "psn_no C30 N; diag_type C3 Y; maindiag_flag C3 Y; diag_srt_no N2,0 Y; diag_code C20 N; diag_name C100 N;"
    "adm_cond C500 N; diag_dept C50 Y; dise_dor_no C30 Y; dise_dor_name C50 Y; diag_time DT Y"
)
_ONE = fields("mdtrt_id C30 Y; psn_no C30 Y")
_KEPT = ("ipt_otp_no", "mdtrt_cert_type", "atddr_no", "dept_code", "dept_name")
_DISCHARGED = frozenset({"1", "2", "3", "4", "5", "9"})  # dscg_way: 医嘱离院, 转院, 转社区, 非医嘱, 死亡, 其他


def admit(bureau: Bureau, call: Call) -> object:
    """2401: a stay begins; one at a time for a person, and one for an ipt_no."""
    asked = node(call.input, "mdtrtinfo", _2401)
    diagnoses = rows(call.input, "diseinfo", _DISEINFO)
    person = bureau.person(asked["psn_no"])
    bureau.insurance(person, asked["insutype"])
    check_credential(bureau, asked, person)
    check_doctor(bureau, asked["atddr_no"])
    _check(asked["med_type"], diagnoses)
    if person.psn_no in bureau.stays:
        raise Refusal("该人员存在在院信息,不能重复办理入院", 4601)
    number = asked["ipt_no"]
    if number in bureau.live_ipt:
        raise Refusal(f"住院/门诊号[{number}]已存在有效的入院信息,不能重复登记", 4602)
    mdtrt_id = bureau.opaque_id()
    row = bureau.ledger.add(
        "register", no=number, party_no=mdtrt_id, amount=0, state="open", bill=number, ref=call.msgid
    )
    sent = {**asked, "ipt_otp_no": number, "dept_code": asked["adm_dept_codg"], "dept_name": asked["adm_dept_name"]}
    visit = Visit(
        mdtrt_id, person, kept(sent, _KEPT), asked["begntime"], asked["insutype"], row, med_type=asked["med_type"],
        stay=Stay(asked["adm_dept_name"], asked["adm_bed"]), diagnoses=[dict(d) for d in diagnoses],
    )
    bureau.visits[mdtrt_id] = bureau.live_ipt[number] = visit
    bureau.visits_of.setdefault(person.psn_no, []).append(visit)
    bureau.stays[person.psn_no] = visit.med_type
    bureau.messages[call.msgid].visit = visit
    return {"result": {"mdtrt_id": mdtrt_id}}


def _check(med_type: str, diagnoses: list[dict[str, Any]]) -> None:
    if not of_stay(med_type):
        raise Refusal(f"医疗类别[{med_type}]不是住院类别", 4603)
    for row in diagnoses:
        if not row["diag_code"] or not known_diagnosis(row["diag_type"], row["diag_code"]):
            raise Refusal(f"诊断代码[{row['diag_code']}]不是国家医保版编码", 4604)
    if sum(row["maindiag_flag"] == "1" for row in diagnoses) != 1:
        raise Refusal("主诊断必须且只能有一个", 4605)


def change(bureau: Bureau, call: Call) -> object:
    """2403: what 2401 said, said anew; not after the settlement."""
    asked = node(call.input, "adminfo", _2403)
    diagnoses = rows(call.input, "diseinfo", _DISEINFO)
    visit, stay = _open(bureau, asked, "修改住院信息")
    if asked["ipt_otp_no"] != visit.ipt_otp_no:
        raise Refusal("住院/门诊号与入院信息不一致", 4606)
    check_doctor(bureau, asked["atddr_no"])
    _check(asked["med_type"], diagnoses)
    visit.med_type, visit.begntime, visit.quote = asked["med_type"], asked["begntime"], None
    visit.diagnoses = [dict(d) for d in diagnoses]
    stay.adm_dept, stay.adm_bed = asked["adm_dept_name"], asked["adm_bed"]
    if not stay.left:
        bureau.stays[visit.person.psn_no] = visit.med_type
    return None


def discharge(bureau: Bureau, call: Call) -> object:
    """2402: the person leaves; settling follows."""
    asked = node(call.input, "dscginfo", _2402)
    rows(call.input, "diseinfo", _DISEINFO)
    visit, stay = _open(bureau, asked, "办理出院")
    if stay.left:
        raise Refusal("该住院就诊已办理出院,不能重复办理", 4607)
    if asked["endtime"] < visit.begntime:
        raise Refusal("出院时间不能早于入院时间", 4608)
    if asked["dscg_way"] not in _DISCHARGED:
        raise Refusal(f"离院方式[{asked['dscg_way']}]不正确", 4609)
    stay.left, visit.quote = asked["endtime"], None
    bureau.stays.pop(visit.person.psn_no, None)
    return None


def readmit(bureau: Bureau, call: Call) -> object:
    """2405: as if the person had not left."""
    asked = node(call.input, "data", _ONE)
    visit, stay = _open(bureau, asked, "撤销出院")
    if not stay.left:
        raise Refusal("该住院就诊未办理出院,不能撤销出院", 4610)
    if visit.person.psn_no in bureau.stays:
        raise Refusal("该人员存在其他在院信息,不能撤销出院", 4611)
    stay.left, visit.quote = "", None
    bureau.stays[visit.person.psn_no] = visit.med_type
    return None


def withdraw(bureau: Bureau, call: Call) -> object:
    """2404: a stay without lines never was."""
    asked = node(call.input, "data", _ONE)
    visit, stay = _open(bureau, asked, "撤销入院")
    if stay.left:
        raise Refusal("该住院就诊已办理出院,不能撤销入院", 4612)
    close(bureau, visit)
    return None


def close(bureau: Bureau, visit: Visit) -> None:
    """End a stay that holds nothing, for 2404 and 2601; Refusal when it holds lines."""
    if visit.lines:
        raise Refusal("该住院就诊存在未结算的费用明细,不能撤销入院", 4613)
    visit.open = False
    del bureau.live_ipt[visit.ipt_otp_no]
    bureau.stays.pop(visit.person.psn_no, None)
    bureau.ledger.change(visit.row, state="cancelled")


def _open(bureau: Bureau, asked: Mapping[str, Any], what: str) -> tuple[Visit, Stay]:
    visit, stay = bureau.inpatient(asked["mdtrt_id"], asked["psn_no"])
    if visit.settlement is not None:
        raise Refusal(f"该住院就诊已结算,不能{what}", 4614)
    return visit, stay
