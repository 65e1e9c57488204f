"""2303 住院预结算, 2304 住院结算, 2305 住院结算撤销: as 2206, 2207 and 2208, by the terms of a stay."""

from __future__ import annotations

from typing import Any

from simulators.insurance import report
from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node
from simulators.insurance.money import fen
from simulators.insurance.person import check_credential
from simulators.insurance.policy import stay_terms
from simulators.insurance.rules import Amounts, settle_stay
from simulators.insurance.settle import CANCEL, TOLD, apply, check_echo, check_repeated, store, undo
from simulators.insurance.state import Bureau, Visit, kept

_2303 = fields(
    "psn_no C30 Y; mdtrt_cert_type C3 Y; mdtrt_cert_no C50 N; card_sn C32 N; medfee_sumamt N16,2 Y; psn_setlway C6 Y;"
    "mdtrt_id C30 Y; acct_used_flag C1 Y; insutype C6 Y; invono C20 N; mid_setl_flag C3 N;"
    "fulamt_ownpay_amt N16,2 N; overlmt_selfpay N16,2 N; preselfpay_amt N16,2 N; inscp_scp_amt N16,2 N; dscgTime DT N"
)
_REPEATED = ("medfee_sumamt", "psn_setlway", "acct_used_flag", "insutype")


def _checked(bureau: Bureau, asked: dict[str, Any]) -> Visit:
    visit, _ = bureau.inpatient(asked["mdtrt_id"], asked["psn_no"])
    check_credential(bureau, asked, visit.person)
    if visit.settlement is not None:
        raise Refusal("该就诊已结算,不能重复结算", 4501)
    if asked["insutype"] != visit.insutype:
        raise Refusal("险种类型与入院信息不一致", 4504)
    bureau.insurance(visit.person, asked["insutype"])
    if asked["psn_setlway"] not in ("01", "02") or asked["acct_used_flag"] not in ("0", "1"):
        raise Refusal("个人结算方式或个人账户使用标志不正确", 4505)
    if not visit.lines:
        raise Refusal("没有可结算的费用明细", 4506)
    total = visit.total().total
    if fen(asked["medfee_sumamt"]) != total:
        raise Refusal(f"医疗费总额与费用明细合计不一致,明细合计为{total // 100}.{total % 100:02d}", 4508)
    asked["med_type"] = visit.med_type
    return visit


def _compute(bureau: Bureau, visit: Visit, asked: dict[str, Any]) -> Amounts:
    return settle_stay(
        visit.total(), stay_terms(visit.insutype, bureau.settings.hosp_lv),
        bureau.counters(visit.person, bureau.year()), use_account=asked["acct_used_flag"] == "1",
        balance=bureau.balance(visit.person),
    )


def quote(bureau: Bureau, call: Call) -> object:
    """2303: the amounts; possible on every day of the stay."""
    asked = node(call.input, "data", _2303)
    visit = _checked(bureau, asked)
    amounts = _compute(bureau, visit, asked)
    visit.quote = asked
    return report.answer(bureau, visit, asked, amounts, setl_id=None, setl_time=None, msgid=call.msgid)


def conclude(bureau: Bureau, call: Call) -> object:
    """2304: the settlement, after 2402 (or with mid_setl_flag 1), if it repeats the last 2303."""
    asked = node(call.input, "data", _2303)
    visit = _checked(bureau, asked)
    assert visit.stay is not None
    if not visit.stay.left and asked["mid_setl_flag"] != "1":
        raise Refusal("未办理出院,不能结算", 4518)
    check_repeated(visit, asked, _REPEATED)
    check_echo(bureau, visit, asked)
    amounts = _compute(bureau, visit, asked)
    made = store(bureau, call, visit, kept(asked, TOLD), amounts, kind="settle", year=bureau.year())
    visit.quote, visit.settlement = None, made
    apply(bureau, made)
    return report.settlement(bureau, made)


def cancel(bureau: Bureau, call: Call) -> object:
    """2305: a new settlement with all amounts negative."""
    asked = node(call.input, "data", CANCEL)
    visit, _ = bureau.inpatient(asked["mdtrt_id"], asked["psn_no"])
    return undo(bureau, call, visit, asked["setl_id"])
