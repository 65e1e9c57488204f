"""One settlement against the payment channels' ledgers, fen by fen. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from engine.runtime.books_kinds import Difference, difference
from engine.runtime.books_view import Kept, LedgerRow, LegRow, Span, StoreView
from engine.saga.case import CaseState
from engine.saga.legs import LegState
from engine.saga.legwork import OBSERVED

NO_SPANS: Mapping[str, Span] = MappingProxyType({})
# A bill's row is never written again: what was processing when it was made may long be done, and we have asked since.
_NOT_FINAL = {True: ("processing", "abnormal"), False: ("abnormal",)}
FREEZES = frozenset({"freeze", "freeze_code"})
GONE = "closed"  # a refund the channel gave up: the money stayed


@dataclass(slots=True)
class Trade:
    """One order at a channel: its leg, what was taken, what was given back."""

    leg: LegRow
    taken: list[LedgerRow]
    refunds: list[LedgerRow]
    reversed: int
    left_open: bool

    @property
    def paid(self) -> int:
        """What was taken, in fen."""
        return sum(row.amount for row in self.taken)

    @property
    def given_back(self) -> int:
        """What was refunded, is being, or was reversed, in fen."""
        return sum(row.amount for row in self.refunds if row.state != GONE) + self.reversed

    @property
    def net(self) -> int:
        """What the channel keeps, in fen."""
        return self.paid - self.given_back


def trades_of(kept: Kept, rows: Sequence[LedgerRow], payers: frozenset[str]) -> list[Trade]:
    """The settlement's orders, one for each forward leg at a payment party; `rows` are all that concern it."""
    found = []
    for leg in kept.legs:
        if leg.undo or leg.party not in payers or not leg.number or kept.is_return(leg):
            continue
        own = [row for row in rows if row.no == leg.number]
        found.append(
            Trade(
                leg,
                [row for row in own if row.kind == "charge"],
                [row for row in rows if row.kind == "refund" and row.ref == leg.number],
                sum(row.amount for row in own if row.kind == "reverse"),
                any(row.kind == "order" and row.state == "open" for row in own),
            )
        )
    return found


def covered(kept: Kept, spans: Mapping[str, Span]) -> bool:
    """Whether all that this settlement's money did stands in what was read: a payment moves between its leg's creation
    and the moment we knew of it. True where ledgers are whole."""
    legs = [leg for leg in kept.legs if leg.party in spans and leg.number]
    return all(spans[leg.party].holds(leg.created_at, kept.definite_at(leg.id)) for leg in legs)


def _froze(kept: Kept, leg: LegRow) -> bool:
    """Whether the leg only froze money: no bill tells of that."""
    return any(call.leg_id == leg.id and call.op in FREEZES for call in kept.calls)


def check_partly(kept: Kept, trades: Sequence[Trade], spans: Mapping[str, Span]) -> Iterator[Difference]:
    """Where some days are missing, each payment and refund known as done within the days that were read stands there
    (D4, D7)."""
    for trade in trades:
        span, leg = spans.get(trade.leg.party), trade.leg
        if span is None or _froze(kept, leg):
            continue
        if leg.state is LegState.OK and span.holds(leg.created_at, kept.definite_at(leg.id)) and not trade.taken:
            yield _said(kept, "service_not_paid", due=leg.amount or 0, amount=0)
        for undo in kept.legs:
            if undo.undo and undo.of == leg.id and undo.state is LegState.OK and undo.party in spans:
                there = any(row.no == undo.number and row.state != GONE for row in trade.refunds)
                if not there and span.holds(undo.created_at, kept.definite_at(undo.id)):
                    yield _said(kept, "refund_missing", due=0, amount=undo.amount or leg.amount or 0)


def check_always(
    kept: Kept, trades: Sequence[Trade], view: StoreView, spans: Mapping[str, Span] = NO_SPANS, *, whole: bool = True
) -> Iterator[Difference]:
    """What must hold at any moment: P3, P4, P15, D5, D6, D10, D11. `whole`: nothing of it is on a day not read."""
    for trade in trades:
        leg, spoiled = trade.leg, False
        span = spans.get(leg.party)
        if span is not None and span.fee_bp is not None:
            yield from _fees(kept, trade, span.fee_bp)
        for row in trade.taken:
            if leg.amount is not None and row.amount != leg.amount:
                spoiled = True
                yield _said(kept, "paid_amount_differs", no=leg.number, due=leg.amount, amount=row.amount)
        went = [row for row in trade.refunds if row.state != GONE]
        for no, count in Counter(row.no for row in went).items():
            if count > 1:
                spoiled = True
                yield _twice(kept, no, [row for row in went if row.no == no])
        for row in went:
            mine = kept.leg_of(row.no)
            if view.owner(row.no) is None:
                spoiled = True
                yield _said(kept, "refund_at_portal", no=leg.number, due=0, amount=row.amount)
            elif mine is not None and mine.amount is not None and mine.amount != row.amount:
                spoiled = True
                yield _said(kept, "refund_amount_differs", no=row.no, due=mine.amount, amount=row.amount)
            elif mine is not None and mine.state is LegState.OK and _not_final(kept, mine, row, whole=span is None):
                yield _said(kept, "refund_not_final", no=row.no, state=row.state, due=row.amount)
        if whole and not spoiled and trade.net < 0:
            yield _said(kept, "refund_over", no=leg.number, due=trade.paid, amount=trade.given_back)


def _not_final(kept: Kept, refund: LegRow, row: LedgerRow, *, whole: bool) -> bool:
    """Whether the channel's row speaks against a refund we count as done. A bill's row stays abnormal when the money
    was sent elsewhere afterwards: then the leg became done after a person was called."""
    if not whole and row.state == "abnormal" and kept.ok_after_person(refund.id):
        return False
    return row.state in _NOT_FINAL[whole]


def _fees(kept: Kept, trade: Trade, fee_bp: int) -> Iterator[Difference]:
    """D11, to the fen."""
    for row in trade.taken:
        due = (row.amount * fee_bp + 5000) // 10000
        if row.fee is not None and abs(row.fee - due) > 1:
            yield _said(kept, "fee_differs", no=trade.leg.number, due=due, amount=row.fee)


def check_returns(
    kept: Kept, rows: Sequence[LedgerRow], payers: frozenset[str], spans: Mapping[str, Span] = NO_SPANS
) -> Iterator[Difference]:
    """Money of an earlier payment (a deposit) that this settlement gave back as a step of its own: it went, once, with
    that amount (D5, D7)."""
    for leg in kept.legs:
        if leg.party not in payers or not kept.is_return(leg) or leg.state is not LegState.OK:
            continue
        span = spans.get(leg.party)
        if span is not None and not span.holds(leg.created_at, kept.definite_at(leg.id)):
            continue
        went = [row for row in rows if row.kind == "refund" and row.no == leg.number and row.state != GONE]
        if not went:
            yield _said(kept, "return_missing", no=leg.number, due=leg.amount or 0, amount=0)
        elif len(went) > 1:
            yield _twice(kept, leg.number, went)
        elif leg.amount is not None and went[0].amount != leg.amount:
            yield _said(kept, "refund_amount_differs", no=leg.number, due=leg.amount, amount=went[0].amount)


def check_rest(
    kept: Kept, trades: Sequence[Trade], told: bool, inside: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """At rest the channels keep exactly what is due, or nothing (P1, P2). `told`: `check_always` found the money of
    this settlement wrong already, and said more exactly how. `inside`: parties that carry a part of the patient's share
    in their own books (deposits at the HIS)."""
    for trade in trades:
        if trade.left_open:
            yield _said(kept, "order_left_open", no=trade.leg.number)
    if told:
        return
    if kept.state is CaseState.SETTLED:
        late = [trade for trade in trades if trade.leg.state is LegState.NO and trade.net > 0]
        for trade in late:
            yield _said(kept, "late_payment", no=trade.leg.number, due=0, amount=trade.net)
        net, due = sum(trade.net for trade in trades if trade not in late), _due(kept, trades, inside)
        if net > due:
            yield _said(kept, "paid_twice", due=due, amount=net)
        elif net < due:
            yield _said(kept, "service_not_paid", due=due, amount=net)
        return
    for trade in trades:
        if trade.net > 0:
            kind = "late_payment" if trade.leg.state is LegState.NO else "refund_missing"
            yield _said(kept, kind, no=trade.leg.number, due=0, amount=trade.net)


def _due(kept: Kept, trades: Sequence[Trade], inside: frozenset[str]) -> int:
    """What the channels must keep: the patient's share less what others carry of it, if the way he chose last leads to
    a channel. Cash does not."""
    last = max((leg.attempt for leg in kept.legs if not leg.undo), default=1)
    carried = sum(
        leg.amount or 0 for leg in kept.legs if leg.because == OBSERVED and not leg.undo and leg.party in inside
    )
    return kept.cash - carried if any(trade.leg.attempt == last for trade in trades) else 0


def _twice(kept: Kept, no: str, went: Sequence[LedgerRow]) -> Difference:
    mine, amount = kept.leg_of(no), sum(row.amount for row in went)
    return _said(kept, "refund_twice", no=no, count=len(went), due=None if mine is None else mine.amount, amount=amount)


def _said(kept: Kept, kind: str, **said: object) -> Difference:
    return difference(kind, kept.no, kept.bill, **said)
