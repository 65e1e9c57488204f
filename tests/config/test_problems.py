"""How a problem looks on a terminal and in JSON."""

from __future__ import annotations

import pytest

from engine.config.problems import (
    CODES,
    Code,
    Mark,
    as_json,
    declare,
    failing,
    in_order,
    nearest,
    problem,
    render,
    render_all,
)  # fmt: skip


def test_a_long_line_is_shown_around_its_place() -> None:
    item = problem("E301", Mark("c.csv", 1, 5001, 3), name="abc")
    lines = render(item, {"c.csv": "x" * 5000 + "abc" + "y" * 20_000_000}, "en").split("\n")
    assert max(map(len, lines)) < 300
    assert lines[1][lines[2].index("^") :].startswith("abcy")


def test_the_caret_stands_under_the_word_behind_chinese() -> None:
    item = problem("E301", Mark("c.yaml", 2, 6, 3), name="abc", hint="abd")
    lines = render(item, {"c.yaml": "x\n标题 a abc\n"}, "en").split("\n")
    assert lines[0] == 'c.yaml:2:6  E301  no call is named "abc"; did you mean "abd"?'
    assert lines[1] == "    2 | 标题 a abc"
    assert lines[2] == "      |        ^^^"  # each Chinese character takes two columns


def test_chinese_is_the_default() -> None:
    item = problem("E301", Mark("c.yaml", 1, 1), name="abc", hint="abd")
    assert render(item, {}) == "c.yaml:1:1  E301  calls 中没有“abc”这个调用；是否应为“abd”？"


def test_json_has_the_fields_of_the_command_line() -> None:
    item = problem("W501", Mark("m.yaml", 3, 4, 5), name="x")
    assert as_json(item) == {
        "file": "m.yaml", "line": 3, "col": 4, "code": "W501", "severity": "warning", "hint": "", "width": 5,
        "zh": "映射“x”没有被使用", "en": 'the map "x" is not used',
    }  # fmt: skip


def test_sorted_by_place_and_each_once() -> None:
    a, b, c = (problem("E214", Mark(file, line, 1), what="x") for file, line in (("a", 9), ("a", 10), ("b", 1)))
    assert in_order([c, b, a, b]) == [a, b, c]
    assert render_all([], {}) == ""


def test_advice_fails_nothing() -> None:
    advice, error = problem("W501", Mark("a", 1, 1), name="x"), problem("E214", Mark("a", 1, 1), what="x")
    assert failing([advice, error]) == [error]


MEANT = [("repeat", "repeats"), ("Wait", "wait"), ("one-live", "one_live"), ("zzz", "")]


@pytest.mark.parametrize(("word", "meant"), MEANT)
def test_the_nearest_word(word: str, meant: str) -> None:
    assert nearest(word, ["repeats", "wait", "one_live"]) == meant


def test_a_code_means_one_thing() -> None:
    known = CODES["E301"]
    declare(known)
    with pytest.raises(ValueError, match="E301"):
        declare(Code("E301", "别的", "other", "", "", "", ""))
    assert CODES["E301"] is known


def test_every_code_tells_its_story_in_both_languages() -> None:
    for code in CODES.values():
        assert all((code.zh, code.en, code.story_zh, code.story_en, code.wrong, code.right)), code.code
