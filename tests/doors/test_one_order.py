"""One bill, whichever door: the same internal order, the same answer, the same errors; a repeat is known across doors.

Every door is told the same order in its own words (`tests/doors/ways.py`), each in a hospital of its own that lives the
same second, so that what differs is the door alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.doors.his import His
from tests.doors.ways import WAYS, Way
from tests.edge.town import BILL, CASH, PATIENT, Town

Order = dict[str, Any]
CASH_PAID = {"choice_no": "1", "kind": "cash"}


def _order(town: Town, request_no: str = "H-1", **more: object) -> Order:
    order = town.lab.bill_request(PATIENT, BILL, request_no=request_no)
    return {**order, "terminal": {"kind": "window", "id": "W01"}, "operator": "收费员甲", **more}


def _stored(town: Town) -> tuple[Order, str]:
    """The internal order of the only settlement, and the digest by which a repeat is known."""
    assert town.lab.engine is not None
    (row,) = town.select("SELECT no FROM settlements")
    case = town.do(_case(town, row["no"]))
    (seen,) = town.select("SELECT body_hash FROM inbox WHERE source = 'request:H01' AND verdict = 'first'")
    return case.data["request"], seen["body_hash"]


async def _case(town: Town, no: str) -> Any:
    assert town.lab.engine is not None
    return await town.lab.engine.driver.look(no)


def _life(town: Town, way: Way) -> list[tuple[str, dict[str, Any]]]:
    """A whole settlement by one door: (word, answer) of each ask."""
    told = [way.start(_order(town))]
    no = str(told[0][1]["settlement_no"])
    told += [way.pay(no, CASH_PAID), way.show(no)]
    told.append(way.refund(no, {"request_no": "B-1", "reason_code": "DOCTOR_CHANGED"}))
    for _ in range(200):
        word, answer = way.show(no)
        if word != "working":
            break
        town.pass_time(5.0)
    return [*told, (word, answer)]


def test_the_same_bill_is_one_order_and_one_answer(new_town: Callable[..., Town]) -> None:
    towns = {name: new_town() for name in WAYS}
    lives = {name: _life(towns[name], make(towns[name])) for name, make in WAYS.items()}
    orders = {name: _stored(town) for name, town in towns.items()}
    for name in WAYS:
        assert orders[name] == orders["json"], name
        assert [word for word, _ in lives[name]] == [word for word, _ in lives["json"]], name
        for (_, mine), (_, theirs) in zip(lives[name], lives["json"], strict=True):
            assert mine == theirs, name
    words = [word for word, _ in lives["json"]]
    assert (words[:3], words[-1]) == (["quoted", "settled", "settled"], "undone")
    assert lives["json"][0][1]["amounts"]["cash"] == CASH
    ledgers = {
        name: [(r["kind"], r["amount"], r["bill"], r["state"]) for r in town.ledger("his") + town.ledger("insurance")]
        for name, town in towns.items()
    }
    assert all(one == ledgers["json"] for one in ledgers.values()), ledgers


@pytest.mark.parametrize("first", WAYS)
def test_a_repeat_is_known_by_every_other_door(town: Town, first: str) -> None:
    ways = {name: make(town) for name, make in WAYS.items()}
    word, answer = ways[first].start(_order(town))
    assert word == "quoted"
    no = str(answer["settlement_no"])
    for name, way in ways.items():
        assert way.start(_order(town)) == (word, answer), name
    settled = ways[first].pay(no, CASH_PAID)
    for name, way in ways.items():
        assert way.pay(no, CASH_PAID) == settled, name
        assert way.start(_order(town)) == settled, f"{name}: as it stands now"
        assert way.show(no) == settled, name
    refund = {"request_no": "B-1", "reason_code": "X"}
    ways[first].refund(no, refund)
    town.pass_time(120.0)
    undone = ways[first].show(no)
    assert undone[0] == "undone"
    for name, way in ways.items():
        assert way.refund(no, refund) == undone, name
    assert len(town.ledger("his", "lock")) == 1
    assert len(town.ledger("einvoice", "write_off")) == 1
    assert len(town.select("SELECT no FROM settlements")) == 1


def test_a_refund_that_is_not_allowed_is_the_same_no_at_every_door(town: Town) -> None:
    ways = {name: make(town) for name, make in WAYS.items()}
    no = str(ways["json"].start(_order(town))[1]["settlement_no"])
    ways["json"].pay(no, CASH_PAID)
    town.lab.act("his", "set", refund_at_window_only=True)
    ways["json"].refund(no, {"request_no": "B-0", "reason_code": "X"})
    town.pass_time(60.0)
    stands = ways["json"].show(no)
    assert (stands[0], stands[1]["reason"]["code"]) == ("settled", "E-REFUND-REFUSED")
    for name, way in ways.items():
        assert way.refund(no, {"request_no": "B-0", "reason_code": "X"}) == stands, f"{name}: the same refund"
        way.refund(no, {"request_no": f"B-{name}", "reason_code": "X"})
        town.pass_time(60.0)
        assert way.show(no) == stands, f"{name}: another one"
    ack = His(town).ask("REFUND", zjs={2: "B-0", 3: no, 13: "X"})
    assert (ack.code, ack.state, ack.field("ZJA", 22)) == ("AE", "settled", "E-REFUND-REFUSED")


CONTENT = {"operator": "收费员乙", "terminal": {"kind": "desk", "id": "W01"}, "campus": "west"}


@pytest.mark.parametrize("first", WAYS)
def test_other_content_under_the_same_number_is_refused_by_every_door(town: Town, first: str) -> None:
    ways = {name: make(town) for name, make in WAYS.items()}
    assert ways[first].start(_order(town))[0] == "quoted"
    for name, way in ways.items():
        for field, value in CONTENT.items():
            word, answer = way.start(_order(town, **{field: value}))
            assert (word, answer["reason"]["code"]) == ("conflict", "E-REPEAT-DIFFERS"), (name, field)


def _wrong(order: Order, **change: object) -> Order:
    return {**order, **change}


MISTAKES: dict[str, Callable[[Order], Order]] = {
    "no request number": lambda o: {k: v for k, v in o.items() if k != "request_no"},
    "a request number with a blank": lambda o: _wrong(o, request_no="a b"),
    "an unknown kind of terminal": lambda o: _wrong(o, terminal={"kind": "lift", "id": "W01"}),
    "no patient": lambda o: _wrong(o, patient={"credential": o["patient"]["credential"]}),
    "a card without its serial": lambda o: _wrong(
        o, patient={"id": PATIENT, "credential": {"kind": "insurance_card", "value": "A12345678"}}
    ),
    "an unknown identity": lambda o: _wrong(o, pay_identity="free"),
    "two bills": lambda o: _wrong(o, bills=[BILL, "B2"]),
    "no bill": lambda o: _wrong(o, bills=[]),
    "a long campus": lambda o: _wrong(o, campus="c" * 33),
}


IN_ITS_OWN_WORDS = ("no bill", "an unknown identity")
"""A list of none is no list in XML; HL7 has codes for the identities, and names those."""


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_the_same_error_by_every_door(town: Town, what: str) -> None:
    before = town.touched()
    told = {}
    for name, make in WAYS.items():
        word, answer = make(town).start(MISTAKES[what](_order(town)))
        reason = answer["reason"]
        words = () if what in IN_ITS_OWN_WORDS else (reason["zh"], reason["en"])
        told[name] = (word, answer["field"], reason["code"], reason["side"], *words)
    assert told["json"][:4] == ("malformed", told["json"][1], "E-FIELD", "client")
    assert all(one == told["json"] for one in told.values()), told
    assert town.touched() == before


def test_business_errors_are_the_same_by_every_door(new_town: Callable[..., Town]) -> None:
    told: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name, make in WAYS.items():
        town = new_town()
        way = make(town)
        _, answer = way.start(_order(town))
        no = str(answer["settlement_no"])
        told[name] = [
            way.start(_order(town, "H-2")),
            way.start(_order(town, "H-3", bills=["B999"])),
            way.show("S20260101000000000001"),
            way.pay("S20260101000000000001", CASH_PAID),
            way.refund(no, {"request_no": "R", "reason_code": "X"}),
            way.pay(no, {"choice_no": "1", "kind": "seashells"}),
            way.cancel(no, {"request_no": "C", "reason_code": "X"}),
            way.pay(no, CASH_PAID),
        ]
    for _, answer in told["json"]:  # JSON says the place in the reason, too; the others say it once
        assert answer["reason"].pop("field", answer.get("field")) == answer.get("field")
    words = [word for word, _ in told["json"]]
    assert words == ["busy", "rejected", "not_found", "not_found", "conflict", "malformed", "undone", "undone"]
    for name, heard in told.items():
        for number, (mine, theirs) in enumerate(zip(heard, told["json"], strict=True)):
            assert mine == theirs, (name, number)
