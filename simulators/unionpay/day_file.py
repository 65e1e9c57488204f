"""A clearing day's files as the gateway writes them: ZM (transactions) and ZME (errors), GBK, fixed width, zipped."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from simulators.base.world import BEIJING
from simulators.unionpay.book import ISSUER, Declined, Txn, moment

if TYPE_CHECKING:
    from simulators.unionpay.party import UnionPaySim

WIDTHS = (
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13,
    13, 8, 32, 13, 13, 12, 2, 1, 32, 98,
)  # fmt: skip
FAULTS = frozenset({
    "bill_missing_row", "bill_extra_row", "bill_wrong_amount", "bill_cross_day", "bill_empty", "bill_none",
    "bill_garbage", "bill_bomb",
})
_CODES = {"qr": "S22", "scan": "S22", "front": "S22", "undo": "S32", "refund": "S30"}
KEPT_DAYS = 30
_BOMB = 80 << 20  # bytes that a bomb unfolds to


def answer(party: UnionPaySim, day: str) -> dict[str, str]:
    """The fields of a file answer; Declined 98 while there is none."""
    whole = _whole_day(party, day)
    fault = party.faults.take("file", FAULTS, lambda: {"date": day})
    kind = fault.fault if fault else ""
    if kind == "bill_none" or not whole:
        raise Declined("98")
    mer_id = party.identity.mer_id
    there = datetime.strptime(whole, "%Y%m%d").replace(tzinfo=BEIJING)
    next_day = (there + timedelta(days=1)).strftime("%Y%m%d")
    moved = party.held_rows.get(next_day, [])
    own = (_line(party, txn) for txn in _of_day(party, whole))
    lines = [*party.held_rows.get(whole, ()), *(line for line in own if line not in moved)]
    if kind == "bill_cross_day" and lines:
        party.held_rows.setdefault(next_day, []).append(lines[0])
    if kind in ("bill_missing_row", "bill_cross_day"):
        lines = lines[1:]
    if kind == "bill_empty":
        lines = []
    if kind == "bill_extra_row" and lines:
        lines.append(_changed(lines[-1], 9, "9" * 21, 11, "STRANGER00000001"))
    if kind == "bill_wrong_amount" and lines:
        lines[0] = _changed(lines[0], 6, f"{int(_cell(lines[0], 6)) + 1:012d}")
    content = b"".join(line + b"\r\n" for line in lines)
    if kind == "bill_garbage":
        content = b"\xff" * max(1, len(content))
    if kind == "bill_bomb":
        content = bytes(_BOMB)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"INN{whole[2:]}88ZM_{mer_id}", content)
        archive.writestr(f"INN{whole[2:]}88ZME_{mer_id}", b"")
    return {
        "fileName": f"{mer_id}_{whole}.zip",
        "fileContent": base64.b64encode(zlib.compress(packed.getvalue())).decode("ascii"),
    }


def _whole_day(party: UnionPaySim, day: str) -> str:
    """yyyyMMdd of the latest such clearing day whose file is ready, "" when there is none."""
    now = datetime.fromtimestamp(party.world.now(), BEIJING)
    for back in range(1, 1 + KEPT_DAYS):
        there = now - timedelta(days=back)
        if there.strftime("%m%d") == day:
            ready = back > 1 or now.hour >= party.settings.file_hour
            return there.strftime("%Y%m%d") if ready else ""
    return ""


def _of_day(party: UnionPaySim, whole: str) -> list[Txn]:
    book = party.book
    return [
        txn for txn in book.txns.values()
        if txn.state == "done" and book.settle_date(txn.done_at) == whole
    ]


def _line(party: UnionPaySim, txn: Txn) -> bytes:
    fee = (txn.amount * party.settings.fee_bp + 5000) // 10000
    gives = txn.op in ("undo", "refund")
    net = f"{'D' if gives else 'C'}{txn.amount - (0 if gives else fee):012d}"
    orig = txn.orig
    cells = {
        0: _CODES[txn.op], 1: "00040000", 2: "00049992", 3: txn.trace_no, 4: moment(txn.done_at)[4:], 5: ISSUER,
        6: f"{txn.amount:012d}", 7: "8062", 8: "08", 9: txn.query_id, 11: txn.order_id, 12: "01",
        13: orig.trace_no if orig else "", 14: moment(orig.done_at)[4:] if orig else "",
        15: f"D{0 if gives else fee:012d}", 16: net, 17: "0501", 19: txn.fields["txnType"],
        20: txn.fields["txnSubType"], 21: txn.fields["bizType"], 22: "01", 26: orig.query_id if orig else "",
        27: party.identity.mer_id, 32: net, 34: txn.bill, 35: "0" * 13, 36: "0" * 13, 37: "0" * 12,
        40: orig.order_id if orig else "",
    }
    return b" ".join(_wide(cells.get(place, ""), width) for place, width in enumerate(WIDTHS))


def _wide(text: str, width: int) -> bytes:
    """Filled with blanks to `width` bytes; what is too long is cut before the character that would not fit."""
    kept = b""
    for sign in text:
        more = sign.encode("gbk", "replace")
        if len(kept) + len(more) > width:
            break
        kept += more
    return kept.ljust(width)


def _start(place: int) -> int:
    return sum(WIDTHS[:place]) + place


def _cell(line: bytes, place: int) -> str:
    return line[_start(place) : _start(place) + WIDTHS[place]].decode("gbk").strip()


def _changed(line: bytes, *changes: int | str) -> bytes:
    for place, text in zip(changes[::2], changes[1::2], strict=True):
        assert isinstance(place, int)
        at = _start(place)
        line = line[:at] + _wide(str(text), WIDTHS[place]) + line[at + WIDTHS[place] :]
    return line
