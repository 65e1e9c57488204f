"""A system that takes HL7 v2 over MLLP: a LIS, an RIS, a HIS that books DFT^P03.

`forward` sends a message as it came, under its own MSH-10; the others write one of what the map makes, under our number
of the message, which stays the same when it is sent again. AA says it is there, AR is a clear no, AE is tried again (a
site's map may call one of its texts `refused`); an AA whose text or ERR speaks of a failure proves nothing.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from engine.codecs.hl7_ack import AckKind, read_ack
from engine.codecs.hl7_charset import UTF_8, charset_named
from engine.codecs.hl7_tables import structure_of
from engine.codecs.hl7_writing import fill
from engine.codecs.hl7v2 import Message, begin, header_of
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.settings import PartySettings

CONTROL: Final = "X-Control-Id"
"""Where a request to an MLLP party says its MSH-10: the sender matches the acknowledgement by it."""

STAMP: Final = "%Y%m%d%H%M%S"
"""How MSH-7 is written."""

_EVENTS: Final = (
    ("ADT^A01", "入院", "admission"), ("ADT^A03", "出院", "discharge"), ("ADT^A04", "挂号", "registration"),
    ("ADT^A08", "患者信息变更", "patient changed"), ("ADT^A11", "取消入院", "admission cancelled"),
    ("ADT^A13", "取消出院", "discharge cancelled"), ("SIU^S12", "预约", "appointment"),
    ("ORU^R01", "报告", "report"), ("DFT^P03", "费用与结算通知", "charges and settlements"),
    ("ADT^A02", "转科", "transfer"), ("ADT^A06", "入院通知单、门诊转住院", "admission note, outpatient to inpatient"),
    ("ADT^A10", "到诊、入科", "arrival"), ("ADT^A16", "出院待办", "pending discharge"),
    ("ADT^A25", "取消出院待办", "pending discharge cancelled"), ("ADT^A28", "新建患者", "a new patient"),
    ("ADT^A31", "患者与诊断变更", "person and diagnosis changed"), ("ADT^A32", "取消到诊", "arrival cancelled"),
    ("ADT^A42", "合并就诊", "visits merged"), ("ADT^A54", "更换主管医生", "attending doctor changed"),
    ("ORM^O01", "医嘱", "order"), ("OMP^O09", "药品医嘱", "pharmacy order"),
    ("OMG^O19", "检查检验医嘱", "general order"),
    ("OML^O21", "检验医嘱", "laboratory order"), ("ORG^O20", "检查医嘱应答", "general order answered"),
    ("ORL^O22", "检验医嘱应答", "laboratory order answered"), ("ORR^O02", "医嘱应答", "order answered"),
    ("RAS^O17", "执行与计费", "given and charged"), ("ZAS^O17", "执行确认计费", "carried out and charged"),
    ("OUL^R21", "检验结果", "laboratory observation"), ("MFN^M01", "字典", "dictionary"),
    ("BAR^P01", "建立账户", "account added"), ("BAR^P05", "账户变更", "account changed"),
    ("BAR^P06", "结束账户", "account ended"),
)  # fmt: skip


class Settings(PartySettings):
    """What every connection in HL7 says."""

    sender: str = Field(default="ENGINE", max_length=100)
    """我方报文的 MSH-3^MSH-4：发送方应用^机构
    · MSH-3^MSH-4 of what we write: sending application^facility"""
    receiver: str = Field(default="", max_length=100)
    """我方报文的 MSH-5^MSH-6：接收方应用^机构；空：不写
    · MSH-5^MSH-6 of what we write: receiving application^facility; empty: left out"""
    version: Literal["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6"] = "2.4"
    """我方报文的 HL7 版本（MSH-12）；对方只认别的版本时才改
    · the version of HL7 we write (MSH-12); to be changed where the receiver takes another only"""
    charset: Literal["UNICODE UTF-8", "GB18030", "GB 18030-2000", "GBK"] = "UNICODE UTF-8"
    """我方报文的字符集，写在 MSH-18；应答没写 MSH-18 时也按它读
    · the character set we write, declared in MSH-18; answers without MSH-18 are read in it too"""


def begun(settings: Settings, code: str, event: str, control: str, stamp: str) -> Message:
    """A message of ours with its MSH: who speaks to whom, `stamp` as MSH-7, `control` as MSH-10."""
    structure = structure_of(settings.version, code, event, "")
    message = begin(code, event, structure, version=settings.version, declared=settings.charset)
    for at, pair in ((3, settings.sender), (5, settings.receiver)):
        application, _, facility = pair.partition("^")
        message.set(f"MSH-{at}", application)
        if facility:
            message.set(f"MSH-{at + 1}", facility)
    message.set("MSH-7", stamp)
    message.set("MSH-10", control)
    return message


class MllpParty:
    """Whoever takes HL7 over MLLP."""

    kind = "mllp"
    about = About("his", "HL7 接收方", "the HL7 receiver", simulator="subscribers")
    settings: type[BaseModel] = Settings
    ops: Final = {
        "forward": Op("forward", "原文转发", "forward a message as it came", changes=True),
        **{name: Op(name, zh, en, changes=True) for name, zh, en in _EVENTS},
    }
    outcomes: Final = (
        OutcomeRow("AA", Outcome.ACCEPTED),
        OutcomeRow("CA", Outcome.ACCEPTED),
        OutcomeRow("AR", Outcome.REFUSED),
        OutcomeRow("CR", Outcome.REFUSED),
    )

    def open(self, settings: Settings) -> Settings:
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        if isinstance(call.body, bytes):
            control, data = header_of(call.body).control_id, call.body
        else:
            control, data = call.number, self._written(call)
        return HttpRequest("MLLP", f"/{call.op}", ((CONTROL, control),), data)

    def _written(self, call: Outgoing) -> bytes:
        code, _, event = call.op.partition("^")
        message = begun(call.settings, code, event, call.number, beijing(call.made or call.now, STAMP))
        fill(message, wire.body_of(call))
        return message.to_bytes()

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        default = charset_named(call.settings.charset) or UTF_8
        verdict = read_ack(reply.body, request.header(CONTROL), default)
        if verdict.kind in (AckKind.MISMATCH, AckKind.UNREADABLE):
            return wire.not_intact(verdict.why)
        code = "DOUBTFUL" if verdict.kind is AckKind.DOUBTFUL else verdict.code
        return Answer(True, code, verdict.text[:200])

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


PARTY: Final = MllpParty()
