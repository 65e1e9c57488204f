"""Orders, who may pay them, and what the insurance pays of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from simulators.base.ledger import Row
from simulators.base.world import SimWorld
from simulators.insurance.books import InsuranceLedger
from simulators.insurance.policy import POLICIES, terms_on
from simulators.insurance.rules import Amounts, Split, Used, line_amount, settle, split_line, used_after
from simulators.mobile_pay.envelope import Refusal
from simulators.town import ITEMS, PERSONS, Person

_LEVEL = "02"  # 三级甲等, as the national platform has this hospital
# ordStas. The groups are documented (0–2 under way, 3–6 settled, 7–13 taken back, 14–16 failed), the single values
# are what this town says.
UPLOADED, ORDERED, SETTLED, REFUNDED, REVOKED, FAILED = "0", "1", "6", "7", "12", "15"
PARTLY = "8"  # the insurance's part or the cash was given back
Body = dict[str, Any]


@dataclass
class Grant:
    """A payAuthNo or ecToken a patient's phone got."""

    person: Person
    until: float


@dataclass
class Order:
    """One uploaded bill. `back`: fen given back so far (fund, account, cash)."""

    number: str
    token: str
    med_org_ord: str
    person: Person
    content: str
    amounts: Amounts
    until: float
    state: str = UPLOADED
    use_account: bool = False
    mixed: bool = False  # the cash is WeChat's: the order is settled on its word
    row: Row | None = None
    trace: str = ""
    back: list[int] = field(default_factory=lambda: [0, 0, 0])
    refunds: dict[str, Body] = field(default_factory=dict)

    @property
    def paid(self) -> list[int]:
        a = self.amounts
        return [a.pool, a.account, 0 if self.mixed else a.cash]


class Book:
    """All orders of one platform."""

    def __init__(self, world: SimWorld, ledger: InsuranceLedger) -> None:
        self.world, self.ledger = world, ledger
        self.orders: dict[str, Order] = {}
        self.by_hospital: dict[str, Order] = {}
        self.grants: dict[str, Grant] = {}
        self.used: dict[tuple[str, str], Used] = {}
        self.spent: dict[str, int] = {}  # personal account, fen
        self.items = {item.national: item for item in ITEMS}

    def grant(self, person: Person, seconds: float) -> str:
        """A new payAuthNo."""
        number = f"AUTH{self.world.rng.getrandbits(96):024x}"
        self.grants[number] = Grant(person, self.world.now() + seconds)
        return number

    def holder(self, number: str) -> Person:
        found = self.grants.get(number)
        if found is None or found.until <= self.world.now():
            raise Refusal("20001", "支付授权码无效或已过期").at("payAuthNo", "one that lives", number)
        return found.person

    def upload(self, body: Body, content: str, seconds: float) -> Order:
        """6201: a repeat of the same content is the same order, which lives for so many seconds unpaid."""
        before = self.by_hospital.get(body["medOrgOrd"])
        if before is not None and before.state in (UPLOADED, ORDERED):
            if before.content != content:
                raise Refusal("20002", "机构订单号重复").at("medOrgOrd", "new for other content", body["medOrgOrd"])
            return before
        if before is not None:
            raise Refusal("20002", "机构订单号重复").at("medOrgOrd", "a new number", body["medOrgOrd"])
        person = self.holder(str(body.get("payAuthNo") or body.get("ecToken")))
        if person.id_no != body["idNo"] or person.name != body["userName"]:
            raise Refusal("20003", "授权人与就诊人不一致").at("idNo", "the holder's", body["idNo"])
        split = self._split(body)
        stamp, use = self.world.stamp("%Y%m%d%H%M%S"), body["acctUsedFlag"] == "1"
        made = Order(
            f"ORD370200{stamp}{len(self.orders) + 1:07d}", f"{self.world.rng.getrandbits(128):032x}", body["medOrgOrd"],
            person, content, self._amounts(person, split, use), self.world.now() + seconds, use_account=use,
        )  # fmt: skip
        self.orders[made.number] = self.by_hospital[made.med_org_ord] = made
        return made

    def _split(self, body: Body) -> Split:
        whole = Split()
        for place, line in enumerate(body["feedetailList"], 1):
            item = self.items.get(str(line.get("medListCodg")))
            if item is None:
                raise Refusal("20004", f"第{place}条明细医保目录编码不存在").at(
                    f"feedetailList[{place}].medListCodg", "a national code", line.get("medListCodg"))  # fmt: skip
            try:
                count, price = Decimal(str(line["cnt"])), Decimal(str(line["pric"]))
                amount = fen(str(line["detItemFeeSumamt"]))
            except (KeyError, InvalidOperation, ValueError):
                wrong = Refusal("20004", f"第{place}条明细数量、单价或金额格式错误")
                raise wrong.at(f"feedetailList[{place}]", "cnt, pric, detItemFeeSumamt") from None
            if line_amount(count, price) != amount:
                raise Refusal("20005", f"第{place}条明细金额不等于单价乘数量").at(
                    f"feedetailList[{place}].detItemFeeSumamt", "cnt × pric", line["detItemFeeSumamt"])  # fmt: skip
            whole = whole.plus(split_line(item, count, price, amount))
        if whole.total != fen(str(body["medfeeSumamt"])):
            raise Refusal("20006", f"明细合计{yuan(whole.total)}与医疗费总额不一致").at(
                "medfeeSumamt", yuan(whole.total), body["medfeeSumamt"])  # fmt: skip
        return whole

    def _amounts(self, person: Person, split: Split, use_account: bool) -> Amounts:
        row = next((one for one in person.insurance if one.status == "1"), None)
        pooled = row is not None and bool(person.signed_with) and not person.in_hospital and not person.day_ward
        day, year = self.world.stamp("%Y-%m-%d"), self.world.stamp("%Y")
        terms = terms_on(POLICIES, day, row.insutype, _LEVEL) if pooled and row else None
        used = self.used.get((person.psn_no, year), Used())
        return settle(split, terms, used, use_account=use_account, balance=self.balance(person))

    def balance(self, person: Person) -> int:
        opening = sum(one.balance_fen for one in person.insurance if one.status == "1")
        return opening - self.spent.get(person.psn_no, 0)

    def find(self, number: str, token: str | None = None) -> Order:
        """By payOrdId, and payToken where one is asked for."""
        order = self.orders.get(number)
        if order is None or (token is not None and token != order.token):
            raise Refusal("20007", "支付订单不存在").at("payOrdId", "an order and its payToken", number)
        self.age(order)
        return order

    def age(self, order: Order) -> None:
        """An order that nobody paid in its time has failed."""
        if order.state in (UPLOADED, ORDERED) and self.world.now() >= order.until:
            self._end(order, FAILED)

    def place(self, order: Order, *, mixed: bool = False) -> None:
        """6202: the patient is asked for the money, here or by WeChat (`mixed`)."""
        if order.state == ORDERED:
            return
        if order.state != UPLOADED:
            raise Refusal("20008", "订单状态不允许支付").at("payOrdId", "an order not yet ended", order.state)
        order.state, order.mixed = ORDERED, mixed
        order.amounts = self._amounts(order.person, order.amounts.split, order.use_account)
        order.row = self.ledger.add(
            "order", no=order.med_org_ord, party_no=order.number, amount=order.amounts.split.total, state="open"
        )

    def pay(self, order: Order) -> None:
        """The patient gave the password: insurance and cash at one stroke."""
        order.state, order.trace = SETTLED, self.world.stamp("%Y-%m-%d %H:%M:%S")
        if order.row is not None:
            self.ledger.change(order.row, state="done")
        order.row = self.ledger.add_settlement(
            "settle", order.amounts, no=order.med_org_ord, party_no=order.number, bill="", ref=order.number
        )
        self._count(order, order.amounts)

    def _count(self, order: Order, amounts: Amounts) -> None:
        who, year = order.person.psn_no, self.world.stamp("%Y")
        self.used[who, year] = used_after(self.used.get((who, year), Used()), amounts)
        self.spent[who] = self.spent.get(who, 0) + amounts.account

    def fail(self, order: Order) -> None:
        """The patient walked away or the insurance said no."""
        self._end(order, FAILED)

    def revoke(self, order: Order) -> None:
        """6401."""
        if order.state in (REVOKED, FAILED):
            return
        if order.state not in (UPLOADED, ORDERED):
            raise Refusal("20009", "订单已支付，不能撤销").at("payOrdId", "an unpaid order", order.state)
        self._end(order, REVOKED)
        self.ledger.add("close", no=order.med_org_ord, party_no=order.number)

    def _end(self, order: Order, state: str) -> None:
        order.state = state
        if order.row is not None:
            self.ledger.change(order.row, state="closed")

    def refund(self, order: Order, body: Body) -> Body:
        """6203: by kind ALL (every part, to the fen), HI (fund and account) or CASH. Its repeat gets its answer."""
        number = body["appRefdSn"]
        if number in order.refunds:
            return order.refunds[number]
        if order.state not in (SETTLED, PARTLY):
            raise Refusal("20010", "订单未支付或已全部退款").at("payOrdId", "a settled order", order.state)
        parts = [fen(str(body[name])) for name in ("fundRefdAmt", "psnAcctRefdAmt", "cashRefdAmt")]
        left = [paid - back for paid, back in zip(order.paid, order.back, strict=True)]
        wanted = {"ALL": left, "HI": [left[0], left[1], 0], "CASH": [0, 0, parts[2]]}.get(body["refdType"])
        if wanted is None or parts != wanted or parts[2] > left[2] or sum(parts) != fen(str(body["totlRefdAmt"])):
            raise Refusal("20011", "退款金额与原交易不一致").at("totlRefdAmt", f"{wanted}", f"{parts}")
        order.back = [a + b for a, b in zip(order.back, parts, strict=True)]
        order.state = REFUNDED if order.back == order.paid else PARTLY
        if body["refdType"] != "CASH":
            self._count(order, order.amounts.negative(0))
        if order.row is not None and order.state == REFUNDED:
            self.ledger.change(order.row, state="cancelled")
        self.ledger.add("cancel", no=number, party_no=order.number, amount=-sum(parts), ref=order.med_org_ord)
        order.refunds[number] = {"payOrdId": order.number, "appRefdSn": number, "refStatus": "SUCC"}
        return order.refunds[number]


def told(order: Order) -> Body:
    """What 6202, 6301 and 6302 say of an order: no amounts before it is settled, except of a mixed one that waits."""
    made: Body = {"payOrdId": order.number, "ordStas": order.state, "medOrgOrd": order.med_org_ord}
    if order.state in (UPLOADED, FAILED, REVOKED) or (order.state == ORDERED and not order.mixed):
        return made
    a = order.amounts
    return {
        **made, "feeSumamt": yuan(a.split.total), "ownPayAmt": yuan(a.cash), "psnAcctPay": yuan(a.account),
        "fundPay": yuan(a.pool), "deposit": "0.00", "othFeeAmt": "0.00", "hospPartAmt": "0.00",
        "setlType": "HI" if order.mixed else "ALL",
        "callType": "0", "traceTime": order.trace, "revsToken": order.token[::-1],
    }  # fmt: skip


def fen(text: str) -> int:
    """Yuan as fen; ValueError or InvalidOperation for anything else."""
    amount = Decimal(text) * 100
    if amount != int(amount):
        raise ValueError(text)
    return int(amount)


def yuan(amount: int) -> str:
    sign, rest = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{rest // 100}.{rest % 100:02d}"


def person_of(text: str) -> Person | None:
    """By HIS number."""
    return next((one for one in PERSONS if one.id == text), None)
