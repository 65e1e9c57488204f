"""An ordinary day with a HIS that leads: every book agrees, and the engine has seen what it did not do itself."""

from __future__ import annotations

from tests.his_led.stage import Town


def test_insured_by_qr_and_all_books_agree(town: Town) -> None:
    answer = town.do(town.settle)
    town.settled_once(answer)
    assert answer["amounts"] == {
        "total": 120000, "fund": 12500, "account": 0, "relief": 0, "other": 0, "cash": 107500,
    }  # fmt: skip
    assert town.differences() == []
