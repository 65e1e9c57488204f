"""医保移动支付 for the measured hospital: SM2 and SM4 on every message, in the simulators' own code.

Every order is the fast parties' bill of 120,000 fen; its patient pays so many seconds after 6202, and the engine is
told by 6302, over a connection of its own for each notice. Without SM2 (`unsigned`) nothing is signed or verified here:
the engine's half is left out by `bench.probed`, and what remains is the floor of the same settlements.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.protocol import ClientFactory, Protocol

from simulators.base.world import SimWorld
from simulators.mobile_pay import sm
from simulators.mobile_pay.envelope import Identity, Refusal, refused
from simulators.mobile_pay.settings import Settings

UPLOAD, ORDER = b"/uldFeeInfo", b"/pay_order"  # how the paths of 6201 and 6202 end; all others ask for an order
PAID = {
    "feeSumamt": "1200.00", "ownPayAmt": "754.50", "psnAcctPay": "320.50", "fundPay": "125.00", "deposit": "0.00",
    "othFeeAmt": "0.00", "hospPartAmt": "0.00", "setlType": "ALL", "callType": "0", "traceTime": "2026-11-22 08:00:00",
}  # fmt: skip
OURS = "ORD"  # our number for an order is this and the hospital's
UNSIGNED = "A" * 86 + "=="  # 64 bytes of nothing


def identity(reactor: Any) -> Identity:
    """The keys of both sides: the town's, the same in every process."""
    return Identity(SimWorld(reactor))


def secrets(reactor: Any) -> dict[str, str]:
    """What the hospital was given, by the names of files below var/sim."""
    who = identity(reactor)
    return {
        "mobile_pay/app_id": who.app_id, "mobile_pay/app_secret": who.app_secret,
        "mobile_pay/private_key": who.hospital.private_text, "mobile_pay/platform_key": who.platform.public_text,
    }  # fmt: skip


class MobilePay:
    """The platform. `asked`: engine (its port), pay_after (seconds), unsigned."""

    def __init__(self, asked: dict[str, Any], reactor: Any) -> None:
        self._reactor, self._asked = reactor, asked
        self._who, self._settings = identity(reactor), Settings()
        self._paid: set[str] = set()
        self.notices: dict[str, int] = {}  # what the engine said to them, by its first line
        if asked.get("unsigned"):
            sm.good = lambda *_: True  # the floor: this process signs and verifies nothing
            sm.sign = lambda *_: UNSIGNED  # as above

    def answer(self, path: bytes, head: bytes, body: bytes, number: bytes) -> tuple[bytes, bytes]:
        try:
            data = self._who.opened(json.loads(body), self._settings)
        except Refusal as no:
            return refused(no).body, b""
        return self._who.answer(self._do(path, data), self._settings).body, b""

    def _do(self, path: bytes, data: dict[str, Any]) -> dict[str, Any]:
        if path.endswith(UPLOAD):
            order = f"{OURS}{data['medOrgOrd']}"
            return {"payOrdId": order, "payToken": f"TOKEN{order}", "extData": {"mdtrtId": f"MD{order}"}}
        order = str(data["payOrdId"])
        if path.endswith(ORDER):
            self._reactor.callLater(self._asked["pay_after"], self._pay, order)
        return self._told(order)

    def _told(self, order: str) -> dict[str, Any]:
        paid = order in self._paid
        named = {"payOrdId": order, "medOrgOrd": order.removeprefix(OURS), "ordStas": "6" if paid else "1"}
        return {**named, **PAID, "revsToken": f"BACK{order}"} if paid else named

    def _pay(self, order: str) -> None:
        """The patient gives the password; the hospital is told."""
        self._paid.add(order)
        said = {name: value for name, value in self._told(order).items() if name != "ordStas"}
        body = json.dumps(self._who.sealed(said, self._settings), ensure_ascii=False).encode()
        factory: Any = ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda addr: _Notice(self, body)
        self._reactor.connectTCP("127.0.0.1", self._asked["engine"], factory)


class _Notice(Protocol):
    """One notice on one connection."""

    def __init__(self, platform: MobilePay, body: bytes) -> None:
        self._platform, self._body, self._heard = platform, body, b""

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.setTcpNoDelay(True)
        wire.write(
            b"POST /callback/mobile_pay HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json;charset=utf-8\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(self._body), self._body)
        )

    def dataReceived(self, data: bytes) -> None:
        self._heard += data

    def connectionLost(self, reason: Any = None) -> None:
        word = self._heard.split(b"\r\n", 1)[0].decode("latin-1") or "no answer"
        self._platform.notices[word] = self._platform.notices.get(word, 0) + 1
