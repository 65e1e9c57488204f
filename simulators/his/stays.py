"""Stays in hospital: 电子住院证, 入院登记, the fees of a stay, 预交金 and what becomes of it at the discharge.

A stay's fees are a bill of the settlement desk under the stay's number (住院号), so locks, bookings and voids of
a discharge are those of any bill. The deposits stand beside it: what was paid in, less what was returned, less what a
discharge has used, is what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from simulators.base.ledger import Row
from simulators.base.party import ActRefused
from simulators.his.answers import Habits, Refusal
from simulators.his.bills import PRICES, Bill, BillLine
from simulators.town import DOCTORS, Person

if TYPE_CHECKING:
    from simulators.base.party import SimParty
    from simulators.his.desk import Desk

WAYS = frozenset({"1", "2", "3", "4", "5", "9"})  # 离院方式: 医嘱离院, 转院, 转社区, 非医嘱离院, 死亡, 其他


@dataclass(frozen=True)
class StayLine(BillLine):
    """A charge of a stay; one with a negative quantity takes back (part of) the line `origin`."""

    at: float = 0.0
    origin: str = ""


@dataclass
class StayBill(Bill):
    """All charges of one stay."""

    def charge(self, code: str, qty: str, origin: str, at: float) -> StayLine:
        """Append a line; ValueError for an unknown item, a quantity that is none, more taken back than is there."""
        if code not in PRICES:
            raise ValueError(f"no such item {code!r}; there are {', '.join(PRICES)}")
        try:
            count = Decimal(qty)
        except InvalidOperation:
            raise ValueError(f"not a quantity: {qty!r}") from None
        exponent = count.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -4 or not 0 < abs(count) < 100000:
            raise ValueError(f"quantity {qty!r}: not 0, at most four decimals")
        if count < 0:
            left = sum(x.qty for x in self.lines if origin in (x.line_no, getattr(x, "origin", "")))
            if not any(x.line_no == origin and x.item.code == code for x in self.lines) or left + count < 0:
                raise ValueError(f"origin {origin!r}: no such line of {code}, or less of it is left")
        made = StayLine(str(len(self.lines) + 1), PRICES[code], count, at, origin if count < 0 else "")
        self.lines.append(made)
        return made


@dataclass
class Deposit:
    """One 预交金 payment; amounts in fen. `no` is the payer's own number of it, `receipt` the HIS's."""

    no: str
    receipt: str
    amount: int
    mode: str
    trade: str
    trans: str
    at: float
    row: Row
    seq: int
    state: str = "PAID"
    returned: int = 0

    @property
    def left(self) -> int:
        """What was not returned, before any discharge has used it."""
        return self.amount - self.returned if self.state == "PAID" else 0


@dataclass
class Stay:
    """A 电子住院证, and the stay that came of it. `state`: issued, admitted, leaving, left, void."""

    admission_no: str
    person: Person
    doctor: str
    icd: str
    icd_name: str
    issued_at: float
    suggested: int
    state: str = "issued"
    inhos_no: str = ""
    register_no: str = ""
    at: float = 0.0
    bed: str = ""
    contact: str = ""
    tel: str = ""
    insurance: Mapping[str, str] | None = None
    leave: dict[str, Any] | None = None
    bill: StayBill | None = None
    deposits: list[Deposit] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)  # by settleNo: what that discharge took from the deposits
    row: Row | None = None

    def left(self) -> int:
        """What the deposits still hold, fen."""
        return sum(one.left for one in self.deposits) - sum(self.used.values())


class Stays:
    """Everything about stays; the settlement desk asks it when a stay's bill is booked or taken back."""

    def __init__(self, party: SimParty, desk: Desk, habits: Habits) -> None:
        self._party, self._desk, self._habits = party, desk, habits
        self.by_admission: dict[str, Stay] = {}
        self.by_no: dict[str, Stay] = {}
        self._registered: dict[str, Stay | None] = {}  # by registerNo; None: cancelled, or buried before it came
        self._deposits: dict[str, tuple[Stay, Deposit] | None] = {}  # by depositNo; None: buried
        self._backs: dict[str, tuple[str, str, int]] = {}  # by backNo: stay, receipt, fen
        self._count = self._receipts = 0
        desk.stays = self

    # What people in the hospital do

    def issue(self, person: Person, doctor: str, suggested: int) -> Stay:
        """A doctor issues a 电子住院证."""
        if doctor not in DOCTORS:
            raise ValueError(f"no such doctor {doctor!r}; there are {', '.join(DOCTORS)}")
        self._count += 1
        no = f"RY20261122{self._count:03d}"  # as the town's bills are numbered: the same on every day
        made = Stay(no, person, doctor, "K08.101", "牙列缺损", self._party.world.now(), suggested)
        self.by_admission[no] = made
        return made

    def charge(self, stay_no: str, item: str, qty: str, origin: str) -> StayLine:
        """A nurse charges an item, or gives one back."""
        bill = self.changeable(stay_no).bill
        assert bill is not None
        return bill.charge(item, qty, origin, self._party.world.now())

    def order_discharge(self, stay_no: str, way: str) -> Stay:
        """The doctor orders the discharge: from now on it may be settled."""
        stay = self.changeable(stay_no)
        if way not in WAYS:
            raise ValueError(f"way: one of {', '.join(sorted(WAYS))}")
        stay.leave = {"time": self._party.world.now(), "way": way}
        stay.state = "leaving"
        return stay

    def keep_in(self, stay_no: str) -> Stay:
        """The doctor takes the order back."""
        stay = self.changeable(stay_no)
        stay.leave, stay.state = None, "admitted"
        return stay

    def changeable(self, stay_no: str) -> Stay:
        """A stay whose fees may still change; ActRefused otherwise."""
        stay = self.by_no.get(stay_no)
        if stay is None or stay.bill is None:
            raise ValueError(f"stay: no {stay_no!r}; there are {', '.join(self.by_no)}")
        self._desk.changeable(stay.bill)
        return stay

    # Registration

    def find(self, admission_no: str, inhos_no: str) -> Stay:
        stay = self.by_no.get(inhos_no) if inhos_no else self.by_admission.get(admission_no)
        if stay is None:
            raise Refusal("STAY_NOT_FOUND", "没有找到电子住院证或住院登记")
        return stay

    def register(self, admission_no: str, register_no: str, contact: str, tel: str) -> Stay:
        """入院登记, once per registerNo; a 电子住院证 is used once."""
        if register_no in self._registered:
            known = self._registered[register_no]
            if known is None:
                raise Refusal("REGISTER_VOID", "该登记号已作废")
            if known.admission_no != admission_no or (known.contact, known.tel) != (contact, tel):
                raise Refusal("DUPLICATE_DIFFERENT", "登记号重复且内容不同")
            return known
        stay = self.find(admission_no, "")
        if stay.state == "void":
            raise Refusal("ADMISSION_VOID", "电子住院证已作废")
        if stay.state != "issued":
            raise Refusal("ADMISSION_USED", "电子住院证已办理入院")
        self._count += 1
        world = self._party.world
        stay.inhos_no, stay.register_no = f"ZY{world.stamp('%Y%m%d')}{self._count:04d}", register_no
        stay.state, stay.at, stay.contact, stay.tel = "admitted", world.now(), contact, tel
        stay.bed = f"{self._count:02d}"
        stay.bill = StayBill(stay.inhos_no, stay.person, stay.doctor, stay.icd, stay.icd_name, stay.at)
        self.by_no[stay.inhos_no] = self._registered[register_no] = stay
        self._desk.bills[stay.inhos_no] = stay.bill  # no bill of the outpatient list
        stay.row = self._party.ledger.add(
            "register", no=register_no, party_no=stay.inhos_no, amount=0, state="open", bill=stay.inhos_no,
        )
        return stay

    def registered(self, register_no: str) -> tuple[str, Stay | None]:
        """REGISTERED, VOID or NONE, and the stay."""
        if register_no not in self._registered:
            return "NONE", None
        stay = self._registered[register_no]
        return ("REGISTERED", stay) if stay is not None else ("VOID", None)

    def cancel(self, register_no: str) -> None:
        """Take a registration back; the 电子住院证 may be used again. An unknown number is buried."""
        state, stay = self.registered(register_no)
        if state == "NONE":
            self._registered[register_no] = None
            raise Refusal("NOT_FOUND", "未找到该登记，登记号已作废")
        if stay is None:
            raise Refusal("ALREADY_VOID", "该登记已作废")
        assert stay.bill is not None
        if stay.left() or stay.bill.lines or stay.insurance:
            raise Refusal("STAY_IN_USE", "已有预交金、费用或医保登记，不能取消入院")
        self._registered[register_no] = None
        del self.by_no[stay.inhos_no], self._desk.bills[stay.inhos_no]
        if stay.row is not None:
            self._party.ledger.change(stay.row, state="cancelled")
        stay.state, stay.inhos_no, stay.register_no, stay.bill, stay.row = "issued", "", "", None, None

    def insure(self, inhos_no: str, insurance: Mapping[str, str]) -> None:
        """Under which visit the insurance knows the stay; without a visit: no longer."""
        self.find("", inhos_no).insurance = dict(insurance) if insurance.get("mdtrtId") else None

    # Deposits

    def pay_in(self, inhos_no: str, no: str, amount: int, mode: str, trade: str, trans: str) -> Deposit:
        """Book a 预交金, once per depositNo."""
        if no in self._deposits:
            known = self._deposits[no]
            if known is None or known[1].state == "VOID":
                raise Refusal("SETTLE_VOID", "该预交金号已作废")
            stay, made = known
            same = (stay.inhos_no, made.amount, made.mode, made.trade, made.trans)
            if same != (inhos_no, amount, mode, trade, trans):
                raise Refusal("DUPLICATE_DIFFERENT", "预交金号重复且内容不同")
            if self._habits.duplicates == "refuse":
                raise Refusal("DUPLICATE", "重复的预交金请求")
            return made
        stay = self.find("", inhos_no)
        if stay.state == "left":
            raise Refusal("STAY_LEFT", "已出院结算，不能再缴预交金")
        if amount <= 0:
            raise Refusal("PARAM_INVALID", "参数amount应大于0", field="amount")
        self._receipts += 1
        world = self._party.world
        receipt = f"YJ{world.stamp('%Y%m%d')}{self._receipts:06d}"
        row = self._party.ledger.add(
            "deposit", no=no, party_no=receipt, amount=amount, state="done", bill=inhos_no, ref=str(amount)
        )
        made = Deposit(no, receipt, amount, mode, trade, trans, world.now(), row, len(stay.deposits) + 1)
        stay.deposits.append(made)
        self._deposits[no] = (stay, made)
        return made

    def deposit(self, no: str) -> tuple[str, Stay | None, Deposit | None]:
        """PAID, VOID or NONE; the stay and the deposit when one was booked."""
        if no not in self._deposits:
            return "NONE", None, None
        known = self._deposits[no]
        return ("VOID", None, None) if known is None else (known[1].state, *known)

    def void_deposit(self, no: str, void_no: str) -> None:
        """Take a 预交金 back whole, while it is whole; an unknown number is buried."""
        state, stay, made = self.deposit(no)
        if state == "NONE":
            self._deposits[no] = None
            raise Refusal("NOT_FOUND", "未找到该预交金，号码已作废")
        if state == "VOID":
            raise Refusal("ALREADY_VOID", "该预交金已作废")
        assert stay is not None
        assert made is not None
        if self._habits.refund_at_window_only:
            raise Refusal("WINDOW_ONLY", "请到窗口办理退费")
        if made.returned or stay.left() < made.amount:
            raise Refusal("DEPOSIT_USED", "预交金已使用或已退还，不能作废")
        made.state = "VOID"
        self._party.ledger.change(made.row, state="void")
        self._party.ledger.add(
            "void", no=void_no, party_no=made.receipt, amount=made.amount, bill=stay.inhos_no, ref=no
        )

    def give_back(self, inhos_no: str, receipt: str, no: str, amount: int, kind: str = "deposit_back") -> None:
        """Book what of a deposit goes back to the payer, once per backNo. `kind`: of the ledger's row."""
        if no in self._backs:
            if self._backs[no] != (inhos_no, receipt, amount):
                raise Refusal("DUPLICATE_DIFFERENT", "退还号重复且内容不同")
            return
        stay = self.find("", inhos_no)
        made = next((one for one in stay.deposits if one.receipt == receipt), None)
        if made is None:
            raise Refusal("DEPOSIT_NOT_FOUND", "没有找到该预交金收据")
        if not 0 < amount <= min(made.left, stay.left()):
            raise Refusal("NOT_ENOUGH_BALANCE", "预交金余额不足")
        made.returned += amount
        self._backs[no] = (inhos_no, receipt, amount)
        self._party.ledger.add(
            kind, no=no, party_no=receipt, amount=amount, state="done", bill=inhos_no, ref=made.no
        )

    def given_back(self, no: str) -> bool:
        return no in self._backs

    # What the settlement desk asks

    def enough(self, bill_no: str, fen: int) -> None:
        """Refusal when a booking wants more from the deposits than they hold, or the discharge is not ordered."""
        stay = self.by_no.get(bill_no)
        if stay is None:
            if fen:
                raise Refusal("PARAM_INVALID", "只有住院结算可以使用预交金", field="deposit")
            return
        if stay.state != "leaving":
            raise Refusal("STAY_NOT_LEAVING", "医师尚未开立出院医嘱")
        if fen > stay.left():
            raise Refusal("NOT_ENOUGH_BALANCE", "预交金余额不足")

    def use(self, bill_no: str, settle_no: str, fen: int) -> None:
        """The discharge is booked."""
        stay = self.by_no.get(bill_no)
        if stay is not None:
            stay.used[settle_no] = fen
            stay.state = "left"

    def restore(self, bill_no: str, settle_no: str) -> None:
        """The discharge is void: the patient is as before it, the deposits hold again what it had used."""
        stay = self.by_no.get(bill_no)
        if stay is not None and stay.used.pop(settle_no, None) is not None:
            stay.state = "leaving"

    def pay_out(self, inhos_no: str) -> int:
        """The cashier pays out what is left after the discharge; ActRefused when there is nothing."""
        stay = self.by_no.get(inhos_no)
        if stay is None or stay.state != "left" or stay.left() <= 0:
            raise ActRefused(f"stay {inhos_no}: nothing to pay out")
        paid = 0
        for made in reversed(stay.deposits):
            part = min(made.left, stay.left())
            if part > 0:
                self._receipts += 1
                self.give_back(inhos_no, made.receipt, f"WIN{self._receipts:06d}", part, "notice")
                paid += part
        return paid
