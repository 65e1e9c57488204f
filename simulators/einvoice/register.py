"""The platform's register of bills: issued, red-flushed; deposit vouchers and what was taken from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulators.base.ledger import Row
from simulators.einvoice.envelope import Failure
from simulators.einvoice.fields import fen

if TYPE_CHECKING:
    from simulators.base.party import SimParty

BATCH = "37060126"
VOUCHER_BATCH = "37090126"
DEPOSITS = ("07", "08")
ALREADY_FLUSHED = "该票据已冲红"
REPEATED = "业务流水号重复：已开票且内容不一致"
NAMES = {
    "01": "医疗住院收费票据（电子）", "02": "医疗门诊收费票据（电子）", "05": "医疗门诊收费票据（电子）",
    "06": "医疗门诊收费票据（电子）", "07": "预交金凭证（电子）", "08": "预交金凭证（电子）",
}


@dataclass(frozen=True)
class Red:
    """The red bill that refers to a flushed one; `paper`: the paper that was voided with it, "" for none."""

    batch: str
    no: str
    check: str
    created: str
    reason: str
    paper: str = ""


@dataclass
class EBill:
    """One e-invoice or deposit voucher; `amount` in fen, `content` what it was issued from."""

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
    voucher: str = ""  # number of the deposit voucher it is, "" for an invoice
    left: int = 0  # of a deposit voucher: what no invoice has used yet, fen

    @property
    def kind_name(self) -> str:
        """The name printed on it."""
        return NAMES.get(self.bus_type, NAMES["02"])


@dataclass
class Register:
    """All bills by our number, by theirs and by the deposit voucher's."""

    party: SimParty
    by_bus_no: dict[str, EBill] = field(default_factory=dict)
    by_no: dict[tuple[str, str], EBill] = field(default_factory=dict)
    vouchers: dict[str, EBill] = field(default_factory=dict)
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
        """Once per busNo: the same again is the same bill; another kind, amount or payer is refused. An inpatient
        invoice uses up the deposits it names."""
        known = self.by_bus_no.get(body["busNo"])
        if known is not None:
            same = ("payer", "cardNo", "busType")
            if any(known.content.get(name) != body.get(name) for name in same) or known.amount != amount:
                raise Failure("E0008", REPEATED)
            return known
        used = self._uses(body)
        no, check, created = self._numbers()
        row = self.party.ledger.add("issue", no=body["busNo"], party_no=no, amount=amount, ref=BATCH)
        bill = EBill(
            BATCH, no, check, created, body["busNo"], body["busType"], body["busDateTime"], body["placeCode"],
            amount, body, row,
        )
        for voucher, part in used:
            voucher.left -= part
        if bill.bus_type in DEPOSITS:
            bill.voucher, bill.left = f"{int(no):08d}", amount
            self.vouchers[bill.voucher] = bill
        self.by_bus_no[bill.bus_no] = self.by_no[bill.batch, bill.no] = bill
        return bill

    def _uses(self, body: dict[str, Any]) -> list[tuple[EBill, int]]:
        """The deposits an inpatient invoice names, each with the part it uses; Failure when one does not cover it, or
        all of them pay more than the patient's own part."""
        found: list[tuple[EBill, int]] = []
        for row in body.get("payMentVoucher") or ():
            voucher = self.vouchers.get(row["voucherNo"]) if row["voucherBatchCode"] == VOUCHER_BATCH else None
            if voucher is None:
                raise Failure("E0009", f"预交金凭证{row['voucherNo']}不存在")
            if voucher.red is not None:
                raise Failure("E0010", f"预交金凭证{row['voucherNo']}已退款冲销")
            part = fen(row["voucherAmt"])
            if part + sum(p for v, p in found if v is voucher) > voucher.left:
                raise Failure("E0007", f"预交金凭证{row['voucherNo']}余额不足")
            found.append((voucher, part))
        own = body.get("ownPay")
        if found and own not in (None, "") and sum(part for _, part in found) > fen(own):
            raise Failure("E0007", "抵扣的预交金凭证合计大于个人支付金额")
        return found

    def found(self, batch: str, no: str) -> EBill:
        """The bill of these numbers; a red bill is not one."""
        bill = self.by_no.get((batch, no))
        if bill is None:
            raise Failure("E0009", "票据不存在")
        return bill

    def flush(self, bill: EBill, reason: str, *, voided: str = "") -> Red:
        """Red-flush the whole bill, once; the deposits it used are free again. `voided`: the paper voided with it."""
        if bill.red is not None:
            raise Failure("E0010", ALREADY_FLUSHED)
        if bill.paper:
            raise Failure("E0011", f"该票据已换开纸质票据{bill.paper}，请先收回并作废纸质票据")
        if bill.voucher and bill.left != bill.amount:
            raise Failure("E0011", "该预交金凭证已用于住院结算，不能退款冲销")
        for voucher, part in self._uses_again(bill):
            voucher.left += part
        no, check, created = self._numbers()
        bill.red = Red(BATCH, no, check, created, reason, voided)
        self.party.ledger.change(bill.row, state="written_off")
        self.party.ledger.add("write_off", no=bill.bus_no, party_no=no, amount=bill.amount, ref=bill.no)
        return bill.red

    def _uses_again(self, bill: EBill) -> list[tuple[EBill, int]]:
        rows = bill.content.get("payMentVoucher") or ()
        return [(self.vouchers[row["voucherNo"]], fen(row["voucherAmt"])) for row in rows]

    def flush_voucher(self, body: dict[str, Any]) -> Red:
        """Write off a deposit voucher with the refund of the whole deposit."""
        bill = self.found(body["billBatchCode"], body["billNo"])
        if not bill.voucher:
            raise Failure("E0011", "该票据不是预交金凭证")
        if body.get("voucherNo") not in (None, "", bill.voucher):
            raise Failure("E0009", "预交金凭证号码与票据不符")
        if fen(body["amt"]) != bill.amount:
            raise Failure("E0007", "退款金额与预交金凭证金额不一致")
        return self.flush(bill, body["reason"])
