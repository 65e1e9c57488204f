"""The platform's register of bills: issued, red-flushed, exchanged for paper."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulators.base.ledger import Row
from simulators.einvoice.envelope import Failure

if TYPE_CHECKING:
    from simulators.base.party import SimParty

BATCH = "37060126"
PAPER_BATCH = "37010126"
ALREADY_FLUSHED = "该票据已冲红"


@dataclass(frozen=True)
class Red:
    """The red bill that refers to a flushed one."""

    batch: str
    no: str
    check: str
    created: str
    reason: str


@dataclass
class EBill:
    """One e-invoice; `amount` in fen, `content` what it was issued from."""

    batch: str
    no: str
    check: str
    created: str
    bus_no: str
    bus_type: str
    bus_time: str
    place: str
    amount: int
    content: dict[str, Any]
    row: Row
    red: Red | None = None
    paper: str = ""  # number of the paper it is exchanged for at present


@dataclass
class Register:
    """All bills and paper numbers; a paper number is blank, used or void."""

    party: SimParty
    by_bus_no: dict[str, EBill] = field(default_factory=dict)
    by_no: dict[tuple[str, str], EBill] = field(default_factory=dict)
    papers: dict[str, str] = field(default_factory=dict)
    paper_next: int = 1
    paper_last: int = 9999
    _drawn: int = 0

    def _numbers(self) -> tuple[str, str, str]:
        """Bill number (10 digits), check code (6 characters), creation time (17 digits)."""
        self._drawn += 1
        check = "".join(self.party.world.rng.choice("0123456789abcdef") for _ in range(6))
        return f"{self._drawn:010d}", check, self.now17()

    def now17(self) -> str:
        moment = self.party.world.moment()
        return moment.strftime("%Y%m%d%H%M%S") + f"{moment.microsecond // 1000:03d}"

    def issue(self, body: dict[str, Any], amount: int) -> EBill:
        """Once per busNo: the same again is the same bill; another amount or payer is refused."""
        known = self.by_bus_no.get(body["busNo"])
        if known is not None:
            if any(known.content.get(name) != body.get(name) for name in ("payer", "cardNo")) or (
                known.amount != amount
            ):
                raise Failure("E0008", "业务流水号重复：已开票且内容不一致")
            return known
        no, check, created = self._numbers()
        row = self.party.ledger.add("issue", no=body["busNo"], party_no=no, amount=amount, ref=BATCH)
        bill = EBill(
            BATCH, no, check, created, body["busNo"], body["busType"], body["busDateTime"], body["placeCode"],
            amount, body, row,
        )
        self.by_bus_no[bill.bus_no] = self.by_no[bill.batch, bill.no] = bill
        return bill

    def found(self, batch: str, no: str) -> EBill:
        """The bill of these numbers; a red bill is not one."""
        bill = self.by_no.get((batch, no))
        if bill is None:
            raise Failure("E0009", "票据不存在")
        return bill

    def flush(self, bill: EBill, reason: str) -> Red:
        """Red-flush the whole bill, once."""
        if bill.red is not None:
            raise Failure("E0010", ALREADY_FLUSHED)
        if bill.paper:
            raise Failure("E0011", f"该票据已换开纸质票据{bill.paper}，请先收回并作废纸质票据")
        no, check, created = self._numbers()
        bill.red = Red(BATCH, no, check, created, reason)
        self.party.ledger.change(bill.row, state="written_off")
        self.party.ledger.add(
            "write_off", no=bill.bus_no, party_no=no, amount=bill.amount, ref=bill.no
        )
        return bill.red

    def next_paper(self, batch: str) -> str:
        """The next blank paper number of the desk."""
        self._known_batch(batch)
        while f"{self.paper_next:08d}" in self.papers:
            self.paper_next += 1
        if self.paper_next > self.paper_last:
            raise Failure("E0012", "无可用纸质票据号")
        return f"{self.paper_next:08d}"

    def _known_batch(self, batch: str) -> None:
        if batch != PAPER_BATCH:
            raise Failure("E0009", "纸质票据代码不存在")

    def _blank(self, batch: str, no: str) -> str:
        self._known_batch(batch)
        if not (no.isascii() and no.isdecimal() and len(no) == 8 and 1 <= int(no) <= self.paper_last):
            raise Failure("E0009", "纸质票据号不在领用范围")
        if no in self.papers:
            raise Failure("E0011", "纸质票据号已使用或已作废")
        return no

    def exchange(self, bill: EBill, batch: str, no: str, *, again: bool) -> None:
        """Exchange for paper, one paper at a time; `again` voids the earlier paper and takes a new number."""
        if bill.red is not None:
            raise Failure("E0010", ALREADY_FLUSHED)
        if again != bool(bill.paper):
            raise Failure("E0011", "该票据尚未换开" if again else "该票据已换开纸质票据")
        self._blank(batch, no)
        if bill.paper:
            self.papers[bill.paper] = "void"
        bill.paper = no
        self.papers[no] = "used"

    def void_paper(self, batch: str, no: str, reason: str) -> tuple[EBill, Red]:
        """Void an exchanged paper and flush its e-bill."""
        self._known_batch(batch)
        bill = next((b for b in self.by_bus_no.values() if b.paper == no), None)
        if bill is None:
            raise Failure("E0009", "纸质票据不存在" if no not in self.papers else "该纸质票据已作废")
        bill.paper = ""
        self.papers[no] = "void"
        return bill, self.flush(bill, reason)

    def void_blank(self, batch: str, first: str, last: str) -> None:
        """Void blank papers, all or none."""
        if not (first.isascii() and last.isascii() and first.isdecimal() and last.isdecimal()):
            raise Failure("E0006", "纸质票据号应为数字")
        if not int(first) <= int(last) <= self.paper_last:
            raise Failure("E0009", "纸质票据号不在领用范围")
        numbers = [self._blank(batch, f"{n:08d}") for n in range(int(first), int(last) + 1)]
        self.papers.update(dict.fromkeys(numbers, "void"))
