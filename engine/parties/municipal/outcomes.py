"""What the platform's answers mean: `appcode` of the inner document, and SOAP faults.

A fault says that the service stumbled, not that it executed nothing: unknown, unless a site knows better and says why.
"""

from __future__ import annotations

from typing import Final

from engine.core.outcome import Outcome
from engine.parties.contract import OutcomeRow
from engine.parties.described import FAULT
from engine.parties.municipal.operations import OPS

SESSION_LOST: Final = "-91"  # said before the business is looked at: nothing was executed, sign in again

_CHANGES: Final = frozenset(name for name, op in OPS.items() if op.changes)
_UNSURE: Final = ("超时", "系统异常", "处理中", "系统繁忙", "网络异常", "结果未知")
_REFUSED: Final = "a refusal in a complete answer: nothing was stored under our serial number"

OUTCOMES: Final = (
    OutcomeRow("0", Outcome.ACCEPTED),
    OutcomeRow(f"{FAULT}*", Outcome.UNKNOWN),
    OutcomeRow("-2", Outcome.UNKNOWN),  # 系统异常
    OutcomeRow("-5", Outcome.UNKNOWN),  # 处理中
    OutcomeRow("-6", Outcome.UNKNOWN),  # 结果未知: ask with the same serial number
    *(OutcomeRow("-*", Outcome.UNKNOWN, _CHANGES, text) for text in _UNSURE),
    # Our serial number is there with other content: an earlier try took effect, so it must be asked for.
    OutcomeRow("-12", Outcome.UNKNOWN, _CHANGES),
    OutcomeRow("-13", Outcome.REFUSED, because="our serial number was reversed: it has no effect and will have none"),
    # A platform that finds nothing to reverse has not buried the number either.
    OutcomeRow("-20", Outcome.UNKNOWN, frozenset({"reverse"})),
    OutcomeRow("-21", Outcome.ACCEPTED, frozenset({"unregister", "cancel", "reverse"}), because="already undone"),
    OutcomeRow("-22", Outcome.ACCEPTED, frozenset({"unload"}), because="nothing is left to withdraw"),
    OutcomeRow(SESSION_LOST, Outcome.REFUSED, because="no living sign-in: the platform executes nothing without one"),
    *(OutcomeRow(code, Outcome.REFUSED, because=_REFUSED) for code in ("-1", "-10", "-11", "-20", "-21", "-22")),
)
