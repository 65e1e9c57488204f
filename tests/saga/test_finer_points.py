"""What the machine keeps to beside the great ways: when it acts, under which number, what it tells and to whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.outcome import Fact, Outcome
from engine.saga.case import CaseState, Reason
from engine.saga.events import Answered, Cancelled, Event, FactHeard, Recovered, RefundAsked, Refused, Tick
from engine.saga.legs import Leg, LegState
from engine.saga.plan import Repeats, Step, StepKind
from tests.saga.stage import PLAN, Stage, StageJudge

A, R, P, U = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING, Outcome.UNKNOWN
GONE = Reason("E-CANCELLED", "", "", "patient")
LATE_MAX = 120.0


class Mapless(StageJudge):
    """A map that cannot make this call's request."""

    def __init__(self, call: str) -> None:
        super().__init__()
        self.call = call

    def body(self, call: str, case: object, leg: Leg, purpose: str, number: str) -> object:
        if call == self.call:
            raise Refused(Reason("E-UNMAPPED", "", "", "engine"))
        return {"call": call}


def _settled() -> Stage:
    stage = Stage().paid()
    stage.yes("nhsa.settle", "his.settle", "einvoice.issue")
    assert stage.case.state is CaseState.SETTLED
    return stage


def _given_up(stage: Stage) -> Stage:
    """The payment of a stage that was chosen for stays unknown until nobody waits for it any more."""
    stage.answer("pay.code", P)
    while stage.leg("pay.code").state is LegState.UNSURE:
        stage.wait()
        if any(send.call == "pay.query" for send in stage.wire):
            stage.answer("pay.query", Fact.WAITING)
    return stage


# When


def test_nothing_is_done_before_its_time() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    due = stage.case.next_at()
    assert due is not None
    stage.now = due - 0.1
    stage.hear(Tick())
    assert not stage.wire
    stage.wait()
    assert [send.call for send in stage.wire] == ["pay.query"]


def test_nothing_is_asked_while_the_same_question_is_on_its_way() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    stage.wait()
    stage.callback("pay.code", Fact.WAITING)
    stage.wait(5.0)
    assert stage.sent.count("pay.query") == 1


def test_an_await_lasts_as_long_as_its_step_says() -> None:
    steps = tuple(replace(step, within=90.0) if step.kind is StepKind.AWAIT else step for step in PLAN.steps)
    stage = Stage(plan=replace(PLAN, steps=steps)).quoted()
    assert stage.case.next_at() == stage.now + 90.0


def test_stops_that_come_to_nothing_are_sent_further_and_further_apart() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    stage.choose("other")
    gaps = []
    for _ in range(5):
        stage.answer("pay.reverse", U)
        began = stage.now
        stage.wait()
        gaps.append(stage.now - began)
    assert gaps == [1.0, 1.0, 2.0, 4.0, 8.0]


def test_the_first_stop_is_repeated_soon_however_often_was_asked_before() -> None:
    """The payer stands there: what was asked while he could still pay has nothing to do with how often was stopped."""
    stage = _given_up(Stage().quoted().choose())
    stage.answer("pay.reverse", U)
    began = stage.now
    stage.wait()
    assert stage.now - began == 1.0


def test_rest_begins_once_and_anew_after_a_refund() -> None:
    stage = _settled()
    at = stage.now
    assert stage.case.rest_at == at
    stage.now += 60.0
    stage.callback("pay.code", Fact.THERE)
    assert stage.case.rest_at == at, "news that changes nothing does not put it off"
    stage.hear(RefundAsked(GONE))
    assert stage.case.rest_at is None
    stage.yes("einvoice.write_off", "his.void", "nhsa.cancel", "pay.refund", "his.unlock")
    assert stage.case.rest_at == stage.now


def test_what_is_at_rest_has_nothing_due() -> None:
    assert _settled().case.next_at() is None
    stage = Stage()
    stage.yes("his.bill")
    stage.answer("his.lock", U)
    for _ in range(60):
        if stage.wire:
            stage.answer(stage.wire[0].call, U if stage.wire[0].purpose == "do" else A)
        if stage.case.state is not CaseState.FORWARD and not stage.wire and stage.case.next_at() is None:
            break
        stage.wait() if not stage.wire else None
    assert stage.case.state is CaseState.REJECTED
    assert stage.case.next_at() is None


# Under which number, and of how much


def test_a_question_names_the_number_it_is_about_and_an_insurers_message_its_own() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    stage.wait()
    assert [send.number for send in stage.wire] == ["S1P1"]
    stage.answer("pay.query", Fact.THERE)
    insured = stage.leg("nhsa.settle")
    stage.answer("nhsa.settle", U)
    stage.wait()
    (asked,) = stage.wire
    assert asked.number not in ("", insured.number)


def test_a_leg_and_its_undo_carry_their_amount() -> None:
    stage = Stage().paid()
    stage.answer("nhsa.settle", R)
    assert (stage.leg("pay.code").amount, stage.leg("pay.refund").amount) == (100, 100)


# What is believed


def test_an_answer_of_another_amount_is_a_persons_case() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", A, differs=("amount",))
    assert (stage.leg("pay.code").state, stage.case.state) == (LegState.MANUAL, CaseState.MANUAL)
    assert stage.tasks == ["differs"]


@pytest.mark.parametrize("fact", [Fact.CLOSED, Fact.NOT_THERE])
def test_behind_the_fence_only_our_own_question_says_that_it_is_not_there(fact: Fact) -> None:
    stage = _given_up(Stage().quoted().choose())
    stage.yes("pay.reverse")
    stage.callback("pay.code", fact)
    assert stage.leg("pay.code").state is LegState.FENCED, "nobody knows when the party wrote it"
    stage.answer("pay.query", fact)
    assert stage.leg("pay.code").state is LegState.NO


TAKES_BACK = replace(PLAN, calls={**PLAN.calls, "pay.reverse": replace(PLAN.calls["pay.reverse"], money=True)})


def test_a_stop_that_no_map_can_make_does_not_put_the_fence_off() -> None:
    stage = _given_up(Stage(plan=TAKES_BACK).quoted().choose())
    stage.answer("pay.reverse", R)
    fence = stage.leg("pay.code").fence_at
    stage.judge = Mapless("pay.reverse")
    stage.wait()
    assert "cannot_ask" in stage.tasks
    assert stage.leg("pay.code").fence_at == fence


def test_a_stop_that_was_taken_is_not_sent_again_while_the_order_still_shows_as_waiting() -> None:
    stage = _given_up(Stage().quoted().choose())
    stage.yes("pay.reverse")
    for _ in range(3):
        stage.answer("pay.query", Fact.WAITING)
        stage.wait()
    assert stage.sent.count("pay.reverse") == 1


def test_a_stop_sent_again_behind_the_fence_holds_what_was_there_before_it() -> None:
    stage = _given_up(Stage(plan=TAKES_BACK).quoted().choose())
    while stage.leg("pay.code").state is LegState.DEAD:
        if stage.wire:
            stage.answer("pay.reverse", U)
        else:
            stage.wait()
    stage.answer("pay.query", Fact.WAITING)
    stage.wait()
    assert stage.wire[-1].call == "pay.reverse"
    assert stage.leg("pay.code").fence_at == stage.now + LATE_MAX
    stage.answer("pay.reverse", U)
    stage.wait()
    stage.answer("pay.query", Fact.THERE)
    assert stage.leg("pay.code").state is LegState.FENCED, "the stop may still take it back"


def test_a_choice_made_too_late_does_not_give_up_what_comes_after_the_payment() -> None:
    stage = Stage().quoted().choose().choose("other")
    stage.yes("pay.code")
    stage.answer("nhsa.settle", U)
    assert stage.case.pending is None
    assert stage.leg("nhsa.settle").state is LegState.UNSURE
    assert stage.sent.count("nhsa.reverse") == 0


# Who hears what


def test_why_it_was_given_up_and_by_whom_is_kept() -> None:
    stage = Stage().quoted()
    stage.hear(Cancelled(GONE, "K02"))
    assert (stage.case.cause, stage.case.cause_kind, stage.case.data["asked_by"]) == (GONE, "cancelled", "K02")
    late = Stage().quoted()
    late.wait(300.0)
    assert late.case.cause_kind == "expired"


@pytest.mark.parametrize("event", [Cancelled(GONE), Tick()], ids=["cancel", "tick"])
def test_what_stands_stays(event: Event) -> None:
    stage = _settled()
    sent = list(stage.sent)
    stage.hear(event)
    assert (stage.case.state, stage.sent, stage.case.cause) == (CaseState.SETTLED, sent, None)


def test_a_payment_given_up_before_it_left_did_not_happen() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", None)
    stage.hear(Cancelled(GONE))
    leg = stage.leg("pay.code")
    assert (leg.state, leg.because, stage.sent[-1]) == (LegState.NO, "not_sent", "his.unlock")


def test_an_undo_that_never_leaves_is_a_persons_matter_too_and_others_pass_it() -> None:
    stage = Stage().paid()
    stage.answer("nhsa.settle", R)
    began = stage.now
    while "undo_slow" not in stage.tasks and stage.now < began + 2000:
        if stage.wire:
            stage.answer("pay.refund", None)
        else:
            stage.wait()
    assert stage.now - began < 900 + 60
    stage.answer("pay.refund", None)
    assert "his.unlock" in stage.sent


def test_an_undo_of_which_nothing_is_known_for_a_day_calls_a_person_by_that_name() -> None:
    stage = Stage().paid()
    stage.answer("nhsa.settle", R)
    stage.answer("pay.refund", P)
    while stage.leg("pay.refund").state is not LegState.MANUAL and stage.now < 1000 + 2 * 86400:
        for send in list(stage.wire):
            stage.answer(send.call, A if send.purpose == "do" else Fact.WAITING)
        stage.wait()
    assert stage.tasks[-1] == "undo_unknown"


def test_an_invoice_that_no_map_can_make_leaves_the_settlement_standing() -> None:
    stage = Stage().paid()
    stage.judge = Mapless("einvoice.issue")
    stage.yes("nhsa.settle", "his.settle")
    assert (stage.case.state, stage.tasks) == (CaseState.SETTLED, ["final_refused"])


def test_a_claim_that_no_map_can_make_is_left_out_and_the_payer_hears_why() -> None:
    claim = Step("claim", StepKind.DO, call="nhsa.settle", ask="nhsa.settled", undo="nhsa.cancel", go_on=True)
    stage = Stage(plan=replace(PLAN, steps=(*PLAN.steps[:2], claim, *PLAN.steps[4:])))
    stage.judge = Mapless("nhsa.settle")
    stage.yes("his.bill", "his.lock")
    assert stage.case.state is CaseState.WAITING
    assert (stage.case.notice and stage.case.notice.code) == "E-UNMAPPED"


def test_an_undo_that_no_map_can_make_calls_a_person_at_once() -> None:
    stage = Stage().paid()
    stage.judge = Mapless("pay.refund")
    stage.answer("nhsa.settle", R)
    undo = stage.leg("pay.refund")
    assert (undo.state, undo.code, stage.tasks) == (LegState.MANUAL, "E-UNMAPPED", ["undo_refused"])
    assert stage.case.state is CaseState.MANUAL
    assert "his.unlock" not in stage.sent, "what was refused holds what comes after it"


# What was told


SAYS = {"transaction": "T1"}


def _told(stage: Stage, fact: Fact, made: dict[str, str]) -> None:
    stage.hear(FactHeard(stage.leg("pay.code").id, fact, made))


def test_what_a_notice_tells_is_added_to_what_the_answer_told() -> None:
    stage = Stage().quoted().choose()
    send = stage.wire.pop()
    stage.hear(Answered(send.leg_id, "do", P, None, {"prepay": "Q1"}))
    _told(stage, Fact.THERE, SAYS)
    assert stage.case.data["pay"]["code"] == {"prepay": "Q1", **SAYS}
    _told(stage, Fact.THERE, {"transaction": "T2"})
    assert stage.case.data["pay"]["code"] == {"prepay": "Q1", **SAYS}, "what is settled is not told anew"


def test_what_an_inquiry_tells_is_added_too_once_it_is_there() -> None:
    stage = Stage().quoted().choose()
    send = stage.wire.pop()
    stage.hear(Answered(send.leg_id, "do", P, None, {"prepay": "Q1"}))
    for fact, known in ((Fact.WAITING, {"prepay": "Q1"}), (Fact.THERE, {"prepay": "Q1", **SAYS})):
        stage.wait()
        send = stage.wire.pop()
        stage.hear(Answered(send.leg_id, "ask", A, fact, SAYS, started_at=stage.now))
        assert stage.case.data["pay"]["code"] == known


def test_what_is_not_there_tells_nothing() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", U)
    for fact in (Fact.WAITING, Fact.CLOSED, Fact.UNKNOWN):
        if stage.leg("pay.code").state is LegState.UNSURE:
            _told(stage, fact, SAYS)
    assert "code" not in stage.case.data.get("pay", {})


# An order whose answer was lost


AGAIN = replace(PLAN, calls={**PLAN.calls, "pay.code": replace(PLAN.calls["pay.code"], repeats=Repeats.SAME_NUMBER)})


@pytest.mark.parametrize(
    ("answered", "found", "sent"),
    [(U, Fact.WAITING, 2), (P, Fact.WAITING, 1), (U, Fact.UNKNOWN, 1)],
    ids=["lost and it stands", "the payer has it", "lost and nothing is known"],
)
def test_an_order_is_sent_again_when_it_stands_and_what_it_answered_was_lost(
    answered: Outcome, found: Fact, sent: int
) -> None:
    stage = Stage(plan=AGAIN).quoted().choose()
    stage.answer("pay.code", answered)
    stage.wait()
    stage.answer("pay.query", found)
    stage.wait()
    assert stage.sent.count("pay.code") == sent
    assert {send.number for send in stage.wire} == {"S1P1"}


@pytest.mark.parametrize("takes_back", [False, True])
def test_a_late_yes_is_no_ground_to_go_on_while_a_stop_that_takes_back_is_under_way(takes_back: bool) -> None:
    calls = {**AGAIN.calls, "pay.reverse": replace(AGAIN.calls["pay.reverse"], money=takes_back)}
    stage = Stage(plan=replace(AGAIN, calls=calls)).quoted().choose()
    stage.answer("pay.code", U)
    stage.wait()
    stage.answer("pay.query", Fact.WAITING)
    stage.wait()
    stage.choose("other")
    assert [send.call for send in stage.wire] == ["pay.code", "pay.reverse"]
    stage.yes("pay.code")
    assert stage.leg("pay.code").state is (LegState.DEAD if takes_back else LegState.OK)


# News of what was known


def test_a_payment_that_somebody_else_took_back_is_a_persons_matter() -> None:
    stage = Stage().paid()
    stage.callback("pay.code", Fact.CLOSED)
    assert stage.tasks == ["undone_outside"]
    assert stage.leg("pay.code").state is LegState.OK


NOT_ASKED = tuple(replace(step, ask="") if step.key == "pay.code" else step for step in PLAN.steps)


def test_what_can_neither_be_asked_about_nor_repeated_is_stopped_when_its_time_is_over() -> None:
    stage = Stage(plan=replace(PLAN, steps=NOT_ASKED)).quoted().choose()
    began = stage.now
    stage.answer("pay.code", U)
    while stage.leg("pay.code").state is LegState.UNSURE:
        stage.wait()
    assert (stage.now - began, stage.sent[-1], stage.sent.count("pay.code")) == (30.0, "pay.reverse", 1)


def test_a_payment_whose_question_no_map_can_make_is_stopped_when_its_time_is_over() -> None:
    steps = tuple(replace(step, within=40.0) if step.key == "pay.code" else step for step in PLAN.steps)
    stage = Stage(plan=replace(PLAN, steps=steps)).quoted().choose()
    began = stage.now
    stage.judge = Mapless("pay.query")
    stage.answer("pay.code", U)
    while stage.leg("pay.code").state is LegState.UNSURE:
        stage.wait()
    assert (stage.now - began, stage.sent[-1]) == (40.0, "pay.reverse")


def test_late_news_that_no_question_can_check_is_given_back_at_once() -> None:
    stage = Stage(plan=replace(PLAN, steps=NOT_ASKED)).quoted().choose()
    stage.answer("pay.code", R)
    stage.callback("pay.code", Fact.THERE)
    assert (stage.sent[-1], stage.tasks) == ("pay.refund", ["late_payment"])
    assert stage.case.state is CaseState.WAITING


def test_what_had_not_left_before_a_crash_leaves_after_it_under_its_number() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", None)
    stage.hear(Recovered())
    assert (stage.leg("pay.code").state, stage.wire) == (LegState.READY, [])
    stage.wait()
    assert [(send.call, send.purpose, send.number) for send in stage.wire] == [("pay.code", "do", "S1P1")]
