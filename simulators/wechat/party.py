"""WeChat Pay as one party: both generations of its interface, its payers, its callbacks."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from simulators.base.menu import Section
from simulators.base.party import ActRefused, SimParty
from simulators.base.wire import Req, Resp, text_resp
from simulators.base.world import SimWorld
from simulators.wechat import acts, said, secure, v2, v3, wrong_bills
from simulators.wechat.book import Book, Order, Payment, Refund
from simulators.wechat.codepay import CodePay
from simulators.wechat.courier import Courier, Notice
from simulators.wechat.forms import REFUND_EVENT, refund_event_form
from simulators.wechat.identity import Identity
from simulators.wechat.reasons import Refusal
from simulators.wechat.settings import Settings

# What a fault without execution says, by its kind.
SAID = {
    "token_expired": "sign", "frequency": "frequency", "system_error": "system", "bank_error": "bank",
    "no_auth": "no_auth", "recall": "system",
}


class WeChatSim(SimParty):
    """The payment platform of one direct merchant (普通商户).

    Operations: native, jsapi, h5, app, codepay, micropay, query, close, reverse, refund, refund_query,
    abnormal_refund, certificates, echo, tradebill, fundflowbill, download; v2 shares the names.
    """

    name: ClassVar[str] = "wechat"
    default_port: ClassVar[int] = 8721
    own_refusals: ClassVar[frozenset[str]] = frozenset(SAID) - {"token_expired"}
    own_breaks: ClassVar[frozenset[str]] = frozenset({
        "old_timestamp", "clock_skew", "unknown_serial", "missing_signature", "unsigned", "probe",
    })
    own_faults: ClassVar[frozenset[str]] = frozenset({
        "callback_new_id", "other_merchant", "refund_abnormal", "refund_closed", "refund_stuck",
    }) | wrong_bills.ALL
    title = said.TITLE
    ops_said = said.OPS
    faults_said = said.FAULTS
    acts_said = said.ACTS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self.identity = Identity(world)
        self.secure_port: Any = None
        self.reset()

    def reset(self) -> None:
        """An empty order book, the first keys, ordinary settings."""
        self.settings = Settings()
        self.keep_secure_port()
        self.identity.certificates = self.identity.certificates[:1]
        self.book = Book(
            self.world, self.ledger, self.later, on_paid=self._paid, on_refund=self._refund_over
        )
        self.codepay = CodePay(self.book)
        self.courier = Courier(self)
        self.v3, self.v2 = v3.V3(self), v2.V2(self)
        self._quiet: set[str] = set()  # numbers whose callback is delivered by hand

    def op_of(self, req: Req) -> str:
        return v2.op_of(req) if req.path in v2.PATHS else v3.op_of(req)

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        return v2.match_of(req) if req.path in v2.PATHS else v3.match_of(op, req)

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        if req.path in v2.PATHS:
            return self.v2.serve(op, req)
        return self.v3.serve(op, req) if req.path.startswith("/v3/") else text_resp("404 Not Found", 404)

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        second = req.path in v2.PATHS
        if resp is not None:
            return self.v2.spoiled(kind, req, resp) if second else self.v3.spoiled(kind, resp)
        if kind == "not_enough_balance":
            refusal = Refusal("merchant_poor" if op == "refund" else "payer_poor")
        elif kind == "refuse_business":
            refusal = Refusal("frequency" if op in ("query", "refund_query", "close", "reverse") else "limit")
        else:
            refusal = Refusal(SAID[kind])
        if second:
            return self.v2.refuse(op, req, refusal, recall="Y" if kind == "recall" else "N")
        return self.v3.refused(req, refusal)

    def card(self, base_url: str) -> dict[str, Any]:
        card = {
            "base_url": self.settings.public_base or base_url, **self.identity.card(),
            "verify": self.settings.verify, "v2_certificate": self.settings.v2_certificate,
            "settings": vars(self.settings),
        }
        if self.secure_port is not None:
            card["v2_base_url"] = f"https://127.0.0.1:{self.secure_port.getHost().port}"
            card["v2_tls_certificate"] = secure.server_certificate(self.world)
        return card

    def keep_secure_port(self) -> None:
        """The TLS port for /secapi/ is open exactly while `v2_certificate` is on; ValueError without TLS."""
        if self.settings.v2_certificate and self.secure_port is None:
            self.secure_port = secure.listen_secure(self)
        elif not self.settings.v2_certificate and self.secure_port is not None:
            self.secure_port.stopListening()
            self.secure_port = None

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return acts.act(self, body)
        except Refusal as refusal:
            raise ActRefused(refusal.text) from None

    # What happens after an answer

    def order_placed(self, op: str, order: Order, resp: Resp) -> Resp | Deferred[Resp]:
        """A new QR or app order: its payer may pay by himself; fault callback_before_reply pays at once."""
        match = {"no": order.no, "attach": order.terms.attach}
        if self.faults.take(op, {"callback_before_reply"}, lambda: match):
            self._quiet.add(order.no)
            payment = self.book.charge(order)
            self._quiet.discard(order.no)
            told = self.courier.tell_now(self.paid_notice(order, payment))
            return told.addBoth(lambda _: resp)
        if self.settings.auto_pay >= 0:
            self.later(self.settings.auto_pay, self._pays_alone, order)
        return resp

    def _pays_alone(self, order: Order) -> None:
        self.book.age(order)
        if order.state == "NOTPAY":
            self.book.charge(order)

    def _paid(self, order: Order, payment: Payment) -> None:
        """Only QR, app and web payments are notified; payment codes never are."""
        if order.terms.notify_url and not order.by_code and order.no not in self._quiet:
            self.courier.tell(self.paid_notice(order, payment))

    def paid_notice(self, order: Order, payment: Payment) -> Notice:
        """The callback of a payment, in the form of the interface the order was placed by."""
        if order.terms.version == "v2":
            return self.v2.paid_notice(order, payment)
        return self.v3.paid_notice(order, payment.transaction_id)

    def charge_quietly(self, no: str) -> None:
        """The cash of a mixed order is taken; only the mixed order's own notice tells of it."""
        self._quiet.add(no)
        self.book.charge(self.book.find(no))
        self._quiet.discard(no)

    def refund_accepted(self, refund: Refund) -> None:
        """PROCESSING ends after a while, as ordered by a fault or well."""
        match = {"no": refund.order.no, "refund_no": refund.no, "attach": refund.order.terms.attach}
        kinds = {"refund_abnormal": "ABNORMAL", "refund_closed": "CLOSED", "refund_stuck": ""}
        fault = self.faults.take("refund", kinds, lambda: match)
        end = kinds[fault.fault] if fault else "SUCCESS"
        if end:
            self.later(self.settings.refund_seconds, self.book.finish_refund, refund, end)

    def refund_early(self, no: str, resp: Resp) -> Resp | Deferred[Resp]:
        """Fault callback_before_reply on `refund`: the refund ends and is told before it is answered."""
        refund = self.book.refunds[no]
        match = {"no": refund.order.no, "refund_no": no, "attach": refund.order.terms.attach}
        if refund.status != "PROCESSING":
            return resp
        if not self.faults.take("refund", {"callback_before_reply"}, lambda: match):
            return resp
        self._quiet.add(no)
        self.book.finish_refund(refund, "SUCCESS")
        self._quiet.discard(no)
        if not refund.notify_url:
            return resp
        return self.courier.tell_now(self.refund_notice(refund)).addBoth(lambda _: resp)

    def _refund_over(self, refund: Refund) -> None:
        if refund.notify_url and refund.no not in self._quiet:
            self.courier.tell(self.refund_notice(refund))

    def refund_notice(self, refund: Refund) -> Notice:
        """The callback of a refund's end, in the form of the interface it was asked by."""
        if refund.version == "v2":
            return self.v2.refund_notice(refund)
        event, summary = REFUND_EVENT[refund.status]
        return Notice(
            "refunded", event, summary, refund.notify_url, "refund", "refund",
            refund_event_form(refund, self.identity.mchid),
            {"no": refund.order.no, "refund_no": refund.no, "attach": refund.order.terms.attach},
            origin="refund", serial=refund.serial,
        )
