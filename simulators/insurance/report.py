"""How a settlement is told: `setlinfo` and `setldetail`, the same in 2206, 2207, 2208 and 5203."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.insurance.money import share, yuan
from simulators.insurance.person import age, who
from simulators.insurance.rules import Amounts
from simulators.insurance.state import Bureau, Settlement, Visit
from simulators.town import ADMDVS

_ZERO = yuan(0)
_ACCOUNT = "310200"
_POOLS = {
    "310": ("310100", "职工基本医疗保险统筹基金"), "390": ("390100", "城乡居民基本医疗保险基金"),
}


def settlement(bureau: Bureau, made: Settlement) -> dict[str, Any]:
    """A stored settlement as 2207, 2208 answer it."""
    return answer(
        bureau, made.visit, made.told, made.amounts, setl_id=made.setl_id, setl_time=made.setl_time,
        msgid=made.msgid
    )


def answer(
    bureau: Bureau, visit: Visit, asked: Mapping[str, Any], amounts: Amounts, *, setl_id: str | None,
    setl_time: str | None, msgid: str,
) -> dict[str, Any]:
    """`setlinfo` and `setldetail`; a pre-settlement has no setl_id, setl_time, clr_way, clr_optins."""
    settings, person, a, s = bureau.settings, visit.person, amounts, amounts.split
    fund = a.pool + (a.account if settings.fund_includes_account else 0)
    psn_type = next((r.psn_type for r in person.insurance if r.insutype == visit.insutype), "")
    info = {
        "setl_id": setl_id, "mdtrt_id": visit.mdtrt_id, **who(person), "age": age(person, bureau.today()),
        "insutype": visit.insutype, "psn_type": psn_type, "cvlserv_flag": "0",
        "mdtrt_cert_type": asked.get("mdtrt_cert_type"), "med_type": asked.get("med_type"),
        "setl_time": setl_time,
        "medfee_sumamt": yuan(s.total), "fulamt_ownpay_amt": yuan(s.own), "overlmt_selfpay": yuan(s.over),
        "preselfpay_amt": yuan(s.first), "inscp_scp_amt": yuan(s.scope), "act_pay_dedc": yuan(a.deductible),
        "hifp_pay": yuan(a.pool), "pool_prop_selfpay": share(a.ratio_bp), "cvlserv_pay": _ZERO,
        "hifes_pay": _ZERO,
        "hifmi_pay": _ZERO, "hifob_pay": _ZERO, "hifdm_pay": _ZERO, "maf_pay": _ZERO, "oth_pay": _ZERO,
        "fund_pay_sumamt": yuan(fund), "psn_part_amt": yuan(a.person), "acct_pay": yuan(a.account),
        "psn_cash_pay": yuan(a.cash), "hosp_part_amt": _ZERO, "balc": yuan(a.balance),
        "acct_mulaid_pay": _ZERO,
        "medins_setl_id": msgid, "clr_optins": ADMDVS if setl_id else None,
        "clr_way": "1" if setl_id else None,
        "clr_type": clr_type(visit),
    }
    return {"setlinfo": info, "setldetail": _detail(bureau, visit, amounts)}


def clr_type(visit: Visit) -> str:
    """The clearing class of a visit: 11 门诊, 21 住院."""
    return "11" if visit.stay is None else "21"


def _detail(bureau: Bureau, visit: Visit, a: Amounts) -> list[dict[str, Any]]:
    """Funds that took part; their sum is fund_pay_sumamt, with account_in_detail plus acct_pay."""
    made = []
    if a.ratio_bp or a.pool:
        made.append(_row(*_POOLS.get(visit.insutype, _POOLS["310"]), a, a.pool, a.limit_left))
    if a.account and (bureau.settings.fund_includes_account or bureau.settings.account_in_detail):
        made.append(_row(_ACCOUNT, "职工基本医疗保险个人账户基金", a, a.account, 0))
    return made


def _row(kind: str, name: str, a: Amounts, paid: int, limit: int) -> dict[str, Any]:
    return {
        "fund_pay_type": kind, "inscp_scp_amt": yuan(a.split.scope), "crt_payb_lmt_amt": yuan(limit),
        "fund_payamt": yuan(paid), "fund_pay_type_name": name, "setl_proc_info": None,
    }
