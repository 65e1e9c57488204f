"""Bills as they go wrong: rows lost, added, changed or a day late. The rest is each platform's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

Cells = dict[str, str]
ROWS = ("bill_missing_row", "bill_extra_row", "bill_wrong_amount", "bill_cross_day", "bill_empty")


class WrongRows:
    """The faults of one platform's rows. `taken(fault)`: whether one is ordered, which uses it up; `number` the column
    of our number, `wrong` what a row with a wrong amount says."""

    def __init__(self, taken: Callable[[str], bool], number: str, wrong: Mapping[str, str]) -> None:
        self.taken, self._number, self._amounts = taken, number, wrong
        self._held: dict[date, list[Cells]] = {}  # by the day in whose bill they will stand

    def rows(self, rows: list[Cells], day: date) -> list[Cells]:
        """The rows of a day's bill, as the faults in force want them."""
        moved = self._held.get(day + timedelta(days=1), ())
        rows = [*self._held.get(day, ()), *(row for row in rows if row not in moved)]
        for fault in ROWS:
            if rows and self.taken(fault):
                rows = self._wrong(fault, rows, day)
        return rows

    def _wrong(self, fault: str, rows: list[Cells], day: date) -> list[Cells]:
        first = rows[0]
        match fault:
            case "bill_missing_row":
                return rows[1:]
            case "bill_extra_row":
                return [*rows, {**first, self._number: "EXTRA" + first[self._number][-20:]}]
            case "bill_wrong_amount":
                return [{**first, **self._amounts}, *rows[1:]]
            case "bill_cross_day":
                self._held.setdefault(day + timedelta(days=1), []).append(first)
                return rows[1:]
        return []
