"""The rule engine: the published example to the fen, the sums for any bill, refunds that restore the counters."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from insurance_hospital import PEOPLE, Hospital

from simulators.insurance.money import dump, yuan
from simulators.insurance.policy import POLICIES, Policy, Terms, terms_on
from simulators.insurance.rules import Split, Used, line_amount, settle, split_line, used_after
from simulators.town import Item

TERTIARY = Terms(5000, 80000, 170000)


def numbers(info: dict[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(str(info[name]) for name in names)


def test_the_worked_example_to_the_fen() -> None:
    hospital = Hospital()
    names = (
        "medfee_sumamt", "fulamt_ownpay_amt", "preselfpay_amt", "inscp_scp_amt", "act_pay_dedc", "fund_pay_sumamt",
        "psn_part_amt", "psn_cash_pay",
    )
    expected = (
        ("visit1", ("1200.00", "100.00", "50.00", "1050.00", "800.00", "125.00", "1075.00", "1075.00"), "125.00"),
        ("visit2", ("500.00", "0.00", "0.00", "500.00", "0.00", "250.00", "250.00", "250.00"), "375.00"),
        ("visit3", ("3000.00", "0.00", "0.00", "3000.00", "0.00", "1325.00", "1675.00", "1675.00"), "1700.00"),
        ("visit4", ("200.00", "0.00", "0.00", "200.00", "0.00", "0.00", "200.00", "200.00"), "1700.00"),
    )
    done = []
    for place, (template, row, used) in enumerate(expected):
        mdtrt_id, output = hospital.settled("P0001", f"MZ{place}", template)
        assert numbers(output["setlinfo"], *names) == row
        assert str(hospital.sums("P0001")[0]) == used
        done.append((mdtrt_id, output["setlinfo"]["setl_id"]))
    refund = hospital.cancel("P0001", *done[2])["setlinfo"]
    assert numbers(refund, *names) == (
        "-3000.00", "0.00", "0.00", "-3000.00", "0.00", "-1325.00", "-1675.00", "-1675.00",
    )
    assert refund["setl_id"] != done[2][1]
    assert str(hospital.sums("P0001")[0]) == "375.00"


@pytest.mark.parametrize(
    ("level", "scope", "fund"),
    [
        ("02", 80000, 0), ("02", 80100, 50), ("02", 80101, 51), ("05", 50100, 60), ("08", 100, 75),
        ("02", 180000, 50000), ("05", 150000, 60000), ("08", 100000, 75000),
    ],
)
def test_ratio_and_deductible_by_level_of_institution(level: str, scope: int, fund: int) -> None:
    terms = terms_on(POLICIES, "2026-11-22", "310", level)
    paid = settle(Split(scope, scope=scope), terms, Used(), use_account=False, balance=0)
    assert paid.pool == fund


def test_the_limit_cuts_and_is_told() -> None:
    paid = settle(Split(10000, scope=10000), TERTIARY, Used(169000, 80000), use_account=False, balance=0)
    assert (paid.pool, paid.cash, paid.limit_left) == (1000, 9000, 1000)


def test_policy_versions_hold_for_visits_of_their_days() -> None:
    newer = Policy("2027-01-01", "9999-12-31", frozenset({"310"}), {"tertiary": Terms(5500, 70000, 200000)})
    policies = [*POLICIES, newer]
    assert terms_on(policies, "2026-12-31", "310", "02") == TERTIARY
    assert terms_on(policies, "2027-01-01", "310", "02") == Terms(5500, 70000, 200000)
    assert terms_on(policies, "2022-12-31", "310", "02") is None
    assert terms_on(policies, "2026-11-22", "390", "02") is None


def test_price_cap_first_share_and_own_pay_of_a_line() -> None:
    capped = Item("X1", "材料", "N1", "301", "08", "份", 30000, "02", 1000, 25000)
    split = split_line(capped, Decimal("1.5"), Decimal(300), 45000)
    assert split == Split(45000, 0, 7500, 3750, 33750)
    own = Item("X2", "洗牙", "N2", "201", "05", "次", 10000, "03")
    assert split_line(own, Decimal(1), Decimal(100), 10000) == Split(10000, own=10000)


def test_line_amount_rounds_half_up() -> None:
    assert line_amount(Decimal("0.5"), Decimal("0.01")) == 1
    assert line_amount(Decimal("3.3333"), Decimal("1.115")) == 372


def random_line(dice: random.Random) -> Split:
    level = dice.choice(("01", "02", "03"))
    price = Decimal(dice.randrange(0, 2_000_000)) / 1000
    quantity = Decimal(dice.randrange(1, 500_000)) / 10000
    cap = dice.choice((99999900, dice.randrange(0, 200_000)))
    share = dice.randrange(0, 10001) if level == "02" else 0
    item = Item("R", "", "R", "201", "05", "", 0, level, share, cap)
    return split_line(item, quantity, price, line_amount(quantity, price))


def test_the_sums_hold_for_ten_thousand_random_bills_and_refunds_restore_the_counters() -> None:
    dice = random.Random(20261122)
    paid_something = hit_limit = used_account = 0
    for _ in range(10_000):
        bill = Split()
        for _ in range(dice.randrange(1, 6)):
            bill = bill.plus(random_line(dice))
        terms = dice.choice((None, TERTIARY, Terms(7500, 0, 170000), Terms(6000, 50000, dice.randrange(0, 400000))))
        before = Used(dice.randrange(0, 200000), dice.randrange(0, 90000))
        balance = dice.randrange(0, 100000)
        a = settle(bill, terms, before, use_account=dice.random() < 0.5, balance=balance)
        assert bill.total == bill.own + bill.over + bill.first + bill.scope
        assert min(bill.own, bill.over, bill.first, bill.scope, a.pool, a.account, a.cash, a.balance) >= 0
        assert bill.total == a.pool + a.person
        assert a.person == a.account + a.cash
        assert a.balance == balance - a.account
        assert a.pool <= bill.scope - a.deductible
        if terms:
            assert before.fund + a.pool <= max(terms.limit, before.fund)
            assert before.deductible + a.deductible <= max(terms.deductible, before.deductible)
            hit_limit += a.pool == a.limit_left
        after = used_after(before, a)
        assert used_after(after, a.negative(balance)) == before
        paid_something += a.pool > 0
        used_account += a.account > 0
    assert min(paid_something, hit_limit, used_account) > 500  # the dice reached the interesting places


@pytest.mark.parametrize(
    ("included", "listed", "fund", "detail"),
    [(False, False, "125.00", "125.00"), (False, True, "125.00", "445.50"), (True, False, "445.50", "445.50")],
)
def test_account_inside_or_outside_the_fund_total(included: bool, listed: bool, fund: str, detail: str) -> None:
    hospital = Hospital()
    hospital.act("set", fund_includes_account=included, account_in_detail=listed)
    _, output = hospital.settled("P0001", "MZ1", "visit1", account="1")
    info = output["setlinfo"]
    assert numbers(info, "fund_pay_sumamt", "acct_pay", "psn_cash_pay", "psn_part_amt", "balc") == (
        fund, "320.50", "754.50", "1075.00", "0.00",
    )
    assert str(sum(row["fund_payamt"] for row in output["setldetail"])) == detail


def test_the_account_comes_back_with_the_refund() -> None:
    hospital = Hospital()
    mdtrt_id, output = hospital.settled("P0001", "MZ1", "visit1", account="1")
    refund = hospital.cancel("P0001", mdtrt_id, output["setlinfo"]["setl_id"])["setlinfo"]
    assert numbers(refund, "acct_pay", "balc") == ("-320.50", "320.50")
    assert hospital.sums("P0001") == (0, 0)


def test_counters_start_again_with_the_year_and_a_late_refund_goes_to_the_old_one() -> None:
    hospital = Hospital()
    mdtrt_id, output = hospital.settled("P0001", "MZ1", "visit1")
    assert hospital.act("new_year") == {"year": "2027"}
    assert hospital.sums("P0001") == (0, 0)
    hospital.settled("P0001", "MZ2", "visit1")
    hospital.cancel("P0001", mdtrt_id, output["setlinfo"]["setl_id"])
    assert str(hospital.sums("P0001", "2026")[0]) == "0.00"
    assert str(hospital.sums("P0001", "2027")[0]) == "125.00"


def test_who_is_not_entitled_pays_all_and_is_told_why() -> None:
    hospital = Hospital()
    hospital.sign_in()
    cases = (("P0003", "310", "签约"), ("P0004", "310", "住院"), ("P0007", "310", "住院"), ("P0002", "390", "390"))
    for place, (who, insutype, reason) in enumerate(cases):
        mdtrt_id = hospital.open_visit(who, f"MZ{place}", insutype)
        total = hospital.upload(who, mdtrt_id, "visit1")
        asked = hospital.data_2206(who, mdtrt_id, total, insutype=insutype)
        answer = hospital.call("2206A", asked)
        assert answer["infcode"] == 0
        assert reason in answer["warn_msg"]
        info = answer["output"]["setlinfo"]
        assert numbers(info, "fund_pay_sumamt", "act_pay_dedc", "psn_cash_pay") == ("0.00", "0.00", "1200.00")
        hospital.act("set", not_entitled="refuse")
        assert reason in hospital.no("2206A", asked)
        hospital.act("set", not_entitled="own_pay")


def test_signing_counts_from_its_day() -> None:
    hospital = Hospital()
    hospital.sign_in()
    given = {"data": {
        "psn_no": PEOPLE["P0003"].psn_no, "insutype": "310", "fixmedins_code": "H37020000000", "med_type": "11",
        "begntime": "2026-11-21 09:00:00",
    }}
    hospital.act("sign_community", person="P0003")
    assert hospital.ok("2001", given)["trtinfo"][0]["trt_enjymnt_flag"] == "0"
    given["data"]["begntime"] = "2026-11-22 09:00:00"
    assert hospital.ok("2001", given)["trtinfo"][0]["trt_enjymnt_flag"] == "1"
    hospital.act("unsign", person="P0003")
    assert hospital.ok("2001", given)["trtinfo"][0]["trt_enjymnt_flag"] == "0"


def test_numbers_go_out_with_two_places() -> None:
    assert dump({"a": yuan(-120005), "b": yuan(5), "c": '"1.00"'}) == b'{"a":-1200.05,"b":0.05,"c":"\\"1.00\\""}'
