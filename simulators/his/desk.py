"""The settlement desk: locks, payments by number, voids and their tombstones, and the cashier's window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulators.base.ledger import Ledger, Row
from simulators.base.party import ActRefused
from simulators.his.answers import Habits, Refusal, write_time
from simulators.his.bills import Bill
from simulators.his.cards import MODE, RegionCards

if TYPE_CHECKING:
    from simulators.base.party import SimParty
    from simulators.base.world import Later
    from simulators.his.stays import Stays


@dataclass
class Lock:
    """A bill held for one online settlement until `until` (unix seconds)."""

    no: str
    until: float
    row: Row
    end: Later


@dataclass(frozen=True)
class Payment:
    """What balance.and.pay.bill asks for; two requests of one number must be equal. Amounts in fen."""

    bill_no: str
    settle_no: str
    lock_no: str
    amount: int
    cash: int
    fund: int
    account: int
    trade_mode: str
    out_trade_no: str
    trans_no: str
    insurance: tuple[str, str] | None
    deposit: int = 0
    """Of `cash`: what the deposits of a stay pay."""
    commercial: int = 0
    commercial_no: str = ""


@dataclass
class Settled:
    """A settlement number the desk knows: PAID, or VOID (also one voided before it ever came).

    Where the HIS leads also WAIT (at it, or the insurance's answer is missing), PART (insurance settled, not booked).
    """

    state: str
    payment: Payment | None = None
    receipt_no: str = ""
    pay_time: str = ""
    row: Row | None = None


class Desk:
    """Everything that may change a bill's money; times come from the party's world."""

    def __init__(self, party: SimParty, habits: Habits) -> None:
        self._party = party
        self._ledger: Ledger = party.ledger
        self._habits = habits
        self.bills: dict[str, Bill] = {}
        self.by_patient: dict[str, list[Bill]] = {}
        self._locks: dict[str, Lock] = {}  # by bill number, live ones only
        self._closed_locks: set[str] = set()
        self._settled: dict[str, Settled] = {}
        self._receipts = 0
        self.cards = RegionCards()
        self.stays: Stays  # set by Stays

    def enter(self, bill: Bill) -> Bill:
        """A doctor has written a bill."""
        if bill.no in self.bills:
            raise ActRefused(f"bill {bill.no} exists")
        self.bills[bill.no] = bill
        self.by_patient.setdefault(bill.person.id, []).append(bill)
        return bill

    def bill(self, no: str) -> Bill:
        if no not in self.bills:
            raise Refusal("BILL_NOT_FOUND", "账单不存在")
        return self.bills[no]

    def status(self, bill: Bill) -> str:
        """unpaid, locked, paid or void."""
        return "locked" if bill.state == "unpaid" and self._lock(bill.no) else bill.state

    def _lock(self, bill_no: str) -> Lock | None:
        lock = self._locks.get(bill_no)
        if lock is not None and lock.until <= self._party.world.now():
            self._end_lock(bill_no, "expired")
            return None
        return lock

    def _end_lock(self, bill_no: str, state: str) -> None:
        lock = self._locks.pop(bill_no)
        lock.end.cancel()
        self._ledger.change(lock.row, state=state)

    def _expire(self, bill_no: str, lock_no: str) -> None:
        held = self._locks.get(bill_no)
        if held is not None and held.no == lock_no:
            self._end_lock(bill_no, "expired")

    def lock(self, bill_no: str, lock_no: str, amount: int, until: float) -> Lock:
        """Hold a bill; the same number again is the same lock (its end may only move later)."""
        now = self._party.world.now()
        bill = self.bill(bill_no)
        if lock_no in self._closed_locks:
            raise Refusal("LOCK_CLOSED", "该锁定号已解锁，不能再次锁定")
        self._payable(bill)
        if until <= now:
            raise Refusal("EXPIRED", "锁定截止时间已过")
        if held := self._lock(bill_no):
            if held.no != lock_no:
                raise Refusal("BILL_LOCKED", "账单正在其他终端结算", until=write_time(held.until))
            if until > held.until:
                held.until = until
                held.end.reset(until - now)
            return held
        if amount != bill.amount:
            raise Refusal("BILL_CHANGED", "账单金额已变化，请重新查询")
        row = self._ledger.add("lock", no=lock_no, amount=amount, state="live", bill=bill_no)
        end = self._party.later(until - now, self._expire, bill_no, lock_no)
        self._locks[bill_no] = Lock(lock_no, until, row, end)
        return self._locks[bill_no]

    def _payable(self, bill: Bill) -> None:
        if bill.state == "paid":
            raise Refusal("BILL_PAID", "账单已结算")
        if bill.state == "void":
            raise Refusal("BILL_VOID", "账单已作废")

    def unlock(self, bill_no: str, lock_no: str) -> None:
        """Release; whatever it finds, this lock number can never lock again (a late original is refused)."""
        bill = self.bill(bill_no)
        self._closed_locks.add(lock_no)
        held = self._lock(bill.no)
        if held is None or held.no != lock_no:
            raise Refusal("NOT_LOCKED", "账单未被该锁定号锁定")
        self._end_lock(bill_no, "released")

    def pay(self, payment: Payment, expires: float) -> Settled:
        """Book a settlement, once per settleNo; answers the receipt also when it was booked before."""
        known = self.known(payment)
        if known is not None:
            return known
        self.admit(payment, expires)
        return self.book(self.begin(payment))

    def known(self, payment: Payment) -> Settled | None:
        """What stands under this settleNo already; None when it is new. Refusal when it cannot be repeated."""
        known = self._settled.get(payment.settle_no)
        if known is None:
            return None
        if known.state == "VOID":
            raise Refusal("SETTLE_VOID", "该结算号已作废")
        if known.payment != payment:
            raise Refusal("DUPLICATE_DIFFERENT", "结算号重复且内容不同")
        if self._habits.duplicates == "refuse":
            raise Refusal("DUPLICATE", "重复的结算请求")
        if known.state == "WAIT":
            raise Refusal("PROCESSING", "该结算正在处理")
        return known

    def admit(self, payment: Payment, expires: float) -> None:
        """Refusal when this new settlement cannot be booked now."""
        if expires <= self._party.world.now():
            raise Refusal("EXPIRED", "请求已超过截止时间，未执行")
        if payment.amount != payment.cash + payment.fund + payment.account + payment.commercial:
            raise Refusal("AMOUNT_MISMATCH", "金额不等于现金、统筹、个人账户与商保之和")
        bill = self.payable(payment.bill_no, payment.lock_no)
        if payment.amount != bill.amount:
            raise Refusal("BILL_CHANGED", "账单金额已变化，请重新查询")
        if payment.deposit > payment.cash:
            raise Refusal("AMOUNT_MISMATCH", "预交金支付大于现金部分")
        self.stays.enough(bill.no, payment.deposit)
        if payment.trade_mode == MODE:
            self.cards.enough(bill.person.id, payment.cash)

    def chargeable(self, payment: Payment) -> Settled | None:
        """Refusal when this payment cannot be booked where nobody locks; what stands under its number already."""
        known = self.known(payment)
        if known is None:
            bill = self.bill(payment.bill_no)
            self._payable(bill)
            if self._lock(bill.no):
                raise Refusal("BILL_LOCKED", "账单正在其他终端结算")
            if payment.amount != bill.amount:
                raise Refusal("BILL_CHANGED", "账单金额已变化，请重新查询")
        return known

    def charge(self, payment: Payment) -> Settled:
        """Book a payment of a bill that nobody locked, once per number."""
        known = self.chargeable(payment)
        return known if known is not None else self._enter(self.begin(payment), self.bills[payment.bill_no])

    def payable(self, bill_no: str, lock_no: str) -> Bill:
        """The bill, when it can be paid under this lock."""
        bill = self.bill(bill_no)
        self._payable(bill)
        held = self._lock(bill.no)
        if held is None or held.no != lock_no:
            raise Refusal("LOCK_LOST", "账单锁定已失效")
        return bill

    def begin(self, payment: Payment) -> Settled:
        """From now on this number is known; nothing is booked yet."""
        made = self._settled[payment.settle_no] = Settled("WAIT", payment)
        return made

    def book(self, settled: Settled) -> Settled:
        """Book what was begun. Refusal when the lock is gone meanwhile."""
        payment = settled.payment
        assert payment is not None
        bill = self.payable(payment.bill_no, payment.lock_no)
        if payment.trade_mode == MODE:
            self.cards.take(bill.person.id, payment.cash)
        self.stays.use(bill.no, payment.settle_no, payment.deposit)
        self._end_lock(bill.no, "used")
        return self._enter(settled, bill)

    def _enter(self, settled: Settled, bill: Bill) -> Settled:
        payment = settled.payment
        assert payment is not None
        bill.state = "paid"
        settled.state, settled.receipt_no = "PAID", self._receipt_no()
        settled.pay_time = self._party.world.stamp()
        settled.row = self._ledger.add(
            "book", no=payment.settle_no, party_no=settled.receipt_no, amount=payment.amount, bill=bill.no,
            ref=str(payment.cash),
        )
        return settled

    def _receipt_no(self) -> str:
        self._receipts += 1
        return f"R{self._party.world.stamp('%Y%m%d')}{self._receipts:06d}"

    def settled(self, settle_no: str) -> Settled:
        """What the desk knows of a settlement number; state NONE when nothing."""
        return self._settled.get(settle_no, Settled("NONE"))

    def paid_of(self, patient: str) -> list[tuple[str, str, int]]:
        """(number, receipt, fen) of what stands paid for a patient."""
        return [
            (no, one.receipt_no, one.payment.amount) for no, one in self._settled.items()
            if one.state == "PAID" and one.payment and self.bills[one.payment.bill_no].person.id == patient
        ]  # fmt: skip

    def void(self, settle_no: str, void_no: str, reason: str) -> None:
        """Take a settlement back, the bill is open again; an unknown number is remembered as void."""
        self.unbook(settle_no, void_no, self.voidable(settle_no))

    def voidable(self, settle_no: str) -> Settled:
        """What stands under this number and may be taken back; Refusal otherwise, which buries an unknown number."""
        known = self._settled.get(settle_no)
        if known is None:
            self._settled[settle_no] = Settled("VOID")
            raise Refusal("NOT_FOUND", "未找到该结算，结算号已作废")
        if known.state == "VOID":
            raise Refusal("ALREADY_VOID", "该结算已作废")
        if self._habits.refund_at_window_only:
            raise Refusal("WINDOW_ONLY", "请到窗口办理退费")
        return known

    def unbook(self, settle_no: str, void_no: str, known: Settled) -> None:
        """The number is void; a bill that was booked is open again."""
        known.state = "VOID"
        if known.row is None or known.payment is None:
            return
        bill = self.bills[known.payment.bill_no]
        bill.state = "unpaid"
        self.stays.restore(bill.no, settle_no)
        if known.payment.trade_mode == MODE:
            self.cards.pay_in(bill.person.id, known.payment.cash)
        self._ledger.change(known.row, state="void")
        self._ledger.add(
            "void", no=void_no, party_no=known.receipt_no, amount=known.payment.amount,
            bill=known.payment.bill_no, ref=settle_no,
        )

    def collect_at_window(self, bill: Bill) -> str:
        """The cashier takes cash and books; a HIS that respects no lock lets the same bill be collected twice."""
        if bill.state == "void":
            raise ActRefused(f"bill {bill.no} is void")
        if self._habits.lock_respected and self.status(bill) != "unpaid":
            raise ActRefused(f"bill {bill.no} is {self.status(bill)}")
        bill.state = "paid"
        receipt = self._receipt_no()
        self._ledger.add("charge", no=receipt, party_no=receipt, amount=bill.amount, bill=bill.no, ref="window")
        return receipt

    def changeable(self, bill: Bill) -> Bill:
        """The doctor may still change or void it; ActRefused otherwise."""
        allowed = ("unpaid",) if self._habits.lock_respected else ("unpaid", "locked")
        if (status := self.status(bill)) not in allowed:
            raise ActRefused(f"bill {bill.no} is {status}")
        return bill
