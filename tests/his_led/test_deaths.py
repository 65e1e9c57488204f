"""The engine dies by kill -9 while a HIS that leads is at it; another process carries on from the same store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.his_led.stage import CODE, PAY, QUOTE, UNPAY, Town

Row = dict[str, Any]
MOMENTS: dict[str, Callable[[Town], bool]] = {
    "the HIS has registered the patient": lambda town: bool(town.lab.ledger("insurance", "register")),
    "the HIS has uploaded the lines": lambda town: bool(town.lab.ledger("insurance", "upload")),
    "the patient has paid": lambda town: bool(town.lab.ledger("wechat", "charge")),
    "the insurance has settled inside": lambda town: bool(town.live("insurance", "settle")),
    "the HIS has booked": lambda town: bool(town.live("his", "book")),
    "the invoice is issued": lambda town: bool(town.live("einvoice", "issue")),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_when(town: Town, moment: str) -> None:
    _with_a_death(town, MOMENTS[moment])
    answer = town.do(lambda: _carried_on(town))
    town.settled_once(answer)
    assert len(town.sent("insurance", "2201")) == 1
    assert len(town.sent("insurance", "2207A")) == 1
    assert town.differences() == []


def test_killed_while_nobody_knows_what_the_his_did(town: Town) -> None:
    """The answer was lost, the engine dies while it asks, and dies again as soon as it is back."""
    town.lab.fault("his", PAY, "timeout_after_commit", seconds=600)
    town.lab.fault("his", "query.pay.bill", "http_500", times=4)
    _with_a_death(town, lambda town: "query.pay.bill" in town.sent("his"))
    town.wait(3.0)
    town.lab.crash()
    town.do(town.lab.start_engine)
    town.settled_once(town.do(lambda: _carried_on(town)))
    assert town.differences() == []


def test_killed_while_the_worst_is_taken_back(town: Town) -> None:
    town.lab.fault("his", PAY, "booking_fails", times=None)
    _with_a_death(town, lambda town: bool(town.sent("his", UNPAY)))
    answer = town.do(lambda: _carried_on(town))
    assert answer["state"] == "undone"
    town.nothing_stands()
    assert town.differences() == []


def test_killed_before_the_quote_is_answered_and_the_patient_gone(town: Town) -> None:
    town.lab.fault("his", QUOTE, "timeout_after_commit", times=None, seconds=600)
    _with_a_death(town, lambda town: bool(town.lab.ledger("insurance", "upload")))
    answer = town.do(lambda: _carried_on(town))
    assert answer["state"] == "rejected"
    town.wait(200.0)
    town.nothing_stands()
    assert town.differences() == []


def _with_a_death(town: Town, holds: Callable[[Town], bool]) -> None:
    """A patient at the kiosk; the engine dies as soon as it holds, and starts again two seconds later."""
    lives: list[Any] = []

    async def patient() -> None:
        try:
            lives.append(await town.settle(choice=CODE))
        except Exception as no:  # noqa: BLE001 whatever the patient saw: the books are the judge
            lives.append(no)

    town.begin(patient)
    assert town.sim.run(lambda: holds(town) or bool(lives), 600.0)
    assert holds(town), lives
    town.lab.crash()
    town.wait(2.0)
    town.do(town.lab.start_engine)


async def _carried_on(town: Town) -> Row:
    """The kiosk asks again with the same request number, until the end; one that lost the quote's answer pays then."""
    answer = await town.repeat()
    no = answer["settlement_no"]
    answer = await town.until(no, "quoted", "settled", "undone", "rejected", "manual")
    return answer if answer["state"] != "quoted" else await town.pay(no, CODE)
