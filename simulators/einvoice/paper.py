"""The desk's stock of paper invoices: blank, in use for an e-invoice, or void."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.base.ledger import Row
from simulators.einvoice.envelope import Failure
from simulators.einvoice.register import ALREADY_FLUSHED, EBill, Red, Register

PAPER_BATCH = "37010126"


@dataclass
class Paper:
    """One paper that is not blank any more. `bill`: the e-invoice it was exchanged for, None when it was voided blank;
    times as 17 digits."""

    no: str
    bill: EBill | None
    place: str
    at: str
    voided: str = ""
    reason: str = ""
    row: Row | None = None


@dataclass
class Stock:
    """Paper numbers of one batch, one after the other. `flushes`: whether voiding a paper also writes off its
    e-invoice, as installations differ."""

    register: Register
    papers: dict[str, Paper] = field(default_factory=dict)
    next_no: int = 1
    last_no: int = 9999
    flushes: bool = True

    @property
    def left(self) -> int:
        """Papers not yet reached."""
        return self.last_no - self.next_no + 1

    def next_paper(self, batch: str) -> str:
        """The next blank paper number of the desk; it stays the next until it is used."""
        _known(batch)
        while f"{self.next_no:08d}" in self.papers:
            self.next_no += 1
        if self.next_no > self.last_no:
            raise Failure("E0012", "无可用纸质票据号")
        return f"{self.next_no:08d}"

    def _blank(self, batch: str, no: str) -> str:
        _known(batch)
        if not (no.isascii() and no.isdecimal() and len(no) == 8 and 1 <= int(no) <= self.last_no):
            raise Failure("E0009", "纸质票据号不在领用范围")
        if no in self.papers:
            raise Failure("E0011", "纸质票据号已使用或已作废")
        return no

    def exchange(self, bill: EBill, batch: str, no: str, place: str, *, again: bool) -> None:
        """Exchange for paper, one paper at a time; `again` voids the earlier paper and takes a new number."""
        if bill.red is not None:
            raise Failure("E0010", ALREADY_FLUSHED)
        if again != bool(bill.paper):
            raise Failure("E0011", "该票据尚未换开" if again else f"该票据已换开纸质票据{bill.paper}")
        self._blank(batch, no)
        if bill.paper:
            self._void(self.papers[bill.paper], "重新换开")
        bill.paper = no
        row = self.register.party.ledger.add("notice", no=bill.bus_no, party_no=no, ref=bill.no, state="on_paper")
        self.papers[no] = Paper(no, bill, place, self.register.now17(), row=row)

    def _void(self, paper: Paper, reason: str) -> None:
        paper.voided, paper.reason = self.register.now17(), reason
        if paper.bill is not None and paper.row is not None:
            paper.bill.paper = ""
            ledger = self.register.party.ledger
            ledger.change(paper.row, state="void")
            ledger.add("void", no=paper.bill.bus_no, party_no=paper.no, ref=paper.bill.no)

    def void(self, batch: str, no: str, reason: str) -> Red | None:
        """Void an exchanged paper, and flush its e-invoice where this installation does."""
        _known(batch)
        paper = self.papers.get(no)
        if paper is None:
            raise Failure("E0009", "纸质票据不存在")
        if paper.voided or paper.bill is None:
            raise Failure("E0009", "该纸质票据已作废")
        self._void(paper, reason)
        return self.register.flush(paper.bill, reason, voided=no) if self.flushes else None

    def void_blank(self, batch: str, first: str, last: str, place: str, reason: str) -> None:
        """Void blank papers, all or none."""
        if not (first.isascii() and last.isascii() and first.isdecimal() and last.isdecimal()):
            raise Failure("E0006", "纸质票据号应为数字")
        if not int(first) <= int(last) <= self.last_no:
            raise Failure("E0009", "纸质票据号不在领用范围")
        now = self.register.now17()
        for no in [self._blank(batch, f"{n:08d}") for n in range(int(first), int(last) + 1)]:
            self.papers[no] = Paper(no, None, place, now, voided=now, reason=reason)


def _known(batch: str) -> None:
    if batch != PAPER_BATCH:
        raise Failure("E0009", "纸质票据代码不存在")
