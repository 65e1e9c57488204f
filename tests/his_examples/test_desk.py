"""The example of the HIS's questions over the shipped site: the HIS behind JSON and behind SOAP, in fen and in yuan;
and the night's comparison of what the HIS booked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.edge.town import CASH, CODE, Town
from tests.his_examples.ground import STYLES, refund, town_of

NewTown = Callable[..., Town]
DAY = 86_400.0


@pytest.mark.parametrize("style", STYLES)
def test_every_question_reads_the_same_in_every_style(new_town: NewTown, style: str) -> None:
    town = town_of(new_town, "his_desk", style=style)

    def ask(target: str) -> dict[str, Any]:
        reply = town.ask("GET", target, client="C01")
        assert reply.status == 200, reply.body.decode()
        return reply.json

    assert [(one["schedule"], one["fee"], one["free"]) for one in ask("/v1/his/schedules?dept=KQ01")["schedules"]] == [
        ("D01-AM", 1500, 5), ("D01-PM", 1500, 5),
    ]  # fmt: skip
    report = ask("/v1/his/reports?patient=P0002")["reports"][0]
    assert [(one["code"], one["value"]) for one in report["results"]] == [("WBC", "6.2")]
    assert ask("/v1/his/reports?patient=P0001")["reports"] == []
    images = ask("/v1/his/images?patient=P0002&from=2026-11-01")["reports"]
    assert [(one["name"], one["conclusion"]) for one in images] == [("全景片", "复查")]
    assert ask("/v1/his/images?patient=P0001")["reports"] == []
    town.lab.act("his", "pay_in", patient="P0001", amount=5000)
    for asked in ("patient=P0001", "kind=record_no&value=P0001", "kind=insurance_card&value=A12345678"):
        found = ask(f"/v1/his/patients?{asked}")
        assert (found["patient"], found["balance"]) == ("P0001", 205000)
    his: Any = town.lab.parties["his"]
    note = town.lab.act("his", "issue_admission", patient="P0006")["admission"]
    stay = his.stays.register(note, "A1", "测试乙", "13800000000").inhos_no
    town.lab.act("his", "charge_stay", stay=stay, item="K0001")
    his.stays.pay_in(stay, "D1", 50000, "CASH", "", "")
    assert ask(f"/v1/his/discharge?patient=P0006&stay={stay}") == {
        "stay": stay, "total": 40000, "deposit": 50000, "self": -10000,
    }  # fmt: skip
    refused = town.ask("GET", "/v1/his/discharge?patient=P0001&stay=NONE", client="C01")
    assert (refused.status, refused.json["reason"]["side"]) == (422, "his")
    signed = town.ask("POST", "/v1/his/sign_ins", {"terminal": "K01"}, client="C01")
    assert (signed.status, signed.json["terminal"], list(his.counter.alive)) == (200, "K01", ["K01"])


WRONG_SIGN_INS = [
    (b"", 400, "E-BODY"), (b"{", 400, "E-BODY"), (b"[]", 400, "E-FIELD"), (b"{}", 400, "E-FIELD"),
    (b'{"terminal": "K01", "terminal": "K02"}', 400, "E-BODY"), (b'{"terminal": 1}', 400, "E-FIELD"),
    (b'{"terminal": "K01", "more": "1"}', 400, "E-FIELD"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code"), WRONG_SIGN_INS)
def test_a_wrong_body_of_a_question_by_post_is_refused(
    new_town: NewTown, body: bytes, status: int, code: str
) -> None:
    town = town_of(new_town, "his_desk")
    reply = town.ask("POST", "/v1/his/sign_ins", body, client="C01")
    assert (reply.status, reply.code) == (status, code)
    his: Any = town.lab.parties["his"]
    assert his.counter.alive == {}


def test_a_question_by_post_must_be_signed_over_its_body(new_town: NewTown) -> None:
    town = town_of(new_town, "his_desk")
    headers = town.signed("POST", "/v1/his/sign_ins", b'{"terminal": "K01"}', client="C01")
    reply = town.ask("POST", "/v1/his/sign_ins", b'{"terminal": "K02"}', headers=headers)
    assert reply.status == 401


def test_the_interface_document_shows_a_post_with_its_body(new_town: NewTown) -> None:
    paths = town_of(new_town, "his_desk").ask("GET", "/openapi.json").json["paths"]
    posted, asked = paths["/v1/his/sign_ins"]["post"], paths["/v1/his/images"]["get"]
    assert posted["parameters"] == []
    assert posted["requestBody"]["content"]["application/json"]["schema"]["required"] == ["terminal"]
    assert "requestBody" not in asked
    assert [one["name"] for one in asked["parameters"]] == ["patient", "from", "to"]


@pytest.mark.parametrize("style", ["json", "soap in yuan"])
def test_the_night_compares_what_the_his_booked(new_town: NewTown, style: str) -> None:
    town = town_of(new_town, "his_desk", style=style)
    first = town.quoted(client="C01")
    town.choose(first, CODE, client="C01")
    second = town.quoted("P0005", "B20261122005", client="C01", pay_identity="self_pay")
    town.choose(second, {**CODE, "auth_code": "134000000000000002"}, client="C01")
    assert refund(town, {"settlement_no": second})["state"] == "undone"
    town.pass_time(DAY)
    asked = [row.op for row in town.lab.parties["his"].exchanges.rows]
    assert "query.day.bill" in asked
    assert [task["text"] for task in town.tasks("statement_differs")] == []
    assert town.kept() == CASH


def test_what_only_the_his_booked_calls_finance(new_town: NewTown) -> None:
    town = town_of(new_town, "his_desk")
    town.lab.parties["his"].ledger.add("book", no="HAND1", party_no="R9", amount=500, bill="BX")
    no = town.quoted(client="C01")
    town.choose(no, CODE, client="C01")
    booked = next(row for row in town.lab.parties["his"].ledger.rows if row.no == no)
    town.lab.parties["his"].ledger.change(booked, state="void")  # behind our back
    town.pass_time(DAY)
    assert len(town.tasks("statement_differs")) == 1
    rows = town.select("SELECT number, verdict FROM statement_rows WHERE party = 'his'")
    assert sorted((row["number"], row["verdict"]) for row in rows) == [("HAND1", "listed"), (no, "unlike")]
