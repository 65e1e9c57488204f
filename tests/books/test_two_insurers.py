"""A hospital with two insurance platforms: each one's ledger is judged by the calls made to it, not to the other."""

from __future__ import annotations

from dataclasses import replace

from engine.runtime.books_compare import compare
from engine.runtime.books_view import LedgerRow, PartyBook, Role

from .good import good_day


def test_the_second_platforms_silence_says_nothing_about_the_first() -> None:
    day = good_day()
    city = PartyBook("municipal", Role.INSURANCE, [])
    for books in ([*day.books(), city], [city, *day.books()]):
        assert compare(day.view(), books) == []


def test_an_effect_at_the_one_is_not_excused_by_a_call_to_the_other() -> None:
    day = good_day()
    row: LedgerRow = next(row for row in day.rows["nhsa"] if row.kind == "settle")
    city = PartyBook("municipal", Role.INSURANCE, [replace(row, party_no="JS1")])
    found = compare(day.view(), [*day.books(), city])
    assert {one.kind for one in found} >= {"effect_without_call", "insurance_twice"}
