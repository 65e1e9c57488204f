"""6302: the platform tells the hospital that an order was settled, again and again until it hears code 0."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed

from simulators.base.rounds import WHEN, Rounds
from simulators.base.wire import Resp
from simulators.mobile_pay.book import Order, fen, told, yuan

if TYPE_CHECKING:
    from simulators.mobile_pay.party import MobilePaySim

RETRY = (15, 30, 60, 180, 600, 1800)
PATIENCE = 10.0  # reactor seconds the receiver has
PATH = "/callback/mobile_pay"
WHAT = ("bad_signature", "wrong_amount", "unsigned", "callback_more_fields", "callback_gbk")


class Courier(Rounds):
    """Delivers 6302; each try is signed anew: its time is part of what is signed."""

    retry, patience = RETRY, PATIENCE

    def __init__(self, party: MobilePaySim) -> None:
        super().__init__(party)
        self.party = party

    @property
    def address(self) -> str:
        engine = self.party.world.engine
        return self.party.settings.notify_url or (f"{engine}{PATH}" if engine else "")

    def tell(self, order: Order) -> None:
        """Start delivering, as the faults in force want it."""
        fault = self.party.faults.take("6302", WHEN, lambda: {"no": order.med_org_ord})
        if self.address:
            self.start(fault, self.party.settings.callback_delay, partial(self.tell_now, order))

    def tell_now(self, order: Order) -> Deferred[None]:
        """Deliver at once; fires after the first try, whatever came of it."""
        if not self.address:
            return succeed(None)
        match = {"no": order.med_org_ord}
        return self.send("6302", partial(self._written, order), match, _taken)

    def _written(self, order: Order) -> tuple[str, bytes, dict[str, str]]:
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
        return self.address, content, {"Content-Type": "application/json;charset=utf-8"}


def _taken(answer: Resp) -> bool:
    return answer.status == 200 and _code(answer.body) == "0"


def _code(body: bytes) -> str:
    try:
        form = json.loads(body)
    except ValueError:
        return ""
    return str(form.get("code", "")) if isinstance(form, dict) else ""
