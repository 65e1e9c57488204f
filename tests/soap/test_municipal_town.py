"""Settlements of the municipal channel through the whole engine and its simulator, under every misfortune the platform
has: whatever the bytes, a settlement ends with all parties agreeing, and no money stays where it should not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.edge.desk import at_the_desk
from tests.edge.town import BILL, CODE, PATIENT, Town
from tests.rig.agreement import compared, lines_of

START = "/v1/municipal/settlements"
UNCERTAIN = (  # the platform's answer to the settlement tells nothing; what is true must be found out
    "reset_after_commit", "timeout_after_commit", "half_reply", "duplicate_reply", "late_commit", "slow", "soap_fault",
    "wrong_namespace", "half_xml", "empty_body", "inner_utf8", "bad_signature", "wrong_amount", "unsure",
    "refuse_connection", "reset_before_commit", "timeout_before_commit", "html", "http_500", "client_fault",
    "token_expired",
)  # fmt: skip


def settle(town: Town, *, patient: str = PATIENT, bill: str = BILL) -> dict[str, Any]:
    return at_the_desk(town, START, town.bill_request(patient, bill), CODE)


def agreed(town: Town, answer: dict[str, Any]) -> None:
    """The parties' own ledgers, and the product's books about them."""
    town.pass_time(600.0)
    live = [row for row in town.ledger("municipal", "settle") if row["state"] == "done"]
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    settled = answer["state"] == "settled"
    assert len(live) == len(booked) == (1 if settled else 0), answer
    assert town.kept() == (live[0]["cash"] if settled else 0)
    if not settled:
        assert [r["state"] for r in town.ledger("municipal", "register") if r["state"] == "open"] == []
        assert [r["state"] for r in town.ledger("municipal", "upload") if r["state"] == "uploaded"] == []
    assert [row for row in town.ledger("his", "lock") if row["state"] == "live"] == []
    books = town.do(compared(town.lab.engine))
    assert lines_of(books) == []


def test_a_bill_is_settled_with_the_citys_own_platform(town: Town) -> None:
    answer = settle(town)
    assert (answer["state"], answer["amounts"]["fund"], answer["amounts"]["cash"]) == ("settled", 12500, 107500)
    assert answer["numbers"]["insurance"].startswith("JS")
    agreed(town, answer)
    back = town.ask("POST", f"/v1/settlements/{answer['settlement_no']}/refunds",
                    {"request_no": "B1", "reason_code": "patient"}, client="C01")  # fmt: skip
    assert back.status in (200, 202)
    agreed(town, town.rest(answer["settlement_no"], client="C01"))
    assert [row["amount"] for row in town.ledger("municipal", "cancel")] == [-120000]


SOME = ("timeout_after_commit", "timeout_before_commit", "late_commit", "soap_fault")


@pytest.mark.parametrize(("op", "fault"), [
    *(("2410", fault) for fault in UNCERTAIN), *((op, fault) for op in ("2210", "2310") for fault in SOME),
])  # fmt: skip
def test_whatever_a_change_is_answered_with_all_agree_in_the_end(town: Town, op: str, fault: str) -> None:
    if fault == "wrong_amount":
        town.expected_errors.add("answer_not_read")  # amounts that do not add up are worth a line in the log
    town.lab.fault("municipal", op, fault, seconds=200.0)
    answer = settle(town)
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    agreed(town, answer)


@pytest.mark.parametrize(("op", "fault", "code"), [
    ("2100", "refuse_business", "E-REFUSED"), ("2210", "refuse_business", "E-REFUSED"),
    ("2420", "refuse_business", "E-REFUSED"), ("2410", "refuse_business", "E-REFUSED"),
])  # fmt: skip
def test_an_explicit_no_is_the_platforms_and_in_its_words(town: Town, op: str, fault: str, code: str) -> None:
    town.lab.fault("municipal", op, fault)
    answer = settle(town)
    assert answer["state"] in ("undone", "rejected")
    assert (answer["reason"]["code"], answer["reason"]["side"]) == (code, "insurance")
    assert "业务处理失败" in answer["reason"]["zh"]
    agreed(town, answer)


@pytest.mark.parametrize(("op", "fault"), [
    ("2430", "timeout_after_commit"), ("2430", "soap_fault"), ("2430", "reset_before_commit"), ("2430", "unsure"),
    ("2320", "timeout_after_commit"), ("2320", "half_xml"), ("2240", "timeout_after_commit"), ("2240", "soap_fault"),
])  # fmt: skip
def test_an_undo_goes_on_until_it_is_done(town: Town, op: str, fault: str) -> None:
    town.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    town.lab.fault("municipal", op, fault, seconds=60.0)
    answer = settle(town)
    assert answer["state"] == "undone", answer
    agreed(town, answer)


def test_the_platform_loses_all_sign_ins_in_the_middle(town: Town) -> None:
    town.lab.act("municipal", "expire_signin")
    answer = settle(town)
    assert answer["state"] == "settled"
    agreed(town, answer)


def test_a_rare_name_travels_both_ways(town: Town) -> None:
    answer = settle(town, patient="P0008", bill="B20261122008")
    assert answer["state"] == "settled", answer
    agreed(town, answer)


def test_the_engine_dies_while_the_answer_is_out(town: Town) -> None:
    reply = town.ask("POST", START, town.bill_request(PATIENT, BILL), client="C01")
    no = str(reply.json["settlement_no"])
    town.lab.fault("municipal", "2410", "timeout_after_commit", seconds=600.0)
    town.begin("POST", f"/v1/settlements/{no}/pay", CODE, client="C01")
    town.pass_time(8.0)
    assert len(town.ledger("municipal", "settle")) == 1
    town.kill()
    town.rise()
    answer = town.rest(no, client="C01")
    assert answer["state"] == "settled"
    agreed(town, answer)
