"""The rows of a channel: a call, a step, an event, a door, a time. Each spec stands beside what it is read as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.config.problems import Mark, nearest, problem
from engine.config.spec import NOWHERE, Field, Found, ListOf, Record, Spec, Word, mark_of
from engine.config.tree import Map, Node
from engine.config.types import CALL, PATH, WORD, Choice, Duration, Request, Route, Text, TimeOfDay

REPEATS = ("freely", "same_number", "never")
ANSWER_STATES = ("working", "quoted", "paying")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a channel's requests come in. Seconds."""

    at: Word
    request: Route
    schema: Word | None
    once_by: tuple[Word, ...]
    one_live: Word | None
    answer_within: float
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)
    marks: Mapping[str, Mark] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Listen:
        return Listen(
            record["at"], record["request"], record["schema"], record["once_by"], record["one_live"],
            record["answer_within"], record.mark, record.marks,
        )  # fmt: skip


LISTEN = Spec(
    "listen", "收到请求", "listen",
    (
        Field("at", WORD, "engine.yaml 中的监听", "a listener of engine.yaml", "api", required=True),
        Field("request", Request(), "方法与路径", "method and path", "POST /v1/outpatient/settlements", required=True),
        Field("schema", WORD, "请求的 JSON Schema", "schema of the request", "outpatient_settlement"),
        Field("once_by", ListOf(PATH, 1), "同一请求的判定字段：内容相同则同一应答",
              "what makes two requests the same one",
              "[client, request_no]", default=()),
        Field("one_live", PATH, "同一时间只允许一笔的数据（单据）", "of what only one may be open at a time",
              "request.bills"),
        Field("answer_within", Duration(), "最迟多久应答", "the answer comes within", "40s", default=40.0),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallRow:
    """One talk with an outside party. `wait` in seconds. An inquiry has `fact`, any other call `repeats`."""

    name: Word
    to: Word
    op: Word
    send: Word | None
    read: Word | None
    fact: Word | None
    ask: Word | None
    amount: Word | None
    repeats: Word | None
    wait: float
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)
    marks: Mapping[str, Mark] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> CallRow:
        row = CallRow(
            Word("", record.mark), record["to"], record["op"], record["send"], record["read"], record["fact"],
            record["ask"], record["amount"], record["repeats"], record["wait"], record.mark, record.marks,
        )  # fmt: skip
        if row.fact and row.read:
            found.append(problem("E216", record.at("read"), one="fact", other="read"))
        return row

    def named(self, name: str) -> CallRow:
        """The row with its name and the name's place."""
        return replace(self, name=Word(name, mark_of(name)))

    @property
    def maps(self) -> tuple[Word, ...]:
        """The maps it names."""
        return tuple(word for word in (self.send, self.read, self.fact) if word is not None)


CALL_ROW = Spec(
    "call", "调用", "a call",
    (
        Field("to", WORD, "engine.yaml 中的外部系统", "a party of engine.yaml", "his", required=True),
        Field("op", Text(), "对方的交易或接口", "the party's operation", "2207A", required=True),
        Field("send", WORD, "请求映射", "the map of the request", "nhsa_2207"),
        Field("read", WORD, "应答映射", "the map of the reply", "nhsa_setl"),
        Field("fact", WORD, "查询结果映射（只用于查询）", "the map of what an inquiry found", "nhsa_5203_fact"),
        Field("ask", CALL, "结果不明时用哪个调用查询（用作撤销的调用）", "how to find out, for calls that undo",
              "pay.refund_query"),
        Field("amount", PATH, "这次调用涉及的金额（分）", "the amount it is about, in fen", "due.cash"),
        Field("repeats", Choice(REPEATS), "没有收到应答时能否重发", "whether it may be sent again after silence",
              "same_number"),
        Field("wait", Duration(), "等待应答多久", "how long it waits", "20s", required=True),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StepRow:
    """One row of `steps` or `final`; `verb` is do, check, work, await, tell or observe, `name` what stands behind."""

    verb: str
    name: Word
    values: Mapping[str, Any]
    mark: Mark
    marks: Mapping[str, Mark]

    def word(self, key: str) -> Word | None:
        """The text of a field, or None."""
        value = self.values.get(key)
        return value if isinstance(value, Word) else None

    @property
    def maps(self) -> tuple[Word, ...]:
        """The maps it names."""
        if self.verb == "check":
            return tuple(self.values["check"])
        found = self.word("map")
        return () if found is None else (found,)

    @property
    def within(self) -> float:
        """Seconds; 0 when it does not say."""
        return float(self.values.get("within") or 0.0)


_AGAIN = Field("again", WORD, "不符时回到哪个等待另选（之后还没有改动外部时）",
               "the await it leads back to when it refuses, while nothing was changed for the choice", "pay_choice")
_IF = Field("if", Text(), "条件（CEL 或 let 的名称）", "a condition (CEL, or a name of let)", "insured")
_MAP = Field("map", WORD, "运行哪个映射", "the map it runs", "outpatient_due")

STEPS: Mapping[str, Spec] = {
    "do": Spec(
        "do", "调用步骤", "a do step",
        (
            Field("do", CALL, "调用哪一行", "the call it makes", "nhsa.settle", required=True),
            Field("ask", CALL, "结果不明时用哪个调用查询", "the inquiry that finds out what happened", "nhsa.settled"),
            Field("stop", CALL, "用哪个调用使在途请求不再生效", "the call after which it can no longer take effect",
                  "nhsa.reverse"),
            Field("undo", CALL, "用哪个调用撤销", "the call that undoes it", "nhsa.cancel"),
            Field("undone", Choice(("first",)), "已结算的单据退回时最先撤销它：对方不让退，其余各方都还没有动",
                  "when a settled bill goes back it is undone before all others: where its party refuses, nothing else "
                  "has been touched", "first"),
            Field("again", WORD, "被拒绝时回到哪个等待", "the await it returns to when refused", "pay_choice"),
            Field("refused", Choice(("go_on",)), "确定没有办成时：不撤销，继续办理后面的步骤（应付由 work 另算）",
                  "once it is known not to have happened: nothing is undone, the steps behind it go on (a work step "
                  "counts what is due then)", "go_on"),
            Field("answer", Choice(ANSWER_STATES), "进行中时的应答状态", "the state answered meanwhile", "paying"),
            Field("for_each", PATH, "对哪个列表逐项执行", "the list it is done for, item by item", "batches.rows"),
            Field("as", WORD, "每一项的名称", "the name of the item", "batch"),
            Field("gather", WORD, "把每一项的读取结果依次收成列表，供后面的映射用", "the list of what each item's "
                  "read map made, in their order, for maps behind it", "vouchers"),
            Field("must_equal", CALL, "金额必须与哪个调用一致", "the call whose amounts it must equal", "nhsa.quote"),
            Field("within", Duration(), "结果不明最多等多久", "how long it may stay unsure", "30s"),
            _IF,
        ),
    ),
    "check": Spec(
        "check", "检查步骤", "a check step",
        (Field("check", ListOf(WORD, 1), "检查映射；紧跟在 await 之后的先于受理检查：不符则不受理（409），仍可另选",
               "maps with checks; those right behind an await are asked before the event is taken: what does not apply "
               "is refused (409), another may come", "[nhsa_rules]", required=True), _AGAIN, _IF),
    ),
    "work": Spec(
        "work", "计算步骤", "a work step",
        (Field("work", WORD, "结果的名称", "the name of its result", "due", required=True), _MAP, _AGAIN, _IF),
    ),
    "await": Spec(
        "await", "等待步骤", "an await step",
        (
            Field("await", WORD, "等待哪个事件", "the event it waits for", "pay_choice", required=True),
            Field("answer", Choice(ANSWER_STATES), "等待时的应答状态", "the state answered meanwhile", "quoted"),
            Field("within", Duration(), "最多等多久", "how long it waits", "5m", required=True),
            Field("without_step", ListOf(WORD), "哪些支付方式没有自己的付款步骤（由终端或窗口收，或已由检查保证付清）",
                  "the kinds of paying without a step of their own: a terminal or desk collects, or a check makes sure",
                  "[cash]",
                  default=()),
            _IF,
        ),
    ),
    "tell": Spec(
        "tell", "转交步骤", "a tell step",
        (
            Field("tell", WORD, "转交给哪个 deliver 通道", "the deliver channel it hands a message to", "dft_p03",
                  required=True),
            _IF,
        ),
    ),
    "observe": Spec(
        "observe", "旁观步骤", "an observe step",
        (
            Field("observe", CALL, "别人完成的一笔的名称", "the name of a leg another party carried",
                  "nhsa.settled_by_his",
                  required=True),
            Field("by", CALL, "在我方哪个调用里办成的", "our call inside which it was carried", "his.settle",
                  required=True),
            Field("party", WORD, "由 engine.yaml 中哪个外部系统记账", "the party whose ledger has it", "nhsa",
                  required=True),
            Field("map", WORD, "运行哪个映射", "the map it runs", "nhsa_seen", required=True),
            Field("undo", CALL, "用我方哪个调用撤销（不写：撤销 by 时由对方一并撤销）",
                  "our call that undoes it (none: undoing `by` takes it back)", "mobile.back"),
            _IF,
        ),
    ),
}  # fmt: skip


ENDS = ("undone", "refunded", "rejected", "late")


@dataclass(frozen=True, slots=True)
class EndRow:
    """One row of `ends`: the deliver channel that is told, and of which ends."""

    tell: Word
    at: tuple[Word, ...]
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> EndRow:
        return EndRow(record["tell"], record["at"], record.mark)


END_ROW = Spec(
    "end", "结束时的告知", "a row of ends",
    (
        Field("tell", WORD, "转交给哪个 deliver 通道", "the deliver channel it hands a message to", "sms_back",
              required=True),
        Field("at", ListOf(Choice(ENDS), 1),
              "哪些结局：undone 没有成立、已全部撤销，refunded 成立之后全部退回，rejected 在收款之前被拒绝，"
              "late 不作数的款项已退回（每笔一次）",
              "of which ends: undone (it never stood, everything was taken back), refunded (it stood and was taken "
              "back), rejected (refused before money was asked for), late (money that counted no more was given back, "
              "once each)", "[undone, refunded, late]", required=True),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StepType:
    """One row of `steps`: its verb decides which fields it has."""

    zh: str = "一行步骤"
    en: str = "a row with one verb"

    def read(self, node: Node, what: str, found: Found) -> StepRow | None:
        if not isinstance(node, Map):
            found.append(problem("E203", node.mark, what=what, what_en=what, zh="{动词: …}", en="{verb: …}"))
            return None
        verb = next((name for name in node.names() if name in STEPS), None)
        if verb is None:
            first = node.entries[0][0] if node.entries else None
            hint = nearest(first.text, STEPS) if first else ""
            where = first.mark if first else node.mark
            found.append(problem("E217", where, choices=", ".join(STEPS), hint=hint))
            return None
        record = STEPS[verb].read(node, verb, found)
        if record is None:
            return None
        if record.values.get("for_each") and not record.values.get("as"):
            found.append(problem("E202", record.at("for_each"), name="as", zh="for_each 步骤", en="a for_each step",
                                 example="batch"))  # fmt: skip
            return None
        if record.values.get("gather") and not record.values.get("for_each"):
            found.append(problem("E202", record.at("gather"), name="for_each", zh="gather 步骤",
                                 en="a step that gathers", example="batches.rows"))  # fmt: skip
        value = record[verb]
        name = value if isinstance(value, Word) else Word(f"check_{'_'.join(value)}", record.at(verb))
        return StepRow(verb, name, record.values, record.mark, record.marks)

    def schema(self) -> dict[str, Any]:
        return {"oneOf": [spec.schema() for spec in STEPS.values()]}


@dataclass(frozen=True, slots=True)
class Hear:
    """An event from outside: a request of the terminal (`request`), or a party's callback (`at`, `party`, `fact`). A
    terminal's request with a `fact` tells what became of one of our numbers. `used_once`: what it names (the slip of a
    card terminal) may be named once, by whichever settlement."""

    event: Word
    request: Route | None
    schema: Word | None
    once_by: tuple[Word, ...]
    at: Word | None
    party: Word | None
    fact: Word | None
    used_once: tuple[Word, ...] = ()
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)
    marks: Mapping[str, Mark] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Hear | None:
        names = ("at", "party", "fact")
        given = [name for name in names if record[name] is not None]
        if record["request"] is None and not given:
            found.append(problem("E218", record.mark, choices="request, at + party + fact"))
            return None
        if record["request"] is not None and "party" in given:
            found.append(problem("E216", record.at("party"), one="request", other="party"))
            return None
        if record["request"] is None:
            for name in names:
                if name not in given:
                    found.append(problem("E202", record.mark, name=name, zh="回调事件", en="a callback event",
                                         example=_EXAMPLE[name]))  # fmt: skip
            if len(given) < len(names):
                return None
        return Hear(
            record["event"], record["request"], record["schema"], record["once_by"], record["at"],
            record["party"], record["fact"], record["used_once"], record.mark, record.marks,
        )  # fmt: skip


_EXAMPLE = {"at": "wechat_callback", "party": "wechat", "fact": "wechat_paid_fact"}
HEARS = Spec(
    "hears", "事件", "an event",
    (
        Field("event", WORD, "事件名称", "its name", "pay_choice", required=True),
        Field("request", Request(), "终端的请求", "the terminal's request", "POST /v1/settlements/{no}/pay"),
        Field("schema", WORD, "请求的 JSON Schema", "schema of the request", "pay_choice"),
        Field("once_by", ListOf(PATH, 1), "同一请求的判定字段", "what makes two requests the same one",
              "[no, choice_no]",
              default=()),
        Field("at", WORD, "回调的监听", "the listener of the callback", "wechat_callback"),
        Field("party", WORD, "哪个外部系统发来", "the party that sends it", "wechat"),
        Field("fact", WORD, "结果映射", "the map of what it says of our number", "wechat_paid_fact"),
        Field("used_once", ListOf(PATH, 1), "所写凭据（如刷卡小票）在所有结算中只能用一次",
              "what it names (a card slip) counts once in all settlements", "[proof.terminal, proof.trace]",
              default=()),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Every:
    """When a timed channel runs: at a time of day, or once per period from a time on. Seconds after midnight."""

    at: int | None
    period: str
    start: int | None
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Every | None:
        if record["at"] is not None and record["period"] is not None:
            found.append(problem("E216", record.at("period"), one="at", other="period"))
            return None
        if "at" not in record.marks and "period" not in record.marks:
            found.append(problem("E218", record.mark, choices="at, period"))
            return None
        return Every(record["at"], record["period"] or "day", record["from"], record.mark)

    @property
    def seconds(self) -> int:
        """When its day begins, seconds after midnight in Beijing."""
        return self.at if self.at is not None else self.start or 0


EVERY = Spec(
    "every", "时间", "every",
    (
        Field("at", TimeOfDay(), "每天什么时刻（北京时间）", "the time of day, Beijing", '"00:05"'),
        Field("period", Choice(("day",)), "每个周期一次", "once per period", "day"),
        Field("from", TimeOfDay(), "周期从什么时刻起", "the time the period begins", '"00:05"'),
    ),
)  # fmt: skip
