"""Cash and the insurance account go past the payment channel: it keeps nothing, and that is right."""

from __future__ import annotations

from dataclasses import replace

from engine.runtime.books_compare import compare
from engine.saga.case import CaseState
from tests.books.good import Day, Writer


def _kinds(day: Day) -> list[tuple[str, str]]:
    return [(one.kind, one.settlement_no) for one in compare(day.view(), day.books())]


def _in_cash(day: Day, no: str, *, after_refusal: bool) -> None:
    """Settled in cash, at once or after a payment that was refused."""
    writer = Writer(day, no, 1000.0).lock().visit()
    first = len(writer.kept.legs)
    if after_refusal:
        writer.refused_pay()
    writer.insurance().book().invoice().end(CaseState.SETTLED)
    later = 2 if after_refusal else 1
    writer.kept.legs = [
        replace(leg, attempt=later) if leg.id > first and leg.call != "pay.qr" else leg for leg in writer.kept.legs
    ]


def test_what_was_paid_in_cash_is_not_missed_at_the_channel() -> None:
    day = Day()
    _in_cash(day, "S1", after_refusal=False)
    assert _kinds(day) == []


def test_cash_after_a_refused_payment_is_not_missed_either() -> None:
    day = Day()
    _in_cash(day, "S1", after_refusal=True)
    assert _kinds(day) == []


def test_money_at_the_channel_for_what_was_settled_in_cash_is_seen() -> None:
    day = Day()
    _in_cash(day, "S1", after_refusal=True)
    paid = Writer(Day(), "S1", 1000.0).lock().visit().pay()
    day.rows["wechat"] += paid.day.rows["wechat"]
    assert [kind for kind, _ in _kinds(day)] == ["late_payment"]
