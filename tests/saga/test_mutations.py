"""Every rule of `engine.saga.rules` is needed by the real machine: with all of them thousands of lives in the small
town end right, and without any one of them some life ends wrong in the way that rule prevents.

Two rules are kept by others than the machine: `number_saved_first` by the driver (the town sends before it stores when
it is off), `bill_locked` by the HIS (the town's cashier respects no lock when it is off).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

import pytest

from engine.core.outcome import Fact, Outcome
from engine.saga.case import CaseState, may_still_stand
from engine.saga.events import Recovered
from engine.saga.legs import UNDO, Leg, LegEvent, LegState
from engine.saga.legwork import LegWork
from engine.saga.rules import RULES, Rules
from engine.saga.undoing import Undoing
from tests.saga.small_parties import Traits
from tests.saga.small_town import Town, plan_of
from tests.saga.stage import Stage

LIVES = 3000

EXPECTED = {
    "timeout_is_unknown": "undone with 100 kept",
    "fence": "with 200 kept, 1 at HIS",
    "ask_after_fence": "with 100 kept, 0 at HIS",
    "number_saved_first": "insurance settled twice",
    "one_attempt_live": "with 200 kept, 1 at HIS",
    "callback_once": "insurance settled twice",
    "same_number_on_retry": "HIS booked twice",
    "definite_before_back": "undone with 100 kept",
    "fence_later_legs": "undone with 0 kept, 0 at HIS, 1 at the insurance",
    "paid_before_settle": "HIS settled without payment",
    "refund_number_fixed": "more was given back than paid",
    "pending_is_not_done": "undone with 100 kept",
    "undo_in_reverse": "money back while insurance is settled",
    "bill_locked": "HIS booked twice",
}


def traits_of(seed: int, *, cashier: bool = False) -> Traits:
    """Towns of every kind by turns."""
    return Traits(stops_undo=False, his_stop=seed % 2 == 0, crashes=seed % 3 > 0, cashier=cashier)


def _told(town: Town) -> str:
    return f"seed {town.seed}: {town.wrong}\n" + "\n".join(town.story)


@pytest.mark.parametrize("quarter", range(4))
def test_with_all_rules_every_life_ends_right(quarter: int) -> None:
    ends: Counter[str] = Counter()
    for seed in range(quarter, LIVES, 4):
        town = Town(seed, RULES, traits_of(seed, cashier=seed % 5 == 0))
        assert not town.play(), _told(town)
        ends[town.case.state] += 1
    lives = sum(ends.values())
    assert ends[CaseState.SETTLED] > lives // 5, ends
    assert ends[CaseState.UNDONE] > lives // 5, ends
    assert ends[CaseState.REJECTED] > lives // 20, ends
    assert 0 < ends[CaseState.MANUAL] < lives // 10, ends


def test_every_rule_is_taken_away_once() -> None:
    assert set(EXPECTED) == {one.name for one in fields(Rules)}


@pytest.mark.parametrize("rule", EXPECTED)
def test_without_a_rule_some_life_ends_wrong(rule: str) -> None:
    seen: Counter[str] = Counter()
    for seed in range(LIVES):
        town = Town(seed, replace(RULES, **{rule: False}), traits_of(seed, cashier=rule == "bill_locked"))
        seen[town.play()] += 1
        if EXPECTED[rule] in town.wrong:
            return
    raise AssertionError(f"nobody noticed that {rule} is off: {seen}")


def test_a_life_is_the_same_again() -> None:
    first, again = Town(17, RULES, traits_of(17)), Town(17, RULES, traits_of(17))
    assert (first.play(), first.story) == (again.play(), again.story)


@pytest.mark.parametrize("quarter", range(4))
def test_a_stop_that_takes_back_what_it_finds_never_takes_back_what_we_counted_on(quarter: int) -> None:
    """A late 撤销, 冲正 or 作废 undoes a payment, a settlement, a booking: while one may still arrive, "it is there" is
    no ground to go forward on."""
    for seed in range(quarter, LIVES, 4):
        town = Town(seed, RULES, replace(traits_of(seed), stops_undo=True))
        assert not town.play(), _told(town)


@pytest.mark.parametrize("quarter", range(4))
def test_nor_does_one_that_was_refused_because_it_found_nothing(quarter: int) -> None:
    """The original, and stops that nobody answered, may come later than the refusal: the fence waits for those, and
    only for those."""
    for seed in range(quarter, LIVES, 4):
        town = Town(seed, RULES, replace(traits_of(seed), stops_undo=True, stops_bury=False))
        assert not town.play(), _told(town)


@pytest.mark.parametrize("quarter", range(4))
def test_what_is_asked_back_goes_back_whole_or_stands_as_before(quarter: int) -> None:
    ends: Counter[str] = Counter()
    for seed in range(quarter, LIVES, 4):
        town = Town(seed, RULES, replace(traits_of(seed), asked_back=True))
        assert not town.play(), _told(town)
        ends[town.case.cause_kind] += town.case.state is CaseState.SETTLED
        ends["refunded"] += town.case.state is CaseState.UNDONE and town.case.final_at is not None
    assert ends["refund_off"] > 20, ends
    assert ends["refunded"] > 100, ends


def test_a_refusal_of_what_may_have_arrived_before_must_not_call_a_refund_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Undoing, "declined", lambda self, undo: undo.undo and may_still_stand(self.case, undo))
    monkeypatch.setitem(UNDO, (LegState.UNSURE, LegEvent.DECLINED), UNDO[LegState.SENT, LegEvent.DECLINED])
    towns = (Town(seed, RULES, replace(traits_of(seed), asked_back=True)) for seed in range(LIVES))
    assert "settled with 100 kept, 0 at HIS" in next(filter(None, (town.play() for town in towns)), "")


def test_a_fence_that_waits_for_no_stop_is_seen_by_the_lives_above(monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds the fence for a stop whose answer never came is needed: without it money goes back unasked."""

    def forgets(self: LegWork, leg: Leg, outcome: Outcome | None) -> None:
        answered(self, leg, Outcome.REFUSED if outcome is Outcome.UNKNOWN else outcome)

    answered = LegWork.stop_answered
    monkeypatch.setattr(LegWork, "stop_answered", forgets)
    lives = ((seed, bury) for seed in range(LIVES) for bury in (False, True))
    towns = (Town(seed, RULES, replace(traits_of(seed), stops_undo=True, stops_bury=bury)) for seed, bury in lives)
    assert any(town.play() for town in towns)


def test_an_inquiry_after_the_fence_that_tells_nothing_is_not_repeated_at_once() -> None:
    """A party that is down refuses in no time: without a pause we would ask for ever within one instant."""
    stage = Stage().quoted().choose()
    stage.answer("pay.code", Outcome.PENDING)
    while stage.leg("pay.code").state is LegState.UNSURE:
        stage.wait()
        if any(send.call == "pay.query" for send in stage.wire):
            stage.answer("pay.query", Fact.WAITING)
    stage.yes("pay.reverse")
    for _ in range(3):
        stage.answer("pay.query", None)
        due = stage.case.next_at()
        assert due is not None
        assert due >= stage.now + 1.0
        stage.wait()


def test_a_stop_is_sent_again_after_a_restart_however_long_it_took() -> None:
    """The process dies while it stops a payment and comes back after the fence: the order may still be open."""
    stage = Stage(plan=plan_of(Traits())).quoted().choose()
    stage.answer("pay.code", Outcome.PENDING)
    while stage.leg("pay.code").state is LegState.UNSURE:
        stage.wait()
        if any(send.call == "pay.query" for send in stage.wire):
            stage.answer("pay.query", Fact.WAITING)
    assert stage.sent[-1] == "pay.reverse"
    stage.wire.clear()
    stage.now += 3600.0
    stage.hear(Recovered())
    assert stage.sent[-1] == "pay.reverse"
    assert stage.leg("pay.code").state is LegState.DEAD
