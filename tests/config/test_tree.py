"""Text stays text, everything has its place, and what would read otherwise than it looks is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.tree import MAX_BYTES, Map, Scalar, Seq, plain, read_text, read_tree


def codes(text: str) -> list[tuple[str, int, int]]:
    return [(item.code, item.line, item.col) for item in read_tree(text, "f.yaml")[1]]


WORDS = ["010", "no", "Yes", "12:30", "3.10", "null", "~", "1e3", "2026-11-22", "0x1F", "1_000"]


@pytest.mark.parametrize("word", WORDS)
def test_every_scalar_stays_text(word: str) -> None:
    tree, problems = read_tree(f"a: {word}", "f.yaml")
    assert problems == []
    assert plain(tree) == {"a": word}


def test_places_are_counted_from_one_in_characters() -> None:
    tree, _ = read_tree("甲: {乙: 丙丙, c: [d, 'e e']}", "f.yaml")
    assert isinstance(tree, Map)
    inner = tree.get("甲")
    assert isinstance(inner, Map)
    word, items = inner.get("乙"), inner.get("c")
    assert isinstance(word, Scalar)
    assert isinstance(items, Seq)
    assert (word.mark.line, word.mark.col, word.mark.width) == (1, 8, 2)
    assert [(item.mark.col, item.mark.width) for item in items.items] == [(16, 1), (19, 5)]
    key = inner.key("c")
    assert key is not None
    assert key.mark.col == 12


def test_all_refusals_are_told_at_once() -> None:
    text = "a: &x [1]\nb: *x\n<<: {c: d}\na: 2\nq: !!int 5\n"
    assert codes(text) == [("E105", 1, 4), ("E105", 2, 4), ("E107", 3, 1), ("E111", 4, 1), ("E106", 5, 4)]


def test_a_duplicate_names_the_earlier_line() -> None:
    (item,) = read_tree("a: 1\nb: 2\na: 3\n", "f.yaml")[1]
    assert "1" in item.zh
    assert "line 1" in item.en


def test_a_quoted_merge_sign_is_a_plain_name() -> None:
    tree, problems = read_tree("'<<': x", "f.yaml")
    assert (plain(tree), problems) == ({"<<": "x"}, [])


def test_large_files_are_refused_unread() -> None:
    assert codes("a" * (MAX_BYTES + 1)) == [("E102", 1, 1)]
    assert codes("汉" * (MAX_BYTES // 3 + 1)) == [("E102", 1, 1)]
    assert [item.code for item in read_text(b"a" * (MAX_BYTES + 1), "f")[1]] == ["E102"]
    assert codes("a: " + "b" * (MAX_BYTES - 3)) == []


def test_forty_levels_are_read_and_forty_one_are_not() -> None:
    assert codes("[" * 39 + "x" + "]" * 39) == []
    assert codes("[" * 40 + "x" + "]" * 40) == [("E109", 1, 41)]


def test_bytes_that_are_no_utf8_are_told_at_their_place() -> None:
    text, problems = read_text("a: 1\n中: ".encode() + "国".encode("gbk"), "f")
    assert text == ""
    assert [(item.code, item.line, item.col) for item in problems] == [("E103", 2, 4)]


def test_a_byte_order_mark_is_no_content() -> None:
    text, problems = read_text("\ufeffa: 1".encode(), "f")
    assert (text, problems) == ("a: 1", [])


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    tree, problems = read_tree(text, "f.yaml")
    assert tree is None or not any(item.line < 1 or item.col < 1 for item in problems)


LETTERS = st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"), exclude_characters="\ufeff")
NAMES = st.text("abc", min_size=1, max_size=3)
TREES: st.SearchStrategy[object] = st.recursive(
    st.text(LETTERS, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(TREES)
def test_what_json_writes_is_read_back_as_text(value: object) -> None:
    tree, problems = read_tree(json.dumps(value, ensure_ascii=False), "f.yaml")
    assert problems == []
    assert plain(tree) == value
