"""A party that refuses a repeat has said nothing about the first try, whose answer was lost."""

from __future__ import annotations

from engine.core.outcome import Fact, Outcome
from engine.saga.case import CaseState
from engine.saga.legs import LegState
from tests.saga.stage import Stage

A, R, U = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN


def test_a_refused_repeat_of_a_lock_does_not_leave_the_first_one_standing() -> None:
    stage = Stage()
    stage.yes("his.bill")
    stage.answer("his.lock", U)  # it stands, but we do not know
    stage.wait()
    stage.answer("his.lock", R, code="BUSINESS_REFUSED")
    assert stage.leg("his.lock").state is LegState.UNSURE
    while stage.sent[-1] != "his.unlock":
        if any(send.call == "his.lock" for send in stage.wire):
            stage.answer("his.lock", R, code="BUSINESS_REFUSED")
        stage.wait()
    stage.yes("his.unlock")
    assert stage.case.state is CaseState.REJECTED


def test_a_refused_repeat_of_a_booking_is_asked_about_and_found() -> None:
    stage = Stage().paid()
    stage.yes("nhsa.settle")
    stage.answer("his.settle", U)
    stage.wait()
    stage.answer("his.paid", Fact.NOT_THERE)  # the first one is still on its way
    stage.wait()
    stage.answer("his.settle", R, code="BUSINESS_REFUSED")
    stage.wait()
    stage.answer("his.paid", Fact.THERE)
    assert stage.leg("his.settle").state is LegState.OK
    stage.yes("einvoice.issue")
    assert stage.case.state is CaseState.SETTLED


def test_the_first_answer_is_believed_and_so_is_one_after_tries_that_never_left() -> None:
    stage = Stage()
    stage.yes("his.bill")
    stage.answer("his.lock", None)
    stage.wait()
    stage.answer("his.lock", R, code="BILL_LOCKED")
    assert stage.case.state is CaseState.REJECTED
    assert "his.unlock" not in stage.sent


def test_a_question_may_be_refused_at_any_try() -> None:
    stage = Stage()
    stage.answer("his.bill", U)
    stage.wait()
    stage.answer("his.bill", R, code="BILL_NOT_FOUND")
    assert stage.case.state is CaseState.REJECTED
