"""SmsReport: the provider tells what the operator said of each message, again until it hears code 0."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from twisted.python.failure import Failure

from simulators.base.outbound import NoAnswer, post
from simulators.base.wire import Resp

if TYPE_CHECKING:
    from simulators.sms.party import Message, SmsSim

PATH = "/callback/sms"
OP = "SmsReport"
RETRY = (60, 300, 600)  # seconds between the tries of one push
PATIENCE = 10.0  # reactor seconds the receiver has
DELAY = 3.0  # seconds until the operator has said what became of it
WHEN = ("callback_never", "callback_late", "callback_twice")
WHAT = ("bad_signature", "strange_number", "callback_more_fields")


class Courier:
    """Pushes; `delivered` counts what was taken, `given_up` the others."""

    def __init__(self, party: SmsSim) -> None:
        self.party = party
        self.delivered = self.given_up = 0

    @property
    def address(self) -> str:
        """Where reports go; "" for nowhere."""
        engine = self.party.world.engine
        return self.party.report_url or (f"{engine}{PATH}" if engine else "")

    def tell(self, message: Message) -> None:
        """Report on one that has just gone out, as the faults in force want it."""
        fault = self.party.faults.take(OP, WHEN, lambda: {"no": message.out_id})
        kind, seconds = (fault.fault, fault.seconds) if fault else ("", 0.0)
        if kind == "callback_never" or not self.address:
            return
        wait = DELAY + (seconds if kind == "callback_late" else 0.0)
        self.party.later(wait, self.push, [message])
        if kind == "callback_twice":
            self.party.later(wait + 1.0, self.push, [message])

    def push(self, messages: Sequence[Message], tries: int = 0) -> None:
        """One push about these."""
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
        headers = {"Content-Type": "application/json;charset=UTF-8"}
        match = {"no": messages[0].out_id}
        try:
            answer = post(self.party, OP, address, content, headers, wait=PATIENCE, match=match)
        except ValueError:
            self.given_up += 1
            return
        answer.addBoth(self._judge, messages, tries, self.party.life)

    def _row(self, one: Message) -> dict[str, Any]:
        sent, now = (self.party.world.rfc3339(at)[:19].replace("T", " ") for at in (one.at, self.party.world.now()))
        good = one.state == 3
        return {
            "phone_number": one.phone, "send_time": sent, "report_time": now, "success": good,
            "err_code": "DELIVERED" if good else "MOBILE_NOT_ON_SERVICE",
            "err_msg": "用户接收成功" if good else "手机号停机或关机", "sms_size": str(one.size), "biz_id": one.biz_id,
            "out_id": one.out_id,
        }  # fmt: skip

    def _judge(self, result: Resp | Failure, messages: Sequence[Message], tries: int, life: int) -> None:
        if isinstance(result, Failure):
            if not result.check(NoAnswer):  # type: ignore[no-untyped-call]  # Twisted left it untyped
                result.raiseException()
        elif result.status == 200 and _code(result.body) == 0:
            self.delivered += 1
            for one in messages:
                one.told += 1
            return
        if life != self.party.life:
            return
        if tries < len(RETRY):
            self.party.later(RETRY[tries], self.push, messages, tries + 1)
        else:
            self.given_up += 1


def _code(body: bytes) -> object:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer.get("code") if isinstance(answer, dict) else None
