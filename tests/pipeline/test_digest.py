"""A digest counts what is said; those that were stored long ago still hold."""

from __future__ import annotations

import json
from decimal import Decimal
from hashlib import sha256
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.digest import digest_of

_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(), st.characters(categories=["Cs"]), st.decimals(allow_nan=False),
    st.sampled_from(["中文", '"\\/\b\f\n\r\t\x00\x1f\x7f\u2028', "😀", "$d"]),
)  # fmt: skip
_TREES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=5)
)


def canonical(tree: Any) -> str:
    """As digests were made from the first day on."""
    text = json.dumps(tree, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@settings(max_examples=400, deadline=None)
@given(_TREES)
def test_a_digest_is_what_it_always_was(tree: Any) -> None:
    assert digest_of(tree) == canonical(tree)


def test_the_order_of_names_does_not_count_and_a_decimals_text_does() -> None:
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})
    assert digest_of({"a": Decimal("1.50")}) != digest_of({"a": Decimal("1.5")})
    assert digest_of({"a": [1, 2]}) != digest_of({"a": [2, 1]})
    assert digest_of({"😀": 1, "\uffff": 2, "a": 3}) == canonical({"a": 3, "\uffff": 2, "😀": 1})
