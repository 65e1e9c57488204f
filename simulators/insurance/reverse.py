"""2601 冲正: for a caller who does not know whether its transaction took effect."""

from __future__ import annotations

from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node
from simulators.insurance.settle import apply
from simulators.insurance.state import Bureau, Settlement, Visit
from simulators.insurance.stays import close

_2601 = fields("psn_no C30 Y; omsgid C30 Y; oinfno C5 Y")
# The interface's list, with the A forms.
REVERSIBLE = frozenset({"2102", "2103", "2207", "2207A", "2208", "2304", "2304A", "2305", "2401"})
_FAILED = "FSI-调用业务基础子系统冲正失败:"
REPEATED = "该交易已冲正,不能再次提交"


def reverse(bureau: Bureau, call: Call) -> object:
    """Take back the transaction sent under `omsgid`; one never seen is refused when it comes later.

    Success means: that transaction has no effect now and will have none.
    """
    asked = node(call.input, "data", _2601)
    person, number = bureau.person(asked["psn_no"]), asked["omsgid"]
    if asked["oinfno"] not in REVERSIBLE:
        raise Refusal(f"{_FAILED}交易[{asked['oinfno']}]不支持冲正", 4412)
    before = bureau.messages.get(number)
    if before is not None and before.infno != asked["oinfno"]:
        raise Refusal(f"{_FAILED}原交易编号不一致", 4412)
    if before is not None and before.psn_no != person.psn_no:
        raise Refusal(f"{_FAILED}原交易不是该人员的交易", 4412)
    done = before.settlement if before else None
    if before is not None and before.visit is not None:
        _unadmit(bureau, call, before.visit, number)
    elif done is None:
        _bury(bureau, call, number)
    elif done.state != "reversed":
        _undo(bureau, call, done)
    bureau.tombstones.add(number)
    return None


def _bury(bureau: Bureau, call: Call, number: str) -> None:
    """Nothing took effect under that number: see that nothing will."""
    if number in bureau.tombstones:
        return
    if bureau.settings.reverse_of_unknown == "error":
        raise Refusal(f"{_FAILED}未查询到原交易信息", 4412)
    bureau.ledger.add("reverse", no=call.msgid, state="done", ref=number)


def _unadmit(bureau: Bureau, call: Call, visit: Visit, number: str) -> None:
    """A stay that 2401 opened: closed, unless it holds something already."""
    if not visit.open:
        return
    if visit.settlement is not None or visit.stay is None or visit.stay.left:
        raise Refusal(f"{_FAILED}该住院就诊已办理出院或已结算，不能办理冲正交易", 4412)
    try:
        close(bureau, visit)
    except Refusal as held:
        raise Refusal(f"{_FAILED}{held.text}", 4412) from None
    bureau.ledger.add("reverse", no=call.msgid, party_no=visit.mdtrt_id, bill=visit.ipt_otp_no, ref=number)


def _undo(bureau: Bureau, call: Call, done: Settlement) -> None:
    visit, original = done.visit, done.of
    if done.state == "cancelled":
        raise Refusal(f"{_FAILED}结算ID[{done.setl_id}]退费结算标志不为未退费，不能办理冲正交易", 4412)
    if original is not None:
        if visit.settlement is not None or not visit.open or not visit.lines:
            raise Refusal(f"{_FAILED}退费后就诊信息已变化，不能办理冲正交易", 4412)
        if bureau.balance(visit.person) < original.amounts.account:
            raise Refusal(f"{_FAILED}个人账户余额不足", 4412)
        original.state, visit.settlement = "done", original
        bureau.ledger.change(original.row, state="done")
    else:
        visit.settlement = None
    visit.quote = None
    apply(bureau, done, -1)
    done.state = "reversed"
    bureau.ledger.change(done.row, state="reversed")
    bureau.ledger.add(
        "reverse", no=call.msgid, party_no=done.setl_id, amount=done.amounts.split.total, state="done",
        bill=visit.ipt_otp_no, ref=done.msgid,
    )
