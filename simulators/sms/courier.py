"""SmsReport: the provider tells what the operator said of each message, again until it hears code 0."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from simulators.base.rounds import WHEN, Rounds
from simulators.base.wire import Resp

if TYPE_CHECKING:
    from simulators.sms.party import Message, SmsSim

PATH = "/callback/sms"
OP = "SmsReport"
RETRY = (60, 300, 600)  # seconds between the tries of one push
PATIENCE = 10.0  # reactor seconds the receiver has
DELAY = 3.0  # seconds until the operator has said what became of it
WHAT = ("bad_signature", "strange_number", "callback_more_fields")


class Courier(Rounds):
    """Pushes reports."""

    retry, patience = RETRY, PATIENCE

    def __init__(self, party: SmsSim) -> None:
        super().__init__(party)
        self.party = party

    @property
    def address(self) -> str:
        """Where reports go; "" for nowhere."""
        engine = self.party.world.engine
        return self.party.report_url or (f"{engine}{PATH}" if engine else "")

    def tell(self, message: Message) -> None:
        """Report on one that has just gone out, as the faults in force want it."""
        fault = self.party.faults.take(OP, WHEN, lambda: {"no": message.out_id})
        if self.address:
            self.start(fault, DELAY, partial(self.push, [message]))

    def push(self, messages: Sequence[Message]) -> None:
        """One push about these, at once."""

        def taken(answer: Resp) -> bool:
            good = answer.status == 200 and _code(answer.body) == 0
            for one in messages if good else ():
                one.told += 1
            return good

        self.send(OP, partial(self._written, messages), {"no": messages[0].out_id}, taken)

    def _written(self, messages: Sequence[Message]) -> tuple[str, bytes, dict[str, str]]:
        fault = self.party.faults.take(OP, WHAT, lambda: {"no": messages[0].out_id})
        spoil = fault.fault if fault else ""
        rows = [self._row(one) for one in messages]
        for row in rows if spoil == "strange_number" else ():
            row["out_id"] = "4000000000000001"
        for row in rows if spoil == "callback_more_fields" else ():
            row["dest_code"] = "10690000"
        key = "somebody-else-s-word" if spoil == "bad_signature" else self.party.report_key
        address = f"{self.address}{'&' if '?' in self.address else '?'}key={quote(key, safe='')}"
        content = json.dumps(rows, ensure_ascii=False).encode()
        return address, content, {"Content-Type": "application/json;charset=UTF-8"}

    def _row(self, one: Message) -> dict[str, Any]:
        sent, now = (self.party.world.rfc3339(at)[:19].replace("T", " ") for at in (one.at, self.party.world.now()))
        good = one.state == 3
        return {
            "phone_number": one.phone, "send_time": sent, "report_time": now, "success": good,
            "err_code": "DELIVERED" if good else "MOBILE_NOT_ON_SERVICE",
            "err_msg": "用户接收成功" if good else "手机号停机或关机", "sms_size": str(one.size), "biz_id": one.biz_id,
            "out_id": one.out_id,
        }  # fmt: skip


def _code(body: bytes) -> object:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer.get("code") if isinstance(answer, dict) else None
