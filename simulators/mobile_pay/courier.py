"""6302: the platform tells the hospital that an order was settled, again and again until it hears code 0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from simulators.base.outbound import NoAnswer, post
from simulators.base.wire import Resp
from simulators.mobile_pay.book import Order, fen, told, yuan

if TYPE_CHECKING:
    from simulators.mobile_pay.party import MobilePaySim

RETRY = (15, 30, 60, 180, 600, 1800)
PATIENCE = 10.0  # reactor seconds the receiver has
PATH = "/callback/mobile_pay"
WHEN = ("callback_never", "callback_late", "callback_twice")
WHAT = ("bad_signature", "wrong_amount", "unsigned", "callback_more_fields", "callback_gbk")


class Courier:
    """Delivers; `delivered` counts the accepted notices, `given_up` the others."""

    def __init__(self, party: MobilePaySim) -> None:
        self.party = party
        self.delivered = self.given_up = 0

    @property
    def address(self) -> str:
        engine = self.party.world.engine
        return self.party.settings.notify_url or (f"{engine}{PATH}" if engine else "")

    def tell(self, order: Order) -> None:
        """Start delivering, as the faults in force want it."""
        fault = self.party.faults.take("6302", WHEN, lambda: {"no": order.med_org_ord})
        kind, seconds = (fault.fault, fault.seconds) if fault else ("", 0.0)
        if kind == "callback_never" or not self.address:
            return
        wait = seconds if kind == "callback_late" else self.party.settings.callback_delay
        self.party.later(wait, self._send, order, 0)
        if kind == "callback_twice":
            self.party.later(wait + 1.0, self._send, order, 0)

    def tell_now(self, order: Order) -> Deferred[None]:
        """Deliver at once; fires after the first try, whatever came of it."""
        return self._send(order, 0) if self.address else succeed(None)

    def _send(self, order: Order, tries: int) -> Deferred[None]:
        """Each try is signed anew: its time is part of what is signed."""
        fault = self.party.faults.take("6302", WHAT, lambda: {"no": order.med_org_ord})
        spoil = fault.fault if fault else ""
        body = {name: value for name, value in told(order).items() if name != "ordStas"}
        if spoil == "wrong_amount" and "ownPayAmt" in body:
            body |= {name: yuan(fen(body[name]) + 1) for name in ("ownPayAmt", "feeSumamt")}
        if spoil == "callback_more_fields":
            body |= {"futureLevel": "2", "extData": {"note": "新增字段"}}
        gbk = spoil == "callback_gbk"
        more = {"message": "结算成功"} if gbk else None
        form = self.party.identity.sealed(body, self.party.settings, more, spoil)
        content = json.dumps(form, ensure_ascii=False).encode("gb18030" if gbk else "utf-8")
        headers = {"Content-Type": "application/json;charset=utf-8"}
        life, match = self.party.life, {"no": order.med_org_ord}
        try:
            answer = post(self.party, "6302", self.address, content, headers, wait=PATIENCE, match=match)
        except ValueError:
            self.given_up += 1
            return succeed(None)
        return answer.addBoth(self._judge, order, tries, life)

    def _judge(self, result: Resp | Failure, order: Order, tries: int, life: int) -> None:
        if isinstance(result, Failure):
            if not result.check(NoAnswer):  # type: ignore[no-untyped-call]  # Twisted left it untyped
                result.raiseException()
        elif result.status == 200 and _code(result.body) == "0":
            self.delivered += 1
            return
        if life != self.party.life:
            return
        if tries < len(RETRY):
            self.party.later(RETRY[tries], self._send, order, tries + 1)
        else:
            self.given_up += 1


def _code(body: bytes) -> str:
    try:
        form = json.loads(body)
    except ValueError:
        return ""
    return str(form.get("code", "")) if isinstance(form, dict) else ""
