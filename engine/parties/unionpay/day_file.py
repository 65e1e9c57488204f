"""A clearing day's files: base64 of a deflated zip; inside, GBK lines of fixed width, one transaction a line."""

from __future__ import annotations

import base64
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.core.times import instant_of
from engine.parties.bills import BadBill, BillRow

MAX_PACKED: Final = 16 << 20  # bytes of the zip
MAX_PLAIN: Final = 64 << 20  # bytes of all files in it
_MAX_FILES: Final = 20

# ZM: a line's 42 fields, each followed by one separator byte.
ZM: Final = (
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13,
    13, 8, 32, 13, 13, 12, 2, 1, 32, 98,
)  # fmt: skip
# ZME (差错): 22 fields.
ZME: Final = (3, 11, 11, 6, 10, 19, 12, 4, 2, 2, 6, 10, 4, 12, 13, 13, 15, 15, 1, 12, 2, 135)
_CODE, _TIME, _AMOUNT, _QUERY, _ORDER, _FEE, _NET, _TYPE, _SUB, _ORIG, _MER = 0, 4, 6, 9, 11, 15, 16, 19, 20, 26, 27
_ORIG_ORDER: Final = 40
_SIGNED: Final = re.compile(r"[CD][0-9]{12}", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """A transaction of the day. `amount` in fen as written, `fee` and `net` in fen with their sign (C +, D -)."""

    code: str
    time: str  # MMDDhhmmss
    amount: int
    query_id: str
    order_id: str
    fee: int
    net: int
    txn_type: str
    txn_sub_type: str
    orig_query_id: str
    mer_id: str
    orig_order_id: str


def opened(content: str) -> dict[str, bytes] | str:
    """The files of an answer's `fileContent`, by name, or why they cannot be had. A bomb is refused unopened."""
    try:
        inflate = zlib.decompressobj()
        packed = inflate.decompress(base64.b64decode(content, validate=True), MAX_PACKED)
        if not inflate.eof:
            return "fileContent: cut, or too large"
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entries = archive.infolist()
            if len(entries) > _MAX_FILES or sum(entry.file_size for entry in entries) > MAX_PLAIN:
                return "fileContent: too many or too large files"
            found: dict[str, bytes] = {}
            for entry in entries:
                with archive.open(entry) as file:
                    found[entry.filename] = file.read(entry.file_size + 1)
                if len(found[entry.filename]) != entry.file_size:
                    return "fileContent: a file is larger than it says"
            return found
    except (ValueError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        return f"fileContent: {type(error).__name__}"


def transactions(data: bytes) -> list[Row]:
    """The rows of a ZM file, in its order; ValueError names the line that is not of its form."""
    found = []
    for number, line in enumerate(data.replace(b"\r\n", b"\n").split(b"\n"), 1):
        if line:
            found.append(_row(fields(line, ZM, number), number))
    return found


def fields(line: bytes, widths: tuple[int, ...], number: int) -> list[str]:
    """The fields of one line, without the blanks around them. Widths are bytes, so a character is never cut: a line in
    which one would be is refused."""
    wanted = sum(widths) + len(widths) - 1
    if len(line) not in (wanted, wanted + 1):  # some write a separator behind the last field too
        raise ValueError(f"line {number}: {len(line)} bytes instead of {wanted}")
    found, at = [], 0
    for width in widths:
        try:
            found.append(line[at : at + width].decode("gbk").strip())
        except UnicodeDecodeError:
            raise ValueError(f"line {number}, byte {at}: not GBK") from None
        at += width + 1
    return found


def _row(cells: list[str], number: int) -> Row:
    return Row(
        cells[_CODE], cells[_TIME], _fen(cells[_AMOUNT], number), cells[_QUERY], cells[_ORDER],
        _signed(cells[_FEE], number), _signed(cells[_NET], number), cells[_TYPE], cells[_SUB], cells[_ORIG],
        cells[_MER], cells[_ORIG_ORDER],
    )  # fmt: skip


def _fen(text: str, number: int) -> int:
    if _DIGITS.fullmatch(text) is None:
        raise ValueError(f"line {number}: {text!r} is no amount")
    return int(text)


def _signed(text: str, number: int) -> int:
    if _SIGNED.fullmatch(text) is None:
        raise ValueError(f"line {number}: {text!r} is no amount with its sign")
    return int(text[1:]) if text[0] == "C" else -int(text[1:])


def bill_rows(files: Mapping[str, bytes], day: str, mer_id: str) -> list[BillRow]:
    """The transactions of a clearing day as the books want them. Errors: BadBill."""
    trades = [data for name, data in files.items() if "ZM_" in name]
    if len(trades) != 1:
        raise BadBill("no single ZM file in it")
    if any(data.strip() for name, data in files.items() if "ZME_" in name):
        raise BadBill("errors (ZME, 差错) in it: finance looks at them first")
    try:
        rows = transactions(trades[0])
    except ValueError as wrong:
        raise BadBill(str(wrong)) from None
    return [_bill_row(row, place, day, mer_id) for place, row in enumerate(rows, 1)]


def _bill_row(row: Row, place: int, day: str, mer_id: str) -> BillRow:
    if row.mer_id != mer_id:
        raise BadBill(f"line {place}: another merchant's")
    month, year = row.time[:2], int(day[:4])
    if month == "12" and day[5:7] == "01":
        year -= 1  # the clearing day of New Year begins the year before
    try:
        at = instant_of(f"{year}{row.time}", "%Y%m%d%H%M%S")
    except ValueError:
        raise BadBill(f"line {place}: {row.time!r} is no time") from None
    if row.txn_type == "01":
        return BillRow("charge", row.order_id, row.order_id, at, row.amount, row.query_id, fee=-row.fee)
    if row.txn_type in ("04", "31"):
        return BillRow("refund", row.order_id, row.orig_order_id, at, row.amount, row.query_id, fee=-row.fee)
    raise BadBill(f"line {place}: txnType {row.txn_type!r}")
