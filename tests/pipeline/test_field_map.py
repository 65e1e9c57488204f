"""Field maps at work: every form, exact sums, nothing lost, nothing silently empty."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.outcome import Fact, Outcome
from engine.pipeline.rejected import MapRejected

from .making import make, map_of

BILL = [
    {"no": 1, "code": "0010", "amount": 100, "qty": Decimal("1.5"), "disease": "d1", "dr": "D1", "outside": True},
    {"no": 2, "code": "0020", "amount": 250, "qty": Decimal("2"), "disease": "d2", "dr": "D1", "outside": False},
    {"no": 3, "code": "0020", "amount": 0, "qty": Decimal("0.25"), "disease": "d1", "dr": "D9", "outside": False},
]
INSURANCE = [
    {"type": "390", "status": "1", "psn": "P390"},
    {"type": "310", "status": "2", "psn": "P310b"},
    {"type": "310", "status": "1", "psn": "P310a"},
]
NAMES: dict[str, Any] = {
    "his": {"bill": {"items": BILL, "total": 350, "none": []}},
    "answer": {"insuinfo": INSURANCE, "text": "x"},
    "request": {"bills": ["B1", "B2"], "known": [2, 7], "lists": [[1], [3]]},
    "now": 1_795_320_000,
}

UPLOAD = """
map: nhsa_2204
title: 费用明细上传
make:
  - [psn_no, answer.insuinfo | count]
  - [total, {sum: his.bill.items as it, of: it.amount, then: yuan}]
  - [feedetail, {each: his.bill.items as it, where: "it.amount != 0", group_by: it.disease, batch: 1, rows: [
      [sn, it.no], [cnt, it.qty | decimal 4], [sum, it.amount | yuan],
      [codg, "it.code | table his_item.med_list_codg | else reject E-UNMAPPED"],
      [dr, {join: doctors, by: it.dr, take: national_code, found: exactly_one, else: E-NO-DOCTOR}],
      [out, {when: [["it.outside", "'1'"]], else: "'0'"}]]}]
check:
  - {that: "sum_of(his.bill.items, 'amount') == his.bill.total", else: E-2204-SUM}
  - {that: "sum_of_yuan(made.feedetail, 'rows.sum') == fen_of_yuan(made.total)", else: E-2204-SUM}
texts:
  E-2204-SUM: {zh: 明细合计与总额不符, en: lines do not add up to the total, side: his, next: 请核对账单}
"""


def rejected(text: str, names: dict[str, Any]) -> MapRejected:
    with pytest.raises(MapRejected) as found:
        map_of(text).run(names)
    return found.value


def test_a_bill_becomes_2204_lines() -> None:
    assert map_of(UPLOAD).run(NAMES) == {
        "psn_no": 3,
        "total": "3.50",
        "feedetail": [
            {"key": "d1", "no": 1, "rows": [
                {"sn": 1, "cnt": Decimal("1.5000"), "sum": "1.00", "codg": "NEW", "dr": "ND1", "out": "1"}]},
            {"key": "d2", "no": 2, "rows": [
                {"sn": 2, "cnt": Decimal("2.0000"), "sum": "2.50", "codg": "X20", "dr": "ND1", "out": "0"}]},
        ],
    }  # fmt: skip


def test_a_map_tells_what_it_reads_makes_and_uses() -> None:
    made = map_of(UPLOAD)
    assert (made.name, made.title) == ("nhsa_2204", "费用明细上传")
    items = {f"his.bill.items[].{name}" for name in ("no", "amount", "qty", "disease", "code", "dr", "outside")}
    assert set(made.reads) == items | {"his.bill.items", "his.bill.total", "answer.insuinfo", "now"}
    assert "his.bill.items[].code" in made.must_read
    assert {"psn_no", "total", "feedetail", "feedetail[].key", "feedetail[].rows[].codg"} <= set(made.makes)
    assert set(made.tables) == {"his_item", "doctors"}
    assert set(made.codes) == {"E-UNMAPPED", "E-NO-DOCTOR", "E-2204-SUM"}
    place = made.reads["his.bill.items[].qty"]
    assert (place.line, place.col, place.width) == (8, 26, 6)
    assert made.text_of("E-2204-SUM").side == "his"
    info = next(row for row in made.infos if row.target == "feedetail[].rows[].sum")
    assert (info.path, info.filters) == ("his.bill.items[].amount", ("yuan",))


def test_a_failed_check_names_its_row() -> None:
    found = rejected(UPLOAD, {**NAMES, "his": {"bill": {"items": BILL, "total": 351}}})
    assert (found.code, found.place.line if found.place else 0) == ("E-2204-SUM", 13)


def test_an_unmapped_code_names_the_item_the_table_and_the_code() -> None:
    items = [*BILL, {**BILL[1], "code": "9999"}]
    found = rejected(UPLOAD, {**NAMES, "his": {"bill": {"items": items, "total": 600}}})
    assert found.code == "E-UNMAPPED"
    assert found.path == "his.bill.items[3].code"
    assert found.target == "feedetail[].rows[].codg"
    assert found.about == {"table": "his_item", "key": "9999"}
    assert str(found).startswith("m.map.yaml:9:7: E-UNMAPPED [his.bill.items[3].code]")


def test_a_join_without_its_row_raises_the_code_of_the_map() -> None:
    found = rejected(UPLOAD, {**NAMES, "his": {"bill": {"items": [{**BILL[0], "dr": "D7"}], "total": 100}}})
    assert (found.code, found.about) == ("E-NO-DOCTOR", {"table": "doctors", "key": "D7"})


ACTIVE = "where: \"it.type == '310' && it.status == '1'\""


@pytest.mark.parametrize(
    ("source", "made"),
    [
        (f"{{pick: answer.insuinfo as it, {ACTIVE}, take: it.psn}}", "P310a"),
        (f"{{pick: answer.insuinfo as it, {ACTIVE}, take: psn}}", "P310a"),
        (f"{{pick: answer.insuinfo, {ACTIVE}}}", INSURANCE[2]),
        ("{pick: answer.insuinfo as it, where: \"it.type == '310'\", found: first, take: psn}", "P310b"),
        ("{pick: answer.insuinfo as it, where: \"it.type == '000'\", found: any, take: psn, else: \"'none'\"}", "none"),
        ("{pick: answer.missing as it, found: any, else: \"'none'\"}", "none"),
        ("{pick: answer.insuinfo as it, where: \"it.type == '390'\", take: psn | lower}", "p390"),
        ("{join: doctors, by: his.bill.dr | else 'D1', take: name}", "测试甲"),
        ("{join: doctors, by: \"'D1'\"}", {"national_code": "ND1", "name": "测试甲"}),
        ("{join: price, by: [\"'A'\", \"'pill'\"], take: fen, then: fen_of_fen | yuan}", "0.50"),
        ("{join: doctors, by: \"'D2'\", take: name, else: \"'?'\"}", "?"),
        ("{join: his_item, by: \"'0010'\", at: \"'2026-01-31'\", take: med_list_codg}", "OLD"),
        ("{when: [[\"his.bill.total > 999\", \"'big'\"], [\"his.bill.total > 9\", his.bill.total | yuan]]}", "3.50"),
        ("{when: [[\"his.bill.total > 999\", \"'big'\"]], else: \"'small'\"}", "small"),
        ("{when: [[\"true\", {sum: his.bill.items, of: it.amount}]]}", 350),
        ("{sum: his.bill.items as it, of: it.qty}", Decimal("3.75")),
        ("{sum: his.bill.items as it, where: it.outside, of: it.amount}", 100),
        ("{sum: his.bill.none as it, of: it.amount}", 0),
        ("{add: [his.bill.total, 50], less: [100]}", 300),
        ("{list: [his.bill.total, {rows: [[a, \"'1'\"]]}, his.nothing | optional]}", [350, {"a": "1"}]),
        ("{rows: [[a, his.bill.total], [b.c, \"'x'\"], [b.d, \"'y'\"]]}", {"a": 350, "b": {"c": "x", "d": "y"}}),
        ("{rows: {a: his.bill.total, b: \"'x'\"}}", {"a": 350, "b": "x"}),
        ("{rows: [[a, his.nothing | optional]]}", {}),
        ("{each: request.bills as bill, rows: [[no, bill]]}", [{"no": "B1"}, {"no": "B2"}]),
        ("{each: request.bills as bill, take: bill | lower, then: \"join ','\"}", "b1,b2"),
        ("{each: 'his.nothing | else [] as it', rows: [[no, it.no]]}", []),
        ("{each: his.bill.total | list as it, take: it}", [350]),
        ("{each: his.bill.items as it, where: \"it.no > 2\"}", [BILL[2]]),
        ("{each: his.bill.items as it, batch: 2, take: it.no}",
         [{"key": "", "no": 1, "rows": [1, 2]}, {"key": "", "no": 2, "rows": [3]}]),
        ("{each: his.bill.none as it, batch: 2, take: it.no}", []),
        ("{each: his.bill.items as it, group_by: it.disease, take: it.no}",
         [{"key": "d1", "no": 1, "rows": [1, 3]}, {"key": "d2", "no": 2, "rows": [2]}]),
        ("{each: his.bill.items as it, but_not: request.known, by: it.no, take: it.no}", [1, 3]),
        ("{each: his.bill.items as it, where: \"it.no > 1\", but_not: request.known, by: it.no, take: it.no}", [3]),
        ("{each: his.bill.items as it, but_not: '[]', by: it.no, batch: 2, take: it.no}",
         [{"key": "", "no": 1, "rows": [1, 2]}, {"key": "", "no": 2, "rows": [3]}]),
        ("{sum: his.bill.items as it, of: it.no, but_not: request.known, by: it.no}", 4),
        ("{each: request.lists as one, take: {each: his.bill.items as it, but_not: one, by: it.no, take: it.no}}",
         [[2, 3], [1, 2]]),
        ("{each: request.bills as bill, rows: [[no, bill], [of, {each: his.bill.items as it, take: it.no}]]}",
         [{"no": "B1", "of": [1, 2, 3]}, {"no": "B2", "of": [1, 2, 3]}]),
    ],
)  # fmt: skip
def test_a_form_makes(source: str, made: Any) -> None:
    assert make(source, NAMES) == made


@pytest.mark.parametrize(
    ("source", "code", "path"),
    [
        ("{pick: answer.insuinfo as it, where: \"it.type == '310'\"}", "E-MAP-MANY", "answer.insuinfo"),
        ("{pick: answer.insuinfo as it, where: \"it.type == '310'\", else: E-NO-EMPLOYEE}", "E-MAP-MANY", ""),
        ("{pick: answer.insuinfo as it, where: \"it.type == '000'\"}", "E-MAP-NONE", "answer.insuinfo"),
        ("{pick: answer.insuinfo as it, where: \"it.type == '000'\", else: E-NO-EMPLOYEE}", "E-NO-EMPLOYEE", ""),
        ("{pick: answer.insuinfo as it, where: \"it.type == '000'\", found: first, else: reject E-NO}", "E-NO", ""),
        ("{pick: answer.missing as it}", "E-MAP-MISSING", "answer.missing"),
        ("{pick: answer.missing as it, else: E-NO-EMPLOYEE}", "E-NO-EMPLOYEE", ""),
        ("{pick: answer.text as it, else: E-NO-EMPLOYEE}", "E-MAP-TYPE", "answer.text"),
        ("{pick: answer.insuinfo as it, found: first, take: it.zz, else: E-NO}", "E-MAP-MISSING",
         "answer.insuinfo[0].zz"),
        ("{pick: answer.insuinfo as it, where: it.zz == '1'}", "E-CONDITION", "answer.insuinfo[0]"),
        ("{join: doctors, by: \"'D2'\", take: name}", "E-UNMAPPED", ""),
        ("{when: [[\"his.bill.total > 999\", \"'big'\"]]}", "E-MAP-NONE", ""),
        ("{when: [[\"his.bill.zz > 999\", \"'big'\"]], else: \"'x'\"}", "E-CONDITION", ""),
        ("{sum: his.bill.items as it, of: it.code}", "E-MAP-TYPE", "his.bill.items[0].code"),
        ("{sum: his.bill.items as it, of: it.outside}", "E-MAP-TYPE", "his.bill.items[0].outside"),
        ("{sum: answer.missing as it, of: it.code}", "E-MAP-MISSING", "answer.missing"),
        ("{add: [his.bill.total, answer.text]}", "E-MAP-TYPE", ""),
        ("{each: his.bill.total as it, rows: [[a, it]]}", "E-MAP-TYPE", "his.bill.total"),
        ("{each: his.bill.items as it, rows: [[a, it.zz]]}", "E-MAP-MISSING", "his.bill.items[0].zz"),
        ("{each: his.bill.items as it, group_by: it.outside, rows: [[a, it.no]]}", "E-MAP-TYPE",
         "his.bill.items[0].outside"),
        ("{each: his.bill.items as it, take: it.code | yuan}", "E-MAP-TYPE", "his.bill.items[0].code"),
        ("{each: request.bills as b, take: {each: his.bill.items as it, take: it.zz}}", "E-MAP-MISSING",
         "his.bill.items[0].zz"),
    ],
)  # fmt: skip
def test_a_form_refuses(source: str, code: str, path: str) -> None:
    with pytest.raises(MapRejected) as found:
        make(source, NAMES)
    assert found.value.code == code
    assert found.value.place is not None
    assert found.value.path == path or not path


def test_any_without_one_leaves_the_row_out() -> None:
    made = map_of("map: m\nmake:\n  - [a, {pick: answer.insuinfo as it, where: 'it.type == \"0\"', found: any}]\n"
                  "  - [b, {join: doctors, by: \"'D2'\", found: any, take: name}]\n"
                  "  - [c, {pick: answer.missing as it, optional: yes}]\n")  # fmt: skip
    assert made.run(NAMES) == {}


def test_an_optional_list_hides_nothing_that_is_wrong_inside_it() -> None:
    text = "map: m\nmake:\n  - [a, {each: his.bill.items as it, optional: yes, rows: [[x, it.zz]]}]\n"
    assert rejected(text, NAMES).code == "E-MAP-MISSING"
    assert map_of(text).run({}) == {}


def test_the_names_handed_in_are_never_changed() -> None:
    names = {**NAMES}
    map_of(UPLOAD).run(names)
    assert names == NAMES
    assert "it" not in names
    assert "made" not in names


def test_checks_alone_refuse_in_order() -> None:
    rules = map_of("map: nhsa_rules\ncheck:\n  - {that: his.bill.total > 0, else: E-ZERO}\n"
                   "  - {that: count(his.bill.items) < 3, else: E-LONG}\n")  # fmt: skip
    with pytest.raises(MapRejected) as found:
        rules.check(NAMES)
    assert found.value.code == "E-LONG"
    rules.check({"his": {"bill": {"total": 1, "items": []}}})
    assert rules.run({"his": {"bill": {"total": 1, "items": []}}}) == {}
    with pytest.raises(MapRejected) as undecided:
        rules.check({"his": {"bill": {}}})
    assert (undecided.value.code, undecided.value.place.line if undecided.value.place else 0) == ("E-CONDITION", 3)


FACT = """
map: wechat_query_fact
fact:
  - {when: "code == 'ORDERNOTEXIST'", is: not_there}
  - {when: "answer.trade_state == 'SUCCESS'", is: there}
  - {when: "answer.trade_state in ['NOTPAY', 'USERPAYING']", is: waiting}
  - {when: "answer.trade_state == 'CLOSED'", is: closed}
must_equal:
  - [amount, "answer.total_fee | fen", of.amount]
  - [number, answer.out_trade_no, of.number]
  - [bank, answer.bank | optional, "'X'"]
answers:
  - {code: ORDERPAID, text: 已支付, is: pending, because: 先查询再定}
  - {code: "PARAM*", is: refused, because: 对方确认未受理}
"""


@pytest.mark.parametrize(
    ("code", "answer", "fact", "differs"),
    [
        ("ORDERNOTEXIST", None, Fact.NOT_THERE, []),
        ("", {"trade_state": "NOTPAY"}, Fact.WAITING, []),
        ("", {"trade_state": "CLOSED"}, Fact.CLOSED, []),
        ("", {"trade_state": "SOMETHING"}, Fact.UNKNOWN, []),
        ("", {"trade_state": "SUCCESS", "total_fee": "100", "out_trade_no": "N1"}, Fact.THERE, []),
        ("", {"trade_state": "SUCCESS", "total_fee": 101, "out_trade_no": "N1"}, Fact.THERE, ["amount"]),
        ("", {"trade_state": "SUCCESS", "total_fee": 100, "out_trade_no": "N2", "bank": "Y"}, Fact.THERE,
         ["number", "bank"]),
    ],
)  # fmt: skip
def test_a_fact_and_what_must_equal_ours(code: str, answer: Any, fact: Fact, differs: list[str]) -> None:
    names = {"code": code, "text": "", "answer": answer, "of": {"amount": 100, "number": "N1"}}
    found = map_of(FACT).find_fact(names)
    assert found.fact is fact
    assert [one.name for one in found.differs] == differs
    if fact is Fact.THERE:
        assert {"amount", "number"} <= set(found.must_equal)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({}, "E-CONDITION"),
        (None, "E-CONDITION"),
        ({"trade_state": "SUCCESS", "out_trade_no": "N1"}, "E-MAP-MISSING"),
        ({"trade_state": "SUCCESS", "total_fee": "1.00", "out_trade_no": "N1"}, "E-MAP-TYPE"),
    ],
)
def test_an_answer_that_cannot_be_read_is_no_fact(answer: Any, code: str) -> None:
    with pytest.raises(MapRejected) as found:
        map_of(FACT).find_fact({"code": "", "text": "", "answer": answer, "of": {"amount": 100, "number": "N1"}})
    assert found.value.code == code


def test_a_site_adds_outcome_rows() -> None:
    rows = map_of(FACT).rows
    assert [(row.code, row.text, row.outcome, row.because) for row in rows] == [
        ("ORDERPAID", "已支付", Outcome.PENDING, "先查询再定"),
        ("PARAM*", "", Outcome.REFUSED, "对方确认未受理"),
    ]
    with pytest.raises(TypeError):
        map_of("map: m\nmake: [[a, b]]").find_fact({})


_ITEMS = st.lists(
    st.fixed_dictionaries({"n": st.integers(), "g": st.sampled_from(["", "a", "b"]), "on": st.booleans()}), max_size=40
)


@settings(max_examples=200, deadline=None)
@given(items=_ITEMS, batch=st.integers(1, 7))
def test_groups_and_batches_keep_every_row_once_and_in_order(items: list[dict[str, Any]], batch: int) -> None:
    source = f"{{each: list as it, where: it.on, group_by: it.g, batch: {batch}, take: it.n}}"
    made = make(source, {"list": items})
    kept = [item for item in items if item["on"]]
    assert [cut["no"] for cut in made] == list(range(1, len(made) + 1))
    assert all(1 <= len(cut["rows"]) <= batch for cut in made)
    keys = list(dict.fromkeys(item["g"] for item in kept))
    assert list(dict.fromkeys(cut["key"] for cut in made)) == keys
    for key in keys:
        joined = [row for cut in made if cut["key"] == key for row in cut["rows"]]
        assert joined == [item["n"] for item in kept if item["g"] == key]
        assert all(len(cut["rows"]) == batch for cut in [cut for cut in made if cut["key"] == key][:-1])


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(-(10**11), 10**11), st.decimals(-(10**9), 10**9, places=4))))
def test_sums_are_exact(values: list[int | Decimal]) -> None:
    expected = sum(int(Decimal(value) * 10_000) for value in values)
    made = make("{sum: list as it, of: it}", {"list": values})
    assert int(Decimal(made) * 10_000) == expected
    assert make("{add: [a, b], less: [b]}", {"a": made, "b": 7}) == made
