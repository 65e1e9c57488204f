"""The judge can say no: books with one thing wrong in them, and an engine with one of its rules taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.saga.rules import RULES
from tests.simulation.judge import Books, Claim, judge
from tests.simulation.world import play

NO = "S20261122090000000001"
CLAIM = Claim(NO, "settled", ("B1",), True, "wechat_code", 120000, 107500, frozenset())


def _row(kind: str, no: str, amount: int, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "no": no, "amount": amount, "state": "done", "bill": "B1", "ref": "", **more}


def _books() -> Books:
    """One settled bill of 1200.00, 1075.00 of it by payment code."""
    return Books(
        his=(_row("lock", f"{NO}L", 120000, state="used"), _row("book", NO, 120000, ref="107500")),
        insurance=(
            _row("upload", NO, 120000, state="uploaded", ref="M1"),
            _row("settle", "msg", 120000, ref="M1", fund=12500, account=0, cash=107500),
        ),
        wechat=(_row("order", f"{NO}P1", 107500, state="paid"), _row("charge", f"{NO}P1", 107500)),
        einvoice=(_row("issue", f"{NO}E1", 120000),),
    )


def _add(name: str, **rows: Any) -> Callable[[Books], Books]:
    return lambda books: replace(books, **{name: (*getattr(books, name), rows["row"])})


def _drop(name: str, kind: str) -> Callable[[Books], Books]:
    return lambda books: replace(books, **{name: tuple(r for r in getattr(books, name) if r["kind"] != kind)})


def _change(name: str, kind: str, **values: Any) -> Callable[[Books], Books]:
    return lambda books: replace(
        books, **{name: tuple({**r, **values} if r["kind"] == kind else r for r in getattr(books, name))}
    )


def test_books_without_fault() -> None:
    assert judge(_books(), [CLAIM], excused=False) == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_drop("wechat", "charge"), "0 fen kept, 107500 due"),
        (_add("wechat", row=_row("charge", f"{NO}P2", 107500)), "215000 fen kept"),
        (_add("wechat", row=_row("refund", f"{NO}R1", 107500, ref=f"{NO}P1")), "0 fen kept"),
        (_add("wechat", row=_row("refund", f"{NO}R1", 107500, ref=f"{NO}P1", state="processing")), "0 fen kept"),
        (_add("wechat", row=_row("reverse", f"{NO}P1", 107500)), "0 fen kept"),
        (_add("wechat", row=_row("refund", f"{NO}R1", 107600, ref=f"{NO}P1")), "more given back than taken"),
        (_add("wechat", row=_row("charge", "S2P1", 1)), "nobody knows"),
        (_drop("his", "book"), "0 live bookings"),
        (_change("his", "book", state="void"), "0 live bookings"),
        (_add("his", row=_row("book", NO, 120000, ref="107500")), "2 live bookings"),
        (_add("his", row=_row("charge", "R1", 120000, ref="window")), "window: True"),
        (_change("his", "book", ref="107400"), "the patient was told"),
        (_change("his", "lock", state="live"), "still locked"),
        (_drop("insurance", "settle"), "0 live insurance settlements"),
        (_change("insurance", "settle", cash=107499), "insurance 120000/107499"),
        (_change("insurance", "settle", state="reversed"), "0 live insurance settlements"),
        (_drop("einvoice", "issue"), "invoices []"),
        (_change("einvoice", "issue", amount=1), "invoices [1]"),
        (_change("einvoice", "issue", state="written_off"), "invoices []"),
    ],
)
def test_one_thing_wrong_is_seen(spoil: Callable[[Books], Books], says: str) -> None:
    flaws = judge(spoil(_books()), [CLAIM], excused=True)
    assert any(says in flaw for flaw in flaws), flaws


@pytest.mark.parametrize("state", ["undone", "rejected"])
def test_what_is_left_of_an_undone_settlement_is_seen(state: str) -> None:
    flaws = judge(_books(), [replace(CLAIM, state=state)], excused=True)
    for says in ("107500 fen kept", "booked at the HIS", "settled with the insurance", "an invoice stands"):
        assert any(says in flaw for flaw in flaws), says
    assert any("money was taken" in flaw for flaw in flaws) is (state == "rejected")


def test_a_person_is_called_only_for_cause_and_with_a_task() -> None:
    manual = replace(CLAIM, state="manual", tasks=frozenset({"differs"}))
    assert judge(_books(), [manual], excused=True) == []
    assert judge(_books(), [manual], excused=False)
    assert judge(_books(), [replace(manual, tasks=frozenset())], excused=True)


def test_what_does_not_come_to_rest_is_seen() -> None:
    assert judge(_books(), [replace(CLAIM, state="forward")], excused=True)


def test_two_settled_settlements_of_one_bill_are_seen() -> None:
    second = replace(CLAIM, no="S20261122090000000002")
    assert any("two settled" in flaw for flaw in judge(_books(), [CLAIM, second], excused=True))


@pytest.mark.parametrize(
    ("rule", "seeds"),
    [
        ("timeout_is_unknown", (19, 21, 3, 14)),
        ("fence", (118, 123, 31, 73)),
        ("same_number_on_retry", (10, 1, 13, 14)),
        ("paid_before_settle", (0, 5, 9, 10)),
        ("refund_number_fixed", (49, 80, 85, 91)),
        ("fence_later_legs", (132, 31, 126, 138)),
    ],
)
def test_a_rule_taken_away_is_seen_by_a_seed(rule: str, seeds: tuple[int, ...]) -> None:
    """One of the seeds is enough: what happens in a seed changes with the engine."""
    without = replace(RULES, **{rule: False})
    assert any(not play(seed, rules=without).passed for seed in seeds), f"nobody misses {rule}"
