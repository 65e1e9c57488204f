"""What the payer says of the settlement as a whole: nothing in time, or that it is given up."""

from __future__ import annotations

from dataclasses import replace

from engine.saga.byhand import ByHand
from engine.saga.case import CaseEvent, CaseState, Reason, forget
from engine.saga.events import Cancelled
from engine.saga.legs import Leg, LegState
from engine.saga.plan import Step

AWAIT_PATIENCE = 300.0  # seconds an await lasts that does not say
PAYING = "paying"  # a step's `answer`: the order is before the payer, who has not paid yet


def no_more_ways(reason: Reason) -> Reason:
    """Why the last payment failed, where no other can be chosen any more: what to do next is to begin anew."""
    return replace(
        reason,
        next="本次结算不再收款，请重新发起结算",
        next_en="This settlement takes no other payment; start a new one.",
    )


class Payer(ByHand):
    """The ways back that begin with the payer."""

    def expire(self) -> None:
        """No way of paying was chosen in time."""
        self.case.cause_kind = "expired"
        self.case.cause = Reason(
            "E-PAY-EXPIRED",
            "未在规定时间内选择支付方式，本次结算已取消",
            "No payment was chosen in time; nothing was charged.",
            "patient",
            "请重新发起结算",
            "Start the settlement again.",
        )
        self.move(CaseEvent.EXPIRED, "E-PAY-EXPIRED")

    def cancelled(self, event: Cancelled) -> None:
        """Given up, while that is still possible."""
        case = self.case
        if case.state not in (CaseState.FORWARD, CaseState.WAITING):
            return
        if not self._payer_is_asked() and any(
            leg.state is LegState.OK and not leg.undo and self.rule(leg.call).money for leg in case.legs
        ):
            return  # money has moved: from here only a refund takes it back
        self.asked_back(event.reason, "cancelled", event.by)
        case.pending = None
        self.move(CaseEvent.CANCEL, event.reason.code)

    def may_choose_again(self, step: Step) -> bool:
        """A rule that refuses a way of paying leads back to the choice while nothing was changed for that way."""
        changed = any(leg.state is not LegState.NO and self.rule(leg.call).changes for leg in self._since_chosen(step))
        return not changed and self.case.attempt < self.plan.attempts_max

    def choose_again(self, step: Step, reason: Reason) -> None:
        """Back to the await, with what did not do: another way may be chosen. What was only asked for this one is
        forgotten, and asked anew."""
        case, target = self.case, self.plan.index(step.again)
        for leg in self._since_chosen(step):
            if not leg.undo and not self.rule(leg.call).changes:
                forget(case.data, leg.call)
        case.attempt += 1
        case.cursor, case.item, case.notice = target, 0, reason
        case.wait_until = self.now + (self.plan.steps[target].within or AWAIT_PATIENCE)
        self.move(CaseEvent.AGAIN, reason.code)

    def _since_chosen(self, step: Step) -> list[Leg]:
        """This attempt's legs of the steps behind the choice."""
        case, target = self.case, self.plan.index(step.again)
        return [leg for leg in case.legs if leg.attempt == case.attempt and self.plan.index(leg.step) > target]

    def _payer_is_asked(self) -> bool:
        """The payer chooses, or has not paid yet: what insurers carried before that goes back with the settlement."""
        case = self.case
        step = self.plan.steps[case.cursor]
        return case.state is CaseState.WAITING or bool(step.again) or step.answer == PAYING
