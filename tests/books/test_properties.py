"""Whatever the day was like: good books are silent, and no fen moves without being seen."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime.books_compare import compare, is_open
from tests.books.good import Day, Writer, fenced_then_paid, settled, taken_back, under_way, with_a_person

KINDS: tuple[Callable[[Day, str, float], Writer], ...] = (
    settled,
    taken_back,
    fenced_then_paid,
    under_way,
    with_a_person,
)
MONEY = ("charge", "book", "settle", "issue", "refund")
days = st.lists(st.sampled_from(KINDS), min_size=1, max_size=6)


def _day(kinds: list[Callable[[Day, str, float], Writer]]) -> Day:
    day = Day()
    for at, kind in enumerate(kinds):
        kind(day, f"S{at}", 5000.0 + at * 100)
    return day


@given(days)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_good_days_are_silent(kinds: list[Callable[[Day, str, float], Writer]]) -> None:
    day = _day(kinds)
    assert compare(day.view(), day.books()) == []


@given(days, st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_fen_moves_unseen(kinds: list[Callable[[Day, str, float], Writer]], data: st.DataObject) -> None:
    """Drop, double or change any money row of a settlement at rest: that settlement is named."""
    day = _day(kinds)
    rest = {no for no, kept in day.kept.items() if not is_open(kept)}
    owner = {**day.numbers, **{no: no for no in day.kept}}
    places = [
        (party, at)
        for party, rows in sorted(day.rows.items())
        for at, row in enumerate(rows)
        if row.kind in MONEY and row.state == "done" and owner.get(row.no) in rest
    ]
    if not places:
        return
    party, at = data.draw(st.sampled_from(places))
    rows = day.rows[party]
    row = rows[at]
    match data.draw(st.sampled_from(("drop", "double", "more", "less"))):
        case "drop":
            del rows[at]
        case "double":
            rows.append(replace(row, party_no=row.party_no + "2"))
        case "more":
            rows[at] = replace(row, amount=row.amount + data.draw(st.integers(1, 10**6)))
        case _:
            rows[at] = replace(row, amount=row.amount - data.draw(st.integers(1, row.amount)))
    assert owner[row.no] in {one.settlement_no for one in compare(day.view(), day.books())}


@given(days, st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_order_of_a_ledgers_rows_does_not_matter(
    kinds: list[Callable[[Day, str, float], Writer]], seed: int
) -> None:
    day = _day(kinds)
    for rows in day.rows.values():
        random.Random(seed).shuffle(rows)
    assert compare(day.view(), day.books()) == []
