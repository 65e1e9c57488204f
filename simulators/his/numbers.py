"""What is booked under a number of the caller's: once, the same again for the same content, never after its void."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulators.base.ledger import Ledger, Row
from simulators.his.answers import Habits, Refusal


@dataclass
class Booked:
    """One number: PAID, or VOID (also one voided before it ever came)."""

    state: str
    content: Any = None
    told: dict[str, Any] = field(default_factory=dict)
    row: Row | None = None


class Numbers:
    """The numbers of one kind of booking (deposits, registrations, discharges)."""

    def __init__(self, ledger: Ledger, habits: Habits) -> None:
        self._ledger, self._habits = ledger, habits
        self._known: dict[str, Booked] = {}

    def known(self, no: str, content: Any) -> Booked | None:
        """What stands under this number already, None when it is new; Refusal when it cannot be repeated."""
        found = self._known.get(no)
        if found is None:
            return None
        if found.state == "VOID":
            raise Refusal("SETTLE_VOID", "该流水号已作废")
        if found.content != content:
            raise Refusal("DUPLICATE_DIFFERENT", "流水号重复且内容不同")
        if self._habits.duplicates == "refuse":
            raise Refusal("DUPLICATE", "重复的请求")
        return found

    def book(self, no: str, content: Any, told: dict[str, Any], row: Row) -> Booked:
        """Booked from now on."""
        made = self._known[no] = Booked("PAID", content, told, row)
        return made

    def all(self) -> list[Booked]:
        """Everything that was ever booked."""
        return list(self._known.values())

    def ask(self, no: str) -> Booked:
        """State NONE when nobody ever heard of it."""
        return self._known.get(no, Booked("NONE"))

    def voidable(self, no: str) -> Booked:
        """What may be taken back; Refusal otherwise, which buries an unknown number."""
        found = self._known.get(no)
        if found is None:
            self._known[no] = Booked("VOID")
            raise Refusal("NOT_FOUND", "未找到，流水号已作废")
        if found.state == "VOID":
            raise Refusal("ALREADY_VOID", "已作废")
        if self._habits.refund_at_window_only:
            raise Refusal("WINDOW_ONLY", "请到窗口办理退费")
        return found

    def void(self, no: str, void_no: str) -> Booked:
        """Take it back, with its row in the ledger."""
        found = self.voidable(no)
        found.state = "VOID"
        assert found.row is not None
        self._ledger.change(found.row, state="void")
        self._ledger.add("void", no=void_no, party_no=found.row.party_no, amount=found.row.amount, bill=found.row.bill,
                         ref=no)  # fmt: skip
        return found
