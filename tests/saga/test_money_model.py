"""The product's leg tables keep money safe in every interleaving of a small world, and each rule is needed."""

from __future__ import annotations

import pytest

from tests.saga.money_model import Rules, search

NEEDED = [
    ("timeout_is_unknown", "kept for 0"),
    ("fence", "kept for 0"),
    ("ask_after_fence", "kept for 0"),
    ("number_saved_first", "kept for 0"),
    ("one_attempt_live", "2 payment(s)"),
    ("callback_once", "HIS booked twice"),
    ("his_same_number", "HIS booked twice"),
    ("definite_before_back", "0 payment(s) kept for 1"),
    ("his_fence", "0 payment(s) kept for 1"),
    ("paid_before_settle", "HIS settled without payment"),
]


def test_with_all_rules_no_run_ends_wrong() -> None:
    states, wrong, way = search(Rules())
    assert not wrong, way
    assert states > 100_000, "the model became too small to see anything"


@pytest.mark.parametrize(("rule", "expected"), NEEDED)
def test_without_a_rule_some_run_ends_wrong(rule: str, expected: str) -> None:
    _, wrong, way = search(Rules()._replace(**{rule: False}))
    assert expected in wrong
    assert way, "a wrong ending names the way there"
