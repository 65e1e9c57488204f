"""Every way of paying of the outpatient counter, for deposits and discharges too; money goes back the way it came."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inpatient.test_stay import CASH, admitted
from tests.inpatient.ward import Ward

SLIP = {
    "merchant": "898370180620001", "terminal": "10000001", "batch": "000012", "trace": "000345",
    "ref_no": "112209000345", "card": "622848******0018",
}  # fmt: skip
# kind → what the terminal adds, the platform that takes the money, how the HIS calls it
WAYS: dict[str, tuple[dict[str, str], str, str]] = {
    "wechat_code": ({"auth_code": "134000000000000001"}, "wechat", "WX"),
    "wechat_qr": ({}, "wechat", "WX"),
    "wechat_jsapi": ({"openid": "oPayer0001"}, "wechat", "WX"),
    "wechat_mini": ({"openid": "oPayer0001"}, "wechat", "WX"),
    "wechat_h5": ({"client_ip": "203.0.113.9"}, "wechat", "WX"),
    "alipay_code": ({"auth_code": "280000000000000001"}, "alipay", "ZFB"),
    "alipay_qr": ({}, "alipay", "ZFB"),
    "unionpay_code": ({"auth_code": "6226000000000000001"}, "unionpay", "YL"),
    "unionpay_qr": ({}, "unionpay", "YL"),
}
NEW = [kind for kind in WAYS if kind != "wechat_code"]  # that one is in test_stay
STAY, FEN = 260_000, 300_000  # what the fees of a self-paid stay come to, and a deposit above them


def pay(ward: Ward, quoted: dict[str, Any], kind: str) -> dict[str, Any]:
    """Choose, and pay where the patient has to: the settlement at rest."""
    more, party, _ = WAYS[kind]
    assert ward.choose(quoted, {"kind": kind, **more}).status in (200, 202)
    if "auth_code" not in more:
        until = ward.until(ward.town.show(quoted["settlement_no"], client="C01").json, "paying")
        assert until["state"] == "paying", until
        ward.town.pass_time(2.0)
        ward.town.lab.act(party, "pay", no=f"{quoted['settlement_no']}P1")
    return ward.rest(quoted)


def deposited(ward: Ward, stay: str, fen: int, kind: str) -> dict[str, Any]:
    shown = ward.town.ask("GET", f"/v1/inpatient/stays?patient=P0005&stay={stay}", client="C01").json
    quoted = ward.post("deposits", ward.request("P0005", stay=stay, deposit_no=shown["next_deposit"], amount=fen))
    answer = pay(ward, quoted, kind)
    assert answer["state"] == "settled", answer
    return answer


def kept(ward: Ward, party: str) -> int:
    return sum(row["amount"] for row in ward.ledger(party, "charge")) - sum(
        row["amount"] for row in ward.ledger(party, "refund", "done")
    )


@pytest.mark.parametrize("kind", NEW)
def test_a_deposit_by_any_way_goes_back_the_same_way(ward: Ward, kind: str) -> None:
    _, party, mode = WAYS[kind]
    stay = admitted(ward, "P0005", "self_pay")
    paid = deposited(ward, stay, FEN, kind)
    assert [(one.mode, one.trade) for one in ward.stay_of(stay).deposits] == [(mode, paid["numbers"]["trade"])]
    ward.treat(stay)
    quoted = ward.quote(stay, "P0005", "self_pay")
    assert quoted["deposit"] == {"paid": FEN, "used": STAY, "collect": 0, "back": FEN - STAY}
    ward.choose(quoted, {"kind": "deposit"})
    settled = ward.rest(quoted)
    assert (settled["state"], settled.get("give_back")) == ("settled", None), settled
    ward.town.pass_time(600.0)  # a return of goods is done some minutes after it was accepted
    backs = ward.ledger(party, "refund")
    assert [(row["amount"], row["ref"], row["state"]) for row in backs] == [
        (FEN - STAY, paid["numbers"]["trade"], "done")
    ]
    assert kept(ward, party) == STAY
    assert ward.stay_of(stay).left() == 0
    assert ward.town.tasks() == []
    assert ward.books() == []


@pytest.mark.parametrize("kind", NEW)
def test_what_a_discharge_still_collects_comes_by_any_way_and_goes_back_with_it(ward: Ward, kind: str) -> None:
    _, party, mode = WAYS[kind]
    stay = admitted(ward, "P0005", "self_pay")
    ward.treat(stay)
    quoted = ward.quote(stay, "P0005", "self_pay")
    settled = pay(ward, quoted, kind)
    assert (settled["state"], settled["numbers"]["trade"]) == ("settled", f"{quoted['settlement_no']}P1"), settled
    booked: Any = ward.town.lab.parties["his"]
    payment = booked.desk.settled(ward.ledger("his", "book")[0]["no"]).payment
    assert (payment.trade_mode, payment.out_trade_no) == (mode, settled["numbers"]["trade"])
    assert [row["amount"] for row in ward.ledger(party, "charge")] == [STAY]
    assert kept(ward, party) == STAY
    assert ward.books() == []
    back = ward.refund(settled)
    assert back["state"] == "undone", back
    assert kept(ward, party) == 0
    assert ward.town.tasks() == []
    assert ward.books() == []


@pytest.mark.parametrize("kind", ["alipay_qr", "unionpay_code", "wechat_jsapi"])
def test_a_discharge_that_the_his_refuses_gives_the_money_back(ward: Ward, kind: str) -> None:
    stay = admitted(ward)
    ward.treat(stay)
    ward.town.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    answer = pay(ward, ward.quote(stay), kind)
    assert answer["state"] == "undone", answer
    assert kept(ward, WAYS[kind][1]) == 0
    assert [row["state"] for row in ward.ledger("insurance", "settle")] == ["cancelled"]
    assert ward.stay_of(stay).state == "leaving"
    assert ward.books() == []


@pytest.mark.parametrize("fault", ["timeout_after_commit", "reset_before_commit"])
@pytest.mark.parametrize("kind", ["alipay_code", "unionpay_code"])
def test_a_return_whose_answer_is_lost_is_found_and_made_once(ward: Ward, kind: str, fault: str) -> None:
    party = WAYS[kind][1]
    stay = admitted(ward, "P0005", "self_pay")
    deposited(ward, stay, FEN, kind)
    ward.treat(stay)
    ward.town.lab.fault(party, "refund", fault)
    quoted = ward.quote(stay, "P0005", "self_pay")
    ward.choose(quoted, {"kind": "deposit"})
    assert ward.rest(quoted)["state"] == "settled"
    ward.town.pass_time(600.0)
    assert [row["amount"] for row in ward.ledger(party, "refund")] == [FEN - STAY]
    assert kept(ward, party) == STAY
    assert ward.town.tasks() == []
    assert ward.books() == []


def test_platforms_first_newest_first_and_only_the_rest_at_the_window(ward: Ward) -> None:
    stay = admitted(ward, "P0005", "self_pay")
    deposited(ward, stay, 100_000, "alipay_qr")
    ward.deposit(stay, 100_000, CASH, "P0005")
    card = {"kind": "unionpay_card", "proof": {**SLIP, "amount": 50_000}}
    assert ward.deposit(stay, 50_000, card, "P0005")["state"] == "settled"
    deposited(ward, stay, 100_000, "unionpay_qr")
    deposited(ward, stay, 100_000, "wechat_code")
    ward.charge(stay, ("K0101", "1"))  # 100 yuan
    ward.leave(stay)
    quoted = ward.quote(stay, "P0005", "self_pay")
    assert quoted["deposit"]["back"] == 440_000
    ward.choose(quoted, {"kind": "deposit"})
    settled = ward.rest(quoted)
    assert settled["state"] == "settled", settled
    ward.town.pass_time(600.0)
    back = {name: [row["amount"] for row in ward.ledger(name, "refund")] for name in ("wechat", "unionpay", "alipay")}
    assert back == {"wechat": [100_000], "unionpay": [100_000], "alipay": [100_000]}
    assert (settled["give_back"]["kind"], settled["give_back"]["amount"]) == ("cash", 140_000)
    assert ward.stay_of(stay).left() == 0
    assert ward.books() == []


def test_a_payment_whose_number_the_his_did_not_keep_goes_back_at_the_window(ward: Ward) -> None:
    stay = admitted(ward, "P0005", "self_pay")
    deposited(ward, stay, FEN, "unionpay_code")
    ward.stay_of(stay).deposits[0].trans = ""
    ward.treat(stay)
    quoted = ward.quote(stay, "P0005", "self_pay")
    ward.choose(quoted, {"kind": "deposit"})
    settled = ward.rest(quoted)
    assert (settled["state"], settled["give_back"]["amount"]) == ("settled", FEN - STAY)
    assert ward.ledger("unionpay", "refund") == []
    assert ward.books() == []


@pytest.mark.parametrize("kind", ["region_card", "insurance_account"])
@pytest.mark.parametrize("what", ["deposits", "settlements"])
def test_a_way_without_a_step_is_refused_at_the_door(ward: Ward, what: str, kind: str) -> None:
    stay = admitted(ward, "P0005", "self_pay")
    if what == "settlements":
        ward.treat(stay)
        quoted = ward.quote(stay, "P0005", "self_pay")
    else:
        quoted = ward.post("deposits", ward.request("P0005", stay=stay, deposit_no=f"{stay}-1", amount=100))
    reply = ward.choose(quoted, {"kind": kind})
    assert (reply.status, reply.code) == (400, "E-FIELD")
    assert ward.town.show(quoted["settlement_no"], client="C01").json["state"] == "quoted"
