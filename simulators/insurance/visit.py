"""2201 挂号, 2202 挂号撤销, 2203/2203A 就诊信息."""

from __future__ import annotations

from simulators.insurance.dictionary import TYPES, known_diagnosis
from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node, rows
from simulators.insurance.person import check_credential
from simulators.insurance.state import Bureau, Visit, kept
from simulators.town import DOCTORS

_2201 = fields(
    "psn_no C30 Y; insutype C6 Y; begntime DT Y; mdtrt_cert_type C3 Y; mdtrt_cert_no C50 N; card_sn C32 N;"
    "ipt_otp_no C30 Y; atddr_no C30 Y; dr_name C50 Y; dept_code C30 Y; dept_name C100 Y; caty C6 Y"
)
_2202 = fields("psn_no C30 Y; mdtrt_id C30 Y; ipt_otp_no C30 Y")
_2203 = fields(
    "mdtrt_id C30 Y; psn_no C30 Y; med_type C6 Y; begntime DT Y; main_cond_dscr C1000 N; dise_codg C30 N;"
    "dise_name C500 N; birctrl_type C6 N; birctrl_matn_date D N; matn_type C6 N; geso_val N2,0 N"
)
_DISEINFO = fields(
    "diag_type C3 Y; diag_srt_no N2,0 Y; diag_code C20 N; diag_name C100 N; diag_dept C50 Y;"
    "dise_dor_no C30 Y;"
    "dise_dor_name C50 Y; diag_time DT Y; vali_flag C3 Y"
)
_KEPT = ("ipt_otp_no", "mdtrt_cert_type", "atddr_no", "dept_code", "dept_name")
_DOCTOR_CODES = frozenset(code for _, code, *_ in DOCTORS.values())


def check_doctor(bureau: Bureau, code: str) -> None:
    """Refuse a code that is not of a registered 医保医师."""
    if bureau.settings.check_doctors and code not in _DOCTOR_CODES:
        raise Refusal(f"医保医师编码[{code}]不存在或已停用", 4204)


def register(bureau: Bureau, call: Call) -> object:
    """2201: a new visit; one live registration for one ipt_otp_no."""
    asked = node(call.input, "data", _2201)
    person = bureau.person(asked["psn_no"])
    bureau.insurance(person, asked["insutype"])
    check_credential(bureau, asked, person)
    check_doctor(bureau, asked["atddr_no"])
    number = asked["ipt_otp_no"]
    if number in bureau.live_ipt:
        raise Refusal(f"住院/门诊号[{number}]已存在有效的挂号信息,不能重复登记", 4205)
    mdtrt_id = bureau.opaque_id()
    row = bureau.ledger.add(
        "register", no=number, party_no=mdtrt_id, amount=0, state="open", bill=number, ref=call.msgid
    )
    visit = Visit(mdtrt_id, person, kept(asked, _KEPT), asked["begntime"], asked["insutype"], row)
    bureau.visits[mdtrt_id] = bureau.live_ipt[number] = visit
    bureau.visits_of.setdefault(person.psn_no, []).append(visit)
    return {"data": {"mdtrt_id": mdtrt_id, "psn_no": person.psn_no, "ipt_otp_no": number, "exp_content": None}}


def unregister(bureau: Bureau, call: Call) -> object:
    """2202: end an empty visit; lines and a settlement must be taken back before."""
    asked = node(call.input, "data", _2202)
    visit = bureau.outpatient(asked["mdtrt_id"], asked["psn_no"])
    if visit.ipt_otp_no != asked["ipt_otp_no"]:
        raise Refusal("住院/门诊号与挂号信息不一致", 4206)
    if visit.settlement is not None:
        raise Refusal("该就诊已结算,不能撤销挂号", 4207)
    if visit.lines:
        raise Refusal("该就诊存在未结算的费用明细,不能撤销挂号", 4208)
    visit.open = False
    del bureau.live_ipt[visit.ipt_otp_no]
    bureau.ledger.change(visit.row, state="cancelled")
    return None


def visit_info(bureau: Bureau, call: Call) -> object:
    """2203/2203A: medical type and diagnoses; replaces what was sent before."""
    asked = node(call.input, "mdtrtinfo", _2203)
    diagnoses = rows(call.input, "diseinfo", _DISEINFO)
    visit = bureau.outpatient(asked["mdtrt_id"], asked["psn_no"])
    if visit.settlement is not None:
        raise Refusal("该就诊已结算,不能修改就诊信息", 4209)
    if asked["med_type"] not in TYPES["MED_TYPE"]:
        raise Refusal(f"医疗类别[{asked['med_type']}]不正确", 4210)
    for row in diagnoses:
        if row["diag_type"] not in ("1", "2", "3"):
            raise Refusal(f"诊断类别[{row['diag_type']}]不正确", 4211)
        if not row["diag_code"] or not row["diag_name"]:
            raise Refusal("诊断代码不能为空", 4212)
        if not known_diagnosis(row["diag_type"], row["diag_code"]):
            raise Refusal(f"诊断代码[{row['diag_code']}]不是国家医保版编码", 4212)
    if not any(row["vali_flag"] == "1" for row in diagnoses):
        raise Refusal("没有有效的诊断信息", 4213)
    visit.med_type, visit.quote, visit.diagnoses = asked["med_type"], None, [dict(d) for d in diagnoses]
    return None
