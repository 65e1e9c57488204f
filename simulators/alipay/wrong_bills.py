"""Bills as they go wrong: rows lost, added, changed or a day late, another header, a file nobody can read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from simulators.alipay.bills import COLUMNS, Cells

ROWS = ("bill_missing_row", "bill_extra_row", "bill_wrong_amount", "bill_cross_day", "bill_empty")
FILES = ("bill_none", "bill_link_expired", "bill_garbage", "bill_bomb")
ALL = frozenset((*ROWS, *FILES, "bill_reordered"))


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
                return [{**first, "订单金额（元）": "0.01", "商家实收（元）": "0.01"}, *rows[1:]]
            case "bill_cross_day":
                self._held.setdefault(day + timedelta(days=1), []).append(first)
                return rows[1:]
        return []

    def columns(self) -> tuple[str, ...]:
        """The columns in the order they are written."""
        return COLUMNS[::-1] if self._taken("bill_reordered") else COLUMNS
