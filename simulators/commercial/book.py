"""The insurer's own book: who is insured how, what a policy pays of a bill, and every claim with its fate."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from simulators.base.ledger import Row
from simulators.commercial.envelope import Refusal
from simulators.town import PERSONS, Person

if TYPE_CHECKING:
    from simulators.base.party import SimParty

PAID, REVIEW, REJECTED, WITHDRAWN = "APPROVED", "PROCESSING", "REJECTED", "WITHDRAWN"
OWN_PAID = frozenset({"K0101", "K0102", "K0103"})  # cosmetic items and implants, which no policy here covers


@dataclass
class Policy:
    """`ratio` in per cent of what is left after the year's `deductible` (fen), up to `limit` (fen) a year.
    `why`: the code and words with which it pays nothing, "" when it pays. The last two count the year."""

    no: str
    holder: Person
    product: str
    ratio: int
    deductible: int
    limit: int
    status: str = "VALID"
    why: tuple[str, str] = ("", "")
    borne: int = 0  # of the deductible, this year
    paid: int = 0


def _policies() -> list[Policy]:
    one, two, three, _, five, six, *_ = PERSONS
    return [
        Policy("CP0001", one, "门急诊医疗保险", 80, 10000, 2000000),
        Policy("CP0002", two, "老年门诊补充医疗", 100, 0, 30000),
        Policy("CP0003", three, "门急诊医疗保险", 80, 0, 2000000, status="LAPSED", why=("3001", "保单已失效")),
        Policy("CP0005", five, "高端医疗保险", 100, 0, 50000000),
        Policy("CP0006", six, "门急诊医疗保险", 80, 0, 2000000, why=("3003", "保单在等待期内")),
    ]


@dataclass
class Claim:
    """One claim; `pay` and `borne` in fen: what is paid, and what of it counted for the deductible."""

    no: str
    party_no: str
    policy: Policy
    content: str
    pay: int
    borne: int
    state: str
    row: Row
    paid_out: bool = False


def fen(value: Any, name: str) -> int:
    """Yuan as text with two decimals, in fen."""
    try:
        amount = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or amount < 0 or amount != amount.quantize(Decimal("0.01")):
        raise Refusal("4000", f"金额{name}格式错误").at(name, "yuan as text, two decimals", value)
    return int(amount * 100)


def yuan(amount: int) -> str:
    """As the gateway writes amounts."""
    return f"{amount // 100}.{amount % 100:02d}"


@dataclass
class Book:
    """All of it; reset makes a new one."""

    party: SimParty
    policies: dict[str, Policy] = field(default_factory=lambda: {one.no: one for one in _policies()})
    claims: dict[str, Claim] = field(default_factory=dict)
    buried: set[str] = field(default_factory=set)
    withdrawn: dict[str, str] = field(default_factory=dict)  # withdrawNo → claimNo
    network: bool = True
    _drawn: int = 0

    def policy(self, body: dict[str, Any]) -> Policy:
        """The policy of a request, held by the person it names."""
        found = self.policies.get(str(body.get("policyNo", "")))
        if found is None:
            raise Refusal("3001", "保单不存在").at("policyNo", "a policy of this insurer", body.get("policyNo"))
        if body.get("idNo") != found.holder.id_no or body.get("name") != found.holder.name:
            raise Refusal("3001", "被保险人与保单不符").at("idNo, name", "the insured person of the policy")
        return found

    def worth(self, body: dict[str, Any]) -> tuple[Policy, int, int]:
        """What a bill is worth: the policy, what it pays, what of the bill fills the deductible (fen)."""
        policy = self.policy(body)
        if not self.network:
            raise Refusal("3006", "该医院不在直赔网络")
        if policy.why[0]:
            raise Refusal(*policy.why)
        total, own = fen(body.get("totalAmount"), "totalAmount"), fen(body.get("selfPayAmount"), "selfPayAmount")
        basic = fen(body.get("basicAmount"), "basicAmount")
        if total != own + basic:
            wanted = yuan(total - basic)
            raise Refusal("3005", "各项金额之和不等于总费用").at("selfPayAmount", wanted, body.get("selfPayAmount"))
        lines = body.get("items")
        if not isinstance(lines, list) or not lines or not all(isinstance(one, dict) for one in lines):
            raise Refusal("4000", "费用明细不能为空").at("items", "a list of lines")
        if sum(fen(one.get("amount"), "items.amount") for one in lines) != total:
            raise Refusal("3005", "明细合计不等于总费用").at("items", f"amounts that add up to {yuan(total)}")
        excluded = sum(fen(one["amount"], "items.amount") for one in lines if one.get("code") in OWN_PAID)
        scope = max(0, own - excluded)
        borne = min(scope, max(0, policy.deductible - policy.borne))
        pay = min((scope - borne) * policy.ratio // 100, policy.limit - policy.paid)
        if scope and policy.limit <= policy.paid:
            raise Refusal("3004", "年度限额已用完")
        if not scope:
            raise Refusal("3002", "费用不在保险责任范围内")
        return policy, pay, borne

    def claim(self, body: dict[str, Any], *, review: bool) -> Claim:
        """Once per claimNo: the same again is the same claim, other content is refused."""
        no, content = str(body.get("claimNo", "")), json.dumps(body, sort_keys=True, default=str)
        if not no or len(no) > 40:
            raise Refusal("4000", "理赔号不能为空").at("claimNo", "1 to 40 characters", no)
        if no in self.buried:
            raise Refusal("2002", "理赔号已撤销")
        known = self.claims.get(no)
        if known is not None:
            if known.content != content:
                raise Refusal("2001", "理赔号重复且内容不一致").at("claimNo", "a new number for other content", no)
            return known
        policy, pay, borne = self.worth(body)
        if yuan(pay) != body.get("expectAmount"):
            wrong = Refusal("3005", "申请金额与核定金额不一致，请重新试算")
            raise wrong.at("expectAmount", yuan(pay), body.get("expectAmount"))
        self._drawn += 1
        party_no = f"CL{self.party.world.stamp('%Y%m%d')}{self._drawn:06d}"
        row = self.party.ledger.add(
            "settle", no=no, party_no=party_no, amount=pay, state="processing" if review else "done",
            bill=str(body.get("billNo", "")), ref=policy.no,
        )  # fmt: skip
        claim = self.claims[no] = Claim(no, party_no, policy, content, pay, borne, REVIEW, row)
        if not review:
            self.approve(claim)
        return claim

    def approve(self, claim: Claim) -> None:
        """It is paid: the year's counters move."""
        claim.state = PAID
        claim.policy.paid += claim.pay
        claim.policy.borne += claim.borne
        self.party.ledger.change(claim.row, state="done")

    def reject(self, claim: Claim) -> None:
        """A person at the insurer says no to a claim under review."""
        claim.state = REJECTED
        self.party.ledger.change(claim.row, state="closed")

    def withdraw(self, body: dict[str, Any]) -> str:
        """Take a claim back, or bury a number that never arrived. Its state afterwards."""
        no, number = str(body.get("claimNo", "")), str(body.get("withdrawNo", ""))
        if not no or not number:
            raise Refusal("4000", "理赔号、撤销号不能为空").at("claimNo, withdrawNo", "text, required")
        if self.withdrawn.get(number, no) != no:
            raise Refusal("2001", "撤销号重复且内容不一致").at("withdrawNo", "a new number for another claim", number)
        if number in self.withdrawn:
            return WITHDRAWN
        claim = self.claims.get(no)
        if claim is None:
            self.buried.add(no)
            self.withdrawn[number] = no
            return WITHDRAWN
        if claim.state in (WITHDRAWN, REJECTED):
            raise Refusal("2002", "该理赔已撤销或未成立")
        if claim.paid_out:
            raise Refusal("2003", "款项已划付医院，不能撤销")
        if claim.state == PAID:
            claim.policy.paid -= claim.pay
            claim.policy.borne -= claim.borne
        claim.state = WITHDRAWN
        self.withdrawn[number] = no
        self.party.ledger.change(claim.row, state="cancelled")
        self.party.ledger.add(
            "cancel", no=number, party_no=claim.party_no, amount=claim.pay, ref=claim.no
        )  # fmt: skip
        return WITHDRAWN
