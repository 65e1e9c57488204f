"""The work on single legs: begin, apply the table, send, ask, stop, fence, undo."""

from __future__ import annotations

from engine.core.outcome import Outcome
from engine.saga.case import AT_REST, CASE, ENDS, Case, CaseEvent, End, Reason
from engine.saga.events import Answered, Command, FactHeard, Judge, Moved, Refused, Send, Task, TaskOver, Tell
from engine.saga.legs import OPEN, Leg, LegEvent, LegState, Then, row
from engine.saga.plan import CallRule, Plan, Repeats, Step
from engine.saga.rules import Rules
from engine.saga.waits import ask_delay, send_delay, undo_delay

LEG_PATIENCE = 60.0  # seconds a forward leg may stay unsure when its step says nothing
READ_PATIENCE = 30.0
UNDO_SLOW_TASK = "undo_slow"
LATE_TASK = "late_payment"
UNDO_SLOW = 900.0  # seconds after which a person hears of an undo that is still on its way, and others pass it
UNDO_LIMIT = 86400.0

LATE = "late"  # of a leg that was `no`: somebody says it took effect, and it is being asked about
DECLINED = "declined"  # of the first undo of a refund: they said no, and are asked whether it was undone before
OBSERVED = "observed"  # of a leg that another party carried: we sent nothing
CARRIED = "carried"  # of such a leg that its carrier does not take back: that is a call of our own
SEEN = (OBSERVED, CARRIED)  # its number is not of our making
NO_RULE = CallRule(name="", party="", op="")


class LegWork:
    """One call of `advance`: the case, the instant, and the commands gathered so far."""

    def __init__(self, plan: Plan, case: Case, now: float, judge: Judge, rules: Rules) -> None:
        self.plan, self.case, self.now, self.judge, self.rules = plan, case, now, judge, rules
        self.out: list[Command] = []

    def step(self, leg: Leg) -> Step:
        """The step of the plan that the leg carries out, or undoes."""
        return self.plan.steps[self.plan.index(leg.step)]

    def rule(self, call: str) -> CallRule:
        """What the plan knows of a call; NO_RULE of one it does not name."""
        return self.plan.calls.get(call, NO_RULE)

    def move(self, event: CaseEvent, why: str) -> None:
        """The settlement hears an event of its table (KeyError where it has none), and whoever is told of an end is."""
        before = self.case.state
        after = CASE[(before, event)]
        if after is not before:
            self.case.state = after
            self.out.append(Moved("settlement", before, after, why or event))
        if after in AT_REST and self.case.rest_at is None:
            self.case.rest_at = self.now
        self.ended(ENDS.get((event, self.case.final_at is not None)))

    def ended(self, end: End | None, leg_id: int = 0) -> None:
        """Hand it to the channels that are told of this end."""
        self.out += [Tell(row.tell, end, leg_id) for row in self.plan.ends if end in row.at]

    def asked_back(self, reason: Reason, kind: str, by: str) -> None:
        """Somebody wants the settlement undone: why, and which client it was."""
        self.case.cause, self.case.cause_kind = reason, kind
        if by:
            self.case.data["asked_by"] = by

    def refuse_by_rule(self, step: Step, reason: Reason) -> None:
        """A rule or a map said no before anything of the step was sent."""
        raise NotImplementedError

    def late(self, leg: Leg) -> None:
        """A leg known as `no` took effect after all."""
        raise NotImplementedError

    def money_back(self, undo: Leg) -> None:
        """An undo is done."""
        raise NotImplementedError

    def refund_off(self, undo: Leg) -> None:
        """The first undo of a refund was declined."""
        raise NotImplementedError

    def late_of(self, undo: Leg) -> Leg | None:
        """The payment known as `no` that this undo belongs to; None: it belongs to the settlement."""
        raise NotImplementedError

    def apply(self, leg: Leg, event: LegEvent, source: Answered | FactHeard | None = None) -> None:
        """Move one leg by its table and do what the row says."""
        before = leg.state
        event = self._after_no(leg, event, source)
        after, then = row(leg.undo, before, event)
        if source is not None and source.code:
            leg.code = source.code
        if isinstance(source, Answered) and source.text:
            leg.text = source.text[:200]
        if after is not before:
            leg.state = after
            self.out.append(Moved(f"leg {leg.id} {leg.call}", before, after, event))
        if after in (LegState.OK, LegState.NO, LegState.MANUAL) and before is not after:
            leg.next_at = None
            if leg.id in self.case.data.get("_slow", ()):
                self.out.append(TaskOver(UNDO_SLOW_TASK, leg.id))
            self._can("cannot_send", leg)
            self._can("cannot_ask", leg)
            if after is LegState.OK and leg.undo:
                self.money_back(leg)
            leg.evidence = source.call_id if isinstance(source, Answered) else leg.evidence
            if after is LegState.NO:
                leg.because = leg.because if event is LegEvent.GIVE_UP else self._because(before, event)
        self._then(leg, then, event)

    def _after_no(self, leg: Leg, event: LegEvent, source: Answered | FactHeard | None) -> LegEvent:
        """What is heard of a leg known as `no`: only an inquiry that began after the news tells whether it is true."""
        yes = event in (LegEvent.THERE, LegEvent.ACCEPTED)
        if leg.undo or not yes:
            return event
        if leg.state is LegState.NO:
            if any(other.of == leg.id for other in self.case.legs):
                leg.repeats_heard += 1
                return LegEvent.GIVE_UP  # it is being given back already
            if not self._ask_of(leg):
                return LegEvent.CONFIRMED
            leg.because, leg.fence_at, leg.asks = LATE, self.now, 0
        elif leg.state is LegState.FENCED and leg.because == LATE:
            ours = isinstance(source, Answered) and source.purpose == "ask"
            return LegEvent.CONFIRMED if ours and not self.stale(leg, source) else LegEvent.FACT_UNKNOWN
        return event

    def stale(self, leg: Leg, source: Answered | FactHeard | None) -> bool:
        """Whether an inquiry began before the leg's fence (or before the news that made us ask again)."""
        return isinstance(source, Answered) and leg.fence_at is not None and source.started_at < leg.fence_at

    def _because(self, before: LegState, event: LegEvent) -> str:
        if event in (LegEvent.REFUSED, LegEvent.DECLINED):
            return "refused"
        return "fenced" if before is LegState.FENCED else "closed"

    def _then(self, leg: Leg, then: Then, event: LegEvent) -> None:
        match then:
            case Then.SEND:
                self.send_do(leg)
            case Then.SEND_LATER:
                leg.next_at = self.now + send_delay(leg.tries)
            case Then.ASK_LATER:
                delay = undo_delay(leg.asks) if leg.undo else ask_delay(leg.asks, event is LegEvent.PENDING)
                leg.next_at = self._ask_at(leg, delay)
                if leg.undo and not self.slow(leg):
                    leg.next_at = min(leg.next_at, self._slow_at(leg))
            case Then.ASK_NOW:
                if leg.state is LegState.FENCED and leg.fence_at is not None:
                    leg.fence_at = min(leg.fence_at, self.now)
                self.inquire(leg)
            case Then.STOP:
                self._begin_fence(leg)
            case Then.STOP_LATER:
                leg.next_at = self.now + send_delay(leg.asks)
                leg.asks += 1
                if leg.fence_at is not None:
                    leg.next_at = min(leg.next_at, max(self.now, leg.fence_at))
            case Then.LATE:
                self.late(leg)
            case Then.OFF:
                self.refund_off(leg)
            case Then.COUNT:
                leg.repeats_heard += 1
            case Then.PERSON:
                self.person(leg, event)
            case Then.NEXT | Then.BACK | Then.NOTHING:
                pass  # `run` looks at the states

    def begin(self, step: Step) -> Leg | None:
        """Create the next leg of a step and send it; a map that refuses ends the settlement instead."""
        rule = self.rule(step.call)
        leg = self.new_leg(step, step.call, rule)
        patience = LEG_PATIENCE if rule.changes else READ_PATIENCE
        leg.deadline_at = None if step.final else self.now + (step.within or patience)
        said = len(self.out)
        try:
            leg.number = self.judge.number(rule.number, self.case, leg) if rule.number else ""
            leg.amount = self.judge.amount(step.call, self.case, leg)
            self.apply(leg, LegEvent.COMMITTED)
        except Refused as no:
            self.case.legs.remove(leg)
            del self.out[said:]
            self.refuse_by_rule(step, no.reason)
            return None
        return leg

    def new_leg(self, step: Step, call: str, rule: CallRule, of: Leg | None = None) -> Leg:
        """A leg for this call, ready, of the present attempt and item; `of` the leg it undoes."""
        case = self.case
        leg = Leg(
            id=len(case.legs) + 1, step=step.key, call=call, number="", created_at=self.now,
            undo=of is not None, of=of.id if of else 0,
            attempt=of.attempt if of else case.attempt, batch_no=of.batch_no if of else case.item,
        )  # fmt: skip
        case.legs.append(leg)
        return leg

    def person(self, leg: Leg, event: LegEvent) -> None:
        """A task about this leg; the settlement waits for a person, unless the leg decides nothing any more."""
        kind = {
            LegEvent.DIFFERS: "differs",
            LegEvent.LIMIT: "undo_unknown" if leg.undo else "fence_unknown",
            LegEvent.CLOSED: "undone_outside" if leg.state is LegState.OK else "undo_refused",
            LegEvent.THERE: "undone_outside",
            LegEvent.ACCEPTED: "undone_outside",
        }.get(event, "undo_refused")
        self.out.append(Task(kind, leg.id, f"{leg.call} {leg.code}".strip()))
        # What became of a payment known as `no`, and giving it back, leaves the settlement where it is.
        aside = leg.because == LATE or (leg.undo and self.late_of(leg) is not None)
        if not aside:
            self.move(CaseEvent.PERSON, kind)

    def repeated(self, leg: Leg) -> bool:
        """Whether what is on the wire is a repeat: its refusal says nothing about the first try, whose answer was lost
        and which may stand or still arrive."""
        first = leg.undo or self.step(leg).final or leg.state is LegState.SENT
        return not first and leg.state in OPEN and self.rule(leg.call).changes

    def send_do(self, leg: Leg) -> None:
        """The leg's call goes out, for the first time or again. Refused when its first message cannot be made."""
        renew = leg.tries > 0 and (
            not self.rules.same_number_on_retry or (leg.undo and not self.rules.refund_number_fixed)
        )
        number = f"{leg.number}X{leg.tries}" if renew else leg.number
        try:
            body = self.judge.body(leg.call, self.case, leg, "do", number)
        except Refused as no:
            if leg.tries == 0:
                raise
            leg.next_at = self.now + undo_delay(leg.asks)
            self._cannot("cannot_send", leg, f"{leg.call}: {no.reason.code}")
            return
        self._can("cannot_send", leg)
        leg.tries += 1
        leg.sent_at = self.now
        if leg.state is LegState.READY:
            leg.state = LegState.SENT
        leg.in_flight = "do"
        self.out.append(Send(leg.id, "do", leg.call, number, body))

    def inquire(self, leg: Leg) -> None:
        """Find out what became of the leg's number: ask, or repeat where repeating is safe."""
        leg.next_at = None
        rule, ask = self.rule(leg.call), self._ask_of(leg)
        again = rule.repeats is not Repeats.NEVER and leg.state is LegState.UNSURE
        if leg.state is LegState.FENCED and not ask:
            stop = self._stop_of(leg)
            if stop and not leg.stopped and rule.changes:  # none ever arrived: time alone proves nothing
                leg.asks += 1
                self._send_aside(leg, "stop", stop)
            else:
                self.apply(leg, LegEvent.NOT_THERE)  # the accepted stop (or a call that changes nothing) is the proof
            return
        if leg.state is LegState.FENCED and not self.rules.ask_after_fence and leg.because == "not_there":
            self.apply(leg, LegEvent.NOT_THERE)
            return
        leg.asks += 1
        stop = self._stop_of(leg)
        if leg.state is LegState.FENCED and leg.because == "waiting" and stop and not leg.stopped:
            leg.because = ""  # no stop ever arrived, and the payer could still finish it: stop it again
            if self.takes_back(leg):
                leg.fence_at = self.now + self.rule(stop).late_max
            self._send_aside(leg, "stop", stop)
            return
        if again and (not ask or leg.because in ("not_there", "reply_lost")):
            leg.because = ""
            self.send_do(leg)
        elif ask:
            self._send_aside(leg, "ask", ask)
        else:
            leg.next_at = self._ask_at(leg, ask_delay(leg.asks, False))

    def _ask_at(self, leg: Leg, delay: float) -> float:
        """When an unsure leg is looked at next: not after its own time, when it is to be stopped."""
        at = self.now + delay
        if leg.deadline_at is not None and leg.state is LegState.UNSURE:
            at = max(self.now, min(at, leg.deadline_at))
        return at

    def _ask_of(self, leg: Leg) -> str:
        return self.rule(leg.call).ask if leg.undo else self.step(leg).ask

    def _stop_of(self, leg: Leg) -> str:
        step = self.step(leg)
        return step.stop or ("" if step.ask else step.undo)

    def takes_back(self, leg: Leg) -> bool:
        """Whether the leg's stop undoes what it finds done (撤销, 冲正, 作废). While one may still arrive, being
        there is no ground to go forward on: only an inquiry that began after the fence of the last stop tells."""
        return self.rule(self._stop_of(leg)).money

    def _begin_fence(self, leg: Leg) -> None:
        rule = self.rule(leg.call)
        leg.asks = 0  # from now on stops are counted
        if leg.fence_at is None:
            changes = rule.changes or rule.money
            leg.fence_at = self.now + (rule.late_max if changes else 0.0)
        if self.takes_back(leg):
            leg.deadline_at = self.now + rule.late_max  # until then the stop is repeated; anew after a restart
        self.stop(leg)

    def stop(self, leg: Leg) -> None:
        """The next of what stops a dead leg: its stop, the end of the fence, or the wait for it."""
        stop = self._stop_of(leg)
        may_undo = self.takes_back(leg)
        over = may_undo and leg.deadline_at is not None and self.now >= leg.deadline_at
        if stop and not leg.stopped and not over:
            leg.next_at = None
            if may_undo:
                self._put_off(leg, self.rule(stop).late_max)
            self._send_aside(leg, "stop", stop)
        elif leg.fence_at is not None and leg.fence_at <= self.now:
            self.apply(leg, LegEvent.FENCE_REACHED)
        else:
            leg.next_at = leg.fence_at

    def _put_off(self, leg: Leg, late_max: float) -> None:
        """A stop that undoes what it finds goes out: it may take effect late, too. Where the fence stood without it is
        kept beside it, for the case that it comes to nothing."""
        fence = leg.fence_at or 0.0
        self.case.data.setdefault("_fences", {})[str(leg.id)] = fence
        leg.fence_at = max(fence, self.now + late_max)

    def stop_answered(self, leg: Leg, outcome: Outcome | None) -> None:
        """A stop was answered. One that was refused, or never left, can do nothing any more: the fence stands where it
        stood before it. What nobody answered may still come, and holds the fence, whatever later stops are told."""
        leg.stopped = leg.stopped or outcome is Outcome.ACCEPTED
        before = self.case.data.get("_fences", {}).pop(str(leg.id), None)
        if before is not None and leg.state is LegState.DEAD and outcome in (None, Outcome.REFUSED):
            leg.fence_at = before

    def _send_aside(self, leg: Leg, purpose: str, call: str) -> None:
        rule = self.rule(call)
        number = self.judge.number(rule.number, self.case, leg) if rule.number == "msgid" else leg.number
        try:
            body = self.judge.body(call, self.case, leg, purpose, number)
        except Refused as no:
            leg.next_at = self._ask_at(leg, undo_delay(leg.asks))
            if purpose == "stop":
                self.stop_answered(leg, None)
            self._cannot("cannot_ask", leg, f"{call}: {no.reason.code}")
            return
        self._can("cannot_ask", leg)
        leg.in_flight = purpose
        self.out.append(Send(leg.id, purpose, call, number, body))

    def _cannot(self, kind: str, leg: Leg, text: str) -> None:
        """A map refuses what must be sent: a person is told once, later tries only count."""
        told = self.case.data.setdefault("_stuck", [])
        again = [kind, leg.id] in told
        if not again:
            told.append([kind, leg.id])
        self.out.append(Task(kind, leg.id, text, again=again))

    def _can(self, kind: str, leg: Leg) -> None:
        """It goes out again: nobody has to do anything any more."""
        told = self.case.data.get("_stuck")
        if told and [kind, leg.id] in told:
            told.remove([kind, leg.id])
            self.out.append(TaskOver(kind, leg.id))

    def _slow_at(self, undo: Leg) -> float:
        """From when an undo that is still on its way is a person's matter: counted anew when a person sent it again."""
        return (undo.deadline_at or undo.created_at + UNDO_LIMIT) - UNDO_LIMIT + UNDO_SLOW

    def slow(self, undo: Leg) -> bool:
        """Whether an undo is on its way so long that a person was told and what does not depend on it goes on."""
        return undo.state in (LegState.READY, LegState.UNSURE) and self.now >= self._slow_at(undo)

    def tell_of_slow(self, undo: Leg) -> None:
        """A person hears once that an undo takes long: which one, of what, since when."""
        told = self.case.data.setdefault("_slow", [])
        if undo.id not in told and self.slow(undo):
            told.append(undo.id)
            self.out.append(Task(UNDO_SLOW_TASK, undo.id, f"{undo.call} {undo.number} {undo.code} {undo.text}".strip()))

    def give_up(self, leg: Leg) -> None:
        """Nobody waits for this leg any more; one that never left did not happen."""
        if leg.state is LegState.READY:
            leg.because = "not_sent"
        if leg.state in OPEN:
            self.apply(leg, LegEvent.GIVE_UP)
