"""The small town's parties: what really happened at the channel, the insurance, the HIS and the invoice platform.

They know numbers and nothing else: a second booking or refund under a new number takes effect, as it would at a party
that does not look further. What must never happen is blamed in the moment it happens.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.core.outcome import Fact, Outcome
from engine.saga.rules import Rules

A, R, P = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING
Said = tuple[Outcome | None, Fact | None]
DUE = 100
ORDER_LIFE = 300.0


@dataclass(frozen=True)
class Traits:
    """What kind of parties live here. `stops_undo`: a stop that finds the thing done takes it back (撤销, 冲正,
    作废); else it is refused (关单). `stops_bury`: one that finds nothing closes the number for good; else it is
    refused, and the original may still arrive. `cashier`: somebody may collect the bill at the window. `his_stop`: HIS
    can be stopped. `crashes`: the engine's process may die, once. `asked_back`: what was settled may be asked back,
    twice at most; HIS, which is asked first, may not allow it, nor does it repeat a yes: what is void it refuses."""

    stops_undo: bool = True
    his_stop: bool = True
    cashier: bool = False
    crashes: bool = True
    stops_bury: bool = True
    asked_back: bool = False


class Around(Protocol):
    """What the parties need of the town."""

    rng: random.Random
    rules: Rules
    traits: Traits

    def chance(self, share: float) -> bool: ...
    def between(self, low: float, high: float) -> float: ...
    def later(self, seconds: float, does: Callable[[], None]) -> None: ...
    def blame(self, what: str) -> None: ...
    def callback(self, number: str, fact: Fact) -> None: ...


class Parties:
    """The truth: what happened at the channel, the insurance, the HIS and the invoice platform."""

    def __init__(self, town: Around) -> None:
        self.town = town
        self.locks: dict[str, str] = {}
        self.orders: dict[str, str] = {}  # open, paid, closed
        self.refunds: dict[str, str] = {}  # processing, done, closed
        self.reversed = 0
        self.paid = 0
        self.insured: dict[str, str] = {}  # live, gone, tomb
        self.booked: dict[str, str] = {}
        self.invoices: dict[str, str] = {}
        self.cash = 0
        self.voids: dict[str, bool] = {}  # whether HIS allowed it

    def kept(self) -> int:
        """What the channel holds now, in fen."""
        given = sum(1 for state in self.refunds.values() if state != "closed")
        return DUE * (self.paid - self.reversed - given)

    def live(self, book: dict[str, str]) -> int:
        return sum(1 for state in book.values() if state == "live")

    def execute(self, call: str, number: str, target: str) -> Said:
        """Do what a request asks; `target` is the number of the leg it is about."""
        does: Callable[[str, str], Said] = getattr(self, "_" + call.replace(".", "_"))
        return does(number, target)

    # HIS

    def _his_bill(self, number: str, target: str) -> Said:
        return A, None

    def _his_lock(self, number: str, target: str) -> Said:
        if self.locks.get(number) == "gone" or self.town.chance(0.02):
            self.locks[number] = "gone"
            return R, None
        self.locks[number] = "live"
        return A, None

    def _his_unlock(self, number: str, target: str) -> Said:
        self.locks[number] = "gone"
        return A, None

    def _his_settle(self, number: str, target: str) -> Said:
        known = self.booked.get(number)
        if known is not None:
            return (A if known == "live" else R), None
        if self.town.chance(0.08) or (self.town.rules.bill_locked and self.cash):
            self.booked[number] = "refused"
            return R, None
        self.booked[number] = "live"
        if self.kept() < DUE:
            self.town.blame("HIS settled without payment")
        if self.live(self.booked) + (1 if self.cash else 0) > 1:
            self.town.blame("HIS booked twice")
        return A, None

    def _his_paid(self, number: str, target: str) -> Said:
        facts = {"live": Fact.THERE, "gone": Fact.CLOSED, "refused": Fact.CLOSED}
        return A, facts.get(self.booked.get(target, ""), Fact.NOT_THERE)

    def _his_void(self, number: str, target: str) -> Said:
        if self.town.traits.asked_back and number != target:
            known = self.voids.setdefault(number, self.booked.get(target) == "live" and not self.town.chance(0.4))
            if not known or self.booked.get(target) != "live":
                return R, None
        return self._gone(self.booked, target, stop=number == target)

    def _gone(self, book: dict[str, str], target: str, *, stop: bool) -> Said:
        if stop and book.get(target) == "live" and not self.town.traits.stops_undo:
            return R, None
        if stop and target not in book and not self.town.traits.stops_bury:
            return R, None
        book[target] = "gone"
        return A, None

    def collect(self) -> None:
        """The cashier takes cash for the bill; a HIS that keeps the lock refuses."""
        held = "live" in self.locks.values() and self.town.rules.bill_locked
        if held or (self.town.rules.bill_locked and self.live(self.booked)):
            return
        self.cash = DUE
        if self.live(self.booked):
            self.town.blame("HIS booked twice")

    # Insurance

    def _nhsa_quote(self, number: str, target: str) -> Said:
        return (R if self.town.chance(0.02) else A), None

    def _nhsa_settle(self, number: str, target: str) -> Said:
        if number not in self.insured:
            self.insured[number] = "refused" if self.town.chance(0.08) else "live"
            if self.live(self.insured) > 1:
                self.town.blame("insurance settled twice")
        return (A if self.insured[number] == "live" else R), None

    def _nhsa_settled(self, number: str, target: str) -> Said:
        facts = {"live": Fact.THERE, "gone": Fact.CLOSED}
        return A, facts.get(self.insured.get(target, ""), Fact.NOT_THERE)

    def _nhsa_reverse(self, number: str, target: str) -> Said:
        return self._gone(self.insured, target, stop=True)

    def _nhsa_cancel(self, number: str, target: str) -> Said:
        if self.town.chance(0.03) and self.insured.get(target) == "live":
            return R, None
        return self._gone(self.insured, target, stop=False)

    # The channel

    def _pay_code(self, number: str, target: str) -> Said:
        known = self.orders.get(number)
        if known is None:
            if self.town.chance(0.12):
                self.orders[number] = "closed"
                return R, None
            self.orders[number] = "open"
            self.town.later(ORDER_LIFE, lambda: self._expire(number))
            if self.town.chance(0.45):
                self.pay(number)
            elif self.town.chance(0.7):
                self.town.later(self.town.between(1, 200), lambda: self.pay(number))
        state = self.orders[number]
        return {"open": P, "paid": A, "closed": R}[state], None

    def _expire(self, number: str) -> None:
        if self.orders[number] == "open":
            self.orders[number] = "closed"

    def pay(self, number: str) -> None:
        """The patient types the password, if the order still stands."""
        if self.orders[number] != "open":
            return
        self.orders[number] = "paid"
        self.paid += 1
        for _ in range(self.town.rng.choice((0, 1, 1, 2))):
            self.town.later(self.town.between(0, 90), lambda: self.town.callback(number, Fact.THERE))

    def _pay_query(self, number: str, target: str) -> Said:
        facts = {"open": Fact.WAITING, "paid": Fact.THERE, "closed": Fact.CLOSED}
        return A, facts.get(self.orders.get(target, ""), Fact.NOT_THERE)

    def _pay_reverse(self, number: str, target: str) -> Said:
        if target not in self.orders and not self.town.traits.stops_bury:
            return R, None
        if self.orders.get(target) == "paid":
            if not self.town.traits.stops_undo:
                return R, None
            self.reversed += 1
            self._money_left()
        self.orders[target] = "closed"
        return A, None

    def _pay_refund(self, number: str, target: str) -> Said:
        if number not in self.refunds:
            if self.orders.get(target) != "paid":
                return R, None
            self.refunds[number] = "done" if self.town.chance(0.5) else "processing"
            self._money_left()
            if self.refunds[number] == "processing":
                end = "closed" if self.town.chance(0.15) else "done"
                self.town.later(self.town.between(1, 600), lambda: self.refunds.update({number: end}))
        return {"done": A, "processing": P, "closed": P}[self.refunds[number]], None

    def _money_left(self) -> None:
        if self.kept() < 0:
            self.town.blame("more was given back than paid")
        elif self.kept() < DUE and self.live(self.booked):
            self.town.blame("money back while HIS is settled")
        elif self.kept() < DUE and self.live(self.insured):
            self.town.blame("money back while insurance is settled")

    def _pay_refund_query(self, number: str, target: str) -> Said:
        facts = {"processing": Fact.WAITING, "done": Fact.THERE, "closed": Fact.CLOSED}
        return A, facts.get(self.refunds.get(number, ""), Fact.NOT_THERE)

    # Invoices

    def _einvoice_issue(self, number: str, target: str) -> Said:
        self.invoices.setdefault(number, "live")
        return (A if self.invoices[number] == "live" else R), None

    def _einvoice_write_off(self, number: str, target: str) -> Said:
        return self._gone(self.invoices, target, stop=False)

    def _einvoice_find(self, number: str, target: str) -> Said:
        return A, Fact.THERE if self.invoices.get(target) == "live" else Fact.NOT_THERE
