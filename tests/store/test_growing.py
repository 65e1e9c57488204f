"""A settlement's document is written at every step: what does not change only once, and always the same bytes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.store.codec import Texts, decode, encode, encode_growing

_TEXT = st.one_of(st.text(max_size=6), st.sampled_from(["$d", "\x010\x01", '"\x010\x01"', "\\u00010", "\x011\x01"]))
_LEAF = st.one_of(_TEXT, st.integers(), st.booleans(), st.none(), st.decimals(allow_nan=False, allow_infinity=False))
_TREE = st.recursive(
    _LEAF,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(_TEXT, below, max_size=3)),
    max_leaves=20,
)
_DOC = st.dictionaries(_TEXT, _TREE, max_size=5)


@given(st.lists(st.tuples(_TEXT, _TREE), max_size=6), _DOC)
def test_growing_writes_what_encode_writes(steps: list[tuple[str, Any]], data: dict[str, Any]) -> None:
    texts: Texts = {}
    doc = {"data": data, "cursor": 0}
    for name, value in [("", 0), *steps]:
        data[name] = value
        doc["cursor"] += 1
        assert encode_growing(doc, texts) == encode(doc)
        assert decode(encode_growing(doc, texts)) == doc


def test_a_dict_that_grows_in_place_is_written() -> None:
    texts: Texts = {}
    doc: dict[str, Any] = {"_once": {"pay": {"1": "a"}}, "nhsa": {"person": {"no": "1"}}}
    encode_growing(doc, texts)
    doc["_once"]["pay"]["2"] = "b"
    doc["nhsa"]["person"]["no"] = "2"
    assert encode_growing(doc, texts) == encode(doc)
    doc["nhsa"]["person"]["deep"] = {"deeper": {"x": 1}}
    assert encode_growing(doc, texts) == encode(doc)
    doc["nhsa"]["person"]["deep"]["deeper"]["x"] = 2
    assert encode_growing(doc, texts) == encode(doc)


def test_a_list_that_takes_another_ones_place_is_written() -> None:
    texts: Texts = {}
    doc: dict[str, Any] = {"data": {"his": {"bill": {"items": [{"amount": 1, "qty": Decimal("1.50")}]}}}}
    first = encode_growing(doc, texts)
    doc["data"]["his"]["bill"] = {"items": [{"amount": 2, "qty": Decimal("1.50")}]}
    second = encode_growing(doc, texts)
    assert (b'"amount":1' in first, b'"amount":2' in first) == (True, False)
    assert (b'"amount":1' in second, b'"amount":2' in second) == (False, True)
