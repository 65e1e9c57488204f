"""One settlement, one event, what now: the saga as a pure function over the two tables.

`advance` changes the case in place and returns what must be done *after* the change is stored. It reads no clock and
sends nothing. If the change cannot be stored the case is thrown away and loaded again.
"""

from __future__ import annotations

from engine.core.outcome import Fact, Outcome
from engine.saga.case import Case, CaseEvent, CaseState, Reason, forget, found, put
from engine.saga.events import (
    Answered,
    Cancelled,
    Command,
    Event,
    FactHeard,
    Heard,
    Judge,
    Recovered,
    RefundAsked,
    Refused,
    Resolved,
    Task,
    Tell,
    Tick,
)
from engine.saga.legs import OPEN, Leg, LegEvent, LegState
from engine.saga.legwork import DECLINED, LATE
from engine.saga.payer import AWAIT_PATIENCE, Payer, no_more_ways
from engine.saga.plan import Plan, Step, StepKind
from engine.saga.rules import RULES, Rules

FENCE_LIMIT = 1800.0  # seconds after the fence without an answer: a person

_OUTCOME = {
    Outcome.ACCEPTED: LegEvent.ACCEPTED,
    Outcome.REFUSED: LegEvent.REFUSED,
    Outcome.PENDING: LegEvent.PENDING,
    Outcome.UNKNOWN: LegEvent.UNKNOWN,
}
_FACT = {
    Fact.THERE: LegEvent.THERE,
    Fact.WAITING: LegEvent.WAITING,
    Fact.CLOSED: LegEvent.CLOSED,
    Fact.NOT_THERE: LegEvent.NOT_THERE,
    Fact.UNKNOWN: LegEvent.FACT_UNKNOWN,
}


def advance(
    plan: Plan, case: Case, event: Event, now: float, judge: Judge, rules: Rules = RULES
) -> list[Command]:
    """Hear one event at `now` (unix seconds) and go as far as possible. NoSuchRow means a defect of the engine."""
    turn = _Turn(plan, case, now, judge, rules)
    turn.hear(event)
    turn.run()
    case.version += 1
    return turn.out


class _Turn(Payer):
    """Hears one event and carries the settlement on."""

    def hear(self, event: Event) -> None:
        match event:
            case Answered():
                self._answered(event)
            case FactHeard():
                self._fact(event)
            case Heard():
                self._heard(event)
            case Cancelled():
                self.cancelled(event)
            case Tick():
                self._tick()
            case Recovered():
                for leg in self.case.legs:
                    leg.in_flight = ""
                    if leg.state in OPEN:
                        self.apply(leg, LegEvent.CRASH)
            case RefundAsked():
                if self.case.state is CaseState.SETTLED:
                    self.asked_back(event.reason, "refunded", event.by)
                    self.case.rest_at = None
                    self.move(CaseEvent.REFUND, event.reason.code)
            case Resolved():
                self.resolved(event)

    def _answered(self, event: Answered) -> None:
        leg = self.case.leg(event.leg_id)
        if leg.in_flight == event.purpose:
            leg.in_flight = ""
        if event.purpose == "stop":
            accepted = event.outcome is Outcome.ACCEPTED
            self.stop_answered(leg, event.outcome)
            self.apply(leg, LegEvent.STOP_ACCEPTED if accepted else LegEvent.STOP_FAILED, event)
        elif event.purpose == "ask":
            self._inquiry_answered(leg, event)
        else:
            heard = LegEvent.NOT_SENT if event.outcome is None else _OUTCOME[event.outcome]
            if heard is LegEvent.UNKNOWN and not self.rules.timeout_is_unknown:
                heard = LegEvent.REFUSED
            if heard is LegEvent.REFUSED and self.repeated(leg):
                heard = LegEvent.UNKNOWN
            if heard is LegEvent.REFUSED and self.declined(leg):
                if not event.differs and self.doubted(leg, event):
                    return
                heard = LegEvent.DECLINED
            if leg.undo and heard is LegEvent.PENDING and not self.rules.pending_is_not_done:
                heard = LegEvent.ACCEPTED
            if heard is LegEvent.ACCEPTED and self._may_be_taken_back(leg):
                heard = LegEvent.UNKNOWN
            if event.differs:
                heard = LegEvent.DIFFERS
            if heard in (LegEvent.ACCEPTED, LegEvent.PENDING) and event.made is not None:
                put(self.case.data, leg.call, event.made, merge=True)
            if heard is LegEvent.PENDING and not leg.undo and leg.because != LATE:
                leg.because = "accepted"
            self.apply(leg, heard, event)

    def _inquiry_answered(self, leg: Leg, event: Answered) -> None:
        fact = event.fact or Fact.UNKNOWN
        heard = LegEvent.DIFFERS if event.differs else _FACT[fact]
        if leg.because == DECLINED and leg.state is LegState.SENT and heard not in (LegEvent.THERE, LegEvent.DIFFERS):
            self.doubt_over(leg)
            return
        stale = leg.state is LegState.FENCED and self.stale(leg, event) and self.rules.ask_after_fence
        if stale and (fact is not Fact.THERE or self.takes_back(leg)):
            heard = LegEvent.FACT_UNKNOWN
        if leg.state is LegState.DEAD and heard is LegEvent.THERE and self._may_be_taken_back(leg):
            heard = LegEvent.FACT_UNKNOWN
        if leg.state is LegState.UNSURE and heard is LegEvent.NOT_THERE:
            leg.because = "not_there"
            if not self._fence_holds(leg):
                heard = LegEvent.CLOSED
        if leg.state is LegState.UNSURE and heard is LegEvent.WAITING and self._reply_lost(leg):
            leg.because = "reply_lost"
        if leg.state is LegState.FENCED and heard is LegEvent.WAITING and leg.because != LATE:
            leg.because = "waiting"
        # Of a way of paying that was passed over, nothing may stand beside the one that was taken.
        aside = leg.because == LATE and bool(self.step(leg).again)
        if heard is LegEvent.THERE and event.made is not None and not aside:
            put(self.case.data, leg.call, event.made, merge=True)
        self.apply(leg, heard, event)

    def _may_be_taken_back(self, leg: Leg) -> bool:
        """A stop that undoes what it finds is under way: what was done before it is no longer sure."""
        return leg.state in (LegState.DEAD, LegState.FENCED) and self.takes_back(leg)

    def _reply_lost(self, leg: Leg) -> bool:
        """The order stands, but what it answered (the code to scan) never reached us: the payer cannot go on."""
        return not leg.undo and bool(self.step(leg).answer) and leg.because != "accepted"

    def _fence_holds(self, leg: Leg) -> bool:
        paying = bool(self.step(leg).again)
        return leg.undo or (self.rules.fence if paying else self.rules.fence and self.rules.fence_later_legs)

    def _fact(self, event: FactHeard) -> None:
        leg = self.case.leg(event.leg_id)
        heard = LegEvent.DIFFERS if event.differs else _FACT[event.fact]
        if leg.state is LegState.FENCED and heard not in (LegEvent.THERE, LegEvent.DIFFERS):
            heard = LegEvent.FACT_UNKNOWN  # nobody knows when the party wrote it; our own inquiry decides
        if heard is LegEvent.THERE and self._may_be_taken_back(leg):
            heard = LegEvent.FACT_UNKNOWN
        if heard is LegEvent.THERE and event.made is not None and leg.state not in (LegState.OK, LegState.NO):
            put(self.case.data, leg.call, event.made, merge=True)
        repeat = leg.state is LegState.OK and heard is LegEvent.THERE
        self.apply(leg, heard, event)
        if repeat and not self.rules.callback_once and self.case.state is CaseState.FORWARD:
            self.begin(self.plan.steps[self.case.cursor])

    def _heard(self, event: Heard) -> None:
        case = self.case
        step = self.plan.steps[case.cursor] if case.cursor < len(self.plan.steps) else None
        if case.state is CaseState.WAITING and step is not None and step.key == event.event:
            if case.wait_until is not None and self.now >= case.wait_until:
                self.expire()
            else:
                self._take(event.event, event.body)
        elif case.state is CaseState.FORWARD and step is not None and step.again == event.event:
            leg = self.current(step)
            if leg is None or leg.state not in OPEN:
                return
            if not self.rules.one_attempt_live:
                case.attempt += 1
                case.cursor = self.plan.index(event.event)
                self.move(CaseEvent.AGAIN, "")
                self._take(event.event, event.body)
                return
            case.pending = {event.event: event.body}
            self.give_up(leg)

    def _take(self, name: str, body: object) -> None:
        put(self.case.data, name, body)
        self.case.wait_until = None
        self.move(CaseEvent.HEARD, name)
        self.case.cursor += 1

    def _tick(self) -> None:
        case = self.case
        if case.state is CaseState.WAITING and case.wait_until is not None and self.now >= case.wait_until:
            self.expire()
        for leg in list(case.legs):
            if leg.next_at is not None and leg.next_at <= self.now and not leg.in_flight:
                self._due(leg)

    def _due(self, leg: Leg) -> None:
        """What time alone brings a leg that waits."""
        leg.next_at = None
        if leg.undo:
            self.tell_of_slow(leg)
        over = leg.deadline_at is not None and self.now >= leg.deadline_at
        if leg.state is LegState.READY:
            if over and not leg.undo:
                leg.because = "not_sent"
                self.apply(leg, LegEvent.GIVE_UP)
            else:
                self.send_do(leg)
        elif leg.state is LegState.UNSURE:
            if over:
                self.apply(leg, LegEvent.LIMIT if leg.undo else LegEvent.GIVE_UP)
            else:
                self.inquire(leg)
        elif leg.state is LegState.DEAD:
            if leg.fence_at is not None and self.now >= leg.fence_at:
                self.apply(leg, LegEvent.FENCE_REACHED)
            else:
                self.stop(leg)
        elif leg.state is LegState.FENCED:
            if self._fence_told_nothing(leg):
                self.apply(leg, LegEvent.LIMIT)
            else:
                self.inquire(leg)

    def _fence_told_nothing(self, leg: Leg) -> bool:
        """Whether it is a person's matter now. A stop that is sent again moves the fence on, but not our patience: that
        counts from when the leg was to be stopped first."""
        since = leg.fence_at
        if since is not None and leg.deadline_at is not None and leg.because != LATE and self.takes_back(leg):
            since = min(since, leg.deadline_at)
        return since is not None and self.now >= since + FENCE_LIMIT

    def refuse_by_rule(self, step: Step, reason: Reason) -> None:
        if step.final:
            self.out.append(Task("final_refused", 0, f"{step.key}: {reason.code}"))
            self.case.cursor += 1
        elif step.go_on:
            self._without(reason)
        elif step.again and not step.call and self.may_choose_again(step):
            self.choose_again(step, reason)
        else:
            self._refuse(no_more_ways(reason) if step.again else reason)

    def run(self) -> None:
        """Go on until something outside must happen first."""
        progress = True
        while progress:
            match self.case.state:
                case CaseState.FORWARD:
                    progress = self._forward(final=False)
                case CaseState.FINAL:
                    progress = self._forward(final=True)
                case CaseState.BACK:
                    progress = self._back()
                case CaseState.WAITING:
                    progress = self._use_pending()
                case _:
                    progress = False

    def _use_pending(self) -> bool:
        if not self.case.pending:
            return False
        ((name, body),) = self.case.pending.items()
        self.case.pending = None
        self._take(name, body)
        return True

    def _forward(self, *, final: bool) -> bool:
        case = self.case
        step = self.plan.steps[case.cursor] if case.cursor < len(self.plan.steps) else None
        if step is None or step.final is not final:
            if final:
                self.move(CaseEvent.FINAL_DONE, "")
            else:
                case.final_at = self.now
                self.move(CaseEvent.STEPS_DONE, "")
            return True
        try:
            return self._step(step)
        except Refused as no:
            self.refuse_by_rule(step, no.reason)
            return True

    def _step(self, step: Step) -> bool:
        case = self.case
        fresh = case.item == 0 and self.current(step) is None
        if fresh and step.condition and not self.judge.holds(step.condition, case):
            case.cursor += 1
            return True
        match step.kind:
            case StepKind.AWAIT:
                case.wait_until = self.now + (step.within or AWAIT_PATIENCE)
                self.move(CaseEvent.AWAIT, step.key)
                return True
            case StepKind.CHECK:
                self.judge.checks(step.maps, case)
            case StepKind.WORK:
                put(case.data, step.key, self.judge.work(step.maps[0], case))
            case StepKind.OBSERVE:
                self.observe(step)
            case StepKind.TELL:
                self.out.append(Tell(step.key))
            case StepKind.DO:
                return self._do(step)
        case.cursor += 1
        return True

    def _do(self, step: Step) -> bool:
        case = self.case
        if step.each:
            items = self.judge.items(step.each, case)
            if step.gather and case.item == 0:
                case.data[step.gather] = []
            if case.item >= len(items):
                case.cursor, case.item = case.cursor + 1, 0
                return True
            case.data[step.each_as] = items[case.item]
        leg = self.current(step)
        if leg is None:
            if step.each:
                forget(case.data, step.call)  # what the item before brought
            self.begin(step)
            return True
        if leg.state is LegState.OK:
            case.pending = None
            drift = self.judge.drift(step.must_equal, step.call, case) if step.must_equal else None
            if drift is not None:
                self._refuse(drift)
            elif step.each:
                if step.gather:
                    case.data[step.gather].append(found(case.data, step.call) or {})
                case.item += 1
            else:
                case.cursor += 1
            return True
        if leg.state is LegState.NO:
            self._leg_is_no(step, leg)
            return True
        if not self.rules.paid_before_settle and step.again and leg.state is LegState.UNSURE:
            case.cursor += 1
            return True
        if case.pending and leg.state is LegState.UNSURE:
            self.give_up(leg)
        return False

    def current(self, step: Step) -> Leg | None:
        """The leg of this step that counts now: not a `no` of an earlier attempt."""
        case = self.case
        for leg in reversed(case.legs):
            if leg.step == step.key and not leg.undo and leg.batch_no == case.item:
                asked = not self.rule(leg.call).changes
                earlier = leg.attempt != case.attempt and (leg.state is LegState.NO or bool(step.again) or asked)
                return None if earlier else leg
        return None

    def _leg_is_no(self, step: Step, leg: Leg) -> None:
        case = self.case
        reason = self.judge.reason(leg, case)
        if step.final:
            self.out.append(Task("final_refused", leg.id, f"{step.key} {leg.code}".strip()))
            # the others of a list have nothing to do with it
            case.cursor, case.item = (case.cursor, case.item + 1) if step.each else (case.cursor + 1, 0)
        elif step.go_on:
            forget(case.data, leg.call)
            self._without(reason)
        elif step.again and case.attempt < self.plan.attempts_max:
            self.choose_again(step, reason)
        else:
            self._refuse(no_more_ways(reason) if step.again else reason)

    def _without(self, reason: Reason) -> None:
        """The settlement goes on without this step; who is asked to pay next hears why."""
        self.case.notice = reason
        self.case.cursor, self.case.item = self.case.cursor + 1, 0

    def _refuse(self, reason: Reason) -> None:
        self.case.cause, self.case.cause_kind = reason, "refused"
        self.move(CaseEvent.REFUSED, reason.code)

    def _back(self) -> bool:
        """Make every unknown forward leg definite, then undo in reverse, one at a time."""
        case = self.case
        open_legs = [leg for leg in case.legs if not leg.undo and leg.state in OPEN]
        for leg in open_legs:
            self.give_up(leg)
        if self.rules.definite_before_back and any(leg.state in OPEN for leg in open_legs):
            return False
        return self.next_undo()


