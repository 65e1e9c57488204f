"""Bills as they go wrong: rows lost, added, changed or a day late, another header, a file nobody can read."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date, timedelta

from simulators.wechat.bills import Cells

ROWS = ("bill_missing_row", "bill_extra_row", "bill_wrong_amount", "bill_cross_day", "bill_processing", "bill_empty")
FORMS = ("bill_old_header", "bill_reordered")
FILES = ("bill_bad_hash", "bill_none", "bill_creating", "bill_link_expired", "bill_garbage", "bill_bomb")
ALL = frozenset((*ROWS, *FORMS, *FILES))
BOMB = 80 << 20  # bytes that a bomb unfolds to


class WrongBills:
    """The bill faults of one platform. `taken(fault)`: whether one is ordered, which uses it up."""

    def __init__(self, taken: Callable[[str], bool]) -> None:
        self._taken = taken
        self._held: dict[date, list[Cells]] = {}  # by the day in whose bill they will stand

    def rows(self, rows: list[Cells], day: date) -> list[Cells]:
        """The rows of a day's bill, as the faults in force want them."""
        moved = self._held.get(day + timedelta(days=1), ())
        rows = [*self._held.get(day, ()), *(row for row in rows if row not in moved)]
        for fault in ROWS:
            if rows and self._taken(fault):
                rows = self._wrong(fault, rows, day)
        return rows

    def _wrong(self, fault: str, rows: list[Cells], day: date) -> list[Cells]:
        first = rows[0]
        match fault:
            case "bill_missing_row":
                return rows[1:]
            case "bill_extra_row":
                return [*rows, {**first, "商户订单号": "EXTRA" + first["商户订单号"][-20:]}]
            case "bill_wrong_amount":
                return [{**first, "订单金额": "0.01", "应结订单金额": "0.01"}, *rows[1:]]
            case "bill_cross_day":
                self._held.setdefault(day + timedelta(days=1), []).append(first)
                return rows[1:]
            case "bill_processing":
                return [_still_processing(row) if row["交易状态"] == "REFUND" else row for row in rows]
        return []

    def form(self) -> str:
        """The form the bill is written in: "" as of now."""
        return next((fault for fault in FORMS if self._taken(fault)), "")


def _still_processing(row: Cells) -> Cells:
    return {**row, "退款状态": "PROCESSING", "退款成功时间": ""}


def garbage(text: str) -> bytes:
    """The bill in GBK, where UTF-8 was promised."""
    return text.encode("gb18030")


def bomb() -> bytes:
    """A small gzip that unfolds to BOMB bytes."""
    return gzip.compress(b"`" * BOMB, 1, mtime=0)
