"""A channel of kind every, as written: its calls in order, and what becomes of their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.config.channel_rows import CALL_ROW, CallRow
from engine.config.problems import Mark, problem
from engine.config.spec import NOWHERE, Field, Found, ListOf, MapOf, Nested, Record, Spec, Word
from engine.config.tree import Map, Node
from engine.config.types import CALL, PATH, WORD, Choice, Count, Text


@dataclass(frozen=True, slots=True)
class Deed:
    """One call of `do`, made when its condition holds (None: always); made again for the next `page` while `more`
    holds, the lists of its results joined."""

    call: Word
    condition: Word | None = None
    more: Word | None = None


_ROW = Spec(
    "do", "一个调用", "a call",
    (
        Field("do", CALL, "调用哪一行", "the call it makes", "nhsa.details", required=True),
        Field("if", Text(), "条件（CEL 或 let 的名称）", "a condition (CEL, or a name of let)",
              "nhsa.totals.result != '0'"),
        Field("more", Text(), "成立时再取下一页（page 加一），各页的列表接在一起",
              "while it holds the next page is asked for (page grows by one); the lists of all pages are joined",
              "einvoice.listed.count == 200"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeedType:
    """A call's name, or a row with the call and its condition."""

    zh: str = "调用名，或 {do: 调用名, if: 条件}"
    en: str = "a call, or {do: call, if: condition}"

    def read(self, node: Node, what: str, found: Found) -> Deed | None:
        if not isinstance(node, Map):
            call = CALL.read(node, what, found)
            return None if call is None else Deed(call)
        record = _ROW.read(node, what, found)
        return None if record is None else Deed(record["do"], record["if"], record["more"])

    def schema(self) -> dict[str, Any]:
        return {"oneOf": [CALL.schema(), _ROW.schema()]}


@dataclass(frozen=True, slots=True)
class Statement:
    """A day compared with a party: our settlements of that day, one row each, group by group. `settled`: the calls (or
    observed legs) that settle at the party; `row`: the map of one row; `groups`: those asked about on every day;
    `agreed`: the condition that nothing more is to be done. Who compares: the party (`differs`: where the rows that
    differ are found) or the engine (`theirs`: where the party's whole list is; `equal`: what must be the same in both
    rows of a number). `days`: so many days before are compared each time."""

    party: Word
    settled: tuple[Word, ...]
    row: Word
    groups: tuple[Mapping[str, Word], ...]
    agreed: Word
    differs: Word | None
    theirs: Word | None
    equal: tuple[Word, ...]
    days: int
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Statement:
        if record["differs"] is not None and record["theirs"] is not None:
            found.append(problem("E216", record.at("theirs"), one="differs", other="theirs"))
        elif record["differs"] is None and record["theirs"] is None:
            found.append(problem("E218", record.mark, choices="differs, theirs"))
        return Statement(
            record["party"], record["settled"], record["row"], record["groups"], record["agreed"], record["differs"],
            record["theirs"], record["equal"], record["days"], record.mark,
        )  # fmt: skip


STATEMENT = Spec(
    "statement", "对账", "a statement",
    (
        Field("party", WORD, "与 engine.yaml 中哪个外部系统对账", "the party of engine.yaml it is compared with",
              "nhsa", required=True),
        Field("settled", ListOf(CALL, 1), "哪些调用（或旁观步骤）在那里结算",
              "the calls (or observed legs) that settle there", "[nhsa.settle]", required=True),
        Field("row", WORD, "一笔结算的对账行", "the map of one settlement's row", "nhsa_statement_row", required=True),
        Field("groups", ListOf(MapOf(Text(), WORD)), "每天都要核对的分组（当天没有结算也核对）",
              "groups asked about on every day, also with no settlement",
              '[{insutype: "310", clr_type: "11", setl_optins: "370200"}]', default=()),
        Field("agreed", Text(), "什么情况算对平（CEL）", "the condition that both agree (CEL)",
              "nhsa.totals.result == '0'", required=True),
        Field("differs", PATH, "不平的明细行在哪里（由对方比较）",
              "where the rows that differ are (the party compares)", "nhsa.verdicts.rows"),
        Field("theirs", PATH, "对方当天的全部明细在哪里（由引擎按 number 比较）",
              "where the party's whole list of the day is (the engine compares by number)", "einvoice.listed.rows"),
        Field("equal", ListOf(WORD, 1), "同一号码的两行中必须一致的项",
              "what must be the same in both rows of a number", "[total, refunded]", default=("total",)),
        Field("days", Count(1, 31), "每次核对之前几天", "how many days before are compared each time", "3", default=1),
    ),
)  # fmt: skip

@dataclass(frozen=True, slots=True)
class Bills:
    """Payment platforms whose bills of yesterday are read and compared; each with the `days` before it, so that a
    payment and its refund of another day are seen together."""

    parties: tuple[Word, ...]
    days: int
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Bills:
        return Bills(record["parties"], record["days"], record.mark)


BILLS = Spec(
    "bills", "账单核对", "bills",
    (
        Field("parties", ListOf(WORD, 1), "engine.yaml 中哪些支付平台的账单",
              "the payment platforms of engine.yaml whose bills are read", "[wechat, alipay]", required=True),
        Field("days", Count(1, 31), "每次连同之前几天一起核对（付款与退款不在同一天时也看得全）",
              "how many days are looked at together, so that a payment and its refund of another day are both seen",
              "3", default=3),
    ),
)  # fmt: skip

EVERY_FIELDS = (
    Field("calls", MapOf(Nested(CALL_ROW, CallRow.of), CALL, 1), "与外部系统的每一种往来，一行一个",
          "every talk with an outside party, one row each",
          "{nhsa.sign_in: {to: nhsa, op: '9001', send: nhsa_9001, read: nhsa_session, wait: 20s, repeats: freely}}",
          default={}),
    Field("do", ListOf(DeedType(), 1), "依次调用", "the calls, in order", "[nhsa.sign_in]", default=()),
    Field("bills", Nested(BILLS, Bills.of), "核对支付平台前一日的账单（不写 calls 与 do）",
          "compare yesterday's bills of payment platforms (without calls and do)", "{parties: [wechat, alipay]}"),
    Field("keep", Choice(("session",)), "结果保存为签到会话", "keep the result as the party's session", "session"),
    Field("statement", Nested(STATEMENT, Statement.of), "按日对账：对每个分组依次调用",
          "compare each day's settlements with a party: the calls are made for each group",
          "{party: nhsa, settled: [nhsa.settle], row: nhsa_statement_row, agreed: …, differs: …}"),
    Field("tables", MapOf(PATH, WORD), "结果写入 var/tables 的码表文件：表名 → 数据行",
          "results kept as code table files in var/tables: name → rows",
          "{nhsa_1305: nhsa.items_file.rows}", default={}),
)  # fmt: skip
