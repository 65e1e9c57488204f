"""WeChat's bills as they go wrong: rows, another header, refunds not yet through, a file nobody can read."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date

from simulators.base.wrong_bills import ROWS, Cells, WrongRows

PROCESSING = "bill_processing"
FORMS = ("bill_old_header", "bill_reordered")
FILES = ("bill_bad_hash", "bill_none", "bill_creating", "bill_link_expired", "bill_garbage", "bill_bomb")
ALL = frozenset((*ROWS, PROCESSING, *FORMS, *FILES))
BOMB = 80 << 20  # bytes that a bomb unfolds to


class WrongBills(WrongRows):
    """The bill faults of the platform. `taken(fault)`: whether one is ordered, which uses it up."""

    def __init__(self, taken: Callable[[str], bool]) -> None:
        super().__init__(taken, "商户订单号", {"订单金额": "0.01", "应结订单金额": "0.01"})

    def rows(self, rows: list[Cells], day: date) -> list[Cells]:
        """Wrong as any bill's may be; or its refunds as not yet through."""
        rows = super().rows(rows, day)
        if rows and self.taken(PROCESSING):
            rows = [_still_processing(row) if row["交易状态"] == "REFUND" else row for row in rows]
        return rows

    def form(self) -> str:
        """The form the bill is written in: "" as of now."""
        return next((fault for fault in FORMS if self.taken(fault)), "")


def _still_processing(row: Cells) -> Cells:
    return {**row, "退款状态": "PROCESSING", "退款成功时间": ""}


def garbage(text: str) -> bytes:
    """The bill in GBK, where UTF-8 was promised."""
    return text.encode("gb18030")


def bomb() -> bytes:
    """A small gzip that unfolds to BOMB bytes."""
    return gzip.compress(b"`" * BOMB, 1, mtime=0)
