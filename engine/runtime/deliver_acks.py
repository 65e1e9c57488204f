"""What the sender of a deliver channel's HL7 message hears, and when."""

from __future__ import annotations

from collections.abc import Sequence

from engine.codecs.hl7_ack import AckCode, HL7Error, ack
from engine.codecs.hl7v2 import Header
from engine.connectors.answer import Answer
from engine.core.bilingual import both
from engine.core.times import beijing
from engine.runtime.deliver_message import Held


def ack_of(
    header: Header, held: Held, code: AckCode, text: str = "", errors: Sequence[HL7Error] = ()
) -> bytes:
    """Made of the message's number and time alone, so that it can be made again."""
    at = beijing(held.received, "%Y%m%d%H%M%S")
    return ack(header, code, text, errors, control_id=f"A{held.id}", at=at)


class Caller:
    """Who waits for the acknowledgement of an HL7 message."""

    __slots__ = ("_answer", "_header")

    def __init__(self, header: Header, answer: Answer) -> None:
        self._header, self._answer = header, answer

    def __call__(self, held: Held) -> None:
        if held.state == "not_stored":
            text = both("现在存不下，请稍后重发", "cannot be stored now; send it again later")
            self._say(held, "AE", text, [HL7Error("207", text=both("磁盘没有空间", "no room on the disk"))])
        elif held.ack == "AA":
            self._say(held, "AA")
        else:
            text = both(f"消息 {held.id}：有接收方没有收下", f"message {held.id}: not every receiver took it")
            self._say(held, "AE", text, [HL7Error("207", text=text)])

    def later(self, held: Held) -> None:
        """It is stored and not delivered yet."""
        text = both(f"消息 {held.id}：已存，尚未送达", f"message {held.id}: stored, not delivered yet")
        self._say(held, "AE", text, [HL7Error("207", text=text)])

    def other_content(self, held: Held) -> None:
        """Its number belongs to another message: told when both are kept."""
        number = self._header.control_id
        text = both(f"MSH-10 {number} 此前来过，内容不同", f"MSH-10 {number} came before with other content")
        body = ack_of(self._header, held, "AR", text, [HL7Error("205", "MSH", 1, 10, text)])
        held.reply = [Refused(body, self._answer)]

    def _say(self, held: Held, code: AckCode, text: str = "", errors: Sequence[HL7Error] = ()) -> None:
        if not self._answer.given:
            self._answer.give(ack_of(self._header, held, code, text, errors))


class Refused:
    """Who waits for a refusal that is already written."""

    __slots__ = ("_answer", "_body")

    def __init__(self, body: bytes, answer: Answer) -> None:
        self._body, self._answer = body, answer

    def __call__(self, held: Held) -> None:
        self._answer.give(self._body)
