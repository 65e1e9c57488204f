"""What the payer says of the settlement as a whole: nothing in time, or that it is given up."""

from __future__ import annotations

from engine.saga.byhand import ByHand
from engine.saga.case import CaseEvent, CaseState, Reason
from engine.saga.events import Cancelled
from engine.saga.legs import LegState

PAYING = "paying"  # a step's `answer`: the order is before the payer, who has not paid yet


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

    def _payer_is_asked(self) -> bool:
        """The payer chooses, or has not paid yet: what insurers carried before that goes back with the settlement."""
        case = self.case
        step = self.plan.steps[case.cursor]
        return case.state is CaseState.WAITING or bool(step.again) or step.answer == PAYING
