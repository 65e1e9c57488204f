"""2206/2206A 预结算, 2207/2207A 结算, 2208 结算撤销."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.insurance import report
from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node
from simulators.insurance.money import fen
from simulators.insurance.person import check_credential, registration_share, terms_for
from simulators.insurance.rules import Amounts, settle, settle_registration, used_after
from simulators.insurance.state import Bureau, Settlement, Visit, kept, text_amounts

_COMMON = (
    "psn_no C30 Y; mdtrt_cert_type C3 Y; mdtrt_cert_no C50 N; card_sn C32 N; med_type C6 Y;"
    "medfee_sumamt N16,2 Y;"
    "psn_setlway C6 Y; mdtrt_id C30 Y; chrg_bchno C30 Y; acct_used_flag C1 Y; insutype C6 Y"
)
_2206 = fields(_COMMON)
_2207 = fields(
    f"{_COMMON}; invono C20 N; fulamt_ownpay_amt N16,2 N; overlmt_selfpay N16,2 N; preselfpay_amt N16,2 N;"
    "inscp_scp_amt N16,2 N"
)
CANCEL = fields("setl_id C30 Y; mdtrt_id C30 Y; psn_no C30 Y")
# What 2207 must repeat from 2206 as it was.
_REPEATED = ("med_type", "medfee_sumamt", "psn_setlway", "chrg_bchno", "acct_used_flag", "insutype")
TOLD = ("mdtrt_cert_type", "med_type", "invono")
_ECHO = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")


def _checked(bureau: Bureau, asked: dict[str, Any]) -> Visit:
    """The visit of a 2206 or 2207 that may be settled as asked."""
    visit = bureau.outpatient(asked["mdtrt_id"], asked["psn_no"])
    check_credential(bureau, asked, visit.person)
    if visit.settlement is not None:
        raise Refusal("该就诊已结算,不能重复结算", 4501)
    if not visit.med_type:
        raise Refusal("未上传就诊信息,不能结算", 4502)
    if asked["med_type"] != visit.med_type:
        raise Refusal("医疗类别与就诊信息不一致", 4503)
    if asked["insutype"] != visit.insutype:
        raise Refusal("险种类型与挂号信息不一致", 4504)
    bureau.insurance(visit.person, asked["insutype"])
    if asked["psn_setlway"] not in ("01", "02") or asked["acct_used_flag"] not in ("0", "1"):
        raise Refusal("个人结算方式或个人账户使用标志不正确", 4505)
    if not visit.lines:
        raise Refusal("没有可结算的费用明细", 4506)
    if asked["chrg_bchno"] not in visit.upload_rows:
        raise Refusal(f"收费批次号[{asked['chrg_bchno']}]没有费用明细", 4507)
    total = visit.total().total
    if fen(asked["medfee_sumamt"]) != total:
        raise Refusal(f"医疗费总额与费用明细合计不一致,明细合计为{total // 100}.{total % 100:02d}", 4508)
    return visit


def _compute(bureau: Bureau, call: Call, visit: Visit, asked: dict[str, Any]) -> Amounts:
    """The amounts by the policy and the counters of this moment."""
    use_account, balance = asked["acct_used_flag"] == "1", bureau.balance(visit.person)
    if asked["med_type"] in bureau.settings.registration_med_types:
        most, reason = registration_share(bureau, visit.person, visit)
        _not_entitled(bureau, call, reason)
        return settle_registration(visit.total(), most, use_account=use_account, balance=balance)
    terms, reason = terms_for(bureau, visit.person, visit.insutype, asked["med_type"], visit.begntime[:10])
    _not_entitled(bureau, call, reason)
    used = bureau.counters(visit.person, bureau.year())
    return settle(visit.total(), terms, used, use_account=use_account, balance=balance)


def _not_entitled(bureau: Bureau, call: Call, reason: str) -> None:
    """Where the fund pays nothing: a warning beside the answer, or a refusal, as this bureau does it."""
    if reason and bureau.settings.not_entitled == "refuse":
        raise Refusal(reason, 4509)
    if reason:
        call.warnings.append(reason)


def quote(bureau: Bureau, call: Call) -> object:
    """2206/2206A: the amounts, nothing stored but what a 2207 must repeat."""
    asked = node(call.input, "data", _2206)
    visit = _checked(bureau, asked)
    amounts = _compute(bureau, call, visit, asked)
    visit.quote = asked
    return report.answer(bureau, visit, asked, amounts, setl_id=None, setl_time=None, msgid=call.msgid)


def conclude(bureau: Bureau, call: Call) -> object:
    """2207/2207A: the settlement, if it repeats the last 2206; the fund's part is computed anew."""
    asked = node(call.input, "data", _2207)
    visit = _checked(bureau, asked)
    check_repeated(visit, asked, _REPEATED)
    check_echo(bureau, visit, asked)
    amounts = _compute(bureau, call, visit, asked)
    made = store(bureau, call, visit, kept(asked, TOLD), amounts, kind="settle", year=bureau.year())
    visit.quote, visit.settlement = None, made
    apply(bureau, made)
    return report.settlement(bureau, made)


def check_repeated(visit: Visit, asked: dict[str, Any], names: tuple[str, ...]) -> None:
    """Refuse a settlement that was not quoted, or says otherwise than its quote."""
    if visit.quote is None:
        raise Refusal("未进行预结算或费用明细已变化,请重新预结算", 4510)
    now, before = text_amounts(asked), text_amounts(visit.quote)
    for name in names:
        if now[name] != before[name]:
            raise Refusal(f"{name}与预结算不一致", 4511)


def check_echo(bureau: Bureau, visit: Visit, asked: dict[str, Any]) -> None:
    """Refuse amounts that are not those of the quote."""
    whole = visit.total()
    for name, amount in zip(_ECHO, (whole.own, whole.over, whole.first, whole.scope), strict=True):
        if asked[name] is None:
            if bureau.settings.echo_required:
                raise Refusal(f"{name}不能为空", 4512)
        elif fen(asked[name]) != amount:
            raise Refusal(f"{name}与预结算不一致", 4513)


def store(
    bureau: Bureau, call: Call, visit: Visit, told: Mapping[str, str], amounts: Amounts, *, kind: str, year: str
) -> Settlement:
    """Enter a settlement into the bureau's memory and books, without moving counters."""
    setl_id = bureau.opaque_id()
    row = bureau.ledger.add_settlement(
        kind, amounts, no=call.msgid, party_no=setl_id, bill=visit.ipt_otp_no, ref=visit.mdtrt_id
    )
    made = Settlement(
        setl_id, visit, amounts, told, year, bureau.world.stamp(), call.msgid, call.infno, bureau.serial, row
    )
    bureau.settlements[setl_id] = made
    bureau.settlements_of.setdefault(visit.mdtrt_id, []).append(made)
    bureau.messages[call.msgid].settlement = made
    return made


def apply(bureau: Bureau, made: Settlement, sign: int = 1) -> None:
    """Move counters and account by a settlement (negative ones give back); sign -1 takes that away again."""
    person = made.visit.person
    amounts = made.amounts if sign > 0 else made.amounts.negative(0)
    bureau.used[person.psn_no, made.year] = used_after(bureau.counters(person, made.year), amounts)
    bureau.balances[person.psn_no] = bureau.balance(person) - amounts.account


def cancel(bureau: Bureau, call: Call) -> object:
    """2208: a new settlement with all amounts negative; counters and account are given back."""
    asked = node(call.input, "data", CANCEL)
    return undo(bureau, call, bureau.outpatient(asked["mdtrt_id"], asked["psn_no"]), asked["setl_id"])


def undo(bureau: Bureau, call: Call, visit: Visit, setl_id: str) -> object:
    """The cancellation of a settlement of this visit, for 2208 and 2305."""
    found = bureau.settlements.get(setl_id)
    if found is None or found.visit is not visit or found.of is not None or found.state == "reversed":
        raise Refusal(f"未查询到结算ID[{setl_id}]的结算信息", 4514)
    if found.state == "cancelled":
        raise Refusal(f"结算ID[{setl_id}]已退费,不能重复撤销", 4515)
    if bureau.settings.refund_order == "lifo":
        _refuse_if_later(bureau, found)
    negative = found.amounts.negative(bureau.balance(visit.person) + found.amounts.account)
    made = store(bureau, call, visit, found.told, negative, kind="cancel", year=found.year)
    made.of = found
    apply(bureau, made)
    found.state, visit.settlement, visit.quote = "cancelled", None, None
    bureau.ledger.change(found.row, state="cancelled")
    return report.settlement(bureau, made)


def _refuse_if_later(bureau: Bureau, found: Settlement) -> None:
    for visit in bureau.visits_of.get(found.visit.person.psn_no, ()):
        later = visit.settlement
        if later is not None and later.year == found.year and later.serial > found.serial:
            raise Refusal("该人员存在之后的结算,请按结算逆序撤销", 4516)
