"""Short messages when money went back: after an undo, a refund and late money, one each, once it is really back."""

from __future__ import annotations

import pytest

from tests.edge.town import CASH, CODE, Town
from tests.sms.hospital import settled, texts

BACK = "您在模拟口腔医院的结算{no}已撤销，1075.00元已退回。"
LATE = "您在模拟口腔医院的结算{no}不作数的一笔付款1075.00元已退回。"
REFUND = {"request_no": "r1", "lines": [], "reason_code": "X"}


def test_an_undo_after_the_payment_tells_that_the_money_is_back(hospital: Town) -> None:
    hospital.lab.fault("insurance", "2207A", "refuse_business")
    no = hospital.quoted()
    hospital.choose(no, CODE)
    assert hospital.rest(no)["state"] == "undone"
    hospital.pass_time(60.0)
    assert texts(hospital) == [BACK.format(no=no)]
    assert len(hospital.ledger("sms", "message")) == 1


def test_a_refund_tells_once_and_only_when_the_platform_has_given_it_back(hospital: Town) -> None:
    no = settled(hospital)
    hospital.pass_time(60.0)
    assert len(texts(hospital)) == 1
    hospital.lab.fault("wechat", "refund", "timeout_before_commit", seconds=40.0)
    asked = hospital.ask("POST", f"/v1/settlements/{no}/refunds", REFUND, client="C01")
    assert asked.status in (200, 202)
    if asked.state != "undone":
        assert len(texts(hospital)) == 1
    assert hospital.rest(no, client="C01")["state"] == "undone"
    again = hospital.ask("POST", f"/v1/settlements/{no}/refunds", REFUND, client="C01")
    assert again.state == "undone"
    hospital.pass_time(3600.0)
    assert texts(hospital)[1:] == [BACK.format(no=no)]
    assert len(hospital.ledger("sms", "message")) == 2
    assert hospital.kept() == 0


def test_who_gives_up_before_paying_hears_nothing(hospital: Town) -> None:
    no = hospital.quoted()
    hospital.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "X"})
    assert hospital.rest(no)["state"] == "undone"
    hospital.pass_time(600.0)
    assert texts(hospital) == []


def test_a_rejected_settlement_tells_nobody(hospital: Town) -> None:
    reply = hospital.ask("POST", "/v1/outpatient/settlements", hospital.bill_request("P0001", "B00000000000"))
    assert reply.state == "rejected", reply.body
    hospital.pass_time(600.0)
    assert texts(hospital) == []


@pytest.mark.parametrize("way", ["cancelled", "paid otherwise"])
def test_money_that_came_late_is_told_when_it_is_back(hospital: Town, way: str) -> None:
    """The closed code is paid after all: of a settlement that is undone, or that another payment settled."""
    no = hospital.paying()
    if way == "cancelled":
        hospital.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "X"})
    else:
        hospital.choose(no, {**CODE, "choice_no": "2"})
    ended = hospital.rest(no)["state"]
    hospital.pass_time(60.0)
    before = texts(hospital)
    assert len(before) == (0 if way == "cancelled" else 1)
    hospital.lab.act("wechat", "pay_after_close", no=f"{no}P1")
    for _ in range(2):
        assert hospital.callback(hospital.notice(hospital.plain(f"{no}P1"))).status == 200
        hospital.pass_time(600.0)
    assert texts(hospital) == [*before, LATE.format(no=no)]
    assert hospital.show(no).state == ended
    assert hospital.kept() == (0 if way == "cancelled" else CASH)


@pytest.mark.parametrize("fault", ["timeout_after_commit", "reset_after_commit", "http_500", "late_commit"])
def test_whatever_is_lost_the_patient_hears_once_that_it_is_back(hospital: Town, fault: str) -> None:
    hospital.lab.fault("insurance", "2207A", "refuse_business")
    hospital.lab.fault("sms", "SendSms", fault, seconds=40.0)
    no = hospital.quoted()
    hospital.choose(no, CODE)
    assert hospital.rest(no)["state"] == "undone"
    hospital.pass_time(3600.0)
    assert texts(hospital) == [BACK.format(no=no)]


def test_an_engine_that_dies_at_the_end_of_an_undo_tells_once(hospital: Town) -> None:
    """The message is stored with the end: it is sent by the engine that comes after."""
    hospital.lab.fault("insurance", "2207A", "refuse_business")
    hospital.lab.fault("sms", "SendSms", "refuse_connection", times=3)
    no = hospital.quoted()
    hospital.choose(no, CODE)
    assert hospital.rest(no)["state"] == "undone"
    hospital.kill()
    hospital.rise()
    hospital.pass_time(3600.0)
    assert texts(hospital) == [BACK.format(no=no)]
