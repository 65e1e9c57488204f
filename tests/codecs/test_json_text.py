"""JSON is read strictly, and what is refused is named with its byte."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.codecs.errors import Undecodable
from engine.codecs.json_text import parse, print_json


def test_a_mark_in_front_says_nothing() -> None:
    assert parse(b'\xef\xbb\xbf {"a": "\xe7\x94\xb2"}\r\n') == {"a": "甲"}


@pytest.mark.parametrize(
    ("data", "code", "offset"),
    [
        (b'{"a":1,"b":{"a":1},"a":2}', "json-duplicate", 19),
        ('{"名":1,"\\u540d":2}'.encode(), "json-duplicate", 9),
        (b'{"a":NaN}', "json-number", 5),
        (b"[1,-Infinity]", "json-number", 3),
        (b'{"a":' + b"9" * 31 + b"}", "json-number", 5),
        (b'{"a":1e99}', "json-number", 5),
        (b'{"a":1e-99999999999}', "json-number", 5),
        (b'{"a":0.' + b"1" * 30 + b"}", "json-number", 5),
        (b'{"a\\u0000b":1}', "json-name", 1),
        (b'["\\ud83d"]', "json-surrogate", 2),
        (b'["x\\ude00"]', "json-surrogate", 3),
        (b'["\\ud83dx\\ude00"]', "json-surrogate", 2),
        (b'["\\ud83d\\ud83d\\ude00"]', "json-surrogate", 2),
        (b"[" * 65 + b"]" * 65, "json-depth", 64),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "json-depth", 5 * 64),
        (b'["\xff"]', "charset", 2),
        (b'["\xed\xa0\x80"]', "charset", 2),
        (b'{"a":1', "json-syntax", 6),
        (b'{"a":01}', "json-syntax", 6),
        (b'["\x00"]', "json-syntax", 2),
        (b"\xef\xbb\xbf{", "json-syntax", 4),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "json-syntax", 3),
        (b"{\xef\xbb\xbf}", "json-syntax", 1),
        (b"{} {}", "json-syntax", 3),
        (b"", "json-syntax", 0),
        (b'{"a":.5}', "json-syntax", 5),
        (b"'a'", "json-syntax", 0),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(data: bytes, code: str, offset: int) -> None:
    with pytest.raises(Undecodable) as caught:
        parse(data)
    assert (caught.value.code, caught.value.offset) == (code, offset)


def test_size_is_bounded() -> None:
    with pytest.raises(Undecodable, match="more than 5 bytes"):
        parse(b'"12345"', max_bytes=5)


def test_numbers_are_int_or_decimal_never_float() -> None:
    tree = parse(b'{"a":1200.00,"b":1,"c":-0.10,"d":1E+2,"e":"\\\\ud800","f":"\\ud83d\\ude00"}')
    assert list(tree.values()) == [Decimal("1200.00"), 1, Decimal("-0.10"), 100, "\\ud800", "😀"]
    assert [type(v) for v in tree.values()] == [Decimal, int, Decimal, Decimal, str, str]
    assert print_json({"a": tree["a"], "c": tree["c"], "d": tree["d"]}) == b'{"a":1200.00,"c":-0.10,"d":100}'


@pytest.mark.parametrize("tree", [1.5, {"a": 0.1}, {1: 2}, ["\ud800"], Decimal("NaN"), b"x", {"a": {1}}])
def test_what_json_cannot_say_exactly_is_not_written(tree: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        print_json(tree)


def test_deepest_allowed_is_read_and_written() -> None:
    data = b"[" * 64 + b"]" * 64
    assert print_json(parse(data)) == data


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**29), 10**29) | st.text()
    | st.decimals(-(10**9), 10**9, places=4, allow_nan=False),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text().filter(lambda n: "\0" not in n), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(_TREES)
def test_written_trees_read_back_the_same(tree: object) -> None:
    data = print_json(tree)
    assert parse(data) == tree
    assert print_json(parse(data)) == data


@given(st.binary(max_size=60) | st.text('{}[]":,\\u0d8-1.eNa ', max_size=30).map(str.encode))
def test_any_bytes_are_read_or_refused_inside_them(data: bytes) -> None:
    try:
        tree = parse(data)
    except Undecodable as error:
        refused_at = error.offset
    else:
        refused_at = 0
        assert tree == json.loads(data, parse_float=Decimal)
    assert 0 <= refused_at <= len(data)
