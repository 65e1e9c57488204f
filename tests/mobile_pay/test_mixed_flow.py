"""WeChat's mixed orders through the whole engine and both platforms' simulators: whatever becomes of the order, of the
patient and of either platform, insurance and cash are both taken or neither is, and the books of both agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.mobile_pay import MobilePaySim
from tests.edge.town import BILL, PATIENT, Town
from tests.rig.agreement import compared, lines_of

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/wechat_mixed"
START = "/v1/mixed/settlements"
CASH, INSURED, TOTAL = 75450, 44550, 120000


@pytest.fixture
def town(new_town: Callable[..., Town]) -> Town:
    """The shipped site with the example laid over it; the bureau leaves the cash to WeChat."""
    files = {
        f"{folder}/{one.name}": one.read_bytes()
        for folder in ("channels", "mappings", "schemas")
        for one in (EXAMPLE / folder).iterdir()
    }
    made = new_town(more=files)
    bureau(made).settings.change({"cash": "wechat", "notify_url": made.lab.url("/callback/mobile_pay")})
    return made


def bureau(town: Town) -> MobilePaySim:
    sim = town.lab.parties["mobile_pay"]
    assert isinstance(sim, MobilePaySim)
    return sim


def order_no(no: str) -> str:
    return f"{no}M1"


def started(town: Town) -> str:
    """A settlement whose mixed order waits for the patient; its number."""
    made = town.bill_request(PATIENT, BILL)
    auth = town.lab.act("mobile_pay", "authorize", person=PATIENT)["pay_auth_no"]
    made["terminal"] = {"kind": "phone", "id": "WX01"}
    made["patient"]["credential"] = {"kind": "insurance_qr", "value": auth}
    reply = town.ask("POST", START, {**made, "openid": "oTest0001"})
    assert reply.status in (200, 202), reply.body.decode()
    return str(reply.json["settlement_no"])


def paid(town: Town, no: str, how: str = "pay_mixed") -> dict[str, Any]:
    """The patient pays as soon as the order is there; the answer at rest."""
    for _ in range(120):
        order = town.wechat.v3.med_ins.orders.get(order_no(no))
        if order is not None and order.state == "CREATED":
            town.lab.act("wechat", how, no=order_no(no))
            break
        if town.show(no).state in ("undone", "rejected"):
            break
        town.pass_time(5.0)
    return town.rest(no)


def cancel(town: Town, no: str) -> None:
    town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "X1", "reason_code": "patient"})


def insured(town: Town) -> int:
    """Fen that the insurance has paid and not got back."""
    taken = sum(row["fund"] + row["account"] for row in town.ledger("mobile_pay", "settle"))
    return taken + sum(row["amount"] for row in town.ledger("mobile_pay", "cancel"))


def agreed(town: Town, answer: dict[str, Any]) -> None:
    """The parties' own ledgers, and the product's books about them."""
    town.pass_time(900.0)
    settled = answer["state"] == "settled"
    assert (town.kept(), insured(town)) == ((CASH, INSURED) if settled else (0, 0))
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    live = [row for row in town.ledger("mobile_pay", "settle") if row["state"] == "done"]
    assert len(booked) == len(live) == (1 if settled else 0), answer
    assert [row for row in town.ledger("his", "lock") if row["state"] == "live"] == []
    assert [row for row in town.ledger("mobile_pay", "order") if row["state"] == "open"] == []
    assert [row for row in town.ledger("wechat", "order") if row["state"] == "open"] == []
    if not settled:
        assert all(used.fund == 0 for used in bureau(town).book.used.values())
        assert not any(bureau(town).book.spent.values())
    assert differences(town) == []


def differences(town: Town) -> list[tuple[str, str]]:
    books = town.do(compared(town.lab.engine))
    return lines_of(books)


def told(town: Town, no: str) -> dict[str, int]:
    """What WeChat was told of insurance money given back: refund number → fen."""
    return dict(town.wechat.v3.med_ins.orders[order_no(no)].told)


def test_a_bill_is_paid_by_a_mixed_order_and_given_back(town: Town) -> None:
    no = started(town)
    shown = town.show(no).json
    assert (shown["state"], shown["pay"]["kind"]) == ("paying", "wechat_mixed")
    assert shown["pay"]["order"] == town.wechat.v3.med_ins.orders[order_no(no)].number
    answer = paid(town, no)
    assert answer["state"] == "settled"
    assert answer["amounts"] == {"total": TOTAL, "fund": 12500, "account": 32050, "relief": 0, "other": 0, "cash": CASH}
    agreed(town, answer)
    assert not town.tasks()
    back = town.ask("POST", f"/v1/settlements/{no}/refunds", {"request_no": "B1", "reason_code": "patient"},
                    client="C01")  # fmt: skip
    assert back.status in (200, 202)
    answer = town.rest(no)
    assert answer["state"] == "undone"
    agreed(town, answer)
    refund = town.ledger("wechat", "refund")[0]
    assert told(town, no) == {refund["no"]: INSURED}
    assert town.wechat.v3.med_ins.orders[order_no(no)].state == "REFUND"


def test_a_cancel_while_the_order_waits(town: Town) -> None:
    no = started(town)
    cancel(town, no)
    answer = town.rest(no)
    assert (answer["state"], answer["reason"]["code"]) == ("undone", "E-CANCELLED")
    agreed(town, answer)
    assert not town.tasks()
    assert told(town, no) == {}


def test_paid_in_the_moment_of_cancelling(town: Town) -> None:
    town.lab.fault("wechat", "paid", "callback_never", times=100)
    no = started(town)
    town.lab.fault("wechat", "close", "slow", seconds=5.0)
    town.begin("POST", f"/v1/settlements/{no}/cancel", {"request_no": "X1", "reason_code": "patient"})
    town.pass_time(1.0)
    town.lab.act("wechat", "pay_mixed", no=order_no(no))
    answer = town.rest(no)
    assert answer["state"] == "undone"
    agreed(town, answer)


def test_paid_after_it_was_cancelled(town: Town) -> None:
    no = started(town)
    cancel(town, no)
    assert town.rest(no)["state"] == "undone"
    assert town.lab.act("wechat", "pay_mixed_after_close", no=order_no(no))["state"] == "SUCCESS"
    town.pass_time(120.0)
    answer = town.rest(no)
    assert answer["state"] == "undone"
    agreed(town, answer)
    assert [row["kind"] for row in town.tasks() if row["closed_at"] is None] == []
    assert list(told(town, no).values()) == [INSURED]


@pytest.mark.parametrize("fault", ["timeout_after_commit", "reset_before_commit", "refund_exp", "unsigned", "html"])
def test_paid_after_it_was_cancelled_and_the_insurance_is_slow_to_give_back(town: Town, fault: str) -> None:
    no = started(town)
    cancel(town, no)
    assert town.rest(no)["state"] == "undone"
    town.lab.fault("mobile_pay", "6203", fault, seconds=30.0)
    town.lab.act("wechat", "pay_mixed_after_close", no=order_no(no))
    for _ in range(60):
        town.pass_time(1.0)
        assert not told(town, no) or (town.kept(), insured(town)) == (0, 0), "told before both are back"
    agreed(town, town.show(no).json)
    assert list(told(town, no).values()) == [INSURED]
    assert [row for row in town.tasks() if row["closed_at"] is None] == []


def test_paid_after_it_was_cancelled_and_the_insurance_refuses(town: Town) -> None:
    """A person gives the insurance's part back; the settlement stays undone, the cash has gone back meanwhile."""
    no = started(town)
    cancel(town, no)
    town.rest(no)
    town.lab.fault("mobile_pay", "6203", "refund_fail", times=100)
    town.lab.act("wechat", "pay_mixed_after_close", no=order_no(no))
    town.pass_time(1200.0)
    assert town.show(no).state == "undone"
    assert (town.kept(), insured(town), told(town, no)) == (0, INSURED, {})
    assert {row["kind"] for row in town.tasks() if row["closed_at"] is None} == {"late_payment", "undo_refused"}
    assert ("insurance_left" in {kind for kind, _ in differences(town)}) is True


def test_the_engine_dies_between_the_two_refunds(town: Town) -> None:
    no = started(town)
    cancel(town, no)
    town.rest(no)
    town.lab.fault("mobile_pay", "6203", "slow", seconds=20.0)
    town.lab.act("wechat", "pay_mixed_after_close", no=order_no(no))
    town.pass_time(3.0)
    town.kill()
    town.pass_time(5.0)
    town.rise()
    agreed(town, town.rest(no))
    assert list(told(town, no).values()) == [INSURED]


@pytest.mark.parametrize("fault", ["", "timeout_after_commit", "reset_before_commit", "html"])
def test_what_the_his_refuses_is_given_back_by_both(town: Town, fault: str) -> None:
    town.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    if fault:
        town.lab.fault("mobile_pay", "6203", fault, seconds=30.0)
    no = started(town)
    answer = paid(town, no)
    assert answer["state"] == "undone"
    agreed(town, answer)
    assert list(told(town, no).values()) == [INSURED]


@pytest.mark.parametrize(("party", "op", "fault"), [
    *(("wechat", op, fault) for op in ("med_ins", "jsapi", "med_ins_query") for fault in (
        "timeout_after_commit", "reset_before_commit", "half_reply", "bad_signature", "http_500", "slow")),
    *(("mobile_pay", op, fault) for op in ("6201", "6202", "6401") for fault in (
        "timeout_after_commit", "reset_before_commit", "unsigned", "slow")),
    *(("wechat", "paid", fault) for fault in ("callback_never", "callback_twice", "callback_late")),
])  # fmt: skip
def test_whatever_a_call_is_answered_with_both_agree_in_the_end(town: Town, party: str, op: str, fault: str) -> None:
    town.lab.fault(party, op, fault, seconds=30.0)
    answer = paid(town, started(town))
    assert answer["state"] in ("settled", "undone", "rejected"), answer
    agreed(town, answer)


@pytest.mark.parametrize("act", ["fail_mixed", ""])
def test_a_patient_who_does_not_pay_leaves_nothing(town: Town, act: str) -> None:
    no = started(town)
    if act:
        town.lab.act("wechat", act, no=order_no(no))
    answer = town.rest(no)
    assert answer["state"] == "undone"
    agreed(town, answer)
    assert told(town, no) == {}


def test_the_insurance_does_not_settle(town: Town) -> None:
    """The bureau's order was revoked or lapsed meanwhile: WeChat's fails, no cash is taken."""
    no = started(town)
    town.lab.act("mobile_pay", "fail", no=f"{no}P1")
    assert town.lab.act("wechat", "pay_mixed", no=order_no(no))["state"] == "FAIL"
    answer = town.rest(no)
    assert answer["state"] == "undone"
    agreed(town, answer)
