"""Mistakes in maps, each at its line and column with the word probably meant."""

from __future__ import annotations

import pytest

from engine.config.problems import CODES
from engine.pipeline.rejected import CodeText

from .making import map_or_problems

M = "map: m\n"
R = "map: m\nmake:\n  - "

MISTAKES: list[tuple[str, list[tuple[int, int, str, str]]]] = [
    ("map: m\nmak: [[a, b]]\nmake: [[a, b]]", [(2, 1, "E610", "make")]),
    ("title: t\nmake: [[a, b]]", [(1, 1, "E611", "")]),
    ("[a, b]", [(1, 1, "E612", "")]),
    ("map: m\ntitle: t", [(1, 1, "E626", "")]),
    ("map: m\nmake: abc", [(2, 7, "E612", "")]),
    (R + "[a, b, c]", [(3, 5, "E612", "")]),
    (R + "[a, [b]]", [(3, 9, "E612", "")]),
    (R + "[a, b.c | yaun]", [(3, 15, "E614", "yuan")]),
    (R + "[a, \"b.c | upper | \"]", [(3, 23, "E614", "")]),
    (R + "[a, \"answer.list[0].x\"]", [(3, 10, "E613", "")]),
    (R + "[a, 0010]", [(3, 9, "E613", "'0010'")]),
    (R + "[a, \"'11\"]", [(3, 10, "E613", "")]),
    (R + "[a, b | decimal]", [(3, 13, "E615", "")]),
    (R + "[a, b | decimal four]", [(3, 21, "E615", "")]),
    (R + "[a, b | decimal 4 round]", [(3, 21, "E615", "rounded")]),
    (R + "[a, b | yuan 2]", [(3, 18, "E615", "")]),
    (R + "[a, b | date yyyyMMdd]", [(3, 18, "E615", "%Y%m%d")]),
    (R + "[a, b | date %Q]", [(3, 18, "E615", "")]),
    (R + "[a, b | instant %H%M]", [(3, 21, "E615", "")]),
    (R + "[a, b | pad 5 ab]", [(3, 17, "E615", "")]),
    (R + "[a, b | else]", [(3, 13, "E615", "")]),
    (R + "[a, b | else reject no_code]", [(3, 25, "E622", "")]),
    (R + "[a, b | concat]", [(3, 13, "E615", "")]),
    (R + "[a, b | table his_itm.kind]", [(3, 19, "E616", "his_item")]),
    (R + "[a, b | table his_item.knd]", [(3, 19, "E617", "kind")]),
    (R + "[a, b | table his_item.to_kind]", [(3, 19, "E617", "kind")]),
    (R + "[a, b | table his_item]", [(3, 13, "E615", "")]),
    (R + "[a, b | table his_item.kind on c]", [(3, 33, "E615", "")]),
    (R + "[a, b | table price.fen]", [(3, 19, "E618", "")]),
    (R + "[a, b]\n  - [a, c]", [(4, 6, "E619", "")]),
    (R + "[a, b]\n  - [a.x, c]", [(4, 6, "E619", "")]),
    (R + "[a.x, b]\n  - [a, c]", [(4, 6, "E619", "")]),
    (R + "[a..x, b]", [(3, 6, "E620", "")]),
    (R + "[a, {eech: b as it, rows: [[c, it.d]]}]", [(3, 10, "E610", "each")]),
    (R + "[a, {each: b as it, were: 'it.x', rows: [[c, it.d]]}]", [(3, 25, "E610", "where")]),
    (R + "[a, {each: b as it, batch: many, rows: [[c, it.d]]}]", [(3, 32, "E624", "")]),
    (R + "[a, {each: b as it, batch: 0, rows: [[c, it.d]]}]", [(3, 32, "E624", "")]),
    (R + "[a, {each: b as request, rows: [[c, request]]}]", [(3, 16, "E625", "")]),
    (R + "[a, {each: b as it, rows: [[c, {each: it.d as it, rows: [[e, it]]}]]}]", [(3, 43, "E625", "")]),
    (R + "[a, {each: b as it, rows: [[c, it.d]], take: it}]", [(3, 50, "E612", "")]),
    (R + "[a, {each: b | frist as it, take: it}]", [(3, 20, "E614", "first")]),
    (R + "[a, {each: b as it, where: \"it.x = 1\", take: it}]", [(3, 38, "E601", "==")]),
    (R + "[a, {pick: b as it, found: one}]", [(3, 32, "E621", "")]),
    (R + "[a, {pick: b as it, found: exactly_on}]", [(3, 32, "E621", "exactly_one")]),
    (R + "[a, {join: docters, by: b, take: name}]", [(3, 16, "E616", "doctors")]),
    (R + "[a, {join: doctors, by: b, take: nme}]", [(3, 38, "E617", "name")]),
    (R + "[a, {join: doctors, by: [b, c], take: name}]", [(3, 29, "E618", "")]),
    (R + "[a, {join: doctors, take: name}]", [(3, 9, "E611", "")]),
    (R + "[a, {sum: b as it}]", [(3, 9, "E611", "")]),
    (R + "[a, {when: [[\"b == 1\"]]}]", [(3, 17, "E612", "")]),
    (R + "[a, {when: [[\"b == 1 && sise(c) > 0\", d]]}]", [(3, 29, "E602", "size")]),
    (R + "[a, {sum: b as it, of: it.c, then: yaun}]", [(3, 40, "E614", "yuan")]),
    (M + "check: [{that: a > 0, els: E-X}]", [(2, 9, "E611", ""), (2, 23, "E610", "else")]),
    (M + "check: [{that: a > 0, else: not_ok}]", [(2, 29, "E622", "")]),
    (M + "check: [{that: 'a > 0.5', else: E-X}]", [(2, 21, "E603", "")]),
    (M + "fact: [{when: a == 1, is: their}]", [(2, 27, "E621", "there")]),
    (M + "answers: [{code: X, is: refuse}]", [(2, 25, "E621", "refused")]),
    (M + "answers: [{is: refused}]", [(2, 11, "E611", "")]),
    (M + "make: [[a, b]]\nmust_equal: [[a, b, c]]", [(3, 13, "E627", "")]),
    (M + "fact: [{when: a == 1, is: there}]\nmust_equal: [[a, b]]", [(3, 14, "E612", "")]),
    (M + "make: [[a, b]]\ntexts: {E-X: {zh: 不, en: no, side: hospital}}", [(3, 36, "E621", "")]),
    (M + "make: [[a, b | yaun], [c, d | tabel x.y], [e, \"f[0]\"]]",
     [(2, 16, "E614", "yuan"), (2, 31, "E614", "table"), (2, 48, "E613", "")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_is_told_at_its_place(text: str, expected: list[tuple[int, int, str, str]]) -> None:
    made, found = map_or_problems(text)
    assert made is None
    assert sorted((one.line, one.col, one.code, one.hint) for one in found) == expected
    assert all(one.file == "m.map.yaml" and "{" not in one.code for one in found)


def test_a_code_needs_words() -> None:
    text = "map: m\nmake: [[a, b | else reject E-NO-EMPLOYE]]\ntexts: {E-OWN: {zh: 不, en: no, side: his}}"
    known = {"E-NO-EMPLOYEE": CodeText("E-NO-EMPLOYEE", "没有职工医保", "no employee insurance", "insurance")}
    made, found = map_or_problems(text, known)
    assert made is None
    assert [(one.line, one.col, one.code, one.hint) for one in found] == [(2, 28, "E623", "E-NO-EMPLOYEE")]
    made, found = map_or_problems(text.replace("EMPLOYE]", "EMPLOYEE]"), known)
    assert made is not None
    assert made.text_of("E-NO-EMPLOYEE").zh == "没有职工医保"
    assert set(made.codes) == {"E-NO-EMPLOYEE"}


def test_every_code_of_maps_and_tables_has_a_mistake_here() -> None:
    from .test_code_table import MISTAKES as TABLE_MISTAKES

    told = {code for _, expected in [*MISTAKES, *TABLE_MISTAKES] for _, _, code, _ in expected}
    mine = {code for code in CODES if code[:3] in ("E60", "E61", "E62", "E70", "E71")}
    assert mine - told == {"E623", "E713"}  # each has its own test
