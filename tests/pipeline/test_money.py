"""Amounts as the parties write them: exact both ways, and nothing is taken that is not plainly an amount."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.money import MAX_FEN, BadAmount, fen_of, fen_of_yuan, yuan_of_fen

FEN = st.integers(-MAX_FEN, MAX_FEN)


@given(FEN)
def test_fen_to_yuan_and_back_is_exact(fen: int) -> None:
    text = yuan_of_fen(fen)
    assert Decimal(text) * 100 == fen
    assert fen_of_yuan(text) == fen_of_yuan(Decimal(text)) == fen
    assert fen_of(fen) == fen_of(str(fen)) == fen


@pytest.mark.parametrize(
    ("fen", "yuan"), [(0, "0.00"), (1, "0.01"), (-1, "-0.01"), (99, "0.99"), (100, "1.00"), (-107505, "-1075.05")]
)
def test_yuan_are_written_with_both_places_and_a_leading_zero(fen: int, yuan: str) -> None:
    assert yuan_of_fen(fen) == yuan


@pytest.mark.parametrize("value", [
    True, None, 12.0, b"1", [], "", " 1", "1 ", "+1", "01", "1.", ".5", "1.005", "1,000", "1e2", "１２", "--1",
    "1000000000", 1000000000, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1.001"),
])  # fmt: skip
def test_what_is_no_amount_in_yuan_is_refused(value: Any) -> None:
    with pytest.raises(BadAmount, match="yuan"):
        fen_of_yuan(value)


@pytest.mark.parametrize("value", [
    True, None, 12.0, Decimal(1), b"1", "", "1.0", " 1", "+1", "01", "1e2", "１２", 10**11, -(10**11), "1" * 12,
])  # fmt: skip
def test_what_is_no_amount_in_fen_is_refused(value: Any) -> None:
    with pytest.raises(BadAmount):
        fen_of(value)
