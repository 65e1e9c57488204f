"""A person's word about legs that nobody could tell."""

from __future__ import annotations

from engine.saga.case import RELEASES_BILLS, CaseEvent, CaseState, may_still_stand
from engine.saga.events import Moved, Resolved, Task
from engine.saga.legs import OPEN, Leg, LegState
from engine.saga.legwork import LATE, UNDO_LIMIT
from engine.saga.undoing import Undoing

OFF = "off"  # a verdict: the refund that began with this undo is off, the settlement stands


class ByHand(Undoing):
    """What a person decides is done like anything else: through the legs, and stored with who and why."""

    def resolved(self, event: Resolved) -> None:
        """The word about each leg in MANUAL. A settlement that stands still for it is then undone, or stands again if
        its refund is called off; one that is at rest, or only finishing, stays what it is and the leg alone goes on."""
        waits = self.case.state is CaseState.MANUAL
        legs = [leg for leg in self.case.legs if leg.state is LegState.MANUAL]
        off = [self.case.leg(leg_id) for leg_id, word in event.verdicts.items() if word == OFF]
        if off and not (waits and all(leg in legs and may_still_stand(self.case, leg) for leg in off)):
            self._too_late(off)
            return
        for leg in legs:
            self._decide(leg, event.verdicts.get(leg.id, ""))
        if off:
            self.stands(event.reason)
        elif waits:
            self.case.cause, self.case.rest_at = event.reason, None
            self.move(CaseEvent.RESUME, event.reason.code)

    def _too_late(self, off: list[Leg]) -> None:
        """It was allowed when it was asked, and something has happened since. The desk's tasks were closed with the
        word: there is one again."""
        for leg in off:
            kind = "undo_refused" if leg.state is LegState.MANUAL else "undone_outside"
            self.out.append(Task(kind, leg.id, f"{leg.call} {leg.code}".strip()))

    def _decide(self, leg: Leg, verdict: str) -> None:
        came_late = self._came_late(leg)
        after = {
            "done": LegState.NO if came_late else LegState.OK,
            "not_done": LegState.UNSURE if leg.undo else LegState.NO,
            "again": LegState.UNSURE if leg.undo else LegState.FENCED,
            OFF: LegState.NO,
        }.get(verdict)
        if after is None:
            return
        self.out.append(Moved(f"leg {leg.id} {leg.call}", leg.state, after, "by_hand"))
        leg.state, leg.because = after, LATE if came_late and after in OPEN else "by_hand"
        if after is LegState.OK and leg.undo:
            self.money_back(leg)
        if after in OPEN:
            leg.deadline_at = self.now + UNDO_LIMIT if leg.undo else self.now
            leg.fence_at = None if leg.undo else self.now
            leg.next_at = self.now
        if came_late and verdict == "done":
            self.late(leg)

    def _came_late(self, leg: Leg) -> bool:
        """A payment that counts for nothing here: the settlement has ended without it, or went on with another one."""
        case = self.case
        if leg.undo or case.state is CaseState.MANUAL:  # then everything that stands is undone anyway
            return False
        passed_over = leg.attempt != case.attempt and bool(self.step(leg).again)
        return passed_over or leg.because == LATE or case.state in RELEASES_BILLS
