"""The benchmark's mobile payment platform against the engine's party: signed and hidden on both sides."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.testing import MemoryReactorClock, StringTransport

from bench.fast_mobile import MobilePay, secrets
from engine.core.http import HttpReply, HttpRequest
from engine.parties.contract import Answer, Heard, Outgoing
from engine.parties.mobile_pay.party import PARTY
from engine.parties.mobile_pay.settings import Settings

NOW = 1795312800.0
NUMBER = "S20261122100000000001P1"
ENGINE = 8600


class Platform:
    """Both sides in one memory."""

    def __init__(self) -> None:
        self.clock = MemoryReactorClock()  # type: ignore[no-untyped-call]  # Twisted left it untyped
        self.clock.advance(NOW)
        self.there = MobilePay({"engine": ENGINE, "pay_after": 5.0}, self.clock)
        given = {name.rpartition("/")[2]: value for name, value in secrets(self.clock).items()}
        self.opened = PARTY.open(Settings.model_validate({"org_code": "H37020000000", **given}))

    def ask(self, op: str, body: dict[str, Any], spoil: str = "") -> Answer:
        call = Outgoing(op, body, NUMBER, self.opened, {}, self.clock.seconds(), "0" * 32)
        request = PARTY.build(call)
        form = json.loads(request.body)
        if spoil:
            form[spoil] = ("A" if form[spoil][0] != "A" else "B") + form[spoil][1:]
        said, _ = self.there.answer(request.path.encode(), b"", json.dumps(form).encode(), b"")
        return PARTY.read(call, request, HttpReply(200, (), said))

    def notice(self) -> HttpRequest:
        """What the engine is sent, once it was connected to."""
        host, port, factory, *_ = self.clock.tcpClients.pop()
        assert (host, port) == ("127.0.0.1", ENGINE)
        wire: Any = StringTransport()  # type: ignore[no-untyped-call]  # Twisted left it untyped
        wire.setTcpNoDelay = lambda on: None
        factory.buildProtocol(None).makeConnection(wire)
        head, _, body = wire.value().partition(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        return HttpRequest(method.decode(), target.decode(), (), body)


def test_an_order_is_uploaded_placed_paid_and_told() -> None:
    here = Platform()
    order = here.ask("6201", {"medOrgOrd": NUMBER, "userName": "测试甲"}).body
    placed = here.ask("6202", {"payOrdId": order["payOrdId"], "orgBizSer": NUMBER})
    assert (placed.intact, placed.body["ordStas"], placed.body["medOrgOrd"]) == (True, "1", NUMBER)
    here.clock.advance(4.9)
    assert here.ask("6301", {"payOrdId": order["payOrdId"]}).body["ordStas"] == "1"
    here.clock.advance(0.1)
    assert here.ask("6301", {"payOrdId": order["payOrdId"]}).body["feeSumamt"] == "1200.00"
    request = here.notice()
    heard = PARTY.verify(here.opened, request, here.clock.seconds())
    assert request.path == "/callback/mobile_pay"
    assert isinstance(heard, Heard)
    assert (heard.number, heard.body["fundPay"]) == (NUMBER, "125.00")


def test_what_is_not_signed_well_is_refused() -> None:
    for field in ("signData", "encData", "timestamp"):
        answer = Platform().ask("6201", {"medOrgOrd": NUMBER}, spoil=field)
        assert answer.code not in ("0", ""), field
