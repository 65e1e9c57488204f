"""WeChat Pay and doubtful replies against the simulated town: what counts, and what must not be believed."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.http import HttpRequest
from engine.core.outcome import Fact, Outcome
from engine.parties.contract import Heard
from engine.parties.registry import PARTIES
from engine.pipeline.rejected import MapRejected

from .bench import CALLS, MAPS, NOTIFY, Town, Walk, paid, quoted, wechat_walk

OK, NO, WAIT, UNKNOWN = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING, Outcome.UNKNOWN


def test_a_qr_order_waits_is_paid_and_told(town: Town) -> None:
    walk = wechat_walk(town, "wechat_qr")
    assert walk.do("pay.qr")[0] is WAIT
    shown = MAPS["outpatient_answer"].run(walk.names)["pay"]
    assert shown["qr"].startswith("weixin://")
    assert shown["until"] == "2026-11-22T10:05:00+08:00"
    assert walk.do("pay.qr")[0] is WAIT  # a repeat is the same order
    assert walk.ask("pay.query", of="pay.qr")[0] is Fact.WAITING
    walk_sim = town.sims["wechat"]
    walk_sim.act({"act": "pay", "no": f"{walk.no}P1"})
    fact, found = walk.ask("pay.query", of="pay.qr")
    assert (fact, found["trade"]) == (Fact.THERE, f"{walk.no}P1")
    assert walk.do("pay.close", of="pay.qr")[0] is NO  # paid: it cannot be closed


def test_a_closed_qr_order_is_closed_for_good(town: Town) -> None:
    walk = wechat_walk(town, "wechat_qr")
    walk.sent["pay.qr"] = {"number": f"{walk.no}P1", "amount": 20000}
    assert walk.ask("pay.query", of="pay.qr")[0] is Fact.NOT_THERE
    assert walk.do("pay.qr")[0] is WAIT
    assert walk.do("pay.close", of="pay.qr")[0] is OK
    assert walk.do("pay.close", of="pay.qr")[0] is OK
    assert walk.ask("pay.query", of="pay.qr")[0] is Fact.CLOSED


@pytest.mark.parametrize(
    ("tail", "outcome", "first", "after"),
    [
        ("999001", WAIT, Fact.WAITING, Fact.THERE),
        ("999002", WAIT, Fact.WAITING, Fact.CLOSED),
        ("999003", WAIT, Fact.WAITING, Fact.WAITING),
        ("999004", NO, Fact.CLOSED, Fact.CLOSED),
        ("999005", NO, Fact.NOT_THERE, Fact.NOT_THERE),
        ("999006", UNKNOWN, Fact.THERE, Fact.THERE),
        ("999007", UNKNOWN, Fact.WAITING, Fact.WAITING),
        ("999008", UNKNOWN, Fact.WAITING, Fact.CLOSED),
    ],
)
def test_a_payment_code_and_its_reversal(town: Town, tail: str, outcome: Outcome, first: Fact, after: Fact) -> None:
    walk = wechat_walk(town, "wechat_code", f"134567890123{tail}")
    assert walk.do("pay.code")[0] is outcome
    assert walk.ask("pay.code_query", of="pay.code")[0] is first
    town.world.advance(20)
    assert walk.ask("pay.code_query", of="pay.code")[0] is after
    if after is not Fact.NOT_THERE:
        assert walk.do("pay.reverse", of="pay.code")[0] is OK
        assert walk.ask("pay.code_query", of="pay.code")[0] in (Fact.CLOSED, Fact.THERE)
        net = sum(
            row["amount"] * (1 if row["kind"] == "charge" else -1)
            for row in town.sims["wechat"].ledger.since(0)["rows"]
            if row["kind"] in ("charge", "refund") or (row["kind"] == "reverse" and row["amount"])
        )
        assert net == 0 or after is not Fact.THERE


def test_an_inside_wechat_order_gives_its_sheet(town: Town) -> None:
    number = "S20261122100000000001P1"
    body = {
        "out_trade_no": number, "description": "门诊", "amount": {"total": 100, "currency": "CNY"},
        "payer": {"openid": "oSIM0000000000000000000000001"},
    }  # fmt: skip
    outcome, answer = town.call("wechat", "jsapi", body, number)
    assert (outcome, answer.body["sheet"]["package"]) == (WAIT, f"prepay_id={answer.body['prepay_id']}")


def test_a_paid_callback_is_verified_and_names_its_number(town: Town) -> None:
    walk = wechat_walk(town, "wechat_qr")
    assert walk.do("pay.qr")[0] is WAIT
    sim = town.sims["wechat"]
    order = sim.book.find(f"{walk.no}P1")
    payment = sim.book.charge(order)
    request = callback_bytes(sim, sim.v3.paid_notice(order, payment.transaction_id))
    heard = PARTIES["wechat"].verify(town.opened["wechat"], request, town.world.now())
    assert isinstance(heard, Heard), heard
    names = {"answer": heard.body, "code": heard.kind, "text": "", "of": walk.sent["pay.qr"]}
    fact_map = MAPS["wechat_paid_fact"]
    assert fact_map.run(names)["number"] == heard.number == f"{walk.no}P1"
    found = fact_map.find_fact(names)
    assert (found.fact, found.differs) == (Fact.THERE, ())
    names["of"] = {"number": f"{walk.no}P1", "amount": 1}
    assert [d.name for d in fact_map.find_fact(names).differs] == ["amount"]


def callback_bytes(sim: Any, notice: Any) -> HttpRequest:
    body = sim.courier._v3_body(notice)
    headers = sim.courier._signed(notice, body)
    return HttpRequest("POST", NOTIFY.partition("8600")[2], tuple(headers.items()), body)


# --- what a reply must not be believed for


def spoiled(town: Town, walk: Walk, call: str, fault: str) -> tuple[Outcome, Any]:
    """The call with the simulator's reply made wrong on its way out."""
    sim = town.sims[CALLS[call].to]
    serve = sim.serve

    def wrong(op: str, req: Any) -> Any:
        return sim.break_reply(fault, op, req, serve(op, req))

    sim.serve = wrong
    try:
        return walk.do(call)
    finally:
        sim.serve = serve


@pytest.mark.parametrize("fault", ["bad_signature", "old_timestamp", "unknown_serial", "missing_signature", "unsigned"])
def test_a_wechat_order_with_a_doubtful_signature_is_unknown(town: Town, fault: str) -> None:
    assert spoiled(town, wechat_walk(town, "wechat_qr"), "pay.qr", fault)[0] is UNKNOWN


def test_a_payment_code_reply_with_a_bad_signature_is_unknown_and_then_found(town: Town) -> None:
    walk = wechat_walk(town, "wechat_code")
    assert spoiled(town, walk, "pay.code", "bad_signature")[0] is UNKNOWN
    assert walk.ask("pay.code_query", of="pay.code")[0] is Fact.THERE


@pytest.mark.parametrize(
    ("fault", "outcome"), [("infcode_string", OK), ("warn_msg", OK), ("null_vs_empty", OK), ("empty_body", UNKNOWN)]
)
def test_the_many_faces_of_an_insurance_reply(town: Town, fault: str, outcome: Outcome) -> None:
    walk = paid(quoted(town), "cash")
    assert spoiled(town, walk, "nhsa.settle", fault)[0] is outcome
    assert walk.ask("nhsa.settled", of="nhsa.settle")[0] is Fact.THERE


def test_an_insurance_reply_whose_amounts_do_not_add_up_is_not_taken(town: Town) -> None:
    walk = paid(quoted(town), "cash")
    with pytest.raises(MapRejected, match="E-SETL-SUM"):
        spoiled(town, walk, "nhsa.settle", "wrong_amount")
    assert "settle" not in walk.names["nhsa"]

@pytest.mark.parametrize(("call", "ask"), [("his.settle", "his.paid"), ("einvoice.issue", "einvoice.find")])
def test_a_badly_signed_booking_is_unknown_and_then_found(town: Town, call: str, ask: str) -> None:
    walk = paid(quoted(town), "cash")
    assert walk.do("nhsa.settle")[0] is OK
    walk.work("charges", "bill_charges")
    if call == "einvoice.issue":
        assert walk.do("his.settle")[0] is OK
    assert spoiled(town, walk, call, "bad_signature")[0] is UNKNOWN
    assert walk.ask(ask, of=call)[0] is Fact.THERE
    assert walk.do(call)[0] is OK  # the same number again: the same receipt
