"""Going back: what is undone in which order, what came late, and what another party carried."""

from __future__ import annotations

from engine.saga.case import CaseEvent, CaseState, End, Reason, may_still_stand, put
from engine.saga.events import Answered, Refused, Task, TaskOver
from engine.saga.legs import Leg, LegEvent, LegState
from engine.saga.legwork import CARRIED, DECLINED, LATE_TASK, NO_RULE, OBSERVED, UNDO_LIMIT, LegWork
from engine.saga.plan import Step, StepKind


class Undoing(LegWork):
    """The legs that undo others."""

    def undo(self, leg: Leg, step: Step) -> None:
        """The leg that takes this one back begins, under a number of its own."""
        rule = self.rule(step.undo)
        undo = self.new_leg(step, step.undo, rule, of=leg)
        undo.deadline_at = self.now + UNDO_LIMIT
        undo.number = self.judge.number(rule.number, self.case, undo) if rule.number else ""
        undo.amount = self.judge.amount(step.undo, self.case, undo)
        try:
            self.apply(undo, LegEvent.COMMITTED)
        except Refused as no:
            undo.state, undo.code = LegState.MANUAL, no.reason.code
            self.person(undo, LegEvent.REFUSED)

    def late(self, leg: Leg) -> None:
        """A leg we know as `no` took effect after all: give it back, and what it carried, whatever became of the
        settlement."""
        if any(other.of == leg.id for other in self.case.legs):
            return
        self.out.append(Task(LATE_TASK, leg.id, f"{leg.call} took effect after it was known as no"))
        self._carry(leg)
        for one in (*self._carried(leg), leg):
            if self.step(one).undo:
                self.undo(one, self.step(one))

    def late_of(self, undo: Leg) -> Leg | None:
        """The payment known as `no` that this undo gives back, or gives back what it carried."""
        of = self.case.leg(undo.of)
        if of.because == CARRIED:
            by, legs = self.step(of).by, reversed(self.case.legs)
            of = next((one for one in legs if (one.call, one.attempt, one.undo) == (by, of.attempt, False)), of)
        return of if of.state is LegState.NO else None

    def money_back(self, undo: Leg) -> None:
        """What came late has been given back, all of it: the person who was told has nothing left to do, the payer may
        hear."""
        late = self.late_of(undo)
        if late is None:
            return
        given = {leg.id for leg in (late, *self._carried(late))}
        undos = [leg for leg in self.case.legs if leg.of in given]
        if all(leg.state is LegState.OK for leg in undos):
            self.out.append(TaskOver(LATE_TASK, late.id))
            self.ended(End.LATE, next((leg.id for leg in undos if leg.of == late.id), undo.id))

    def next_undo(self) -> bool:
        """Begin what is next to be undone, in the reverse of the plan, one at a time; False when nothing can begin now.
        Of a settlement that stood, who may refuse is asked first (`undo_first`), and nothing else begins before he said
        yes. An undo refused holds all later ones. One that is slow holds what moves money, and its party's own."""
        for leg in list(self.case.legs):
            if not leg.undo and leg.state is LegState.OK:
                self._carry(leg)
        done = [leg for leg in self.case.legs if not leg.undo and leg.state is LegState.OK]
        held: set[str] = set()  # parties with a slow undo, or with one that waits for such a one
        if self.rules.undo_in_reverse:
            done.reverse()
            done.sort(key=lambda leg: not self._may_refuse(leg))
        for leg in done:
            step = self.step(leg)
            if not step.undo or leg.because == OBSERVED:
                continue
            undo, rule = self._undo_of(leg), self.rule(step.undo)
            if undo is None and not (held and (rule.money or rule.party in held)):
                self.undo(leg, step)
                return True
            if undo is not None and undo.state is LegState.OK:
                self.taken_back(leg)
            elif undo is None or (self.slow(undo) and not self._may_refuse(undo)):
                held.add(rule.party)
            else:
                return False
        return not held and self._went_back()

    def _undo_of(self, leg: Leg) -> Leg | None:
        """The undo that counts: one of a refund that came to nothing does not."""
        return next((one for one in self.case.legs if one.of == leg.id and one.state is not LegState.NO), None)

    def _may_refuse(self, leg: Leg) -> bool:
        """Whether this leg's undo, or this undo, is the one that asks for leave."""
        return self.case.final_at is not None and self.step(leg).undo_first

    def declined(self, undo: Leg) -> bool:
        """Whether a clear no to this undo means that the refund is off: its party is asked first for that very reason.
        Of one that may have arrived before (not `sent`, then) nobody knows what was refused; and what waits for a
        person meanwhile is led on by nobody else."""
        asked = undo.undo and self._may_refuse(undo) and undo.state is LegState.SENT
        return asked and self.case.state is CaseState.BACK and may_still_stand(self.case, undo)

    def doubted(self, undo: Leg, no: Answered) -> bool:
        """Whether its party is asked once more after this no: many say it, in words only, of what was taken back at the
        window long ago. Only "it is undone" is believed then; else the no stands."""
        ask = self._ask_of(undo)
        if not ask:
            return False
        undo.because, undo.evidence = DECLINED, no.call_id
        undo.code, undo.text = no.code or undo.code, no.text[:200] or undo.text
        self._send_aside(undo, "ask", ask)
        return undo.in_flight == "ask"

    def doubt_over(self, undo: Leg) -> None:
        """It is not known to be undone: the no stands, under its own words."""
        self.apply(undo, LegEvent.DECLINED if self.declined(undo) else LegEvent.REFUSED)

    def refund_off(self, undo: Leg) -> None:
        """The refund is off: the settlement stands as before, its answer says why, and it may be asked back again."""
        self.stands(self.judge.reason(undo, self.case))

    def stands(self, reason: Reason) -> None:
        """It is settled again."""
        self.case.cause, self.case.cause_kind, self.case.rest_at = reason, "refund_off", None
        self.move(CaseEvent.REFUND_OFF, reason.code)

    def _went_back(self) -> bool:
        asked = any(self.rule(leg.call).money for leg in self.case.legs)
        quiet = self.case.cause_kind == "refused" and not asked
        self.move(CaseEvent.NOTHING_DONE if quiet else CaseEvent.ALL_UNDONE, "")
        return True

    def observe(self, step: Step, carrier: Leg | None = None) -> None:
        """Note a leg that another party carried inside one of our calls, so that books and rules see it. `carrier`: on
        the way back, where what cannot be told of it must not keep it from being undone."""
        leg = self.new_leg(step, step.key, NO_RULE)
        leg.state, leg.because = LegState.OK, CARRIED if step.undo else OBSERVED
        leg.attempt = carrier.attempt if carrier is not None else leg.attempt
        try:
            seen = self.judge.work(step.maps[0], self.case)
        except Refused:
            if carrier is None:
                self.case.legs.remove(leg)
                raise
            return
        leg.number, leg.amount = str(seen.get("number", "")), seen.get("amount")
        put(self.case.data, step.key, seen)

    def _carry(self, carrier: Leg) -> None:
        """Note what a leg that took effect has carried, where the settlement did not come as far: it has an undo of its
        own, and nobody else would take it back."""
        for step in self.plan.steps:
            if step.kind is not StepKind.OBSERVE or not step.undo or step.by != carrier.call:
                continue
            if not any(one.step == step.key for one in self._carried(carrier)) and self._holds(step):
                self.observe(step, carrier)

    def _holds(self, step: Step) -> bool:
        try:
            return not step.condition or self.judge.holds(step.condition, self.case)
        except Refused:
            return True

    def _carried(self, carrier: Leg) -> list[Leg]:
        """The legs inside this one that have an undo of their own."""
        return [
            leg
            for leg in self.case.legs
            if leg.because == CARRIED and leg.attempt == carrier.attempt and self.step(leg).by == carrier.call
        ]

    def taken_back(self, carrier: Leg) -> None:
        """The undo of a call took back what was carried inside it too: note that beside each observed leg."""
        undone = {leg.of for leg in self.case.legs}
        for leg in list(self.case.legs):
            step = self.step(leg)
            if leg.because == OBSERVED and not leg.undo and step.by == carrier.call and leg.id not in undone:
                back = self.new_leg(step, step.key, NO_RULE, of=leg)
                back.amount, back.state, back.because = leg.amount, LegState.OK, OBSERVED
