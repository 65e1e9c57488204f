"""The outcome a party's own table gives an answer: the rule of the engine, written a second time for tests."""

from __future__ import annotations

from typing import Any

from engine.core.outcome import Outcome
from engine.parties.contract import Answer


def outcome_of(party: Any, op: str, answer: Answer) -> Outcome:
    """First row that fits; nothing fits or the envelope is broken: UNKNOWN."""
    if not answer.intact:
        return Outcome.UNKNOWN
    for row in party.outcomes:
        code_fits = answer.code.startswith(row.code[:-1]) if row.code.endswith("*") else answer.code == row.code
        if code_fits and (not row.ops or op in row.ops) and row.text in answer.text:
            return Outcome(row.outcome)
    return Outcome.UNKNOWN
