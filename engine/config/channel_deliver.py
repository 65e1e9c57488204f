"""A channel of kind deliver, as written: what it takes in, what keeps its order, who gets it, how often it tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import engine.config.codes_deliver  # noqa: F401 - declares the codes of these channels
from engine.config.channel_rows import HEARS, CallRow, Hear
from engine.config.problems import Mark, problem
from engine.config.spec import NOWHERE, Field, Found, ListOf, MapOf, Nested, Record, Spec, Word
from engine.config.types import WORD, Choice, Count, Duration, Name, Request, Route, Text

YES = Choice(("yes", "no"))
EVENT = Name("消息类型", "a kind of message", r"[A-Z][A-Z0-9]{2}\^(?:[A-Z][A-Z0-9]{2}|\*)", "写成 ADT^A01，或 ADT^*",
             "written ADT^A01, or ADT^*")  # fmt: skip
PLACE = Name("数据路径", "a data path", r"[a-z][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*",
             "用点连接的名称，例如 hl7.PID_3_1", "names joined by dots, such as hl7.PID_3_1")  # fmt: skip
CLASSES = ("not_sent", "silent", "unknown", "refused")
"""How an attempt may fail: no byte left us; no answer came; an answer that proves nothing; a clear no."""


@dataclass(frozen=True, slots=True)
class TakesIn:
    """Where messages come from: `messages` over HL7 (or in files), `request` over HTTP, `rows` of a polled view,
    or `tell`: handed over by settlements.
    `answer_within`: seconds that `ack: delivered` waits for the destinations."""

    at: Word | None
    messages: tuple[Word, ...]
    request: Route | None
    schema: Word | None
    once_by: tuple[Word, ...]
    tell: bool
    ack: str
    answer_within: float
    check: str
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)
    marks: Mapping[str, Mark] = field(default_factory=dict, compare=False, repr=False)
    rows: bool = False

    @staticmethod
    def of(record: Record, found: Found) -> TakesIn | None:
        given = [name for name in ("messages", "request", "rows", "tell") if name in record.marks]
        if len(given) != 1:
            if given:
                found.append(problem("E216", record.at(given[1]), one=given[0], other=given[1]))
            else:
                found.append(problem("E218", record.mark, choices="messages, request, rows, tell"))
            return None
        needs = {"messages": ("at",), "request": ("at", "schema", "once_by"), "rows": ("at",), "tell": ()}
        needed = needs[given[0]]
        for name in needed:
            if name not in record.marks:
                found.append(problem("E202", record.mark, name=name, zh="deliver 通道的 listen", en="such a listen",
                                     example=_EXAMPLES[name]))  # fmt: skip
                return None
        for name in ("schema", "once_by"):
            if given[0] != "request" and name in record.marks:
                found.append(problem("E216", record.at(name), one=given[0], other=name))
                return None
        return TakesIn(
            record["at"], record["messages"], record["request"], record["schema"], record["once_by"],
            record["tell"] == "yes", record["ack"], record["answer_within"], record["check"], record.mark,
            record.marks, record["rows"] == "yes",
        )  # fmt: skip


_EXAMPLES = {"at": "hl7", "schema": "event", "once_by": "[client, request.event_no]"}
TAKES_IN = Spec(
    "takes in", "收取消息", "what it takes in",
    (
        Field("at", WORD, "engine.yaml 中的监听", "a listener of engine.yaml", "hl7"),
        Field("messages", ListOf(EVENT, 1), "收取哪些 HL7 消息", "which HL7 messages", "[ADT^A01, ADT^A08]",
              default=()),
        Field("request", Request(), "HTTP 方法与路径", "method and path over HTTP", "POST /v1/events"),
        Field("rows", Choice(("yes",)), "收取轮询视图的各行（request 下是各列）",
              "takes the rows of a view that is polled (its columns are below request)", "yes"),
        Field("schema", WORD, "HTTP 请求的 JSON Schema", "schema of the HTTP request", "event"),
        Field("once_by", ListOf(PLACE, 1), "同一消息的判定字段（HL7 固定为 MSH-3、MSH-4、MSH-10）",
              "what makes two messages the same one (HL7: always MSH-3, MSH-4 and MSH-10)",
              "[client, request.event_no]", default=()),
        Field("tell", Choice(("yes",)), "由结算通道的 tell 转交", "handed over by `tell` of a settle channel", "yes"),
        Field("ack", Choice(("stored", "delivered")), "何时应答 AA：已存盘，或各方都已收下",
              "when AA is said: once stored, or once every receiver has it", "stored", default="stored"),
        Field("answer_within", Duration(), "ack: delivered 最多等多久（之后答 AE，消息照发）",
              "how long ack: delivered waits (then AE; the message is sent all the same)", "20s", default=20.0),
        Field("check", Choice(("yes", "no", "full")),
              "按 HL7 结构表检查（不符答 AE）；full 另在应答之后用 hl7apy 全面检查（只提醒，不拒绝）",
              "check against HL7's tables (AE where it fails); full: hl7apy looks too, afterwards, and only tells",
              "yes",
              default="yes"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Receiver:
    """One row of `to`: the call it makes, and when."""

    call: CallRow
    when: Word | None
    ask: Word | None = None

    @staticmethod
    def of(record: Record, found: Found) -> Receiver:
        call = CallRow(
            Word("", record.mark), record["to"], record["op"], record["send"], record["read"], None, None, None,
            record["repeats"], record["wait"], record.mark, record.marks,
        )  # fmt: skip
        return Receiver(call, record["when"], record["ask"])


RECEIVER = Spec(
    "receiver", "接收方", "a receiver",
    (
        Field("to", WORD, "engine.yaml 中的外部系统", "a party of engine.yaml", "emr", required=True),
        Field("op", Text(), "对方的接口", "the party's operation", "post", required=True),
        Field("send", WORD, "请求映射（不写：HL7 原文转发）",
              "the map of the request (none: the HL7 message as it came)", "adt_event"),
        Field("read", WORD, "应答映射（只用其中 answers 的判定）", "the map of the reply (its `answers` rows count)",
              "emr_ok"),
        Field("when", Text(), "条件（CEL 或 let 的名称）", "a condition (CEL, or a name of let)",
              "message.kind == 'ADT^A01'"),
        Field("repeats", Choice(("same_number", "never")), "没有收到应答时能否重发（never：转为死信，由人决定）",
              "whether it may be sent again after silence (never: a dead letter, a person decides)", "same_number",
              default=Word("same_number", NOWHERE)),
        Field("ask", Text(), "重发之前先用对方哪个接口查是否已收到（对方不识别重复时）",
              "the party's operation that tells whether it is there already, asked before it is sent again (where the "
              "party does not know a repeat)", "find"),
        Field("wait", Duration(), "等待应答多久", "how long it waits", "5s", required=True),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tries:
    """How often something is tried again. Seconds; `jitter` is the random share of each pause; `tries` and `max_age`:
    whichever comes first makes it a dead letter."""

    first: float = 2.0
    cap: float = 300.0
    jitter: float = 0.2
    tries: int = 1_000_000
    max_age: float = 3 * 86_400.0

    @staticmethod
    def of(record: Record, found: Found) -> Tries:
        return Tries(
            record["first"], record["cap"], record["jitter"] / 100, record["tries"], record["max_age"]
        )  # fmt: skip


ONCE = Tries(tries=1)
TRIES = Spec(
    "tries", "重发", "when it is tried again",
    (
        Field("first", Duration(), "第一次重发前等多久，此后加倍", "the first pause, doubled each time", "2s",
              default=2.0),
        Field("cap", Duration(), "每次最多等多久", "no pause is longer", "5m", default=300.0),
        Field("jitter", Count(0, 100), "随机部分（%）", "the random share, per cent", "20", default=20),
        Field("tries", Count(1, 1_000_000), "最多几次", "at most so many tries", "10", default=1_000_000),
        Field("max_age", Duration(), "最久多久，之后为死信", "how old it may grow; then it is a dead letter", "3d",
              default=3 * 86_400.0),
    ),
)  # fmt: skip
RETRY = Spec(
    "retry", "重发规则", "when it is tried again, by how it failed",
    (
        Field("not_sent", Nested(TRIES, Tries.of), "没有发出（连不上）", "no byte left (no connection)", "{first: 1s}",
              default=Tries()),
        Field("silent", Nested(TRIES, Tries.of), "发出而没有应答", "sent, and no answer", "{first: 5s, cap: 10m}",
              default=Tries()),
        Field("unknown", Nested(TRIES, Tries.of), "应答不能说明结果（HTTP 500、AE）", "an answer that proves nothing",
              "{max_age: 1d}", default=Tries()),
        Field("refused", Nested(TRIES, Tries.of), "明确拒绝（HTTP 400、AR）", "a clear no", "{tries: 1}", default=ONCE),
    ),
)  # fmt: skip
DELIVER_FIELDS = (
    Field("listen", Nested(TAKES_IN, TakesIn.of), "收取什么", "what it takes in",
          "{at: hl7, messages: [ADT^A01, ADT^A08]}", required=True),
    Field("key", PLACE, "同一个值的消息按到达次序送达（患者、就诊）",
          "messages of one value arrive in order (patient, visit)", "hl7.PID_3_1"),
    Field("patient", PLACE, "患者编号在哪里（查找用）", "where the patient's number is, for search", "hl7.PID_3_1"),
    Field("visit", PLACE, "就诊号在哪里（查找用）", "where the visit's number is, for search", "hl7.PV1_19"),
    Field("when", Text(), "收取条件（CEL 或 let 的名称）；不符合的存档不发",
          "a condition; what fails it is kept, not sent", "has(hl7.PV1_2) && hl7.PV1_2 == 'O'"),
    Field("to", MapOf(Nested(RECEIVER, Receiver.of), WORD, 1), "送给谁，一行一方", "who gets it, one row each",
          "{emr: {to: emr, op: post, send: adt_event, wait: 5s}}", required=True),
    Field("retry", Nested(RETRY), "没有送达时怎样重发", "what happens when it is not delivered",
          "{refused: {tries: 1}}"),
    Field("dead", Choice(("go_on", "hold")), "死信之后，同一次序的后续消息：继续，或停下等人",
          "behind a dead letter the same lane goes on, or holds for a person", "go_on", default="go_on"),
    Field("hears", ListOf(Nested(HEARS, Hear.of)), "接收方事后的状态报告（送达、未送达）：at、party、fact",
          "what a receiver reports later (delivered or not): at, party, fact",
          "[{event: reported, at: sms_callback, party: sms, fact: sms_report_fact}]", default=()),
    Field("spread", YES, "可由多个进程分担（每个连接内保持次序）",
          "several processes share it (order kept per connection)", "yes", default="no"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeliverFile:
    """What a channel file of kind deliver says beside its name. `retry` by class of failure."""

    listen: TakesIn
    key: Word | None
    patient: Word | None
    visit: Word | None
    when: Word | None
    to: Mapping[str, Receiver]
    retry: Mapping[str, Tries]
    dead: str
    spread: bool

    @staticmethod
    def of(record: Record) -> DeliverFile:
        retry: Record | None = record["retry"]
        rules = {name: retry[name] for name in CLASSES} if retry is not None else {name: Tries() for name in CLASSES}
        if retry is None:
            rules["refused"] = ONCE
        return DeliverFile(
            record["listen"], record["key"], record["patient"], record["visit"], record["when"], record["to"], rules,
            str(record["dead"]), record["spread"] == "yes",
        )  # fmt: skip
