"""A payment platform's bill of an account: every movement of a day with the balance after it.

The trade bill says what payers did; this one says what the hospital's account at the platform had of it, fees and
withdrawals too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from engine.parties.bills import BadBill
from engine.parties.contract import Answer, Tree

FundKind = Literal["trade", "refund", "reverse", "returned", "fee", "withdrawal", "recharge", "other"]


@dataclass(frozen=True, slots=True)
class FundRow:
    """One movement. `amount` fen, below zero when money left; `balance` fen after it, `at` unix seconds; `no` our
    number as the platform wrote it (of the order or of the refund), `party_no` theirs, `name` their word for it.
    `returned`: a refund that could not be paid out and came back."""

    kind: FundKind
    no: str
    at: float
    amount: int
    balance: int
    party_no: str = ""
    name: str = ""


@runtime_checkable
class KeepsFunds(Protocol):
    """A party that keeps bills (KeepsBills) and one of its accounts besides. `fund_op` asks for it; it is fetched as
    the trade bill is, and the same codes say that there was nothing."""

    fund_op: str

    def fund_accounts(self, opened: Any) -> Sequence[str]:
        """The accounts whose bills are to be read; none where the site does not want that."""

    def fund_ask(self, opened: Any, account: str, day: str) -> Tree:
        """The body of `fund_op`."""

    def fund_rows(self, opened: Any, day: str, answer: Answer, content: bytes) -> list[FundRow]:
        """Its rows, oldest first. Errors: BadBill."""


def kind_of(name: str, names: dict[str, FundKind]) -> FundKind:
    """What a platform's word means; whatever speaks of a fee is one."""
    return names.get(name) or ("fee" if "手续费" in name else "other")


def in_order(rows: list[FundRow], day: tuple[float, float]) -> list[FundRow]:
    """Oldest first, whichever way the platform writes them. BadBill for a row of another day."""
    for row in rows:
        if not day[0] <= row.at < day[1]:
            raise BadBill(f"{row.no or row.name}: a movement of another day")
    return rows[::-1] if rows and rows[0].at > rows[-1].at else rows
