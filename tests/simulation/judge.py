"""The judge of a seed: the parties' own books against each other, and only then against what the engine says.

Each check is a sentence about money. It never asks the engine why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Books:
    """The four ledgers, as rows."""

    his: tuple[Row, ...]
    insurance: tuple[Row, ...]
    wechat: tuple[Row, ...]
    einvoice: tuple[Row, ...]

    @classmethod
    def of(cls, lab: Any) -> Books:
        return cls(**{name: tuple(lab.ledger(name)) for name in ("his", "insurance", "wechat", "einvoice")})


@dataclass(frozen=True)
class Claim:
    """What the engine says of a settlement. `tasks`: kinds of its open tasks."""

    no: str
    state: str
    bills: tuple[str, ...]
    insured: bool
    pay_kind: str
    total: int | None
    cash: int | None
    tasks: frozenset[str]


def judge(books: Books, claims: Iterable[Claim], *, excused: bool) -> list[str]:
    """Everything that is wrong, in words; [] when all is well. `excused`: manual is a right ending here."""
    known = {claim.no: claim for claim in claims}
    flaws = [*_strangers(books, known), *_bills(books, known), *_refunds(books)]
    for claim in known.values():
        flaws += [f"{claim.no} ({claim.state}): {flaw}" for flaw in _one(books, claim, excused)]
    return flaws


def kept(books: Books, no: str) -> int:
    """What the payment platform has taken for a settlement and not given back, fen."""
    return sum(_net(books, trade) for trade in {r["no"] for r in books.wechat} if trade.startswith(f"{no}P"))


def _net(books: Books, trade: str) -> int:
    """Taken less given back under one trade number."""
    own = [r for r in books.wechat if (r["ref"] if r["kind"] == "refund" else r["no"]) == trade]
    taken = sum(r["amount"] for r in own if r["kind"] == "charge")
    undone = sum(r["amount"] for r in own if r["kind"] == "reverse")
    back = sum(r["amount"] for r in own if r["kind"] == "refund" and r["state"] in ("done", "processing"))
    return int(taken - undone - back)


def bookings(books: Books, no: str) -> list[Row]:
    """Live bookings of the HIS."""
    return [r for r in books.his if r["kind"] == "book" and r["no"] == no and r["state"] == "done"]


def insured_by(books: Books, no: str) -> list[Row]:
    """Live settlements of the insurance: the visit's fee lines carry our settlement number as their batch."""
    visits = {r["ref"] for r in books.insurance if r["kind"] == "upload" and r["no"] == no}
    return [r for r in books.insurance if r["kind"] == "settle" and r["ref"] in visits and r["state"] == "done"]


def invoices(books: Books, no: str) -> list[Row]:
    """Invoices not written off."""
    return [r for r in books.einvoice if r["kind"] == "issue" and r["no"] == f"{no}E1" and r["state"] == "done"]


def locks(books: Books, no: str) -> list[Row]:
    """Locks that still hold a bill."""
    return [r for r in books.his if r["kind"] == "lock" and r["no"] == f"{no}L" and r["state"] == "live"]


def _one(books: Books, claim: Claim, excused: bool) -> list[str]:
    if claim.state == "settled":
        return _settled(books, claim)
    if claim.state in ("undone", "rejected"):
        return _nothing_left(books, claim)
    if claim.state == "manual":
        flaws = [] if claim.tasks else ["needs a person, but there is no open task"]
        return flaws if excused else [*flaws, f"a person is called without need: {sorted(claim.tasks)}"]
    return ["did not come to rest"]


def _settled(books: Books, claim: Claim) -> list[str]:
    flaws = []
    booked, insured, issued = bookings(books, claim.no), insured_by(books, claim.no), invoices(books, claim.no)
    money = kept(books, claim.no)
    if len(booked) != 1:
        return [f"{len(booked)} live bookings"]
    total, cash = booked[0]["amount"], int(booked[0]["ref"])
    if (total, cash) != (claim.total, claim.cash):
        flaws.append(f"the HIS booked {total} with {cash} cash, the patient was told {claim.total} with {claim.cash}")
    due = cash if claim.pay_kind.startswith("wechat") else 0
    if money != due:
        flaws.append(f"{money} fen kept, {due} due")
    if len(insured) != (1 if claim.insured else 0):
        flaws.append(f"{len(insured)} live insurance settlements, insured: {claim.insured}")
    for row in insured:
        if row["amount"] != total or row["cash"] != cash or row["fund"] + row["account"] != total - cash:
            flaws.append(f"insurance {row['amount']}/{row['cash']}, HIS {total}/{cash}")
    if [r["amount"] for r in issued] != [total] and not claim.tasks & {"final_refused"}:
        flaws.append(f"invoices {[r['amount'] for r in issued]} for a total of {total}")
    if locks(books, claim.no):
        flaws.append("the bill is still locked")
    return flaws


def _nothing_left(books: Books, claim: Claim) -> list[str]:
    no = claim.no
    flaws = []
    if money := kept(books, no):
        flaws.append(f"{money} fen kept")
    if bookings(books, no):
        flaws.append("booked at the HIS")
    if insured_by(books, no):
        flaws.append("settled with the insurance")
    if invoices(books, no):
        flaws.append("an invoice stands")
    if locks(books, no):
        flaws.append("the bill is still locked")
    if any(r["kind"] == "upload" and r["no"] == no and r["state"] == "uploaded" for r in books.insurance):
        flaws.append("fee lines are still at the insurance")
    if claim.state == "rejected" and any(r["kind"] == "charge" and r["no"].startswith(f"{no}P") for r in books.wechat):
        flaws.append("money was taken for a rejected settlement")
    return flaws


def _strangers(books: Books, known: Mapping[str, Claim]) -> list[str]:
    """Nothing happens outside that the engine has not stored first."""
    flaws = []
    for row in books.wechat:
        number = row["ref"] if row["kind"] == "refund" else row["no"]
        if number[:21] not in known:
            flaws.append(f"wechat {row['kind']} of a settlement nobody knows: {number}")
    for row in books.his:
        if row["kind"] in ("book", "lock") and row["no"][:21] not in known:
            flaws.append(f"HIS {row['kind']} of a settlement nobody knows: {row['no']}")
    for row in books.einvoice:
        if row["kind"] == "issue" and row["no"][:21] not in known:
            flaws.append(f"invoice of a settlement nobody knows: {row['no']}")
    return flaws


def _bills(books: Books, known: Mapping[str, Claim]) -> list[str]:
    """A bill is paid once: at one terminal, or at the window."""
    flaws = []
    window = {r["bill"] for r in books.his if r["kind"] == "charge"}
    booked: dict[str, int] = defaultdict(int)
    for row in books.his:
        booked[row["bill"]] += row["kind"] == "book" and row["state"] == "done"
    for bill, count in booked.items():
        if count + (bill in window) > 1:
            flaws.append(f"bill {bill}: {count} bookings, window: {bill in window}")
    of_bill: dict[str, list[Claim]] = defaultdict(list)
    for claim in known.values():
        for bill in claim.bills:
            of_bill[bill].append(claim)
    for bill, claims in of_bill.items():
        calm = [c for c in claims if c.state != "manual"]
        paying = [c.no for c in calm if kept(books, c.no) or insured_by(books, c.no)]
        if len(paying) > 1 or (paying and bill in window):
            flaws.append(f"bill {bill}: paid by {paying}, window: {bill in window}")
        if len([c for c in claims if c.state == "settled"]) > 1:
            flaws.append(f"bill {bill}: two settled settlements")
    return flaws


def _refunds(books: Books) -> list[str]:
    """No more goes back than came in."""
    flaws = []
    for trade in sorted({r["no"] for r in books.wechat if r["kind"] == "order"}):
        if _net(books, trade) < 0:
            flaws.append(f"trade {trade}: more given back than taken")
    return flaws
