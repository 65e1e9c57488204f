"""A channel file: one business flow. Read here into rows with their places; compiled in engine/site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.config.channel_deliver import DELIVER_FIELDS, DeliverFile
from engine.config.channel_every import EVERY_FIELDS, Bills, Deed, Statement
from engine.config.channel_hl7 import HL7, Hl7Rows
from engine.config.channel_rows import (
    CALL_ROW,
    END_ROW,
    EVERY,
    HEARS,
    LISTEN,
    STEPS,
    CallRow,
    EndRow,
    Every,
    Hear,
    Listen,
    StepRow,
    StepType,
)  # fmt: skip
from engine.config.channel_soap import SOAP, SoapRows
from engine.config.problems import Mark, nearest, problem
from engine.config.spec import Field, Found, ListOf, MapOf, Nested, Record, Spec, Word, names_in
from engine.config.tree import Map, Node
from engine.config.types import CALL, LINES, WORD, Choice, Text

KINDS = ("answer", "settle", "every", "deliver")

SETTLE = Spec(
    "settle", "结算步骤", "the steps",
    (
        Field("steps", ListOf(StepType(), 1), "各步骤，按顺序；失败时按相反顺序撤销", "in order; undone in reverse",
              "[{do: his.bill}]", required=True),
        Field("final", ListOf(StepType()), "款项已动、各方一致之后：只进不退",
              "once money has moved and all agree: only forward",
              "[{do: einvoice.issue, ask: einvoice.find}]", default=()),
        Field("ends", ListOf(Nested(END_ROW, EndRow.of)), "没有成立、退回时转交给谁：与结局同一事务存盘，各一次",
              "who is told when it does not stand or goes back: stored in the transaction of that end, once each",
              "[{tell: sms_back, at: [undone, refunded, late]}]", default=()),
    ),
)  # fmt: skip

_NAMED = (
    Field("channel", WORD, "通道名，与文件名一致", "its name, the same as the file's", "outpatient_settlement",
          required=True),
    Field("kind", Choice(KINDS), "通道种类", "its kind", "settle", required=True),
    Field("title", Text(), "给人看的名称", "its name for people", "门诊结算", required=True),
    Field("let", MapOf(Text(), WORD), "条件的名称", "conditions by name",
          "{insured: \"request.pay_identity == 'insured'\"}",
          default={}),
)  # fmt: skip
_COMMON = (
    *_NAMED,
    Field("calls", MapOf(Nested(CALL_ROW, CallRow.of), CALL, 1), "与外部系统的每一种往来，一行一个",
          "every talk with an outside party, one row each",
          "{his.bill: {to: his, op: query, send: his_bill_query, read: his_bill, wait: 5s, repeats: freely}}",
          required=True),
)  # fmt: skip
_LISTEN = Field("listen", Nested(LISTEN, Listen.of), "从哪里收到请求", "where requests come in",
                "{at: api, request: GET /v1/outpatient/bills}", required=True)  # fmt: skip
_ANSWERS = Field("answers", WORD, "应答映射", "the map of the answer", "outpatient_answer")

CHANNELS: Mapping[str, Spec] = {
    "answer": Spec(
        "answer", "查询通道", "a channel of kind answer",
        (*_COMMON, _LISTEN, _ANSWERS,
         Field("call", CALL, "调用哪一行", "the call it makes", "his.bills", required=True)),
    ),
    "settle": Spec(
        "settle", "结算通道", "a channel of kind settle",
        (*_COMMON, _LISTEN, _ANSWERS,
         Field("amounts", WORD, "金额映射：total fund account relief other cash（分）",
               "the map of the amounts: total fund account relief other cash, in fen", "outpatient_due"),
         Field("lines", LINES, "账单明细行号在哪里（退费时核对是否整单）",
               "where the bill's line numbers are: a refund that names lines must name them all",
               "his.bill.items[].line_no"),
         Field("settle", Nested(SETTLE), "步骤", "the steps", "{steps: [{do: his.bill}]}", required=True),
         Field("hl7", Nested(HL7, Hl7Rows.of), "HIS 以 HL7（MLLP）办理", "how a HIS settles by HL7 over MLLP",
               "{at: hl7, message: DFT^P03, profile: settlement, action: ZJS_1, asks: […], answer: hl7_answer}"),
         Field("soap", Nested(SOAP, SoapRows.of), "HIS 以 SOAP 办理", "how a HIS settles by SOAP",
               "{at: api, path: /soap/insurance}"),
         Field("hears", ListOf(Nested(HEARS, Hear.of)), "等待的事件", "events it hears",
               "[{event: paid, at: wechat_callback, party: wechat, fact: wechat_paid_fact}]", default=())),
    ),
    "every": Spec(
        "every", "定时通道", "a channel of kind every",
        (*_NAMED,
         Field("every", Nested(EVERY, Every.of), "什么时候", "when", '{at: "00:05"}', required=True),
         *EVERY_FIELDS),
    ),
    "deliver": Spec("deliver", "转发通道", "a channel of kind deliver", (*_NAMED, *DELIVER_FIELDS)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChannelFile:
    """One channel as written. Parts that its kind does not have are empty. `written`: the names of all calls, also of
    those that could not be read."""

    name: Word
    kind: str
    title: str
    file: str
    mark: Mark
    let: Mapping[str, Word]
    calls: Mapping[str, CallRow]
    listen: Listen | None
    answers: Word | None
    amounts: Word | None
    lines: Word | None
    hl7: Hl7Rows | None
    soap: SoapRows | None
    steps: tuple[StepRow, ...]
    final: tuple[StepRow, ...]
    hears: tuple[Hear, ...]
    call: Word | None
    every: Every | None
    deeds: tuple[Deed, ...]
    keep: str
    written: frozenset[str]
    deliver: DeliverFile | None = None
    statement: Statement | None = None
    bills: Bills | None = None
    tables: Mapping[str, Word] = field(default_factory=dict)
    ends: tuple[EndRow, ...] = ()

    @property
    def do(self) -> tuple[Word, ...]:
        """The calls of `deeds`."""
        return tuple(deed.call for deed in self.deeds)


def read_channel(node: Node, file: str, stem: str, found: Found) -> ChannelFile | None:
    """The channel of a file's tree; None when something required is missing or unreadable (noted in `found`)."""
    spec = _spec_of(node, file, found)
    if spec is None:
        return None
    record = spec.read(node, file, found)
    if record is None:
        return None
    if record["channel"] != stem:
        found.append(problem("E215", record.at("channel"), name=record["channel"], file_name=stem))
    if spec.name == "every" and not _works(node, record, found):
        return None
    return _channel(record, file, names_in(node, "to" if spec.name == "deliver" else "calls"))


def _works(node: Node, record: Record, found: Found) -> bool:
    """A timed channel makes calls, or compares bills: one of them, and not both. False: nothing of it can be used."""
    given = [name for name in ("calls", "do", "statement") if isinstance(node, Map) and node.get(name) is not None]
    if record["bills"] is not None:
        if given:
            found.append(problem("E216", record.at("bills"), one="bills", other=given[0]))
        return True
    for name, example in (("calls", "{nhsa.sign_in: {to: nhsa, …}}"), ("do", "[nhsa.sign_in]")):
        if name not in given:
            found.append(problem("E202", record.mark, name=name, zh="定时通道", en="a channel of kind every",
                                 example=example))  # fmt: skip
    return bool(record["calls"] and record["do"])


def _spec_of(node: Node, file: str, found: Found) -> Spec | None:
    if not isinstance(node, Map):
        found.append(problem("E203", node.mark, what=file, what_en=file, zh="名称: 值 的映射",
                             en="a mapping of names to values"))  # fmt: skip
        return None
    kind = node.get("kind")
    if kind is None:
        for key, _ in node.entries:
            if nearest(key.text, ("kind",)):
                found.append(problem("E201", key.mark, name=key.text, zh="通道", en="a channel", hint="kind"))
                return None
        found.append(problem("E202", node.mark, name="kind", zh="通道", en="a channel", example="settle"))
        return None
    word = Choice(KINDS).read(kind, "kind", found)
    if word is None:
        return None
    spec = CHANNELS[word]
    own = {field.name for field in spec.fields}
    elsewhere = {field.name for other in CHANNELS.values() for field in other.fields} - own
    for key, _ in node.entries:
        if key.text in elsewhere:
            found.append(problem("E219", key.mark, kind=word, name=key.text))
    kept = tuple(entry for entry in node.entries if entry[0].text not in elsewhere)
    if len(kept) != len(node.entries):
        Spec(spec.name, spec.zh, spec.en, spec.fields).read(Map(kept, node.mark), file, found)
        return None
    return spec


def _channel(record: Record, file: str, written: frozenset[str]) -> ChannelFile:
    def part(name: str, default: Any = None) -> Any:
        return record.values.get(name, default)

    settle: Record | None = part("settle")
    deliver = DeliverFile.of(record) if record["kind"] == "deliver" else None
    calls = record["calls"] if deliver is None else {name: row.call for name, row in deliver.to.items()}
    return ChannelFile(
        name=record["channel"],
        kind=record["kind"],
        title=record["title"],
        file=file,
        mark=record.mark,
        let=record["let"],
        calls={name: row.named(name) for name, row in calls.items()},
        listen=None if deliver else part("listen"),
        answers=part("answers"),
        amounts=part("amounts"),
        lines=part("lines"),
        hl7=part("hl7"),
        soap=part("soap"),
        steps=settle["steps"] if settle else (),
        final=settle["final"] if settle else (),
        ends=settle["ends"] if settle else (),
        hears=part("hears", ()),
        call=part("call"),
        every=part("every"),
        deeds=part("do", ()),
        keep=part("keep") or "",
        written=written,
        deliver=deliver,
        statement=part("statement"),
        bills=part("bills"),
        tables=part("tables") or {},
    )


def step_help() -> Mapping[str, Spec]:
    """The specs of the rows of `steps`, by their verb."""
    return STEPS
