"""The subscribers' MLLP door: the laboratory and imaging systems, told apart by MSH-5."""

from __future__ import annotations

from simulators.base.mllp_ack import Verdict
from simulators.base.mllp_er7 import Er7
from simulators.base.mllp_side import MllpSide
from simulators.base.party import SimParty
from simulators.subscribers.inbox import Inbox, Receipt


class SubscribersDoor(MllpSide):
    """Takes any HL7 message. The operation is the receiving application in small letters (`lis`), `mllp` without."""

    def __init__(self, host: SimParty, inbox: Inbox) -> None:
        self._inbox = inbox
        super().__init__(host)

    def reset(self) -> None:
        super().reset()
        self.default = "gb18030"  # what an old laboratory system takes a message for that declares nothing

    def op_of(self, message: Er7) -> str:
        return message.get("MSH-5.1").lower() or "mllp"

    def receive(self, op: str, message: Er7) -> Verdict:
        if not message.control_id:
            return Verdict("AE", "缺少消息编号", "101", "MSH-10")
        if "\ufffd" in message.body.decode(message.codec):
            return Verdict("AE", "文本含替换字符U+FFFD", "102")
        self._take(op, message, message.body)
        return Verdict("AA")

    def repeated(self, op: str, message: Er7, *, same: bool) -> None:
        self._take(op, message, message.body)

    def _take(self, op: str, message: Er7, content: bytes) -> Receipt:
        told = self.match_of(op, message)
        return self._inbox.take(
            op, message.control_id, content, patient=told["patient"], visit=told["visit"], event=told["event"]
        )
