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
