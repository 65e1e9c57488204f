"""WeChat's callbacks as a merchant's server receives them: sealed, signed, repeated, late, false."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_twisted
from wechat_merchant import Merchant, open_town, shut

from simulators.wechat.courier import RETRY


@pytest_twisted.async_yield_fixture
async def shop() -> AsyncIterator[Merchant]:
    merchant = await open_town()
    yield merchant
    await shut(merchant)


async def paid(shop: Merchant, no: str = "CALL00001") -> None:
    assert (await shop.native(no, attach="B001")).status == 200
    assert "error" not in await shop.act("pay", no=no)


@pytest.mark.parametrize("verify", ["cert", "pubkey", "mixed"])
@pytest_twisted.ensureDeferred
async def test_success_is_told_in_full(shop: Merchant, verify: str) -> None:
    await shop.act("set", verify=verify)
    await paid(shop)
    await shop.town.settle(1)
    kind, plain = shop.event(shop.town.receiver.got[0])
    assert kind == "TRANSACTION.SUCCESS"
    assert plain == (await shop.query("CALL00001")).json
    headers = shop.town.receiver.got[0][0]
    by_key = headers["wechatpay-serial"] == shop.card["public_key_id"]
    assert verify == "mixed" or by_key == (verify == "pubkey")
    shop.sim.world.advance(90000)
    await shop.town.breathe()
    assert len(shop.town.receiver.got) == 1


@pytest_twisted.ensureDeferred
async def test_mixed_mode_signs_with_either_key(shop: Merchant) -> None:
    for i in range(12):
        await paid(shop, f"MIXED{i:04d}")
    await shop.town.settle(12)
    for got in shop.town.receiver.got:
        shop.event(got)
    serials = {h["wechatpay-serial"] for h, _ in shop.town.receiver.got}
    assert serials == {shop.card["public_key_id"], shop.card["platform_serial"]}


@pytest_twisted.ensureDeferred
async def test_the_retry_schedule_runs_its_day_and_gives_up(shop: Merchant) -> None:
    shop.town.receiver.replies = [500] * 20
    await paid(shop)
    await shop.town.settle(1)
    for i, gap in enumerate(RETRY):
        shop.sim.world.advance(gap - 1)
        await shop.town.breathe()
        assert len(shop.town.receiver.got) == i + 1
        shop.sim.world.advance(1.1)
        await shop.town.settle(i + 2)
    assert len(shop.town.receiver.got) == 16
    assert sum(RETRY) == 24 * 3600 + 4 * 60
    assert len({body for _, body in shop.town.receiver.got}) == 16  # sealed anew each time
    assert shop.sim.courier.given_up == 1
    shop.sim.world.advance(90000)
    await shop.town.breathe()
    assert len(shop.town.receiver.got) == 16


@pytest.mark.parametrize("good", [200, 204])
@pytest_twisted.ensureDeferred
async def test_it_stops_at_the_first_success(shop: Merchant, good: int) -> None:
    shop.town.receiver.replies = [500, 404, good]
    await paid(shop)
    await shop.town.settle(1)
    for count in (2, 3):
        shop.sim.world.advance(16)
        await shop.town.settle(count)
    shop.sim.world.advance(90000)
    await shop.town.breathe()
    assert len(shop.town.receiver.got) == 3
    assert shop.sim.courier.delivered == 1


@pytest_twisted.ensureDeferred
async def test_a_dead_address_is_tried_again(shop: Merchant) -> None:
    dead = shop.order("DEAD00001", notify_url="http://127.0.0.1:1/none")
    await shop.v3("POST", "/v3/pay/transactions/native", dead)
    await shop.act("pay", no="DEAD00001")
    await shop.town.breathe()
    tries = [e for e in shop.sim.exchanges.rows if e.direction == "out"]
    assert len(tries) == 1
    shop.sim.world.advance(16)
    await shop.town.breathe()
    assert len([e for e in shop.sim.exchanges.rows if e.direction == "out"]) == 2


@pytest_twisted.ensureDeferred
async def test_never_late_twice_and_under_a_new_id(shop: Merchant) -> None:
    got = shop.town.receiver.got
    await shop.fault("native", "callback_never")
    await paid(shop, "NEVER0001")
    await shop.fault("paid", "callback_late", seconds=120)
    await paid(shop, "LATE00001")
    shop.sim.world.advance(119)
    await shop.town.breathe()
    assert got == []
    shop.sim.world.advance(2)
    await shop.town.settle(1)
    assert shop.event(got[0])[1]["out_trade_no"] == "LATE00001"
    for kind, ids in (("callback_twice", 1), ("callback_new_id", 2)):
        got.clear()
        await shop.fault("callback", kind, match={"attach": "B001"})
        await paid(shop, f"{kind[9:].upper()}0001")
        shop.sim.world.advance(2)
        await shop.town.settle(2)
        assert len(got) == 2
        assert len({body[: body.index(b",")] for _, body in got}) == ids
        assert shop.event(got[0])[1] == shop.event(got[1])[1]


@pytest_twisted.ensureDeferred
async def test_callback_before_the_order_is_answered(shop: Merchant) -> None:
    await shop.fault("native", "callback_before_reply")
    answer = await shop.native("BEFORE001")
    assert len(shop.town.receiver.got) == 1
    assert answer.json["code_url"]
    assert shop.event(shop.town.receiver.got[0])[1]["out_trade_no"] == "BEFORE001"
    shop.sim.world.advance(100)
    await shop.town.breathe()
    assert len(shop.town.receiver.got) == 1


@pytest_twisted.ensureDeferred
async def test_spoiled_callbacks(shop: Merchant) -> None:
    got = shop.town.receiver.got
    for i, kind in enumerate(("bad_signature", "old_timestamp", "unknown_serial", "probe")):
        got.clear()
        await shop.fault("paid", kind)
        await paid(shop, f"SPOIL{i:04d}")
        await shop.town.settle(1)
        assert not shop.verified(*got[0]), kind
    got.clear()
    await shop.fault("paid", "wrong_amount")
    await paid(shop, "WRONG0001")
    await shop.town.settle(1)
    assert shop.event(got[0])[1]["amount"]["total"] == 107501
    got.clear()
    await shop.fault("paid", "other_merchant")
    await paid(shop, "OTHER0001")
    await shop.town.settle(1)
    assert shop.event(got[0])[1]["mchid"] != shop.card["mchid"]


@pytest_twisted.ensureDeferred
async def test_probes_are_false_and_never_repeated(shop: Merchant) -> None:
    got = shop.town.receiver.got
    shop.town.receiver.replies = [401]
    await shop.act("send_probe", url=shop.town.notify_url)
    await shop.town.settle(1)
    assert got[0][0]["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")
    assert not shop.verified(*got[0])
    shop.sim.world.advance(90000)
    await shop.town.breathe()
    assert len(got) == 1
    await shop.act("set", probe_rate=1.0)
    await paid(shop)
    await shop.town.settle(3)
    marks = [h["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/") for h, _ in got[1:]]
    assert sorted(marks) == [False, True]


@pytest_twisted.ensureDeferred
async def test_callback_again_and_a_payer_without_an_act(shop: Merchant) -> None:
    await shop.act("set", auto_pay=3.0)
    await shop.native("AUTO00001")
    shop.sim.world.advance(3.1)
    await shop.town.settle(1)
    await shop.act("callback_again", no="AUTO00001")
    await shop.town.settle(2)
    first, second = shop.town.receiver.got
    assert shop.event(first) == shop.event(second)
    assert "error" in await shop.act("callback_again", no="NONE00001")


@pytest_twisted.ensureDeferred
async def test_a_second_payer_and_money_after_close(shop: Merchant) -> None:
    await shop.native("TWICE0001")
    state = await shop.act("pay_twice", no="TWICE0001")
    assert len(set(state["transactions"])) == 2
    await shop.town.settle(2)
    told = [shop.event(g)[1]["transaction_id"] for g in shop.town.receiver.got]
    assert sorted(told) == sorted(state["transactions"])
    back = {"transaction_id": state["transactions"][1], "out_refund_no": "R2",
            "amount": {"refund": 107500, "total": 107500, "currency": "CNY"}}
    assert (await shop.v3("POST", "/v3/refund/domestic/refunds", back)).json["status"] == "PROCESSING"
    assert (await shop.refund("TWICE0001", "R1", 107500)).status == 200
    await shop.native("AFTER0001")
    await shop.close("AFTER0001")
    await shop.act("pay_after_close", no="AFTER0001")
    assert (await shop.query("AFTER0001")).json["trade_state"] == "SUCCESS"
    assert sum(r["amount"] for r in await shop.ledger("charge")) == 3 * 107500
