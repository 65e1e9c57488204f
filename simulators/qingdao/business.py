"""The transactions: persons are read, a personal account is charged and given back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulators.base.ledger import Row
from simulators.base.world import SimWorld
from simulators.insurance.books import InsuranceLedger
from simulators.insurance.rules import Amounts, Split
from simulators.town import Person, everybody

HOSPITAL = "37001"
COMMUNITY = "37099"
DONE, NO_MONEY, NOT_POSSIBLE, BURIED, REPEATED = "0001", "0002", "0003", "0004", "0005"


class Refusal(Exception):
    """A message that is not executed: back code of the header, and words."""

    def __init__(self, text: str, code: str = "E0003") -> None:
        super().__init__(text)
        self.text, self.code = text, code


class NotPaid(Exception):
    """A payment or its undoing that is not executed: the state in the body, and words."""

    def __init__(self, state: str, text: str) -> None:
        super().__init__(text)
        self.state, self.text = state, text


@dataclass(slots=True)
class Paid:
    """A payment. `number`: the caller's; `state`: done or cancelled."""

    number: str
    serial: str
    transaction: str
    person: Person
    body: dict[str, str]
    amounts: Amounts
    at: str
    row: Row
    answer: dict[str, Any]
    state: str = "done"


class Platform:
    """The memory of the platform. `amounts`: how amounts stand in messages, yuan or fen; `charset` of all messages."""

    def __init__(self, world: SimWorld, ledger: InsuranceLedger) -> None:
        self.world, self.ledger = world, ledger
        self.people = everybody()
        self.balances: dict[str, int] = {}
        self.stays = {p.psn_no for p in self.people.values() if p.in_hospital}
        self.signed = {p.psn_no: bool(p.signed_with) for p in self.people.values()}
        self.paid: dict[str, Paid] = {}  # by the caller's number
        self.buried: set[str] = set()
        self.count = 0
        self.amounts, self.charset = "yuan", "GBK"

    def holder(self, **wanted: str) -> Person:
        """The insured person with this card, id number or person number."""
        name, value = next(iter(wanted.items()))
        for person in self.people.values():
            own = getattr(person, name)
            if person.insurance and value == (own[-16:] if name == "psn_no" else own):  # sixteen bytes of it travel
                return person
        raise Refusal("未查询到人员信息")

    def balance(self, person: Person) -> int:
        opening = next((one.balance_fen for one in person.insurance if one.status == "1"), 0)
        return self.balances.get(person.psn_no, opening)

    def fen(self, text: str) -> int:
        """An amount of a message."""
        return int(text) if self.amounts == "fen" else int(Decimal(text) * 100)

    def told(self, fen: int) -> str:
        """An amount as it stands in a message."""
        return str(fen) if self.amounts == "fen" else f"{fen // 100}.{fen % 100:02d}"


def person(platform: Platform, number: str, body: dict[str, str]) -> dict[str, Any]:
    """CX001, CX002: who it is, where designated, staying and signed."""
    if body.get("card", body.get("id_no", "")) == "":
        raise Refusal("卡号或身份证号不能为空")
    who = platform.holder(card_no=body["card"]) if "card" in body else platform.holder(id_no=body["id_no"])
    active = next((one for one in who.insurance if one.status == "1"), None)
    made = {
        "person_no": who.psn_no[-16:], "id_no": who.id_no, "name": who.name, "sex": who.gender,
        "birth": who.birth.replace("-", ""), "unit_no": "3702000001", "unit_name": "模拟单位", "area": "市南区",
        "kind": "在职职工" if active and active.insutype == "310" else "居民",
        "hospital1": HOSPITAL, "hospital1_kind": "1", "months": ("1" if active else "2") * 12,
    }  # fmt: skip
    if who.psn_no in platform.stays:
        made |= {"stay_hospital": "模拟综合医院", "stay_kind": "普通住院", "stay_from": "20261118", "stay_no": "ZY0001"}
    if platform.signed[who.psn_no]:
        made |= {
            "signed_with": COMMUNITY, "signed_kind": "2", "signed_from": who.signed_from.replace("-", ""),
            "signed_to": "20270104", "treated_from": who.signed_from.replace("-", ""), "treated_to": "20270104",
        }  # fmt: skip
    return made


def chronic(platform: Platform, number: str, body: dict[str, str]) -> dict[str, Any]:
    """CX005: nobody of the town has such a certificate, but P0007."""
    who = platform.holder(id_no=body["id_no"])
    made: dict[str, Any] = {"person_no": who.psn_no[-16:]}
    if who.id == "P0007":
        made |= {"no1": "DB00000001", "disease1": "高血压三期", "from1": "20260101", "to1": "20261231"}
    return made


def balance(platform: Platform, number: str, body: dict[str, str]) -> dict[str, Any]:
    """YL002: what is in the account."""
    who = platform.holder(psn_no=body["person_no"])
    return {"state": DONE, "text": "成功", "balance": platform.told(platform.balance(who))}


def pay(platform: Platform, number: str, body: dict[str, str]) -> dict[str, Any]:
    """YL001: the account pays its part of an order. A number takes effect once; its repeat gets the first answer."""
    before = platform.paid.get(number)
    if before is not None:
        if before.body != body:
            raise NotPaid(REPEATED, "流水号重复")
        return before.answer
    if not number or number in platform.buried:
        raise NotPaid(BURIED, "该流水号已撤销,不能再次支付")
    who = platform.holder(psn_no=body["person_no"])
    if body["card"] != who.card_no or body["name"] != who.name:
        raise NotPaid(NOT_POSSIBLE, "持卡人与就诊人不一致")
    if not body["dept"]:
        raise NotPaid(NOT_POSSIBLE, "科室未对照")
    total, amount = platform.fen(body["total"]), platform.fen(body["amount"])
    if not 0 < amount <= total or platform.fen(body["account"]) != amount:
        raise NotPaid(NOT_POSSIBLE, "金额不正确")
    if amount > platform.balance(who):
        raise NotPaid(NO_MONEY, "个人账户余额不足")
    return _paid(platform, number, body, who, total, amount)


def _paid(
    platform: Platform, number: str, body: dict[str, str], who: Person, total: int, amount: int
) -> dict[str, Any]:
    platform.count += 1
    left = platform.balance(who) - amount
    platform.balances[who.psn_no] = left
    amounts = Amounts(Split(total, scope=total), account=amount, cash=total - amount, balance=left)
    serial, transaction = f"QD{platform.count:010d}", f"T{platform.world.stamp('%Y%m%d')}{platform.count:08d}"
    at = platform.world.stamp("%Y%m%d/%H%M%S/")
    answer = {
        "state": DONE, "text": "交易成功", "serial": serial, "cost": platform.told(amount), "time": at,
        "balance": platform.told(left), "transaction": transaction, "batch": "000001",
        "trace": f"{platform.count:06d}", "reference": f"{platform.count:012d}", "id_no": who.id_no,
    }  # fmt: skip
    row = platform.ledger.add_settlement("settle", amounts, no=number, party_no=serial, bill="", ref=transaction)
    platform.paid[number] = Paid(number, serial, transaction, who, body, amounts, at, row, answer)
    return answer


def cancel(platform: Platform, number: str, body: dict[str, str]) -> dict[str, Any]:
    """YL003: by their transaction number, or by the number the payment came under; that number is dead from then on,
    also when it was never seen."""
    wanted = body["transaction"]
    found = next((one for one in platform.paid.values() if wanted in (one.number, one.transaction)), None)
    if found is None:
        if not wanted or body["serial"]:
            raise NotPaid(NOT_POSSIBLE, "未找到原交易")
        platform.buried.add(wanted)
        platform.ledger.add("reverse", no=number, ref=wanted)
        return {"state": DONE, "text": "原交易未发生,已关闭"}
    if body["serial"] and body["serial"] != found.serial:
        raise NotPaid(NOT_POSSIBLE, "流水号与交易号不一致")
    if platform.fen(body["amount"]) != found.amounts.account:
        raise NotPaid(NOT_POSSIBLE, "撤销金额与原交易不一致")
    platform.buried.add(found.number)
    if found.state == "done":
        found.state = "cancelled"
        back = platform.balance(found.person) + found.amounts.account
        platform.balances[found.person.psn_no] = back
        platform.ledger.change(found.row, state="cancelled")
        platform.ledger.add_settlement(
            "cancel", found.amounts.negative(back), no=number, party_no=found.serial, bill="", ref=found.transaction
        )
    return {"state": DONE, "text": "撤销成功", "serial": found.serial}


def query(platform: Platform, number: str, body: dict[str, str]) -> dict[str, Any]:
    """YL004: what became of a payment. result: 0000 没有, 0001 成功, 0002 已撤销."""
    original = body["original"]
    found = platform.paid.get(original)
    made: dict[str, Any] = {"state": DONE, "text": "成功", "original": original}
    if found is None:
        return {**made, "result": "0002" if original in platform.buried else "0000", "cost": platform.told(0),
                "balance": platform.told(0)}  # fmt: skip
    return {
        **made, "result": "0001" if found.state == "done" else "0002", "serial": found.serial, "time": found.at,
        "cost": platform.told(found.amounts.account), "balance": platform.told(platform.balance(found.person)),
        "transaction": found.transaction,
    }  # fmt: skip


Run = Callable[[Platform, str, dict[str, str]], dict[str, Any]]
TRANSACTIONS: dict[str, tuple[str, Run]] = {
    "CX001": ("联机查询人员信息", person),
    "CX002": ("按身份证号查询人员", person),
    "CX005": ("查询门诊大病证", chronic),
    "YL001": ("订单支付", pay),
    "YL002": ("查询账户余额", balance),
    "YL003": ("撤销支付", cancel),
    "YL004": ("查询支付结果", query),
}
