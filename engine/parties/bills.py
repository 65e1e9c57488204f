"""A payment platform's own bill of a day: what a party must know so that the books can be compared with it.

The platform is the judge of its money: a bill is read whole, against its own digest and totals, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from engine.core.http import HttpRequest
from engine.core.times import instant_of
from engine.parties.contract import Answer, Tree

MAX_BILL = 64 << 20  # bytes of an unpacked bill: a hospital's day has some ten thousand rows of 300 bytes
FeeBp = Annotated[
    int,
    Field(
        ge=0,
        le=1000,
        description="约定的手续费率，万分之几（60 即 0.6%）；对账时每笔手续费与它差 1 分以上即报差异，0 表示免手续费 · "
        "the fee agreed, in 1/10000 of the amount (60 is 0.6 %); a bill's row that differs by more than 1 fen is "
        "reported, 0: no fee",
    ),
]
"""A setting of every platform whose bills tell their fees."""
_YUAN = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,5})?", re.ASCII)


class BadBill(ValueError):
    """A bill that cannot be believed or read; the text says what is wrong with it, and where."""


@dataclass(frozen=True, slots=True)
class BillRow:
    """One row. `no`: our number (the order's, or the refund's), `trade`: the order's, `party_no`: theirs, `at` unix
    seconds, `amount` fen as positive number, `fee` fen (rounded half up), `state`: done, processing, abnormal,
    closed."""

    kind: Literal["charge", "refund", "reverse"]
    no: str
    trade: str
    at: float
    amount: int
    party_no: str = ""
    state: str = "done"
    fee: int = 0


@runtime_checkable
class KeepsBills(Protocol):
    """A party whose platform keeps a bill of each day.

    `bill_op` asks for it; `no_bill`: codes that say there was nothing on that day; `bill_slack_s`: how far the end of
    its day may lie from where we think it is.
    """

    bill_op: str
    no_bill: frozenset[str]
    bill_slack_s: float

    def bill_span(self, opened: Any, day: str) -> tuple[float, float]:
        """From when to when the bill of a day (`2026-11-21`) counts; unix seconds."""

    def bill_ask(self, opened: Any, day: str, now: float) -> Tree:
        """The body of `bill_op`."""

    def bill_hosts(self, opened: Any) -> frozenset[str]:
        """Hosts besides the connection's own that a link may lead to."""

    def bill_link(self, answer: Answer) -> str:
        """Where the bill is to be fetched, "" when the answer holds it."""

    def bill_request(self, opened: Any, link: str, now: float, nonce: str) -> HttpRequest:
        """The request that fetches it."""

    def bill_rows(self, opened: Any, day: str, answer: Answer, content: bytes) -> list[BillRow]:
        """Its rows. Errors: BadBill."""

    def bill_fee(self, opened: Any) -> int | None:
        """The fee agreed, in 1/10000 of a charge; None where the bill tells no fee."""


def day_span(day: str, cut_s: float = 0.0) -> tuple[float, float]:
    """A day in Beijing, begun and ended `cut_s` seconds before midnight."""
    start = instant_of(day, "%Y-%m-%d")
    return start - cut_s, start + 86_400.0 - cut_s


def fen(text: str, where: str) -> int:
    """Yuan as a bill writes them, as fen; what is less than a fen is rounded half up. BadBill names the place."""
    if _YUAN.fullmatch(text) is None:
        raise BadBill(f"{where}: {text[:20]!r} is no amount")
    value = Decimal(text) * 100
    return int(value + Decimal("0.5")) if value >= 0 else -int(-value + Decimal("0.5"))


def moment(text: str, where: str) -> float:
    """Beijing time to the second as unix seconds. BadBill names the place."""
    try:
        return instant_of(text, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise BadBill(f"{where}: {text[:30]!r} is no time") from None


def column(row: Mapping[str, str], *names: str) -> str:
    """The first of these columns the bill has (their names changed over the years). BadBill when it has none."""
    for name in names:
        if name in row:
            return row[name]
    raise BadBill(f"no column {names[0]}")


def agrees(what: str, told: int, counted: Iterable[int]) -> None:
    """A total of the bill against its rows. BadBill where they differ."""
    found = sum(counted)
    if told != found:
        raise BadBill(f"{what}: the bill says {told}, its rows make {found}")
