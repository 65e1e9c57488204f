"""What a person hears once, hears the end of, and decides about when the settlement itself is at rest."""

from __future__ import annotations

import pytest

from engine.core.outcome import Fact, Outcome
from engine.saga.case import CaseState, Reason
from engine.saga.events import RefundAsked, Refused, Resolved
from engine.saga.legs import Leg, LegState
from tests.saga.stage import Stage, StageJudge

R, U = Outcome.REFUSED, Outcome.UNKNOWN
GONE = Reason("E-GONE", "", "", "patient")
WORD = Reason("E-RESOLVED", "", "", "engine")


class Mapless(StageJudge):
    """A map that cannot make one call's request for a while."""

    def __init__(self, call: str) -> None:
        super().__init__()
        self.call: str | None = call

    def body(self, call: str, case: object, leg: Leg, purpose: str, number: str) -> object:
        if call == self.call:
            raise Refused(Reason("E-UNMAPPED", "", "", "engine"))
        return {"call": call, "of": leg.number}


def _asked_in_vain() -> tuple[Stage, Mapless]:
    stage = Stage().quoted().choose()
    judge = Mapless("pay.query")
    stage.judge = judge
    stage.answer("pay.code", U)
    for _ in range(3):
        stage.wait()
    return stage, judge


def test_an_inquiry_that_no_map_can_make_is_one_task_however_often_it_is_tried() -> None:
    stage, _ = _asked_in_vain()
    assert set(stage.tasks) == {"cannot_ask"}
    assert len(stage.tasks) > 2, "each try is told"
    assert stage.again == len(stage.tasks) - 1, "and all but the first as the same thing once more"


def test_the_task_ends_when_the_map_can_make_it_again() -> None:
    stage, judge = _asked_in_vain()
    judge.call = None
    stage.wait()
    stage.yes("pay.reverse")
    assert stage.sent[-1] == "pay.query"
    assert stage.over == ["cannot_ask"]


def test_the_task_ends_when_the_outcome_is_known_by_other_means() -> None:
    stage, _ = _asked_in_vain()
    stage.callback("pay.code", Fact.THERE)
    assert stage.over == ["cannot_ask"]


def test_a_repeat_that_no_map_can_make_is_one_task_too() -> None:
    stage = Stage().paid()
    stage.answer("nhsa.settle", R)
    stage.answer("pay.refund", U)
    judge = Mapless("pay.refund")
    stage.judge = judge
    for _ in range(6):
        stage.wait()
        if stage.wire:
            stage.answer("pay.refund_query", Fact.NOT_THERE)
    told = stage.tasks.count("cannot_send")
    assert told > 1
    assert stage.again == told - 1
    judge.call = None
    while stage.sent[-1] != "pay.refund":
        stage.wait()
        if stage.wire and stage.wire[0].call == "pay.refund_query":
            stage.answer("pay.refund_query", Fact.NOT_THERE)
    assert stage.over.count("cannot_send") == 1


def _late(stage: Stage) -> Leg:
    """Settled by a second payment; then the first turns up as well."""
    stage.quoted().choose()
    stage.answer("pay.code", R, code="NOTENOUGH")
    stage.choose().yes("pay.code", "nhsa.settle", "his.settle", "einvoice.issue")
    first = stage.case.legs[3]
    stage.callback("pay.code", Fact.THERE)
    stage.now += 1
    return first


def test_a_late_payment_needs_nobody_any_more_when_it_is_back() -> None:
    stage = Stage()
    _late(stage)
    stage.answer("pay.query", Fact.THERE)
    assert stage.tasks == ["late_payment"]
    assert stage.over == []
    stage.yes("pay.refund")
    assert stage.over == ["late_payment"]


def test_a_refused_refund_of_a_late_payment_is_decided_by_a_person_and_the_settlement_stays_settled() -> None:
    stage = Stage()
    _late(stage)
    stage.answer("pay.query", Fact.THERE)
    stage.answer("pay.refund", R)
    refund = stage.leg("pay.refund")
    assert (refund.state, stage.tasks) == (LegState.MANUAL, ["late_payment", "undo_refused"])
    assert stage.case.state is CaseState.SETTLED
    stage.hear(Resolved(WORD, {refund.id: "again"}))
    stage.wait()
    stage.answer("pay.refund_query", Fact.NOT_THERE)
    stage.wait()
    stage.yes("pay.refund")
    assert (refund.state, stage.case.state) == (LegState.OK, CaseState.SETTLED)
    assert stage.over == ["late_payment"]
    assert stage.case.cause is None, "the settlement itself has nothing to explain"


def test_a_person_gave_the_late_money_back() -> None:
    stage = Stage()
    _late(stage)
    stage.answer("pay.query", Fact.THERE)
    stage.answer("pay.refund", R)
    refund = stage.leg("pay.refund")
    stage.hear(Resolved(WORD, {refund.id: "done"}))
    assert (refund.state, stage.over) == (LegState.OK, ["late_payment"])
    assert stage.sent.count("pay.refund") == 1


def _nobody_can_tell(stage: Stage) -> Leg:
    first = _late(stage)
    for _ in range(300):
        if first.state is not LegState.FENCED:
            break
        stage.answer("pay.query", Fact.UNKNOWN) if stage.wire else stage.wait()
    assert first.state is LegState.MANUAL
    return first


@pytest.mark.parametrize(("word", "refunds"), [("done", 1), ("not_done", 0)])
def test_what_a_person_finds_out_about_late_news(word: str, refunds: int) -> None:
    stage = Stage()
    first = _nobody_can_tell(stage)
    stage.hear(Resolved(WORD, {first.id: word}))
    assert first.state is LegState.NO
    assert stage.sent.count("pay.refund") == refunds, "money that is there goes back"
    assert stage.case.state is CaseState.SETTLED


def test_late_news_asked_about_once_more_on_a_persons_word() -> None:
    stage = Stage()
    first = _nobody_can_tell(stage)
    stage.hear(Resolved(WORD, {first.id: "again"}))
    stage.wait()
    stage.answer("pay.query", Fact.THERE)
    assert stage.sent[-1] == "pay.refund"
    stage.yes("pay.refund")
    assert (first.state, stage.case.state) == (LegState.NO, CaseState.SETTLED)


def test_a_settlement_that_stands_still_for_a_person_is_undone_as_before() -> None:
    stage = Stage().paid()
    stage.yes("nhsa.settle", "his.settle", "einvoice.issue")
    stage.hear(RefundAsked(GONE))
    stage.yes("einvoice.write_off", "his.void", "nhsa.cancel")
    stage.answer("pay.refund", R)
    refund = stage.leg("pay.refund")
    assert stage.case.state is CaseState.MANUAL
    stage.hear(Resolved(WORD, {refund.id: "done"}))
    stage.yes("his.unlock")
    assert stage.case.state is CaseState.UNDONE
