"""Money goes back once, in every interleaving of a small world run on the product's undo table; each rule is needed."""

from __future__ import annotations

import pytest

from tests.saga.refund_model import Rules, search, search_collecting

ALL = Rules()
NEEDED = [
    ("refund_number_fixed", "returned twice"),
    ("window_only_when_no", "returned twice"),
    ("not_enough_needs_fence", "returned twice"),
    ("not_there_needs_fence", "returned twice"),
    ("pending_is_not_done", "booked as returned, the patient has nothing"),
    ("his_first", "money back, HIS active"),
]


def test_with_all_rules_money_goes_back_once_and_always_can() -> None:
    states, wrong, way, stuck = search(ALL)
    assert not wrong, way
    assert states > 1_000, "the model became too small to see anything"
    assert not stuck, "from some state the patient can never get the money"


@pytest.mark.parametrize(("rule", "expected"), NEEDED)
def test_without_a_rule_some_run_ends_wrong(rule: str, expected: str) -> None:
    _, wrong, way, _ = search(ALL._replace(**{rule: False}))
    assert wrong == expected
    assert way, "a wrong ending names the way there"


def test_the_cashier_may_collect_where_his_refuses_a_second_booking() -> None:
    """A HIS that books a bill once is enough, with or without the lock: the second payer gets the money back."""
    assert search_collecting(ALL)[1] == ""
    assert search_collecting(ALL._replace(bill_locked=False))[1] == ""
    assert search_collecting(ALL._replace(bill_locked=False, his_refuses_second=False))[1] == (
        "cash and online both booked"
    )


def test_the_lock_alone_ends_with_the_booking() -> None:
    """The lock keeps the cashier away while the patient pays; after the booking only the HIS itself can refuse."""
    assert search_collecting(ALL._replace(his_refuses_second=False))[1] == "cash and online both booked"
