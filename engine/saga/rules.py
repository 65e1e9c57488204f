"""The rules that keep money safe, by name. Each can be switched off in a test, to prove that the suite would see it.

Source: an explicit-state model of engine, payment channel, HIS and patient in which every rule was removed in turn;
each removal has a shortest run that loses or doubles money (`tests/saga/test_money_model.py` runs it on these tables).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """All on, always, outside of tests."""

    timeout_is_unknown: bool = True  # silence is not failure
    fence: bool = True  # "not there" before the fence tells nothing
    ask_after_fence: bool = True  # only an inquiry that began after the fence counts
    number_saved_first: bool = True  # intent and number are durable before the first byte
    one_attempt_live: bool = True  # attempt n+1 only after n is definitely no
    callback_once: bool = True  # the same fact again changes nothing
    same_number_on_retry: bool = True  # a repeat carries the number it had
    definite_before_back: bool = True  # nothing is undone while a later leg is unknown
    fence_later_legs: bool = True  # the fence holds for HIS and insurance as for payments
    paid_before_settle: bool = True  # the next step begins after the payment is known and stored
    refund_number_fixed: bool = True  # a refund is one number, for ever
    pending_is_not_done: bool = True  # an accepted refund is not yet a refund
    undo_in_reverse: bool = True  # money goes back last
    bill_locked: bool = True  # the cashier cannot collect meanwhile: the HIS keeps this one, its lock is our call


RULES = Rules()
