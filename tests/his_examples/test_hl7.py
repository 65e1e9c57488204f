"""The example of a HIS asked in HL7: over the shipped site, at the HIS's MLLP door, whatever is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.edge.town import Town
from tests.his_examples.ground import differences, post, refund, rest, town_of

CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}
UNCERTAIN = (
    "reset_after_commit", "timeout_after_commit", "timeout_before_commit", "half_reply", "html", "ack_aa_failed",
    "ack_wrong_number", "ack_ae", "late_commit",
)  # fmt: skip


@pytest.fixture
def town(new_town: Callable[..., Town]) -> Town:
    return town_of(new_town, "his_hl7")


def pay_in(town: Town, amount: int = 50000) -> dict[str, Any]:
    body = {
        "request_no": "R1", "campus": "main", "terminal": {"kind": "kiosk", "id": "K01"}, "operator": "K01",
        "patient": {"id": "P0001", "credential": {"kind": "record_no", "value": "P0001"}}, "stay": "V1",
        "deposit_no": "V1-1", "amount": amount,
    }  # fmt: skip
    reply = town.ask("POST", "/v1/hl7/deposits", body, client="C01")
    assert reply.status in (200, 202), reply.body.decode()
    no = str(reply.json["settlement_no"])
    if town.show(no, client="C01").state == "quoted":
        town.choose(no, CODE, client="C01")
    return town.rest(no, client="C01")


def agreed(town: Town, kept: int) -> None:
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    assert sum(row["amount"] for row in booked) == town.kept() == kept
    assert differences(town) == []


def test_unpaid_bills_by_hl7(town: Town) -> None:
    reply = town.ask("GET", "/v1/hl7/bills?patient=P0001", client="C01")
    assert reply.status == 200, reply.body
    assert [(row["bill"], row["amount"]) for row in reply.json["bills"]] == [("B20261122001", 120000)]


def test_a_deposit_is_booked_by_dft_and_taken_back(town: Town) -> None:
    answer = pay_in(town)
    assert (answer["state"], answer["amounts"]["total"]) == ("settled", 50000)
    agreed(town, 50000)
    back = town.ask("POST", f"/v1/settlements/{answer['settlement_no']}/refunds",
                    {"request_no": "B1", "reason_code": "patient"}, client="C01")  # fmt: skip
    assert back.status in (200, 202), back.body
    assert town.rest(answer["settlement_no"], client="C01")["state"] == "undone"
    agreed(town, 0)


@pytest.mark.parametrize("fault", UNCERTAIN)
def test_whatever_the_acknowledgement_says_money_and_book_agree(town: Town, fault: str) -> None:
    town.lab.fault("his", "DFT^P03", fault, seconds=40.0)
    answer = pay_in(town)
    assert answer["state"] in ("settled", "undone"), answer
    agreed(town, 50000 if answer["state"] == "settled" else 0)


# A bill paid, and a registration with its fee: QRY^Q27, SRM^S01, DFT^P03, found again by SQM^ZQ1

CHARGE = {"request_no": "C1", "patient": {"id": "P0001"}, "bills": ["B20261122001"]}
BOOKING = {"request_no": "C1", "patient": {"id": "P0001"}, "schedule": "D01-AM", "registration_no": "GH-1"}
LOST = ("timeout_after_commit", "timeout_before_commit", "ack_ae", "ack_wrong_number", "late_commit")


def pay(town: Town, what: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = post(town, f"/v1/hl7/{what}", body)
    if answer["state"] == "quoted":
        town.choose(answer["settlement_no"], CODE, client="C01")
    return rest(town, answer)


def standing(town: Town, kind: str = "book") -> list[int]:
    return [row["amount"] for row in town.ledger("his", kind) if row["state"] == "done"]


def places(town: Town) -> int:
    his: Any = town.lab.parties["his"]
    return int(his.registry.schedules["D01-AM"].left)


def test_a_bill_is_paid_found_and_taken_back(town: Town) -> None:
    answer = pay(town, "charges", CHARGE)
    assert (answer["state"], answer["amounts"]["cash"]) == ("settled", 120000)
    (booked,) = town.ledger("his", "book")
    assert {name: booked[name] for name in ("no", "amount", "bill", "state")} == {
        "no": answer["settlement_no"], "amount": 120000, "bill": "B20261122001", "state": "done",
    }  # fmt: skip

    def ask(target: str) -> dict[str, Any]:
        return town.ask("GET", f"/v1/hl7/{target}", client="C01").json

    assert ask("bills?patient=P0001")["bills"] == []
    for what in ("payments", "invoices"):
        assert [(row["payment"], row["amount"]) for row in ask(f"{what}?patient=P0001")["payments"]] == [
            (answer["settlement_no"], 120000),
        ]  # fmt: skip
    lines = ask(f"paid_lines?payment={answer['settlement_no']}")["items"]
    assert sum(line["amount"] for line in lines) == 120000
    agreed(town, 120000)
    assert refund(town, answer)["state"] == "undone"
    assert ask("payments?patient=P0001")["payments"] == []
    agreed(town, 0)


@pytest.mark.parametrize("fault", LOST)
def test_whatever_is_said_of_a_payment_money_and_booking_agree(town: Town, fault: str) -> None:
    town.lab.fault("his", "DFT^P03", fault, seconds=40.0)
    answer = pay(town, "charges", CHARGE)
    assert answer["state"] in ("settled", "undone"), answer
    agreed(town, 120000 if answer["state"] == "settled" else 0)


@pytest.mark.parametrize("fault", LOST)
def test_whatever_is_said_of_taking_it_back_nothing_stands(town: Town, fault: str) -> None:
    answer = pay(town, "charges", CHARGE)
    town.lab.fault("his", "DFT^P03", fault, seconds=40.0)
    assert refund(town, answer)["state"] == "undone"
    agreed(town, 0)


def test_a_bill_collected_at_the_window_meanwhile_is_not_booked_twice(town: Town) -> None:
    """There is no lock in HL7: the HIS says no when the payment comes, and the patient has his money back."""
    answer = post(town, "/v1/hl7/charges", CHARGE)
    town.lab.act("his", "collect_at_window", bill="B20261122001")
    town.choose(answer["settlement_no"], CODE, client="C01")
    assert rest(town, answer)["state"] == "undone"
    agreed(town, 0)


def test_a_registration_is_made_paid_and_cancelled(town: Town) -> None:
    answer = pay(town, "registrations", BOOKING)
    assert (answer["state"], answer["numbers"]["his"][:5], places(town)) == ("settled", "G2026", 4)
    (made,) = town.ledger("his", "register")
    assert (made["party_no"], standing(town)) == (answer["numbers"]["his"], [1500])
    agreed(town, 1500)
    assert refund(town, answer)["state"] == "undone"
    assert places(town) == 5
    agreed(town, 0)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("op", ["SRM^S01", "DFT^P03"])
def test_a_registration_stands_with_its_fee_or_not_at_all(town: Town, op: str, fault: str) -> None:
    town.lab.fault("his", op, fault, seconds=40.0)
    answer = pay(town, "registrations", BOOKING)
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    stands = answer["state"] == "settled"
    assert places(town) == 5 - stands
    agreed(town, 1500 * stands)


@pytest.mark.parametrize("fault", LOST)
def test_a_cancelled_appointment_frees_its_place_whatever_is_answered(town: Town, fault: str) -> None:
    answer = post(town, "/v1/hl7/registrations", BOOKING)
    no = answer["settlement_no"]
    town.lab.fault("his", "SRM^S04", fault, seconds=40.0)
    town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "X1", "reason_code": "p"}, client="C01")
    assert rest(town, answer)["state"] == "undone"
    assert places(town) == 5
    agreed(town, 0)


def test_schedules_slots_and_stays(town: Town) -> None:
    def ask(target: str) -> dict[str, Any]:
        reply = town.ask("GET", f"/v1/hl7/{target}", client="C01")
        assert reply.status == 200, reply.body.decode()
        return reply.json

    plan = ask("schedules?dept=KQ01")["schedules"]
    assert [(row["schedule"], row["fee"], row["free"]) for row in plan] == [("D01-AM", 1500, 5), ("D01-PM", 1500, 5)]
    assert [row["schedule"] for row in ask("slots?schedule=D01-PM")["schedules"]] == ["D01-PM"]
    assert ask("slots?schedule=D99-AM")["schedules"] == []
    his: Any = town.lab.parties["his"]
    note = town.lab.act("his", "issue_admission", patient="P0006")["admission"]
    stay = his.stays.register(note, "A1", "测试乙", "13800000000").inhos_no
    town.lab.act("his", "charge_stay", stay=stay, item="K0001")
    his.stays.pay_in(stay, "D1", 50000, "CASH", "", "")
    assert [(row["stay"], row["deposit"], row["total"]) for row in ask("stays?patient=P0006")["stays"]] == [
        (stay, 50000, 40000),
    ]  # fmt: skip
    assert [(row["code"], row["amount"]) for row in ask(f"stay_bill?stay={stay}")["items"]] == [("K0001", 40000)]


def test_a_booking_the_his_lost_is_found_by_the_books(town: Town) -> None:
    """Its connection speaks HL7, which tells no ledger: the HIS's HTTP connection tells it."""
    answer = pay(town, "charges", CHARGE)
    rows = town.lab.parties["his"].ledger.rows
    rows[:] = [row for row in rows if row.no != answer["settlement_no"]]
    assert [kind for kind, _ in differences(town)] == ["his_missing"]
