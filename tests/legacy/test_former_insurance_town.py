"""The example site of three former interfaces, through engine and simulators, under every misfortune."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulators.municipal.functions import FunctionSim
from tests.edge import town as edge
from tests.edge.desk import at_the_desk
from tests.edge.town import BILL, PATIENT, Town
from tests.legacy.hospital import FormerLab
from tests.rig.agreement import compared, lines_of

CASH = {"choice_no": "1", "kind": "cash"}


@pytest.fixture
def hospital(monkeypatch: pytest.MonkeyPatch, new_town: Callable[..., Town]) -> Town:
    monkeypatch.setattr(edge, "Lab", FormerLab)
    return new_town()


def settle(town: Town, party: str) -> dict[str, Any]:
    return at_the_desk(town, f"/v1/{party}/settlements", town.bill_request(PATIENT, BILL), CASH)


def agreed(town: Town, party: str, answer: dict[str, Any]) -> None:
    """The parties' own ledgers, and the product's books about them."""
    town.pass_time(900.0)
    live = [row for row in town.ledger(party, "settle") if row["state"] == "done"]
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    settled = answer["state"] == "settled"
    assert len(live) == len(booked) == (1 if settled else 0), answer
    sim = town.lab.parties[party]
    assert isinstance(sim, FunctionSim)
    used = sim.platform.counters(sim.platform.people[PATIENT], sim.world.stamp("%Y"))
    assert used.fund == (live[0]["fund"] if settled else 0), "the year's counter is given back"
    if not settled:
        assert [r["state"] for r in town.ledger(party, "register") if r["state"] == "open"] == []
        assert [r["state"] for r in town.ledger(party, "upload") if r["state"] == "uploaded"] == []
    assert [row for row in town.ledger("his", "lock") if row["state"] == "live"] == []
    books = town.do(compared(town.lab.engine, ("his", party)))
    assert lines_of(books) == []


SETTLE = {"dareway": ("settle_mz",), "neusoft": ("2410",), "yinhai": ("2410", "confirm")}
CANCEL = {"dareway": ("destroy_mz",), "neusoft": ("2430", "2320", "2240"), "yinhai": ("2430", "cancel", "2320")}
UNCERTAIN = (
    "reset_after_commit", "timeout_after_commit", "half_reply", "duplicate_reply", "late_commit", "soap_fault",
    "half_xml", "empty_body", "bad_signature", "unsure", "unsure_after", "reset_before_commit",
    "timeout_before_commit", "html", "http_500", "token_expired",
)  # fmt: skip


@pytest.mark.parametrize("party", ["dareway", "neusoft", "yinhai"])
def test_a_bill_is_settled_and_given_back(hospital: Town, party: str) -> None:
    answer = settle(hospital, party)
    assert (answer["state"], answer["amounts"]["fund"], answer["amounts"]["cash"]) == ("settled", 12500, 107500)
    agreed(hospital, party, answer)
    back = hospital.ask("POST", f"/v1/settlements/{answer['settlement_no']}/refunds",
                        {"request_no": "B1", "reason_code": "patient"}, client="C01")  # fmt: skip
    assert back.status in (200, 202)
    agreed(hospital, party, hospital.rest(answer["settlement_no"], client="C01"))
    assert [row["amount"] for row in hospital.ledger(party, "cancel")] == [-120000]


@pytest.mark.parametrize(("party", "op", "fault"), [
    (party, op, fault) for party, ops in SETTLE.items() for op in ops for fault in UNCERTAIN
])  # fmt: skip
def test_whatever_a_settlement_is_answered_with_all_agree_in_the_end(
    hospital: Town, party: str, op: str, fault: str
) -> None:
    hospital.lab.fault(party, op, fault, seconds=200.0)
    answer = settle(hospital, party)
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    agreed(hospital, party, answer)


@pytest.mark.parametrize(("party", "op"), [("dareway", "settle_mz"), ("neusoft", "2410"), ("yinhai", "2410")])
def test_an_amount_that_drifts_is_taken_back(hospital: Town, party: str, op: str) -> None:
    hospital.expected_errors.add("answer_not_read")  # amounts that do not add up are worth a line in the log
    hospital.lab.fault(party, op, "wrong_amount")
    answer = settle(hospital, party)
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    agreed(hospital, party, answer)


@pytest.mark.parametrize(("party", "op", "fault"), [
    (party, op, fault) for party, ops in CANCEL.items() for op in ops
    for fault in ("timeout_after_commit", "unsure", "unsure_after", "half_xml")
])  # fmt: skip
def test_an_undo_goes_on_until_it_is_done(hospital: Town, party: str, op: str, fault: str) -> None:
    hospital.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    hospital.lab.fault(party, op, fault, seconds=60.0)
    answer = settle(hospital, party)
    assert answer["state"] in ("undone", "rejected"), answer
    agreed(hospital, party, answer)


@pytest.mark.parametrize("party", ["neusoft", "yinhai"])
def test_the_books_know_that_the_bill_is_unlocked_while_a_slow_cancellation_holds_what_comes_after(
    hospital: Town, party: str
) -> None:
    """The HIS need not wait a day for the insurance: its lock passes, and the insurance's own undos follow later."""
    answer = settle(hospital, party)
    hospital.lab.fault(party, "2430", "timeout_before_commit", times=6)
    hospital.lab.fault(party, "2320", "timeout_before_commit", times=2)
    hospital.ask("POST", f"/v1/settlements/{answer['settlement_no']}/refunds",
                 {"request_no": "B1", "reason_code": "patient"}, client="C01")  # fmt: skip
    back = hospital.rest(answer["settlement_no"], 7200.0, client="C01")
    assert back["state"] == "undone"
    hospital.pass_time(60.0)
    unlocked = next(row.at for row in hospital.lab.parties["his"].exchanges.rows if row.op == "unlock.bill")
    assert unlocked < max(row.at for row in hospital.lab.parties[party].exchanges.rows if row.op == "2320")
    agreed(hospital, party, back)


@pytest.mark.parametrize("party", ["dareway", "neusoft", "yinhai"])
def test_sign_ins_are_lost_in_the_middle(hospital: Town, party: str) -> None:
    hospital.pass_time(5.0)
    hospital.lab.act(party, "expire_signin")
    answer = settle(hospital, party)
    assert answer["state"] == "settled"
    agreed(hospital, party, answer)


def test_resultcode_minus_six_is_asked_about_under_the_same_number(hospital: Town) -> None:
    hospital.lab.fault("dareway", "settle_mz", "unsure_after")
    answer = settle(hospital, "dareway")
    assert answer["state"] == "settled"
    asked = [row for row in hospital.lab.parties["dareway"].exchanges.rows if row.op == "ask_for_si"]
    number = hospital.ledger("dareway", "settle")[0]["no"]
    assert asked
    assert all(f'{{"p_hisjyh":"{number}"}}'.encode() in row.request for row in asked)
