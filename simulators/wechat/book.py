"""The platform's order book: one for both generations of the interface, keyed by `out_trade_no` for ever.

Amounts are fen, times business unix seconds. Everything that moves money also enters the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from simulators.base.ledger import Ledger, Row
from simulators.base.world import BEIJING, SimWorld
from simulators.wechat.reasons import Refusal

DAY = 86400.0
ORDER_LIFE = 7 * DAY
QR_LIFE = 7200.0
REFUND_LIFE = 365 * DAY
REFUND_PARTS = 50
CODE_PRODUCTS = frozenset({"codepay", "micropay"})
START_BALANCE = 1_000_000_000_00  # fen; large, so that nobody runs dry by accident

# What may follow what; anything else is a mistake of the simulator and stops it loudly.
MOVES: dict[str, frozenset[str]] = {
    "NOTPAY": frozenset({"SUCCESS", "USERPAYING", "CLOSED", "REVOKED", "PAYERROR"}),
    "USERPAYING": frozenset({"SUCCESS", "PAYERROR", "REVOKED", "CLOSED"}),
    "PAYERROR": frozenset({"REVOKED"}),
    "SUCCESS": frozenset({"REFUND", "REVOKED"}),
    "CLOSED": frozenset({"SUCCESS", "REVOKED"}),  # SUCCESS only by the act pay_after_close
    "REFUND": frozenset({"REFUND"}),
    "REVOKED": frozenset(),
}
ROW_STATE = {
    "SUCCESS": "paid", "CLOSED": "closed", "REVOKED": "reversed", "PAYERROR": "failed", "REFUND": "paid",
}


class Later(Protocol):
    """A cancellable promise."""

    def cancel(self) -> None: ...


@dataclass(frozen=True)
class Terms:
    """What the merchant asked for; `print_` is the hash a repetition is compared by."""

    product: str  # native, jsapi, h5, app, codepay, micropay
    appid: str
    description: str
    total: int
    print_: bytes
    attach: str = ""
    notify_url: str = ""
    openid: str = ""
    device: str = ""
    expires: float | None = None
    version: str = "v3"  # v2, v3: the form of its callback
    sign_type: str = ""  # of a v2 order: MD5 or HMAC-SHA256
    serial: str = ""  # the platform key a v3 order's request named: its callbacks are signed with it


@dataclass
class Payment:
    """The payer's money, once."""

    transaction_id: str
    at: float
    openid: str
    bank_type: str


@dataclass
class Refund:
    """Money on its way back to the payer, by `out_refund_no`."""

    no: str
    refund_id: str
    order: Order
    transaction_id: str
    amount: int
    at: float
    reason: str
    notify_url: str
    funds: str
    version: str  # v2, v3, portal: the form of its callback
    row: Row
    serial: str = ""  # the platform key its request named
    status: str = "PROCESSING"
    channel: str = "ORIGINAL"
    account: str = "支付用户零钱"
    done_at: float = 0.0


@dataclass
class Order:
    """One order; `payments` has a second entry only when a payer paid twice."""

    no: str
    terms: Terms
    at: float
    expires: float
    row: Row
    state: str = "NOTPAY"
    code: str = ""  # tail of code_url or prepay_id; a new one kills the old
    code_at: float = 0.0
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    reversed_at: float = 0.0
    timer: Later | None = None

    @property
    def by_code(self) -> bool:
        return self.terms.product in CODE_PRODUCTS


@dataclass(frozen=True)
class Flow:
    """One movement on the merchant's basic account, for the fund flow bill; `amount` signed fen."""

    at: float
    number: str
    business_no: str
    name: str
    amount: int
    balance: int
    voucher: str


def fee_of(total: int, fee_bp: int) -> int:
    """The channel's fee in fen, rounded half up; `fee_bp` in 1/10000."""
    return (total * fee_bp + 5000) // 10000


class Book:
    """Orders, refunds and the merchant's balance."""

    def __init__(
        self, world: SimWorld, ledger: Ledger, later: Callable[..., Later], *,
        on_paid: Callable[[Order, Payment], None], on_refund: Callable[[Refund], None],
    ) -> None:
        self.world, self.ledger, self.later = world, ledger, later
        self.on_paid, self.on_refund = on_paid, on_refund
        self.orders: dict[str, Order] = {}
        self.by_transaction: dict[str, Order] = {}
        self.refunds: dict[str, Refund] = {}
        self.refund_ids: dict[str, Refund] = {}
        self.tombs: set[str] = set()  # reversed before they were ever ordered
        self.flows: list[Flow] = []
        self.balance = START_BALANCE
        self.fee_bp = 0
        self.min_expire = 60.0
        self._count = 0

    # Numbers

    def _number(self, prefix: str) -> str:
        self._count += 1
        day = datetime.fromtimestamp(self.world.now(), BEIJING).strftime("%Y%m%d")
        return f"{prefix}{self.world.rng.randrange(100000):05d}{day}{self._count:010d}"

    # Orders

    def place(self, no: str, terms: Terms) -> tuple[Order, bool]:
        """The order under this number and whether it was there before; Refusal when it cannot be (again)."""
        if no in self.tombs:
            raise Refusal("reversed")
        order = self.orders.get(no)
        if order is not None:
            self._again(order, terms)
            return order, True
        now = self.world.now()
        if terms.expires is not None and terms.expires < now + self.min_expire:
            raise Refusal("expire")
        row = self.ledger.add("order", no=no, amount=terms.total, state="open", bill=terms.attach)
        expires = now + ORDER_LIFE if terms.expires is None else min(terms.expires, now + ORDER_LIFE)
        order = self.orders[no] = Order(no, terms, now, expires, row)
        return order, False

    def _again(self, order: Order, terms: Terms) -> None:
        self.age(order)
        if order.state == "REVOKED":
            raise Refusal("reversed")
        if order.by_code != (terms.product in CODE_PRODUCTS):
            raise Refusal("used")
        if order.state in ("SUCCESS", "REFUND"):
            raise Refusal("paid")
        if order.state == "CLOSED":
            raise Refusal("closed")
        if order.terms.print_ != terms.print_ or order.terms.product != terms.product:
            raise Refusal("differs")

    def find(self, no: str = "", transaction_id: str = "") -> Order:
        """The order as it is now; Refusal no_order."""
        order = self.by_transaction.get(transaction_id) if transaction_id else self.orders.get(no)
        if order is None:
            raise Refusal("no_order")
        self.age(order)
        return order

    def age(self, order: Order) -> None:
        """An unpaid order past its end is closed."""
        if order.state in ("NOTPAY", "USERPAYING") and self.world.now() >= order.expires:
            self.go(order, "CLOSED")

    def go(self, order: Order, state: str) -> None:
        """Change state along MOVES."""
        if state not in MOVES[order.state]:
            raise AssertionError(f"{order.no}: {order.state} to {state}")
        order.state = state
        if order.timer is not None and state != "USERPAYING":
            order.timer.cancel()
            order.timer = None
        if state in ROW_STATE:
            self.ledger.change(order.row, state=ROW_STATE[state])

    def charge(self, order: Order, openid: str = "") -> Payment:
        """The payer's money is taken; a second time when the order is paid already (act pay_twice)."""
        now = self.world.now()
        payer = openid or order.terms.openid or f"oSim{order.no[-24:]}"
        payment = Payment(self._number("42000"), now, payer, "OTHERS")
        order.payments.append(payment)
        self.by_transaction[payment.transaction_id] = order
        total = order.terms.total
        self.ledger.add(
            "charge", no=order.no, party_no=payment.transaction_id, amount=total, bill=order.terms.attach
        )
        if len(order.payments) == 1:
            self.ledger.change(order.row, party_no=payment.transaction_id)
            self.go(order, "SUCCESS")
        self.move("交易", total, payment.transaction_id, order.no)
        if fee := fee_of(total, self.fee_bp):
            self.move("扣除交易手续费", -fee, payment.transaction_id, order.no)
        self.on_paid(order, payment)
        return payment

    def move(self, name: str, amount: int, business_no: str, voucher: str) -> None:
        """Money in (amount above zero) or out of the merchant's account."""
        self.balance += amount
        number = self._number("10000")
        self.flows.append(Flow(self.world.now(), number, business_no, name, amount, self.balance, voucher))

    def close(self, no: str) -> Order:
        """The merchant closes an unpaid order; again is harmless. Refusals: no_order, paid, only_reverse."""
        order = self.find(no)
        if order.by_code:
            raise Refusal("only_reverse")
        if order.state in ("SUCCESS", "REFUND"):
            raise Refusal("paid")
        if order.state != "CLOSED":
            self.go(order, "CLOSED")
            self.ledger.add("close", no=no, bill=order.terms.attach)
        return order

    def reverse(self, no: str = "", transaction_id: str = "") -> Order | None:
        """Undo a payment-code order: unpaid dies, paid gives the money back; None: never seen, now barred."""
        if no and not transaction_id and no not in self.orders:
            if no not in self.tombs:
                self.tombs.add(no)
                self.ledger.add("reverse", no=no, state="closed")
            return None
        order = self.find(no, transaction_id)
        if not order.by_code:
            raise Refusal("not_reversible")
        if order.state == "REVOKED":
            return order
        if order.refunds:
            raise Refusal("reverse_refunded")
        if self.world.now() > order.at + ORDER_LIFE:
            raise Refusal("reverse_expired")
        total = order.terms.total * len(order.payments)
        if self.balance < total:
            raise Refusal("merchant_poor")
        self.go(order, "REVOKED")
        order.reversed_at = self.world.now()
        paid_by = order.payments[0].transaction_id if order.payments else ""
        self.ledger.add(
            "reverse", no=order.no, party_no=paid_by, amount=total, state="done" if total else "closed",
            bill=order.terms.attach,
        )
        if total:
            self.move("撤销", -total, paid_by, order.no)
        return order

    # Refunds

    def refund(
        self, no: str, amount: int, total: int, *, out_trade_no: str = "", transaction_id: str = "",
        reason: str = "", notify_url: str = "", funds: str = "UNSETTLED", version: str = "v3", serial: str = "",
    ) -> tuple[Refund, bool]:
        """The refund under this number and whether it was there before; Refusal when it cannot be."""
        order = self.find(out_trade_no, transaction_id)
        if (old := self.refunds.get(no)) is not None:
            same = old.order is order and old.amount == amount and order.terms.total == total
            if not same:
                raise Refusal("refund_differs")
            return old, True
        self._may_refund(order, amount, total)
        paid = [p for p in order.payments if p.transaction_id == transaction_id] or order.payments[:1]
        number = paid[0].transaction_id
        spent = sum(r.amount for r in order.refunds if r.transaction_id == number and r.status != "CLOSED")
        if spent + amount > order.terms.total:
            raise Refusal("refund_full" if spent == order.terms.total else "refund_too_much")
        if self.balance < amount:
            raise Refusal("merchant_poor")
        refund_id = self._number("50300")
        row = self.ledger.add(
            "refund", no=no, party_no=refund_id, amount=amount, state="processing", bill=order.terms.attach,
            ref=order.no,
        )
        refund = Refund(
            no, refund_id, order, number, amount, self.world.now(), reason, notify_url, funds, version, row,
            serial=serial,
        )
        self.refunds[no] = self.refund_ids[refund_id] = refund
        order.refunds.append(refund)
        if order.state != "REFUND":
            self.go(order, "REFUND")
        self.move("退款", -amount, refund_id, no)
        return refund, False

    def _may_refund(self, order: Order, amount: int, total: int) -> None:
        if order.state not in ("SUCCESS", "REFUND"):
            raise Refusal("refund_unpaid")
        if total != order.terms.total:
            raise Refusal("refund_total")
        if amount > total:
            raise Refusal("refund_too_much")
        if self.world.now() > order.payments[0].at + REFUND_LIFE:
            raise Refusal("refund_late")
        if len(order.refunds) >= REFUND_PARTS:
            raise Refusal("refund_many")

    def finish_refund(self, refund: Refund, status: str) -> None:
        """PROCESSING ends as SUCCESS, ABNORMAL (the payer's card is dead) or CLOSED (money stays ours)."""
        if refund.status != "PROCESSING":
            return
        refund.status, refund.done_at = status, self.world.now()
        state = {"SUCCESS": "done", "ABNORMAL": "abnormal", "CLOSED": "closed"}[status]
        self.ledger.change(refund.row, state=state)
        if status == "CLOSED":
            self.move("退款关闭", refund.amount, refund.refund_id, refund.no)
        self.on_refund(refund)

    def find_refund(self, no: str = "", refund_id: str = "") -> Refund:
        """The refund; Refusal no_refund."""
        refund = self.refund_ids.get(refund_id) if refund_id else self.refunds.get(no)
        if refund is None:
            raise Refusal("no_refund")
        return refund

    def retry_abnormal(self, refund: Refund, way: str) -> None:
        """A dead card's refund goes to another card of the payer, or back to the merchant's bank."""
        if refund.status == "PROCESSING":
            return
        if refund.status != "ABNORMAL":
            raise Refusal("refund_not_abnormal")
        refund.status, refund.channel, refund.done_at = "PROCESSING", "OTHER_BANKCARD", 0.0
        refund.account = "用户银行卡" if way == "USER_BANK_CARD" else "商户银行账户"
        self.ledger.change(refund.row, state="processing")

    def state_of(self, order: Order) -> dict[str, Any]:
        """What an act answers about an order."""
        self.age(order)
        return {
            "no": order.no, "state": order.state, "amount": order.terms.total,
            "transactions": [p.transaction_id for p in order.payments],
        }
