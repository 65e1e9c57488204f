"""The settlement API over real sockets: what a kiosk sees, judged by the parties' own ledgers."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from engine.cli.listing import Wanted, _settlements
from engine.cli.showing import story
from simulators.kiosk.client import Kiosk
from tests.rig.agreement import compared
from tests.rig.lab import Lab

CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}
QR = {"choice_no": "1", "kind": "wechat_qr"}


def _all(*calls: Any) -> Deferred[list[Any]]:
    return gatherResults([Deferred.fromCoroutine(call) for call in calls], consumeErrors=True)


async def _quoted(lab: Lab, patient: str = "P0001", bill: str = "B20261122001", **more: Any) -> dict[str, Any]:
    status, answer = await lab.kiosk.settle(lab.bill_request(patient, bill, **more))
    assert (status, answer["state"]) == (200, "quoted"), answer
    return answer


@pytest_twisted.ensureDeferred
async def test_insured_by_payment_code_to_the_fen(lab: Lab) -> None:
    quoted = await _quoted(lab)
    assert quoted["amounts"] == {
        "total": 120000, "fund": 12500, "account": 0, "relief": 0, "other": 0, "cash": 107500,
    }  # fmt: skip
    status, done = await lab.kiosk.pay(quoted["settlement_no"], CODE)
    assert (status, done["state"]) == (200, "settled")
    assert set(done["numbers"]) == {"his", "insurance", "trade", "invoice"}
    assert set(done["invoice"]) >= {"code", "number", "check", "url"}
    assert lab.kept("wechat") == 107500
    assert [row["state"] for row in lab.ledger("insurance", "settle")] == ["done"]
    assert [row["amount"] for row in lab.ledger("his", "book")] == [120000]
    assert [row["amount"] for row in lab.ledger("einvoice", "issue")] == [120000]


@pytest_twisted.ensureDeferred
async def test_by_qr_with_a_callback_that_comes_twice_and_early(lab: Lab) -> None:
    lab.fault("wechat", "paid", "callback_twice")
    quoted = await _quoted(lab)
    no = quoted["settlement_no"]
    status, paying = await lab.kiosk.pay(no, QR)
    assert (status, paying["state"], paying["pay"]["kind"]) == (200, "paying", "wechat_qr")
    assert paying["pay"]["qr"].startswith("weixin://")
    lab.act("wechat", "pay", no=f"{no}P1")
    done = await lab.rest(no)
    assert done["state"] == "settled"
    assert lab.kept("wechat") == 107500
    assert len(lab.ledger("his", "book")) == 1


@pytest_twisted.ensureDeferred
async def test_by_qr_without_any_callback(lab: Lab) -> None:
    lab.fault("wechat", "paid", "callback_never", times=100)
    quoted = await _quoted(lab)
    await lab.kiosk.pay(quoted["settlement_no"], QR)
    lab.act("wechat", "pay", no=f"{quoted['settlement_no']}P1")
    assert (await lab.rest(quoted["settlement_no"]))["state"] == "settled"


@pytest_twisted.ensureDeferred
async def test_the_same_request_a_hundred_times_is_one_settlement(lab: Lab) -> None:
    body = lab.bill_request("P0001", "B20261122001")
    answers = await _all(*(lab.kiosk.settle(dict(body)) for _ in range(100)))
    assert {answer["settlement_no"] for _, answer in answers} == {answers[0][1]["settlement_no"]}
    assert {(status, answer["state"]) for status, answer in answers} == {(200, "quoted")}
    no = answers[0][1]["settlement_no"]
    paid = await _all(*(lab.kiosk.pay(no, dict(CODE)) for _ in range(20)))
    assert {answer["state"] for _, answer in paid} == {"settled"}
    again = await lab.kiosk.settle(dict(body))
    assert again[1] == paid[0][1]
    assert len(lab.ledger("wechat", "charge")) == 1
    assert len(lab.ledger("his", "book")) == 1


@pytest_twisted.ensureDeferred
async def test_the_same_number_with_other_content_is_refused_and_both_are_kept(lab: Lab) -> None:
    assert lab.engine
    body = lab.bill_request("P0001", "B20261122001")
    first = await lab.kiosk.settle(body)
    status, answer = await lab.kiosk.settle({**body, "pay_identity": "self_pay"})
    assert (status, answer["reason"]["code"]) == (409, "E-REPEAT-DIFFERS")
    status, answer = await lab.kiosk.pay(first[1]["settlement_no"], CODE)
    assert answer["state"] == "settled"
    status, answer = await lab.kiosk.pay(first[1]["settlement_no"], {**CODE, "auth_code": "134000000000000002"})
    assert (status, answer["reason"]["code"]) == (409, "E-REPEAT-DIFFERS")
    verdicts = await lab.engine.store.read(
        lambda conn: [conn.row("inbox_find", source="request:K01", key=body["request_no"]) is not None]
    )
    assert verdicts == [True]


@pytest_twisted.ensureDeferred
async def test_two_kiosks_on_one_bill(lab: Lab) -> None:
    second = lab.terminal("K02")
    one, two = await _all(
        lab.kiosk.settle(lab.bill_request("P0001", "B20261122001", request_no="a")),
        second.settle(lab.bill_request("P0001", "B20261122001", request_no="b")),
    )
    statuses = sorted((one[0], two[0]))
    assert statuses == [200, 409]
    winner, loser = (one, two) if one[0] == 200 else (two, one)
    assert (loser[1]["state"], loser[1]["settlement_no"]) == ("busy", winner[1]["settlement_no"])
    await lab.kiosk.pay(winner[1]["settlement_no"], CODE)
    assert len(lab.ledger("wechat", "charge")) == 1
    status, late = await second.settle(lab.bill_request("P0001", "B20261122001", request_no="c"))
    assert (status, late["state"]) == (409, "busy"), "a settled bill stays held"
    assert (late["reason"]["code"], late["settlement_no"]) == ("E-SETTLED", winner[1]["settlement_no"])
    assert "Wait" not in late["reason"]["next_en"], "there is nothing to wait for"


@pytest_twisted.ensureDeferred
async def test_the_cashier_cannot_collect_what_a_kiosk_is_paying(lab: Lab) -> None:
    quoted = await _quoted(lab)
    with pytest.raises(Exception, match=r"(?i)lock"):
        lab.act("his", "collect_at_window", bill="B20261122001")
    await lab.kiosk.pay(quoted["settlement_no"], CODE)
    with pytest.raises(Exception, match=r"(?i)paid"):
        lab.act("his", "collect_at_window", bill="B20261122001")


@pytest_twisted.ensureDeferred
async def test_resident_is_refused_with_the_reason_then_pays_the_same_bill_himself(lab: Lab) -> None:
    status, refused = await lab.kiosk.settle(lab.bill_request("P0002", "B20261122002"))
    assert (status, refused["state"], refused["reason"]["side"]) == (200, "rejected", "patient")
    quoted = await _quoted(lab, "P0002", "B20261122002", request_no="again", insured=False)
    assert quoted["amounts"]["cash"] == quoted["amounts"]["total"] == 50000
    _, done = await lab.kiosk.pay(quoted["settlement_no"], CODE)
    assert done["state"] == "settled"
    assert not lab.ledger("insurance", "settle")
    assert lab.kept("wechat") == 50000


@pytest_twisted.ensureDeferred
async def test_not_signed_is_told_three_ways_signs_and_goes_on(lab: Lab) -> None:
    status, refused = await lab.kiosk.settle(lab.bill_request("P0003", "B20261122003"))
    assert (status, refused["reason"]["code"]) == (200, "E-NOT-SIGNED")
    for way in ("掌上办", "网上办", "现场办"):
        assert way in refused["reason"]["next"]
    assert not lab.ledger("insurance", "register")
    lab.act("insurance", "sign_community", person="P0003")
    quoted = await _quoted(lab, "P0003", "B20261122003", request_no="signed")
    _, done = await lab.kiosk.pay(quoted["settlement_no"], CODE)
    assert done["state"] == "settled"


@pytest_twisted.ensureDeferred
async def test_insurance_times_out_after_committing_and_is_found(lab: Lab) -> None:
    lab.fault("insurance", "2207A", "timeout_after_commit")
    quoted = await _quoted(lab)
    await lab.kiosk.pay(quoted["settlement_no"], CODE)
    assert (await lab.rest(quoted["settlement_no"]))["state"] == "settled"
    assert [row["state"] for row in lab.ledger("insurance", "settle")] == ["done"]


@pytest_twisted.ensureDeferred
async def test_insurance_times_out_before_committing_and_all_is_undone(lab: Lab) -> None:
    lab.fault("insurance", "2207A", "timeout_before_commit")
    quoted = await _quoted(lab)
    await lab.kiosk.pay(quoted["settlement_no"], CODE)
    done = await lab.rest(quoted["settlement_no"], seconds=900.0)
    assert (done["state"], done["reason"]["side"]) == ("undone", "insurance")
    assert lab.kept("wechat") == 0
    assert not [row for row in lab.ledger("insurance", "settle") if row["state"] == "done"]
    assert not lab.ledger("his", "book")


@pytest_twisted.ensureDeferred
async def test_his_refuses_after_payment_and_the_money_returns(lab: Lab) -> None:
    lab.fault("his", "balance.and.pay.bill", "refuse_business")
    quoted = await _quoted(lab)
    await lab.kiosk.pay(quoted["settlement_no"], CODE)
    done = await lab.rest(quoted["settlement_no"], seconds=300.0)
    assert (done["state"], done["reason"]["side"]) == ("undone", "his")
    assert lab.kept("wechat") == 0
    assert [row["state"] for row in lab.ledger("insurance", "settle")] == ["cancelled"]
    again = await _quoted(lab, request_no="again")
    assert (await lab.kiosk.pay(again["settlement_no"], CODE))[1]["state"] == "settled"


@pytest_twisted.ensureDeferred
async def test_low_balance_then_another_way(lab: Lab) -> None:
    lab.act("wechat", "payer", auth_code="134000000000000009", behaviour="notenough")
    quoted = await _quoted(lab)
    no = quoted["settlement_no"]
    status, poor = await lab.kiosk.pay(no, {**CODE, "auth_code": "134000000000000009"})
    assert (status, poor["state"], poor["reason"]["code"]) == (200, "quoted", "E-PAY-NOTENOUGH")
    _, paying = await lab.kiosk.pay(no, {**QR, "choice_no": "2"})
    assert paying["state"] == "paying"
    lab.act("wechat", "pay", no=f"{no}P2")
    assert (await lab.rest(no))["state"] == "settled"
    assert lab.kept("wechat") == 107500


@pytest_twisted.ensureDeferred
async def test_cancel_while_a_qr_is_open_closes_it(lab: Lab) -> None:
    quoted = await _quoted(lab)
    no = quoted["settlement_no"]
    await lab.kiosk.pay(no, QR)
    await lab.kiosk.cancel(no, {"request_no": "c1", "reason_code": "PATIENT"})
    assert (await lab.rest(no))["state"] == "undone"
    with pytest.raises(Exception):  # noqa: B017, PT011 the platform's own words
        lab.act("wechat", "pay", no=f"{no}P1")
    assert lab.kept("wechat") == 0


@pytest_twisted.ensureDeferred
async def test_refund_of_a_settled_bill_takes_everything_back(lab: Lab) -> None:
    quoted = await _quoted(lab)
    no = quoted["settlement_no"]
    await lab.kiosk.pay(no, CODE)
    window = lab.terminal("C1", client="C01")
    status, answer = await window.refund(no, {"request_no": "r1", "lines": ["1"], "reason_code": "DOCTOR_CHANGED"})
    assert (status, answer["reason"]["code"]) == (409, "E-REFUND-PART"), "the desk takes back whole bills only, too"
    mine = await window.settle(lab.bill_request("P0006", "B20261122006"))
    await window.pay(mine[1]["settlement_no"], CODE)
    part = {"request_no": "r0", "lines": ["1"], "reason_code": "DOCTOR_CHANGED"}
    status, answer = await window.refund(mine[1]["settlement_no"], part)
    assert (status, answer["reason"]["code"]) == (409, "E-REFUND-PART")
    await window.refund(mine[1]["settlement_no"], {"request_no": "r1", "lines": [], "reason_code": "DOCTOR_CHANGED"})
    while True:
        _, answer = await window.show(mine[1]["settlement_no"], wait=20)
        if answer["state"] in ("undone", "manual"):
            break
    assert (answer["state"], answer["reason"]["code"]) == ("undone", "E-REFUNDED")
    assert lab.kept("wechat") == 107500
    assert sorted(row["state"] for row in lab.ledger("insurance", "settle")) == ["cancelled", "done"]
    assert len(lab.ledger("einvoice", "write_off")) == 1


async def _refunded(lab: Lab, window: Kiosk, no: str, request_no: str) -> dict[str, Any]:
    """Ask a settled bill back: the answer when it is at rest again."""
    await window.refund(no, {"request_no": request_no, "lines": [], "reason_code": "DOCTOR_CHANGED"})
    until = lab.sim_world.now() + 900.0
    while True:
        _, answer = await window.show(no, wait=20)
        if answer["state"] != "working":
            return answer
        assert lab.sim_world.now() < until, answer


async def _listed(lab: Lab, no: str) -> tuple[str, str]:
    """State and reason of a settlement as `engine list settlements` has them."""
    assert lab.engine is not None
    rows = await lab.engine.store.read(lambda conn: _settlements(conn, Wanted(limit=50), None))
    return next((row["state"], row["reason_code"]) for row in rows if row["no"] == no)


async def _books_agree(lab: Lab) -> None:
    books = await compared(lab.engine)
    assert [(line.kind, line.settlement_no) for line in books.differences] == []


@pytest_twisted.ensureDeferred
async def test_a_refund_that_only_the_window_may_make_is_off_until_the_window_allows_it(lab: Lab) -> None:
    window = lab.terminal("C1", client="C01")
    lab.act("his", "set", refund_at_window_only=True)
    _, quoted = await window.settle(lab.bill_request("P0006", "B20261122006"))
    no = quoted["settlement_no"]
    await window.pay(no, CODE)
    answer = await _refunded(lab, window, no, "r1")
    assert answer["state"] == "settled"
    assert (answer["reason"]["code"], answer["reason"]["side"]) == ("E-REFUND-REFUSED", "his")
    assert "请到窗口办理退费" in answer["reason"]["zh"]
    assert lab.ledger("einvoice", "write_off") == []
    assert [row["state"] for row in lab.ledger("insurance", "settle")] == ["done"]
    assert lab.kept("wechat") == answer["amounts"]["cash"]
    assert lab.engine is not None
    told = await lab.engine.store.read(lambda conn: story(conn, no))
    assert (told["tasks"], told["decide"]) == ([], [])
    assert told["reason"] == answer["reason"]
    assert await _listed(lab, no) == ("settled", "E-REFUND-REFUSED")

    lab.act("his", "set", refund_at_window_only=False)
    assert await _refunded(lab, window, no, "r1") == answer, "the same request is the same refund, which was off"
    assert (await _refunded(lab, window, no, "r2"))["state"] == "undone"
    assert lab.kept("wechat") == 0
    told = await lab.engine.store.read(lambda conn: story(conn, no))
    first, second = (leg["number"] for leg in told["legs"] if leg["call"] == "his.void")
    assert second == f"{first}A2", "a number of its own"
    await _books_agree(lab)


@pytest_twisted.ensureDeferred
async def test_a_person_may_call_a_refund_off_that_his_refused_only_the_second_time(lab: Lab) -> None:
    window = lab.terminal("C1", client="C01")
    _, quoted = await window.settle(lab.bill_request("P0006", "B20261122006"))
    no = quoted["settlement_no"]
    await window.pay(no, CODE)
    lab.fault("his", "void.pay.bill", "reset_before_commit")
    lab.act("his", "set", refund_at_window_only=True)
    assert (await _refunded(lab, window, no, "r1"))["state"] == "manual"
    assert lab.engine is not None
    told = await lab.engine.store.read(lambda conn: story(conn, no))
    ((task,), (choice,)) = told["tasks"], told["decide"]
    assert (told["reason_code"], told["reason"]["side"]) == ("E-PERSON", "engine"), "not refunded, as it was asked"
    assert await _listed(lab, no) == ("manual", "E-PERSON")
    assert (task["kind"], task["side"], task["leg"]) == ("undo_refused", "his", choice["leg"])
    assert "WINDOW_ONLY" in task["text"]
    assert task["do_zh"]
    assert [one["word"] for one in choice["words"]] == ["done", "again", "not_done", "off"]
    word = {"request_no": "d1", "by": "测试甲", "reason": "查明窗口没有作废", "legs": {str(choice["leg"]): "off"}}
    status, answer = await lab.terminal("OPS", client="OPS").ask("POST", f"/v1/settlements/{no}/resolve", word)
    assert (status, answer["state"], answer["reason"]["code"]) == (200, "settled", "E-RESOLVED")
    told = await lab.engine.store.read(lambda conn: story(conn, no))
    assert (told["tasks"], told["decide"]) == ([], [])
    assert lab.kept("wechat") == answer["amounts"]["cash"]
    await _books_agree(lab)


@pytest_twisted.ensureDeferred
async def test_a_crash_of_the_sign_in_in_the_middle(lab: Lab) -> None:
    quoted = await _quoted(lab)
    lab.act("insurance", "expire_signin")
    _, done = await lab.kiosk.pay(quoted["settlement_no"], CODE)
    assert done["state"] == "settled"
    assert [row["state"] for row in lab.ledger("insurance", "settle")] == ["done"]


@pytest_twisted.ensureDeferred
async def test_unpaid_bills(lab: Lab) -> None:
    status, answer = await lab.kiosk.bills("P0001")
    assert status == 200, answer
    assert [bill["bill"] for bill in answer["bills"]] == ["B20261122001"]
    status, answer = await lab.kiosk.bills("P0099")
    assert status in (200, 422), answer
