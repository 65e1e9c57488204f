"""Code tables: text byte for byte, dates, and every mistake at its line and column."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.times import instant_of
from engine.pipeline.code_table import CodeTable
from engine.pipeline.code_table_file import MAX_PROBLEMS, read_code_table

from .making import table_of


def at(text: str) -> float:
    return instant_of(text, "%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize("begin", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_cells_are_text_exactly_as_written(begin: str, end: str) -> None:
    rows = ["from_code,to_a,to_b,note", "0010,1E5,1/2, x ", '"a,b","say ""hi""",,', ",,,", "中文,测试,2026-01-01,"]
    table = table_of(begin + end.join(rows) + end)
    assert table.look("0010") == {"a": "1E5", "b": "1/2"}
    assert table.look("a,b") == {"a": 'say "hi"', "b": ""}
    assert table.look("中文") == {"a": "测试", "b": "2026-01-01"}
    assert table.look("10") is None
    assert (table.keys, table.columns, table.dated, table.size) == (("code",), ("a", "b"), False, 3)


def test_both_ends_of_a_date_range_count_in_beijing_days() -> None:
    table = table_of(
        "from_c,to_x,valid_from,valid_to\n1,a,2026-01-01,2026/6/30\n1,b,2026-07-01,\n2,c,,2026-01-01\n3,d,,\n"
    )
    assert table.look("1", at("2025-12-31 23:59:59")) is None
    assert table.look("1", at("2026-01-01 00:00:00")) == {"x": "a"}
    assert table.look("1", at("2026-06-30 23:59:59")) == {"x": "a"}
    assert table.look("1", at("2026-07-01 00:00:00")) == {"x": "b"}
    assert table.look("2", at("1999-01-01 00:00:00")) == {"x": "c"}
    assert table.look("2", at("2026-01-02 00:00:00")) is None
    assert table.look("3") == {"x": "d"}
    with pytest.raises(ValueError, match="dates"):
        table.look("1")


def test_several_columns_make_one_key() -> None:
    table = table_of("from_a,to_x,from_b\n1,one,2\n12,two,\n")
    assert table.look(("1", "2")) == {"x": "one"}
    assert table.look(("12", "")) == {"x": "two"}
    assert table.look(("1", "")) is None


HEAD = "from_code,to_code,note,valid_from,valid_to\n"
MISTAKES: list[tuple[bytes | str, list[tuple[int, int, str, str]]]] = [
    ("code,to_code\n", [(1, 1, "E702", ""), (1, 1, "E703", "from_code")]),
    ("from_code,valid_form\n", [(1, 1, "E702", ""), (1, 11, "E703", "valid_from")]),
    ("from_code,to_code,note,note\n", [(1, 24, "E704", "")]),
    ("", [(1, 1, "E702", ""), (1, 1, "E702", "")]),
    (HEAD + "1,a,,\n2,b,,,,\n", [(2, 1, "E705", ""), (3, 1, "E705", "")]),
    (HEAD + "1,=A1,,,\n@x,b,+1,,\n", [(2, 3, "E706", ""), (3, 1, "E706", ""), (3, 6, "E706", "")]),
    (HEAD + '1,"=SUM(A1,B2)",,,\n', [(2, 3, "E706", "")]),
    (HEAD + "1,3.10511E+14,1E+05,,\n", [(2, 3, "E714", "")]),  # the note may say what it likes
    (HEAD + "1 ,a, note ,,\n", [(2, 1, "E715", "")]),
    (HEAD + "1, =1+1 ,,,\n", [(2, 3, "E715", "")]),
    (HEAD + "1,a\u3000,,,\n\u00a02,b,,,\n", [(2, 3, "E715", ""), (3, 1, "E715", "")]),
    ("from_x;to_y;to_z;note\n1;a;;\n", [(1, 1, "E716", "")]),
    ("from_x\tto_y\n1\ta\n", [(1, 1, "E716", "")]),
    ("from_x ,to_y\n1,a\n", [(1, 1, "E703", "from_x")]),
    (HEAD + "1,a,,,\n2,b,,,\n1,c,,,\n", [(4, 1, "E707", "")]),
    (HEAD + "1,a,,2026-01-01,2026-01-31\n1,b,,2026-01-31,\n", [(3, 6, "E708", "")]),
    (HEAD + "1,a,,2026-01-01,2026-01-31\n1,b,,2026-01-01,2026-01-31\n", [(3, 6, "E707", "")]),
    (HEAD + "1,a,,,\n1,b,,2026-01-31,\n", [(3, 6, "E708", "")]),
    (HEAD + "1,a,,2026-01-31,\n1,b,,,\n", [(3, 1, "E708", "")]),
    (HEAD + "1,a,,2026-02-30,\n2,b,,,tomorrow\n", [(2, 6, "E709", ""), (3, 7, "E709", "")]),
    (HEAD + "1,a,x,20260101,\n", [(2, 7, "E709", "")]),
    (HEAD + "1,a,,2026-02-01,2026-01-01\n", [(2, 17, "E710", "")]),
    (HEAD + ",a,,,\n", [(2, 1, "E711", "")]),
    (HEAD + '1,"a,,,\n2,b,,,\n', [(3, 1, "E712", "")]),
    (HEAD + '1,"a"b,,,\n', [(2, 1, "E712", "")]),
    (HEAD.encode() + "1,汉".encode() + "字".encode("gbk") + b",,,\n", [(2, 4, "E701", "")]),
    (HEAD + '1,"two\nlines",,,\n1,b,,,\n', [(4, 1, "E707", "")]),
    (HEAD + '0,"two\nlines",=x,,\n', [(3, 8, "E706", "")]),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_is_told_at_its_place(text: bytes | str, expected: list[tuple[int, int, str, str]]) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    found = read_code_table(data, "t.csv", "t")
    assert isinstance(found, list)
    assert sorted((one.line, one.col, one.code, one.hint) for one in found) == expected
    assert all(one.file == "t.csv" for one in found)


def test_a_repeated_code_names_the_line_it_repeats() -> None:
    found = read_code_table((HEAD + '7,"a\nb",,,\n1,a,,,\n1,b,,,\n').encode(), "t.csv", "t")
    assert isinstance(found, list)
    assert [(one.line, one.en) for one in found] == [(5, "the code is given twice (1): line 4 has it already")]


def test_a_broken_file_is_told_in_a_bounded_number_of_problems() -> None:
    found = read_code_table((HEAD + "=1,=2,,,\n" * 5000).encode(), "t.csv", "t")
    assert isinstance(found, list)
    assert MAX_PROBLEMS <= len(found) < MAX_PROBLEMS + 5


def test_a_table_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.pipeline.code_table_file.MAX_BYTES", 10)
    found = read_code_table(HEAD.encode(), "t.csv", "t")
    assert isinstance(found, list)
    assert [one.code for one in found] == ["E713"]


_DAYS = st.integers(0, 60)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_DAYS, st.integers(0, 8)), max_size=8))
def test_a_table_with_ranges_loads_exactly_when_no_day_has_two_answers(spans: list[tuple[int, int]]) -> None:
    start = date(2026, 1, 1)

    def day(offset: int) -> str:
        return (start + timedelta(days=offset)).isoformat()

    rows = [f"k,{i},,{day(first)},{day(first + more)}" for i, (first, more) in enumerate(spans)]
    answers = {
        offset: [i for i, (first, more) in enumerate(spans) if first <= offset <= first + more] for offset in range(70)
    }
    made = read_code_table((HEAD + "\n".join(rows) + "\n").encode(), "t.csv", "t")
    assert isinstance(made, CodeTable) == all(len(found) <= 1 for found in answers.values())
    if isinstance(made, CodeTable) and spans:
        for offset, found in answers.items():
            looked = made.look("k", at(f"{day(offset)} 12:00:00"))
            assert looked == ({"code": str(found[0])} if found else None)


def test_what_was_stored_is_read_as_it_was_taken() -> None:
    """A settlement in flight ends on the table it began with, whatever is refused of new ones since."""
    table = read_code_table((HEAD + "1 ,a ,,,\n").encode(), "t.csv", "t", stored=True)
    assert isinstance(table, CodeTable)
    assert table.look("1 ") == {"code": "a "}


def test_a_name_may_hold_a_space_within() -> None:
    assert table_of(HEAD + "1,口腔　科,,,\r\n").look("1") == {"code": "口腔　科"}


def test_a_cell_disarmed_for_spreadsheets_is_no_mistake() -> None:
    assert isinstance(read_code_table((HEAD + "1, =1+1,,,\n").encode(), "t.csv", "t"), CodeTable)
