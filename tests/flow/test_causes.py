"""Why a settlement is as it is, in words that are true of it now."""

from __future__ import annotations

import pytest

from engine.runtime.answers import code_told


@pytest.mark.parametrize(
    ("code", "state", "told"),
    [
        ("E-REFUNDED", "manual", "E-PERSON"),  # the refund is what a person has to look at
        ("E-REFUNDED", "back", "E-UNDOING"),
        ("E-REFUNDED", "undone", "E-REFUNDED"),
        ("E-NOT-SIGNED", "back", "E-NOT-SIGNED"),
        ("E-NOT-SIGNED", "manual", "E-NOT-SIGNED"),
        ("E-PAY-NOTENOUGH", "manual", "E-PERSON"),  # its words lead the patient to pay again
        ("E-PAY-NOTENOUGH", "undone", "E-PAY-NOTENOUGH"),
        ("", "manual", "E-PERSON"),
        ("", "settled", ""),
    ],
)
def test_nobody_reads_of_a_refund_that_is_not_done(code: str, state: str, told: str) -> None:
    assert code_told(code, state) == told
