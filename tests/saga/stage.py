"""A settlement on a bare stage: the real machine, a small plan, parties that say what the test tells them to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.core.outcome import Fact, Outcome
from engine.saga.case import Case, Reason
from engine.saga.events import (
    Answered,
    Event,
    FactHeard,
    Heard,
    Judge,
    Refused,
    Send,
    Started,
    Task,
    TaskOver,
    Tell,
    Tick,
)
from engine.saga.legs import Leg
from engine.saga.machine import advance
from engine.saga.plan import CallRule, Plan, Repeats, Step, StepKind
from engine.saga.rules import RULES, Rules

DO, AWAIT, CHECK = StepKind.DO, StepKind.AWAIT, StepKind.CHECK
SAME, NEVER, FREELY = Repeats.SAME_NUMBER, Repeats.NEVER, Repeats.FREELY


def _rule(name: str, repeats: Repeats, number: str = "", *, ask: str = "", money: bool = False) -> CallRule:
    party = name.partition(".")[0]
    return CallRule(name, party, name, repeats, ask, number, repeats is not FREELY, money, late_max=120.0)


CALLS = {
    rule.name: rule
    for rule in (
        _rule("his.bill", FREELY),
        _rule("his.lock", SAME, "lock"),
        _rule("his.unlock", SAME, "lock"),
        _rule("nhsa.quote", FREELY),
        _rule("pay.code", NEVER, "trade", money=True),
        _rule("pay.query", FREELY),
        _rule("pay.reverse", SAME),
        _rule("pay.refund", SAME, "refund", ask="pay.refund_query", money=True),
        _rule("pay.refund_query", FREELY),
        _rule("nhsa.settle", NEVER, "msgid", money=True),
        _rule("nhsa.settled", FREELY, "msgid"),
        _rule("nhsa.reverse", SAME, "msgid", money=True),
        _rule("nhsa.cancel", SAME, "msgid", money=True),
        _rule("his.settle", SAME, "settlement", money=True),
        _rule("his.paid", FREELY),
        _rule("his.void", SAME, "void", money=True),
        _rule("einvoice.issue", SAME, "bus"),
        _rule("einvoice.find", FREELY),
        _rule("einvoice.write_off", SAME, "bus"),
    )
}

PLAN = Plan(
    "stage",
    (
        Step("his.bill", DO, call="his.bill"),
        Step("his.lock", DO, call="his.lock", undo="his.unlock"),
        Step("rules", CHECK, maps=("rules",)),
        Step("nhsa.quote", DO, call="nhsa.quote"),
        Step("pay_choice", AWAIT, answer="quoted", within=300.0),
        Step(
            "pay.code", DO, call="pay.code", ask="pay.query", stop="pay.reverse", undo="pay.refund",
            again="pay_choice", answer="paying", within=30.0, condition="cash",
        ),
        Step(
            "nhsa.settle", DO, call="nhsa.settle", ask="nhsa.settled", stop="nhsa.reverse", undo="nhsa.cancel",
            must_equal="nhsa.quote",
        ),
        Step("his.settle", DO, call="his.settle", ask="his.paid", undo="his.void"),
        Step("einvoice.issue", DO, final=True, call="einvoice.issue", ask="einvoice.find", undo="einvoice.write_off"),
    ),
    CALLS,
)  # fmt: skip


class StageJudge(Judge):
    """Holds everything, maps nothing, numbers by settlement and leg; a test may set `refuse` or `amounts_differ`."""

    def __init__(self) -> None:
        self.refuse: Reason | None = None
        self.amounts_differ = False
        self.drawn = 0

    def holds(self, condition: str, case: Case) -> bool:
        return True

    def checks(self, maps: Sequence[str], case: Case) -> None:
        if self.refuse is not None:
            raise Refused(self.refuse)

    def work(self, name: str, case: Case) -> Any:
        return {}

    def items(self, path: str, case: Case) -> Sequence[Any]:
        return [{}]

    def number(self, kind: str, case: Case, leg: Leg) -> str:
        self.drawn += 1
        of = f"{leg.of}" + "A" * sum(1 for one in case.legs if one.of == leg.of and one.id < leg.id)
        by_kind = {"trade": f"P{leg.attempt}", "refund": f"R{of}", "void": f"V{of}", "bus": "E", "lock": "L"}
        return case.no + (f"M{self.drawn}" if kind == "msgid" else by_kind.get(kind, ""))

    def amount(self, call: str, case: Case, leg: Leg) -> int | None:
        return 100

    def body(self, call: str, case: Case, leg: Leg, purpose: str, number: str) -> Any:
        return {"call": call, "of": leg.number}

    def drift(self, must_equal: str, call: str, case: Case) -> Reason | None:
        return Reason("E-DRIFT", "", "", "insurance") if self.amounts_differ else None

    def reason(self, leg: Leg, case: Case) -> Reason:
        return Reason(leg.code or leg.because, leg.text, leg.text, "payment")


class Stage:
    """Plays one settlement. `wire` holds the calls that left and were not answered yet."""

    def __init__(self, rules: Rules = RULES, plan: Plan = PLAN) -> None:
        self.plan, self.rules = plan, rules
        self.judge: StageJudge = StageJudge()
        self.case = Case("S1", "stage", "h", "K01", "r1", 0.0, {"request": {}})
        self.now = 1000.0
        self.wire: list[Send] = []
        self.sent: list[str] = []
        self.tasks: list[str] = []
        self.over: list[str] = []
        self.told: list[Tell] = []
        self.again = 0
        self.calls = 0
        self.hear(Started())

    def hear(self, event: Event) -> None:
        for command in advance(self.plan, self.case, event, self.now, self.judge, self.rules):
            if isinstance(command, Send):
                self.wire.append(command)
                self.sent.append(command.call)
            elif isinstance(command, Task):
                self.tasks.append(command.kind)
                self.again += command.again
            elif isinstance(command, TaskOver):
                self.over.append(command.kind)
            elif isinstance(command, Tell):
                self.told.append(command)

    def answer(self, call: str, said: Outcome | Fact | None, *, code: str = "", started_at: float | None = None,
               differs: tuple[str, ...] = ()) -> None:  # fmt: skip
        """The oldest call of this name on the wire is answered."""
        send = next(one for one in self.wire if one.call == call)
        self.wire.remove(send)
        self.calls += 1
        fact = said if isinstance(said, Fact) else None
        outcome = Outcome.ACCEPTED if isinstance(said, Fact) else said
        self.hear(
            Answered(send.leg_id, send.purpose, outcome, fact, {}, differs, code, "", self.calls,
                     self.now if started_at is None else started_at)
        )  # fmt: skip

    def yes(self, *calls: str) -> None:
        for call in calls:
            self.answer(call, Outcome.ACCEPTED)

    def quoted(self) -> Stage:
        self.yes("his.bill", "his.lock", "nhsa.quote")
        return self

    def choose(self, kind: str = "wechat_code") -> Stage:
        self.hear(Heard("pay_choice", {"kind": kind}))
        return self

    def paid(self) -> Stage:
        self.quoted().choose().yes("pay.code")
        return self

    def callback(self, call: str, fact: Fact, differs: tuple[str, ...] = ()) -> None:
        leg = next(one for one in self.case.legs if one.call == call)
        self.hear(FactHeard(leg.id, fact, {}, differs))

    def wait(self, seconds: float | None = None) -> None:
        """Let time pass to the next thing due, or so many seconds."""
        at = self.case.next_at()
        assert seconds is not None or at is not None, "nothing is due"
        self.now = self.now + seconds if seconds is not None else max(self.now, at or 0.0)
        self.hear(Tick())

    def leg(self, call: str) -> Leg:
        return next(one for one in reversed(self.case.legs) if one.call == call)
