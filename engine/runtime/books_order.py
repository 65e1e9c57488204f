"""What the store alone shows of one settlement: did the engine keep to its own order? Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from engine.core.money import AMOUNTS
from engine.runtime.books_kinds import Both, Difference, difference
from engine.runtime.books_view import RESTED, CallRow, Kept, LegRow, Limits
from engine.saga.case import CASE, RELEASES_BILLS, CaseState
from engine.saga.legs import FORWARD, OPEN, UNDO, LegState
from engine.saga.legwork import SEEN, UNDO_SLOW

LEG_MOVES = frozenset(
    {(before.value, after.value) for table in (FORWARD, UNDO) for (before, _), (after, _) in table.items()}
    | {(state.value, LegState.MANUAL.value) for state in LegState}  # an amount that differs stops any leg
)
CASE_MOVES = frozenset((before.value, after.value) for (before, _), after in CASE.items())
BY_HAND = frozenset((LegState.MANUAL.value, state) for state in ("ok", "no", "unsure", "fenced"))  # a person's word
PROVEN = ("not_there", "closed")


def check_order(
    kept: Kept, now: float, limits: Limits, payers: frozenset[str], invoicers: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """P5, P8, P9, P11, P13, P14, P16, P18, P20, P24 of one settlement."""
    yield from _amounts(kept)
    yield from _moves(kept)
    yield from _waits(kept, now, limits)
    yield from _holds(kept)
    yield from _numbers(kept)
    yield from _sequence(kept, payers)
    yield from _undo_order(kept, payers, invoicers)
    yield from _proofs(kept)


def _said(kept: Kept, kind: str, **said: object) -> Difference:
    return difference(kind, kept.no, kept.bill, **said)


def _amounts(kept: Kept) -> Iterator[Difference]:
    total = kept.amounts.get("total")
    if total is None:
        return
    parts = sum(kept.amounts.get(name) or 0 for name in AMOUNTS[1:])
    if parts != total:
        yield _said(kept, "amounts_do_not_add", amount=total, due=parts)


def _moves(kept: Kept) -> Iterator[Difference]:
    for move in kept.moves:
        allowed = LEG_MOVES | BY_HAND if move.leg_id else CASE_MOVES
        if (move.before, move.after) not in allowed:
            what = Both(f"环节 {move.leg_id}", f"leg {move.leg_id}") if move.leg_id else Both("结算", "settlement")
            yield _said(kept, "impossible_move", what=what, state=move.before, no=move.after)


def _waits(kept: Kept, now: float, limits: Limits) -> Iterator[Difference]:
    """P9 and P24: whatever is open has a next moment or a person."""
    asked = {leg_id for _, leg_id in kept.tasks}
    for leg in kept.legs:
        if leg.state in OPEN and leg.next_at is None and leg.id not in asked:
            since = [call.started_at for call in kept.calls if call.leg_id == leg.id and not call.outcome]
            if not since or now - max(since) > limits.call_s:
                yield _said(kept, "leg_forgotten", no=f"{leg.id} {leg.call}", state=leg.state)
    if kept.state is CaseState.MANUAL and not kept.tasks:
        yield _said(kept, "manual_without_task")
    elif kept.state not in RESTED and kept.state is not CaseState.MANUAL and not kept.tasks:
        since_move = max([kept.created_at, *(move.at for move in kept.moves if not move.leg_id)])
        if now - since_move > limits.open_s:
            yield _said(kept, "overdue", count=int(limits.open_s))


def _holds(kept: Kept) -> Iterator[Difference]:
    for bill, live in kept.bills:
        if live and kept.state in RELEASES_BILLS:
            yield _said(kept, "bill_held", no=bill)
        elif not live and kept.state not in RELEASES_BILLS:
            yield _said(kept, "bill_released", no=bill)


def _numbers(kept: Kept) -> Iterator[Difference]:
    """P13: under one number a transaction goes out with one content for ever."""
    contents: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for call in kept.calls:
        if call.purpose == "do" and call.number and call.param_hash:
            contents[call.number, call.op].add(call.param_hash)
    for (number, _), hashes in contents.items():
        if len(hashes) > 1:
            yield _said(kept, "number_differs", no=number)


def _forward(kept: Kept) -> list[LegRow]:
    """The legs the engine sent itself; what another party carried was only observed."""
    return [leg for leg in kept.legs if not leg.undo and leg.because not in SEEN]


def _sequence(kept: Kept, payers: frozenset[str]) -> Iterator[Difference]:
    """P5 and P14: a leg begins when every leg before it is definite."""
    if not kept.moves:
        return
    forward = _forward(kept)
    for at, leg in enumerate(forward):
        begun = kept.begun(leg)
        for before in forward[:at]:
            known = kept.definite(before.id)
            if known is not None and known < begun:
                continue
            if leg.party in payers and before.party in payers:
                yield _said(kept, "attempts_overlap", count=leg.attempt, no=before.number)
            else:
                yield _said(kept, "sent_before_known", what=leg.call, no=leg.id)
            break


def _undo_order(kept: Kept, payers: frozenset[str], invoicers: frozenset[str]) -> Iterator[Difference]:
    """P16 and P20: an undo begins when every later forward leg is known as no, or undone. Giving back a late payment
    (of a leg known as no) stands aside and waits for nothing; what moves no money passes another party's slow undo; and
    the very first undo, of whoever may refuse the refund, goes before the invoice's."""
    if not kept.moves:
        return
    undo_of = {leg.of: leg for leg in kept.legs if leg.undo and leg.state is not LegState.NO}
    forward = _forward(kept)
    first = min((undo.id for undo in undo_of.values()), default=0)
    for of, undo in undo_of.items():
        undone = next((leg for leg in forward if leg.id == of), None)
        if undone is None or undone.state is LegState.NO:
            continue
        waits_for = [leg for leg in forward if leg.id > of]
        if undo.id == first and undone.party not in payers:
            waits_for = [leg for leg in waits_for if leg.party not in invoicers]
        if not _in_its_turn(kept, undo, waits_for, undo_of):
            yield _said(kept, "undo_order", what=undo.call, no=undo.id)
            return  # the first one out of order puts the others out of order too


def _in_its_turn(kept: Kept, undo: LegRow, later: Sequence[LegRow], undo_of: Mapping[int, LegRow]) -> bool:
    """Whether all that came after had gone when this undo began, or was held up by another party's slow undo."""
    held: set[str] = set()  # parties with a slow undo then, or with one that waited for such a one
    here = kept.begun(undo)
    for leg in reversed(later):
        known, its = kept.definite(leg.id), undo_of.get(leg.id)
        if known is None or known > here:
            return False
        if leg.state is not LegState.OK:
            continue
        gone = kept.gone_well(its.id) if its is not None else None
        if gone is not None and gone < here:
            continue
        begun = its is not None and (kept.begun(its), its.id) < (here, undo.id)
        if begun and its is not None and undo.created_at >= its.created_at + UNDO_SLOW:
            held.add(its.party)
        elif not begun and held and (leg.party in held or leg.amount is not None):
            held.add(leg.party)
        elif its is not None or (leg.amount is not None and not kept.is_return(leg)):
            return False
    return not held or (undo.amount is None and undo.party not in held)


def _proofs(kept: Kept) -> Iterator[Difference]:
    """P18: "not done" of an unknown leg cites an inquiry that began after the fence. A leg that moves no money and has
    no inquiry may cite the accepted stop instead. Money that came late was found by an inquiry, too, and is given back:
    that leg counts as not done for the settlement alone."""
    if not kept.calls:
        return
    calls = {call.id: call for call in kept.calls}
    given_back = {leg.of for leg in kept.legs if leg.undo and leg.state is not LegState.NO}
    for leg in kept.legs:
        if leg.state is not LegState.NO or leg.because != "fenced":
            continue
        proof = calls.get(leg.evidence)
        if proof is not None and _proves(leg, proof, came_late=leg.id in given_back):
            continue
        asked = any(call.leg_id == leg.id and call.purpose == "ask" for call in kept.calls)
        if leg.amount is None and not asked:
            continue
        yield _said(kept, "no_without_proof", no=f"{leg.id} {leg.call}")


def _proves(leg: LegRow, call: CallRow, *, came_late: bool) -> bool:
    in_time = leg.fence_at is not None and call.started_at >= leg.fence_at
    told = call.fact in PROVEN or (came_late and call.fact == "there")
    return call.purpose == "ask" and call.leg_id == leg.id and in_time and told
