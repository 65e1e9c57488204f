"""Pre-authorisation: funds of a payer frozen, captured by `alipay.trade.pay` with auth_no, given free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulators.alipay.book import Terms
from simulators.alipay.reasons import Refusal
from simulators.alipay.request import Asked
from simulators.alipay.trade import yuan

if TYPE_CHECKING:
    from simulators.alipay.party import AlipaySim

Form = dict[str, Any]
INIT, AUTHORIZED, FINISH, CLOSED = "INIT", "AUTHORIZED", "FINISH", "CLOSED"


@dataclass
class Operation:
    """One movement of frozen funds, by out_request_no."""

    no: str
    kind: str  # FREEZE, UNFREEZE, PAY
    number: str
    amount: int
    at: str
    status: str = INIT


@dataclass
class Auth:
    """One authorisation, by out_order_no."""

    no: str
    auth_no: str
    title: str
    amount: int
    notify_url: str
    payer: str
    row: Any
    code: str = ""
    state: str = INIT
    rest: int = 0
    paid: int = 0
    operations: dict[str, Operation] = field(default_factory=dict)


class Auths:
    """The doors of `alipay.fund.auth.*`."""

    def __init__(self, party: AlipaySim) -> None:
        self.party = party
        self.orders: dict[str, Auth] = {}
        self.by_auth_no: dict[str, Auth] = {}

    def freeze(self, asked: Asked) -> Form:
        """By a payment code."""
        if asked.text("auth_code_type", 32) != "bar_code":
            raise Refusal("param", "参数auth_code_type无效")
        code = asked.text("auth_code", 64)
        known = asked.number("out_order_no") in self.orders
        behaviour, seconds = ("", 0.0) if known else self.party.trades.payer(code)
        auth, operation, again = self._place(asked)
        if not again:
            if behaviour == "notenough":
                self._end(auth, operation)
                raise Refusal("payer_poor")
            if behaviour == "ok" or behaviour == "systemerror_paid":
                self._frozen(auth, operation)
            elif behaviour in ("userpaying_then_ok", "userpaying_then_fail"):
                then = self._frozen if behaviour == "userpaying_then_ok" else self._end
                self.party.later(seconds, then, auth, operation)
            if behaviour.startswith("systemerror"):
                raise Refusal("system")
        elif auth.state == CLOSED:
            raise Refusal("auth_closed")
        return self._form(auth, operation) | ({} if operation.status == "SUCCESS" else {"code": "10003"})

    def voucher(self, asked: Asked) -> Form:
        """By a QR that the payer scans."""
        auth, operation, _ = self._place(asked)
        auth.code = auth.code or f"https://qr.alipay.com/fpx{self.party.world.rng.getrandbits(80):020x}"
        return {
            "out_order_no": auth.no, "out_request_no": operation.no, "code_type": "qrCode", "code_value": auth.code,
            "code_url": f"{auth.code}.png",
        }

    def _place(self, asked: Asked) -> tuple[Auth, Operation, bool]:
        no, request_no = asked.number("out_order_no"), asked.number("out_request_no")
        amount, title = asked.fen("amount"), asked.text("order_title")
        asked.text("product_code", 64)
        auth = self.orders.get(no)
        if auth is not None:
            if request_no not in auth.operations or auth.amount != amount:
                raise Refusal("differs")
            return auth, auth.operations[request_no], True
        book = self.party.book
        row = self.party.ledger.add("freeze", no=no, amount=amount, state="open")
        auth = self.orders[no] = Auth(
            no, book.number("10002"), title, amount, asked.notify_url,
            f"2088{self.party.world.rng.randrange(10**12):012d}", row,
        )
        self.by_auth_no[auth.auth_no] = auth
        operation = auth.operations[request_no] = self._operation(request_no, "FREEZE", amount)
        return auth, operation, False

    def _operation(self, no: str, kind: str, amount: int) -> Operation:
        return Operation(no, kind, self.party.book.number("OP"), amount, self.party.world.stamp())

    def scanned(self, no: str) -> Auth:
        """The payer agrees on his phone (act pay)."""
        auth = self.orders[no]
        operation = next(iter(auth.operations.values()))
        if auth.state != INIT:
            raise Refusal("auth_closed" if auth.state == CLOSED else "auth_finished")
        self._frozen(auth, operation)
        return auth

    def _frozen(self, auth: Auth, operation: Operation) -> None:
        if auth.state != INIT:
            return
        auth.state, auth.rest, operation.status = AUTHORIZED, operation.amount, "SUCCESS"
        self.party.ledger.change(auth.row, state="done", party_no=auth.auth_no)
        self.party.tell_auth("fund_auth_freeze", auth, operation)

    def _end(self, auth: Auth, operation: Operation) -> None:
        if auth.state == INIT:
            auth.state, operation.status = CLOSED, "CLOSED"
            self.party.ledger.change(auth.row, state="closed")

    def _form(self, auth: Auth, operation: Operation) -> Form:
        return {
            "auth_no": auth.auth_no, "out_order_no": auth.no, "operation_id": operation.number,
            "out_request_no": operation.no, "amount": yuan(operation.amount), "status": operation.status,
            "payer_user_id": auth.payer, "gmt_trans": operation.at,
        }

    def find(self, asked: Asked) -> Auth:
        """The authorisation a request names."""
        auth_no, no = asked.number("auth_no", needed=False), asked.number("out_order_no", needed=False)
        auth = self.by_auth_no.get(auth_no) if auth_no else self.orders.get(no)
        if auth is None:
            raise Refusal("no_auth_order")
        return auth

    def query(self, asked: Asked) -> Form:
        """One operation and what is left of the authorisation."""
        auth = self.find(asked)
        request_no, number = asked.number("out_request_no", needed=False), asked.number("operation_id", needed=False)
        found = [o for o in auth.operations.values() if o.no == request_no or o.number == number]
        if not found:
            raise Refusal("no_operation")
        return {
            **self._form(auth, found[0]), "operation_type": found[0].kind, "order_title": auth.title,
            "order_status": auth.state, "total_freeze_amount": yuan(auth.amount if auth.rest or auth.paid else 0),
            "rest_amount": yuan(auth.rest), "total_pay_amount": yuan(auth.paid),
        }

    def unfreeze(self, asked: Asked) -> Form:
        """Part or all of what is frozen is given free."""
        auth, no, amount = self.find(asked), asked.number("out_request_no"), asked.fen("amount")
        old = auth.operations.get(no)
        if old is not None:
            if (old.kind, old.amount) != ("UNFREEZE", amount):
                raise Refusal("differs")
            return self._form(auth, old)
        self._alive(auth)
        if amount > auth.rest:
            raise Refusal("auth_short")
        operation = auth.operations[no] = self._operation(no, "UNFREEZE", amount)
        self._free(auth, operation)
        return self._form(auth, operation)

    def _free(self, auth: Auth, operation: Operation) -> None:
        operation.status = "SUCCESS"
        auth.rest -= operation.amount
        self.party.ledger.add("unfreeze", no=operation.no, party_no=auth.auth_no, amount=operation.amount, ref=auth.no)
        if auth.rest == 0:
            auth.state = FINISH
        self.party.tell_auth("fund_auth_unfreeze", auth, operation)

    def _alive(self, auth: Auth) -> None:
        if auth.state in (CLOSED, INIT):
            raise Refusal("auth_closed")
        if auth.state == FINISH:
            raise Refusal("auth_finished")

    def cancel(self, asked: Asked) -> Form:
        """A freeze of unknown outcome is undone: `close` when nothing was frozen, else `unfreeze`."""
        auth, request_no = self.find(asked), asked.number("out_request_no", needed=False)
        operation = auth.operations.get(request_no) or next(iter(auth.operations.values()))
        action = "close"
        if auth.state == INIT:
            self._end(auth, operation)
        elif auth.state == AUTHORIZED:
            if auth.paid or auth.rest != auth.amount:
                raise Refusal("auth_finished")
            action = "unfreeze"
            self._free(auth, self._operation(f"{operation.no}C", "UNFREEZE", auth.rest))
            auth.state = CLOSED
        return {
            "auth_no": auth.auth_no, "out_order_no": auth.no, "operation_id": operation.number,
            "out_request_no": operation.no, "action": action,
        }

    def pay(self, asked: Asked) -> Form:
        """Frozen funds are captured; COMPLETE gives the rest free, NOT_COMPLETE (the default) keeps it."""
        auth, no = self.find(asked), asked.number("out_trade_no")
        book, amount = self.party.book, asked.fen("total_amount")
        mode = asked.text("auth_confirm_mode", 32, needed=False) or "NOT_COMPLETE"
        if mode not in ("COMPLETE", "NOT_COMPLETE"):
            raise Refusal("param", "参数auth_confirm_mode无效")
        known = no in book.trades
        if not known:
            self._alive(auth)
            if amount > auth.rest:
                raise Refusal("auth_short")
        body = asked.text("body", 128, needed=False)
        terms = Terms("auth", amount, asked.text("subject"), body, asked.notify_url, charset=asked.charset)
        trade, again = book.place(no, terms)
        if not again:
            trade.auth_no = auth.auth_no
            auth.rest -= amount
            auth.paid += amount
            auth.operations[no] = operation = self._operation(no, "PAY", amount)
            operation.status = "SUCCESS"
            book.charge(trade, auth.payer)
            if mode == "COMPLETE" and auth.rest:
                self._free(auth, self._operation(f"{no}U", "UNFREEZE", auth.rest))
            if mode == "COMPLETE" or not auth.rest:
                auth.state = FINISH
        return self.party.trades.paid_form(trade)

    def state_of(self, auth: Auth) -> Form:
        """What an act answers about an authorisation."""
        return {"no": auth.no, "state": auth.state, "amount": auth.amount, "rest": auth.rest, "paid": auth.paid}
