"""WeChat's mixed orders of insurance and cash: our party against the platform's own wire code."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from engine.core.http import HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Heard, NotHeard, Outgoing
from engine.parties.registry import PARTIES
from engine.parties.wechat.med_ins import id_digest
from tests.parties.bench import Town

PARTY = PARTIES["wechat"]
NO = "S202611221000001P1"
AMOUNTS = {
    "total_fee": 120000, "med_ins_gov_fee": 12500, "med_ins_self_fee": 32050, "med_ins_other_fee": 0,
    "med_ins_cash_fee": 75450, "wechat_pay_cash_fee": 75450,
}  # fmt: skip


class Phone:
    """One patient's mixed order, through our party."""

    def __init__(self) -> None:
        self.town = Town()
        self.sim = self.town.sims["wechat"]
        self.prepay_id = ""

    def call(self, op: str, body: dict[str, Any], number: str = "") -> tuple[Outcome, Any]:
        return self.town.call("wechat", op, body, number)

    def prepay(self, cash: int = 75450) -> tuple[Outcome, Any]:
        outcome, answer = self.call("prepay", {
            "out_trade_no": NO, "description": "门诊缴费", "payer": {"openid": "oTest"},
            "amount": {"total": cash, "currency": "CNY"},
        })  # fmt: skip
        self.prepay_id = answer.body["prepay_id"]
        return outcome, answer

    def body(self, **more: Any) -> dict[str, Any]:
        made = {
            "mix_pay_type": "CASH_AND_INSURANCE", "order_type": "DIAG_PAY", "openid": "oTest",
            "payer": {"name": "测试甲", "id_no": "370202198003120113"}, "out_trade_no": NO, "serial_no": NO,
            "pay_order_id": "ORD1", "pay_auth_no": "AUTH1", "city_id": "370200", "med_inst_name": "模拟口腔医院",
            "med_inst_no": "H37020000000", "med_ins_order_create_time": "2026-11-22T10:00:00+08:00",
            "prepay_id": self.prepay_id, **AMOUNTS, **more,
        }  # fmt: skip
        return {name: value for name, value in made.items() if value is not None}

    def order(self, **more: Any) -> tuple[Outcome, Any]:
        return self.call("med_ins", self.body(**more), NO)

    def ask(self) -> tuple[Outcome, Any]:
        return self.call("med_ins_query", {"out_trade_no": NO})

    def tell_refund(self, **more: int) -> tuple[Outcome, Any]:
        body = {
            "mix_trade_no": self.sim.v3.med_ins.orders[NO].number, "med_refund_total_fee": 44550,
            "med_refund_gov_fee": 12500, "med_refund_self_fee": 32050, "med_refund_other_fee": 0,
            "refund_time": "2026-11-22T11:00:00+08:00", "out_refund_no": "R1", **more,
        }  # fmt: skip
        return self.call("med_ins_refunded", body)

    def refund_cash(self) -> tuple[Outcome, Any]:
        amount = {"refund": 75450, "total": 75450, "currency": "CNY"}
        return self.call("refund", {"out_trade_no": NO, "out_refund_no": "R1", "amount": amount}, "R1")


def paid() -> Phone:
    phone = Phone()
    phone.prepay()
    assert phone.order()[0] is Outcome.PENDING
    phone.sim.act({"act": "pay_mixed", "no": NO})
    return phone


def test_from_the_prepay_to_the_refund() -> None:
    phone = Phone()
    outcome, answer = phone.prepay()
    assert outcome is Outcome.ACCEPTED  # nothing is asked of the payer yet
    assert answer.body["sheet"]["package"] == f"prepay_id={phone.prepay_id}"
    outcome, answer = phone.order()
    assert (outcome, answer.body["mix_pay_status"]) == (Outcome.PENDING, "MIX_PAY_CREATED")
    phone.sim.act({"act": "pay_mixed", "no": NO})
    outcome, answer = phone.ask()
    assert outcome is Outcome.ACCEPTED
    assert (answer.body["mix_pay_status"], answer.body["self_pay_status"]) == ("MIX_PAY_SUCCESS", "SELF_PAY_SUCCESS")
    assert [row["amount"] for row in phone.sim.ledger.since(0)["rows"] if row["kind"] == "charge"] == [75450]
    assert phone.refund_cash()[0] in (Outcome.PENDING, Outcome.ACCEPTED)
    assert phone.tell_refund()[0] is Outcome.ACCEPTED
    assert phone.tell_refund()[0] is Outcome.ACCEPTED  # told again: the same
    assert phone.ask()[1].body["mix_pay_status"] == "MIX_PAY_REFUND"


def test_a_mixed_order_is_taken_once() -> None:
    phone = Phone()
    phone.prepay()
    first = phone.order()[1].body["mix_trade_no"]
    assert phone.order()[1].body["mix_trade_no"] == first
    outcome, answer = phone.order(serial_no="OTHER")
    assert (outcome, answer.code) == (Outcome.UNKNOWN, "INVALID_REQUEST")  # what stands there must be asked for


def test_persons_leave_sealed() -> None:
    phone = Phone()
    phone.prepay()
    phone.order()
    payer = phone.sim.v3.med_ins.orders[NO].body["payer"]
    assert set(payer) == {"name", "id_digest", "card_type"}
    assert "测试甲" not in json.dumps(payer, ensure_ascii=False)
    assert len(payer["id_digest"]) > 300


def test_digests_of_id_numbers() -> None:
    assert id_digest("44030019000101123x") == "09eb26e839ff3a2e3980352ae45ef09e"
    old, new = "370202800312011", "37020219800312011"
    assert id_digest(old) in {hashlib.md5(f"{new}{c}".encode()).hexdigest() for c in "0123456789X"}
    assert id_digest("110105491231002") == hashlib.md5(b"11010519491231002X").hexdigest()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"total_fee": 120001}, "total_fee"), ({"med_ins_cash_fee": 75449}, "total_fee"),
        ({"mix_pay_type": "INSURANCE_ONLY"}, "mix_pay_type"), ({"mix_pay_type": "CASH_ONLY"}, "mix_pay_type"),
        ({"prepay_id": None}, "prepay_id"), ({"payer": {"name": "x"}}, "payer"), ({"total_fee": "1"}, "total_fee"),
        ({"med_ins_test_env": True}, "med_ins_test_env"),
        ({"cash_reduce_detail": [{"cash_reduce_fee": 1, "cash_reduce_type": "HOSPITAL_REDUCE"}]}, "total_fee"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_not_sent(change: dict[str, Any], field: str) -> None:
    phone = Phone()
    phone.prepay()
    with pytest.raises(ValueError, match=f"^{field}: "):
        phone.order(**change)
    assert not phone.sim.v3.med_ins.orders


def test_reductions_and_additions_are_counted() -> None:
    phone = Phone()
    phone.prepay(76450)
    outcome, _ = phone.order(
        total_fee=122450, wechat_pay_cash_fee=76450, med_ins_cash_fee=75900,
        cash_add_detail=[{"cash_add_fee": 2000, "cash_add_type": "FREIGHT"}],
        cash_reduce_detail=[{"cash_reduce_fee": 1450, "cash_reduce_type": "HOSPITAL_REDUCE"}],
    )  # fmt: skip
    assert outcome is Outcome.PENDING


def test_the_insurance_alone_needs_no_cash_order() -> None:
    phone = Phone()
    outcome, answer = phone.order(
        mix_pay_type="INSURANCE_ONLY", prepay_id=None, wechat_pay_cash_fee=0, med_ins_cash_fee=0, total_fee=44550
    )
    assert (outcome, answer.body["self_pay_status"]) == (Outcome.PENDING, "NO_SELF_PAY")


@pytest.mark.parametrize("how", ["fail", "close"])
def test_an_unpaid_order_that_failed_says_so(how: str) -> None:
    phone = Phone()
    phone.prepay()
    phone.order()
    if how == "fail":
        phone.sim.act({"act": "fail_mixed", "no": NO})
    else:
        assert phone.call("close", {"out_trade_no": NO})[0] is Outcome.ACCEPTED
    assert phone.ask()[1].body["mix_pay_status"] == "MIX_PAY_FAIL"


def test_what_is_not_there_is_said_to_be_not_there() -> None:
    outcome, answer = Phone().ask()
    assert (outcome, answer.code) == (Outcome.REFUSED, "ORDER_NOT_EXIST")


def test_refund_sums_are_checked_before_they_are_told() -> None:
    with pytest.raises(ValueError, match="med_refund_total_fee"):
        paid().tell_refund(med_refund_gov_fee=1)


def test_an_answer_about_another_order_is_none() -> None:
    phone = paid()
    call = Outgoing("med_ins_query", {"out_trade_no": "OTHER"}, "", phone.town.opened["wechat"], {},
                    phone.town.world.now(), "0" * 32)  # fmt: skip
    resp = phone.sim.v3.answer(phone.sim.v3.med_ins.form(phone.sim.v3.med_ins.orders[NO]))
    reply = type("R", (), {"status": 200, "body": resp.body, "header": lambda _, name: resp.headers.get(name, "")})()
    assert not PARTY.read(call, PARTY.build(call), reply).intact


@pytest.mark.parametrize(("spoil", "good"), [((), True), (("bad_signature",), False), (("unknown_serial",), False)])
def test_the_notice_is_believed_and_a_false_one_not(spoil: tuple[str, ...], good: bool) -> None:
    phone = paid()
    notice = phone.sim.v3.med_ins.notice(phone.sim.v3.med_ins.orders[NO])
    notice.spoil = spoil
    body = phone.sim.courier._v3_body(notice)
    headers = phone.sim.courier._signed(notice, body)
    request = HttpRequest("POST", "/callback/wechat", tuple(headers.items()), body)
    got = PARTY.verify(phone.town.opened["wechat"], request, phone.town.world.now())
    assert isinstance(got, Heard if good else NotHeard)
    if isinstance(got, Heard):
        assert (got.kind, got.number, got.body["mix_pay_status"]) == (
            "MEDICAL_INSURANCE.SUCCESS", NO, "MIX_PAY_SUCCESS",
        )  # fmt: skip
