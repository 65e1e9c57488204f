"""Two lists of a day compared number by number: every difference once, in words without persons."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.statement_lists import compared

Row = dict[str, Any]


def row(number: str, total: int = 100, refunded: str = "0") -> Row:
    return {"number": number, "total": total, "refunded": refunded, "payer": "测试甲"}


def said(ours: list[Row], theirs: list[Row]) -> list[tuple[str, str, str]]:
    return [(one["number"], one["verdict"], one["text"]) for one in compared(ours, theirs, ("total", "refunded"))]


def test_lists_that_agree_say_nothing() -> None:
    assert said([], []) == []
    assert said([row("A"), row("B")], [row("B"), row("A")]) == []
    assert said([row("A", 100)], [{**row("A"), "total": "100"}]) == []  # a number written as text is the same


def test_each_difference_is_named() -> None:
    assert said([row("A")], []) == [("A", "unlisted", "total 100, refunded 0")]
    assert said([], [row("B", 5)]) == [("B", "listed", "total 5, refunded 0")]
    assert said([row("C", 100)], [row("C", 101, "1")]) == [("C", "unlike", "total 100 ≠ 101, refunded 0 ≠ 1")]
    assert said([row("D"), row("D")], [row("D")]) == [("D", "unlike", "ours ×2")]
    assert said([row("E")], [row("E"), row("E")]) == [("E", "unlike", "theirs ×2")]
    assert said([row("F")], [{"number": "F", "refunded": "0"}]) == [("F", "unlike", "total 100 ≠ —")]


NUMBERS = st.lists(st.tuples(st.sampled_from("ABCDEFGH"), st.integers(1, 3)), unique_by=lambda one: one[0])


@given(NUMBERS, NUMBERS)
def test_nothing_is_missed_and_nothing_is_made_up(ours: list[tuple[str, int]], theirs: list[tuple[str, int]]) -> None:
    found = {(no, verdict) for no, verdict, _ in said([row(*one) for one in ours], [row(*one) for one in theirs])}
    mine, yours = dict(ours), dict(theirs)
    wanted = {(no, "unlisted") for no in mine if no not in yours} | {(no, "listed") for no in yours if no not in mine}
    wanted |= {(no, "unlike") for no in mine if no in yours and mine[no] != yours[no]}
    assert found == wanted
