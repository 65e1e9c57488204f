"""The calculation: a fee line's four parts, a bill's payers. Pure; whole fen, rounded half-up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from simulators.insurance.money import part, times
from simulators.insurance.policy import Terms
from simulators.town import Item

NO_CAP = Decimal(999999)


@dataclass(frozen=True, slots=True)
class Split:
    """A line or a bill in fen; `total` is the sum of the other four."""

    total: int = 0
    own: int = 0  # fulamt_ownpay_amt, 全自费
    over: int = 0  # overlmt_amt, above the price cap
    first: int = 0  # preselfpay_amt, 先行自付
    scope: int = 0  # inscp_scp_amt, in policy scope

    def plus(self, other: Split) -> Split:
        return Split(
            self.total + other.total, self.own + other.own, self.over + other.over,
            self.first + other.first, self.scope + other.scope,
        )


@dataclass(frozen=True, slots=True)
class Used:
    """A person's yearly counters in fen."""

    fund: int = 0  # 门诊统筹
    deductible: int = 0
    stay_fund: int = 0  # 住院统筹
    stays: int = 0  # settled stays: the deductible of a further one is halved


@dataclass(frozen=True, slots=True)
class Amounts:
    """One settlement in fen; see `sums` for what always holds. A cancellation carries the same with minus."""

    split: Split
    deductible: int = 0  # act_pay_dedc, in-scope money that filled the deductible
    pool: int = 0  # hifp_pay, 统筹基金
    ratio_bp: int = 0
    limit_left: int = 0  # crt_payb_lmt_amt, what the fund could still pay before this settlement
    account: int = 0
    cash: int = 0
    balance: int = 0  # personal account after it
    stays: int = 0  # 1: of a stay in hospital, which has counters of its own
    uncounted: bool = False  # of a registration: no yearly counter moves

    @property
    def person(self) -> int:
        """psn_part_amt, the person's whole burden."""
        return self.account + self.cash

    def negative(self, balance: int) -> Amounts:
        """The cancellation of this settlement; `balance` is the account after giving back."""
        s = self.split
        return replace(
            self, split=Split(-s.total, -s.own, -s.over, -s.first, -s.scope), deductible=-self.deductible,
            pool=-self.pool, account=-self.account, cash=-self.cash, balance=balance, stays=-self.stays,
        )


def split_line(item: Item, quantity: Decimal, price: Decimal, amount: int) -> Split:
    """The parts of one line: 丙 own pay; 甲 all in scope; 乙 a first share; above the cap the person pays."""
    if amount < 0:  # a line of a stay taken back: what it was, with minus
        s = split_line(item, -quantity, price, -amount)
        return Split(-s.total, -s.own, -s.over, -s.first, -s.scope)
    if item.level == "03":
        return Split(amount, own=amount)
    cap = Decimal(item.cap_fen).scaleb(-2)
    over = min(amount, times(quantity, price - cap)) if cap < NO_CAP and price > cap else 0
    first = part(amount - over, item.first_self_pay_bp)
    return Split(amount, 0, over, first, amount - over - first)


def line_amount(quantity: Decimal, price: Decimal) -> int:
    """What the platform expects as det_item_fee_sumamt, in fen."""
    return times(quantity, price)


def settle(split: Split, terms: Terms | None, used: Used, *, use_account: bool, balance: int) -> Amounts:
    """Who pays what of a bill; `terms` None: the fund pays nothing. The account pays any part of the person's."""
    deductible = pool = ratio = left = 0
    if terms is not None:
        ratio, left = terms.ratio_bp, max(0, terms.limit - used.fund)
        deductible = min(split.scope, max(0, terms.deductible - used.deductible))
        pool = min(part(split.scope - deductible, ratio), left)
    return _paid(Amounts(split, deductible, pool, ratio, left), use_account, balance)


def settle_stay(split: Split, terms: Terms | None, used: Used, *, use_account: bool, balance: int) -> Amounts:
    """A stay in hospital: a deductible of its own (half of it from the year's second stay on), a limit of the year."""
    deductible = pool = ratio = left = 0
    if terms is not None:
        ratio, left = terms.ratio_bp, max(0, terms.limit - used.stay_fund)
        deductible = min(split.scope, terms.deductible // 2 if used.stays else terms.deductible)
        pool = min(part(split.scope - deductible, ratio), left)
    return _paid(Amounts(split, deductible, pool, ratio, left, stays=1), use_account, balance)


def settle_registration(split: Split, most: int, *, use_account: bool, balance: int) -> Amounts:
    """A registration: the fund pays what is in scope, `most` fen at most, and no counter moves."""
    made = Amounts(split, pool=min(split.scope, most), limit_left=most, uncounted=True)
    return _paid(made, use_account, balance)


def _paid(made: Amounts, use_account: bool, balance: int) -> Amounts:
    """Who pays what the fund leaves: the account as far as it goes, then cash."""
    person = made.split.total - made.pool
    account = min(balance, person) if use_account else 0
    return replace(made, account=account, cash=person - account, balance=balance - account)


def used_after(used: Used, amounts: Amounts) -> Used:
    """The counters after a settlement, or after its negative."""
    if amounts.uncounted:
        return used
    if amounts.stays:
        return replace(used, stay_fund=used.stay_fund + amounts.pool, stays=used.stays + amounts.stays)
    return replace(used, fund=used.fund + amounts.pool, deductible=used.deductible + amounts.deductible)


def sums(a: Amounts) -> bool:
    """Parts make the total; fund and person make the total; account and cash make the person's part."""
    s = a.split
    return s.total == s.own + s.over + s.first + s.scope and s.total == a.pool + a.person \
        and a.person == a.account + a.cash

