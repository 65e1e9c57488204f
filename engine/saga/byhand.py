"""A person's word about legs that nobody could tell."""

from __future__ import annotations

from engine.saga.case import RELEASES_BILLS, CaseEvent, CaseState
from engine.saga.events import Moved, Resolved
from engine.saga.legs import OPEN, Leg, LegState
from engine.saga.legwork import LATE, UNDO_LIMIT
from engine.saga.undoing import Undoing


class ByHand(Undoing):
    """What a person decides is done like anything else: through the legs, and stored with who and why."""

    def resolved(self, event: Resolved) -> None:
        """The word about each leg in MANUAL. A settlement that stands still for it is then undone; one that is at rest,
        or only finishing, stays what it is and the leg alone goes on."""
        waits = self.case.state is CaseState.MANUAL
        for leg in [one for one in self.case.legs if one.state is LegState.MANUAL]:
            self._decide(leg, event.verdicts.get(leg.id, ""))
        if waits:
            self.case.cause, self.case.rest_at = event.reason, None
            self.move(CaseEvent.RESUME, event.reason.code)

    def _decide(self, leg: Leg, verdict: str) -> None:
        came_late = self._came_late(leg)
        after = {
            "done": LegState.NO if came_late else LegState.OK,
            "not_done": LegState.UNSURE if leg.undo else LegState.NO,
            "again": LegState.UNSURE if leg.undo else LegState.FENCED,
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
