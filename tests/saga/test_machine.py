"""The machine on a bare stage: every way a settlement of nine steps can go, seen from what it sends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.outcome import Fact, Outcome
from engine.saga.case import CaseState, Reason, may_still_stand
from engine.saga.events import Cancelled, FactHeard, Recovered, RefundAsked, Resolved
from engine.saga.legs import Leg, LegEvent, LegState, row
from engine.saga.payer import no_more_ways
from engine.saga.plan import Step, StepKind
from tests.saga.stage import PLAN, Stage

A, R, P, U = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING, Outcome.UNKNOWN
GONE = Reason("E-CANCELLED", "", "", "patient")


def test_the_straight_way() -> None:
    stage = Stage().paid()
    stage.yes("nhsa.settle", "his.settle", "einvoice.issue")
    assert stage.case.state is CaseState.SETTLED
    assert stage.sent == [
        "his.bill", "his.lock", "nhsa.quote", "pay.code", "nhsa.settle", "his.settle", "einvoice.issue",
    ]  # fmt: skip
    assert not stage.tasks


def test_a_rule_that_says_no_undoes_the_lock_and_rejects() -> None:
    stage = Stage()
    stage.judge.refuse = Reason("E-NOT-SIGNED", "", "", "patient")
    stage.yes("his.bill", "his.lock")
    assert stage.sent[-1] == "his.unlock"
    stage.yes("his.unlock")
    assert (stage.case.state, stage.case.cause and stage.case.cause.code) == (CaseState.REJECTED, "E-NOT-SIGNED")


def test_low_balance_returns_to_the_choice_with_a_new_number() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", R, code="NOTENOUGH")
    assert stage.case.state is CaseState.WAITING
    assert stage.case.notice is not None
    assert stage.case.notice.code == "NOTENOUGH"
    stage.choose()
    assert [leg.number for leg in stage.case.legs if leg.call == "pay.code"] == ["S1P1", "S1P2"]
    stage.yes("pay.code", "nhsa.settle", "his.settle", "einvoice.issue")
    assert stage.case.state is CaseState.SETTLED


def test_user_paying_is_polled_then_found() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    assert stage.case.next_at() == stage.now + 5.0
    stage.wait()
    stage.answer("pay.query", Fact.WAITING)
    stage.wait()
    stage.answer("pay.query", Fact.THERE)
    assert stage.sent[-1] == "nhsa.settle"
    assert stage.sent.count("pay.code") == 1


def test_silence_is_never_failure_and_not_there_is_not_believed() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", U)
    stage.wait()
    stage.answer("pay.query", Fact.NOT_THERE)
    assert stage.leg("pay.code").state is LegState.UNSURE
    assert stage.case.attempt == 1


def _unsure_until_given_up(stage: Stage) -> None:
    while stage.leg("pay.code").state is LegState.UNSURE:
        stage.wait()
        if any(send.call == "pay.query" for send in stage.wire):
            stage.answer("pay.query", Fact.WAITING)


def test_a_payment_that_stays_unknown_is_reversed_asked_again_and_only_then_tried_anew() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    _unsure_until_given_up(stage)
    assert (stage.leg("pay.code").state, stage.sent[-1]) == (LegState.DEAD, "pay.reverse")
    stage.yes("pay.reverse")
    assert (stage.leg("pay.code").state, stage.sent[-1]) == (LegState.FENCED, "pay.query")
    stage.answer("pay.query", Fact.CLOSED)
    leg = stage.leg("pay.code")
    assert (leg.state, leg.because) == (LegState.NO, "fenced")
    assert leg.evidence == stage.calls
    assert stage.case.state is CaseState.WAITING


def test_an_inquiry_that_began_before_the_fence_decides_nothing() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    _unsure_until_given_up(stage)
    stage.now += 3
    stage.yes("pay.reverse")
    stage.answer("pay.query", Fact.NOT_THERE, started_at=stage.now - 1)
    assert stage.leg("pay.code").state is LegState.FENCED
    stage.wait()
    stage.answer("pay.query", Fact.NOT_THERE)
    assert stage.leg("pay.code").state is LegState.NO


def test_paid_after_all_while_being_stopped_goes_forward() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    _unsure_until_given_up(stage)
    stage.callback("pay.code", Fact.THERE)
    assert stage.sent[-1] == "nhsa.settle"


@pytest.mark.parametrize("fact", [Fact.WAITING, Fact.CLOSED, Fact.NOT_THERE, Fact.UNKNOWN])
def test_what_the_party_tells_before_its_answer_has_come_decides_nothing(fact: Fact) -> None:
    stage = Stage().quoted().choose()
    stage.callback("pay.code", fact)
    assert stage.leg("pay.code").state is LegState.SENT
    stage.yes("pay.code")
    assert stage.sent[-1] == "nhsa.settle"
    stage.answer("nhsa.settle", R)
    stage.callback("pay.refund", fact)
    stage.yes("pay.refund", "his.unlock")
    assert (stage.case.state, stage.tasks) == (CaseState.UNDONE, [])


@pytest.mark.parametrize("undo", [False, True], ids=["forward", "undo"])
@pytest.mark.parametrize("fact", list(Fact))
def test_every_fact_from_outside_has_a_cell_whatever_became_of_the_leg(fact: Fact, undo: bool) -> None:
    event = LegEvent.FACT_UNKNOWN if fact is Fact.UNKNOWN else LegEvent(fact)
    for state in LegState:
        if undo and state in (LegState.DEAD, LegState.FENCED):
            continue  # an undo is never given up
        assert row(undo, state, event)[0] in LegState


def test_changing_the_way_of_paying_closes_the_first_before_the_second() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    stage.choose("other")
    assert stage.sent[-1] == "pay.reverse"
    assert stage.sent.count("pay.code") == 1
    stage.yes("pay.reverse")
    stage.answer("pay.query", Fact.CLOSED)
    assert stage.sent[-1] == "pay.code"
    assert stage.case.data["pay_choice"] == {"kind": "other"}


def test_changing_the_way_while_the_call_is_on_the_wire_waits_for_its_end() -> None:
    stage = Stage().quoted().choose().choose("other")
    assert stage.sent.count("pay.code") == 1
    stage.answer("pay.code", U)
    assert stage.sent[-1] == "pay.reverse"


def test_insurance_that_committed_but_timed_out_is_found_and_not_repeated() -> None:
    stage = Stage().paid()
    stage.answer("nhsa.settle", U)
    stage.wait()
    stage.answer("nhsa.settled", Fact.THERE)
    stage.yes("his.settle", "einvoice.issue")
    assert stage.case.state is CaseState.SETTLED
    assert stage.sent.count("nhsa.settle") == 1


def test_insurance_that_never_arrived_is_reversed_and_the_money_returned() -> None:
    stage = Stage().paid()
    stage.answer("nhsa.settle", U)
    while stage.leg("nhsa.settle").state is LegState.UNSURE:
        stage.wait()
        if any(send.call == "nhsa.settled" for send in stage.wire):
            stage.answer("nhsa.settled", Fact.NOT_THERE)
    stage.yes("nhsa.reverse")
    stage.answer("nhsa.settled", Fact.NOT_THERE)
    assert stage.case.state is CaseState.BACK
    stage.yes("pay.refund", "his.unlock")
    assert stage.case.state is CaseState.UNDONE


def test_his_refusing_after_payment_undoes_in_reverse_with_money_last() -> None:
    stage = Stage().paid()
    stage.yes("nhsa.settle")
    stage.answer("his.settle", R, code="BILL_CHANGED")
    stage.yes("nhsa.cancel")
    stage.answer("pay.refund", P)
    assert stage.case.state is CaseState.BACK, "an accepted refund is not yet a refund"
    stage.wait()
    stage.answer("pay.refund_query", Fact.THERE)
    stage.yes("his.unlock")
    assert stage.case.state is CaseState.UNDONE
    order = [call for call in stage.sent if call in ("nhsa.cancel", "pay.refund", "his.unlock")]
    assert order == ["nhsa.cancel", "pay.refund", "his.unlock"]


def test_nothing_is_undone_while_a_later_leg_is_unknown() -> None:
    stage = Stage().paid()
    stage.yes("nhsa.settle")
    stage.answer("his.settle", U)
    while stage.leg("his.settle").state is LegState.UNSURE:
        stage.wait()
        for send in list(stage.wire):
            stage.answer(send.call, Fact.UNKNOWN if send.purpose == "ask" else U)
    assert not {"nhsa.cancel", "pay.refund"} & set(stage.sent)


def test_an_undo_refused_holds_the_later_ones_and_calls_a_person() -> None:
    stage = Stage().paid()
    stage.yes("nhsa.settle")
    stage.answer("his.settle", R)
    stage.answer("nhsa.cancel", R, code="DAY_CLOSED")
    assert stage.case.state is CaseState.MANUAL
    assert stage.tasks == ["undo_refused"]
    assert "pay.refund" not in stage.sent
    leg = stage.leg("nhsa.cancel")
    leg.state = LegState.OK  # the insurance office cancelled it by hand
    stage.hear(Resolved(Reason("E-HAND", "", "", "insurance")))
    assert stage.sent[-1] == "pay.refund"


def test_an_undo_that_is_silent_is_repeated_under_its_number() -> None:
    stage = Stage().paid()
    stage.answer("nhsa.settle", R)
    stage.answer("pay.refund", U)
    stage.wait()
    stage.answer("pay.refund_query", Fact.NOT_THERE)
    stage.wait()
    refunds = [send for send in stage.wire if send.call == "pay.refund"]
    assert [send.number for send in refunds] == ["S1R4"]
    assert stage.leg("pay.refund").tries == 2


def test_a_payment_that_turns_up_late_is_given_back_and_the_settlement_stands() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", R, code="NOTENOUGH")
    stage.choose().yes("pay.code", "nhsa.settle", "his.settle", "einvoice.issue")
    first = stage.case.legs[3]
    assert first.state is LegState.NO
    stage.callback("pay.code", Fact.THERE)
    assert (stage.sent[-1], stage.tasks) == ("pay.query", []), "a callback may be old news: first ask"
    stage.callback("pay.code", Fact.THERE)
    stage.answer("pay.query", Fact.THERE, started_at=stage.now)
    assert stage.sent[-1] == "pay.refund"
    assert (stage.case.state, stage.tasks) == (CaseState.SETTLED, ["late_payment"])
    stage.yes("pay.refund")
    stage.callback("pay.code", Fact.THERE)
    assert stage.sent.count("pay.refund") == 1
    assert stage.sent.count("pay.query") == 1, "what was given back is not asked about again"


def _reversed() -> Stage:
    """The first attempt was stopped, and the party's new answer was that it is closed."""
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    _unsure_until_given_up(stage)
    stage.yes("pay.reverse")
    stage.answer("pay.query", Fact.CLOSED)
    assert stage.leg("pay.code").state is LegState.NO
    return stage


def test_old_news_of_a_payment_that_was_reversed_gives_nothing_back_and_calls_nobody() -> None:
    stage = _reversed()
    stage.now += 60
    stage.callback("pay.code", Fact.THERE)
    stage.answer("pay.query", Fact.THERE, started_at=stage.now - 30)
    assert "pay.refund" not in stage.sent, "an inquiry begun before the news tells nothing about it"
    stage.wait()
    stage.answer("pay.query", Fact.CLOSED)
    assert stage.leg("pay.code").state is LegState.NO
    assert stage.case.state is CaseState.WAITING
    assert "pay.refund" not in stage.sent
    assert not stage.tasks


def test_the_question_about_late_news_survives_a_restart() -> None:
    stage = _reversed()
    stage.callback("pay.code", Fact.THERE)
    stage.wire.clear()
    stage.hear(Recovered())
    stage.answer("pay.query", Fact.THERE)
    assert stage.sent[-1] == "pay.refund"
    assert stage.tasks == ["late_payment"]


def test_late_news_nobody_can_check_calls_a_person_and_leaves_the_settlement_alone() -> None:
    stage = _reversed()
    stage.choose().yes("pay.code", "nhsa.settle", "his.settle", "einvoice.issue")
    first = stage.case.legs[3]
    stage.hear(FactHeard(first.id, Fact.THERE, {}))
    for _ in range(300):
        if first.state is not LegState.FENCED:
            break
        if stage.wire:
            stage.answer("pay.query", Fact.UNKNOWN)
        else:
            stage.wait()
    assert (first.state, stage.tasks) == (LegState.MANUAL, ["fence_unknown"])
    assert stage.case.state is CaseState.SETTLED
    assert "pay.refund" not in stage.sent


def test_going_back_waits_for_the_answer_about_late_news() -> None:
    stage = _reversed()
    stage.callback("pay.code", Fact.THERE)
    stage.hear(Cancelled(GONE))
    assert stage.sent[-1] == "pay.query"
    stage.answer("pay.query", Fact.THERE)
    assert "pay.refund" in stage.sent
    stage.yes("his.unlock", "pay.refund")
    assert stage.case.state is CaseState.UNDONE


def _refund_on_its_way(stage: Stage, until: float) -> None:
    while stage.now < until:
        stage.wait()
        if any(send.call == "pay.refund_query" for send in stage.wire):
            stage.answer("pay.refund_query", Fact.WAITING)


def _refunding() -> Stage:
    stage = Stage().paid()
    stage.yes("nhsa.settle")
    stage.answer("his.settle", R, code="BILL_CHANGED")
    stage.yes("nhsa.cancel")
    stage.answer("pay.refund", P)
    return stage


def test_a_refund_that_takes_long_is_a_persons_matter_after_a_quarter_of_an_hour() -> None:
    stage = _refunding()
    began = stage.now
    _refund_on_its_way(stage, began + 899)
    assert (stage.tasks, "his.unlock" in stage.sent) == (["undo_slow"], True)
    assert stage.now == began + 900, "at once when it is due, not at the next inquiry"
    stage.yes("his.unlock")
    assert stage.case.state is CaseState.BACK, "the refund itself is still waited for"
    _refund_on_its_way(stage, began + 4000)
    assert stage.tasks == ["undo_slow"], "told once"
    assert not stage.over
    stage.callback("pay.refund", Fact.THERE)
    assert stage.case.state is CaseState.UNDONE
    assert stage.over == ["undo_slow"], "the task closes itself"
    assert stage.sent.count("pay.refund") == 1, "what the party says it is working on is asked about, not sent again"


def test_what_moves_money_waits_for_a_slow_undo_and_so_does_its_own_party() -> None:
    stage = Stage().paid()
    stage.yes("nhsa.settle", "his.settle", "einvoice.issue")
    stage.hear(RefundAsked(Reason("E-REFUNDED", "", "", "patient")))
    stage.yes("einvoice.write_off")
    stage.answer("his.void", U)
    for _ in range(12):
        stage.wait()
        stage.answer("his.void", U)
    assert stage.tasks == ["undo_slow"]
    assert not {"nhsa.cancel", "pay.refund", "his.unlock"} & set(stage.sent)
    stage.wait()
    stage.yes("his.void", "nhsa.cancel", "pay.refund", "his.unlock")
    assert stage.case.state is CaseState.UNDONE


def test_a_slow_undo_that_is_then_refused_holds_and_calls_a_person() -> None:
    stage = _refunding()
    _refund_on_its_way(stage, stage.now + 899)
    stage.callback("pay.refund", Fact.CLOSED)
    assert (stage.case.state, stage.tasks) == (CaseState.MANUAL, ["undo_slow", "undo_refused"])
    assert stage.over == ["undo_slow"]


def test_the_same_callback_again_changes_nothing() -> None:
    stage = Stage().paid()
    before = list(stage.sent)
    for _ in range(10):
        stage.callback("pay.code", Fact.THERE)
    assert stage.sent == before
    assert stage.leg("pay.code").repeats_heard == 10


def test_another_amount_is_a_persons_case_and_moves_nothing() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    stage.callback("pay.code", Fact.THERE, differs=("amount",))
    assert (stage.case.state, stage.tasks) == (CaseState.MANUAL, ["differs"])
    assert "nhsa.settle" not in stage.sent


def test_a_settlement_that_differs_from_the_quote_is_undone() -> None:
    stage = Stage().paid()
    stage.judge.amounts_differ = True
    stage.yes("nhsa.settle", "nhsa.cancel", "pay.refund", "his.unlock")
    assert (stage.case.state, stage.case.cause and stage.case.cause.code) == (CaseState.UNDONE, "E-DRIFT")


def test_cancel_before_money_unlocks_and_after_money_is_not_heard() -> None:
    stage = Stage().quoted()
    stage.hear(Cancelled(GONE))
    stage.yes("his.unlock")
    assert stage.case.state is CaseState.UNDONE
    paid = Stage().paid()
    paid.hear(Cancelled(GONE))
    assert paid.case.state is CaseState.FORWARD


def test_cancel_while_paying_first_learns_what_became_of_the_payment() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    stage.hear(Cancelled(GONE))
    stage.yes("pay.reverse")
    stage.answer("pay.query", Fact.THERE)
    assert stage.sent[-1] == "pay.refund"
    stage.yes("pay.refund", "his.unlock")
    assert stage.case.state is CaseState.UNDONE


def test_nobody_chooses_and_the_bill_is_free_again() -> None:
    stage = Stage().quoted()
    stage.wait(300.0)
    stage.yes("his.unlock")
    assert (stage.case.state, stage.case.cause and stage.case.cause.code) == (CaseState.UNDONE, "E-PAY-EXPIRED")


def test_a_party_that_cannot_be_reached_is_tried_again_then_definitely_not_done() -> None:
    stage = Stage()
    stage.yes("his.bill")
    for _ in range(30):
        if stage.case.state is not CaseState.FORWARD:
            break
        if stage.wire:
            stage.answer("his.lock", None)
        else:
            stage.wait()
    assert stage.leg("his.lock").because == "not_sent"
    assert stage.case.state is CaseState.REJECTED
    assert "his.unlock" not in stage.sent


def test_an_invoice_that_fails_never_undoes_money() -> None:
    stage = Stage().paid()
    stage.yes("nhsa.settle", "his.settle")
    for _ in range(20):
        stage.answer("einvoice.issue" if stage.wire[-1].purpose == "do" else "einvoice.find",
                     U if stage.wire[-1].purpose == "do" else Fact.NOT_THERE)  # fmt: skip
        stage.wait()
    assert stage.case.state is CaseState.FINAL
    while stage.wire[-1].purpose != "do":
        stage.answer("einvoice.find", Fact.NOT_THERE)
        stage.wait()
    stage.answer("einvoice.issue", R, code="E1001")
    assert (stage.case.state, stage.tasks) == (CaseState.SETTLED, ["final_refused"])


@pytest.mark.parametrize("answered", range(8))
def test_a_crash_anywhere_leaves_what_was_sent_unsure_and_sends_nothing_twice_on_a_guess(answered: int) -> None:
    way = ["his.bill", "his.lock", "nhsa.quote", "", "pay.code", "nhsa.settle", "his.settle", "einvoice.issue"]
    stage = Stage()
    for call in way[:answered]:
        stage.yes(call) if call else stage.choose()
    stage.wire.clear()
    sent = list(stage.sent)
    stage.hear(Recovered())
    again = stage.sent[len(sent) :]
    assert not {"pay.code", "nhsa.settle"} & set(again)
    assert len(again) <= 1


def test_a_refund_takes_the_whole_bill_back_with_money_after_his() -> None:
    stage = Stage().paid()
    stage.yes("nhsa.settle", "his.settle", "einvoice.issue")
    stage.hear(RefundAsked(Reason("E-REFUNDED", "", "", "patient")))
    stage.yes("einvoice.write_off", "his.void", "nhsa.cancel", "pay.refund", "his.unlock")
    assert stage.case.state is CaseState.UNDONE


def _by_account(*more: Step) -> Stage:
    """A way of paying that is quoted anew, and a rule of that quote: what does not do leads back to the choice."""
    steps = list(PLAN.steps)
    at = PLAN.index("pay_choice") + 1
    calls = {**PLAN.calls, "nhsa.quote_account": replace(PLAN.calls["nhsa.quote"], name="nhsa.quote_account")}
    steps[at:at] = [
        Step("nhsa.quote_account", StepKind.DO, call="nhsa.quote_account"), *more,
        Step("account_rules", StepKind.CHECK, maps=("account_rules",), again="pay_choice"),
    ]  # fmt: skip
    stage = Stage(plan=replace(PLAN, steps=tuple(steps), calls=calls)).quoted()
    stage.judge.refuse = SHORT
    return stage


SHORT = Reason("E-ACCOUNT-SHORT", "", "", "patient")


def test_a_way_of_paying_that_a_rule_refuses_leads_back_to_the_choice_and_is_quoted_anew() -> None:
    stage = _by_account().choose("insurance_account")
    stage.yes("nhsa.quote_account")
    assert (stage.case.state, stage.case.notice, stage.case.attempt) == (CaseState.WAITING, SHORT, 2)
    assert stage.case.wait_until == stage.now + 300.0
    stage.judge.refuse = None
    stage.choose("wechat_code")
    stage.yes("nhsa.quote_account")  # whatever is asked now is asked for this choice
    stage.yes("pay.code", "nhsa.settle", "his.settle", "einvoice.issue")
    assert (stage.case.state, stage.tasks) == (CaseState.SETTLED, [])


def test_it_does_not_lead_back_once_something_was_changed_for_this_choice() -> None:
    stage = _by_account(Step("till.card", StepKind.DO, call="his.lock", undo="his.unlock")).choose("insurance_account")
    stage.yes("nhsa.quote_account", "his.lock")
    assert stage.case.state is CaseState.BACK, "what was done is taken back with the rest"
    assert (stage.case.cause, stage.sent[-1]) == (no_more_ways(SHORT), "his.unlock")


def test_nor_for_ever() -> None:
    stage = _by_account()
    for _ in range(PLAN.attempts_max):
        stage.choose("insurance_account").yes("nhsa.quote_account")
    assert (stage.case.state, stage.case.cause) == (CaseState.BACK, no_more_ways(SHORT))


HIS_FIRST = replace(
    PLAN, steps=tuple(replace(step, undo_first=True) if step.key == "his.settle" else step for step in PLAN.steps)
)


def _asked_back() -> Stage:
    stage = Stage(plan=HIS_FIRST).paid()
    stage.yes("nhsa.settle", "his.settle", "einvoice.issue")
    stage.hear(RefundAsked(Reason("E-REFUNDED", "", "", "patient")))
    return stage


def test_a_refund_that_his_does_not_allow_is_off_and_the_settlement_stands() -> None:
    stage = _asked_back()
    sent = len(stage.sent)
    assert stage.sent[-1] == "his.void"
    stage.answer("his.void", R, code="WINDOW_ONLY")
    case = stage.case
    assert (case.state, stage.tasks, len(stage.sent)) == (CaseState.SETTLED, [], sent)
    assert (case.cause_kind, stage.leg("his.void").state, stage.leg("his.void").because) == (
        "refund_off", LegState.NO, "refused",
    )  # fmt: skip
    assert case.cause is not None
    assert (case.rest_at, case.next_at()) == (stage.now, None)


def test_what_was_not_allowed_once_is_asked_again_under_a_number_of_its_own() -> None:
    stage = _asked_back()
    stage.answer("his.void", R, code="WINDOW_ONLY")
    stage.hear(RefundAsked(Reason("E-REFUNDED", "", "", "patient")))
    stage.yes("his.void", "einvoice.write_off", "nhsa.cancel", "pay.refund", "his.unlock")
    assert stage.case.state is CaseState.UNDONE
    numbers = [leg.number for leg in stage.case.legs if leg.call == "his.void"]
    assert len(numbers) == len(set(numbers)) == 2


def test_a_refusal_of_what_may_have_arrived_before_is_a_persons_matter() -> None:
    """The first try was lost on the way back: HIS may have taken it back, and refuse for that very reason."""
    stage = _asked_back()
    stage.answer("his.void", U)
    stage.wait()
    stage.answer("his.void", R, code="WINDOW_ONLY")
    assert (stage.case.state, stage.tasks) == (CaseState.MANUAL, ["undo_refused"])


def test_a_refund_that_never_left_and_is_then_not_allowed_is_off() -> None:
    stage = _asked_back()
    stage.answer("his.void", None)
    stage.wait()
    stage.answer("his.void", R, code="WINDOW_ONLY")
    assert stage.case.state is CaseState.SETTLED


def _left_to_a_person() -> tuple[Stage, Leg]:
    stage = _asked_back()
    stage.answer("his.void", U)
    stage.wait()
    stage.answer("his.void", R, code="WINDOW_ONLY")
    return stage, stage.leg("his.void")


BY_HAND = Reason("E-RESOLVED", "", "", "engine")


def test_a_person_who_found_it_undone_lets_the_rest_go_back() -> None:
    stage, undo = _left_to_a_person()
    stage.hear(Resolved(BY_HAND, {undo.id: "done"}))
    stage.yes("einvoice.write_off", "nhsa.cancel", "pay.refund", "his.unlock")
    assert stage.case.state is CaseState.UNDONE


def test_a_person_who_found_it_not_undone_may_call_the_refund_off() -> None:
    stage, undo = _left_to_a_person()
    sent = len(stage.sent)
    stage.now += 60
    stage.hear(Resolved(BY_HAND, {undo.id: "off"}))
    case = stage.case
    assert (case.state, case.cause, undo.state, len(stage.sent)) == (CaseState.SETTLED, BY_HAND, LegState.NO, sent)
    assert case.rest_at == stage.now


def test_a_refund_of_which_something_went_back_is_never_off() -> None:
    stage = _asked_back()
    stage.yes("his.void")
    stage.answer("einvoice.write_off", R)
    undo = stage.leg("einvoice.write_off")
    stage.hear(Resolved(BY_HAND, {undo.id: "off"}))
    assert (stage.case.state, undo.state) == (CaseState.MANUAL, LegState.MANUAL)


def test_a_settlement_that_never_stood_is_not_settled_by_a_refusal_on_its_way_back() -> None:
    stage = Stage(plan=HIS_FIRST).paid()
    stage.yes("nhsa.settle")
    stage.answer("his.settle", R)
    stage.answer("nhsa.cancel", R)
    assert stage.case.state is CaseState.MANUAL
    assert not may_still_stand(stage.case, stage.leg("nhsa.cancel"))


def test_what_is_off_and_was_taken_back_after_all_calls_a_person() -> None:
    stage = _asked_back()
    stage.answer("his.void", R, code="WINDOW_ONLY")
    stage.callback("his.void", Fact.THERE)
    assert (stage.case.state, stage.tasks) == (CaseState.SETTLED, ["undone_outside"])


def test_a_refund_that_begins_at_his_gives_the_rest_back_in_reverse() -> None:
    stage = _asked_back()
    stage.yes("his.void", "einvoice.write_off", "nhsa.cancel", "pay.refund", "his.unlock")
    assert stage.case.state is CaseState.UNDONE
    assert not stage.tasks


def test_what_never_stood_goes_back_in_reverse_whoever_may_refuse() -> None:
    steps = tuple(replace(step, undo_first=step.key == "his.lock") for step in PLAN.steps)
    stage = Stage(plan=replace(PLAN, steps=steps)).paid()
    stage.answer("nhsa.settle", R)
    assert stage.sent[-1] == "pay.refund"


def test_what_is_still_open_after_the_fence_is_stopped_again() -> None:
    stage = Stage().quoted().choose()
    stage.answer("pay.code", P)
    _unsure_until_given_up(stage)
    for _ in range(200):  # every reverse of the whole fence is lost
        if stage.leg("pay.code").state is LegState.FENCED:
            break
        if stage.wire:
            stage.answer("pay.reverse", U)
        else:
            stage.wait()
    stage.answer("pay.query", Fact.WAITING)
    sent = stage.sent.count("pay.reverse")
    stage.wait()
    assert stage.sent.count("pay.reverse") == sent + 1
    stage.yes("pay.reverse")
    stage.answer("pay.query", Fact.CLOSED)
    assert stage.leg("pay.code").state is LegState.NO
    assert stage.case.state is CaseState.WAITING


def _stopped_with(stage: Stage, *answers: Outcome | None) -> float:
    """The payment is given up; its reverse gets these answers, the last one again and again. How many seconds it takes
    until the fence is reached."""
    _unsure_until_given_up(stage)
    began = stage.now
    _answered_until_fenced(stage, list(answers))
    return stage.now - began


def _answered_until_fenced(stage: Stage, left: list[Outcome | None]) -> None:
    """Each reverse gets the next of these answers, the last one again and again, until the fence is reached."""
    while stage.leg("pay.code").state is LegState.DEAD:
        if any(send.call == "pay.reverse" for send in stage.wire):
            stage.answer("pay.reverse", left.pop(0) if len(left) > 1 else left[0])
        else:
            stage.wait()


LATE_MAX = 120.0
TAKES_BACK = replace(PLAN, calls={**PLAN.calls, "pay.reverse": replace(PLAN.calls["pay.reverse"], money=True)})
"""A reverse that gives back what it finds paid (撤销)."""


@pytest.mark.parametrize("said", [R, None], ids=["refused", "never left"])
def test_a_stop_that_can_do_nothing_any_more_does_not_put_the_fence_off(said: Outcome | None) -> None:
    """The platform says at once that there is nothing to take back: that request is over. What may still come is the
    payment itself, and that was sent before the first stop."""
    stage = Stage(plan=TAKES_BACK).quoted().choose()
    stage.answer("pay.code", P)
    assert _stopped_with(stage, said) == LATE_MAX
    stage.answer("pay.query", Fact.NOT_THERE)
    assert (stage.leg("pay.code").state, stage.case.state) == (LegState.NO, CaseState.WAITING)


def test_a_stop_that_nobody_answered_may_come_late_and_holds_the_fence_whatever_the_later_ones_say() -> None:
    stage = Stage(plan=TAKES_BACK).quoted().choose()
    stage.answer("pay.code", P)
    _unsure_until_given_up(stage)
    stage.now += 40.0
    stage.answer("pay.reverse", R)
    stage.wait()
    silent_at = stage.now
    stage.answer("pay.reverse", U)
    _answered_until_fenced(stage, [R])
    assert stage.now == silent_at + LATE_MAX


def test_a_stop_that_was_under_way_when_the_engine_died_holds_the_fence() -> None:
    stage = Stage(plan=TAKES_BACK).quoted().choose()
    stage.answer("pay.code", P)
    _unsure_until_given_up(stage)
    stage.now += 40.0
    stage.answer("pay.reverse", R)
    stage.wait()
    lost_at = stage.now
    stage.wire.clear()
    stage.now += 5.0
    stage.hear(Recovered())
    _answered_until_fenced(stage, [R])
    assert stage.now == lost_at + LATE_MAX


def test_a_lock_that_nobody_can_ask_about_is_given_up_by_an_accepted_unlock_only() -> None:
    stage = Stage()
    stage.yes("his.bill")
    stage.answer("his.lock", U)
    for _ in range(400):  # the HIS is away for much longer than the fence
        if stage.leg("his.lock").state is LegState.FENCED and stage.sent[-1] == "his.unlock" and stage.wire:
            break
        if stage.wire:
            stage.answer(stage.wire[0].call, U)
        else:
            stage.wait()
    assert stage.leg("his.lock").state is LegState.FENCED, "time alone is no proof that nothing is locked"
    stage.yes("his.unlock")
    assert stage.leg("his.lock").state is LegState.NO
    assert stage.case.state is CaseState.REJECTED


INSURER = Step(
    "insurer.claim", StepKind.DO, call="nhsa.settle", ask="nhsa.settled", stop="nhsa.reverse", undo="nhsa.cancel",
    go_on=True, within=30.0,
)  # fmt: skip
WITH_INSURER = replace(PLAN, steps=(*PLAN.steps[:2], INSURER, *PLAN.steps[4:]))


def test_what_an_insurer_refuses_is_left_out_and_the_payer_hears_why() -> None:
    stage = Stage(plan=WITH_INSURER)
    stage.yes("his.bill", "his.lock")
    stage.answer("nhsa.settle", R, code="3002")
    assert stage.case.state is CaseState.WAITING
    assert stage.case.notice is not None
    assert stage.case.notice.code == "3002"
    assert not stage.tasks
    stage.choose()
    stage.answer("pay.code", R, code="NOTENOUGH")
    stage.choose()
    assert stage.sent.count("nhsa.settle") == 1, "another way of paying does not ask the insurer again"


def test_nothing_of_a_claim_under_review_counts_once_it_is_denied() -> None:
    stage = Stage(plan=WITH_INSURER)
    stage.yes("his.bill", "his.lock")
    stage.answer("nhsa.settle", P)
    assert "settle" in stage.case.data["nhsa"], "what a pending answer says is kept"
    stage.wait()
    stage.answer("nhsa.settled", Fact.CLOSED)
    assert stage.case.state is CaseState.WAITING
    assert "settle" not in stage.case.data["nhsa"]


def test_an_unknown_claim_is_made_definite_before_the_settlement_goes_on_without_it() -> None:
    stage = Stage(plan=WITH_INSURER)
    stage.yes("his.bill", "his.lock")
    stage.answer("nhsa.settle", U)
    while stage.leg("nhsa.settle").state is LegState.UNSURE:
        stage.wait()
        if any(send.call == "nhsa.settled" for send in stage.wire):
            stage.answer("nhsa.settled", Fact.UNKNOWN)
    assert stage.sent[-1] == "nhsa.reverse"
    stage.yes("nhsa.reverse")
    assert stage.case.state is CaseState.FORWARD, "nobody pays while the claim may still stand"
    while stage.leg("nhsa.settle").state is not LegState.NO:
        if any(send.call == "nhsa.settled" for send in stage.wire):
            stage.answer("nhsa.settled", Fact.CLOSED)
        else:
            stage.wait()
    assert stage.case.state is CaseState.WAITING


def test_the_payer_may_still_walk_away_after_an_insurer_has_paid() -> None:
    stage = Stage(plan=WITH_INSURER)
    stage.yes("his.bill", "his.lock", "nhsa.settle")
    assert stage.case.state is CaseState.WAITING
    stage.hear(Cancelled(GONE, ""))
    assert stage.sent[-1] == "nhsa.cancel"
    stage.yes("nhsa.cancel", "his.unlock")
    assert stage.case.state is CaseState.UNDONE


def test_an_insurer_that_paid_is_taken_back_while_a_payment_under_way_is_given_up() -> None:
    stage = Stage(plan=WITH_INSURER)
    stage.yes("his.bill", "his.lock", "nhsa.settle")
    stage.choose()
    stage.answer("pay.code", P)
    stage.hear(Cancelled(GONE, ""))
    assert stage.sent[-1] == "pay.reverse"
    stage.yes("pay.reverse")
    stage.answer("pay.query", Fact.CLOSED)
    stage.yes("nhsa.cancel", "his.unlock")
    assert (stage.case.state, stage.sent.count("pay.refund")) == (CaseState.UNDONE, 0)
