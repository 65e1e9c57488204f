"""Inquiries: 5201 就诊, 5202 诊断, 5203 结算, 5204 明细, 5205, 5301 慢特病 (none), 5206 累计, 5303 在院, 5304 转院."""

from __future__ import annotations

from typing import Any

from simulators.insurance import report
from simulators.insurance.envelope import Call
from simulators.insurance.fees import split_fields
from simulators.insurance.fields import fields, node
from simulators.insurance.money import number, yuan
from simulators.insurance.state import Bureau, Line, Settlement, Visit
from simulators.town import FIXMEDINS_CODE, FIXMEDINS_NAME

_5201 = fields("psn_no C30 Y; begntime DT N; endtime DT N; med_type C6 N; mdtrt_id C30 N; ipt_otp_no C30 N")
_5203 = fields("psn_no C30 Y; setl_id C30 N; mdtrt_id C30 Y")
_5202 = fields("mdtrt_id C30 Y; psn_no C30 Y")
_PSN = fields("psn_no C30 Y; begntime DT N; endtime DT N")
_5206 = fields("psn_no C30 Y; cum_ym C6 N")
# Kinds of yearly sums; the codes are this town's own.
FUND_USED, DEDUCTIBLE_USED, STAY_FUND_USED, STAYS = "TC01", "QF01", "ZY01", "ZY02"


def visits(bureau: Bureau, call: Call) -> object:
    """5201: the person's live visits, cancelled registrations left out; an empty list when there is none."""
    asked = node(call.input, "data", _5201)
    person = bureau.person(asked["psn_no"])
    return {"mdtrtinfo": [
        _visit(v) for v in bureau.visits_of.get(person.psn_no, ())
        if v.open and asked["mdtrt_id"] in ("", v.mdtrt_id) and asked["ipt_otp_no"] in ("", v.ipt_otp_no)
        and _within(asked, v.begntime) and asked["med_type"] in ("", v.med_type)
    ]}


def _within(asked: dict[str, Any], moment: str) -> bool:
    begin, end = asked["begntime"], asked["endtime"]
    return (not begin or moment >= begin) and (not end or moment <= (end if len(end) > 10 else f"{end} 23:59:59"))


def _visit(v: Visit) -> dict[str, Any]:
    sent = v.sent
    return {
        "mdtrt_id": v.mdtrt_id, "psn_no": v.person.psn_no, "psn_cert_type": "01", "certno": v.person.id_no,
        "psn_name": v.person.name, "insutype": v.insutype, "begntime": v.begntime,
        "endtime": (v.stay.left or None) if v.stay else None,
        "mdtrt_cert_type": sent["mdtrt_cert_type"], "med_type": v.med_type or None,
        "ipt_otp_no": v.ipt_otp_no,
        "atddr_no": sent["atddr_no"], "dept_code": sent["dept_code"], "dept_name": sent["dept_name"],
        "fixmedins_code": FIXMEDINS_CODE, "fixmedins_name": FIXMEDINS_NAME,
    }


def settlement(bureau: Bureau, call: Call) -> object:
    """5203: one settlement, with refd_setl_flag; `{"setlinfo": null}` when there is none (a reversed one is none).

    Without setl_id: the live one of the visit, else the last that was cancelled.
    """
    asked = node(call.input, "data", _5203)
    person = bureau.person(asked["psn_no"])
    found = _find(bureau, asked["mdtrt_id"], asked["setl_id"])
    if found is None or found.visit.person is not person:
        return {"setlinfo": None, "setldetail": []}
    told = report.settlement(bureau, found)
    refunded = found.state == "cancelled" or found.of is not None
    told["setlinfo"] |= {
        "refd_setl_flag": "1" if refunded else "0", "cash_payamt": told["setlinfo"]["psn_cash_pay"],
        "psn_pay": told["setlinfo"]["psn_part_amt"], "pay_loc": "2", "hosp_lv": bureau.settings.hosp_lv,
        "year": found.year, "invono": found.told["invono"] or None, "fixmedins_code": FIXMEDINS_CODE,
        "fixmedins_name": FIXMEDINS_NAME, "begndate": found.visit.begntime[:10],
    }
    return told


def _find(bureau: Bureau, mdtrt_id: str, setl_id: str) -> Settlement | None:
    known = [s for s in bureau.settlements_of.get(mdtrt_id, ()) if s.state != "reversed"]
    if setl_id:
        return next((s for s in known if s.setl_id == setl_id), None)
    originals = [s for s in known if s.of is None]
    return next((s for s in originals if s.state == "done"), originals[-1] if originals else None)


def fee_lines(bureau: Bureau, call: Call) -> object:
    """5204: the lines now at the bureau; output is the list itself, with setl_id once settled."""
    asked = node(call.input, "data", _5203)
    person, visit = bureau.person(asked["psn_no"]), bureau.visits.get(asked["mdtrt_id"])
    if visit is None or visit.person is not person:
        return []
    live = visit.settlement.setl_id if visit.settlement else None
    if asked["setl_id"] and asked["setl_id"] != live:
        return []
    return [_fee(visit, line, live) for line in visit.lines.values()]


def _fee(visit: Visit, line: Line, setl_id: str | None) -> dict[str, Any]:
    sent = line.sent
    copied = (
        "chrg_bchno", "fee_ocur_time", "med_list_codg", "medins_list_codg", "bilg_dept_codg",
        "bilg_dept_name",
        "bilg_dr_codg", "bilg_dr_name", "hosp_appr_flag",
    )
    return {
        "mdtrt_id": visit.mdtrt_id, "setl_id": setl_id, "rx_drord_no": sent["rxno"] or None,
        "med_type": visit.med_type or None, **split_fields(line), **{name: sent[name] for name in copied},
        "hilist_code": line.item.national, "hilist_name": line.item.name, "list_type": line.item.list_type,
    }


def nothing(bureau: Bureau, call: Call) -> object:
    """5205, 5301: no one in this town has a 慢特病 record."""
    bureau.person(node(call.input, "data", _PSN)["psn_no"])
    return {"feedetail": []}


def no_transfers(bureau: Bureau, call: Call) -> object:
    """5304: no one in this town was transferred to another place."""
    bureau.person(node(call.input, "data", _PSN)["psn_no"])
    return {"refmedin": []}


def yearly_sums(bureau: Bureau, call: Call) -> object:
    """5206: what a year has used: fund and deductible, fund and number of stays (cum_ym yyyyMM or yyyy, "": now)."""
    asked = node(call.input, "data", _5206)
    person, year = bureau.person(asked["psn_no"]), asked["cum_ym"][:4] or bureau.year()
    used = bureau.counters(person, year)
    month = asked["cum_ym"] if len(asked["cum_ym"]) == 6 else f"{year}12"
    return {"cuminfo": [
        {"insutype": "310", "year": year, "cum_ym": month, "cum_type_code": kind, "cum": yuan(amount)}
        for kind, amount in (
            (FUND_USED, used.fund), (DEDUCTIBLE_USED, used.deductible), (STAY_FUND_USED, used.stay_fund),
            (STAYS, used.stays * 100),
        )
    ]}


def in_hospital(bureau: Bureau, call: Call) -> object:
    """5303: open stays, day ward included; an empty list when there is none."""
    person = bureau.person(node(call.input, "data", _PSN)["psn_no"])
    kind = bureau.stays.get(person.psn_no)
    if kind is None:
        return {"data": []}
    if (stay := bureau.stay_of(person)) is not None:
        return {"data": [_stay(stay)]}
    admitted = bureau.day_before(bureau.today())
    return {"data": [{
        "mdtrt_id": f"370200ZY{person.psn_no[-8:]}", "psn_no": person.psn_no, "psn_cert_type": "01",
        "certno": person.id_no, "psn_name": person.name, "gend": person.gender, "brdy": person.birth,
        "insutype": "310", "begndate": admitted, "med_type": kind,
        "ipt_otp_no": f"ZY{person.id}", "out_flag": "0", "fixmedins_code": FIXMEDINS_CODE,
        "fixmedins_name": FIXMEDINS_NAME, "mdtrt_cert_type": "03", "dscg_bed": None,
    }]}


def _stay(visit: Visit) -> dict[str, Any]:
    assert visit.stay is not None
    return {
        **_visit(visit), "gend": visit.person.gender, "brdy": visit.person.birth, "begndate": visit.begntime[:10],
        "out_flag": "0", "adm_dept_name": visit.stay.adm_dept, "dscg_bed": visit.stay.adm_bed or None,
    }


def diagnoses(bureau: Bureau, call: Call) -> object:
    """5202: the diagnoses of a visit as they were sent."""
    asked = node(call.input, "data", _5202)
    visit = bureau.visits.get(asked["mdtrt_id"])
    if visit is None or visit.person is not bureau.person(asked["psn_no"]):
        return {"diseinfo": []}
    kind = "1" if visit.stay is None else "2"
    return {"diseinfo": [{
        "mdtrt_id": visit.mdtrt_id, "psn_no": visit.person.psn_no, "inout_diag_type": kind,
        "diag_type": row["diag_type"], "maindiag_flag": row.get("maindiag_flag") or ("1" if place == 1 else "0"),
        "diag_srt_no": number(row["diag_srt_no"]), "diag_code": row["diag_code"], "diag_name": row["diag_name"],
        "adm_cond": row.get("adm_cond") or None, "diag_dept": row["diag_dept"], "dise_dor_no": row["dise_dor_no"],
        "dise_dor_name": row["dise_dor_name"], "diag_time": row["diag_time"],
    } for place, row in enumerate(visit.diagnoses, 1)]}
