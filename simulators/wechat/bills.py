"""Bill files as the platform writes them: UTF-8 with BOM, CRLF, every data cell led by a back-tick, yuan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from simulators.base.world import BEIJING
from simulators.wechat.book import Book, Flow, Order, Payment, Refund, fee_of
from simulators.wechat.forms import TRADE_TYPE

Cells = dict[str, str]
REFUND_TIMES = ("退款申请时间", "退款成功时间")
REFUND_COLUMNS = (
    "微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态", "申请退款金额",
)
ALL_COLUMNS = (
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号", "用户标识",
    "交易类型", "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额", "微信退款单号",
    "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态", "商品名称", "商户数据包", "手续费",
    "费率", "订单金额", "申请退款金额", "费率备注",
)
SUCCESS_COLUMNS = tuple(c for c in ALL_COLUMNS if c not in REFUND_COLUMNS)
REFUND_ALL = (*ALL_COLUMNS[:14], *REFUND_TIMES, *ALL_COLUMNS[14:])
# The bill before its columns were renamed: the net amount was the order's, and three columns were not there.
OLD_NAMES = {
    "应结订单金额": "总金额", "代金券金额": "代金券或立减优惠金额", "充值券退款金额": "代金券或立减优惠退款金额",
}  # fmt: skip
NOT_IN_OLD = frozenset({"订单金额", "申请退款金额", "费率备注"})
OLD_SUMMARY = ("总交易单数", "总交易额", "总退款金额", "总代金券或立减优惠退款金额", "手续费总金额")
TRADE_SUMMARY = (
    "总交易单数", "应结订单总金额", "退款总金额", "充值券退款总金额", "手续费总金额", "订单总金额",
    "申请退款总金额",
)
FLOW_COLUMNS = (
    "记账时间", "微信支付业务单号", "资金流水单号", "业务名称", "业务类型", "收支类型", "收支金额(元)",
    "账户结余(元)", "资金变更提交申请人", "备注", "业务凭证号",
)
FLOW_SUMMARY = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")
# The bill's words for refunds differ from the interface's, and a row is never updated later.
REFUND_STATE = {"SUCCESS": "SUCCESS", "PROCESSING": "PROCESSING", "ABNORMAL": "CHANGE", "CLOSED": "FAIL"}


def yuan(fen: int, digits: int = 2) -> str:
    """Fen as yuan with two (fee: five) decimals."""
    sign, fen = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{fen // 100}.{fen % 100:02d}" + "0" * (digits - 2)


def clock(at: float) -> str:
    """Beijing time to the second."""
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def trade_rows(book: Book, start: float, end: float, mchid: str, fee_bp: int) -> list[Cells]:
    """Payments, refunds and reversals of a day, oldest first; the state of a refund is that of now."""
    rows: list[tuple[float, Cells]] = []
    for order in book.orders.values():
        for payment in order.payments:
            if start <= payment.at < end:
                rows.append((payment.at, _paid(order, payment, mchid, fee_bp)))
        for refund in order.refunds:
            if start <= refund.at < end:
                rows.append((refund.at, _refunded(refund, mchid, fee_bp)))
        if order.payments and start <= order.reversed_at < end:
            rows.append((order.reversed_at, _reversed(order, mchid, fee_bp)))
    return [cells for _, cells in sorted(rows, key=lambda row: row[0])]


def _common(order: Order, payment: Payment, at: float, mchid: str, fee_bp: int) -> Cells:
    terms = order.terms
    amounts = ("应结订单金额", "代金券金额", "退款金额", "充值券退款金额", "订单金额", "申请退款金额")
    zero = dict.fromkeys(amounts, "0.00")
    return {
        **dict.fromkeys(ALL_COLUMNS, ""), **dict.fromkeys(REFUND_TIMES, ""), **zero,
        "交易时间": clock(at), "公众账号ID": terms.appid, "商户号": mchid, "特约商户号": "0",
        "设备号": terms.device, "微信订单号": payment.transaction_id, "商户订单号": order.no,
        "用户标识": payment.openid, "交易类型": TRADE_TYPE[terms.product], "付款银行": payment.bank_type,
        "货币种类": "CNY", "微信退款单号": "0", "商户退款单号": "0", "商品名称": terms.description,
        "商户数据包": terms.attach, "费率": f"{fee_bp // 100}.{fee_bp % 100:02d}%",
        "手续费": yuan(0, 5),
    }


def _paid(order: Order, payment: Payment, mchid: str, fee_bp: int) -> Cells:
    total = yuan(order.terms.total)
    return {
        **_common(order, payment, payment.at, mchid, fee_bp), "交易状态": "SUCCESS", "应结订单金额": total,
        "订单金额": total, "手续费": yuan(fee_of(order.terms.total, fee_bp), 5),
    }


def _refunded(refund: Refund, mchid: str, fee_bp: int) -> Cells:
    order = refund.order
    payment = next(p for p in order.payments if p.transaction_id == refund.transaction_id)
    amount = yuan(refund.amount)
    return {
        **_common(order, payment, refund.at, mchid, fee_bp), "交易状态": "REFUND",
        "退款申请时间": clock(refund.at), "退款成功时间": clock(refund.done_at) if refund.status == "SUCCESS" else "",
        "微信退款单号": refund.refund_id, "商户退款单号": refund.no, "退款金额": amount,
        "退款类型": refund.channel, "退款状态": REFUND_STATE[refund.status], "申请退款金额": amount,
    }


def _reversed(order: Order, mchid: str, fee_bp: int) -> Cells:
    amount = yuan(order.terms.total)
    return {
        **_common(order, order.payments[0], order.reversed_at, mchid, fee_bp), "交易状态": "REVOKED",
        "退款申请时间": clock(order.reversed_at), "退款成功时间": clock(order.reversed_at),
        "退款金额": amount, "退款类型": "ORIGINAL", "退款状态": "SUCCESS", "申请退款金额": amount,
    }


def trade_bill(rows: Sequence[Cells], kind: str, form: str = "") -> str:
    """The trade bill of kind ALL, SUCCESS or REFUND. `form`: `bill_old_header` (the columns of former years),
    `bill_reordered` (the same columns in another order), "" as of now."""
    columns = {"ALL": ALL_COLUMNS, "SUCCESS": SUCCESS_COLUMNS, "REFUND": REFUND_ALL}[kind]
    kept = [r for r in rows if kind == "ALL" or (r["交易状态"] == "SUCCESS") == (kind == "SUCCESS")]

    def total(column: str, digits: int = 2) -> str:
        return yuan(sum(_fen(r[column]) for r in kept), digits)

    summary = [
        str(len(kept)), total("应结订单金额"), total("退款金额"), total("充值券退款金额"),
        total("手续费", 5), total("订单金额"), total("申请退款金额"),
    ]
    if form == "bill_old_header":
        old = [c for c in columns if c not in NOT_IN_OLD]
        header = [OLD_NAMES.get(c, c) for c in old]
        cells = [[r["订单金额" if c == "应结订单金额" else c] for c in old] for r in kept]
        return _document(header, cells, OLD_SUMMARY, summary[:5])
    if form == "bill_reordered":
        columns = columns[::-1]
    return _document(columns, [[r[c] for c in columns] for r in kept], TRADE_SUMMARY, summary)


def _fen(text: str) -> int:
    whole, _, rest = text.partition(".")
    return int(whole) * 100 + int(rest[:2])


def flow_bill(flows: Sequence[Flow], mchid: str) -> str:
    """The fund flow bill."""
    rows = [
        [
            clock(f.at), f.business_no, f.number, f.name, f.name, "收入" if f.amount > 0 else "支出",
            yuan(abs(f.amount)), yuan(f.balance), mchid, "", f.voucher,
        ]
        for f in flows
    ]
    came, went = [f.amount for f in flows if f.amount > 0], [-f.amount for f in flows if f.amount < 0]
    summary = [str(len(flows)), str(len(came)), yuan(sum(came)), str(len(went)), yuan(sum(went))]
    return _document(FLOW_COLUMNS, rows, FLOW_SUMMARY, summary)


def _document(
    columns: Sequence[str], rows: Iterable[Sequence[str]], summary: Sequence[str], totals: Sequence[str]
) -> str:
    lines = [",".join(columns), *(_line(row) for row in rows), ",".join(summary), _line(totals)]
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def _line(cells: Sequence[str]) -> str:
    return ",".join("`" + c.replace(",", "\\ ").replace("\n", "\\n") for c in cells)
