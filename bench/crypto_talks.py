"""One call of each party, built by its own code and answered by its own simulator, and one notice where a platform
sends some: what bench.crypto measures. `building` and `reading` name what is needed at least, by bench.crypto_floors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from bench.engine_process import ROOT
from engine.cli.folder import node_file
from engine.cli.keys import references
from engine.core.http import HttpReply, HttpRequest
from engine.parties.contract import Answer, Heard, NotHeard, Outgoing
from engine.parties.registry import PARTIES
from engine.site.files import read_files
from engine.site.settings import settings_of
from simulators.alipay.courier import Notice as AlipayNotice
from simulators.base.keys import KeyRing
from simulators.base.wire import Req, Resp
from simulators.base.world import SimWorld
from simulators.registry import party_class
from simulators.wechat.courier import Notice as WeChatNotice

SITES = (ROOT, *(ROOT / "docs/examples" / name for name in ("former_insurance", "commercial_insurance")))
NOW = 1795312800.0
CARD: Mapping[str, Any] = {"klx": "1", "kh": "A12345678", "kxlh": "SIMSN0001"}
SOAP, SAID = ("XML write", "inner XML write"), ("XML read", "inner XML read")


@dataclass(frozen=True, slots=True)
class Case:
    """`name`: where a party has several; `settings`: instead of the site's, values that begin with a dot are looked up
    in the simulator's card; `sign_in`: the operation whose answer holds the session."""

    kind: str
    op: str
    body: Mapping[str, Any]
    building: tuple[str, ...]
    reading: tuple[str, ...]
    name: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    sign_in: str = ""

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name or self.op}"


INSURED: Mapping[str, Any] = {"insuplc_admdvs": "370200", "input": {"data": {
    "mdtrt_cert_type": "03", "mdtrt_cert_no": "A12345678", "card_sn": "SIMSN0001", "begntime": "",
    "psn_cert_type": "01", "certno": "", "psn_name": "",
}}}  # fmt: skip
NUMBERS = {"nhsa": "H37020000000202611221000000001", "unionpay": "N1000000001",
           **dict.fromkeys(("municipal", "dareway", "neusoft", "yinhai"), "202611221000000001")}  # fmt: skip
X_CA = {"profile": "x-ca", "access_key": "", "secret": ".secrets.xca_secret"}
CASES = (
    Case("wechat", "query", {"out_trade_no": "N1"}, ("RSA sign",), ("RSA verify", "JSON read")),
    Case("wechat", "order_query", {"out_trade_no": "N1"}, ("HMAC-SHA256", "XML write"), ("XML read", "HMAC-SHA256")),
    Case("alipay", "query", {"out_trade_no": "N1"}, ("RSA sign",), ("RSA verify", "JSON read")),
    Case("unionpay", "query", {"orderId": "N1000000001", "txnTime": "20261122100000"},
         ("SHA-256", "RSA sign"), ("SHA-256", "RSA verify")),
    Case("commercial", "state", {"claimNo": "N1"}, ("RSA sign",), ("RSA verify",)),
    Case("mobile_pay", "6301", {"payOrdId": "N1"}, ("SM2 sign", "SM4 hide", "JSON write"),
         ("SM2 verify", "SM4 show", "JSON read")),
    Case("nhsa", "1101", INSURED, ("SHA-256", "JSON write"), ("JSON read",), "1101 by tif", {}, "9001"),
    Case("nhsa", "1101", INSURED, ("HMAC-SM3", "JSON write"), ("JSON read",), "1101 by x-ca", X_CA, "9001"),
    Case("his", "query.pay.bill", {"settleNo": "N1"}, ("HMAC-SHA256", "JSON write"), ("HMAC-SHA256", "JSON read")),
    Case("einvoice", "find", {"busNo": "N1"}, ("MD5", "JSON write"), ("MD5", "JSON read")),
    Case("municipal", "person", CARD, SOAP, SAID, sign_in="sign_in"),
    Case("qingdao_legacy", "person", {"card_no": "A12345678"}, ("GBK write",), ("GBK read",)),
    Case("dareway", "person", {"p_grbh": "A12345678", "p_xm": "测试甲", "p_yltclb": "6"},
         ("XML write", "inner JSON write"), ("XML read", "inner JSON read"), sign_in="login"),
    Case("neusoft", "person", CARD, ("XML write", "text split"), ("XML read", "text split"), sign_in="sign_in"),
    Case("yinhai", "person", CARD, SOAP, SAID, sign_in="sign_in"),
)  # fmt: skip
NOTICES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("wechat", "paid notice", ("RSA verify", "AES-GCM open", "JSON read")),
    ("alipay", "paid notice", ("RSA verify",)),
    ("mobile_pay", "6302 notice", ("SM2 verify", "SM4 show", "JSON read")),
)


@dataclass(slots=True)
class Talk:
    """One call of a party with its answer. `build` and `read` do what the engine would."""

    kind: str
    call: Outgoing
    request: HttpRequest
    reply: HttpReply

    def build(self) -> HttpRequest:
        return PARTIES[self.kind].build(self.call)

    def read(self) -> Answer:
        return PARTIES[self.kind].read(self.call, self.request, self.reply)


@dataclass(slots=True)
class Told:
    """One notice of a platform."""

    kind: str
    opened: Any
    request: HttpRequest

    def hear(self) -> Heard | NotHeard:
        return PARTIES[self.kind].verify(self.opened, self.request, NOW)


class Bench:
    """Every party once, on a clock that stands still. SystemExit where an answer is not what the engine would believe:
    what it costs to refuse one is another figure."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        clock = MemoryReactorClock()  # type: ignore[no-untyped-call]  # Twisted left it untyped
        self.world = SimWorld(clock, anchor=NOW)
        self.world.keys = KeyRing(folder / "keys", 1, lambda: NOW)
        self._entries = [(site, entry) for site in SITES for entry in node_file(site).parties.values()]

    def talk(self, case: Case) -> Talk:
        """The call, and what the simulator answers it with."""
        sim, opened = self._open(case.kind, case.settings)
        session, number = dict[str, str](), NUMBERS.get(case.kind, "N1")
        if case.sign_in:
            body: dict[str, Any] = {"input": {}} if case.kind == "nhsa" else {}
            begin = Outgoing(case.sign_in, body, f"{number[:-1]}9", opened, {}, NOW, "1" * 32)
            said = self._asked(sim, case, begin).read().body
            said = said.get("signinoutb", said)
            session = {name: said[name] for name in ("token", "ywzqh", "sign_no") if name in said}
        talk = self._asked(sim, case, Outgoing(case.op, dict(case.body), number, opened, session, NOW, "0" * 32))
        if not talk.read().intact:
            raise SystemExit(f"{case.label}: the answer to be read is not whole: {talk.read().text}")
        return talk

    def told(self, kind: str) -> Told:
        """A payment, as the platform tells it."""
        sim, opened = self._open(kind, {})
        headers, body = _NOTICES[kind](sim)
        told = Told(kind, opened, HttpRequest("POST", f"/callback/{kind}", tuple(headers.items()), body))
        if not isinstance(told.hear(), Heard):
            raise SystemExit(f"{kind}: the notice to be heard is not believed: {told.hear()}")
        return told

    def _open(self, kind: str, more: Mapping[str, str]) -> tuple[Any, Any]:
        """The party's simulator, and its connection with the keys of the simulator's card."""
        party = PARTIES[kind]
        sim: Any = party_class(party.about.simulator)(self.world)
        if "profile" in more:
            sim.act({"act": "set", "profile": more["profile"]})
        site, entry = next((site, one) for site, one in self._entries if one.kind == kind)
        card = sim.card("http://sim.example")
        for ref in references(dict(entry.settings)):
            if ref.place.startswith("var/sim/"):
                (self._folder / ref.place).parent.mkdir(parents=True, exist_ok=True)
                (self._folder / ref.place).write_text(str(_within(card, Path(ref.place).parts[3:])))
        settings = settings_of(entry, party, self._folder, read_files(site))
        given = {k: _within(card, v[1:].split(".")) if v[:1] == "." else v for k, v in more.items()}
        return sim, party.open(settings.model_copy(update=given))

    def _asked(self, sim: Any, case: Case, call: Outgoing) -> Talk:
        request = PARTIES[case.kind].build(call)
        if case.kind == "mobile_pay":  # a refusal of its platform is not signed: one that is
            paid = {"payOrdId": "N1", "ordStas": "6", "medOrgOrd": "N1", "feeSumamt": "1.00", "ownPayAmt": "1.00"}
            made: Any = sim.identity.answer(paid, sim.settings)
        else:
            headers = {name.lower(): value for name, value in request.headers}
            req = Req(
                request.method, request.target, unquote(request.path), dict(parse_qsl(request.query)), headers,
                request.body, "127.0.0.1:1",
            )  # fmt: skip
            made = sim.serve(sim.op_of(req), req)
        if isinstance(made, Deferred):
            found: list[Resp] = []
            made.addCallback(found.append)
            made = found[0]
        return Talk(case.kind, call, request, HttpReply(made.status, tuple(made.headers.items()), made.body))


def _within(card: Any, names: Iterable[str]) -> Any:
    for name in names:
        card = card[name]
    return card


def _wechat(sim: Any) -> tuple[dict[str, str], bytes]:
    plain = {
        "mchid": sim.identity.mchid, "appid": sim.identity.appid, "out_trade_no": "N1", "transaction_id": "42" * 14,
        "trade_type": "NATIVE", "trade_state": "SUCCESS", "trade_state_desc": "支付成功", "bank_type": "OTHERS",
        "attach": "", "success_time": "2026-11-22T10:00:00+08:00", "payer": {"openid": "oBench"},
        "amount": {"total": 107500, "payer_total": 107500, "currency": "CNY", "payer_currency": "CNY"},
    }  # fmt: skip
    notice = WeChatNotice("paid", "TRANSACTION.SUCCESS", "支付成功", "", "transaction", "transaction", plain, {},
                          id="ID1", created="2026-11-22T10:00:00+08:00")  # fmt: skip
    body = sim.courier._v3_body(notice)  # as it goes out, without a socket
    return sim.courier._signed(notice, body), body


def _alipay(sim: Any) -> tuple[dict[str, str], bytes]:
    plain = {
        "notify_type": "trade_status_sync", "trade_status": "TRADE_SUCCESS", "trade_no": "T1", "out_trade_no": "N1",
        "seller_id": sim.identity.seller_id, "subject": "门诊缴费", "total_amount": "1075.00",
    }  # fmt: skip
    return {}, sim.courier.form_of(AlipayNotice("paid", "", plain, {}, id="ID1"))


def _mobile(sim: Any) -> tuple[dict[str, str], bytes]:
    paid = {"payOrdId": "N1", "medOrgOrd": "N1", "feeSumamt": "1200.00", "ownPayAmt": "754.50", "psnAcctPay": "320.50",
            "fundPay": "125.00", "setlType": "ALL", "traceTime": "2026-11-22 10:00:00"}  # fmt: skip
    return {}, json.dumps(sim.identity.sealed(paid, sim.settings), ensure_ascii=False).encode()


_NOTICES = {"wechat": _wechat, "alipay": _alipay, "mobile_pay": _mobile}
