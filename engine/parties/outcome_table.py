"""What an answer means: site rows first, then the party's, else unknown."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.outcome import Outcome
from engine.parties.contract import Answer, OutcomeRow


def judge(answer: Answer, op: str, site: Iterable[OutcomeRow], party: Iterable[OutcomeRow]) -> Outcome:
    """A broken envelope or signature is UNKNOWN whatever it says; a code nobody listed too."""
    if not answer.intact:
        return Outcome.UNKNOWN
    for rows in (site, party):
        for row in rows:
            if _fits(row, answer, op):
                return row.outcome
    return Outcome.UNKNOWN


def _fits(row: OutcomeRow, answer: Answer, op: str) -> bool:
    if row.ops and op not in row.ops:
        return False
    if row.code.endswith("*"):
        if not answer.code.startswith(row.code[:-1]):
            return False
    elif row.code != answer.code:
        return False
    return not row.text or row.text in answer.text
