"""A channel's test file (`channels/NAME.test.yaml`): conversations in which the parties are scripted.

Payloads are written as in JSON: quoted is text, plain numbers are numbers, `true`, `false` and `null` are themselves,
so that a captured reply can be pasted. `$number`, `$body.PATH`, `$CALL.number` and `$CALL.body.PATH` stand for what
the engine has sent: in this call, or in the last call of that name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import engine.conversation_codes  # noqa: F401 - declares the codes used here
from engine.config.problems import Mark, nearest, problem
from engine.config.spec import Field, Found, ListOf, MapOf, Nested, Record, Spec, Word, text_of
from engine.config.tree import Map, Node, Scalar, Seq
from engine.config.types import IDENT, WORD, Choice, Count, Duration, Name, Text
from engine.core.times import instant_of

Tree = Any
FOREVER = 1_000_000
CALL = Name("调用名或接收方", "a call's or receiver's name", r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*",
            "例如 his.bill，或 deliver 通道的 emr", "such as his.bill, or emr of a deliver channel")  # fmt: skip
TIME = "%Y-%m-%d %H:%M:%S"
_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,12}", re.ASCII)
_WORDS: Mapping[str, Tree] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Json:
    """A value as JSON has it: quoted text stays text, plain numbers, true, false and null are themselves."""

    zh: str = "JSON 值"
    en: str = "a JSON value"

    def read(self, node: Node, what: str, found: Found) -> Tree:
        return Value(json_of(node))

    def schema(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class Value:
    """A JSON value that was written; `tree` may be None, which is not the same as nothing written."""

    tree: Tree


def json_of(node: Node) -> Tree:
    """The tree of a node, typed as in JSON."""
    match node:
        case Map():
            return {key.text: json_of(value) for key, value in node.entries}
        case Seq():
            return [json_of(item) for item in node.items]
        case Scalar(quoted=True):
            return node.text
    if node.text in _WORDS:
        return _WORDS[node.text]
    if _INT.fullmatch(node.text):
        return int(node.text)
    return Decimal(node.text) if _DECIMAL.fullmatch(node.text) else node.text


@dataclass(frozen=True, slots=True)
class Instant:
    """Beijing wall time; read as unix seconds."""

    zh: str = "时间"
    en: str = "a time"

    def read(self, node: Node, what: str, found: Found) -> float | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        try:
            return instant_of(scalar.text, TIME)
        except ValueError:
            found.append(problem("E904", scalar.mark, text=scalar.text))
            return None

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call gets, `times` times. `kind`: answers, silent, down or forgets. Without `body` and `code` the usual
    body counts, with `change` made to it. `after`: seconds until it comes."""

    call: Word
    kind: str
    mark: Mark
    code: str | None = None
    text: str = ""
    body: Value | None = None
    change: Mapping[str, Value] = field(default_factory=dict)
    times: int = 1
    after: float = 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a conversation. `who` is a party's name, or the first part of its calls' names."""

    kind: str
    mark: Mark
    value: Any = None
    who: str = ""


@dataclass(frozen=True, slots=True)
class Expect:
    """What must be so now; parts that were not written are not looked at."""

    mark: Mark
    values: Mapping[str, Any]
    marks: Mapping[str, Mark]


@dataclass(frozen=True, slots=True)
class Conversation:
    """One test, told step by step."""

    name: str
    mark: Mark
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class TestFile:
    """A whole file. `answers`: what each call gets when a conversation says nothing else."""

    __test__ = False  # pytest, this is not yours

    channel: Word
    at: float
    client: str
    request: Tree
    answers: Mapping[str, Reply]
    conversations: tuple[Conversation, ...]


_REPLY_FIELDS = (
    Field("code", Text(), "对方的代码；不写即为成功", "the party's code; success when left out", "BILL_LOCKED"),
    Field("text", Text(), "对方的文字", "the party's words", "账单正在其他终端结算", default=""),
    Field("body", Json(), "对方的应答内容（已解码）", "the decoded payload", "{receiptNo: R1}"),
    Field("change", MapOf(Json(), Text()), "与平时应答不同之处：路径: 值", "what differs from the usual body, by path",
          "{diagnoses: []}", default={}),
    Field("times", Count(1, FOREVER), "用几次", "how many times", "2", default=1),
    Field("after", Duration(), "多久之后应答", "how long it takes", "5s", default=0.1),
)  # fmt: skip
USUAL = Spec("answers", "平时的应答", "the usual answer", _REPLY_FIELDS)
_CALL_FIELD = Field("call", CALL, "哪个调用", "which call", "his.lock", required=True)
REPLY = Spec("reply", "一次应答", "an answer", (_CALL_FIELD, *_REPLY_FIELDS))
MISSING = Spec("missing", "没有应答", "no answer", (
    _CALL_FIELD, Field("times", Count(1, FOREVER), "几次", "how many times", "2", default=1),
))  # fmt: skip
CALLBACK = Spec("callback", "对方的通知", "a callback", (
    Field("kind", Text(), "通知的种类", "its kind", "TRANSACTION.SUCCESS", required=True),
    Field("body", Json(), "通知内容（已解密）", "the decoded payload", "{out_trade_no: $pay.qr.number}", required=True),
))  # fmt: skip
EXPECT = Spec("expect", "预期", "an expectation", (
    Field("state", Text(), "结算状态", "the state", "settled"),
    Field("status", Count(100, 599), "HTTP 状态码", "the HTTP status", "409"),
    Field("amounts", MapOf(Json(), WORD), "金额（分）", "amounts in fen", "{cash: 107500}"),
    Field("reason", Text(), "原因代码", "the reason's code", "E-NOT-SIGNED"),
    Field("side", Text(), "原因属于哪一方", "whose side the reason is", "patient"),
    Field("answer", MapOf(Json(), Text()), "应答中的其他值，按路径", "other values of the answer, by path",
          "{numbers.his: R1}"),
    Field("calls", ListOf(Text()), "上次核对以来的调用，按顺序；加号表示一次或多次",
          "the calls since the last look, in order; a plus sign: once or more", "[his.bill, pay.query+]"),
    Field("never", ListOf(CALL), "整个对话中没有发生的调用", "calls that were never made", "[nhsa.settle]"),
    Field("bodies", MapOf(MapOf(Json(), Text()), CALL), "最近一次请求的内容，按路径",
          "what the last request of a call carried, by path", "{his.settle: {amount: 120000}}"),
    Field("told", ListOf(WORD), "至今听到这笔结算的 deliver 通道，按顺序（被 when 排除的不算）",
          "the deliver channels that were told so far, in order (not those whose `when` left it out)", "[sms_back]"),
    Field("tasks", ListOf(WORD), "留给人工的任务", "tasks left for a person", "[undo_refused]"),
))  # fmt: skip
_WAYS = {"answers": "answers", "is silent": "silent", "is down": "down", "forgets us": "forgets"}
_ACTIONS = ("settle", "pay", "cancel", "refund", "returned", "show", "ask", "send", "hand")
_WRITTEN = ("kiosk says", "WHO answers", "WHO is silent", "WHO is down", "WHO forgets us", "WHO calls back", "wait",
            "wait until", "restart", "expect")  # fmt: skip


def _expect(record: Record, found: Found) -> Expect:
    return Expect(record.mark, {name: record[name] for name in record.marks}, record.marks)


@dataclass(frozen=True, slots=True)
class StepType:
    """One step: a mapping of one line, such as `kiosk says: settle`."""

    zh: str = "对话的一步"
    en: str = "a step of a conversation"

    def read(self, node: Node, what: str, found: Found) -> Step | None:
        if not isinstance(node, Map) or len(node.entries) != 1:
            found.append(problem("E901", node.mark, words="、".join(_WRITTEN)))
            return None
        ((key, value),) = node.entries
        return _step(key, value, found)

    def schema(self) -> dict[str, Any]:
        said = {"anyOf": [{"enum": list(_ACTIONS)}, {
            "type": "object", "properties": {name: {} for name in _ACTIONS}, "additionalProperties": False,
            "minProperties": 1, "maxProperties": 1,
        }]}  # fmt: skip
        missing = {"anyOf": [CALL.schema(), MISSING.schema()]}
        return {
            "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False,
            "properties": {
                "kiosk says": {"description": "终端的请求 · what the terminal asks", **said},
                "wait": {"description": "等待 · wait", **Duration().schema()},
                "wait until": {"description": "等到 · wait until", **Instant().schema()},
                "restart": {"description": "引擎重启 · the engine starts anew"},
                "expect": EXPECT.schema(),
            },
            "patternProperties": {
                r"^\S+ answers$": REPLY.schema(), r"^\S+ is silent$": missing, r"^\S+ is down$": missing,
                r"^\S+ forgets us$": missing, r"^\S+ calls back$": CALLBACK.schema(),
            },
        }  # fmt: skip


def _step(key: Scalar, value: Node, found: Found) -> Step | None:
    if key.text == "kiosk says":
        said = _said(value, found)
        return None if said is None else Step("says", key.mark, said)
    if key.text in ("wait", "wait until"):
        reader: Any = Duration() if key.text == "wait" else Instant()
        read = reader.read(value, key.text, found)
        return None if read is None else Step(key.text, key.mark, read)
    if key.text == "restart":
        return Step("restart", key.mark)
    if key.text == "expect":
        expect = Nested(EXPECT, _expect).read(value, key.text, found)
        return None if expect is None else Step("expect", key.mark, expect)
    who, _, deed = key.text.partition(" ")
    if deed == "calls back":
        record = CALLBACK.read(value, key.text, found)
        return None if record is None else Step("callback", key.mark, (str(record["kind"]), record["body"].tree), who)
    if deed in _WAYS:
        reply = _reply(_WAYS[deed], value, key, found)
        return None if reply is None else Step("script", key.mark, reply, who)
    found.append(problem("E901", key.mark, words="、".join(_WRITTEN), hint=nearest(key.text, _WRITTEN)))
    return None


def _said(value: Node, found: Found) -> tuple[str, Tree] | None:
    """(action, body): `settle`, or `{pay: {kind: cash}}`."""
    body: Tree = {}
    action = value
    if isinstance(value, Map) and len(value.entries) == 1:
        action, body = value.entries[0][0], json_of(value.entries[0][1])
    read = Choice(_ACTIONS).read(action, "kiosk says", found)
    return None if read is None else (str(read), body)


def _reply(kind: str, value: Node, key: Scalar, found: Found) -> Reply | None:
    if kind == "answers":
        record = REPLY.read(value, key.text, found)
        return None if record is None else _made(kind, record["call"], record, key.mark)
    if isinstance(value, Scalar):
        call = CALL.read(value, key.text, found)
        return None if call is None else Reply(call, kind, key.mark)
    record = MISSING.read(value, key.text, found)
    return None if record is None else Reply(record["call"], kind, key.mark, times=record["times"])


def _made(kind: str, call: Word, record: Record, mark: Mark, times: int = 0) -> Reply:
    code = None if record["code"] is None else str(record["code"])  # maps take plain texts only
    return Reply(
        call, kind, mark, code, str(record["text"]), record["body"], record["change"], times or record["times"],
        record["after"],
    )  # fmt: skip


def _conversation(record: Record, found: Found) -> Conversation:
    return Conversation(record["name"], record.mark, record["steps"])


CONVERSATION = Spec("conversation", "一个对话", "a conversation", (
    Field("name", Text(), "名称", "its name", "医保患者用付款码", required=True),
    Field("steps", ListOf(StepType(), 1), "各步", "its steps", "[{kiosk says: settle}]", required=True),
))  # fmt: skip
FILE = Spec("test", "对话测试", "a file of conversations", (
    Field("channel", WORD, "通道名", "the channel's name", "outpatient_settlement", required=True),
    Field("at", Instant(), "开始的时间", "when it begins", "2026-11-22 09:00:00",
          default=instant_of("2026-11-22 09:00:00", TIME)),
    Field("client", IDENT, "哪个客户端", "which client speaks", "K01", default=""),
    Field("request", Json(), "平时的请求", "the usual request", "{patient: P0001}", default=Value({})),
    Field("answers", MapOf(Nested(USUAL), CALL), "各方平时的应答", "what the parties usually answer",
          "{his.lock: {body: {lockNo: $number}}}", default={}),
    Field("conversations", ListOf(Nested(CONVERSATION, _conversation), 1), "各对话", "the conversations",
          "[{name: 一次成功, steps: [{kiosk says: settle}]}]", required=True),
))  # fmt: skip


def read_test(node: Node, channels: Mapping[str, Collection[str]], found: Found) -> TestFile | None:
    """The file of a tree; `channels`: the calls of each channel of the site. Problems are noted in `found`."""
    record = FILE.read(node, "", found)
    if record is None:
        return None
    channel: Word = record["channel"]
    if channel not in channels:
        found.append(problem("E903", channel.mark, name=channel, hint=nearest(channel, channels)))
        return None
    usual = {call: _made("answers", call, one, one.mark, FOREVER) for call, one in record["answers"].items()}
    made = TestFile(channel, record["at"], record["client"], record["request"].tree, usual, record["conversations"])
    _check_calls(made, channels[channel], found)
    return made


def _check_calls(made: TestFile, calls: Collection[str], found: Found) -> None:
    named: list[Word] = list(map(_word, made.answers))
    for conversation in made.conversations:
        for step in conversation.steps:
            if step.kind == "script":
                named.append(step.value.call)
            elif step.kind == "expect":
                values = step.value.values
                named += [*values.get("never", ()), *map(_word, values.get("bodies", {}))]
                named += [Word(call.rstrip("+"), call.mark) for call in values.get("calls", ())]
    for call in named:
        if call not in calls:
            found.append(problem("E902", call.mark, name=call, hint=nearest(call, calls)))


def _word(name: str) -> Word:
    assert isinstance(name, Word), "MapOf reads its keys as Words"
    return name
