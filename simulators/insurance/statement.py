"""3201 对总账: do the sums of the hospital and of the bureau agree?"""

from __future__ import annotations

from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node
from simulators.insurance.money import fen
from simulators.insurance.state import Bureau, Settlement
from simulators.town import ADMDVS

_3201 = fields(
    "insutype C6 Y; clr_type C6 Y; setl_optins C6 Y; stmt_begndate DT Y; stmt_enddate DT Y;"
    "medfee_sumamt N16,2 Y;"
    "fund_pay_sumamt N16,2 Y; acct_pay N16,2 Y; fixmedins_setl_cnt N10,0 Y"
)
_TEXTS = {"0": "对账成功,数据一致", "1": "对账不平,中心多", "2": "对账不平,医药机构多", "3": "对账不平,数据不一致"}


def compare(bureau: Bureau, call: Call) -> object:
    """3201: stmt_rslt 0 equal, 1 the bureau has more rows, 2 the hospital has more, 3 same count, other sums."""
    asked = node(call.input, "data", _3201)
    if asked["setl_optins"] != ADMDVS:
        raise Refusal(f"结算经办机构[{asked['setl_optins']}]不正确", 3201)
    begin, end = asked["stmt_begndate"][:10], asked["stmt_enddate"][:10]
    if begin > end:
        raise Refusal("对账结束日期不能早于开始日期", 3201)
    rows = [
        s for s in bureau.settlements.values()
        if begin <= s.setl_time[:10] <= end and s.visit.insutype == asked["insutype"]
        and asked["clr_type"] == "11" and _counts(bureau, s)
    ]
    with_account = bureau.settings.fund_includes_account
    ours = (
        len(rows), sum(s.amounts.split.total for s in rows),
        sum(s.amounts.pool + (s.amounts.account if with_account else 0) for s in rows),
        sum(s.amounts.account for s in rows),
    )
    theirs = (
        int(asked["fixmedins_setl_cnt"]), fen(asked["medfee_sumamt"]), fen(asked["fund_pay_sumamt"]),
        fen(asked["acct_pay"]),
    )
    verdict = "0" if ours == theirs else "1" if ours[0] > theirs[0] else "2" if ours[0] < theirs[0] else "3"
    return {"stmtinfo": {
        "setl_optins": ADMDVS, "stmt_rslt": verdict, "stmt_rslt_dscr": _TEXTS[verdict],
    }}


def _counts(bureau: Bureau, s: Settlement) -> bool:
    if s.state == "reversed":
        return False
    return bureau.settings.statement_counts_refunds or (s.of is None and s.state == "done")
