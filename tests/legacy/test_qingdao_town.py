"""Settlements of the Qingdao channel through the whole engine and its simulator, under every misfortune the platform
has: whatever the bytes, a settlement ends with all parties agreeing, and no money stays where it should not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulators.qingdao import QingdaoSim
from tests.edge.desk import at_the_desk
from tests.edge.town import BILL, CODE, PATIENT, Town
from tests.rig.agreement import compared, lines_of

START = "/v1/qingdao/settlements"
UNCERTAIN = (  # the platform's answer to the payment tells nothing; what is true must be found out
    "reset_after_commit", "timeout_after_commit", "half_reply", "duplicate_reply", "late_commit", "slow",
    "short_reply", "long_reply", "wrong_end", "half_character", "wrong_number", "bad_signature", "wrong_amount",
    "offline", "offline_after", "refuse_connection", "reset_before_commit", "timeout_before_commit", "html", "http_500",
    "token_expired",
)  # fmt: skip


def settle(town: Town, *, patient: str = PATIENT, bill: str = BILL) -> dict[str, Any]:
    return at_the_desk(town, START, town.bill_request(patient, bill), CODE)


def agreed(town: Town, answer: dict[str, Any]) -> None:
    """The parties' own ledgers, and the product's books about them."""
    town.pass_time(600.0)
    live = [row for row in town.ledger("qingdao", "settle") if row["state"] == "done"]
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    settled = answer["state"] == "settled"
    assert len(live) == len(booked) == (1 if settled else 0), answer
    assert town.kept() == (live[0]["cash"] if settled else 0)
    sim = town.lab.parties["qingdao"]
    assert isinstance(sim, QingdaoSim)
    person = sim.platform.people[PATIENT]
    assert sim.platform.balance(person) == (32050 - live[0]["account"] if settled else 32050)
    assert [row for row in town.ledger("his", "lock") if row["state"] == "live"] == []
    books = town.do(compared(town.lab.engine))
    assert lines_of(books) == []


def test_the_account_pays_as_far_as_it_goes(town: Town) -> None:
    answer = settle(town)
    assert (answer["state"], answer["amounts"]["account"], answer["amounts"]["cash"]) == ("settled", 32050, 87950)
    assert answer["numbers"]["insurance"].startswith("QD")
    agreed(town, answer)
    back = town.ask("POST", f"/v1/settlements/{answer['settlement_no']}/refunds",
                    {"request_no": "B1", "reason_code": "patient"}, client="C01")  # fmt: skip
    assert back.status in (200, 202)
    agreed(town, town.rest(answer["settlement_no"], client="C01"))
    assert [row["account"] for row in town.ledger("qingdao", "cancel")] == [-32050]


@pytest.mark.parametrize("fault", UNCERTAIN)
def test_whatever_a_payment_is_answered_with_all_agree_in_the_end(town: Town, fault: str) -> None:
    if fault == "wrong_amount":
        town.expected_errors.add("answer_not_read")  # an account charged with another amount is worth a line in the log
    town.lab.fault("qingdao", "YL001", fault, seconds=200.0)
    answer = settle(town)
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    agreed(town, answer)


@pytest.mark.parametrize("fault", ["timeout_after_commit", "short_reply", "offline", "half_character"])
def test_an_inquiry_that_tells_nothing_is_made_again(town: Town, fault: str) -> None:
    town.lab.fault("qingdao", "YL001", "timeout_after_commit", seconds=60.0)
    town.lab.fault("qingdao", "YL004", fault, seconds=60.0)
    answer = settle(town)
    assert answer["state"] in ("settled", "undone"), answer
    agreed(town, answer)


@pytest.mark.parametrize(("fault", "words"), [
    ("not_enough_balance", "个人账户余额不足"), ("refuse_business", "业务处理失败"),
])  # fmt: skip
def test_a_state_that_the_site_has_explained_is_a_no_in_the_platforms_words(town: Town, fault: str, words: str) -> None:
    town.lab.fault("qingdao", "YL001", fault)
    answer = settle(town)
    assert (answer["state"], answer["reason"]["code"]) == ("undone", "E-REFUSED")
    assert words in answer["reason"]["zh"]
    assert town.ledger("qingdao", "reverse") == []
    agreed(town, answer)


@pytest.mark.parametrize("op", ["CX001", "YL002"])
@pytest.mark.parametrize("fault", ["short_reply", "half_character", "timeout_before_commit", "reset_before_commit"])
def test_a_question_that_was_not_answered_well_is_asked_again(town: Town, op: str, fault: str) -> None:
    town.lab.fault("qingdao", op, fault, seconds=60.0)
    answer = settle(town)
    assert answer["state"] == "settled", answer
    agreed(town, answer)


@pytest.mark.parametrize("fault", [
    "timeout_after_commit", "short_reply", "offline", "offline_after", "reset_before_commit", "refuse_business",
])  # fmt: skip
def test_a_cancellation_goes_on_until_it_is_done(town: Town, fault: str) -> None:
    town.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    town.lab.fault("qingdao", "YL003", fault, seconds=60.0)
    answer = settle(town)
    assert answer["state"] == "undone", answer
    agreed(town, answer)


def test_a_payment_that_arrives_after_its_number_was_closed_has_no_effect(town: Town) -> None:
    town.lab.fault("qingdao", "YL001", "timeout_before_commit", seconds=60.0)
    answer = settle(town)
    assert answer["state"] == "undone"
    assert len(town.ledger("qingdao", "reverse")) == 1
    agreed(town, answer)


def test_a_rare_name_is_refused_before_anything_is_sent_where_messages_are_gbk(town: Town) -> None:
    """GBK has no 𠮷. The platform tells the name as `?`; nothing of ours goes out that another could misread."""
    answer = settle(town, patient="P0008", bill="B20261122008")
    assert answer["state"] in ("undone", "rejected"), answer
    assert town.ledger("qingdao", "settle") == []
    assert town.kept() == 0


def test_a_rare_name_travels_both_ways_in_gb18030(new_town: Callable[..., Town]) -> None:
    layout = "layout:   qingdao_legacy"
    town = new_town(edit=((layout, f"charset: GB18030\n    {layout}"),))
    town.lab.act("qingdao", "set", charset="GB18030")
    answer = settle(town, patient="P0008", bill="B20261122008")
    assert answer["state"] == "settled", answer
    assert town.ledger("qingdao", "settle")[0]["account"] == 32050


def test_amounts_in_fen_where_the_connection_says_so(new_town: Callable[..., Town]) -> None:
    layout = "layout:   qingdao_legacy"
    town = new_town(edit=((layout, f"amounts: fen\n    {layout}"),))
    town.lab.act("qingdao", "set", amounts="fen")
    answer = settle(town)
    assert (answer["state"], answer["amounts"]["account"]) == ("settled", 32050)
    agreed(town, answer)


def test_several_messages_on_one_connection_where_the_machine_keeps_it(new_town: Callable[..., Town]) -> None:
    layout = "layout:   qingdao_legacy"
    town = new_town(edit=((layout, f'kept: "yes"\n    {layout}'),))
    answer = settle(town)
    assert answer["state"] == "settled", answer
    peers = {row.peer for row in town.lab.parties["qingdao"].exchanges.rows}
    assert len(peers) == 1
    agreed(town, answer)


def test_the_engine_dies_while_the_answer_is_out(town: Town) -> None:
    reply = town.ask("POST", START, town.bill_request(PATIENT, BILL), client="C01")
    no = str(reply.json["settlement_no"])
    town.lab.fault("qingdao", "YL001", "timeout_after_commit", seconds=600.0)
    town.begin("POST", f"/v1/settlements/{no}/pay", CODE, client="C01")
    town.pass_time(8.0)
    assert len(town.ledger("qingdao", "settle")) == 1
    town.kill()
    town.rise()
    answer = town.rest(no, client="C01")
    assert answer["state"] == "settled"
    agreed(town, answer)
