"""3201 对总账, 3202 对明细账: do the hospital and the bureau agree, and if not, in which settlement?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node
from simulators.insurance.files import offer, unzip
from simulators.insurance.money import exact, fen
from simulators.insurance.report import clr_type
from simulators.insurance.state import Bureau, Settlement
from simulators.town import ADMDVS

_3201 = fields(
    "insutype C6 Y; clr_type C6 Y; setl_optins C6 Y; stmt_begndate DT Y; stmt_enddate DT Y;"
    "medfee_sumamt N16,2 Y;"
    "fund_pay_sumamt N16,2 Y; acct_pay N16,2 Y; fixmedins_setl_cnt N10,0 Y"
)
_3202 = fields(
    "setl_optins C6 Y; file_qury_no C40 Y; stmt_begndate DT Y; stmt_enddate DT Y; medfee_sumamt N16,2 Y;"
    "fund_pay_sumamt N16,2 Y; cash_payamt N16,2 Y; fixmedins_setl_cnt N10,0 Y; clr_type C6 N; insutype C6 N"
)
_TEXTS = {"0": "对账成功,数据一致", "1": "对账不平,中心多", "2": "对账不平,医药机构多", "3": "对账不平,数据不一致"}
COLUMNS = 7  # of an uploaded row: setl_id, mdtrt_id, psn_no, total, fund, account, refunded


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the hospital's file; amounts in fen."""

    setl_id: str
    mdtrt_id: str
    psn_no: str
    total: int
    fund: int
    account: int
    refunded: str


def compare(bureau: Bureau, call: Call) -> object:
    """3201: stmt_rslt 0 equal, 1 the bureau has more rows, 2 the hospital has more, 3 same count, other sums."""
    asked = node(call.input, "data", _3201)
    rows = list(_ours(bureau, asked))
    sums = [_amounts(bureau, s) for s in rows]
    ours = (len(rows), *(sum(one[place] for one in sums) for place in range(3)))
    theirs = (
        int(asked["fixmedins_setl_cnt"]), fen(asked["medfee_sumamt"]), fen(asked["fund_pay_sumamt"]),
        fen(asked["acct_pay"]),
    )
    verdict = "0" if ours == theirs else "1" if ours[0] > theirs[0] else "2" if ours[0] < theirs[0] else "3"
    return {"stmtinfo": {
        "setl_optins": ADMDVS, "stmt_rslt": verdict, "stmt_rslt_dscr": _TEXTS[verdict],
    }}


def details(bureau: Bureau, call: Call) -> object:
    """3202: the hospital's file against the bureau's rows; the answer names a file with one verdict a row."""
    asked = node(call.input, "data", _3202)
    stored = bureau.files.get(asked["file_qury_no"])
    if stored is None:
        raise Refusal(f"未查询到文件[{asked['file_qury_no']}]", 3202)
    sent = [_row(line, place) for place, line in enumerate(_lines(unzip(stored.content)), 1)]
    if len(sent) != int(asked["fixmedins_setl_cnt"]) or sum(r.total for r in sent) != fen(asked["medfee_sumamt"]) \
            or sum(r.fund for r in sent) != fen(asked["fund_pay_sumamt"]):
        raise Refusal("明细文件的笔数或合计金额与申报不一致", 3202)
    mine = {s.setl_id: s for s in _ours(bureau, asked)}
    made = [_told(bureau, mine.pop(row.setl_id, None), row) for row in sent]
    made += [_told(bureau, s, None) for s in mine.values()]
    if not bureau.settings.statement_all_rows:
        made = [row for row in made if row[4] != "0"]
    return {"fileinfo": offer(bureau, made)}


def _ours(bureau: Bureau, asked: Mapping[str, Any]) -> Iterable[Settlement]:
    if asked["setl_optins"] != ADMDVS:
        raise Refusal(f"结算经办机构[{asked['setl_optins']}]不正确", 3201)
    begin, end = asked["stmt_begndate"][:10], asked["stmt_enddate"][:10]
    if begin > end:
        raise Refusal("对账结束日期不能早于开始日期", 3201)
    for s in bureau.settlements.values():
        if begin <= s.setl_time[:10] <= end and asked["insutype"] in ("", s.visit.insutype) \
                and asked["clr_type"] in ("", clr_type(s.visit)) and _counts(bureau, s):
            yield s


def _amounts(bureau: Bureau, s: Settlement) -> tuple[int, int, int]:
    """Total, fund (by the bureau's rule) and account of a settlement."""
    a = s.amounts
    return a.split.total, a.pool + (a.account if bureau.settings.fund_includes_account else 0), a.account


def _told(bureau: Bureau, s: Settlement | None, row: _Row | None) -> tuple[str, ...]:
    """psn_no, mdtrt_id, setl_id, msgid, stmt_rslt, refd_setl_flag, memo."""
    if s is None:
        assert row is not None
        return row.psn_no, row.mdtrt_id, row.setl_id, "", "2", row.refunded, _TEXTS["2"]
    who = (s.visit.person.psn_no, s.visit.mdtrt_id, s.setl_id, s.msgid)
    flag = "1" if s.state == "cancelled" or s.of is not None else "0"
    if row is None:
        return *who, "1", flag, _TEXTS["1"]
    same = _amounts(bureau, s) == (row.total, row.fund, row.account) and s.visit.mdtrt_id == row.mdtrt_id
    verdict = "0" if same else "3"
    return *who, verdict, flag, _TEXTS[verdict]


def _lines(content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal("明细文件不是UTF-8编码", 3202) from None
    made = [line.split("\t") for line in text.splitlines() if line.strip()]
    return made[1:] if made and made[0][0] == "setl_id" else made


def _row(line: list[str], place: int) -> _Row:
    if len(line) != COLUMNS:
        raise Refusal(f"明细文件第{place}行列数不正确", 3202)
    amounts = [exact(text) for text in line[3:6]]
    if not all(isinstance(one, Decimal) for one in amounts):
        raise Refusal(f"明细文件第{place}行金额不正确", 3202)
    total, fund, account = (fen(one) for one in amounts if one is not None)
    return _Row(line[0], line[1], line[2], total, fund, account, line[6])


def _counts(bureau: Bureau, s: Settlement) -> bool:
    if s.state == "reversed":
        return False
    return bureau.settings.statement_counts_refunds or (s.of is None and s.state == "done")
