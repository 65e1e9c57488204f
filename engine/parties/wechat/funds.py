"""WeChat Pay's fund flow bill (资金账单): the movements of one account on one day, in the form of the trade bill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.parties.bills import BadBill, agrees, column, day_span, fen, moment
from engine.parties.funds import FundKind, FundRow, in_order, kind_of
from engine.parties.wechat.bills import Row, plain_of, tables

_KINDS: Final[dict[str, FundKind]] = {
    "交易": "trade", "退款": "refund", "撤销": "reverse", "退款关闭": "returned", "退款退回": "returned",
    "扣除交易手续费": "fee", "提现": "withdrawal", "充值": "recharge",
}  # fmt: skip
_SIGNS: Final = {"收入": 1, "支出": -1}


def rows_of(answer: Mapping[str, Any], content: bytes, day: str) -> list[FundRow]:
    """The fund flow bill, as its signed answer announced it. Errors: BadBill."""
    rows, totals = tables(plain_of(answer, content))
    found = in_order([_row(row, place) for place, row in enumerate(rows, 2)], day_span(day))
    agrees("资金流水总笔数", int(column(totals, "资金流水总笔数")), (1 for _ in rows))
    agrees("收入金额", fen(column(totals, "收入金额"), "合计"), (row.amount for row in found if row.amount > 0))
    agrees("支出金额", fen(column(totals, "支出金额"), "合计"), (-row.amount for row in found if row.amount < 0))
    return found


def _row(row: Row, place: int) -> FundRow:
    where = f"line {place}"
    sign, name = _SIGNS.get(column(row, "收支类型")), column(row, "业务名称")
    if sign is None:
        raise BadBill(f"{where}: 收支类型 {row['收支类型'][:20]!r}")
    amount = fen(column(row, "收支金额(元)"), where)
    if amount < 0:
        raise BadBill(f"{where}: an amount below nothing")
    return FundRow(
        kind_of(name, _KINDS), column(row, "业务凭证号"), moment(column(row, "记账时间"), where), sign * amount,
        fen(column(row, "账户结余(元)"), where), column(row, "微信支付业务单号"), name,
    )  # fmt: skip
