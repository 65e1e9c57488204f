"""A time in an answer is judged by its form, on every day of the calendar."""

from __future__ import annotations

import pytest

from engine.conformance.forms import Difference, differences, form_of

TRACE = "time MMddHHmmss"
WHOLE = "time yyyyMMddHHmmss"


@pytest.mark.parametrize(
    ("form", "good"),
    [(TRACE, "0228102030"), (TRACE, "0229102030"), (TRACE, "1231235959"), (WHOLE, "20280229102030")],
)
def test_a_day_that_can_be_is_right_without_its_year_too(form: str, good: str) -> None:
    assert differences({"at": good}, {"at": form_of(form)}) == []


@pytest.mark.parametrize(
    ("form", "bad"),
    [(TRACE, "0230102030"), (TRACE, "1301102030"), (TRACE, "0229102030x"), (WHOLE, "20270229000000")],
)
def test_a_day_that_can_never_be_is_wrong(form: str, bad: str) -> None:
    assert differences({"at": bad}, {"at": form_of(form)}) == [Difference("at", "form", form, bad)]
