"""WeChat Pay's bill of a day: UTF-8 with BOM, every cell led by a back-tick, columns read by their names, yuan."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Mapping
from typing import Any, Final

from engine.parties.bills import MAX_BILL, BadBill, BillRow, agrees, column, fen, moment

_GZIP: Final = b"\x1f\x8b"
_STATES: Final = {"SUCCESS": "done", "PROCESSING": "processing", "CHANGE": "abnormal", "FAIL": "closed"}
Row = dict[str, str]


def rows_of(answer: Mapping[str, Any], content: bytes, mchid: str) -> list[BillRow]:
    """The trade bill of kind ALL, as its signed answer announced it. Errors: BadBill."""
    rows, totals = tables(plain_of(answer, content))
    found = [_row(row, place, mchid) for place, row in enumerate(rows, 2)]
    agrees("总交易单数", int(column(totals, "总交易单数")), (1 for _ in rows))
    agrees("订单总金额", fen(column(totals, "订单总金额", "总交易额"), "合计"),
           (fen(column(row, "订单金额", "总金额"), "订单金额") for row in rows))  # fmt: skip
    agrees("退款总金额", fen(column(totals, "退款总金额", "总退款金额"), "合计"),
           (fen(column(row, "退款金额"), "退款金额") for row in rows))  # fmt: skip
    return found


def tables(data: bytes) -> tuple[list[Row], Row]:
    """Data rows by column name, and the totals. Errors: BadBill."""
    try:
        lines = data.decode("utf-8-sig").replace("\r\n", "\n").rstrip("\n").split("\n")
    except UnicodeDecodeError:
        raise BadBill("not UTF-8") from None
    heads = [place for place, line in enumerate(lines) if not line.startswith("`")]
    if len(heads) != 2 or heads[0] != 0 or heads[1] != len(lines) - 2:
        raise BadBill("not a header, rows, a header and totals")
    names = lines[0].split(",")
    if len(set(names)) != len(names):
        raise BadBill("a column is there twice")
    return (
        [_cells(names, line, place) for place, line in enumerate(lines[1 : heads[1]], 2)],
        _cells(lines[-2].split(","), lines[-1], len(lines)),
    )


def _cells(names: list[str], line: str, place: int) -> Row:
    cells = line[1:].split(",`")
    if len(cells) != len(names):
        raise BadBill(f"line {place}: {len(cells)} cells under {len(names)} columns")
    return dict(zip(names, cells, strict=True))


def plain_of(answer: Mapping[str, Any], content: bytes) -> bytes:
    """A bill of any kind, unpacked within bounds. The digest is of what is in the file, or of the file: both are met
    with. Errors: BadBill."""
    plain = content
    if content.startswith(_GZIP):
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            plain = inflate.decompress(content, MAX_BILL)
        except zlib.error:
            raise BadBill("not gzip") from None
        if not inflate.eof or inflate.unused_data:
            raise BadBill("cut, or too large")
    said = str(answer.get("hash_value", "")).lower()
    if answer.get("hash_type") != "SHA1":
        raise BadBill("another kind of digest")
    digests = [hashlib.sha1(data, usedforsecurity=False).hexdigest() for data in (plain, content)]
    if not any(hmac.compare_digest(one.encode(), said.encode()) for one in digests):
        raise BadBill("its digest is not the one announced")
    return plain


def _row(row: Row, place: int, mchid: str) -> BillRow:
    where = f"line {place}"
    if column(row, "商户号") != mchid:
        raise BadBill(f"{where}: another merchant's")
    state, trade = column(row, "交易状态"), column(row, "商户订单号")
    at, fee = moment(column(row, "交易时间"), where), fen(row.get("手续费", "0"), where)
    if state == "SUCCESS":
        amount = fen(column(row, "订单金额", "总金额"), where)
        return BillRow("charge", trade, trade, at, amount, column(row, "微信订单号"), fee=fee)
    back = fen(row.get("申请退款金额") or column(row, "退款金额"), where)
    if state == "REVOKED":
        return BillRow("reverse", trade, trade, at, back, column(row, "微信订单号"), fee=fee)
    if state == "REFUND":
        told = _STATES.get(column(row, "退款状态"))
        if told is None:
            raise BadBill(f"{where}: 退款状态 {row['退款状态'][:20]!r}")
        return BillRow("refund", column(row, "商户退款单号"), trade, at, back, column(row, "微信退款单号"), told, fee)
    raise BadBill(f"{where}: 交易状态 {state[:20]!r}")
