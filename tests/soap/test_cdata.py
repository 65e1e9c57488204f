"""The document inside the document: its declared character set is kept, and what does not fit it is named."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.codecs.errors import Undecodable
from engine.codecs.soap_cdata import parse_inner, print_inner

_VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff\ufffd"), min_size=1)
_TREES = st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), _VALUES, min_size=1, max_size=5)


def test_as_it_is_written_down() -> None:
    tree = {"head": {"jybh": "2410", "xm": "测试𠮷 <&>"}, "body": {"row": [{"a": "1"}, {"a": "2"}], "none": None}}
    text = print_inner("input", tree, "GB18030")
    assert text == (
        '<?xml version="1.0" encoding="GB18030"?><input><head><jybh>2410</jybh><xm>测试𠮷 &lt;&amp;&gt;</xm></head>'
        "<body><row><a>1</a></row><row><a>2</a></row><none/></body></input>"
    )
    assert parse_inner(text, ["row"]) == ("input", {**tree, "body": {**tree["body"], "none": ""}})


@given(st.dictionaries(st.sampled_from(["head", "body"]), _TREES, min_size=1))
def test_what_is_written_is_read(tree: dict[str, Any]) -> None:
    assert parse_inner(print_inner("input", tree, "GB18030")) == ("input", tree)


def test_lists_are_lists_also_with_one_or_no_row() -> None:
    assert parse_inner("<o><row>1</row></o>", ["row"])[1] == {"row": ["1"]}
    assert parse_inner("<o><row>1</row></o>")[1] == {"row": "1"}
    assert parse_inner("<o><a/></o>", ["row"])[1] == {"a": ""}
    assert print_inner("o", {"row": []}, "GBK").endswith("<o></o>")


def test_a_name_outside_of_the_declared_set_is_refused_by_name() -> None:
    with pytest.raises(Undecodable, match="'𠮷' does not exist in GBK") as no:
        print_inner("input", {"xm": "测试𠮷"}, "GBK")
    assert no.value.code == "charset"
    assert print_inner("input", {"xm": "億區東瑋魚"}, "GBK")


def why(text: str) -> str:
    with pytest.raises(Undecodable) as no:
        parse_inner(text, ["row"])
    return no.value.code


@pytest.mark.parametrize(("text", "code"), [
    ("", "inner-empty"), ("  ", "inner-empty"), ("<o>", "xml-syntax"), ("x", "xml-syntax"), ("<o/>", "inner-flat"),
    ("<o>text</o>", "inner-flat"), ("<o><a/><a/></o>", "inner-repeated"),
    ('<?xml version="1.0" encoding="ISO-8859-1"?><o><a/></o>', "charset"),
    ('<?xml version="1.0" encoding="UTF-16"?><o><a/></o>', "charset"),
    ('<?xml version="1.0" encoding="GBK"?><o><xm>\ufffd</xm></o>', "charset"),
    ("<o><a>\ud800</a></o>", "charset"),
    ('<!DOCTYPE o [<!ENTITY x "y">]><o><a>&x;</a></o>', "xml-doctype"),
    ("<o>" + "<a>" * 70 + "</a>" * 70 + "</o>", "xml-depth"),
])  # fmt: skip
def test_what_is_no_inner_document_has_a_name(text: str, code: str) -> None:
    assert why(text) == code


@given(st.text(max_size=80))
def test_noise_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(Undecodable):
        parse_inner(text)


@pytest.mark.parametrize("tree", [
    {"a b": "1"}, {"1": "x"}, {"a": True}, {"a": 1.5}, {"a": "\x00"}, {"a": "\ud800"}, {"": "x"}, {"<a>": "x"},
])  # fmt: skip
def test_what_must_not_be_written(tree: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        print_inner("input", tree, "GB18030")


def test_all_characters_of_the_common_set_survive() -> None:
    """The 20,902 URO ideographs, as real names may have any of them."""
    text = "".join(map(chr, range(0x4E00, 0x9FA6)))
    for charset in ("GB18030", "GBK", "UTF-8"):
        assert parse_inner(print_inner("o", {"xm": text}, charset)) == ("o", {"xm": text})
