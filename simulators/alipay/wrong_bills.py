"""Alipay's bills as they go wrong: rows, another order of columns, a file nobody can read."""

from __future__ import annotations

from collections.abc import Callable

from simulators.alipay.bills import COLUMNS
from simulators.base.wrong_bills import ROWS, WrongRows

FILES = ("bill_none", "bill_link_expired", "bill_garbage", "bill_bomb")
ALL = frozenset((*ROWS, *FILES, "bill_reordered"))


class WrongBills(WrongRows):
    """The bill faults of the platform. `taken(fault)`: whether one is ordered, which uses it up."""

    def __init__(self, taken: Callable[[str], bool]) -> None:
        super().__init__(taken, "商户订单号", {"订单金额（元）": "0.01", "商家实收（元）": "0.01"})

    def columns(self) -> tuple[str, ...]:
        """The columns in the order they are written."""
        return COLUMNS[::-1] if self.taken("bill_reordered") else COLUMNS
