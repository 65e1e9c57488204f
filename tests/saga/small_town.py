"""A small town that plays against the real machine: one settlement, four parties, a bad network, a fickle patient.

`Town(seed).play()` runs one life from the request to the last message and says what ended wrong, judged by what the
parties did, never by what the machine believes. Requests are lost, executed without an answer, executed up to 110
seconds late (the parties promise 120); callbacks come late, twice or never; the process dies between a turn and its
commit, or between the commit and the sending. The same seed is the same life.
"""

from __future__ import annotations

import copy
import heapq
import random
from collections.abc import Callable
from dataclasses import replace

from engine.core.outcome import Fact, Outcome
from engine.saga.case import Case, CaseState, End, Reason
from engine.saga.events import (
    Answered,
    Cancelled,
    Event,
    FactHeard,
    Heard,
    Recovered,
    RefundAsked,
    Send,
    Started,
    Task,
    Tell,
    Tick,
)
from engine.saga.legs import Leg, LegState
from engine.saga.machine import advance
from engine.saga.plan import Ending, Plan
from engine.saga.rules import RULES, Rules
from tests.saga.small_parties import DUE, Parties, Said, Traits
from tests.saga.stage import PLAN, StageJudge

WAIT = 10.0  # seconds a call is waited for
PLAIN = Traits()
THE_END = 4 * 86400.0
REST = (CaseState.SETTLED, CaseState.UNDONE, CaseState.REJECTED, CaseState.MANUAL)


def plan_of(traits: Traits) -> Plan:
    """The stage's plan, with a stop for HIS where it has one; a stop that takes back what was done moves money."""
    undoing = {name: replace(PLAN.calls[name], money=traits.stops_undo) for name in ("pay.reverse", "nhsa.reverse")}
    steps = tuple(
        replace(step, stop="his.void") if step.key == "his.settle" and traits.his_stop else step for step in PLAN.steps
    )
    if traits.asked_back:
        steps = tuple(replace(step, undo_first=step.key == "his.settle") for step in steps)
    return Plan(PLAN.channel, steps, {**PLAN.calls, **undoing}, ends=(Ending("sms", frozenset(End)),))


class Town:
    """One life under one seed."""

    def __init__(self, seed: int, rules: Rules = RULES, traits: Traits = PLAIN) -> None:
        self.rng = random.Random(seed)
        self.seed, self.rules, self.traits = seed, rules, traits
        self.plan, self.judge = plan_of(traits), StageJudge()
        self.case = Case("S1", "stage", "h", "K01", "r1", 0.0, {"request": {}})
        self.parties = Parties(self)
        self.now, self.turns, self.calls, self.epoch, self.down_until = 0.0, 0, 0, 0, 0.0
        self.tasks: list[str] = []
        self.told: list[Tell] = []
        self.wrong = ""
        self.story: list[str] = []
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._choosing = False
        self._to_ask_back = self.rng.choice((1, 2)) if traits.asked_back else 0
        self._dies_at = self.rng.randint(2, 16) if traits.crashes and self.chance(0.4) else 0

    # Chance and time

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def between(self, low: float, high: float) -> float:
        return self.rng.uniform(low, high)

    def later(self, seconds: float, does: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._heap, (self.now + seconds, self._serial, does))

    def blame(self, what: str) -> None:
        self.wrong = self.wrong or what
        self.note(f"!! {what}")

    def note(self, what: str) -> None:
        self.story.append(f"{self.now:9.1f} {what}")

    def delay(self) -> float:
        roll = self.rng.random()
        if roll < 0.8:
            return self.between(0.05, 1.5)
        return self.between(5, 30) if roll < 0.92 else self.between(30, 110)

    # One life

    def play(self) -> str:
        """What ended wrong, or ""."""
        self.hear(Started())
        if self.chance(0.2):
            self.later(self.between(0, 200), self._cancel)
        if self.traits.cashier:
            self.later(self.between(0, 200), self.parties.collect)
        while not self.wrong:
            due = self.case.next_at() if self.now >= self.down_until else None
            first = self._heap[0][0] if self._heap else None
            if due is None and first is None:
                break
            if due is not None and (first is None or due <= first):
                self.now = max(self.now, due)
                self.hear(Tick())
            else:
                at, _, does = heapq.heappop(self._heap)
                self.now = max(self.now, at)
                does()
            if self.now > THE_END:
                self.blame(f"not at rest after four days ({self.case.state})")
        self._judge()
        return self.wrong

    def _judge(self) -> None:
        """The end, by the parties' truth."""
        if self.wrong:
            return
        parties, state = self.parties, self.case.state
        ends = (parties.kept(), parties.live(parties.booked), parties.live(parties.insured))
        if state not in REST:
            self.blame(f"stuck in {state}")
        elif state is CaseState.MANUAL or any(leg.state is LegState.MANUAL for leg in self.case.legs):
            if not self.tasks:
                self.blame("a person is needed and nobody was told")
        elif ends != ((DUE, 1, 1) if state is CaseState.SETTLED else (0, 0, 0)):
            self.blame(f"{state} with {ends[0]} kept, {ends[1]} at HIS, {ends[2]} at the insurance")
        elif state is not CaseState.SETTLED and "live" in parties.locks.values():
            self.blame(f"{state} and the bill still locked")
        elif state is CaseState.SETTLED and parties.live(parties.invoices) != 1 and not self.tasks:
            self.blame("settled without an invoice")
        self._heard_of_it()

    def _heard_of_it(self) -> None:
        """The payer hears of an end once, and once of each payment that came late and went back."""
        case = self.case
        ends = [str(tell.end) for tell in self.told if tell.end is not End.LATE]
        end = End.REFUNDED if case.final_at is not None else case.state
        wanted = [str(end)] if case.state in (CaseState.UNDONE, CaseState.REJECTED) else []
        back = [leg.id for leg in case.legs if leg.undo and leg.state is LegState.OK and _counts_no_more(case, leg)]
        late = [tell.leg_id for tell in self.told if tell.end is End.LATE]
        if ends != wanted or sorted(late) != sorted(back):
            self.blame(f"{case.state}, and the payer heard {ends} and of {late}, of {back} that went back late")

    # The engine's process

    def hear(self, event: Event) -> None:
        """One turn: decide, store, send. The process may die on the way."""
        if self.now < self.down_until:
            if isinstance(event, FactHeard):  # a party repeats what was not taken
                self.later(self.down_until - self.now + 1, lambda: self.hear(event))
            return
        self.turns += 1
        dies = self.turns == self._dies_at
        before = copy.deepcopy(self.case) if dies else self.case
        state = self.case.state
        commands = advance(self.plan, self.case, event, self.now, self.judge, self.rules)
        self.tasks += [command.kind for command in commands if isinstance(command, Task)]
        sends = [command for command in commands if isinstance(command, Send)]
        self.note(f"{_shown(event)} → {self.case.state if self.case.state is not state else ''}"
                  f" {' '.join(f'{s.call}({s.number})' for s in sends)}")  # fmt: skip
        tells = [command for command in commands if isinstance(command, Tell)]
        if dies:
            self._die(before, event, sends, tells)
            return
        self.told += tells
        for send in sends:
            self._send(send)
        self._patient()
        self._regret(state)

    def _die(self, before: Case, event: Event, sends: list[Send], tells: list[Tell]) -> None:
        """Before the commit (the turn never happened) or after it (nothing was sent)."""
        stored = self.chance(0.5)
        if not stored:
            if not self.rules.number_saved_first:
                for send in sends:
                    self._send(send)
            self.case = before
        else:
            self.told += tells
        self.note(f"dies, turn {'stored' if stored else 'lost'}")
        self.epoch += 1
        self.down_until = self.now + self.between(0.1, 60)
        self._choosing = False
        if not stored and isinstance(event, FactHeard):
            self.later(self.down_until - self.now + 1, lambda: self.hear(event))
        self.later(self.down_until - self.now, lambda: self.hear(Recovered()))

    def _send(self, send: Send) -> None:
        self.calls += 1
        leg, call_id, epoch, started = self.case.leg(send.leg_id), self.calls, self.epoch, self.now
        target = self.case.leg(leg.of).number if leg.undo and send.purpose == "do" else leg.number
        number = send.number if send.purpose == "do" else leg.number

        def answered(said: Said) -> None:
            if self.epoch == epoch:
                self.hear(Answered(send.leg_id, send.purpose, said[0], said[1], {}, (), "", "", call_id, started))

        if self.chance(0.03):
            self.later(0.5, lambda: answered((None, None)))
            return
        there, back = self.delay(), self.delay()
        lost, deaf = self.chance(0.08), self.chance(0.1)
        heard = not lost and not deaf and there + back < WAIT

        def arrive() -> None:
            said = self.parties.execute(send.call, number, target)
            self.note(f"    {send.call}({number}) is done: {said[1] or said[0]}{'' if heard else ', unheard'}")
            if heard:
                self.later(back, lambda: answered(said))

        if not lost:
            self.later(there, arrive)
        if not heard:
            self.later(WAIT, lambda: answered((Outcome.UNKNOWN, None)))

    def callback(self, number: str, fact: Fact) -> None:
        """The channel tells about an order, if we know its number."""
        leg = next((leg for leg in self.case.legs if leg.number == number), None)
        if leg is not None:
            self.hear(FactHeard(leg.id, fact, {}))

    # The patient

    def _patient(self) -> None:
        waiting = self.case.state is CaseState.WAITING
        paying = self.case.state is CaseState.FORWARD and any(
            leg.call == "pay.code" and leg.state is LegState.UNSURE for leg in self.case.legs
        )
        if self._choosing or not (waiting or paying):
            return
        if self.chance(0.9 if waiting else 0.15):
            self._choosing = True
            self.later(self.between(1, 60 if waiting else 25), self._choose)

    def _choose(self) -> None:
        self._choosing = False
        self.hear(Heard("pay_choice", {"kind": "wechat_code"}))

    def _regret(self, before: CaseState) -> None:
        """What has just been settled, or stands again, may be asked back."""
        if self.case.state is CaseState.SETTLED and before is not CaseState.SETTLED and self._to_ask_back:
            self._to_ask_back -= 1
            self.later(self.between(10, 3600), self._ask_back)

    def _ask_back(self) -> None:
        self.hear(RefundAsked(Reason("E-REFUNDED", "", "", "patient")))

    def _cancel(self) -> None:
        self.hear(Cancelled(Reason("E-CANCELLED", "", "", "patient")))


def _counts_no_more(case: Case, undo: Leg) -> bool:
    return case.leg(undo.of).state is LegState.NO


def _shown(event: Event) -> str:
    if isinstance(event, Answered):
        return f"Answered {event.purpose} leg {event.leg_id}: {event.fact or event.outcome or 'not sent'}"
    if isinstance(event, FactHeard):
        return f"Callback leg {event.leg_id}: {event.fact}"
    return type(event).__name__
