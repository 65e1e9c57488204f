"""The fund flow bill as it goes wrong: a movement lost, one of nobody's, another amount."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from simulators.wechat.book import Flow


def told(flows: Sequence[Flow], taken: Callable[[str], bool]) -> list[Flow]:
    """The movements of a day as the faults in force want them. `taken(fault)`: whether one is ordered, which uses it
    up. The balances stay what they were."""
    rows = list(flows)
    if rows and taken("bill_missing_row"):
        rows = rows[1:]
    if rows and taken("bill_extra_row"):
        rows.append(replace(rows[-1], voucher="EXTRA" + rows[-1].voucher[-20:], name="商户转账", amount=-1))
    if rows and taken("bill_wrong_amount"):
        rows[0] = replace(rows[0], amount=1)
    return rows
