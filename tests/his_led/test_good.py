"""An ordinary day with a HIS that leads: every book agrees, and the engine has seen what it did not do itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.console.case_page import _party_of
from simulators.town import PERSONS
from tests.his_led.stage import BILL, CODE, DOOR, QR, UNPAY, Town

NIGHTLY = {"9001", "3201", "9101", "3202", "9102", "1301", "1305", "1306", "1307"}  # timed channels
INSIDE = ["1101", "5302", "5303", "2201", "2203A", "2204", "2206A", "2207A"]
OBSERVED = [("nhsa.register", "ok", False, "observed"), ("nhsa.settle", "ok", False, "observed"),
            ("einvoice.issue", "ok", False, "observed")]  # fmt: skip


@pytest.mark.parametrize("choice", [CODE, QR], ids=["code", "qr"])
def test_insured_and_all_five_books_agree(town: Town, choice: dict[str, str]) -> None:
    answer = town.do(lambda: town.settle(choice=choice))
    town.settled_once(answer)
    assert answer["amounts"] == {
        "total": 120000, "fund": 12500, "account": 0, "relief": 0, "other": 0, "cash": 107500,
    }  # fmt: skip
    assert set(answer["invoice"]) == {"code", "number", "check", "url"}
    assert [op for op in town.sent("insurance") if op not in NIGHTLY] == INSIDE, "asked by the HIS, in this order"
    assert [leg for leg in town.legs(answer["settlement_no"]) if leg[3] == "observed"] == OBSERVED
    assert town.differences() == []


def test_the_engine_itself_asks_neither_insurance_nor_invoice(town: Town) -> None:
    town.do(town.settle)
    for party in ("insurance", "einvoice"):
        rows = town.lab.parties[party].exchanges.since(0)["exchanges"]
        heads = [row["request"] for row in rows if row["op"] not in NIGHTLY]
        callers = {head.partition("User-Agent: ")[2].partition("\r")[0] for head in heads}
        assert callers == {"simulator"}, party


def test_self_pay_asks_no_insurance_and_has_an_invoice(town: Town) -> None:
    answer = town.do(lambda: town.settle("B20261122005", "P0005", CODE, insured=False))
    town.settled_once(answer, insured=False)
    assert [op for op in town.sent("insurance") if op not in NIGHTLY] == []
    assert "insurance" not in answer["numbers"]
    assert town.differences() == []


def test_the_personal_account_pays_the_whole_share(town: Town) -> None:
    bill = town.lab.act("his", "new_bill", patient="P0001", template="visit4")["bill"]
    answer = town.do(lambda: town.settle(bill, choice={"kind": "insurance_account"}))
    town.settled_once(answer)
    assert (answer["amounts"]["cash"], answer["amounts"]["account"] > 0) == (0, True)
    assert town.sent("insurance", "2201", "2206A", "2207A") == ["2201", "2206A", "2206A", "2207A"]
    assert town.differences() == []


@pytest.mark.parametrize(
    ("patient", "bill", "code"),
    [
        ("P0002", "B20261122002", "E-NO-EMPLOYEE"),
        ("P0003", "B20261122003", "E-NOT-SIGNED"),
        ("P0004", "B20261122004", "E-IN-HOSPITAL"),
        ("P0007", "B20261122007", "E-DAY-WARD"),
    ],
)
def test_whom_the_pool_does_not_pay_for_is_told_why_and_pays_by_himself(
    town: Town, patient: str, bill: str, code: str
) -> None:
    answer = town.do(lambda: town.settle(bill, patient))
    assert (answer["state"], answer["reason"]["code"], answer["reason"]["side"]) == ("rejected", code, "patient")
    assert town.lab.ledger("insurance") == []
    town.nothing_stands()
    again = town.do(lambda: town.settle(bill, patient, CODE, insured=False))
    town.settled_once(again, insured=False)
    assert town.differences() == []


def test_not_signed_then_signed_and_on_with_the_same_bill(town: Town) -> None:
    answer = town.do(lambda: town.settle("B20261122003", "P0003"))
    assert all(way in answer["reason"]["next"] for way in ("掌上办", "网上办", "现场办"))
    town.lab.act("insurance", "sign_community", person="P0003")
    town.settled_once(town.do(lambda: town.settle("B20261122003", "P0003")))
    assert town.differences() == []


def test_a_card_that_is_not_the_patient_s_own(town: Town) -> None:
    async def with_another_card() -> dict[str, object]:
        asked = town.lab.bill_request("P0001", BILL)
        other = next(person for person in PERSONS if person.id == "P0006")
        asked["patient"]["credential"] |= {"value": other.card_no, "card_sn": other.card_sn}
        _, answer = await town.kiosk.settle(asked)
        return dict(answer)

    answer = town.do(with_another_card)
    assert (answer["state"], answer["reason"]["code"]) == ("rejected", "E-NOT-SELF")
    town.nothing_stands()


def test_a_patient_who_leaves_leaves_nothing_anywhere(town: Town) -> None:
    async def leave() -> dict[str, object]:
        quoted = await town.quote()
        body = {"request_no": "c1", "reason_code": "left"}
        await town.kiosk.cancel(quoted["settlement_no"], body)
        return await town.rest(quoted["settlement_no"])

    answer = town.do(leave)
    assert answer["state"] == "undone"
    assert town.sent("insurance", "2205", "2202") == ["2205", "2202"], "the HIS took its registration back"
    town.nothing_stands()
    assert ("nhsa.register", "ok", True, "observed") in town.legs(str(answer["settlement_no"]))
    assert town.differences() == []


def test_a_patient_who_never_chooses_leaves_nothing_either(town: Town) -> None:
    quoted = town.do(town.quote)
    town.wait(400.0)
    answer = town.do(lambda: town.rest(quoted["settlement_no"]))
    assert (answer["state"], answer["reason"]["code"]) == ("undone", "E-PAY-EXPIRED")
    town.nothing_stands()
    assert town.differences() == []


def test_a_refund_takes_everything_back_through_one_void(town: Town) -> None:
    answer = town.do(town.settle)
    answer = town.do(lambda: town.refund(answer["settlement_no"]))
    assert (answer["state"], answer["reason"]["code"]) == ("undone", "E-REFUNDED")
    assert town.sent("his", UNPAY) == [UNPAY]
    assert town.sent("insurance", "2208", "2205", "2202") == ["2208", "2205", "2202"]
    assert [row["kind"] for row in town.lab.ledger("einvoice")] == ["issue", "write_off"]
    town.nothing_stands()
    back = [leg[0] for leg in town.legs(answer["settlement_no"]) if leg[2] and leg[3] == "observed"]
    assert back == ["nhsa.settle", "einvoice.issue", "nhsa.register"]
    assert town.differences() == []


def test_two_kiosks_one_bill(town: Town) -> None:
    first = town.do(town.quote)

    async def second() -> tuple[int, dict[str, object]]:
        asked = town.lab.bill_request("P0001", BILL, request_no="K02-1")
        return await town.lab.terminal("K02").settle(asked)  # type: ignore[no-any-return]  # the rig is untyped here

    status, busy = town.do(second)
    assert (status, busy["state"], busy["settlement_no"]) == (409, "busy", first["settlement_no"])
    town.settled_once(town.do(lambda: town.pay(first["settlement_no"])))


def test_one_bill_at_both_doors_is_charged_once(town: Town) -> None:
    """A site in the middle of changing its topology: the hold of a bill knows no channel."""
    first = town.do(town.quote)
    kiosk = town.lab.terminal("K02")
    kiosk.door = "/v1/outpatient/settlements"

    async def second() -> tuple[int, dict[str, object]]:
        return await kiosk.settle(town.lab.bill_request("P0001", BILL, request_no="K02-1"))  # type: ignore[no-any-return]  # as above

    status, busy = town.do(second)
    assert (status, busy["settlement_no"]) == (409, first["settlement_no"])
    assert kiosk.door != DOOR


def test_the_console_says_whose_an_observed_leg_is(town: Town) -> None:
    answer = town.do(town.settle)

    async def shown() -> list[tuple[str, str]]:
        engine = town.lab.engine
        assert engine is not None
        case = await engine.driver.look(answer["settlement_no"])
        assert case is not None
        plan = engine.sites.judge(case.site_hash, case.channel).plan
        look = _party_of(plan, SimpleNamespace(calls=[]))  # type: ignore[arg-type]  # only its calls are asked for
        return [(leg.call, look(leg)[0]) for leg in case.legs if leg.because == "observed"]

    assert town.do(shown) == [("nhsa.register", "nhsa"), ("nhsa.settle", "nhsa"), ("einvoice.issue", "einvoice")]
