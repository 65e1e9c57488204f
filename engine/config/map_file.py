"""The parts of a map file, for editors and help; the field maps themselves are compiled in engine/pipeline."""

from __future__ import annotations

from engine.config.spec import Field, ListOf, MapOf, Nested, Spec
from engine.config.types import WORD, Choice, Free, Name, Text
from engine.core.outcome import Fact, Outcome

CODE = Name("代码", "a code", r"E-[A-Z0-9]+(-[A-Z0-9]+)*", "E- 开头的大写代码", "capitals that begin with E-")

CHECK_ROW = Spec(
    "check row", "检查", "a check",
    (
        Field("that", Text(), "必须成立的条件（CEL）", "what must hold (CEL)", "his.bill.total > 0", required=True),
        Field("else", CODE, "不成立时的代码", "the code when it does not", "E-BILL-EMPTY", required=True),
        Field("note", Text(), "说明", "a note", "金额为零的单据不结算"),
    ),
)  # fmt: skip
ANSWER_ROW = Spec(
    "answer row", "应答判定", "a row of the outcome table",
    (
        Field("code", Text(), "对方的代码，末尾 * 为前缀", "the party's code, a * at the end for a prefix", "NOTENOUGH",
              required=True),
        Field("text", Text(), "对方文字中包含", "a piece of the party's text", "余额不足"),
        Field("is", Choice(tuple(one.value for one in Outcome)), "意味着", "what it means", "refused", required=True),
        Field("because", Text(), "依据（款项判为 refused 时必填）", "why; needed where money is called refused",
              "官方文档：未扣款"),
        Field("note", Text(), "说明", "a note", "见接口文档第 12 页"),
    ),
)  # fmt: skip
FACT_ROW = Spec(
    "fact row", "查询结果判定", "a fact row",
    (
        Field("when", Text(), "条件（CEL，读 answer、code、text、of）", "when (CEL over answer, code, text, of)",
              "answer.trade_state == 'SUCCESS'", required=True),
        Field("is", Choice(tuple(one.value for one in Fact)), "是什么事实", "the fact", "there", required=True),
        Field("note", Text(), "说明", "a note", "见接口文档第 12 页"),
    ),
)  # fmt: skip
TEXT_ROW = Spec(
    "text", "代码的说明", "the words for a code",
    (
        Field("zh", Text(), "中文", "Chinese", "没有职工医保", required=True),
        Field("en", Text(), "英文", "English", "no employee insurance", required=True),
        Field("side", Choice(("patient", "his", "insurance", "payment", "einvoice", "engine", "client")), "责任方",
              "whose side", "insurance", required=True),
        Field("next", Text(), "下一步（中文）", "what to do next, in Chinese", "改用自费"),
        Field("next_en", Text(), "下一步（英文）", "what to do next, in English", "Pay without the insurance"),
    ),
)  # fmt: skip
MAP_FILE = Spec(
    "map", "映射", "a map",
    (
        Field("map", WORD, "映射名，与文件名一致", "its name, the same as the file's", "nhsa_2204", required=True),
        Field("title", Text(), "给人看的名称", "its name for people", "费用明细上传"),
        Field("note", Text(), "说明", "a note", "明细每批最多 100 条"),
        Field("make", Free(), "各行 [目标, 来源]", "rows [target, source]", "[[psn_no, nhsa.person.psn_no]]"),
        Field("check", ListOf(Nested(CHECK_ROW)), "检查", "checks",
              '[{that: "his.bill.total > 0", else: E-BILL-EMPTY}]'),
        Field("answers", ListOf(Nested(ANSWER_ROW)), "本院对应答代码的判定", "the site's words on codes",
              "[{code: ORDERPAID, is: pending}]"),
        Field("fact", ListOf(Nested(FACT_ROW)), "查询结果判定", "what an inquiry found",
              '[{when: "code == \'OK\'", is: there}]'),
        Field("must_equal", Free(), "必须一致的值 [名称, 对方, 我方]", "values that must equal [name, theirs, ours]",
              "[[amount, answer.total | fen_of_fen, of.amount]]"),
        Field("texts", MapOf(Nested(TEXT_ROW), CODE), "代码的说明", "the words for codes",
              "{E-NO-EMPLOYEE: {zh: 没有职工医保, en: no employee insurance, side: insurance}}"),
    ),
)  # fmt: skip
