"""Alipay's account bill of a day (`signcustomer`, 账务明细): CSV in GBK in a zip, yuan, money that left is negative."""

from __future__ import annotations

from typing import Final

from engine.parties.alipay.bills import Row, details, table
from engine.parties.bills import BadBill, column, day_span, fen, moment
from engine.parties.funds import FundKind, FundRow, in_order, kind_of

TITLE: Final = "#支付宝账务明细查询"
_KINDS: Final[dict[str, FundKind]] = {
    "交易": "trade", "在线支付": "trade", "退款": "refund", "交易退款": "refund", "收费": "fee", "服务费": "fee",
    "提现": "withdrawal", "充值": "recharge",
}  # fmt: skip


def rows_of(content: bytes, seller_id: str, day: str) -> list[FundRow]:
    """The rows of the zip's details. Errors: BadBill."""
    lines = details(content, seller_id, TITLE)
    return in_order([_row(row, place) for place, row in enumerate(table(lines), 1)], day_span(day))


def _row(row: Row, place: int) -> FundRow:
    where = f"row {place}"
    came = fen(column(row, "收入金额（+元）") or "0", where)
    went = fen(column(row, "支出金额（-元）") or "0", where)
    if came < 0 or went > 0 or (came and went):
        raise BadBill(f"{where}: comes and goes at once, or with the wrong sign")
    name = column(row, "业务类型")
    return FundRow(
        kind_of(name, _KINDS), column(row, "商户订单号"), moment(column(row, "发生时间"), where), came + went,
        fen(column(row, "账户余额（元）"), where), column(row, "业务流水号"), name,
    )  # fmt: skip
