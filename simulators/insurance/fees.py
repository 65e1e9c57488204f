"""2204 明细上传, 2205 明细撤销."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node, rows
from simulators.insurance.money import fen, number, share, yuan
from simulators.insurance.rules import line_amount, split_line
from simulators.insurance.state import Bureau, Line, Visit, kept
from simulators.insurance.visit import check_doctor

# A fee line, the part that outpatients (2204) and stays (2301) share.
LINE = (
    "feedetl_sn C30 Y; mdtrt_id C30 Y; psn_no C30 Y; rxno C30 N; rx_circ_flag C3 N;"
    "fee_ocur_time DT Y; med_list_codg C50 Y; medins_list_codg C150 Y; det_item_fee_sumamt N16,2 Y;"
    "cnt N16,4 Y; pric N16,6 Y; sin_dos_dscr C200 N; used_frqu_dscr C200 N; medc_way_dscr C200 N; prd_days N4,2 N;"
    "bilg_dept_codg C30 Y; bilg_dept_name C100 Y; bilg_dr_codg C30 Y; bilg_dr_name C50 Y; acord_dept_codg C30 N;"
    "acord_dept_name C100 N; orders_dr_code C30 N; orders_dr_name C50 N; hosp_appr_flag C3 Y;"
    "tcmdrug_used_way C6 N; etip_flag C3 N; etip_hosp_code C30 N; dscg_tkdrug_flag C3 N; matn_fee_flag C6 N"
)
_2204 = fields(f"chrg_bchno C30 Y; dise_codg C30 N; {LINE.replace('rx_circ_flag C3 N', 'rx_circ_flag C3 Y')}")
_2205 = fields("mdtrt_id C30 Y; chrg_bchno C30 Y; psn_no C30 Y")
_KEPT = (
    "feedetl_sn", "chrg_bchno", "dise_codg", "rxno", "cnt", "pric", "fee_ocur_time", "med_list_codg",
    "medins_list_codg", "bilg_dept_codg", "bilg_dept_name", "bilg_dr_codg", "bilg_dr_name", "hosp_appr_flag",
)
ALL_BATCHES = "0000"


def upload(bureau: Bureau, call: Call) -> object:
    """2204: all lines or none; the answer splits each line."""
    sent = rows(call.input, "feedetail", _2204, "feedetl_sn")
    if len(sent) > bureau.settings.max_rows:
        raise Refusal(f"单次上传费用明细不能超过{bureau.settings.max_rows}条", 4401)
    first = sent[0]
    visit = bureau.outpatient(first["mdtrt_id"], first["psn_no"])
    if visit.settlement is not None:
        raise Refusal("该就诊已结算,不能上传费用明细", 4402)
    taken: dict[str, Line] = {}
    disease = {line.batch: line.sent["dise_codg"] for line in visit.lines.values()}
    for place, row in enumerate(sent, 1):
        label = f"第{place}行[{row['feedetl_sn']}]"
        if row["mdtrt_id"] != visit.mdtrt_id or row["psn_no"] != visit.person.psn_no:
            raise Refusal(f"{label}就诊ID或人员编号与本批次不一致", 4403)
        if row["feedetl_sn"] in visit.lines or row["feedetl_sn"] in taken:
            raise Refusal(f"{label}费用明细流水号重复", 4404)
        if disease.setdefault(row["chrg_bchno"], row["dise_codg"]) != row["dise_codg"]:
            raise Refusal(f"{label}同一收费批次号病种编码必须一致", 4405)
        taken[row["feedetl_sn"]] = price_line(bureau, row, label)
    visit.lines.update(taken)
    visit.quote = None
    _enter(bureau, visit, taken)
    return {"result": [result_of(line) for line in taken.values()]}


def price_line(bureau: Bureau, row: dict[str, Any], label: str, *, negative: bool = False) -> Line:
    """Check one line against the catalogue and split it; `negative`: it takes an earlier line back."""
    item = bureau.items.get(row["med_list_codg"])
    if item is None:
        raise Refusal(f"{label}医保目录编码[{row['med_list_codg']}]不存在", 4406)
    paired = bureau.pairs.get((row["medins_list_codg"], item.list_type))
    if paired is None or paired["med_list_codg"] != item.national:
        raise Refusal(f"{label}医药机构目录编码[{row['medins_list_codg']}]未与医保目录编码对照", 4407)
    if (row["cnt"] >= 0 if negative else row["cnt"] <= 0) or row["pric"] < 0:
        raise Refusal(f"{label}数量或单价不正确", 4408)
    amount = fen(row["det_item_fee_sumamt"])
    if line_amount(row["cnt"], row["pric"]) != amount:
        raise Refusal(f"{label}数量乘单价与明细项目费用总额不一致", 4409)
    check_doctor(bureau, row["bilg_dr_codg"])
    split = split_line(item, row["cnt"], row["pric"], amount)
    return Line(kept(row, _KEPT), item, split, row["chrg_bchno"], row.get("init_feedetl_sn", ""))


def _enter(bureau: Bureau, visit: Visit, taken: dict[str, Line]) -> None:
    amounts: dict[str, int] = {}
    for line in taken.values():
        amounts[line.batch] = amounts.get(line.batch, 0) + line.split.total
    for batch, amount in amounts.items():
        row = visit.upload_rows.get(batch)
        if row is not None:
            bureau.ledger.change(row, amount=row.amount + amount)
            continue
        visit.upload_rows[batch] = bureau.ledger.add(
            "upload", no=batch, amount=amount, state="uploaded", bill=visit.ipt_otp_no, ref=visit.mdtrt_id
        )


def split_fields(line: Line) -> dict[str, Any]:
    """How the line was split, as 2204 and 5204 say it."""
    item, split = line.item, line.split
    own = item.level == "03"
    return {
        "feedetl_sn": line.sent["feedetl_sn"], "det_item_fee_sumamt": yuan(split.total),
        "cnt": number(line.sent["cnt"]), "pric": number(line.sent["pric"]),
        "pric_uplmt_amt": number(Decimal(item.cap_fen).scaleb(-2)),
        "selfpay_prop": share(10000 if own else item.first_self_pay_bp), "fulamt_ownpay_amt": yuan(split.own),
        "overlmt_amt": yuan(split.over), "preselfpay_amt": yuan(split.first),
        "inscp_scp_amt": yuan(split.scope),
        "chrgitm_lv": item.level, "med_chrgitm_type": item.charge_type, "bas_medn_flag": "0",
        "hi_nego_drug_flag": "0", "chld_medc_flag": "0", "list_sp_item_flag": "0", "lmt_used_flag": "0",
        "drt_reim_flag": "0",
    }


def result_of(line: Line) -> dict[str, Any]:
    """How the upload answers a line."""
    return {**split_fields(line), "memo": None, "exp_content": None}


def take_back(bureau: Bureau, call: Call) -> object:
    """2205: delete the lines of a batch (`0000`: all); settled lines stay."""
    asked = node(call.input, "data", _2205)
    visit = bureau.outpatient(asked["mdtrt_id"], asked["psn_no"])
    if visit.settlement is not None:
        raise Refusal("费用明细已结算,不能撤销", 4410)
    batch = asked["chrg_bchno"]
    gone = [sn for sn, line in visit.lines.items() if batch in (ALL_BATCHES, line.batch)]
    if not gone:
        raise Refusal("没有未结算的费用明细可撤销", 4411)
    for sn in gone:
        del visit.lines[sn]
    for number_of, row in list(visit.upload_rows.items()):
        if batch in (ALL_BATCHES, number_of):
            bureau.ledger.change(row, state="deleted")
            del visit.upload_rows[number_of]
    visit.quote = None
    return None
