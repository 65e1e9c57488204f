"""Payment codes (付款码): who stands behind a code, and what becomes of the order.

A code is 18 digits beginning with 10 to 15. The payer behaves as registered by the act `payer`,
else by the last six digits of the code (TAILS), else he pays at once.
"""

from __future__ import annotations

import re

from simulators.wechat.book import Book, Order, Terms
from simulators.wechat.reasons import Refusal

AUTH_CODE = re.compile(r"1[0-5]\d{16}")
BEHAVIOURS = (
    "ok", "userpaying_then_ok", "userpaying_then_fail", "userpaying_never", "notenough", "expired",
    "systemerror_paid", "systemerror_unpaid", "bankerror",
)
# Last six digits of the code; everything else is "ok".
TAILS = {f"99900{i}": behaviour for i, behaviour in enumerate(BEHAVIOURS)}


class CodePay:
    """Payment codes of the payers in the queue."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.payers: dict[str, tuple[str, float]] = {}

    def register(self, code: str, behaviour: str, seconds: float) -> None:
        """The payer with this code will behave so; `seconds` until he enters his password (or gives up)."""
        if not AUTH_CODE.fullmatch(code):
            raise ValueError("auth_code: 18 digits beginning with 10 to 15")
        if behaviour not in BEHAVIOURS:
            raise ValueError(f"behaviour: one of {', '.join(BEHAVIOURS)}")
        self.payers[code] = (behaviour, seconds)

    def pay(self, no: str, terms: Terms, code: str) -> Order:
        """Place the order and take the money if the payer lets us; USERPAYING is an order in that state.

        Refusals that leave the outcome open (`system`, `bank`) may have taken the money.
        """
        if not AUTH_CODE.fullmatch(code):
            raise Refusal("code_invalid")
        behaviour, seconds = self.payers.get(code) or (TAILS.get(code[-6:], "ok"), 10.0)
        if behaviour == "expired" and no not in self.book.orders:
            raise Refusal("code_expired")
        order, again = self.book.place(no, terms)
        if again:
            return self._again(order)
        match behaviour:
            case "ok":
                self.book.charge(order)
            case "notenough":
                self.book.go(order, "PAYERROR")
                raise Refusal("payer_poor")
            case "systemerror_paid":
                self.book.charge(order)
                raise Refusal("system")
            case "systemerror_unpaid":
                raise Refusal("system")
            case "bankerror":
                self._ask_payer(order, "userpaying_then_fail", seconds)
                raise Refusal("bank")
            case _:
                self._ask_payer(order, behaviour, seconds)
        return order

    def _again(self, order: Order) -> Order:
        if order.state == "PAYERROR":
            raise Refusal("payer_failed")
        if order.state == "NOTPAY":
            raise Refusal("system")
        return order

    def _ask_payer(self, order: Order, behaviour: str, seconds: float) -> None:
        self.book.go(order, "USERPAYING")
        if behaviour != "userpaying_never":
            paid = behaviour == "userpaying_then_ok"
            order.timer = self.book.later(seconds, self._payer_decides, order, paid)

    def _payer_decides(self, order: Order, paid: bool) -> None:
        self.book.age(order)
        if order.state != "USERPAYING":
            return
        order.timer = None
        if paid:
            self.book.charge(order)
        else:
            self.book.go(order, "PAYERROR")
