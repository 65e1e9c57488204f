"""Refunds, balances and bills of the WeChat simulator."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from wechat_merchant import Merchant, open_town, shut

DAY = 86400.0


@pytest_twisted.async_yield_fixture
async def shop() -> AsyncIterator[Merchant]:
    merchant = await open_town()
    yield merchant
    await shut(merchant)


async def paid(shop: Merchant, no: str = "PAID00001", **more: Any) -> None:
    assert (await shop.native(no, **more)).status == 200
    assert "error" not in await shop.act("pay", no=no)
    await shop.town.settle(1)
    shop.town.receiver.got.clear()


@pytest_twisted.ensureDeferred
async def test_a_refund_is_processing_then_done_and_told(shop: Merchant) -> None:
    await paid(shop)
    asked = (await shop.refund("PAID00001", "RF-1", 7500)).json
    assert (asked["status"], asked["amount"]["refund"], asked["channel"]) == ("PROCESSING", 7500, "ORIGINAL")
    assert "success_time" not in asked
    assert (await shop.query("PAID00001")).json["trade_state"] == "REFUND"
    shop.sim.world.advance(2.1)
    assert (await shop.refund_query("RF-1")).json["status"] == "SUCCESS"
    await shop.town.settle(1)
    kind, plain = shop.event(shop.town.receiver.got[0])
    assert kind == "REFUND.SUCCESS"
    assert plain["refund_status"] == "SUCCESS"
    assert {"status", "channel"} & plain.keys() == set()
    assert plain["amount"] == {"total": 107500, "refund": 7500, "payer_total": 107500, "payer_refund": 7500}
    rows = [(r["no"], r["ref"], r["amount"], r["state"]) for r in await shop.ledger("refund")]
    assert rows == [("RF-1", "PAID00001", 7500, "done")]


@pytest_twisted.ensureDeferred
async def test_the_same_number_is_the_same_refund(shop: Merchant) -> None:
    await paid(shop)
    first = (await shop.refund("PAID00001", "RF-1", 7500)).json
    assert (await shop.refund("PAID00001", "RF-1", 7500)).json == first
    other = await shop.refund("PAID00001", "RF-1", 7400)
    assert (other.status, other.json["code"]) == (400, "INVALID_REQUEST")
    assert len(await shop.ledger("refund")) == 1


@pytest_twisted.ensureDeferred
async def test_limits_of_refunds(shop: Merchant) -> None:
    assert (await shop.refund("NEVERSEEN1", "RF-0", 1)).status == 404
    assert (await shop.refund_query("RF-0")).json["code"] == "RESOURCE_NOT_EXISTS"
    await shop.native("UNPAID001")
    assert (await shop.refund("UNPAID001", "RF-0", 1)).status == 400
    await paid(shop)
    assert (await shop.refund("PAID00001", "RF-1", 107501)).status == 400
    wrong_total = {"refund": 1, "total": 107499, "currency": "CNY"}
    assert (await shop.refund("PAID00001", "RF-1", 1, amount=wrong_total)).status == 400
    assert (await shop.refund("PAID00001", "RF-1", 100000)).status == 200
    assert (await shop.refund("PAID00001", "RF-2", 7501)).status == 400
    assert (await shop.refund("PAID00001", "RF-3", 7500)).status == 200
    assert (await shop.refund("PAID00001", "RF-4", 1)).status == 400
    both = await shop.refund("PAID00001", "RF-5", 1, transaction_id="4200")
    assert both.json["code"] == "PARAM_ERROR"
    shop.sim.world.advance(366 * DAY)
    assert sum(r["amount"] for r in await shop.ledger("refund")) == 107500


@pytest_twisted.ensureDeferred
async def test_fifty_parts_and_one_year(shop: Merchant) -> None:
    await paid(shop)
    answers = [(await shop.refund("PAID00001", f"RF-{i}", 1)).status for i in range(51)]
    assert answers == [200] * 50 + [400]
    await paid(shop, "OLD000001")
    shop.sim.world.advance(365 * DAY + 60)
    assert (await shop.refund("OLD000001", "RF-OLD", 1)).status == 400


@pytest_twisted.ensureDeferred
async def test_an_empty_account_refuses_until_topped_up(shop: Merchant) -> None:
    await paid(shop)
    await shop.act("set_balance", amount=100)
    refused = await shop.refund("PAID00001", "RF-1", 7500)
    assert (refused.status, refused.json["code"]) == (403, "NOT_ENOUGH")
    await shop.act("set_balance", amount=7500)
    assert (await shop.refund("PAID00001", "RF-1", 7500)).status == 200
    assert shop.sim.book.balance == 0
    await shop.act("set_balance", amount=50000)
    assert await shop.act("withdraw", retain=20000) == {"withdrawn": 30000, "balance": 20000}


@pytest_twisted.ensureDeferred
async def test_abnormal_closed_and_stuck_refunds(shop: Merchant) -> None:
    await paid(shop)
    for no, kind in (("RF-A", "refund_abnormal"), ("RF-C", "refund_closed"), ("RF-S", "refund_stuck")):
        await shop.fault("refund", kind, match={"refund_no": no})
        await shop.refund("PAID00001", no, 1000)
    before = shop.sim.book.balance
    shop.sim.world.advance(3)
    await shop.town.settle(2)
    states = [(await shop.refund_query(n)).json["status"] for n in ("RF-A", "RF-C", "RF-S")]
    assert states == ["ABNORMAL", "CLOSED", "PROCESSING"]
    assert shop.sim.book.balance == before + 1000
    events = sorted(shop.event(g)[0] for g in shop.town.receiver.got)
    assert events == ["REFUND.ABNORMAL", "REFUND.CLOSED"]
    assert [r["state"] for r in await shop.ledger("refund")] == ["abnormal", "closed", "processing"]
    dead = (await shop.refund_query("RF-A")).json["refund_id"]
    retry = await shop.v3("POST", f"/v3/refund/domestic/refunds/{dead}/apply-abnormal-refund",
                          {"out_refund_no": "RF-A", "type": "MERCHANT_BANK_CARD"})
    assert retry.json["status"] == "PROCESSING"
    shop.sim.world.advance(3)
    assert (await shop.refund_query("RF-A")).json["status"] == "SUCCESS"
    await shop.act("finish_refund", no="RF-S", status="SUCCESS")
    assert (await shop.refund_query("RF-S")).json["status"] == "SUCCESS"


@pytest_twisted.ensureDeferred
async def test_refund_callback_before_its_answer(shop: Merchant) -> None:
    await paid(shop)
    await shop.fault("refund", "callback_before_reply", match={"refund_no": "RF-1"})
    answer = await shop.refund("PAID00001", "RF-1", 7500)
    assert answer.json["status"] == "PROCESSING"
    assert [shop.event(g)[0] for g in shop.town.receiver.got] == ["REFUND.SUCCESS"]
    shop.sim.world.advance(60)
    await shop.town.breathe()
    assert len(shop.town.receiver.got) == 1


@pytest_twisted.ensureDeferred
async def test_a_refund_at_the_portal_is_seen_by_the_query_only(shop: Merchant) -> None:
    await paid(shop)
    made = await shop.act("refund_at_portal", no="PAID00001")
    shop.sim.world.advance(3)
    await shop.town.breathe()
    assert shop.town.receiver.got == []
    assert (await shop.query("PAID00001")).json["trade_state"] == "REFUND"
    assert (await shop.refund_query(made["refund_no"])).json["amount"]["refund"] == 107500
    assert "error" in await shop.act("refund_at_portal", no="PAID00001")


async def bill(shop: Merchant, kind: str = "ALL", day: str = "2026-11-22", path: str = "", tar: str = "") -> Any:
    target = path or f"/v3/bill/tradebill?bill_date={day}&bill_type={kind}{tar}"
    return await shop.v3("GET", target)


async def downloaded(shop: Merchant, answer: Any) -> bytes:
    url = answer.json["download_url"]
    assert url.startswith(shop.base + "/v3/billdownload/file?token=")
    got = await shop.v3("GET", url[len(shop.base) :], check=False)
    assert got.status == 200
    assert "wechatpay-signature" not in got.headers
    return got.body


@pytest_twisted.ensureDeferred
async def test_the_trade_bill_tells_the_day(shop: Merchant) -> None:
    await shop.act("set", fee_bp=60)
    await paid(shop, "BILL00001", description="门诊,缴费", attach="B001")
    await shop.micropay("BILL00002", fen=200)
    await shop.v2("/secapi/pay/reverse", out_trade_no="BILL00002")
    await shop.refund("BILL00001", "RF-1", 7500)
    shop.sim.world.advance(5)
    assert (await bill(shop)).status == 400  # today
    shop.sim.world.advance(DAY - 5 - 3 * 3600)
    creating = await bill(shop)
    assert (creating.status, creating.json["code"]) == (400, "STATEMENT_CREATING")
    shop.sim.world.advance(3 * 3600)
    answer = await bill(shop)
    content = await downloaded(shop, answer)
    assert answer.json["hash_value"] == hashlib.sha1(content).hexdigest()
    assert content.startswith("\ufeff交易时间,公众账号ID,".encode())
    assert content.endswith(b"\r\n")
    lines = content.decode("utf-8-sig").split("\r\n")
    header = lines[0].split(",")
    assert len(header) == 27
    rows = [dict(zip(header, line[1:].split(",`"), strict=True)) for line in lines[1:5]]
    found = [(r["商户订单号"], r["交易状态"], r["订单金额"], r["商户退款单号"], r["退款金额"], r["退款状态"])
             for r in rows]
    assert sorted(found) == sorted([
        ("BILL00001", "SUCCESS", "1075.00", "0", "0.00", ""),
        ("BILL00002", "SUCCESS", "2.00", "0", "0.00", ""),
        ("BILL00002", "REVOKED", "0.00", "0", "2.00", "SUCCESS"),
        ("BILL00001", "REFUND", "0.00", "RF-1", "75.00", "SUCCESS"),
    ])
    assert rows[0]["商品名称"] == "门诊\\ 缴费"
    assert rows[0]["手续费"] == "6.45000"
    assert lines[5].startswith("总交易单数,应结订单总金额")
    assert lines[6] == "`4,`1077.00,`77.00,`0.00,`6.46000,`1077.00,`77.00"
    success = (await downloaded(shop, await bill(shop, "SUCCESS"))).decode("utf-8-sig").split("\r\n")
    assert (len(success[0].split(",")), len(success)) == (20, 6)
    refunds = (await downloaded(shop, await bill(shop, "REFUND"))).decode("utf-8-sig").split("\r\n")
    assert (len(refunds[0].split(",")), len(refunds)) == (29, 6)


@pytest_twisted.ensureDeferred
async def test_gzip_links_age_and_empty_days(shop: Merchant) -> None:
    await paid(shop)
    shop.sim.world.advance(DAY)
    packed = await bill(shop, tar="&tar_type=GZIP")
    content = gzip.decompress(await downloaded(shop, packed))
    assert packed.json["hash_value"] == hashlib.sha1(content).hexdigest()
    shop.sim.world.advance(301)
    url = packed.json["download_url"][len(shop.base) :]
    dead = await shop.v3("GET", url)
    assert (dead.status, dead.json["code"]) == (400, "INVALID_REQUEST")
    unsigned = await shop.http("GET", url, {"Accept": "*/*", "User-Agent": "t"})
    assert unsigned.status == 401
    empty = await bill(shop, day="2026-11-20")
    assert (empty.status, empty.json["code"]) == (400, "NO_STATEMENT_EXIST")
    for bad in ("2026-13-01", "20261122", "2026-05-01"):
        assert (await bill(shop, day=bad)).json["code"] == "PARAM_ERROR"


@pytest_twisted.ensureDeferred
async def test_a_state_in_a_bill_is_that_of_its_making(shop: Merchant) -> None:
    await paid(shop)
    await shop.fault("refund", "refund_stuck")
    await shop.refund("PAID00001", "RF-S", 1000)
    shop.sim.world.advance(DAY)
    assert b"`PROCESSING`" in (await downloaded(shop, await bill(shop))).replace(b",", b"")
    for kind in ("bill_none", "bill_creating"):
        await shop.fault("tradebill", kind)
        assert (await bill(shop)).status == 400
    await shop.fault("tradebill", "bill_bad_hash")
    spoiled = await bill(shop)
    assert spoiled.json["hash_value"] != hashlib.sha1(await downloaded(shop, spoiled)).hexdigest()
    sizes = []
    for kind in ("bill_missing_row", "bill_extra_row"):
        await shop.fault("tradebill", kind)
        sizes.append(len((await downloaded(shop, await bill(shop))).split(b"\r\n")))
    assert sizes == [5, 7]


@pytest_twisted.ensureDeferred
async def test_the_fund_flow_adds_up(shop: Merchant) -> None:
    await shop.act("set", fee_bp=60)
    await paid(shop)
    await shop.refund("PAID00001", "RF-1", 7500)
    shop.sim.world.advance(DAY)
    path = "/v3/bill/fundflowbill?bill_date=2026-11-22&account_type=BASIC"
    lines = (await downloaded(shop, await bill(shop, path=path))).decode("utf-8-sig").split("\r\n")
    assert lines[0].startswith("记账时间,微信支付业务单号,资金流水单号")
    rows = [line[1:].split(",`") for line in lines[1:4]]
    assert [(r[3], r[5], r[6]) for r in rows] == [
        ("交易", "收入", "1075.00"), ("扣除交易手续费", "支出", "6.45"), ("退款", "支出", "75.00"),
    ]
    assert lines[5] == "`3,`1,`1075.00,`2,`81.45"


@pytest.mark.parametrize("body", [
    {"act": "nonsense"}, {"act": "pay"}, {"act": "set", "verify": "none"}, {"act": "set", "refund_seconds": "2"},
    {"act": "set", "unknown": 1}, {"act": "set_balance", "amount": -1}, {"act": "pay", "no": "NEVERSEEN1"},
])
@pytest_twisted.ensureDeferred
async def test_impossible_acts_are_refused(shop: Merchant, body: dict[str, Any]) -> None:
    assert "error" in await shop.sim_door("/sim/act", body)
