"""Our numbers: each belongs to one leg for ever."""

from __future__ import annotations

from dataclasses import dataclass

from engine.store.contract import Connection, Write


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a number is."""

    kind: str
    settlement_no: str
    leg_id: int


def claim_number(number: str, kind: str, no: str, leg_id: int, *, ours: bool = True) -> Write:
    """Give a number to a leg, before it is sent. Guard: it was never used. A number that another system drew (`ours`
    false) has no guard: whoever noted it first keeps it, and the books find the second."""
    values = {"number": number, "kind": kind, "settlement_no": no, "leg_id": leg_id}
    return Write("number_claim", values, rows=1 if ours else None)


def owner_of(conn: Connection, number: str) -> Owner | None:
    """Whose number this is, for a callback."""
    row = conn.row("number_find", number=number)
    return None if row is None else Owner(*row)
