"""A QR paid by UnionPay through the saga: asked, waited out, undone, told, and each misfortune of the gateway.

Judged by the answer of the engine, the gateway's ledger and the HIS's bookings.
"""

from __future__ import annotations

import pytest

from tests.edge.town import CASH, Reply, Town

QR = {"choice_no": "1", "kind": "unionpay_qr"}


def kept(town: Town) -> int:
    """What the gateway kept, in fen."""
    taken = sum(row["amount"] for row in town.ledger("unionpay", "charge"))
    back = [row for row in town.ledger("unionpay", "refund", "reverse") if row["state"] == "done"]
    return taken - sum(row["amount"] for row in back)


def paying(town: Town) -> tuple[str, Reply]:
    no = town.quoted()
    reply = town.choose(no, QR)
    assert (reply.status, reply.state) == (200, "paying"), reply.body.decode()
    return no, reply


def pay(town: Town, no: str, attempt: int = 1) -> None:
    town.lab.act("unionpay", "pay", no=f"{no}P{attempt}")


def settled_once(town: Town, no: str) -> None:
    answer = town.rest(no)
    assert answer["state"] == "settled", answer
    assert answer["numbers"]["trade"] == f"{no}P1"
    assert kept(town) == CASH
    assert [row["amount"] for row in town.ledger("his", "book")] == [120000]
    assert not town.tasks()


def test_the_notice_settles(town: Town) -> None:
    no, reply = paying(town)
    assert reply.json["pay"]["kind"] == "unionpay_qr"
    assert reply.json["pay"]["qr"].startswith("https://qr.95516.com/")
    pay(town, no)
    settled_once(town, no)
    assert not town.ledger("wechat")


def cancel(town: Town, no: str) -> Reply:
    return town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "PATIENT"})


@pytest.mark.parametrize("unpaid", ["accepted", "not_found"])
def test_a_code_nobody_paid_is_given_up_only_after_its_time(town: Town, unpaid: str) -> None:
    town.lab.act("unionpay", "set", unpaid=unpaid)
    no, _ = paying(town)
    cancel(town, no)
    town.pass_time(200.0)
    assert town.show(no).state == "working"
    answer = town.rest(no)
    assert answer["state"] == "undone", answer
    assert (kept(town), town.ledger("unionpay", "charge")) == (0, [])
    assert not town.tasks()


def test_a_notice_that_never_comes_is_found_by_asking(town: Town) -> None:
    town.lab.fault("unionpay", "paid", "callback_never")
    no, _ = paying(town)
    pay(town, no)
    settled_once(town, no)


def test_a_payment_after_the_cancel_goes_back(town: Town) -> None:
    """The gateway has no close: who pays the code after the cancel gets the money back."""
    no, _ = paying(town)
    cancel(town, no)
    town.pass_time(30.0)
    pay(town, no)
    answer = town.rest(no)
    assert answer["state"] in ("undone", "settled")
    town.pass_time(600.0)
    assert kept(town) == (0 if answer["state"] == "undone" else CASH)
    assert len(town.ledger("his", "book")) == (0 if answer["state"] == "undone" else 1)


def test_money_after_the_end_goes_back_and_a_person_is_told(town: Town) -> None:
    no, _ = paying(town)
    cancel(town, no)
    assert town.rest(no)["state"] == "undone"
    town.lab.act("unionpay", "pay_late", no=f"{no}P1")
    town.pass_time(900.0)
    assert (kept(town), len(town.ledger("unionpay", "refund"))) == (0, 1)
    assert [task["kind"] for task in town.tasks()] == ["late_payment"]


def refused_by_his(town: Town) -> str:
    """A paid settlement that the HIS will not book: the money must go back."""
    town.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    no, _ = paying(town)
    pay(town, no)
    return no


BACK = [
    ("", "undone", 0), ("timeout_before_commit", "undone", 0), ("timeout_after_commit", "undone", 0),
    ("reset_after_commit", "undone", 0), ("half_reply", "undone", 0), ("html", "undone", 0),
    ("bad_signature", "undone", 0), ("single_hash", "undone", 0), ("foreign_certificate", "undone", 0),
    ("in_doubt", "undone", 0), ("system_error", "undone", 0), ("other_order", "undone", 0),
    ("callback_before_reply", "undone", 0), ("not_enough_balance", "manual", CASH), ("refund_fails", "manual", CASH),
    ("callback_twice", "undone", 0),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "state", "left"), BACK)
def test_a_refund_under_every_misfortune_is_made_once(town: Town, fault: str, state: str, left: int) -> None:
    if fault:
        town.lab.fault("unionpay", "refund", fault)
    no = refused_by_his(town)
    answer = town.rest(no)
    assert answer["state"] == state, answer
    town.pass_time(300.0)
    assert kept(town) == left
    made = [row for row in town.ledger("unionpay", "refund") if row["state"] == "done"]
    assert len(made) == (1 if left == 0 else 0)
    assert bool(town.tasks()) == (state == "manual")


def test_a_refund_that_stays_on_its_way_is_waited_for(town: Town) -> None:
    town.lab.fault("unionpay", "refund", "refund_stuck")
    no = refused_by_his(town)
    town.pass_time(600.0)
    assert town.show(no).state == "working"
    (row,) = town.ledger("unionpay", "refund")
    town.lab.act("unionpay", "finish_refund", no=row["no"])
    assert town.rest(no)["state"] == "undone"
    assert kept(town) == 0


ORDER = [
    "refuse_connection", "reset_before_commit", "reset_after_commit", "timeout_before_commit", "timeout_after_commit",
    "half_reply", "html", "http_500", "bad_signature", "unsigned", "single_hash", "wrong_signer",
    "foreign_certificate", "expired_certificate", "in_doubt", "other_order", "system_error", "refuse_business",
    "out_of_hours", "not_enough_balance", "token_expired", "risk", "no_permission", "suspicious", "duplicate_reply",
]  # fmt: skip


@pytest.mark.parametrize("fault", ORDER)
def test_an_order_under_every_misfortune_ends_without_money(town: Town, fault: str) -> None:
    """Nobody pays; whatever the gateway answered, the bill is free again and nothing was booked."""
    town.lab.fault("unionpay", "qr", fault)
    no = town.quoted()
    reply = town.choose(no, QR)
    assert reply.state in ("quoted", "working", "paying"), reply.body.decode()
    assert ("qr" in reply.json.get("pay", {})) == (reply.state == "paying")
    answer = town.rest(no)
    assert answer["state"] in ("undone", "rejected"), answer
    assert (kept(town), town.ledger("his", "book")) == (0, [])


QUERY = [
    "timeout_after_commit", "html", "half_reply", "bad_signature", "single_hash", "foreign_certificate", "wrong_amount",
    "in_doubt", "other_order", "too_many_queries", "system_error", "slow", "http_500",
]  # fmt: skip


@pytest.mark.parametrize("fault", QUERY)
def test_a_query_under_every_misfortune(town: Town, fault: str) -> None:
    """The notice never comes; the first query goes wrong; the next tells. A wrong amount is a person's case."""
    town.lab.fault("unionpay", "paid", "callback_never")
    no, _ = paying(town)
    pay(town, no)
    town.lab.fault("unionpay", "query", fault)
    if fault == "wrong_amount":
        assert town.rest(no)["state"] == "manual"
        assert town.tasks("differs")
        return
    settled_once(town, no)


TOLD = ["callback_twice", "callback_late", "bad_signature", "unsigned", "single_hash", "other_merchant",
        "foreign_certificate", "expired_certificate", "wrong_signer"]  # fmt: skip


@pytest.mark.parametrize("fault", TOLD)
def test_a_notice_under_every_misfortune_settles_once(town: Town, fault: str) -> None:
    town.lab.fault("unionpay", "paid", fault)
    no, _ = paying(town)
    pay(town, no)
    settled_once(town, no)


def test_a_notice_of_another_amount_is_a_person_s_case(town: Town) -> None:
    town.lab.fault("unionpay", "paid", "wrong_amount")
    no, _ = paying(town)
    pay(town, no)
    assert town.rest(no)["state"] == "manual"
    assert town.tasks("differs")
    assert not town.ledger("his", "book")


def test_the_notice_before_the_answer(town: Town) -> None:
    town.lab.fault("unionpay", "qr", "callback_before_reply")
    no = town.quoted()
    town.choose(no, QR)
    settled_once(town, no)


def test_refused_and_paid_by_wechat_instead(town: Town) -> None:
    town.lab.fault("unionpay", "qr", "refuse_business")
    no = town.quoted()
    reply = town.choose(no, QR)
    assert (reply.state, reply.json["reason"]["side"]) == ("quoted", "payment")
    code = {"choice_no": "2", "kind": "wechat_code", "auth_code": "134000000000000001"}
    assert town.choose(no, code).state == "settled"
    assert (kept(town), town.kept()) == (0, CASH)


def test_after_a_death_the_same_number_is_asked_for(town: Town) -> None:
    town.lab.fault("unionpay", "paid", "callback_never")
    no, _ = paying(town)
    town.kill()
    pay(town, no)
    town.rise()
    settled_once(town, no)
    assert len(town.ledger("unionpay", "order")) == 1


def test_a_refund_of_a_settled_bill(town: Town) -> None:
    no, _ = paying(town)
    pay(town, no)
    settled_once(town, no)
    body = {"request_no": "r1", "reason_code": "PATIENT"}
    reply = town.ask("POST", f"/v1/settlements/{no}/refunds", body, client="C01")
    assert reply.status in (200, 202), reply.body.decode()
    town.pass_time(120.0)
    assert town.show(no, client="C01").state == "undone"
    assert kept(town) == 0
    (row,) = town.ledger("unionpay", "refund")
    assert (row["ref"], row["amount"]) == (f"{no}P1", CASH)


def test_a_late_payment_of_the_first_code_goes_back_and_the_second_stays(town: Town) -> None:
    """Two codes of one settlement: the refund names the one that came late, never the one that counts."""
    no, _ = paying(town)
    town.choose(no, {**QR, "choice_no": "2"})
    second = f"{no}P2"
    town.pass_time(500.0)
    if not any(row["no"] == second for row in town.ledger("unionpay", "order")):
        town.choose(no, {**QR, "choice_no": "3"})
    town.lab.act("unionpay", "pay", no=second)
    assert town.rest(no)["state"] == "settled"
    town.lab.act("unionpay", "pay_late", no=f"{no}P1")
    town.pass_time(900.0)
    (row,) = town.ledger("unionpay", "refund")
    assert (row["ref"], row["state"]) == (f"{no}P1", "done")
    assert kept(town) == CASH
    assert [task["kind"] for task in town.tasks()] == ["late_payment"]
