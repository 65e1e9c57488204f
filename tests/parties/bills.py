"""Random bills as the insurance simulator tells them, judged by the maps that read them: the sums of every `setlinfo`.

`python -m tests.parties.bills [COUNT]` judges so many (default 10,000) for each place where the account may stand.
"""

from __future__ import annotations

import random
import sys
from decimal import Decimal
from functools import cache
from typing import Any

from engine.codecs import json_text
from simulators.base.world import SimWorld
from simulators.insurance import InsuranceSim
from simulators.insurance.money import dump
from simulators.insurance.policy import Terms, stay_terms
from simulators.insurance.report import answer
from simulators.insurance.rules import Split, Used, line_amount, settle, settle_stay, split_line, used_after
from simulators.insurance.state import Bureau, Stay, Visit
from simulators.town import Item
from tests.parties.bench import HOSPITAL, MAPS, Town

TERMS = (None, Terms(5000, 80000, 170000), Terms(7500, 0, 170000), Terms(6000, 50000, 90000))
PLACES = {"included": ("yes", True, False), "listed": ("no", False, True), "apart": ("no", False, False)}


def bill(dice: random.Random) -> Split:
    whole = Split()
    for _ in range(dice.randrange(1, 6)):
        level = dice.choice(("01", "02", "03"))
        price, quantity = Decimal(dice.randrange(0, 2_000_000)) / 1000, Decimal(dice.randrange(1, 90_000)) / 10000
        cap = dice.choice((99999900, dice.randrange(0, 200_000)))
        item = Item("R", "", "R", "201", "05", "", 0, level, dice.randrange(0, 10001) if level == "02" else 0, cap)
        whole = whole.plus(split_line(item, quantity, price, line_amount(quantity, price)))
    return whole


def told(bureau: Bureau, dice: random.Random) -> dict[str, Any]:
    """The `output` of a settlement with its cancellation, as they go over the wire; refunds give the counters back."""
    person = bureau.people["P0001"]
    stay = Stay("", "") if dice.random() < 0.3 else None
    visit = Visit("1", person, {}, "2026-11-22 10:00:00", "310", None, stay=stay)  # type: ignore[arg-type]  # no row
    used = Used(*(dice.randrange(0, limit) for limit in (170_001, 80_001, 20_000_001, 3)))
    rule = {"use_account": dice.random() < 0.5, "balance": dice.randrange(0, 100_000)}
    whole = bill(dice)
    if stay is None:
        amounts = settle(whole, dice.choice(TERMS), used, **rule)
    else:
        amounts = settle_stay(whole, stay_terms("310", dice.choice(("02", "05", "08"))), used, **rule)
    negative = amounts.negative(rule["balance"])
    assert used_after(used_after(used, amounts), negative) == used
    assert negative.balance == amounts.balance + amounts.account
    both = [answer(bureau, visit, {}, one, setl_id="1", setl_time="", msgid="M") for one in (amounts, negative)]
    tree = json_text.parse(dump({"made": both[0], "undone": both[1]}))
    assert isinstance(tree, dict)
    return tree


def names(output: Any, included: str) -> dict[str, Any]:
    return {"answer": output, "hospital": {**HOSPITAL, "fund_includes_account": included}}


@cache
def bureau_of(place: str) -> Bureau:
    """A bureau whose settlements show the personal account at that place."""
    _, included, listed = PLACES[place]
    sim = InsuranceSim(SimWorld(Town().clock))
    sim.act({"act": "set", "fund_includes_account": included, "account_in_detail": listed})
    return sim.bureau


def judged(place: str, count: int) -> dict[str, int]:
    """Judge so many bills and their refunds; how many of them had a fund's part, an account's, own pay, a cap."""
    bureau, dice = bureau_of(place), random.Random(f"20261122 {place}")
    seen = {"fund": 0, "account": 0, "own_paid": 0, "over_limit": 0}
    for _ in range(count):
        output = told(bureau, dice)
        made, undone = (MAPS["nhsa_setl"].run(names(output[one], PLACES[place][0])) for one in ("made", "undone"))
        assert all(undone[name] == -made[name] for name in ("total", "fund", "account", "cash", "person"))
        for name in seen:
            seen[name] += made[name] > 0
    return seen


if __name__ == "__main__":
    for where in PLACES:
        print(where, judged(where, int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
