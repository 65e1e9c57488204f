"""A gateway and a merchant of it: bytes made by our party, answered by the simulator, in memory."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from twisted.internet.testing import MemoryReactorClock

from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.unionpay.keys import Settings
from engine.parties.unionpay.party import PARTY
from simulators.base.world import SimWorld
from simulators.unionpay import UnionPaySim

from .bench import START, UNIONPAY_NOTIFY, served
from .judge import outcome_of

NAMES = ("mer_id", "sign_certificate", "sign_private_key", "root", "middle", "signer")


class Merchant:
    """`call` has a request executed and reads the answer; `notices` are the bodies the gateway would post."""

    def __init__(self, sign_method: str = "01", **more: Any) -> None:
        self.clock = MemoryReactorClock()  # type: ignore[no-untyped-call]  # Twisted left it untyped
        self.world = SimWorld(self.clock, anchor=START)
        self.sim = UnionPaySim(self.world)
        card = self.sim.card("http://sim")
        kept = {name: card[name] for name in NAMES} if sign_method == "01" else {
            "mer_id": card["mer_id"], "secure_key": card["secure_key"],
        }  # fmt: skip
        self.settings = Settings(sign_method=sign_method, back_url=UNIONPAY_NOTIFY, **{**kept, **more})  # type: ignore[arg-type]  # a word of the test
        self.opened = PARTY.open(self.settings)

    @property
    def stamp(self) -> str:
        return self.world.stamp("%Y%m%d%H%M%S")

    def outgoing(self, op: str, body: dict[str, Any]) -> Outgoing:
        return Outgoing(op, body, str(body.get("orderId", "")), self.opened, {}, self.world.now(), "0" * 32)

    def call(self, op: str, **body: Any) -> tuple[Outcome, Answer]:
        call = self.outgoing(op, body)
        request = PARTY.build(call)
        answer = PARTY.read(call, request, served(self.sim, request))
        return outcome_of(PARTY, op, answer), answer

    def spoiled(self, op: str, kind: str, **body: Any) -> tuple[Outcome, Answer]:
        """The same under a fault that spoils the reply, or refuses."""
        from simulators.base.wire import Req

        call = self.outgoing(op, body)
        request = PARTY.build(call)
        req = Req("POST", request.target, request.path, {}, {}, request.body)
        executed = None if kind in self.sim.own_refusals else self.sim.serve(op, req)
        resp = self.sim.break_reply(kind, op, req, executed)  # type: ignore[arg-type]  # no fault of the callback kind here
        answer = PARTY.read(call, request, HttpReply(resp.status, tuple(resp.headers.items()), resp.body))
        return outcome_of(PARTY, op, answer), answer

    def order(self, no: str = "ORDER00001", amount: str = "107500") -> str:
        """A QR order; its txnTime."""
        at = self.stamp
        outcome, answer = self.call("qr", orderId=no, txnTime=at, txnAmt=amount, reqReserved="B1")
        assert outcome is Outcome.PENDING, answer
        return at

    def paid(self, no: str = "ORDER00001", amount: str = "107500") -> tuple[str, str]:
        """A paid QR order; its txnTime and queryId."""
        at = self.order(no, amount)
        return at, str(self.sim.act({"act": "pay", "no": no})["query_id"])

    def notice(self, no: str = "ORDER00001") -> HttpRequest:
        """The notice the gateway made last of this number."""
        return HttpRequest("POST", "/callback/unionpay", (), self.sim.courier.last[no][1])

    def changed(self, no: str = "ORDER00001", **changes: str) -> HttpRequest:
        """That notice with fields changed behind the gateway's back."""
        fields = dict(parse_qsl(self.notice(no).body.decode(), keep_blank_values=True))
        return HttpRequest("POST", "/x", (), urlencode({**fields, **changes}).encode())
