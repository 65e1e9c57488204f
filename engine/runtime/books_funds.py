"""The hospital's account at a payment platform against the platform's own trade bill, and against what we know. Pure.

The trade bill says what payers did, the account's bill what the hospital had of it: what was credited, given back,
taken as a fee, withdrawn to the bank. Both are of the same days; a movement within `EDGE` of their ends may stand in
the next day of the other, and is not judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.parties.funds import FundKind, FundRow
from engine.runtime.books_kinds import Both, Difference, difference
from engine.runtime.books_money import FREEZES, covered
from engine.runtime.books_view import Kept, LedgerRow, LegRow, PartyBook, Span, StoreView
from engine.saga.legs import LegState

EDGE: Final = 120.0  # seconds by which a trade and its movement on the account may lie apart
_TAKEN: Final = frozenset({"trade", "refund", "reverse"})


@dataclass(frozen=True, slots=True)
class FundDay:
    """One account on one day (`2026-11-21`); no rows: nothing moved."""

    account: str
    day: str
    rows: tuple[FundRow, ...]

    def sum(self, *kinds: FundKind) -> int:
        """What movements of these kinds (of all without any) make, fen; below zero: money left."""
        return sum(row.amount for row in self.rows if not kinds or row.kind in kinds)

    def json(self, party: str) -> dict[str, Any]:
        """As `engine books` prints it; amounts in fen, nothing known of the balance of a day without movement."""
        found: dict[str, Any] = {"party": party, "account": self.account, "day": self.day, "rows": len(self.rows)}
        if self.rows:
            found |= {"opening": self.opening, "closing": self.rows[-1].balance}
        return found | {
            "taken": self.sum("trade"), "given_back": self.sum("refund", "reverse", "returned"), "fee": self.sum("fee"),
            "withdrawn": self.sum("withdrawal"), "other": self.sum("recharge", "other"),
        }  # fmt: skip

    @property
    def opening(self) -> int:
        """The balance before its first movement."""
        return self.rows[0].balance - self.rows[0].amount


@dataclass(frozen=True, slots=True)
class FundBook:
    """The accounts of one party (its name in engine.yaml) over the days of `span`, account by account, day by day."""

    party: str
    days: tuple[FundDay, ...]
    span: Span

    def rows(self) -> Iterator[FundRow]:
        """All movements."""
        for day in self.days:
            yield from day.rows


@dataclass(slots=True)
class _Moved:
    """What one order did: fen in, fen out, fee; `unsure`: refunds the trade bill did not yet call done; `back`: refunds
    that came back; `edge`: something of it lies at the end of what was read."""

    came: int = 0
    went: int = 0
    fee: int = 0
    unsure: int = 0
    back: int = 0
    count: int = 0
    edge: bool = False


def check_funds(
    view: StoreView, books: Sequence[PartyBook], funds: Sequence[FundBook], told: frozenset[str]
) -> Iterator[Difference]:
    """All that the accounts tell otherwise. `told`: settlements of whose money something was said already."""
    for fund in funds:
        yield from _balances(fund)
        trades = next((book for book in books if book.party == fund.party and book.span is not None), None)
        known = _numbers(trades.rows if trades else ())
        moved = _moved(fund, known, view)
        said: set[str] = set()
        for found in _against_trades(fund, trades, moved, view):
            said.add(found.settlement_no)
            yield found
        for found in _odd(fund, known, view):
            said.add(found.settlement_no)
            yield found
        yield from _against_ours(fund, trades, moved, view, told | said)


def _balances(fund: FundBook) -> Iterator[Difference]:
    """Opening + in − out = closing, over all days of an account (D15)."""
    before: dict[str, int] = {}
    for day in fund.days:
        if not day.rows:
            continue
        due, closing = before.get(day.account, day.opening) + day.sum(), day.rows[-1].balance
        before[day.account] = closing
        if due != closing:
            yield difference("fund_balance", "", "", party=fund.party, what=f"{day.account} {day.day}", due=due,
                             amount=closing)  # fmt: skip


def _numbers(rows: Sequence[LedgerRow]) -> dict[str, str]:
    """Every number of the trade bill → the order's."""
    known: dict[str, str] = {}
    for row in rows:
        for number in (row.party_no, row.no):
            if number:
                known[number] = row.ref or row.no
    return known


def _order_of(row: FundRow, known: Mapping[str, str], view: StoreView) -> str:
    """Our number of the order a movement belongs to; as the platform wrote it where nobody knows it."""
    for number in (row.no, row.party_no):
        if number in known:
            return known[number]
    owner = view.owner(row.no)
    leg = view.settlements[owner].leg_of(row.no) if owner in view.settlements else None
    if owner is not None and leg is not None and leg.undo:
        return next((one.number for one in view.settlements[owner].legs if one.id == leg.of), row.no)
    return row.no or row.party_no


def _moved(fund: FundBook, known: Mapping[str, str], view: StoreView) -> dict[str, _Moved]:
    found: defaultdict[str, _Moved] = defaultdict(_Moved)
    for row in fund.rows():
        if row.kind not in _TAKEN and row.kind not in ("fee", "returned"):
            continue
        one = found[_order_of(row, known, view)]
        one.edge |= _at_edge(row.at, fund.span)
        match row.kind:
            case "trade":
                one.came += row.amount
            case "fee":
                one.fee -= row.amount
            case "returned":
                one.back += row.amount
            case _:
                one.went -= row.amount
    return found


def _at_edge(at: float, span: Span) -> bool:
    slack = span.slack + EDGE
    return at < span.start + slack or at >= span.end - slack


def _against_trades(
    fund: FundBook, trades: PartyBook | None, moved: Mapping[str, _Moved], view: StoreView
) -> Iterator[Difference]:
    """Order by order: credited what was paid, debited what was given back, charged the fee the trade bill names."""
    if trades is None:
        return
    due: defaultdict[str, _Moved] = defaultdict(_Moved)
    for row in trades.rows:
        if row.kind not in ("charge", "refund", "reverse"):
            continue
        one = due[row.ref or row.no]
        one.edge |= _at_edge(row.at, fund.span)
        one.fee += row.fee or 0
        one.count += 1
        if row.kind == "charge":
            one.came += row.amount
        elif row.kind == "refund" and row.state != "done":
            one.unsure += row.amount
        else:
            one.went += row.amount
    for no in sorted({*due, *moved}):
        ours, theirs = due.get(no, _Moved()), moved.get(no, _Moved())
        if ours.edge or theirs.edge:
            continue
        yield from _one(fund.party, no, ours, theirs, view)


def _one(party: str, no: str, due: _Moved, moved: _Moved, view: StoreView) -> Iterator[Difference]:
    owner = view.owner(no) or ""
    bill = view.settlements[owner].bill if owner in view.settlements else ""

    def said(kind: str, what: Both, wanted: int, found: int) -> Difference:
        return difference(kind, owner, bill, party=party, what=what, no=no, due=wanted, amount=found)

    if due.came != moved.came:
        kind = "fund_missing" if not moved.came else "fund_only" if not due.came else "fund_differs"
        yield said(kind, Both("收款", "payment"), due.came, moved.came)
    if not due.went <= moved.went <= due.went + due.unsure:
        kind = "fund_missing" if not moved.went else "fund_only" if not due.went + due.unsure else "fund_differs"
        yield said(kind, Both("退款", "refund"), due.went, moved.went)
    if abs(due.fee - moved.fee) > due.count:  # the trade bill names parts of a fen, the account moves whole ones
        yield said("fund_fee_differs", Both("手续费", "fee"), due.fee, moved.fee)


def _odd(fund: FundBook, known: Mapping[str, str], view: StoreView) -> Iterator[Difference]:
    """Refunds that came back though we count them as given back (the trade bill's rows never change), and movements
    nobody explains."""
    for row in fund.rows():
        if row.kind == "other":
            no = row.no or row.party_no or "—"
            yield difference("fund_other", "", "", party=fund.party, what=row.name or "—", no=no, amount=row.amount)
        elif row.kind == "returned":
            no = _order_of(row, known, view)
            owner = view.owner(row.no) or view.owner(no) or ""
            kept = view.settlements.get(owner)
            if kept is None or _counts_as_returned(kept, row.no, no):
                bill = kept.bill if kept else ""
                yield difference("fund_returned", owner, bill, party=fund.party, no=row.no or no, due=0,
                                 amount=row.amount)  # fmt: skip


def _counts_as_returned(kept: Kept, refund: str, order: str) -> bool:
    """Whether we believe that this refund (or, where the account names only the order, all of its refunds) went out."""
    leg = kept.leg_of(refund)
    if leg is not None and (leg.undo or kept.is_return(leg)):
        return leg.state is LegState.OK
    forward = kept.leg_of(order)
    return forward is not None and all(one.state is LegState.OK for one in _undos(kept, forward))


def _undos(kept: Kept, leg: LegRow) -> list[LegRow]:
    """Its undos; one of a refund that was off does not count."""
    return [one for one in kept.legs if one.undo and one.of == leg.id and one.state is not LegState.NO]


def _against_ours(
    fund: FundBook, trades: PartyBook | None, moved: Mapping[str, _Moved], view: StoreView, told: frozenset[str]
) -> Iterator[Difference]:
    """Our own payments: of a settlement at rest the account keeps exactly what we think it keeps."""
    span = replace(fund.span, slack=fund.span.slack + EDGE)
    aside = _set_aside(trades, view)
    for no in sorted(view.settlements):
        kept = view.settlements[no]
        legs = [leg for leg in kept.legs if leg.party == fund.party and leg.number and not leg.undo]
        mine = [leg for leg in legs if not kept.is_return(leg) and not _froze(kept, leg)]
        if not mine or no in told | aside or not kept.at_rest() or not covered(kept, {fund.party: span}):
            continue
        due = sum(_kept_of(kept, leg) for leg in mine)
        found = [moved[leg.number] for leg in mine if leg.number in moved]
        net = sum(one.came - one.went + one.back for one in found)
        if net != due and not any(one.edge for one in found):
            yield difference("fund_net_differs", no, kept.bill, party=fund.party, due=due, amount=net)


def _froze(kept: Kept, leg: LegRow) -> bool:
    return any(call.leg_id == leg.id and call.op in FREEZES for call in kept.calls)


def _kept_of(kept: Kept, leg: LegRow) -> int:
    """What we think a payment left with us: of one known as not done, nothing (what came late went back)."""
    if leg.state is not LegState.OK:
        return 0
    return (leg.amount or 0) - sum(
        (one.amount if one.amount is not None else leg.amount) or 0
        for one in _undos(kept, leg) if one.state is LegState.OK
    )  # fmt: skip


def _set_aside(trades: PartyBook | None, view: StoreView) -> set[str]:
    """Settlements whose account cannot be reckoned alone: another one gave back a part of the payment (a deposit, at
    discharge), or a refund was not yet done when the trade bill was written."""
    rows = [row for row in trades.rows if row.kind == "refund"] if trades else []
    return {
        owner
        for row in rows
        if (owner := view.owner(row.ref)) and (row.state != "done" or view.owner(row.no) not in (owner, None))
    }
