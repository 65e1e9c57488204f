"""Fields between separators: whatever a value holds, it never becomes two fields, and nothing is read for another."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.codecs.delimited import Separators
from engine.codecs.errors import Undecodable
from engine.codecs.fixed_length import Field, Group, Unfit

GBK, WIDE = Separators(), Separators(escape="fullwidth", charset="GB18030")
PARTS = (Field("visit", 20), Field("name", 10), Field("amount", 12))
ROWS = (Field("visit", 20), Group("row", 100, (Field("item", 20), Field("amount", 12))))
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12)


def test_parts_fields_and_rows() -> None:
    assert GBK.joined(["2100", "H1", ""]) == "2100^H1^^"
    assert GBK.record(PARTS, {"visit": "MZ1", "amount": Decimal("12.50")}) == "MZ1||12.50|"
    rows = [{"item": "K1", "amount": "1.00"}, {"item": "K2"}]
    assert GBK.record(ROWS, {"visit": "MZ1", "row": rows}) == "MZ1|K1|1.00|$MZ1|K2||"
    assert GBK.record((), {}) == "|"


def test_an_answer_by_name() -> None:
    assert GBK.split("C1^1^MZ1|张三|12.50|^", 3) == ["C1", "1", "MZ1|张三|12.50|"]
    assert GBK.fields(PARTS, "MZ1|张三|12.50|") == {"visit": "MZ1", "name": "张三", "amount": "12.50"}
    assert GBK.fields(PARTS, "MZ1|张三|12.50|new|newer|")["amount"] == "12.50", "fields added behind are left alone"
    assert GBK.split("C1^1^x^\x00\x00", 3) == ["C1", "1", "x"], "the rest of a C buffer"


@pytest.mark.parametrize("text", ["", "C1", "C1^1^", "C1^1"])
def test_too_few_parts_are_no_answer(text: str) -> None:
    with pytest.raises(Undecodable, match="at least 3"):
        GBK.split(text, 3)


def test_too_few_fields_are_no_answer() -> None:
    with pytest.raises(Undecodable, match="2 fields, 3 were expected"):
        GBK.fields(PARTS, "MZ1|张三|")


@pytest.mark.parametrize(("tree", "field", "char"), [
    ({"name": "张|三"}, "name", "|"), ({"visit": "^"}, "visit", "^"), ({"name": "a$"}, "name", "$"),
    ({"name": "张三丰李四王"}, "name", "王"), ({"name": "𠮷"}, "name", "𠮷"), ({"name": "a\n"}, "name", "\n"),
])  # fmt: skip
def test_a_value_that_cannot_stand_there_is_refused_by_name(tree: dict[str, str], field: str, char: str) -> None:
    with pytest.raises(Unfit) as no:
        GBK.record(PARTS, tree)
    assert (no.value.field, no.value.char) == (field, char)


def test_the_row_of_a_refused_value_is_named() -> None:
    with pytest.raises(Unfit) as no:
        GBK.record(ROWS, {"row": [{"item": "a"}, {"item": "b|"}]})
    assert no.value.field == "row[1].item"


@pytest.mark.parametrize("tree", [{"nmae": "x"}, {"row": "x"}, {"row": [1]}, {"row": [{"kode": "x"}]}])
def test_a_tree_of_another_shape_is_refused(tree: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        GBK.record(ROWS, tree)


def test_what_is_no_text_is_refused() -> None:
    for value in (1.5, True, [], {}):
        with pytest.raises(Unfit, match="expected"):
            GBK.record(PARTS, {"name": value})


@given(st.lists(TEXTS, min_size=3, max_size=3))
def test_every_value_comes_back_as_one_field(values: list[str]) -> None:
    layout = tuple(Field(name, 100) for name in "abc")
    text = WIDE.record(layout, dict(zip("abc", values, strict=True)))
    wide = str.maketrans("^|$", "＾｜＄")
    assert WIDE.fields(layout, text) == {n: v.translate(wide).strip() for n, v in zip("abc", values, strict=True)}
    assert WIDE.split(WIDE.joined([text, "1"]), 2) == [text, "1"]


@given(st.integers(0x81, 0xFE), st.sampled_from([0x5E, 0x7C]))
def test_characters_whose_second_byte_is_a_separator_stay_whole(lead: int, trail: int) -> None:
    """`^` and `|` end GBK characters: bytes are decoded before anything is split."""
    try:
        char = bytes([lead, trail]).decode("gbk")
    except UnicodeDecodeError:
        return
    text = GBK.record((Field("a", 2), Field("b", 2)), {"a": char, "b": char})
    assert text.encode("gbk").count(bytes([trail])) > text.count(chr(trail))
    assert GBK.fields((Field("a", 2), Field("b", 2)), text) == {"a": char, "b": char}


@pytest.mark.parametrize("more", [{"part": "|"}, {"row": ";"}, {"escape": "double"}, {"charset": "BIG5"}])
def test_separators_that_could_not_work_are_refused(more: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Separators(**more)
