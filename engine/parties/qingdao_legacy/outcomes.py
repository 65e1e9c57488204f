"""What the answers mean: the back code of the header, and the state in the body.

A state other than 0001 of a payment is unknown here, so that the inquiry decides; a site whose bureau has said which
states mean that nothing was taken writes them into its read map.
"""

from __future__ import annotations

from typing import Final

from engine.core.outcome import Outcome
from engine.parties.contract import OutcomeRow
from engine.parties.qingdao_legacy.operations import OPS

GOOD: Final = "00000"
DONE: Final = "0001"
STATE: Final = "STATE:"

_READS: Final = frozenset(name for name, op in OPS.items() if not op.changes)
_CHANGES: Final = frozenset(OPS) - _READS

OUTCOMES: Final = (
    OutcomeRow(GOOD, Outcome.ACCEPTED),
    OutcomeRow("P0091", Outcome.UNKNOWN),  # 联机失败: the centre was not reached, or its answer was lost
    OutcomeRow("P0092", Outcome.UNKNOWN),
    OutcomeRow(f"{STATE}*", Outcome.UNKNOWN, _CHANGES),
    OutcomeRow("*", Outcome.REFUSED, _READS),
)
