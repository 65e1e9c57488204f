"""Alipay's bill of a day (`trade`): CSV in GBK in a zip, columns read by their names, yuan; refunds are negative."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Final

from engine.parties.bills import MAX_BILL, BadBill, BillRow, agrees, column, fen, moment

_TITLE: Final = "#支付宝业务明细查询"
_FILES_MAX: Final = 20
_TOTAL: Final = re.compile(r"#(交易|退款)合计：([0-9]+)笔，商家实收(?:退款)?共(-?[0-9.]+)元")
Row = dict[str, str]


def rows_of(content: bytes, seller_id: str) -> list[BillRow]:
    """The rows of the zip's details. Errors: BadBill."""
    lines = details(content, seller_id, _TITLE)
    rows = table(lines)
    _check(lines, rows)
    return [_row(row, place) for place, row in enumerate(rows, 1)]


def details(content: bytes, seller_id: str, title: str) -> list[str]:
    """The lines of the file with this title, if it is this seller's. Errors: BadBill."""
    lines = _file(content, title)
    if f"#账号：[{seller_id}0156]" not in [line.strip() for line in lines[:5]]:
        raise BadBill("another seller's")
    return lines


def _file(content: bytes, title: str) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > _FILES_MAX or sum(entry.file_size for entry in entries) > MAX_BILL:
                raise BadBill("too many or too large files")
            for entry in entries:  # their names are GBK without saying so: told apart by what is in them
                with archive.open(entry) as file:
                    data = file.read(entry.file_size + 1)
                if len(data) > entry.file_size:
                    raise BadBill("a file is larger than it says")
                lines = data.decode("gb18030").replace("\r\n", "\n").rstrip("\n").split("\n")
                if lines[0].strip() == title:
                    return lines
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        raise BadBill("not a zip") from None
    except UnicodeDecodeError:
        raise BadBill("not GBK") from None
    raise BadBill("no details in it")


def table(lines: list[str]) -> list[Row]:
    """The rows between the two rules, by column name. Errors: BadBill."""
    marks = [place for place, line in enumerate(lines) if line.startswith("#-")]
    if len(marks) != 2 or "列表结束" not in lines[marks[1]] or marks[1] - marks[0] < 2:
        raise BadBill("not a list between two rules")
    names = [name.strip() for name in lines[marks[0] + 1].rstrip(",").split(",")]
    found = []
    for place, line in enumerate(lines[marks[0] + 2 : marks[1]], 1):
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == len(names) + 1 and not cells[-1]:
            cells.pop()  # some end every line with a comma
        if len(cells) != len(names):
            raise BadBill(f"row {place}: {len(cells)} cells under {len(names)} columns")
        found.append(dict(zip(names, cells, strict=True)))
    return found


def _row(row: Row, place: int) -> BillRow:
    where = f"row {place}"
    kind, trade = column(row, "业务类型"), column(row, "商户订单号")
    amount = fen(column(row, "订单金额（元）"), where)
    at, theirs = moment(column(row, "完成时间"), where), column(row, "支付宝交易号")
    fee = -fen(row.get("服务费（元）") or "0", where)
    if kind == "交易":
        return BillRow("charge", trade, trade, at, amount, theirs, fee=fee)
    if kind != "退款":
        raise BadBill(f"{where}: 业务类型 {kind[:20]!r}")
    number = column(row, "退款批次号/请求号") or trade
    if number == trade:  # a cancelled trade: the money went back without a refund of ours
        return BillRow("reverse", trade, trade, at, -amount, theirs, fee=fee)
    return BillRow("refund", number, trade, at, -amount, theirs, fee=fee)


def _check(lines: list[str], rows: list[Row]) -> None:
    """The totals at its end, one of payments and one of refunds."""
    totals = {found[1]: (int(found[2]), found[3]) for line in lines if (found := _TOTAL.match(line))}
    if set(totals) != {"交易", "退款"}:
        raise BadBill("no totals")
    for kind, (count, amount) in totals.items():
        mine = [row for row in rows if column(row, "业务类型") == kind]
        agrees(f"{kind}合计笔数", count, (1 for _ in mine))
        agrees(f"{kind}合计", fen(amount, "合计"), (fen(column(row, "商家实收（元）"), kind) for row in mine))
