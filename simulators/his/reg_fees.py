"""What a registration costs, line by line, and who pays which part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulators.his.answers import Habits, Refusal
from simulators.his.bills import PRICES, BillLine, lines_told
from simulators.his.fields import insurance_of
from simulators.town import DOCTORS, REGISTRATION

LINES = tuple(BillLine(str(place), PRICES[code], Decimal(1)) for place, code in enumerate(REGISTRATION, 1))
FEE = sum(line.amount for line in LINES)
"""Fen, of every registration."""


@dataclass(frozen=True)
class Share:
    """How a registration is paid, in fen; `insurance` the numbers (mdtrtId, setlId) of what the insurance settled."""

    cash: int
    fund: int = 0
    account: int = 0
    insurance: tuple[str, str] | None = None


def told(doctor: str, when: str, habits: Habits) -> dict[str, Any]:
    """Doctor, department and fee lines of a registration with this doctor, as `pre.reg` tells them."""
    name, _, dept, dept_name, caty = DOCTORS[doctor]
    return {
        "visitTime": when, "deptCode": dept, "deptName": dept_name, "caty": caty, "drCode": doctor, "drName": name,
        **habits.listed("items", lines_told(LINES, doctor, when, "", habits)),
    }  # fmt: skip


def share_of(amount: int, texts: Mapping[str, str], body: Any, habits: Habits) -> Share:
    """The parts a request names, all of it cash when it names none; Refusal when they do not add up, or the insurance
    pays without its numbers."""
    insurance = insurance_of(body)
    if not any(texts[part] for part in ("cash", "fund", "account")):
        if insurance is not None:
            raise Refusal("PARAM_INVALID", "医保挂号须有cash、fund和account", field="cash")
        return Share(amount)
    cash, fund, account = (habits.read_money(part, texts[part] or "0") for part in ("cash", "fund", "account"))
    if cash + fund + account != amount:
        raise Refusal("AMOUNT_MISMATCH", "金额不等于现金、统筹与个人账户之和")
    if fund + account and insurance is None:
        raise Refusal("PARAM_INVALID", "医保支付须有insurance", field="insurance")
    return Share(cash, fund, account, insurance)
