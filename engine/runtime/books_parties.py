"""One settlement against HIS, insurances and invoices: each has exactly what the settlement's end says. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.core.money import yuan_of_fen
from engine.runtime.books_kinds import Both, Difference, difference
from engine.runtime.books_view import Kept, LedgerRow, LegRow
from engine.saga.case import CaseState
from engine.saga.legs import LegState

Rows = Sequence[LedgerRow]
BOOKED = ("book", "deposit")  # kinds under which a HIS enters what was settled
_FEN_DIGITS = 13
OK = LegState.OK


def _live(rows: Rows, *kinds: str) -> list[LedgerRow]:
    return [row for row in rows if row.kind in kinds and row.state == "done"]


def _said(kept: Kept, kind: str, **said: object) -> Difference:
    return difference(kind, kept.no, kept.bill, **said)


def _sum(rows: Rows) -> int:
    return sum(row.amount for row in rows)


def check_his_always(kept: Kept, rows: Rows) -> Iterator[Difference]:
    """The HIS books a settlement number once in its life (P25)."""
    booked = [row for row in rows if row.kind in BOOKED and row.no == kept.no]
    if len(booked) > 1:
        yield _said(kept, "his_twice", no=kept.no, count=len(booked), due=kept.total, amount=_sum(booked))


def check_his_rest(kept: Kept, rows: Rows, at_window: Rows, wanted: bool) -> Iterator[Difference]:
    """HIS settled exactly when the settlement is, with the same amounts (P2, D3, D13). `at_window`: what cashiers
    collected for its bills; `wanted`: its channel books at the HIS, and it is about money."""
    booked = _live(rows, *BOOKED)
    for lock in rows:
        if lock.kind == "lock" and lock.state == "live":
            yield _said(kept, "lock_left", no=lock.no)
    if kept.state is not CaseState.SETTLED:
        for row in booked:
            yield _said(kept, "his_left", due=0, amount=row.amount)
        return
    if not booked:
        if wanted:
            yield _said(kept, "his_missing", due=kept.total, amount=0)
        return
    for row in at_window:
        yield _said(kept, "both_collected", no=row.bill, due=0, amount=row.amount)
    ref = booked[0].ref  # the cash part in fen; a booking by HL7 has its message's number there
    told = int(ref) if ref.isdecimal() and len(ref) <= _FEN_DIGITS else kept.cash
    ours, theirs = (kept.total, kept.cash), (booked[0].amount, told)
    if ours != theirs:
        due, amount = next((mine, his) for mine, his in zip(ours, theirs, strict=True) if mine != his)
        yield _said(kept, "his_amount_differs", ours=_two(ours), theirs=_two(theirs), due=due, amount=amount)


def _two(amounts: tuple[int, int]) -> Both:
    total, cash = (yuan_of_fen(fen) for fen in amounts)
    return Both(f"{total}（自付 {cash}）", f"{total} (cash {cash})")


def check_insurance_always(kept: Kept, rows: Rows) -> Iterator[Difference]:
    """One live settlement at most."""
    settled = _live(rows, "settle")
    if len(settled) > 1:
        yield _said(kept, "insurance_twice", count=len(settled), due=kept.total, amount=_sum(settled))


def check_insurance_rest(kept: Kept, rows: Rows, insured: bool, claimed: int = 0) -> Iterator[Difference]:
    """Insurance settled exactly when an insured settlement is, as quoted (D12, P11). `claimed`: what of its cash part
    a commercial insurer pays, in fen."""
    settled = _live(rows, "settle")
    if kept.state is CaseState.SETTLED and insured:
        if not kept.has_amounts():
            return  # an admission, an upload: registered and settled apart
        if not settled:
            yield _said(kept, "insurance_missing", due=kept.total, amount=0)
        elif len(settled) == 1:
            yield from _as_quoted(kept, settled[0], claimed)
        return
    for row in settled:
        yield _said(kept, "insurance_left", no=row.no, due=0, amount=row.amount)
    for row in rows:
        if row.kind == "register" and row.state == "open":
            yield _said(kept, "visit_left", what=Both("挂号", "registration"), no=row.no)
        elif row.kind == "upload" and row.state == "uploaded":
            yield _said(kept, "visit_left", what=Both("费用明细", "lines"), no=row.no)


def _as_quoted(kept: Kept, row: LedgerRow, claimed: int) -> Iterator[Difference]:
    account = kept.amounts.get("account") or 0
    for what, quoted, settled in (
        (Both("总额", "total"), kept.total, row.amount),
        (Both("现金自付", "cash"), kept.cash + claimed, row.cash),
        (Both("个人账户", "account"), account, row.account),
    ):
        if settled is not None and settled != quoted:
            yield _said(kept, "insurance_amount_differs", what=what, due=quoted, amount=settled)
            return


def claims_of(kept: Kept, insurers: frozenset[str]) -> list[LegRow]:
    """Claims that pay of a settlement that stands. `insurers`: the commercial ones, by their names in engine.yaml."""
    if kept.state is not CaseState.SETTLED:
        return []
    return [leg for leg in kept.legs if leg.party in insurers and not leg.undo and leg.amount and leg.state is OK]


def check_commercial_always(kept: Kept, rows: Rows) -> Iterator[Difference]:
    """One live claim at most."""
    live = _live(rows, "settle")
    if len(live) > 1:
        yield _said(kept, "commercial_twice", count=len(live), amount=_sum(live))


def check_commercial_rest(kept: Kept, rows: Rows, claims: Sequence[LegRow]) -> Iterator[Difference]:
    """A claim stands at the insurer exactly when the settlement counts on it, with the same amount."""
    live = {row.no: row for row in _live(rows, "settle")}
    for leg in claims:
        row = live.pop(leg.number, None)
        if row is None:
            yield _said(kept, "commercial_missing", no=leg.number, due=leg.amount, amount=0)
        elif row.amount != leg.amount:
            yield _said(kept, "commercial_amount_differs", no=leg.number, due=leg.amount, amount=row.amount)
    for row in live.values():
        yield _said(kept, "commercial_left", no=row.no, due=0, amount=row.amount)


def check_invoice_always(kept: Kept, rows: Rows) -> Iterator[Difference]:
    """At most one live invoice; never more red than blue (P19)."""
    live = _live(rows, "issue")
    if len(live) > 1:
        yield _said(kept, "invoice_twice", count=len(live), due=kept.total, amount=_sum(live))
    blue = sum(row.amount for row in rows if row.kind == "issue")
    red = sum(row.amount for row in rows if row.kind == "write_off")
    if red > blue:
        yield _said(kept, "invoice_red_over", no=next(row.no for row in rows), amount=red, due=blue)


def check_invoice_rest(kept: Kept, rows: Rows, wanted: bool) -> Iterator[Difference]:
    """Settled: a live invoice over the total, or a task that says why not; else none (P19, D14)."""
    live = _live(rows, "issue")
    if kept.state is not CaseState.SETTLED:
        for row in live:
            yield _said(kept, "invoice_left", no=row.party_no or row.no, due=0, amount=row.amount)
    elif not live and wanted and not kept.tasks:
        yield _said(kept, "invoice_missing", due=kept.total, amount=0)
    elif live and live[0].amount != kept.total:
        yield _said(kept, "invoice_amount_differs", no=live[0].no, amount=live[0].amount, due=kept.total)
