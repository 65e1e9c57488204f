"""UnionPay as one party: the gateway of one merchant, its payers, its notices, its clearing days."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from simulators.base.menu import Section
from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp
from simulators.base.world import SimWorld
from simulators.unionpay import acts, day_file, gateway, said, sign
from simulators.unionpay.book import TEXTS, Book, Txn
from simulators.unionpay.courier import Courier
from simulators.unionpay.identity import FALSE_SIGNERS, Identity
from simulators.unionpay.settings import Settings

# What a fault without execution says, by its kind.
SAID = {
    "token_expired": "11", "too_many_queries": "37", "out_of_hours": "39", "risk": "38", "system_error": "99",
    "no_permission": "32", "suspicious": "01",
}
_PASSWORD = 5.0  # seconds a payer takes to type it


class UnionPaySim(SimParty):
    """Operations: qr, scan, front, reverse, undo, refund, query, file; notices `paid`, `refunded`."""

    name: ClassVar[str] = "unionpay"
    default_port: ClassVar[int] = 8723
    own_refusals: ClassVar[frozenset[str]] = frozenset(SAID) - {"token_expired"}
    own_breaks: ClassVar[frozenset[str]] = frozenset({
        "unsigned", "single_hash", "in_doubt", "other_order", *FALSE_SIGNERS,
    })
    own_faults: ClassVar[frozenset[str]] = frozenset({
        "other_merchant", "refund_fails", "refund_stuck", *day_file.FAULTS,
    })
    title = said.TITLE
    ops_said = said.OPS
    faults_said = said.FAULTS
    acts_said = said.ACTS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self.identity = Identity(world)
        self.reset()

    def reset(self) -> None:
        """No transactions, ordinary settings; the keys stay."""
        self.settings = Settings()
        self.book = Book(self.world, self.ledger, self.settings, self._ended)
        self.gateway = gateway.Gateway(self)
        self.courier = Courier(self)
        self.held_rows: dict[str, list[bytes]] = {}  # of a day file, by the day in whose file they will stand
        self.payers: dict[str, str] = {}  # payment code -> how its holder behaves
        self._quiet: set[tuple[str, str]] = set()  # transactions whose notice is delivered by hand

    def op_of(self, req: Req) -> str:
        return gateway.op_of(req)

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        return gateway.match_of(req)

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        return self.gateway.serve(op, req)

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        given = gateway.asked(req)
        if resp is None:
            if kind == "not_enough_balance":
                code = "33" if op in ("refund", "undo") else "64"
            elif kind == "refuse_business":
                code = {"query": "37", "refund": "36", "undo": "36", "reverse": "35", "file": "98"}.get(op, "30")
            else:
                code = SAID[kind]
            return self.gateway.answer(given, {"respCode": code, "respMsg": TEXTS[code]})
        form = sign.read_raw(resp.body)
        if kind == "wrong_amount":
            form["txnAmt"] = str(int(form.get("txnAmt") or given.get("txnAmt") or "0") + 1)
        elif kind == "in_doubt":
            form |= {"respCode": "03", "respMsg": TEXTS["03"]}
        elif kind == "other_order":
            form["orderId"] = "STRANGER00000001"
        return self.gateway.answer(given, form, kind)

    def card(self, base_url: str) -> dict[str, Any]:
        return {
            "base_url": base_url, "front_url": base_url + gateway.FRONT, "back_url": base_url + gateway.BACK,
            "query_url": base_url + gateway.QUERY, "file_url": base_url + "/", **self.identity.card(),
            "settings": dict(vars(self.settings)),
        }

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        return acts.act(self, body)

    # What happens after an answer

    def ordered(self, op: str, given: dict[str, str], resp: Resp) -> Resp | Deferred[Resp]:
        """Fault callback_before_reply: the money moves and is told before the request is answered."""
        if op not in ("qr", "scan", "refund", "undo"):
            return resp
        match = gateway.match_of_fields(given)
        if not self.faults.take(op, {"callback_before_reply"}, lambda: match):
            return resp
        txn = self.book.txns[given["orderId"], given["txnTime"]]
        self._quiet.add(txn.key)
        if op in ("qr", "scan"):
            self.book.charge(txn)
        else:
            self.book.finish(txn)
        self._quiet.discard(txn.key)
        return self.courier.tell_now(txn).addBoth(lambda _: resp)

    def order_waits(self, txn: Txn) -> None:
        """A new QR: its payer may pay by himself; when its time is over, the books say so."""
        self.later(txn.expires - self.world.now(), self.book.age, txn)
        if self.settings.auto_pay >= 0:
            self.later(self.settings.auto_pay, self._pays_alone, txn)

    def _pays_alone(self, txn: Txn) -> None:
        self.book.age(txn)
        if txn.state == "open":
            self.book.charge(txn)

    def scanned(self, txn: Txn, behaviour: str) -> None:
        """A payment code is charged a moment after its 00, as its holder behaves."""
        if behaviour in ("pays", "password"):
            self.later(self.settings.scan_seconds + (_PASSWORD if behaviour == "password" else 0.0), self._charged, txn)
        elif behaviour == "fails":
            self.later(self.settings.scan_seconds, self._not_charged, txn)

    def _charged(self, txn: Txn) -> None:
        if txn.state == "doubt":
            self.book.charge(txn)

    def _not_charged(self, txn: Txn) -> None:
        if txn.state == "doubt":
            self.book.fail(txn, "64")

    def back_accepted(self, txn: Txn) -> None:
        """00 for a refund or an undo only says that it was taken in; it ends after a while, well or not."""
        match = {"no": txn.order_id, "orig": txn.orig.order_id if txn.orig else "", "bill": txn.bill}
        fault = self.faults.take(txn.op, {"refund_fails", "refund_stuck"}, lambda: match)
        if fault is None:
            self.later(self.settings.refund_seconds, self.book.finish, txn)
        elif fault.fault == "refund_fails":
            self.later(self.settings.refund_seconds, self._back_fails, txn)

    def _back_fails(self, txn: Txn) -> None:
        if txn.state == "doubt":
            self.book.fail(txn, "01")

    def _ended(self, txn: Txn) -> None:
        """Of a QR only success is told; of what the merchant's server asked for, failure too."""
        told = txn.state == "done" or txn.op not in ("qr", "front")
        if told and txn.fields.get("backUrl") and txn.key not in self._quiet:
            self.courier.tell(txn)
