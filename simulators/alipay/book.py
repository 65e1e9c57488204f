"""The platform's trades, keyed by `out_trade_no` for ever; a QR's trade does not exist before it is scanned.

Amounts are fen, times business unix seconds. Everything that moves money also enters the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from simulators.alipay.reasons import Refusal
from simulators.base.ledger import Ledger, Row
from simulators.base.world import SimWorld

DAY = 86400.0
QR_LIFE = 7200.0
ORDER_LIFE = 15 * DAY
START_BALANCE = 1_000_000_000_00  # fen; large, so that nobody runs dry by accident
WAIT, PAID, CLOSED, FINISHED = "WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_FINISHED"


class Later(Protocol):
    """A cancellable promise."""

    def cancel(self) -> None: ...


@dataclass(frozen=True)
class Terms:
    """What the seller asked for; a repetition is compared by total, subject and product."""

    product: str  # qr, code, auth
    total: int
    subject: str
    body: str = ""
    notify_url: str = ""
    expires: float | None = None
    charset: str = "utf-8"  # the seller's: what is told of the trade is told in it


@dataclass
class Payment:
    """The payer's money, once."""

    trade_no: str
    at: float
    buyer: str


@dataclass
class Refund:
    """Money back to the payer, by `out_request_no`."""

    no: str
    trade: Trade
    amount: int
    at: float
    row: Row
    done: bool = False


@dataclass
class Trade:
    """One trade. `state` "" : ordered by QR and not scanned yet; to the seller it does not exist."""

    no: str
    terms: Terms
    at: float
    expires: float
    row: Row
    state: str = ""
    qr: str = ""
    trade_no: str = ""
    buyer: str = ""
    payments: list[Payment] = field(default_factory=list)
    refunds: dict[str, Refund] = field(default_factory=dict)
    cancelled: str = ""  # close or refund
    timer: Later | None = None
    auth_no: str = ""

    @property
    def refunded(self) -> int:
        """Cumulative, as the platform tells it."""
        return sum(r.amount for r in self.refunds.values() if r.done)


@dataclass(frozen=True)
class Flow:
    """One movement on the seller's account, for the account bill; `amount` signed fen."""

    at: float
    number: str
    trade_no: str
    no: str
    kind: str
    amount: int
    balance: int


class Book:
    """Trades, refunds and the seller's balance."""

    def __init__(
        self, world: SimWorld, ledger: Ledger, *, on_paid: Callable[[Trade, Payment], None],
        on_refund: Callable[[Refund], None],
    ) -> None:
        self.world, self.ledger = world, ledger
        self.on_paid, self.on_refund = on_paid, on_refund
        self.trades: dict[str, Trade] = {}
        self.by_trade_no: dict[str, Trade] = {}
        self.qrs: dict[str, Trade] = {}
        self.flows: list[Flow] = []
        self.balance = START_BALANCE
        self.fee_bp = 0
        self.refund_days = 365
        self._count = 0

    def number(self, prefix: str = "") -> str:
        """A number of the platform's own: the day and a count."""
        self._count += 1
        return f"{self.world.stamp('%Y%m%d')}{prefix}{self.world.rng.randrange(10**10):010d}{self._count:08d}"

    def place(self, no: str, terms: Terms) -> tuple[Trade, bool]:
        """The trade under this number and whether it was there before; Refusal when it cannot be (again)."""
        trade = self.trades.get(no)
        if trade is not None:
            self.age(trade)
            old = trade.terms
            if (old.total, old.subject, old.product) != (terms.total, terms.subject, terms.product):
                raise Refusal("differs")
            if trade.state == CLOSED:
                raise Refusal("closed")
            if trade.state and terms.product == "qr" and trade.state != WAIT:
                raise Refusal("paid")
            return trade, True
        now = self.world.now()
        expires = now + (QR_LIFE if terms.product == "qr" else ORDER_LIFE) if terms.expires is None else terms.expires
        if expires <= now:
            raise Refusal("business", "订单已超时")
        row = self.ledger.add("order", no=no, amount=terms.total, state="open", bill=terms.body)
        trade = self.trades[no] = Trade(no, terms, now, expires, row)
        return trade, False

    def born(self, trade: Trade, buyer: str = "") -> None:
        """The trade comes into being: a QR is scanned, or a payment code presented."""
        if not trade.state:
            trade.state, trade.trade_no = WAIT, self.number("22001")
            trade.buyer = buyer or f"2088{self.world.rng.randrange(10**12):012d}"
            self.by_trade_no[trade.trade_no] = trade

    def find(self, no: str = "", trade_no: str = "") -> Trade:
        """The trade as it is now; Refusal no_trade, also for a QR nobody scanned."""
        trade = self.by_trade_no.get(trade_no) if trade_no else self.trades.get(no)
        if trade is None or not trade.state:
            raise Refusal("no_trade")
        self.age(trade)
        return trade

    def age(self, trade: Trade) -> None:
        """An unpaid trade past its end is closed; a QR nobody scanned can be paid no more."""
        if self.world.now() < trade.expires:
            return
        if trade.state == WAIT:
            self._shut(trade)
        elif not trade.state and trade.row.state == "open":
            self.ledger.change(trade.row, state="expired")

    def _shut(self, trade: Trade, state: str = "closed") -> None:
        trade.state = CLOSED
        if trade.timer is not None:
            trade.timer.cancel()
            trade.timer = None
        self.ledger.change(trade.row, state=state)

    def fail(self, trade: Trade) -> None:
        """The payer said no, or cannot pay."""
        self._shut(trade, "failed")

    def charge(self, trade: Trade, buyer: str = "") -> Payment:
        """The payer's money is taken; a second time when the trade is paid already (act pay_twice)."""
        self.born(trade, buyer)
        if trade.timer is not None:
            trade.timer.cancel()
            trade.timer = None
        first = not trade.payments
        payment = Payment(trade.trade_no if first else self.number("22001"), self.world.now(), buyer or trade.buyer)
        trade.payments.append(payment)
        self.by_trade_no[payment.trade_no] = trade
        total = trade.terms.total
        self.ledger.add("charge", no=trade.no, party_no=payment.trade_no, amount=total, bill=trade.terms.body)
        if first:
            trade.state = PAID
            self.ledger.change(trade.row, party_no=payment.trade_no, state="paid")
        self.move("交易", total, payment.trade_no, trade.no)
        if fee := (total * self.fee_bp + 5000) // 10000:
            self.move("收费", -fee, payment.trade_no, trade.no)
        self.on_paid(trade, payment)
        return payment

    def move(self, kind: str, amount: int, trade_no: str, no: str) -> None:
        """Money in (amount above zero) or out of the seller's account."""
        self.balance += amount
        self.flows.append(Flow(self.world.now(), self.number("F"), trade_no, no, kind, amount, self.balance))

    def close(self, trade: Trade) -> None:
        """The seller closes a trade that waits for its payer."""
        if trade.state == CLOSED:
            raise Refusal("closed")
        if trade.state != WAIT:
            raise Refusal("status")
        self._shut(trade)
        self.ledger.add("close", no=trade.no, party_no=trade.trade_no, bill=trade.terms.body)

    def cancel(self, trade: Trade) -> str:
        """Undo a trade whatever its state: `close`, or `refund` when the money went back; again says the same."""
        if trade.cancelled:
            return trade.cancelled
        if self.world.now() > trade.at + DAY:
            raise Refusal("cancel_late")
        if trade.refunds:
            raise Refusal("status", "交易已发生退款，不能撤销")
        paid = trade.terms.total * len(trade.payments)
        if self.balance < paid:
            raise Refusal("seller_poor")
        trade.cancelled = "refund" if paid else "close"
        if trade.state != CLOSED:
            self._shut(trade, "reversed")
        self.ledger.add(
            "reverse", no=trade.no, party_no=trade.trade_no, amount=paid, state="done" if paid else "closed",
            bill=trade.terms.body,
        )
        if paid:
            self.move("退款", -paid, trade.trade_no, trade.no)
        return trade.cancelled

    # Refunds

    def refund(self, trade: Trade, no: str, amount: int) -> tuple[Refund, bool]:
        """The refund under this number and whether it was there before, not yet done; Refusal when it cannot be."""
        if (old := trade.refunds.get(no)) is not None:
            if old.amount != amount:
                raise Refusal("refund_differs")
            return old, True
        if trade.state == FINISHED:
            raise Refusal("finished")
        if trade.state == CLOSED:
            raise Refusal("closed")
        if not trade.payments:
            raise Refusal("status")
        if self.world.now() > trade.payments[0].at + self.refund_days * DAY:
            raise Refusal("refund_late")
        taken = trade.terms.total * len(trade.payments)
        if sum(r.amount for r in trade.refunds.values()) + amount > taken:
            raise Refusal("refund_too_much")
        if self.balance < amount:
            raise Refusal("seller_poor")
        row = self.ledger.add(
            "refund", no=no, party_no=trade.trade_no, amount=amount, state="processing", bill=trade.terms.body,
            ref=trade.no,
        )
        refund = trade.refunds[no] = Refund(no, trade, amount, self.world.now(), row)
        return refund, False

    def pay_back(self, refund: Refund) -> None:
        """The refund's money goes; the trade is closed when nothing is left of it."""
        if refund.done:
            return
        refund.done, refund.at = True, self.world.now()
        trade = refund.trade
        self.ledger.change(refund.row, state="done")
        self.move("退款", -refund.amount, trade.trade_no, refund.no)
        if trade.refunded >= trade.terms.total * len(trade.payments):
            trade.state = CLOSED
        self.on_refund(refund)

    def state_of(self, trade: Trade) -> dict[str, Any]:
        """What an act answers about a trade."""
        self.age(trade)
        return {
            "no": trade.no, "state": trade.state or "NOT_SCANNED", "amount": trade.terms.total,
            "transactions": [p.trade_no for p in trade.payments], "refunded": trade.refunded,
        }
