"""Alipay as one party: the gateway, its payers, its notifications, its bills."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from twisted.internet.defer import Deferred

from simulators.alipay import acts, bills, hidden, rest, said, wrong_bills
from simulators.alipay.auth import Auth, Auths, Operation
from simulators.alipay.book import Book, Payment, Refund, Trade
from simulators.alipay.courier import Courier, Notice
from simulators.alipay.identity import Identity
from simulators.alipay.reasons import MSG, Refusal
from simulators.alipay.request import Asked, asked, named, params_of
from simulators.alipay.settings import Settings
from simulators.alipay.trade import Form, Trades, yuan
from simulators.base.menu import Section
from simulators.base.party import ActRefused, SimParty
from simulators.base.wire import Req, Resp, text_resp
from simulators.base.world import BEIJING, SimWorld

METHODS = {
    "alipay.trade.precreate": "precreate", "alipay.trade.pay": "pay", "alipay.trade.query": "query",
    "alipay.trade.cancel": "cancel", "alipay.trade.close": "close", "alipay.trade.refund": "refund",
    "alipay.trade.fastpay.refund.query": "refund_query", "alipay.fund.auth.order.freeze": "freeze",
    "alipay.fund.auth.order.voucher.create": "freeze_code", "alipay.fund.auth.operation.detail.query": "freeze_query",
    "alipay.fund.auth.operation.cancel": "freeze_cancel", "alipay.fund.auth.order.unfreeze": "unfreeze",
    "alipay.data.dataservice.bill.downloadurl.query": "bill",
}
DOWNLOAD = "/billdownload"
# What a fault without execution says, by its kind.
SAID = {"token_expired": "token", "system_error": "unavailable", "no_auth": "no_auth", "frequency": "frequency"}
BILL_DAYS = 900
_AMOUNTS = ("total_amount", "amount", "refund_amount")


class AlipaySim(SimParty):
    """The payment platform of one application and seller, in public key and certificate mode at once.

    Operations: precreate, pay, query, cancel, close, refund, refund_query, freeze, freeze_code, freeze_query,
    freeze_cancel, unfreeze, bill, download.
    """

    name: ClassVar[str] = "alipay"
    default_port: ClassVar[int] = 8722
    own_refusals: ClassVar[frozenset[str]] = frozenset({"system_error", "no_auth", "frequency", "retry"})
    own_breaks: ClassVar[frozenset[str]] = frozenset({"unsigned"})
    own_faults: ClassVar[frozenset[str]] = frozenset({
        "callback_new_id", "other_app", "other_seller", "refund_unchanged", "refund_slow",
    }) | wrong_bills.ALL
    title = said.TITLE
    ops_said = said.OPS
    faults_said = said.FAULTS
    acts_said = said.ACTS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self.identity = Identity(world)
        self.reset()

    def reset(self) -> None:
        """No trades, ordinary settings."""
        self.settings = Settings()
        self.book = Book(self.world, self.ledger, on_paid=self._paid, on_refund=self._refunded)
        self.trades, self.auths, self.courier = Trades(self), Auths(self), Courier(self)
        self.links: dict[str, tuple[float, bytes]] = {}
        self.wrong = wrong_bills.WrongBills(lambda fault: self.take_fault("bill", fault) is not None)
        self._quiet: set[str] = set()  # numbers whose notification is delivered by hand
        self.doors: dict[str, Callable[[Asked], Form]] = {
            "precreate": self.trades.precreate, "pay": self.trades.pay, "query": self.trades.query,
            "cancel": self.trades.cancel, "close": self.trades.close, "refund": self.trades.refund,
            "refund_query": self.trades.refund_query, "freeze": self.auths.freeze, "freeze_code": self.auths.voucher,
            "freeze_query": self.auths.query, "freeze_cancel": self.auths.cancel, "unfreeze": self.auths.unfreeze,
        }

    def op_of(self, req: Req) -> str:
        if req.path == DOWNLOAD:
            return "download"
        try:
            method = params_of(req).get("method", "")
        except Refusal:
            method = ""
        return METHODS.get(method, method or req.path)

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        try:
            biz = json.loads(params_of(req).get("biz_content") or "{}")
        except (Refusal, ValueError):
            return {}
        names = {"out_trade_no": "no", "out_order_no": "no", "out_request_no": "refund_no", "body": "body"}
        if not isinstance(biz, dict):
            return {}
        return {ours: str(biz[theirs]) for theirs, ours in names.items() if theirs in biz}

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        if op == "download":
            return self._download(req)
        if urlsplit(req.path).path != "/gateway.do" and not rest.speaks(req):
            return text_resp("Not Found", 404)
        wanted: Asked | None = None
        try:
            wanted = named(req)
            wanted = asked(req, self.identity, self.world.signing(), strict_clock=self.settings.strict_clock)
            if op == "bill":
                return self._answer(wanted, self._bill(wanted, req))
            if op not in self.doors:
                raise Refusal("method")
            return self._early(op, wanted, self._answer(wanted, self.doors[op](wanted)))
        except Refusal as refusal:
            self.objected(refusal.objection(f"{refusal.code} {refusal.sub_code}", refusal.words))
            return self._refused(wanted, refusal)

    def _answer(self, wanted: Asked, form: Form) -> Resp:
        key = self.identity.encrypt_key if wanted.hidden else ""
        if wanted.rest:
            waiting, certificate = int(self.settings.v3_waiting), wanted.by_certificate
            return rest.answered(self.world, self.identity, form, waiting=waiting, certificate=certificate, key=key)
        code = str(form.get("code", "10000"))
        whole = {"code": code, "msg": MSG[code], **form}
        return self._signed(wanted.node, whole, certificate=wanted.by_certificate, charset=wanted.charset, key=key)

    def _signed(self, node: str, form: Form, *, certificate: bool, charset: str, key: str = "") -> Resp:
        text = json.dumps(form, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
        text = f'"{hidden.hide(key, text, charset)}"' if key else text
        body = self.identity.answer(node, text, certificate=certificate, charset=charset)
        return Resp(200, body, {"Content-Type": f"text/html;charset={charset}"})

    def _refused(self, wanted: Asked | None, refusal: Refusal) -> Resp:
        """In the method's own node, signed: the platform has the application's keys at hand whatever it says no to.

        Without an application it knows there is no signature; without a method it knows, the node is
        `error_response`.
        """
        if wanted is not None and wanted.rest:
            return rest.refused(self.world, self.identity, refusal, certificate=wanted.by_certificate)
        if wanted is None:
            body = json.dumps({"error_response": refusal.form()}, ensure_ascii=False, separators=(",", ":")).encode()
            return Resp(200, body, {"Content-Type": "text/html;charset=utf-8"})
        node = wanted.node if wanted.method in METHODS else "error_response"
        if refusal.name != "app_id":
            certificate, charset = wanted.by_certificate, wanted.charset
            return self._signed(node, refusal.form(), certificate=certificate, charset=charset)
        body = json.dumps({node: refusal.form()}, ensure_ascii=False, separators=(",", ":")).encode(wanted.charset)
        return Resp(200, body, {"Content-Type": f"text/html;charset={wanted.charset}"})

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        if resp is not None:
            return self._spoiled_rest(kind, resp) if rest.speaks(req) else self._spoiled(kind, resp)
        try:
            wanted = asked(req, self.identity, self.world.signing(), strict_clock=False)
        except Refusal as refusal:
            return self._refused(named(req), refusal)
        if kind == "retry" and op in ("cancel", "freeze_cancel"):
            no = wanted.number("out_trade_no", needed=False)
            return self._answer(wanted, {"out_trade_no": no, "retry_flag": "Y"})
        if kind == "not_enough_balance":
            return self._refused(wanted, Refusal("seller_poor" if op in ("refund", "cancel") else "payer_poor"))
        if kind == "refuse_business":
            return self._refused(wanted, Refusal("risk" if op in ("pay", "precreate", "freeze") else "business"))
        return self._refused(wanted, Refusal(SAID.get(kind, "unavailable")))

    def _spoiled(self, kind: str, resp: Resp) -> Resp:
        """A true answer made wrong: another amount with a good signature, a wrong signature, or none."""
        head, found, mark = resp.body.rpartition(b'"sign":"')
        if not found:
            return resp
        if kind == "bad_signature":
            first = b"B" if mark[:1] == b"A" else b"A"
            return replace(resp, body=head + found + first + mark[1:])
        if kind == "unsigned":
            return replace(resp, body=head.rstrip(b",") + b"}")
        charset = resp.headers["Content-Type"].rpartition("=")[2]
        tree = json.loads(resp.body.decode(charset))
        node = next(iter(tree))
        if isinstance(tree[node], str):  # hidden: nothing in it is changed
            return resp
        form = {k: _one_more(v) if k in _AMOUNTS else v for k, v in tree[node].items()}
        return self._signed(node, form, certificate="alipay_cert_sn" in tree, charset=charset)

    def _spoiled_rest(self, kind: str, resp: Resp) -> Resp:
        """The same of /v3/…, where the signature stands in a header."""
        head, mark = dict(resp.headers), resp.headers.get("alipay-signature", "")
        if kind == "unsigned" or not mark:
            return replace(resp, headers={k: v for k, v in head.items() if not k.startswith("alipay-s")})
        if kind == "bad_signature":
            return replace(resp, headers={**head, "alipay-signature": ("B" if mark[0] == "A" else "A") + mark[1:]})
        if "json" not in head["Content-Type"]:
            return resp
        form = {k: _one_more(v) if k in _AMOUNTS else v for k, v in json.loads(resp.body).items()}
        body = json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode()
        return rest.signed(self.world, self.identity, resp.status, body, certificate="alipay-sn" in head)

    def card(self, base_url: str) -> dict[str, Any]:
        return {
            "base_url": base_url, "endpoint": base_url, "gateway": f"{base_url}/gateway.do",
            "v3": f"{base_url}{rest.ROOT}", **self.identity.card(),
            "settings": vars(self.settings),
        }

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return acts.act(self, body)
        except Refusal as refusal:
            raise ActRefused(refusal.words) from None

    # Notifications

    def _paid(self, trade: Trade, payment: Payment) -> None:
        if trade.terms.notify_url and trade.no not in self._quiet:
            self.courier.tell(self._paid_notice(trade, payment.trade_no))

    def _paid_notice(self, trade: Trade, trade_no: str) -> Notice:
        origin = "precreate" if trade.terms.product == "qr" else "pay"
        match = {"no": trade.no, "body": trade.terms.body}
        fields, terms = self.trades.paid_notice(trade, trade_no), trade.terms
        return Notice("paid", terms.notify_url, fields, match, origin, terms.charset)

    def _refunded(self, refund: Refund) -> None:
        if refund.trade.terms.notify_url and refund.no not in self._quiet:
            self.courier.tell(self._refund_notice(refund))

    def _refund_notice(self, refund: Refund) -> Notice:
        trade = refund.trade
        match = {"no": trade.no, "refund_no": refund.no, "body": trade.terms.body}
        fields, terms = self.trades.refund_notice(refund), trade.terms
        return Notice("refunded", terms.notify_url, fields, match, "refund", terms.charset)

    def tell_auth(self, kind: str, auth: Auth, operation: Operation) -> None:
        """Funds were frozen or given free."""
        fields = {
            "notify_type": kind, "auth_no": auth.auth_no, "out_order_no": auth.no, "operation_id": operation.number,
            "out_request_no": operation.no, "operation_type": operation.kind, "amount": yuan(operation.amount),
            "status": operation.status, "gmt_create": operation.at, "gmt_trans": operation.at,
            "payer_user_id": auth.payer, "payee_user_id": self.identity.seller_id,
            "total_freeze_amount": yuan(auth.amount), "rest_amount": yuan(auth.rest),
            "total_pay_amount": yuan(auth.paid),
        }
        self.courier.tell(Notice("auth", auth.notify_url, fields, {"no": auth.no, "refund_no": operation.no}, "freeze"))

    def _early(self, op: str, wanted: Asked, resp: Resp) -> Resp | Deferred[Resp]:
        """Fault callback_before_reply: a QR is paid and told before its order is answered."""
        trade = self.book.trades.get(str(wanted.biz.get("out_trade_no", "")))
        if op != "precreate" or trade is None or trade.payments:
            return resp
        match = {"no": trade.no, "body": trade.terms.body}
        if not self.faults.take(op, {"callback_before_reply"}, lambda: match):
            return resp
        self._quiet.add(trade.no)
        payment = self.book.charge(trade)
        self._quiet.discard(trade.no)
        if not trade.terms.notify_url:
            return resp
        return self.courier.tell_now(self._paid_notice(trade, payment.trade_no)).addBoth(lambda _: resp)

    # Bills

    def _bill(self, wanted: Asked, req: Req) -> Form:
        """Where yesterday's bill can be fetched."""
        kind = wanted.text("bill_type", 32)
        if kind not in ("trade", "signcustomer"):
            raise Refusal("param", "参数bill_type无效")
        try:
            day = datetime.strptime(wanted.text("bill_date", 10), "%Y-%m-%d").replace(tzinfo=BEIJING)
        except ValueError:
            raise Refusal("param", "参数bill_date无效") from None
        now = self.world.moment()
        age = (now.date() - day.date()).days
        if not 1 <= age <= BILL_DAYS or (age == 1 and now.hour < self.settings.bill_hour):
            raise Refusal("no_bill")
        start, end = day.timestamp(), (day + timedelta(days=1)).timestamp()
        wrong = {fault for fault in wrong_bills.FILES if self.take_fault("bill", fault) is not None}
        rows = bills.trade_rows(self.book, start, end, self.book.fee_bp)
        told = self.wrong.rows(rows, day.date())
        flows = [f for f in self.book.flows if start <= f.at < end]
        if not (rows or told if kind == "trade" else flows) or "bill_none" in wrong:
            raise Refusal("no_bill")
        make = (self.identity.seller_id, start, end, self.world.now())
        if kind == "trade":
            content = bills.trade_bill(told, *make, columns=self.wrong.columns(), wrong=wrong)
        else:
            content = bills.flow_bill(flows, *make)
        token = f"{self.world.rng.getrandbits(128):032x}"
        lives = 0.0 if "bill_link_expired" in wrong else self.settings.link_seconds
        self.links = {t: kept for t, kept in self.links.items() if kept[0] > self.world.now()}
        self.links[token] = (self.world.now() + lives, content)
        base = self.settings.public_base or f"http://{req.headers.get('host', '127.0.0.1')}"
        return {"bill_download_url": f"{base}{DOWNLOAD}?token={token}&fileType=csv.zip"}

    def _download(self, req: Req) -> Resp:
        token = parse_qs(req.target.partition("?")[2]).get("token", [""])[0]
        until, content = self.links.get(token, (0.0, b""))
        if until <= self.world.now():
            return text_resp("链接已失效", 400)
        return Resp(200, content, {"Content-Type": "application/octet-stream"})


def _one_more(amount: str) -> str:
    return yuan(int(amount.replace(".", "")) + 1)
