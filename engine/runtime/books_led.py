"""A settlement in which the HIS led: what it did at insurance and invoice itself, by its own ledger, by theirs, and by
what it told us. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.runtime.books_kinds import Both, Difference, difference
from engine.runtime.books_view import Kept, LedgerRow, LegRow, PartyBook, Role, StoreView
from engine.saga.case import RELEASES_BILLS, CaseState
from engine.saga.legwork import OBSERVED

CARRIED = {"settle": Role.INSURANCE, "issue": Role.INVOICE}
"""Kind of a row in the HIS's ledger → whose ledger must have the other end of it."""
OUTSIDE = frozenset({*CARRIED, "register"})
WHAT = {"settle": Both("医保结算", "insurance settlement"), "issue": Both("电子票据", "invoice")}


def led_numbers(view: StoreView, books: Sequence[PartyBook]) -> dict[str, str]:
    """Numbers the HIS drew for its own calls outside → the settlement it drew them for. They are known from its ledger
    even where its answer never reached us."""
    found: dict[str, str] = {}
    for row in (row for book in books if book.role is Role.HIS for row in book.rows):
        owner = view.owner(row.no) if row.kind in OUTSIDE and row.ref else None
        if owner is not None:
            found[row.ref] = owner
    return found


def check_led(
    kept: Kept, his: Sequence[LedgerRow], there: Mapping[Role, Sequence[LedgerRow]], roles: Mapping[str, Role]
) -> Iterator[Difference]:
    """At rest: the HIS's ledger, the insurance's (or invoice platform's) and what we observed are one and the same.
    `there`: this settlement's rows of each ledger that could be read."""
    seen = [leg for leg in kept.legs if leg.because == OBSERVED and not leg.undo]
    for kind, role in CARRIED.items():
        if role not in there:
            continue
        ours = {leg.number for leg in seen if roles.get(leg.party) is role and leg.amount is not None}
        told = {row.ref: row.amount for row in his if row.kind == kind and row.state == "done"}
        real = {row.no: row.amount for row in there[role] if row.kind == kind and row.state == "done"}
        if told or ours:
            yield from _same(kept, kind, told, real)
        wanted = kept.state is CaseState.SETTLED and not (kept.tasks and not ours)  # a task says why nothing was noted
        if (told or ours) and wanted and real and ours != set(real):
            yield _said(kept, "observed_differs", what=WHAT[kind], no=_one(ours), other=_one(real))
    if kept.state in RELEASES_BILLS:
        yield from _left(kept, seen)


def _same(kept: Kept, kind: str, told: Mapping[str, int], real: Mapping[str, int]) -> Iterator[Difference]:
    stands = kept.state is CaseState.SETTLED  # what only one side has is a missing or a left one too: told as that
    for no in sorted(told.keys() & real.keys() | (real if stands else told).keys()):
        if told.get(no) != real.get(no):
            yield _said(kept, "led_differs", what=WHAT[kind], no=no, amount=told.get(no, 0), due=real.get(no, 0))


def _left(kept: Kept, seen: Sequence[LegRow]) -> Iterator[Difference]:
    """What was seen done must have been seen taken back."""
    undone = {leg.of for leg in kept.legs if leg.undo}
    for leg in seen:
        if leg.id not in undone:
            yield _said(kept, "observed_left", what=leg.call, no=leg.number)


def _one(numbers: set[str] | Mapping[str, int]) -> str:
    return ", ".join(sorted(numbers)) or "—"


def _said(kept: Kept, kind: str, **said: object) -> Difference:
    return difference(kind, kept.no, kept.bill, **said)
