"""The `hl7` part of a settle channel: which HL7 messages it takes, what each asks, and the segment that answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.config.problems import Mark
from engine.config.spec import NOWHERE, Field, Found, ListOf, Nested, Record, Spec, Word
from engine.config.types import WORD, Name

MESSAGE = Name("HL7 报文类型", "an HL7 message type", r"[A-Z][A-Z0-9]{2}\^[A-Z][A-Z0-9]{2}", "写成 DFT^P03",
               "written as DFT^P03")  # fmt: skip
PLACE = Name("HL7 位置", "an HL7 place", r"[A-Z][A-Z0-9]{2}_[1-9][0-9]*(_[1-9][0-9]*){0,2}", "ZJS-1 写作 ZJS_1",
             "ZJS-1 is written ZJS_1")  # fmt: skip
ACTION = Name("动作码", "an action", r"[0-9A-Za-z][0-9A-Za-z_.-]{0,19}", "字母、数字，最多 20 个字符",
              "letters and digits, 20 characters at most")  # fmt: skip


@dataclass(frozen=True, slots=True)
class AskRow:
    """One action: its code, what it asks (start, cancel, refund, show, or an event of terminals), the map that reads
    it."""

    when: Word
    do: Word
    read: Word
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> AskRow:
        return AskRow(record["when"], record["do"], record["read"], record.mark)


@dataclass(frozen=True, slots=True)
class Hl7Rows:
    """The part as written."""

    at: Word
    message: Word
    profile: Word
    action: Word
    asks: tuple[AskRow, ...]
    answer: Word
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Hl7Rows:
        return Hl7Rows(
            record["at"], record["message"], record["profile"], record["action"], record["asks"], record["answer"],
            record.mark,
        )  # fmt: skip


ASK_ROW = Spec(
    "ask", "HL7 动作", "an HL7 action",
    (
        Field("when", ACTION, "动作码", "its code", "PRE", required=True),
        Field("do", WORD, "要做什么：start、cancel、refund、show 或终端的事件",
              "what it asks: start, cancel, refund, show, or an event of terminals", "start", required=True),
        Field("read", WORD, "读取报文的映射", "the map that reads the message", "hl7_start", required=True),
    ),
)  # fmt: skip
HL7 = Spec(
    "hl7", "以 HL7 办理", "settling by HL7",
    (
        Field("at", WORD, "engine.yaml 中的 MLLP 监听", "an MLLP listener of engine.yaml", "hl7", required=True),
        Field("message", MESSAGE, "报文类型", "the message type", "DFT^P03", required=True),
        Field("profile", WORD, "报文说明（schemas/hl7）", "the profile (schemas/hl7)", "settlement", required=True),
        Field("action", PLACE, "动作码在哪里", "where the action stands", "ZJS_1", required=True),
        Field("asks", ListOf(Nested(ASK_ROW, AskRow.of), 1), "每个动作码", "each action",
              "[{when: PRE, do: start, read: hl7_start}]", required=True),
        Field("answer", WORD, "应答映射：应答的 Z 段", "the map that makes the answer's Z segments", "hl7_answer",
              required=True),
    ),
)  # fmt: skip
