"""What the platform's answers mean. Of its codes only "0" is documented; all others are unknown until a site's map
says more, except where a no is harmless: an upload moves no money, and of an inquiry nothing hangs on the reason."""

from __future__ import annotations

from typing import Final

from engine.core.outcome import Outcome
from engine.parties.contract import OutcomeRow
from engine.parties.mobile_pay.operations import ORDER, REFUND, STATE, UPLOAD

REFUND_STATE: Final = "0:"  # before refStatus, which decides about a refund

OUTCOMES: Final = (
    OutcomeRow("0", Outcome.PENDING, frozenset({ORDER}), because="an order is not yet a payment"),
    OutcomeRow("0", Outcome.ACCEPTED),
    OutcomeRow(f"{REFUND_STATE}SUCC", Outcome.ACCEPTED, frozenset({REFUND})),
    OutcomeRow(f"{REFUND_STATE}EXP", Outcome.PENDING, frozenset({REFUND}), because="ask, and call a person"),
    OutcomeRow(f"{REFUND_STATE}FAIL", Outcome.REFUSED, frozenset({REFUND}), because="the platform gives nothing back"),
    OutcomeRow("*", Outcome.REFUSED, frozenset({UPLOAD}), because="nobody can pay an order that was not taken"),
    OutcomeRow("*", Outcome.REFUSED, frozenset({STATE}), because="an inquiry that was refused tells nothing"),
)
