"""A step done for each item of a list: what every item's call told can be kept as a list, and no item's answer takes a
field from the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.core.outcome import Fact, Outcome
from engine.saga.case import Case, CaseState
from engine.saga.events import Answered, Recovered
from engine.saga.plan import Plan, Step
from tests.saga.stage import CALLS, DO, PLAN, Stage, StageJudge

BILL, ISSUE = PLAN.steps[0], PLAN.steps[-1]
LOOK = Step("look", DO, call="nhsa.quote", each="used.rows", each_as="one", gather="vouchers")
ASKED = replace(LOOK, key="book", call="his.settle", ask="his.paid")
YES = Outcome.ACCEPTED


class Listing(StageJudge):
    """Hands out the items of the test's list."""

    def __init__(self, rows: Sequence[Any]) -> None:
        super().__init__()
        self.rows = list(rows)

    def items(self, path: str, case: Case) -> Sequence[Any]:
        return self.rows


def listing(*steps: Step, rows: int = 3) -> Stage:
    """A settlement at the first of its steps that walks a list of so many items."""
    stage = Stage(plan=Plan("stage", (BILL, *steps), CALLS))
    stage.judge = Listing([{"no": str(place)} for place in range(1, rows + 1)])
    stage.yes("his.bill")
    return stage


def told(stage: Stage, call: str, made: Any, said: Outcome | Fact = YES) -> None:
    """The party answers, and the map makes this of it."""
    send = next(one for one in stage.wire if one.call == call)
    stage.wire.remove(send)
    fact = said if isinstance(said, Fact) else None
    outcome = YES if isinstance(said, Fact) else said
    stage.calls += 1
    stage.hear(Answered(send.leg_id, send.purpose, outcome, fact, made, (), "", "", stage.calls, stage.now))


def test_what_each_item_brought_is_a_list_in_its_order() -> None:
    stage = listing(LOOK, ISSUE)
    for no in ("7", "8", "9"):
        told(stage, "nhsa.quote", {"voucher": no})
    assert stage.case.data["vouchers"] == [{"voucher": "7"}, {"voucher": "8"}, {"voucher": "9"}]
    assert stage.case.data["nhsa"]["quote"] == {"voucher": "9"}, "the last answer stays under the call's name"
    assert stage.wire[-1].call == "einvoice.issue"


def test_an_answer_takes_nothing_from_the_item_before() -> None:
    stage = listing(LOOK, ISSUE, rows=2)
    told(stage, "nhsa.quote", {"voucher": "7", "note": "of the first only"})
    told(stage, "nhsa.quote", {"voucher": "8"})
    assert stage.case.data["nhsa"]["quote"] == {"voucher": "8"}
    assert stage.case.data["vouchers"] == [{"voucher": "7", "note": "of the first only"}, {"voucher": "8"}]


def test_a_list_of_none_is_an_empty_list() -> None:
    stage = listing(LOOK, ISSUE, rows=0)
    assert stage.case.data["vouchers"] == []
    assert stage.wire[-1].call == "einvoice.issue"


def test_what_only_an_inquiry_brought_is_in_the_list_too() -> None:
    stage = listing(ASKED, rows=2)
    told(stage, "his.settle", None, Outcome.UNKNOWN)
    stage.wait()
    told(stage, "his.paid", {"receipt": "R1"}, Fact.THERE)
    told(stage, "his.settle", {"receipt": "R2"})
    assert stage.case.data["vouchers"] == [{"receipt": "R1"}, {"receipt": "R2"}]


def test_an_item_whose_answer_told_nothing_has_an_empty_row() -> None:
    stage = listing(LOOK, rows=2)
    told(stage, "nhsa.quote", {"voucher": "7"})
    told(stage, "nhsa.quote", None)
    assert stage.case.data["vouchers"] == [{"voucher": "7"}, {}]


def test_a_row_that_is_refused_at_the_end_is_not_in_the_list_and_holds_no_other() -> None:
    stage = listing(replace(LOOK, final=True), ISSUE)
    told(stage, "nhsa.quote", {"voucher": "7"})
    told(stage, "nhsa.quote", None, Outcome.REFUSED)
    told(stage, "nhsa.quote", {"voucher": "9"})
    assert stage.case.data["vouchers"] == [{"voucher": "7"}, {"voucher": "9"}]
    assert stage.tasks == ["final_refused"]
    assert stage.wire[-1].call == "einvoice.issue"


def test_a_crash_between_two_items_neither_loses_nor_repeats_a_row() -> None:
    stage = listing(LOOK, ISSUE)
    told(stage, "nhsa.quote", {"voucher": "7"})
    stage.wire.clear()
    stage.hear(Recovered())
    if not stage.wire:
        stage.wait()
    for no in ("8", "9"):
        told(stage, "nhsa.quote", {"voucher": no})
    assert [row["voucher"] for row in stage.case.data["vouchers"]] == ["7", "8", "9"]
    told(stage, "einvoice.issue", {})
    assert stage.case.state is CaseState.SETTLED
