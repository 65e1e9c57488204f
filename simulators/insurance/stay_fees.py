"""2301 住院费用明细上传, 2302 住院费用明细撤销: no batches; a line is taken back by a negative one or by 2302."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from simulators.insurance.envelope import Call
from simulators.insurance.fees import LINE, price_line, result_of
from simulators.insurance.fields import Refusal, fields, node, rows
from simulators.insurance.state import Bureau, Line, Visit

_2301 = fields(f"init_feedetl_sn C30 N; drord_no C30 N; med_type C6 N; memo C500 N; {LINE}")
_2302 = fields("feedetl_sn C30 Y; mdtrt_id C30 Y; psn_no C30 Y")
ALL_LINES = "0000"


def upload(bureau: Bureau, call: Call) -> object:
    """2301: all lines or none; the answer splits each line."""
    sent = rows(call.input, "feedetail", _2301, "feedetl_sn")
    if len(sent) > bureau.settings.max_rows:
        raise Refusal(f"单次上传费用明细不能超过{bureau.settings.max_rows}条", 4401)
    visit, _ = bureau.inpatient(sent[0]["mdtrt_id"], sent[0]["psn_no"])
    if visit.settlement is not None:
        raise Refusal("该就诊已结算,不能上传费用明细", 4402)
    taken: dict[str, Line] = {}
    for place, row in enumerate(sent, 1):
        label = f"第{place}行[{row['feedetl_sn']}]"
        if row["mdtrt_id"] != visit.mdtrt_id or row["psn_no"] != visit.person.psn_no:
            raise Refusal(f"{label}就诊ID或人员编号与本批次不一致", 4403)
        if row["feedetl_sn"] in visit.lines or row["feedetl_sn"] in taken:
            raise Refusal(f"{label}费用明细流水号重复", 4404)
        row |= {"chrg_bchno": call.msgid, "dise_codg": ""}
        _check_back(visit, taken, row, label)
        taken[row["feedetl_sn"]] = price_line(bureau, row, label, negative=bool(row["init_feedetl_sn"]))
    visit.lines.update(taken)
    visit.quote = None
    visit.upload_rows[call.msgid] = bureau.ledger.add(
        "upload", no=call.msgid, amount=sum(line.split.total for line in taken.values()), state="uploaded",
        bill=visit.ipt_otp_no, ref=visit.mdtrt_id,
    )
    return {"result": [result_of(line) for line in taken.values()]}


def _check_back(visit: Visit, taken: dict[str, Line], row: dict[str, Any], label: str) -> None:
    """A negative line names the one it takes back, of the same item and price, and no more of it than is left."""
    origin = row["init_feedetl_sn"]
    if not origin:
        return
    known = {**visit.lines, **taken}
    first = known.get(origin)
    if first is None or first.sent["cnt"] <= 0:
        raise Refusal(f"{label}未查询到被退的费用明细[{origin}]", 4415)
    if first.sent["med_list_codg"] != row["med_list_codg"] or first.sent["pric"] != row["pric"]:
        raise Refusal(f"{label}与被退的费用明细项目或单价不一致", 4416)
    left: Decimal = first.sent["cnt"] + sum(one.sent["cnt"] for one in known.values() if one.back == origin)
    if row["cnt"] >= 0 or left + row["cnt"] < 0:
        raise Refusal(f"{label}退费数量大于原明细剩余数量", 4417)


def take_back(bureau: Bureau, call: Call) -> object:
    """2302: delete one line (`0000`: all); settled lines stay."""
    asked = node(call.input, "data", _2302)
    visit, _ = bureau.inpatient(asked["mdtrt_id"], asked["psn_no"])
    if visit.settlement is not None:
        raise Refusal("费用明细已结算,不能撤销", 4410)
    wanted = asked["feedetl_sn"]
    gone = [sn for sn in visit.lines if wanted in (ALL_LINES, sn)]
    if not gone:
        raise Refusal("没有未结算的费用明细可撤销", 4411)
    if wanted != ALL_LINES and any(line.back == wanted for line in visit.lines.values()):
        raise Refusal(f"费用明细[{wanted}]已有退费明细,不能单独撤销", 4418)
    for sn in gone:
        _forget(bureau, visit, visit.lines.pop(sn))
    visit.quote = None
    return None


def _forget(bureau: Bureau, visit: Visit, line: Line) -> None:
    row = visit.upload_rows[line.batch]
    if any(other.batch == line.batch for other in visit.lines.values()):
        bureau.ledger.change(row, amount=row.amount - line.split.total)
        return
    bureau.ledger.change(row, state="deleted")
    del visit.upload_rows[line.batch]
