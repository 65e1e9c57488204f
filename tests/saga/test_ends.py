"""Who is told of a settlement that does not stand, or stands no more: of each end once, and of late money once each."""

from __future__ import annotations

from dataclasses import replace

from engine.core.outcome import Fact, Outcome
from engine.saga.case import CaseState, End, Reason
from engine.saga.events import Cancelled, RefundAsked, Resolved, Tell, Tick
from engine.saga.plan import Ending
from tests.saga.stage import PLAN, Stage

R = Outcome.REFUSED
GONE = Reason("E-GONE", "", "", "patient")


ENDS = (Ending("all", frozenset(End)), Ending("refunds", frozenset({End.REFUNDED})))
ALL_UNDONE, ALL_BACK, REFUNDS = Tell("all", End.UNDONE), Tell("all", End.REFUNDED), Tell("refunds", End.REFUNDED)


def stage_with_ends() -> Stage:
    """The stage, whose channel tells `all` of every end and `refunds` of refunds only."""
    return Stage(plan=replace(PLAN, ends=ENDS))


def test_a_settlement_that_is_undone_tells_when_everything_is_back_and_not_before() -> None:
    stage = stage_with_ends().paid()
    stage.answer("nhsa.settle", R)
    assert stage.told == []
    stage.yes("pay.refund")
    assert stage.told == []
    stage.yes("his.unlock")
    assert stage.case.state is CaseState.UNDONE
    assert stage.told == [ALL_UNDONE]
    stage.hear(Tick())
    assert len(stage.told) == 1


def test_a_refund_is_told_to_who_hears_of_refunds_once_and_only_at_its_end() -> None:
    stage = stage_with_ends().paid()
    stage.yes("nhsa.settle", "his.settle", "einvoice.issue")
    assert (stage.case.state, stage.told) == (CaseState.SETTLED, [])
    stage.hear(RefundAsked(GONE))
    stage.hear(RefundAsked(GONE))
    stage.yes("einvoice.write_off", "his.void", "nhsa.cancel", "pay.refund")
    assert stage.told == []
    stage.yes("his.unlock")
    assert stage.told == [ALL_BACK, REFUNDS]
    stage.hear(RefundAsked(GONE))
    assert len(stage.told) == 2


def test_a_refusal_before_money_was_asked_for_is_another_end() -> None:
    stage = stage_with_ends()
    stage.answer("his.bill", R)
    assert stage.case.state is CaseState.REJECTED
    assert stage.told == [Tell("all", End.REJECTED)]


def test_one_that_needs_a_person_tells_nobody_until_he_has_decided() -> None:
    stage = stage_with_ends().paid()
    stage.yes("nhsa.settle", "his.settle", "einvoice.issue")
    stage.hear(RefundAsked(GONE))
    stage.yes("einvoice.write_off", "his.void", "nhsa.cancel")
    stage.answer("pay.refund", R)
    assert (stage.case.state, stage.told) == (CaseState.MANUAL, [])
    stage.hear(Resolved(GONE, {stage.leg("pay.refund").id: "done"}))
    stage.yes("his.unlock")
    assert stage.told == [ALL_BACK, REFUNDS], "it had stood"


def test_money_that_came_late_is_told_by_the_undo_that_gave_it_back() -> None:
    stage = stage_with_ends().quoted().choose()
    stage.answer("pay.code", R, code="NOTENOUGH")
    stage.choose().yes("pay.code", "nhsa.settle", "his.settle", "einvoice.issue")
    stage.callback("pay.code", Fact.THERE)
    stage.now += 1
    stage.answer("pay.query", Fact.THERE)
    assert stage.told == []
    refund = stage.leg("pay.refund")
    stage.yes("pay.refund")
    assert (stage.case.state, stage.told) == (CaseState.SETTLED, [Tell("all", End.LATE, refund.id)])


def test_given_up_by_the_payer_before_paying_is_undone_too() -> None:
    stage = stage_with_ends().quoted()
    stage.hear(Cancelled(GONE))
    stage.yes("his.unlock")
    assert (stage.case.state, stage.told) == (CaseState.UNDONE, [ALL_UNDONE])
