"""The desk of a HIS that leads: it quotes, settles with the insurance and issues the invoice inside its own answers.

A settlement is `WAIT` while the HIS is at it or does not know what the insurance did, `PART` when the insurance has
settled and the HIS could not book, `PAID`, or `VOID`. A number that was refused is buried.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from simulators.base.ledger import Row
from simulators.his.answers import Habits, Refusal
from simulators.his.bills import Bill
from simulators.his.desk import Desk, Payment, Settled
from simulators.his.invoices import Invoice, Invoices
from simulators.his.outside import Said, Silence
from simulators.his.visits import Card, NotEntitled, Visit, Visits, fen_of

if TYPE_CHECKING:
    from simulators.base.party import SimParty

_log = Logger()
AGAIN = 15.0  # business seconds until the HIS tries by itself what failed
INSURED = "MIC"
PARTS = ("cash", "fund", "account")


@dataclass
class Quote:
    """A pre-settlement by its number. `info`: the insurance's amounts; `parts` in fen; `answer` as it was given."""

    pre_no: str
    content: dict[str, str]
    bill: Bill | None = None
    state: str = "WAIT"  # WAIT, OK, CLOSED
    visit: Visit | None = None
    info: dict[str, Any] | None = None
    parts: dict[str, int] | None = None
    answer: dict[str, Any] | None = None
    account: bool = False
    confirmed: bool = False


@dataclass
class Inside:
    """What the HIS did inside one settlement."""

    quote: Quote
    busy: bool = False
    msgid: str = ""  # of the 2207A
    setl_id: str = ""
    setl_time: str = ""
    row: Row | None = None
    invoice: Invoice | None = None


class LedDesk:
    """Pre-settlement, settlement and void with insurance and invoice inside."""

    def __init__(self, party: SimParty, desk: Desk, habits: Habits) -> None:
        self._party, self._desk, self._habits = party, desk, habits
        self._visits, self._invoices = Visits(party), Invoices(party)
        self._quotes: dict[str, Quote] = {}
        self._inside: dict[str, Inside] = {}  # by settleNo

    def inside(self, settle_no: str) -> Inside | None:
        """What was done inside this settlement; None when the caller led."""
        return self._inside.get(settle_no)

    # Quote

    async def quote(self, texts: dict[str, str]) -> dict[str, Any]:
        """Register with the insurance, upload, pre-settle; the same number again is the same answer."""
        number = texts["preNo"]
        if known := self._quotes.get(number):
            return self._quoted_before(known, texts)
        bill = self._desk.payable(texts["billNo"], texts["lockNo"])
        if bill.person.id != texts["patientId"]:
            raise Refusal("BILL_NOT_FOUND", "账单不存在")
        made = self._quotes[number] = Quote(number, texts, bill, account=texts["useAccount"] == "1")
        if texts["tradeMode"] == INSURED:
            await self._insured(made, bill, texts)
        else:
            made.parts = {"cash": bill.amount, "fund": 0, "account": 0}
        made.state, made.answer = "OK", made.answer or self._told(made, bill)
        return made.answer

    def _quoted_before(self, known: Quote, texts: dict[str, str]) -> dict[str, Any]:
        if known.state == "CLOSED":
            raise Refusal("PRE_CLOSED", "该预结算号已撤销")
        if known.content != texts:
            raise Refusal("DUPLICATE_DIFFERENT", "预结算号重复且内容不同")
        if known.answer is None:
            raise Refusal("PROCESSING", "该预结算正在处理")
        return known.answer

    async def _insured(self, made: Quote, bill: Bill, texts: dict[str, str]) -> None:
        try:
            earlier = self._quotes.get(texts["oldPreNo"])
            if earlier is not None and earlier.state == "OK":
                made.visit = earlier.visit
            else:
                card = Card(texts["ybCardType"], texts["ybCardNo"], texts["ybCardSn"])
                made.visit = await self._visits.entitled(bill, card)
                await self._visits.open(made.visit, bill, made.pre_no)
            assert made.visit is not None
            made.info = await self._visits.quote(made.visit, bill, account=made.account)
        except NotEntitled as no:
            made.answer = {"preNo": made.pre_no, "entitled": "0", "reason": no.code, "reasonText": no.text}
            return
        except (Silence, Said) as no:
            made.state = "CLOSED"
            if made.visit is not None and not texts["oldPreNo"]:
                await self._tidy(made.visit)
            if isinstance(no, Said):
                raise Refusal("INSURANCE_REFUSED", no.text[:200]) from None
            raise Refusal("INSURANCE_UNAVAILABLE", "医保平台没有应答，预结算未办理") from None
        amounts = fen_of(made.info)
        made.parts = {name: amounts[name] for name in PARTS}

    async def _tidy(self, visit: Visit) -> None:
        """Leave the insurance; when it is silent, try again by ourselves."""
        try:
            await self._visits.leave(visit)
        except (Silence, Said):
            self._party.later(AGAIN, lambda: self._start(self._tidy(visit)))

    def _told(self, made: Quote, bill: Bill) -> dict[str, Any]:
        assert made.parts is not None
        money = {name: self._habits.money(fen) for name, fen in made.parts.items()}
        told: dict[str, Any] = {
            "preNo": made.pre_no, "entitled": "1", "amount": self._habits.money(bill.amount), **money,
        }
        if made.visit is not None:
            told["insurance"] = {
                "visitNo": made.visit.number, "mdtrtId": made.visit.mdtrt_id, "psnNo": made.visit.psn_no,
            }
        return told

    def confirm(self, pre_no: str) -> None:
        """The caller agrees to the quote; Refusal for one that does not stand."""
        made = self._quotes.get(pre_no)
        if made is None:
            raise Refusal("PRE_NOT_FOUND", "未找到该预结算")
        if made.state == "WAIT":
            raise Refusal("PROCESSING", "该预结算正在处理")
        if made.state == "CLOSED":
            raise Refusal("PRE_CLOSED", "该预结算已撤销")
        made.confirmed = True

    async def close(self, pre_no: str) -> None:
        """Take a pre-settlement back; whatever it finds, the number is closed."""
        made = self._quotes.get(pre_no)
        if made is None:
            self._quotes[pre_no] = Quote(pre_no, {}, state="CLOSED")
            raise Refusal("PRE_NOT_FOUND", "未找到该预结算，预结算号已撤销")
        if made.state == "WAIT":
            raise Refusal("PROCESSING", "该预结算正在处理")
        if any(one.quote is made and self._desk.settled(no).state != "VOID" for no, one in self._inside.items()):
            raise Refusal("PRE_USED", "该预结算已用于结算，请先作废结算")
        made.state = "CLOSED"
        if made.visit is None:
            return
        try:
            await self._visits.leave(made.visit)
        except Silence:
            raise Refusal("CLOSE_PENDING", "医保平台没有应答，撤销尚未完成") from None
        except Said as no:
            raise Refusal("INSURANCE_KEPT", no.text[:200]) from None

    # Settle

    async def pay(self, payment: Payment, pre_no: str, expires: float) -> Settled:
        """Settle with the insurance, book, invoice: in this order, once per settleNo."""
        known = self._desk.known(payment)
        if known is not None and known.state != "PART":
            return known
        if known is None:
            known = self._admit(payment, pre_no, expires)
        inside = self._inside[payment.settle_no]
        if inside.busy and known.state == "PART":
            raise Refusal("PROCESSING", "该结算正在处理")
        inside.busy = True
        try:
            if known.state == "WAIT" and inside.quote.visit is not None:
                await self._settle(known, inside, inside.quote.visit)
            self._book(known)
            await self._issue(known, inside)
        finally:
            inside.busy = False
        return known

    def _admit(self, payment: Payment, pre_no: str, expires: float) -> Settled:
        quote = self._quotes.get(pre_no)
        if quote is None:
            raise Refusal("PRE_NOT_FOUND", "未找到该预结算")
        if quote.state != "OK" or quote.parts is None:
            raise Refusal("PRE_CLOSED", "该预结算号已撤销或不能结算")
        if self._habits.confirm_quotes and not quote.confirmed:
            raise Refusal("PRE_UNCONFIRMED", "预结算结果未确认，不能结算")
        self._desk.admit(payment, expires)
        asked = {"cash": payment.cash, "fund": payment.fund, "account": payment.account}
        if quote.bill is None or quote.bill.no != payment.bill_no or quote.parts != asked:
            raise Refusal("AMOUNT_MISMATCH", "金额与预结算不一致")
        self._inside[payment.settle_no] = Inside(quote)
        return self._desk.begin(payment)

    async def _settle(self, known: Settled, inside: Inside, visit: Visit) -> None:
        """2207A; silent: 5203; not there: 2601, so that a late one has no effect either."""
        quote, bill = inside.quote, inside.quote.bill
        assert quote.info is not None
        assert bill is not None
        assert known.payment is not None
        inside.msgid = self._visits.office.number()
        inside.row = self._party.ledger.add(
            "settle", no=known.payment.settle_no, amount=bill.amount, bill=bill.no, ref=inside.msgid, state="asked"
        )
        try:
            info = await self._found(visit, bill, quote, inside.msgid)
        except Said as no:
            self._refuse(known, inside, "refused")
            raise Refusal("INSURANCE_REFUSED", no.text[:200]) from None
        except Silence:
            self._party.later(AGAIN, lambda: self._start(self._clear(known, inside, visit)))
            raise Refusal("INSIDE_UNKNOWN", "医保结算结果不明，正在查证") from None
        if info is None:
            self._refuse(known, inside, "reversed")
            raise Refusal("INSURANCE_UNAVAILABLE", "医保平台没有应答，已冲正")
        inside.setl_id, inside.setl_time = info["setl_id"], info["setl_time"]
        self._party.ledger.change(inside.row, state="done", party_no=inside.setl_id)
        known.state = "PART"
        if fen_of(info) != fen_of(quote.info):
            await self._drifted(known, inside)

    async def _found(self, visit: Visit, bill: Bill, quote: Quote, msgid: str) -> dict[str, Any] | None:
        assert quote.info is not None
        try:
            return dict(await self._visits.settle(visit, bill, quote.info, msgid, account=quote.account))
        except Silence:
            found = await self._visits.settled(visit, msgid)
        if found is None:
            await self._visits.reverse(visit, msgid)
        return found

    async def _drifted(self, known: Settled, inside: Inside) -> None:
        try:
            await self._unsettle(inside)
        except (Silence, Said):
            raise Refusal("INSIDE_UNKNOWN", "医保结算金额与预结算不一致，正在撤销") from None
        self._refuse(known, inside, "cancelled")
        raise Refusal("INSURANCE_CHANGED", "医保结算金额与预结算不一致，已撤销")

    def _refuse(self, known: Settled, inside: Inside, state: str) -> None:
        """Nothing of it stands, and nothing of it may come later."""
        known.state, inside.msgid = "VOID", ""
        if inside.row is not None:
            self._party.ledger.change(inside.row, state=state)

    async def _clear(self, known: Settled, inside: Inside, visit: Visit) -> None:
        """What the insurance did is unknown: reverse it, until that is answered."""
        if known.state != "WAIT" or inside.busy or not inside.msgid:
            return
        inside.busy = True
        try:
            await self._visits.reverse(visit, inside.msgid)
            self._refuse(known, inside, "reversed")
        except (Silence, Said):
            self._party.later(AGAIN, lambda: self._start(self._clear(known, inside, visit)))
        finally:
            inside.busy = False

    def _book(self, known: Settled) -> None:
        payment = known.payment
        assert payment is not None
        known.state = "PART"
        failed = self._party.take_fault(
            "balance.and.pay.bill", "booking_fails", no=payment.settle_no, bill=payment.bill_no
        )
        if failed is not None:
            self._party.later(AGAIN, lambda: self._start(self._book_again(known)))
            raise Refusal("BOOK_FAILED", "入账失败，正在重试")
        try:
            self._desk.book(known)
        except Refusal as no:  # the insurance has settled: this is no plain refusal any more
            raise Refusal("BOOK_FAILED", f"入账失败：{no.msg}") from None

    async def _book_again(self, known: Settled) -> None:
        assert known.payment is not None
        inside = self._inside[known.payment.settle_no]
        if known.state != "PART" or inside.busy:
            return
        try:
            self._book(known)
        except Refusal:
            return
        await self._issue(known, inside)

    # Invoice

    async def _issue(self, known: Settled, inside: Inside) -> None:
        """The settlement stands without it; what failed is tried again."""
        bill, payment = inside.quote.bill, known.payment
        assert bill is not None
        assert payment is not None
        if known.state != "PAID":
            return
        if inside.invoice is None:
            row = self._party.ledger.add(
                "issue", no=payment.settle_no, amount=payment.amount, bill=bill.no, ref=known.receipt_no, state="asked"
            )
            inside.invoice = Invoice(known.receipt_no, row)
        parts = {"cash": payment.cash, "fund": payment.fund, "account": payment.account}
        try:
            await self._invoices.issue(inside.invoice, bill, parts, payment.trade_mode)
        except (Silence, Said):
            self._party.later(AGAIN, lambda: self._start(self._issue_again(known, inside)))

    async def _issue_again(self, known: Settled, inside: Inside) -> None:
        if inside.busy:  # a void may be at it
            self._party.later(AGAIN, lambda: self._start(self._issue_again(known, inside)))
        elif inside.invoice is not None and not inside.invoice.number:
            inside.busy = True
            try:
                await self._issue(known, inside)
            finally:
                inside.busy = False

    # Void

    async def void(self, settle_no: str, void_no: str, reason: str) -> None:
        """Take invoice, insurance and booking back, in this order; what was silent goes on at the next call."""
        known, inside = self._desk.voidable(settle_no), self._inside[settle_no]
        if inside.busy:
            raise Refusal("PROCESSING", "该结算正在处理")
        inside.busy = True
        try:
            if inside.invoice is not None:
                await self._invoices.write_off(inside.invoice, reason)
            await self._unsettle(inside)
        except Silence:
            raise Refusal("VOID_PENDING", "外部平台没有应答，作废尚未完成") from None
        except Said as no:
            raise Refusal("INSURANCE_KEPT", no.text[:200]) from None
        finally:
            inside.busy = False
        self._desk.unbook(settle_no, void_no, known)

    async def _unsettle(self, inside: Inside) -> None:
        visit = inside.quote.visit
        if visit is None or not inside.msgid or inside.row is None:
            return
        if inside.setl_id:
            await self._visits.cancel(visit, inside.setl_id)
            self._party.ledger.change(inside.row, state="cancelled")
        else:
            await self._visits.reverse(visit, inside.msgid)
            self._party.ledger.change(inside.row, state="reversed")
        inside.msgid = ""

    def told(self, settle_no: str) -> dict[str, Any]:
        """What the answers say of insurance and invoice."""
        inside = self._inside.get(settle_no)
        if inside is None:
            return {}
        told: dict[str, Any] = {}
        if inside.setl_id and inside.quote.visit is not None and inside.row is not None:
            told["insurance"] = {
                "visitNo": inside.quote.visit.number, "mdtrtId": inside.quote.visit.mdtrt_id,
                "setlId": inside.setl_id, "setlTime": inside.setl_time, "msgid": inside.row.ref,
            }
        if inside.invoice is not None and inside.invoice.number:
            told["invoice"] = inside.invoice.public()
        return told

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Work of the HIS's own accord."""
        Deferred.fromCoroutine(work).addErrback(lambda failure: _log.failure("HIS work failed", failure))
