"""The example of registrations at a HIS: a patient created, a slot held, paid, booked, the queue number, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.edge.town import Town
from tests.his_examples.ground import STYLES, differences, free, post, refund, registered, rest, town_of

CODE = {"kind": "wechat_code", "auth_code": "134000000000000001"}
FEE = 1500
NewTown = Callable[..., Town]


def asked(**more: Any) -> dict[str, Any]:
    return {"request_no": "G1", "patient": {"id": "P0001"}, "schedule": "D01-AM", "registration_no": "GH-K01-1", **more}


def at_his(town: Town) -> int:
    """What the HIS's own collection keeps, in fen."""
    taken = sum(row["amount"] for row in town.ledger("his", "charge"))
    return taken - sum(row["amount"] for row in town.ledger("his", "refund"))


def register(town: Town, kind: str, **more: Any) -> dict[str, Any]:
    def pay(order: str) -> None:
        if not town.ledger("his", "charge"):
            town.lab.act("his", "pay_order", order=order)

    choice = CODE if kind == "wechat_code" else {"kind": kind}
    return registered(town, "/v1/his/registrations", asked(**more), choice, pay)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", ["his_qr", "wechat_code", "cash"])
def test_a_registration_and_its_cancelling(new_town: NewTown, style: str, kind: str) -> None:
    town = town_of(new_town, "his_registration", style=style)
    answer = register(town, kind)
    assert (answer["state"], answer["amounts"]["cash"], free(town)) == ("settled", FEE, 4)
    assert answer["numbers"]["his"].startswith("G2026")
    (booked,) = town.ledger("his", "book")
    assert (booked["no"], booked["amount"]) == (answer["settlement_no"], FEE)
    assert (at_his(town), town.kept()) == (FEE * (kind == "his_qr"), FEE * (kind == "wechat_code"))
    (notice,) = town.ledger("his", "notice")
    assert notice["ref"] == answer["settlement_no"]
    assert differences(town) == []
    assert refund(town, answer)["state"] == "undone"
    assert (at_his(town), town.kept(), free(town)) == (0, 0, 5)
    assert differences(town) == []


@pytest.mark.parametrize("style", STYLES)
def test_a_new_patient_registers_and_takes_the_queue_number(new_town: NewTown, style: str) -> None:
    town = town_of(new_town, "his_registration", "his_desk", style=style)
    person = {"name": "测试新", "id_no": "370202199912310013", "phone": "13800000000"}
    made = rest(town, post(town, "/v1/his/patients", {"request_no": "N1", "create_no": "JD-1", **person}))
    patient = made["numbers"]["patient"]
    again = rest(town, post(town, "/v1/his/patients", {"request_no": "N2", "create_no": "JD-2", **person}))
    assert (made["state"], again["numbers"]["patient"]) == ("settled", patient)
    found = town.ask("GET", f"/v1/his/patients?kind=typed_id&value={person['id_no']}", client="C01").json
    assert (found["patient"], found["name"]) == (patient, "测试新")
    answer = register(town, "his_qr", patient={"id": patient})
    assert answer["state"] == "settled"
    wish = {"request_no": "Q1", "registration": answer["settlement_no"]}
    taken = rest(town, post(town, "/v1/his/queue_numbers", wish))
    assert (taken["state"], taken["numbers"]["queue"]) == ("settled", "1")
    back = refund(town, answer)
    why = "who has a queue number is taken back at the window"
    assert (back["state"], back["reason"]["code"], at_his(town)) == ("settled", "E-REFUND-REFUSED", FEE), why


UNCERTAIN = ("timeout_after_commit", "timeout_before_commit", "late_commit", "bad_signature")


@pytest.mark.parametrize("fault", UNCERTAIN)
@pytest.mark.parametrize("op", ["lock.reg", "reg", "create.pay.order", "query.pay.order", "upload.operation.state"])
def test_whatever_the_his_answers_money_and_registration_stand_together(
    new_town: NewTown, op: str, fault: str
) -> None:
    town = town_of(new_town, "his_registration")
    town.lab.fault("his", op, fault, seconds=40.0)
    answer = register(town, "his_qr")
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    stands = answer["state"] == "settled"
    assert at_his(town) == FEE * stands
    assert [row["amount"] for row in town.ledger("his", "book") if row["state"] == "done"] == [FEE] * stands
    assert free(town) == 5 - stands
    assert differences(town) == []


@pytest.mark.parametrize("fault", UNCERTAIN)
@pytest.mark.parametrize("op", ["cancel.reg", "refund.pay.order", "unlock.reg"])
def test_going_back_ends_whatever_is_answered(new_town: NewTown, op: str, fault: str) -> None:
    town = town_of(new_town, "his_registration")
    answer = register(town, "his_qr")
    town.lab.fault("his", op, fault, seconds=40.0)
    assert refund(town, answer)["state"] == "undone"
    assert (at_his(town), free(town)) == (0, 5)
    assert differences(town) == []


def test_who_never_scans_has_paid_nothing_and_can_choose_again(new_town: NewTown) -> None:
    town = town_of(new_town, "his_registration")
    answer = post(town, "/v1/his/registrations", asked())
    no = answer["settlement_no"]
    town.choose(no, {"choice_no": "1", "kind": "his_qr"}, client="C01")
    town.pass_time(20.0)
    assert town.show(no, client="C01").state == "paying"
    town.choose(no, {"choice_no": "2", "kind": "cash"}, client="C01")
    assert rest(town, answer)["state"] == "settled"
    his: Any = town.lab.parties["his"]
    assert his.counter.orders[f"{no}P1"].state == "CLOSED"
    assert at_his(town) == 0
    assert differences(town) == []


WRONG = [
    (asked(schedule="-1"), 400, "schedule"),
    (asked(patient={}), 400, "patient.id"),
    ({**asked(), "registration_no": ""}, 400, "registration_no"),
    ({**asked(), "price": 1}, 400, "price"),
]


@pytest.mark.parametrize(("body", "status", "field"), WRONG)
def test_a_wrong_request_names_its_field(new_town: NewTown, body: dict[str, Any], status: int, field: str) -> None:
    town = town_of(new_town, "his_registration")
    terminal = {"terminal": {"kind": "kiosk", "id": "K01"}, "operator": "K01"}
    reply = town.ask("POST", "/v1/his/registrations", {**terminal, **body}, client="C01")
    assert (reply.status, reply.json["field"]) == (status, field)


def test_an_unknown_schedule_is_refused_in_the_his_words(new_town: NewTown) -> None:
    town = town_of(new_town, "his_registration")
    answer = post(town, "/v1/his/registrations", asked(schedule="D99-AM"))
    assert (answer["state"], answer["reason"]["side"], answer["reason"]["zh"]) == ("rejected", "his", "没有这个排班")
