"""The sums of every settlement of a stay, over random stays; taking one back gives every counter back."""

from __future__ import annotations

import pytest

from tests.inpatient.stays import PLACES, judged


@pytest.mark.parametrize("place", list(PLACES))
def test_the_sums_hold_for_random_stays_and_nothing_is_left_behind(place: str) -> None:
    assert min(judged(place, 60).values()) > 10  # the dice reached the interesting places
