"""The product's leg tables keep a settlement with two effects inside safe in every interleaving; no rule is idle."""

from __future__ import annotations

import pytest

from tests.his_led.led_model import Rules, endings, search

NEEDED = [
    ("half_is_waiting", "the insurance's settlement stands"),
    ("failed_booking_is_unknown", "the insurance's settlement stands"),
    ("silence_is_unknown", "the insurance's settlement stands"),
    ("not_there_waits_for_the_fence", "the insurance's settlement stands"),
    ("only_after_the_fence", "stands"),
    ("stop_may_take_back", "settled, and 0 stands"),
    ("new_stop_moves_the_fence", "settled, and 0 stands"),
    ("void_reverses_the_half", "the insurance's settlement stands"),
    ("number_is_once", "settled twice"),
]


def test_with_all_rules_no_run_ends_wrong() -> None:
    states, wrong, way = search(Rules())
    assert not wrong, (wrong, way)
    assert states > 500, "the model became too small to see anything"
    assert endings(Rules()) >= {"settled", "undone"}


@pytest.mark.parametrize(("rule", "expected"), NEEDED)
def test_without_a_rule_some_run_ends_wrong(rule: str, expected: str) -> None:
    _, wrong, way = search(Rules()._replace(**{rule: False}))
    assert expected in wrong
    assert way, "a wrong ending names the way there"


def test_a_refused_repeat_is_covered_twice() -> None:
    """The engine does not believe it, and the HIS buries the number: either is enough, none is too little."""
    assert search(Rules()._replace(refusal_of_a_repeat_is_unknown=False))[1] == ""
    assert search(Rules()._replace(refused_number_is_buried=False))[1] == ""
    neither = Rules()._replace(refusal_of_a_repeat_is_unknown=False, refused_number_is_buried=False)
    assert "the money went back" in search(neither)[1]
