"""The sums of every `setlinfo`; an amount that is a fen off is refused. More bills: tests/parties/bills.py."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from engine.pipeline.rejected import MapRejected

from .bench import MAPS
from .bills import PLACES, bureau_of, judged, names, told


@pytest.mark.parametrize("place", list(PLACES))
def test_the_sums_hold_for_random_bills_and_their_refunds_give_the_counters_back(place: str) -> None:
    assert min(judged(place, 300).values()) > 30  # the dice reached the interesting places


AMOUNTS = (
    "medfee_sumamt", "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt", "fund_pay_sumamt",
    "psn_part_amt", "acct_pay", "psn_cash_pay",
)  # fmt: skip


@pytest.mark.parametrize("name", [*AMOUNTS, "fund_payamt"])
@pytest.mark.parametrize("place", list(PLACES))
def test_one_fen_off_is_refused(place: str, name: str) -> None:
    bureau, dice = bureau_of(place), random.Random(7)
    caught = 0
    for _ in range(12):
        output = told(bureau, dice)["made"]
        rows = [output["setlinfo"]] if name != "fund_payamt" else output["setldetail"]
        if not rows:
            continue  # nobody but the person paid: there is no fund to list
        rows[0][name] = str(Decimal(rows[0][name]) + Decimal("0.01"))
        with pytest.raises(MapRejected) as wrong:
            MAPS["nhsa_setl"].run(names(output, PLACES[place][0]))
        assert wrong.value.code == "E-SETL-SUM"
        caught += 1
    assert caught > 3


def test_a_part_the_platform_leaves_out_is_not_counted() -> None:
    output = told(bureau_of("apart"), random.Random(1))["made"]
    output["setlinfo"]["psn_part_amt"] = None  # as captured after a 2208
    output["setldetail"] = None
    made = MAPS["nhsa_setl"].run(names(output, "no"))
    assert "person" not in made
