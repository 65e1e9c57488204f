"""The whole comparison: every settlement against every party's ledger, and every ledger row against our numbers. Pure.

A settlement at rest is judged whole. One that is still on its way, or with a person, is counted as open and judged only
on what must hold at every moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from engine.runtime.books_funds import FundBook, check_funds
from engine.runtime.books_kinds import BILLED, MONEY, Difference, difference, row_name
from engine.runtime.books_led import check_led, led_numbers
from engine.runtime.books_money import check_always, check_partly, check_rest, check_returns, covered, trades_of
from engine.runtime.books_order import check_order
from engine.runtime.books_parties import (
    check_commercial_always,
    check_commercial_rest,
    check_his_always,
    check_his_rest,
    check_insurance_always,
    check_insurance_rest,
    check_invoice_always,
    check_invoice_rest,
    claims_of,
)
from engine.runtime.books_view import Kept, LedgerRow, Limits, PartyBook, Role, Span, StoreView, within
from engine.saga.legwork import OBSERVED

NOT_OURS = frozenset({"message", "notice"})  # kinds that carry no business number
EFFECTS = frozenset({"order", "charge", "refund", "register", "settle", "cancel", "book", "lock", "issue"})


Rows = Sequence[LedgerRow]


@dataclass(slots=True)
class _Shelf:
    """All ledgers, sorted to settlements."""

    rows: dict[Role, defaultdict[str, list[LedgerRow]]] = field(default_factory=dict)
    by_party: dict[str, defaultdict[str, list[LedgerRow]]] = field(default_factory=dict)
    at_window: defaultdict[str, list[LedgerRow]] = field(default_factory=lambda: defaultdict(list))
    booked: defaultdict[str, list[LedgerRow]] = field(default_factory=lambda: defaultdict(list))
    roles: dict[str, Role] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    strange: list[tuple[PartyBook, LedgerRow]] = field(default_factory=list)

    def of(self, role: Role, no: str) -> Sequence[LedgerRow]:
        mine = self.rows.get(role)
        return mine.get(no, ()) if mine is not None else ()


def compare(
    view: StoreView,
    ledgers: Sequence[PartyBook],
    limits: Limits = Limits(),  # noqa: B008 frozen, never changed
    missing: Mapping[str, str] = MappingProxyType({}),
    since: float | None = None,
    funds: Sequence[FundBook] = (),
    until: float | None = None,
) -> list[Difference]:
    """All differences, by settlement. `missing`: parties whose ledger could not be read, and why; nothing is judged
    by them, but that they are missing is told. `since`, `until`: rows of nobody's number are told from then on and
    before then. `funds`: the accounts at payment platforms."""
    shelf = _sort(view, ledgers, since, until)
    wanted = {
        role: {kept.channel for kept in view.settlements.values() if _has(kept, shelf, role)}
        for role in (Role.HIS, Role.INVOICE)
    }
    found = [difference("source_missing", "", "", party=party, why=why) for party, why in missing.items()]
    for no in sorted(view.settlements):
        kept = view.settlements[no]
        due = frozenset(role for role, channels in wanted.items() if kept.channel in channels and kept.has_amounts())
        found += _check(kept, view, shelf, limits, due)
    found += _strange(shelf)
    found += _booked_twice(view, shelf)
    found += _statements(view, frozenset(book.party for book in ledgers))
    found += check_funds(view, ledgers, funds, frozenset(one.settlement_no for one in found if one.kind in MONEY))
    return found


def expected(view: StoreView, ledgers: Sequence[PartyBook]) -> int:
    """Settlements some of whose money moved on days whose bills were not read (D8)."""
    spans = {book.party: book.span for book in ledgers if book.span is not None}
    return sum(not covered(kept, spans) for kept in view.settlements.values())


def is_open(kept: Kept) -> bool:
    """Whether it is still on its way, or waits for a person."""
    return not kept.at_rest()


def _sort(view: StoreView, ledgers: Sequence[PartyBook], since: float | None, until: float | None) -> _Shelf:
    shelf, led = _Shelf(), led_numbers(view, ledgers)
    for book in ledgers:
        shelf.roles |= dict.fromkeys((book.party, *book.also), book.role)
        if book.span is not None:
            shelf.spans[book.party] = book.span
        mine = shelf.rows.setdefault(book.role, defaultdict(list))
        own = shelf.by_party.setdefault(book.party, defaultdict(list))
        for row in book.rows:
            if book.role is Role.HIS and row.kind == "charge" and view.owner(row.no) is None:
                shelf.at_window[row.bill].append(row)
                continue
            keys = (row.no, row.ref, row.bill if book.role is Role.INSURANCE else "")  # there the bill is the visit
            owner = next((no for key in keys if key and (no := view.owner(key) or led.get(key))), None)
            if owner is not None:
                mine[owner].append(row)
                own[owner].append(row)
            elif row.kind not in NOT_OURS and within(row.at, since, until):
                shelf.strange.append((book, row))
            if row.kind == "book" and row.state == "done":
                shelf.booked[row.bill].append(row)
    return shelf


def _has(kept: Kept, shelf: _Shelf, role: Role) -> bool:
    return any(shelf.roles.get(leg.party) is role for leg in kept.legs)


def _check(kept: Kept, view: StoreView, shelf: _Shelf, limits: Limits, due: frozenset[Role]) -> Iterator[Difference]:
    """`due`: who must have an entry of a settled one. A channel that only asks for an invoice's paper, or issues what
    the HIS settled by itself, books nothing there."""
    rest = kept.at_rest()
    payers = frozenset(party for party, role in shelf.roles.items() if role is Role.PAYMENT)
    claims = claims_of(kept, frozenset(party for party, role in shelf.roles.items() if role is Role.COMMERCIAL))
    invoicers = frozenset(party for party, role in shelf.roles.items() if role is Role.INVOICE)
    yield from check_order(kept, view.now, limits, payers, invoicers)
    yield from _called(kept, view, shelf, limits)
    if Role.PAYMENT in shelf.rows:
        rows = shelf.of(Role.PAYMENT, kept.no)
        trades = trades_of(kept, rows, payers)
        whole = covered(kept, shelf.spans)
        wrong = list(check_always(kept, trades, view, shelf.spans, whole=whole))
        yield from wrong
        yield from check_returns(kept, rows, payers, shelf.spans)
        if not whole:
            yield from check_partly(kept, trades, shelf.spans)
        elif rest:
            told = any(one.kind not in ("refund_not_final", "fee_differs") for one in wrong)
            at_his = frozenset(party for party, role in shelf.roles.items() if role is Role.HIS)
            yield from check_rest(kept, trades, told, at_his)
    if Role.HIS in shelf.rows:
        rows = shelf.of(Role.HIS, kept.no)
        yield from check_his_always(kept, rows)
        if rest:
            at_window = [row for bill, _ in kept.bills for row in shelf.at_window.get(bill, ())]
            yield from check_his_rest(kept, rows, at_window, Role.HIS in due)
            yield from _collected_by_his(kept, rows, frozenset(p for p, r in shelf.roles.items() if r is Role.HIS))
    if Role.INSURANCE in shelf.rows:
        rows = shelf.of(Role.INSURANCE, kept.no)
        yield from check_insurance_always(kept, rows)
        if rest:
            claimed = sum(leg.amount or 0 for leg in claims)
            yield from check_insurance_rest(kept, rows, _has(kept, shelf, Role.INSURANCE), claimed)
    if Role.COMMERCIAL in shelf.rows:
        rows = shelf.of(Role.COMMERCIAL, kept.no)
        yield from check_commercial_always(kept, rows)
        if rest:
            yield from check_commercial_rest(kept, rows, claims)
    if Role.INVOICE in shelf.rows:
        rows = shelf.of(Role.INVOICE, kept.no)
        yield from check_invoice_always(kept, rows)
        if rest:
            yield from check_invoice_rest(kept, rows, Role.INVOICE in due)
    if Role.HIS in shelf.rows and rest:
        read = [role for role in (Role.INSURANCE, Role.INVOICE) if role in shelf.rows]
        there: dict[Role, Rows] = {role: shelf.of(role, kept.no) for role in read}
        yield from check_led(kept, shelf.of(Role.HIS, kept.no), there, shelf.roles)


def _collected_by_his(kept: Kept, rows: Rows, his: frozenset[str]) -> Iterator[Difference]:
    """Orders at the HIS's own collection, judged as a channel's."""
    orders = [one for one in trades_of(kept, rows, his) if one.leg.number == f"{kept.no}P{one.leg.attempt}"]
    return check_rest(kept, orders, False, his) if orders else iter(())


def _called(kept: Kept, view: StoreView, shelf: _Shelf, limits: Limits) -> Iterator[Difference]:
    """P7: no effect at a party before the call was stored; for what the HIS carried, the first call to the HIS. Purged
    calls tell nothing."""
    if not kept.calls:
        return
    first: dict[tuple[str, str], float] = {}
    for call in kept.calls:
        for key in ((call.party, call.number), (call.party, "")):
            first[key] = min(first.get(key, call.started_at), call.started_at)
    led = min((at for (party, no), at in first.items() if not no and shelf.roles.get(party) is Role.HIS), default=None)
    # A party reached by two connections, HTTP and HL7, keeps one ledger.
    beside = {no: at for (party, no), at in first.items() if no and party not in shelf.by_party}
    observed = {leg.number for leg in kept.legs if leg.because == OBSERVED}
    for party, rows in shelf.by_party.items():  # a hospital may have two parties of one role
        for row in rows.get(kept.no, ()):
            carried = row.no in observed
            if row.kind not in EFFECTS or (view.owner(row.no) is None and not carried):
                continue
            began = first.get((party, row.no), first.get((party, "")) if row.no == kept.no else None)
            began = beside.get(row.no) if began is None else began
            began = led if carried else began
            if row.kind == "order":  # it takes nothing by itself; the cash of a mixed one is laid down before it
                began = first.get((party, ""))
            if began is None or row.at + limits.skew_s < began:
                what = row_name(row.kind)
                yield difference("effect_without_call", kept.no, kept.bill, party=party, what=what, no=row.no,
                                 amount=row.amount)  # fmt: skip


def _strange(shelf: _Shelf) -> Iterator[Difference]:
    """D1: an effect with a number that nobody here gave out."""
    for book, row in shelf.strange:
        what = row_name(row.kind)
        yield difference("unknown_number", "", row.bill, party=book.party, what=what, no=row.no, amount=row.amount)


def _booked_twice(view: StoreView, shelf: _Shelf) -> Iterator[Difference]:
    """P25 over settlements: one bill is booked once, whoever settles it."""
    for bill, rows in shelf.booked.items():
        ours = [row for row in rows if view.owner(row.no) is not None]
        numbers = sorted({row.no for row in ours})
        if len(numbers) > 1:
            kept, amount = view.settlements.get(numbers[-1]), sum(row.amount for row in ours)
            due = None if kept is None else kept.total
            yield difference("his_twice", numbers[-1], bill, no=bill, count=len(numbers), due=due, amount=amount)


def _statements(view: StoreView, read: frozenset[str]) -> Iterator[Difference]:
    """D12: what the daily comparisons with a party left over; not of a bill where the party's ledger is read now."""
    for row in view.statements:
        if row.verdict == BILLED and row.party in read:
            continue
        no = row.settlement_no or ""
        bill = view.settlements[no].bill if no in view.settlements else ""
        yield difference(
            f"statement_{row.verdict}", no, bill, party=row.party, day=row.day, part=row.part, why=row.text or "—",
            no=row.number or "—", msgid=row.msgid or "—",
        )
