"""The example of insured registrations, end to end: HIS, insurance, payment and invoice agree in their own ledgers,
whoever pays and whatever is not answered; a cancelled registration leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from simulators.town import PERSONS
from tests.edge.town import Town
from tests.his_examples.ground import HEAD, STYLES, differences, free, post, refund, registered, rest, town_of

CODE = {"kind": "wechat_code", "auth_code": "134000000000000001"}
FEE = 1500
NewTown = Callable[..., Town]


def asked(patient: str = "P0001", **more: Any) -> dict[str, Any]:
    person = next(one for one in PERSONS if one.id == patient)
    credential = {"kind": "insurance_card", "value": person.card_no, "card_sn": person.card_sn}
    return {
        "request_no": f"G-{patient}", "patient": {"id": patient, "credential": credential}, "schedule": "D01-AM",
        "registration_no": f"GH-{patient}", "pay_identity": "insured", **more,
    }  # fmt: skip


def live(town: Town, party: str, kind: str) -> list[dict[str, Any]]:
    return [row for row in town.ledger(party, kind) if row["state"] == "done"]


def pooled(town: Town) -> int:
    """What the fund pays in all, in fen."""
    bureau: Any = town.lab.parties["insurance"].bureau  # type: ignore[attr-defined]  # the simulator's own memory
    return sum(one.amounts.pool for one in bureau.settlements.values() if one.state == "done" and one.of is None)


def invoice(town: Town, answer: Mapping[str, Any]) -> Any:
    """The registration's invoice at the platform."""
    register: Any = town.lab.parties["einvoice"].register  # type: ignore[attr-defined]  # the simulator's own memory
    return register.by_bus_no[f"{answer['settlement_no']}E1"]


def register(town: Town, choice: Mapping[str, Any] = CODE, patient: str = "P0001", **more: Any) -> dict[str, Any]:
    def pay(order: str) -> None:
        party = choice["kind"].partition("_")[0]
        if "auth_code" not in choice and not town.ledger(party, "charge"):
            town.lab.act(party, "pay", no=order)

    return registered(town, "/v1/registrations", asked(patient, **more), choice, pay)


def nothing_left(town: Town) -> None:
    """No money, no registration, no visit, no line, no slot of anybody's."""
    assert (town.kept(), free(town), pooled(town)) == (0, 5, 0)
    assert live(town, "his", "book") == live(town, "insurance", "settle") == live(town, "einvoice", "issue") == []
    assert [row for row in town.ledger("insurance", "register") if row["state"] == "open"] == []
    assert [row for row in town.ledger("insurance", "upload") if row["state"] == "uploaded"] == []


@pytest.mark.parametrize(("patient", "fund", "care"), [("P0001", 800, "01"), ("P0002", 500, "02")])
@pytest.mark.parametrize("style", STYLES)
def test_employee_and_resident_register_and_cancel(
    new_town: NewTown, style: str, patient: str, fund: int, care: str
) -> None:
    town = town_of(new_town, "insured_registration", style=style)
    answer = register(town, patient=patient)
    cash = FEE - fund
    expected = {"total": FEE, "fund": fund, "account": 0, "relief": 0, "other": 0, "cash": cash}
    assert (answer["state"], answer["amounts"], free(town)) == ("settled", expected, 4), answer
    (booked,) = live(town, "his", "book")
    assert (booked["no"], booked["amount"], booked["ref"]) == (answer["settlement_no"], FEE, str(cash))
    assert answer["numbers"]["his"] == booked["party_no"]
    assert answer["numbers"]["visit"] == f"V{booked['party_no']}"
    (settled,) = live(town, "insurance", "settle")
    assert (settled["amount"], settled["party_no"], pooled(town)) == (FEE, answer["numbers"]["insurance"], fund)
    assert town.kept() == cash
    bill = invoice(town, answer)
    assert (bill.bus_type, bill.amount, bill.content["medCareTypeCode"]) == ("06", FEE, care)
    paid = {row["payChannelCode"]: row["payChannelValue"] for row in bill.content["payChannelDetail"]}
    assert paid == {"11": f"{fund // 100}.00", "05": f"{cash // 100}.00"}
    assert differences(town) == []
    assert refund(town, answer)["state"] == "undone"
    nothing_left(town)
    assert differences(town) == []


def test_a_registration_moves_no_yearly_counter(new_town: NewTown) -> None:
    town = town_of(new_town, "insured_registration")
    bureau: Any = town.lab.parties["insurance"].bureau  # type: ignore[attr-defined]  # the simulator's own memory
    person = PERSONS[0]
    before = bureau.counters(person, bureau.year())
    assert register(town)["state"] == "settled"
    assert bureau.counters(person, bureau.year()) == before


def test_the_second_registration_of_the_day_in_that_department_is_the_patients_own(new_town: NewTown) -> None:
    town = town_of(new_town, "insured_registration")
    assert register(town)["amounts"]["fund"] == 800
    again = register(town, request_no="G2", registration_no="GH-2", schedule="D01-PM")
    assert (again["state"], again["amounts"]["fund"], again["amounts"]["cash"]) == ("settled", 0, FEE)
    other = register(town, request_no="G3", registration_no="GH-3", schedule="D02-AM")
    assert (other["state"], other["amounts"]["fund"]) == ("settled", 800)
    assert differences(town) == []


@pytest.mark.parametrize(
    ("choice", "party", "mode"),
    [
        ({"kind": "wechat_qr"}, "wechat", "WX"), ({"kind": "alipay_qr"}, "alipay", "ZFB"),
        ({"kind": "alipay_code", "auth_code": "281234567890123456"}, "alipay", "ZFB"),
        ({"kind": "unionpay_qr"}, "unionpay", "YL"),
        ({"kind": "unionpay_code", "auth_code": "6212345678901234567"}, "unionpay", "YL"),
        ({"kind": "cash"}, "", "CASH"),
    ],
)  # fmt: skip
def test_every_way_of_paying_the_patients_part_and_back(
    new_town: NewTown, choice: dict[str, str], party: str, mode: str
) -> None:
    town = town_of(new_town, "insured_registration")
    answer = register(town, choice)
    assert answer["state"] == "settled", answer
    his: Any = town.lab.parties["his"]
    assert his.registry.booked.ask(answer["settlement_no"]).content[2] == mode
    if party:
        (charge,) = town.ledger(party, "charge")
        assert (charge["no"], charge["amount"]) == (answer["numbers"]["trade"], 700)
    assert differences(town) == []
    assert refund(town, answer)["state"] == "undone"
    if party:
        (back,) = town.ledger(party, "refund")
        assert back["amount"] == 700
    nothing_left(town)


def test_the_personal_account_pays_the_patients_part_and_gets_it_back(new_town: NewTown) -> None:
    town = town_of(new_town, "insured_registration")
    bureau: Any = town.lab.parties["insurance"].bureau  # type: ignore[attr-defined]  # the simulator's own memory
    before = bureau.balance(PERSONS[0])
    answer = register(town, {"kind": "insurance_account"})
    assert (answer["state"], answer["amounts"]["account"], answer["amounts"]["cash"]) == ("settled", 700, 0)
    assert bureau.balance(PERSONS[0]) == before - 700
    assert differences(town) == []
    assert refund(town, answer)["state"] == "undone"
    assert bureau.balance(PERSONS[0]) == before
    nothing_left(town)


def by_soap(town: Town, operation: str, inside: str) -> str:
    """One call of the served SOAP door; the answer's text."""
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<q:{operation} xmlns:q="urn:hospital-settlement:v1">{inside}</q:{operation}></s:Body></s:Envelope>'
    ).encode()
    path = "/soap/registration"
    headers = [*town.signed("POST", path, body, client="H01"), ("Content-Type", "text/xml; charset=utf-8")]
    return town.begin("POST", path, body, headers=headers).reply().body.decode()


def test_the_his_registers_an_insured_patient_by_soap(new_town: NewTown) -> None:
    town = town_of(new_town, "insured_registration")
    person = PERSONS[0]
    asked_for = (
        "<request_no>H1</request_no><campus>main</campus><terminal><kind>window</kind><id>W01</id></terminal>"
        "<operator>W01</operator><patient><id>P0001</id><credential><kind>insurance_card</kind>"
        f"<value>{person.card_no}</value><card_sn>{person.card_sn}</card_sn></credential></patient>"
        "<schedule>D01-AM</schedule><registration_no>GH-W01-1</registration_no><pay_identity>insured</pay_identity>"
    )
    told = by_soap(town, "PreSettle", asked_for)
    assert "<state>quoted</state>" in told, told
    assert "<fund>800</fund>" in told
    assert by_soap(town, "PreSettle", asked_for) == told, "the same request again is the same registration"
    no = told.partition("<settlement_no>")[2].partition("<")[0]
    paid = f"<settlement_no>{no}</settlement_no><choice_no>1</choice_no><kind>cash</kind>"
    assert "<state>settled</state>" in by_soap(town, "Settle", paid)
    back = f"<settlement_no>{no}</settlement_no><request_no>B1</request_no><reason_code>patient</reason_code>"
    by_soap(town, "Refund", back)
    town.pass_time(60.0)
    assert "<state>undone</state>" in by_soap(town, "Query", f"<settlement_no>{no}</settlement_no>")
    nothing_left(town)
    assert differences(town) == []


def test_a_card_slip_is_booked_with_the_his_and_its_return_is_asked_of_the_terminal(new_town: NewTown) -> None:
    town = town_of(new_town, "insured_registration")
    slip = {"amount": 700, "merchant": "M1", "terminal": "T1", "batch": "1", "trace": "7", "ref_no": "123456789012"}
    answer = register(town, {"kind": "unionpay_card", "proof": slip})
    assert answer["state"] == "settled", answer
    his: Any = town.lab.parties["his"]
    assert his.registry.booked.ask(answer["settlement_no"]).content[2] == "DB"
    assert differences(town) == []
    wish = {"request_no": "B1", "reason_code": "patient"}
    town.ask("POST", f"/v1/settlements/{answer['settlement_no']}/refunds", wish, client="C01")
    town.pass_time(30.0)
    shown = town.show(answer["settlement_no"], client="C01").json
    assert (shown["give_back"]["kind"], shown["give_back"]["amount"]) == ("unionpay_card", 700)
    void = {"terminal": "T1", "batch": "1", "trace": "8", "ref_no": "123456789013"}
    report = {"return_no": "1", "back_no": shown["give_back"]["no"], "amount": 700, "proof": void}
    told = town.ask("POST", f"/v1/settlements/{answer['settlement_no']}/returned", report, client="C01")
    assert told.status == 200, told.body.decode()
    assert rest(town, answer)["state"] == "undone"
    nothing_left(town)
    assert differences(town) == []


def test_self_paid_nobody_asks_the_insurance(new_town: NewTown) -> None:
    town = town_of(new_town, "insured_registration")
    answer = register(town, patient="P0005", pay_identity="self_pay")
    assert (answer["state"], answer["amounts"]["cash"], town.kept()) == ("settled", FEE, FEE)
    assert town.ledger("insurance", "register") == []
    assert differences(town) == []
    assert refund(town, answer)["state"] == "undone"
    nothing_left(town)


@pytest.mark.parametrize(("patient", "code"), [("P0004", "E-REG-IN-HOSPITAL"), ("P0007", "E-REG-IN-HOSPITAL")])
def test_who_may_not_use_his_insurance_hears_why_and_holds_nothing(
    new_town: NewTown, patient: str, code: str
) -> None:
    town = town_of(new_town, "insured_registration")
    answer = register(town, patient=patient)
    assert (answer["state"], answer["reason"]["code"]) == ("rejected", code)
    nothing_left(town)


def test_a_queue_number_was_taken_invoice_insurance_and_money_stay(new_town: NewTown) -> None:
    town = town_of(new_town, "insured_registration")
    answer = register(town)
    his: Any = town.lab.parties["his"]
    his.registry.take({"settleNo": answer["settlement_no"]}, {})
    back = refund(town, answer)
    assert (back["state"], back["reason"]["code"]) == ("settled", "E-REFUND-REFUSED")
    assert (town.kept(), pooled(town), free(town)) == (700, 800, 4)
    assert len(live(town, "his", "book")) == len(live(town, "insurance", "settle")) == 1
    assert len(live(town, "einvoice", "issue")) == 1
    assert town.tasks() == []


def taken(town: Town, party: str) -> bool:
    """Whether that party's misfortune has happened."""
    return not town.lab.parties[party].faults.orders


UNCERTAIN = ("timeout_after_commit", "timeout_before_commit", "half_reply", "http_500")
FORWARD = [
    ("his", "lock.reg"), ("his", "reg"), ("insurance", "2201"), ("insurance", "2204"), ("insurance", "2206A"),
    ("insurance", "2207A"), ("wechat", "micropay"), ("einvoice", "invEBillRegistration"),
    ("his", "upload.operation.state"),
]
BACK = [
    ("his", "cancel.reg"), ("his", "unlock.reg"), ("insurance", "2208"), ("insurance", "2205"), ("insurance", "2202"),
    ("wechat", "refund"), ("einvoice", "writeOffEBill"),
]


@pytest.mark.parametrize("fault", UNCERTAIN)
@pytest.mark.parametrize(("party", "op"), FORWARD)
def test_whatever_is_not_answered_all_parties_stand_together(
    new_town: NewTown, party: str, op: str, fault: str
) -> None:
    town = town_of(new_town, "insured_registration")
    town.lab.fault(party, op, fault, seconds=60.0)
    answer = register(town)
    assert taken(town, party)
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    assert differences(town) == []  # ten minutes later
    if answer["state"] == "settled":
        assert (town.kept(), pooled(town), free(town)) == (700, 800, 4)
        assert len(live(town, "his", "book")) == len(live(town, "einvoice", "issue")) == 1
    else:
        nothing_left(town)


@pytest.mark.parametrize("fault", UNCERTAIN)
@pytest.mark.parametrize(("party", "op"), BACK)
def test_a_cancelled_registration_is_gone_whatever_is_answered(
    new_town: NewTown, party: str, op: str, fault: str
) -> None:
    town = town_of(new_town, "insured_registration")
    answer = register(town)
    assert answer["state"] == "settled", answer
    town.lab.fault(party, op, fault, seconds=60.0)
    assert refund(town, answer)["state"] == "undone"
    assert taken(town, party)
    nothing_left(town)
    assert differences(town) == []


@pytest.mark.parametrize(("party", "op"), [("his", "reg"), ("insurance", "2207A")])
def test_a_refusal_after_the_payment_gives_everything_back(new_town: NewTown, party: str, op: str) -> None:
    town = town_of(new_town, "insured_registration")
    town.lab.fault(party, op, "refuse_business", times=None)
    answer = register(town)
    assert answer["state"] == "undone", answer
    nothing_left(town)
    assert [row["amount"] for row in town.ledger("wechat", "refund")] == [700]
    assert differences(town) == []


def death(town: Town, party: str, op: str, method: str, target: str, body: Mapping[str, Any]) -> None:
    """The engine dies after the party did what it was asked and before its answer is heard, and rises."""
    town.lab.fault(party, op, "slow", seconds=30.0)
    town.begin(method, target, body, client="C01")
    for _ in range(400):
        if taken(town, party):
            break
        town.pass_time(0.05)
    assert taken(town, party), f"{op} was never asked"
    town.kill()
    town.rise()


BEGUN = ("pre.reg", "lock.reg", "1101", "5303", "2201", "2203A", "2204", "2206A")
PAID = ("micropay", "2207A", "reg", "invEBillRegistration", "upload.operation.state")
OF = {"micropay": "wechat", "refund": "wechat", "invEBillRegistration": "einvoice", "writeOffEBill": "einvoice"}


def party_of(op: str) -> str:
    return OF.get(op) or ("insurance" if op[0].isdigit() else "his")


@pytest.mark.parametrize("op", BEGUN + PAID)
def test_the_engine_dies_waiting_for_an_answer_and_comes_to_one_end(new_town: NewTown, op: str) -> None:
    town = town_of(new_town, "insured_registration")
    if op in BEGUN:
        death(town, party_of(op), op, "POST", "/v1/registrations", {**HEAD, **asked()})
        answer = register(town)  # the same request again
    else:
        answer = post(town, "/v1/registrations", asked())
        target = f"/v1/settlements/{answer['settlement_no']}/pay"
        death(town, party_of(op), op, "POST", target, {"choice_no": "1", **CODE})
        answer = rest(town, answer)
    assert differences(town) == []
    if answer["state"] == "settled":
        assert (town.kept(), pooled(town), free(town)) == (700, 800, 4)
        assert len(live(town, "his", "book")) == len(live(town, "insurance", "settle")) == 1
        assert len(live(town, "einvoice", "issue")) == 1
    else:
        assert answer["state"] in ("undone", "rejected"), answer
        nothing_left(town)


@pytest.mark.parametrize("op", [op for _, op in BACK])
def test_the_engine_dies_while_it_takes_a_registration_back(new_town: NewTown, op: str) -> None:
    town = town_of(new_town, "insured_registration")
    answer = register(town)
    target = f"/v1/settlements/{answer['settlement_no']}/refunds"
    death(town, party_of(op), op, "POST", target, {"request_no": "B1", "reason_code": "patient"})
    assert rest(town, answer)["state"] == "undone"
    nothing_left(town)
    assert differences(town) == []
