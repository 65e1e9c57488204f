"""Bill files as the platform writes them: CSV in GBK in a zip, ids ended by a TAB, yuan, refunds negative."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from simulators.alipay.book import Book, Flow
from simulators.alipay.trade import yuan
from simulators.base.world import BEIJING

COLUMNS = (
    "支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号", "门店名称",
    "操作员", "终端号", "对方账户", "订单金额（元）", "商家实收（元）", "支付宝红包（元）", "集分宝（元）",
    "支付宝优惠（元）", "商家优惠（元）", "券核销金额（元）", "券名称",
    "商家红包消费金额（元）", "卡消费金额（元）", "退款批次号/请求号", "服务费（元）", "分润（元）", "备注",
)
SUMMARY_COLUMNS = (
    "门店编号", "门店名称", "交易订单总笔数", "退款订单总笔数", "订单金额（元）", "商家实收（元）",
    "支付宝优惠（元）", "商家优惠（元）", "卡消费金额（元）", "服务费（元）", "分润（元）", "实收净额（元）",
)
FLOW_COLUMNS = (
    "账务流水号", "业务流水号", "商户订单号", "商品名称", "发生时间", "对方账号", "收入金额（+元）",
    "支出金额（-元）", "账户余额（元）", "交易渠道", "业务类型", "备注",
)
_TABBED = frozenset({"支付宝交易号", "商户订单号", "退款批次号/请求号", "账务流水号", "业务流水号", "对方账户"})
_ZERO = tuple(c for c in COLUMNS if c.endswith("（元）"))
BOMB = 80 << 20  # bytes that a bomb unfolds to
Cells = dict[str, str]


def clock(at: float) -> str:
    """Beijing time to the second."""
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def trade_rows(book: Book, start: float, end: float, fee_bp: int) -> list[Cells]:
    """Payments, refunds and cancellations of a day, oldest first."""
    rows: list[tuple[float, Cells]] = []
    flows = {(f.kind, f.no): f.at for f in book.flows}
    for trade in book.trades.values():
        common = {
            **dict.fromkeys(COLUMNS, ""), **dict.fromkeys(_ZERO, "0.00"), "支付宝交易号": trade.trade_no,
            "商户订单号": trade.no, "商品名称": trade.terms.subject, "创建时间": clock(trade.at),
            "对方账户": "sim***@example.com", "备注": trade.terms.body,
        }
        for payment in trade.payments:
            if start <= payment.at < end:
                total, fee = trade.terms.total, (trade.terms.total * fee_bp + 5000) // 10000
                rows.append((payment.at, {
                    **common, "支付宝交易号": payment.trade_no, "业务类型": "交易", "完成时间": clock(payment.at),
                    "订单金额（元）": yuan(total), "商家实收（元）": yuan(total), "服务费（元）": yuan(-fee),
                }))
        back = [(r.at, r.no, r.amount) for r in trade.refunds.values() if r.done]
        if trade.cancelled == "refund":
            back.append((flows["退款", trade.no], trade.no, trade.terms.total * len(trade.payments)))
        for at, no, amount in back:
            if start <= at < end:
                rows.append((at, {
                    **common, "业务类型": "退款", "完成时间": clock(at), "退款批次号/请求号": no,
                    "订单金额（元）": yuan(-amount), "商家实收（元）": yuan(-amount),
                }))
    return [cells for _, cells in sorted(rows, key=lambda row: row[0])]


def _line(cells: Cells, columns: Sequence[str]) -> str:
    return ",".join(cells[c].replace(",", "，") + ("\t" if c in _TABBED else "") for c in columns)


def _fen(text: str) -> int:
    return int(text.replace(".", ""))


def _document(
    title: str, seller: str, start: float, end: float, columns: Sequence[str], lines: Iterable[str], tail: Sequence[str]
) -> str:
    rule = "#-----------------------------------------"
    head = [
        f"#支付宝{title}查询", f"#账号：[{seller}0156]", f"#起始日期：[{_cn(start)}]   终止日期：[{_cn(end)}]",
        f"{rule}{title}列表{rule[1:]}", ",".join(columns), *lines, f"{rule}{title}列表结束{rule[1:]}", *tail,
    ]
    return "\r\n".join(head) + "\r\n"


def _cn(at: float) -> str:
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y年%m月%d日 %H:%M:%S")


def trade_bill(
    rows: Sequence[Cells], seller: str, start: float, end: float, now: float, *, columns: Sequence[str] = COLUMNS,
    wrong: Collection[str] = (),
) -> bytes:
    """The zip of kind `trade`: details and their summary. `wrong`: bill_garbage (its text is not GBK), bill_bomb."""
    paid = [r for r in rows if r["业务类型"] == "交易"]
    back = [r for r in rows if r["业务类型"] == "退款"]

    def total(of: Sequence[Cells], column: str) -> int:
        return sum(_fen(r[column]) for r in of)

    tail = [
        f"#交易合计：{len(paid)}笔，商家实收共{yuan(total(paid, '商家实收（元）'))}元，商家优惠共0.00元",
        f"#退款合计：{len(back)}笔，商家实收退款共{yuan(total(back, '商家实收（元）'))}元，商家优惠退款共0.00元",
        f"#导出时间：[{_cn(now)}]",
    ]
    details = _document("业务明细", seller, start, end, columns, [_line(r, columns) for r in rows], tail)
    net, fee = total(rows, "商家实收（元）"), total(rows, "服务费（元）")
    sums = {
        **dict.fromkeys(SUMMARY_COLUMNS, "0.00"), "门店编号": "合计", "门店名称": "",
        "交易订单总笔数": str(len(paid)),
        "退款订单总笔数": str(len(back)), "订单金额（元）": yuan(total(rows, "订单金额（元）")),
        "商家实收（元）": yuan(net),
        "服务费（元）": yuan(fee), "实收净额（元）": yuan(net + fee),
    }
    summary = _document(
        "业务明细(汇总)", seller, start, end, SUMMARY_COLUMNS, [_line(sums, SUMMARY_COLUMNS)], [tail[-1]]
    )
    day = datetime.fromtimestamp(start, BEIJING).strftime("%Y%m%d")
    content = details.encode("gb18030")
    if "bill_garbage" in wrong:
        content = b"\xff" * len(content)
    if "bill_bomb" in wrong:
        content = b"#" * BOMB
    return zipped({
        f"{seller}0156_{day}_业务明细.csv": content,
        f"{seller}0156_{day}_业务明细(汇总).csv": summary.encode("gb18030"),
    })


def flow_bill(flows: Sequence[Flow], seller: str, start: float, end: float, now: float) -> bytes:
    """The zip of kind `signcustomer`: movements of the seller's account."""
    rows = [
        {
            **dict.fromkeys(FLOW_COLUMNS, ""), "账务流水号": f.number, "业务流水号": f.trade_no, "商户订单号": f.no,
            "发生时间": clock(f.at), "收入金额（+元）": yuan(f.amount) if f.amount > 0 else "0.00",
            "支出金额（-元）": yuan(f.amount) if f.amount < 0 else "0.00", "账户余额（元）": yuan(f.balance),
            "交易渠道": "支付宝", "业务类型": f.kind,
        }
        for f in flows
    ]
    text = _document(
        "账务明细", seller, start, end, FLOW_COLUMNS, [_line(r, FLOW_COLUMNS) for r in rows],
        [f"#导出时间：[{_cn(now)}]"],
    )
    day = datetime.fromtimestamp(start, BEIJING).strftime("%Y%m%d")
    return zipped({f"{seller}0156_{day}_账务明细.csv": text.encode("gb18030")})


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip whose names are GBK without the UTF-8 flag, as the platform's are: the standard library cannot say so."""
    body, central = io.BytesIO(), io.BytesIO()
    names = [(n.encode("gbk"), content) for n, content in files.items()]
    for name, content in names:
        at, packed = body.tell(), zlib.compress(content, 6)[2:-4]
        crc, sizes = zlib.crc32(content), (len(packed), len(content))
        common = b"".join(
            value.to_bytes(width, "little")
            for value, width in ((20, 2), (0, 2), (8, 2), (0, 2), (0x21, 2), (crc, 4), (sizes[0], 4), (sizes[1], 4),
                                 (len(name), 2), (0, 2))
        )
        body.write(b"PK\x03\x04" + common + name + packed)
        central.write(b"PK\x01\x02" + b"\x14\x00" + common + bytes(10) + at.to_bytes(4, "little") + name)
    end, directory = body.tell(), central.getvalue()
    count = len(names).to_bytes(2, "little")
    body.write(
        directory + b"PK\x05\x06" + bytes(4) + count + count + len(directory).to_bytes(4, "little")
        + end.to_bytes(4, "little") + bytes(2)
    )
    assert zipfile.is_zipfile(body)
    return body.getvalue()
