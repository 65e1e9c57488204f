"""A refund that is off, against all that may come at the same time: restarts, late words, persons, slow parties."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.outcome import Fact, Outcome
from engine.saga.case import CaseState, Reason
from engine.saga.events import Answered, Recovered, RefundAsked, Resolved, Tick
from engine.saga.legs import Leg, LegState
from engine.saga.legwork import UNDO_SLOW
from engine.saga.plan import CallRule, Plan, Repeats, Step, StepKind
from tests.saga.stage import PLAN, Stage

R, U = Outcome.REFUSED, Outcome.UNKNOWN
ASKED = RefundAsked(Reason("E-REFUNDED", "", "", "patient"))
BY_HAND = Reason("E-RESOLVED", "", "", "engine")


def _his_first(plan: Plan) -> Plan:
    return replace(plan, steps=tuple(replace(step, undo_first=step.key == "his.settle") for step in plan.steps))


HIS_FIRST = _his_first(PLAN)
_MORE = {name: CallRule(name, "ward", name, Repeats.SAME_NUMBER, changes=True) for name in ("ward.book", "ward.free")}
WITH_A_WARD = replace(
    HIS_FIRST,
    steps=(*HIS_FIRST.steps, Step("ward.book", StepKind.DO, final=True, call="ward.book", undo="ward.free")),
    calls={**PLAN.calls, **_MORE},
)
"""With one more party, whose undo moves no money."""


def _asked_back(plan: Plan = HIS_FIRST) -> Stage:
    stage = Stage(plan=plan).paid()
    stage.yes("nhsa.settle", "his.settle", "einvoice.issue")
    if plan is WITH_A_WARD:
        stage.yes("ward.book")
    assert stage.case.state is CaseState.SETTLED
    stage.hear(ASKED)
    assert stage.sent[-1] == "his.void"
    return stage


def _left_to_a_person() -> tuple[Stage, Leg]:
    stage = _asked_back()
    stage.answer("his.void", U)
    stage.wait()
    stage.answer("his.void", R)
    undo = stage.leg("his.void")
    assert (stage.case.state, undo.state) == (CaseState.MANUAL, LegState.MANUAL)
    return stage, undo


def test_what_waits_for_a_person_for_another_reason_is_not_settled_by_a_refusal() -> None:
    """The payment was given back at the portal while HIS was asked: a person was called, and only he leads on."""
    stage = _asked_back()
    stage.callback("pay.code", Fact.CLOSED)
    assert (stage.case.state, stage.tasks) == (CaseState.MANUAL, ["undone_outside"])
    stage.answer("his.void", R, code="WINDOW_ONLY")
    undo = stage.leg("his.void")
    assert (stage.case.state, undo.state) == (CaseState.MANUAL, LegState.MANUAL)
    assert stage.tasks == ["undone_outside", "undo_refused"]
    stage.hear(Resolved(BY_HAND, {undo.id: "off"}))
    assert (stage.case.state, undo.state) == (CaseState.SETTLED, LegState.NO)


def test_nothing_else_begins_while_who_may_refuse_has_not_said_yes_however_long_it_takes() -> None:
    stage = _asked_back(WITH_A_WARD)
    for _ in range(40):
        if stage.wire:
            stage.answer("his.void", None)
        stage.wait()
    stage.wait(UNDO_SLOW)
    assert stage.sent.count("ward.free") == 0
    assert "undo_slow" in stage.tasks
    stage.answer("his.void", R, code="WINDOW_ONLY")
    assert (stage.case.state, set(stage.sent) & {"ward.free", "einvoice.write_off"}) == (CaseState.SETTLED, set())
    assert "undo_slow" in stage.over


def test_once_he_said_yes_a_slow_undo_holds_only_what_depends_on_it() -> None:
    stage = _asked_back(WITH_A_WARD)
    stage.yes("his.void", "ward.free")
    assert stage.sent[-1] == "einvoice.write_off"


def test_a_word_that_comes_too_late_does_not_send_the_settlement_back() -> None:
    """Asked for while the undo waited for a person; then its party said that it is done."""
    stage, undo = _left_to_a_person()
    stage.callback("his.void", Fact.THERE)
    assert (stage.case.state, undo.state) == (CaseState.MANUAL, LegState.OK)
    sent = len(stage.sent)
    stage.hear(Resolved(BY_HAND, {undo.id: "off"}))
    assert (stage.case.state, undo.state, len(stage.sent)) == (CaseState.MANUAL, LegState.OK, sent)
    assert stage.tasks[-1] == "undone_outside", "the desk closes its tasks with the word; this one stays open"
    stage.hear(Resolved(BY_HAND))
    assert stage.sent[sent:] == ["einvoice.write_off"]


def test_the_amount_that_differs_in_a_late_word_does_not_bring_the_undo_to_life() -> None:
    stage = _asked_back()
    stage.answer("his.void", R)
    stage.callback("his.void", Fact.THERE, differs=("amount",))
    undo = stage.leg("his.void")
    assert (stage.case.state, undo.state, stage.tasks) == (CaseState.SETTLED, LegState.NO, ["differs"])
    stage.hear(Resolved(BY_HAND, {undo.id: "again"}))
    assert (undo.state, stage.wire) == (LegState.NO, [])


def test_a_refusal_after_a_restart_is_a_persons_matter() -> None:
    stage = _asked_back()
    stage.wire.clear()
    stage.hear(Recovered())
    stage.answer("his.void", R)
    assert (stage.case.state, stage.tasks) == (CaseState.MANUAL, ["undo_refused"])


def test_a_restart_after_it_was_off_changes_nothing() -> None:
    stage = _asked_back()
    stage.answer("his.void", R)
    for event in (Recovered(), Tick()):
        stage.hear(event)
    assert (stage.case.state, stage.wire, stage.case.next_at()) == (CaseState.SETTLED, [], None)


def test_who_asks_while_the_first_is_under_way_asks_for_the_same() -> None:
    stage = _asked_back()
    stage.hear(ASKED)
    assert stage.sent.count("his.void") == 1
    stage.answer("his.void", R)
    assert stage.case.state is CaseState.SETTLED


@pytest.mark.parametrize("second", [Outcome.ACCEPTED, R], ids=["allowed", "refused"])
def test_the_first_turns_out_done_while_the_second_is_asked(second: Outcome) -> None:
    stage = _asked_back()
    stage.answer("his.void", R)
    first = stage.leg("his.void")
    stage.hear(ASKED)
    stage.callback("his.void", Fact.THERE)
    assert (stage.case.state, first.state) == (CaseState.MANUAL, LegState.OK)
    stage.answer("his.void", second)
    assert stage.case.state is CaseState.MANUAL, "a person was called, and nothing else begins"
    undo = stage.leg("his.void")
    stage.hear(Resolved(BY_HAND, {undo.id: "done"} if undo.state is LegState.MANUAL else {}))
    stage.yes("einvoice.write_off", "nhsa.cancel", "pay.refund", "his.unlock")
    assert stage.case.state is CaseState.UNDONE


def _asked_with_an_inquiry() -> Stage:
    rule = replace(PLAN.calls["his.void"], ask="his.voided")
    inquiry = CallRule("his.voided", "his", "his.voided", Repeats.FREELY)
    return _asked_back(replace(HIS_FIRST, calls={**PLAN.calls, rule.name: rule, inquiry.name: inquiry}))


def test_a_no_that_means_it_was_undone_at_the_window_does_not_keep_the_money() -> None:
    stage = _asked_with_an_inquiry()
    stage.answer("his.void", R, code="9001")
    assert stage.sent[-1] == "his.voided"
    stage.answer("his.voided", Fact.THERE)
    stage.yes("einvoice.write_off", "nhsa.cancel", "pay.refund", "his.unlock")
    assert (stage.case.state, stage.tasks) == (CaseState.UNDONE, [])


@pytest.mark.parametrize("told", [Fact.NOT_THERE, Fact.CLOSED, Fact.WAITING, Fact.UNKNOWN, U, R, None])
def test_whatever_else_the_inquiry_says_the_no_stands_under_its_own_words(told: Outcome | Fact | None) -> None:
    stage = _asked_with_an_inquiry()
    stage.answer("his.void", R, code="WINDOW_ONLY")
    stage.answer("his.voided", told, code="OK")
    undo = stage.leg("his.void")
    assert (stage.case.state, undo.state, undo.code, stage.tasks) == (
        CaseState.SETTLED, LegState.NO, "WINDOW_ONLY", [],
    )  # fmt: skip
    assert (stage.wire, stage.case.next_at()) == ([], None)


def test_a_process_that_dies_between_the_no_and_the_inquiry_leaves_it_to_a_person() -> None:
    stage = _asked_with_an_inquiry()
    stage.answer("his.void", R)
    stage.wire.clear()
    stage.hear(Recovered())
    stage.answer("his.voided", Fact.NOT_THERE)
    stage.wait()
    stage.answer("his.void", R)
    assert (stage.case.state, stage.tasks) == (CaseState.MANUAL, ["undo_refused"])


def test_what_a_person_was_called_for_during_the_inquiry_is_not_settled_by_it() -> None:
    stage = _asked_with_an_inquiry()
    stage.answer("his.void", R)
    stage.callback("pay.code", Fact.CLOSED)
    stage.answer("his.voided", Fact.NOT_THERE)
    assert (stage.case.state, stage.leg("his.void").state) == (CaseState.MANUAL, LegState.MANUAL)


def test_what_was_off_and_is_done_after_all_is_not_asked_for_again() -> None:
    stage = _asked_back()
    stage.answer("his.void", R)
    stage.callback("his.void", Fact.THERE)
    assert (stage.case.state, stage.tasks) == (CaseState.SETTLED, ["undone_outside"])
    stage.hear(ASKED)
    stage.yes("einvoice.write_off", "nhsa.cancel", "pay.refund", "his.unlock")
    assert (stage.case.state, stage.sent.count("his.void")) == (CaseState.UNDONE, 1)


def test_late_words_of_the_first_undo_disturb_neither_what_stands_nor_what_is_undone() -> None:
    stage = _asked_back()
    stage.answer("his.void", R)
    first = stage.leg("his.void")
    for outcome in (R, U, Outcome.PENDING, None):
        stage.hear(Answered(first.id, "do", outcome))
    for fact in (Fact.CLOSED, Fact.WAITING, Fact.NOT_THERE, Fact.UNKNOWN):
        stage.callback("his.void", fact)
    assert (stage.case.state, first.state, stage.tasks) == (CaseState.SETTLED, LegState.NO, [])
    stage.hear(ASKED)
    stage.yes("his.void", "einvoice.write_off", "nhsa.cancel", "pay.refund", "his.unlock")
    stage.callback("his.void", Fact.THERE)
    assert (stage.case.state, stage.tasks) == (CaseState.UNDONE, ["undone_outside"])


def test_a_late_payment_that_is_given_back_meanwhile_does_not_stand_in_the_way() -> None:
    stage = Stage(plan=HIS_FIRST).quoted().choose()
    stage.answer("pay.code", R, code="NOTENOUGH")
    stage.choose().yes("pay.code", "nhsa.settle", "his.settle", "einvoice.issue")
    stage.hear(ASKED)
    stage.callback("pay.code", Fact.THERE)  # of the first try
    stage.now += 1
    stage.answer("pay.query", Fact.THERE)
    stage.answer("his.void", R)
    assert stage.case.state is CaseState.SETTLED
    stage.yes("pay.refund")
    assert (stage.case.state, stage.over, stage.case.next_at()) == (CaseState.SETTLED, ["late_payment"], None)
    stage.hear(ASKED)
    stage.yes("his.void", "einvoice.write_off", "nhsa.cancel", "pay.refund", "his.unlock")
    assert stage.case.state is CaseState.UNDONE
    assert sum(leg.call == "pay.refund" for leg in stage.case.legs) == 2


def test_a_payment_still_being_asked_about_is_asked_on_when_the_refund_is_off() -> None:
    """Somebody said that the order passed over was paid; while that is being asked, HIS refuses."""
    stage = Stage(plan=HIS_FIRST).quoted().choose()
    stage.answer("pay.code", R, code="NOTENOUGH")
    stage.choose().yes("pay.code", "nhsa.settle", "his.settle", "einvoice.issue")
    stage.hear(ASKED)
    stage.callback("pay.code", Fact.THERE)
    stage.answer("his.void", R)
    assert stage.case.state is CaseState.SETTLED
    stage.answer("pay.query", U)
    stage.wait()
    stage.answer("pay.query", Fact.NOT_THERE)
    assert (stage.case.state, stage.case.next_at(), stage.tasks) == (CaseState.SETTLED, None, [])


def test_under_an_older_plan_the_first_refusal_is_a_persons_matter_and_he_may_call_it_off() -> None:
    stage = Stage().paid()
    stage.yes("nhsa.settle", "his.settle", "einvoice.issue")
    stage.hear(ASKED)
    assert stage.sent[-1] == "einvoice.write_off"
    stage.answer("einvoice.write_off", R)
    undo = stage.leg("einvoice.write_off")
    assert (stage.case.state, undo.state) == (CaseState.MANUAL, LegState.MANUAL)
    stage.hear(Resolved(BY_HAND, {undo.id: "off"}))
    assert stage.case.state is CaseState.SETTLED
    stage.hear(ASKED)
    stage.yes("einvoice.write_off", "his.void", "nhsa.cancel", "pay.refund", "his.unlock")
    assert stage.case.state is CaseState.UNDONE
