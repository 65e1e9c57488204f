"""A settlement's document comes back from the store exactly as it went in, whichever printer took it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.store.codec import _exactly, decode, encode

_TEXT = st.one_of(st.text(max_size=6), st.sampled_from(["$d", "$", '"$', "$$d", "\ud83c", "测试甲", "\x00"]))
_LEAF = st.one_of(
    _TEXT,
    st.integers(),
    st.integers(min_value=1 << 62, max_value=1 << 66),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
)
_TREE = st.recursive(
    _LEAF,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(_TEXT, below, max_size=3)),
    max_leaves=20,
)


def alike(left: Any, right: Any) -> bool:
    """Equal, and of the same types all the way down: 1, 1.0, true and Decimal(1) are four things."""
    if isinstance(left, dict):
        return [*left] == [*right] and all(alike(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(alike, left, right))
    return type(left) is type(right) and (str(left), left) == (str(right), right)


@given(st.dictionaries(_TEXT, _TREE, max_size=5))
def test_what_goes_in_comes_out(doc: dict[str, Any]) -> None:
    assert alike(decode(encode(doc)), doc)
    assert alike(decode(_exactly(doc)), doc)


@dataclass
class Other:
    value: int = 1


@pytest.mark.parametrize("value", [Other(), date(2026, 11, 22), b"bytes", {1, 2}, object()])
def test_what_is_no_tree_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode({"data": value})
