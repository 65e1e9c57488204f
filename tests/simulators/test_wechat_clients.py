"""What clients of WeChat Pay other than the usual ones rely on: orders and bills of the second interface, and callbacks
signed with the one kind of key that they hold."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest
import pytest_twisted
from wechat_merchant import Merchant, open_town, shut

from simulators.wechat.envelope import read_xml


@pytest_twisted.async_yield_fixture
async def shop() -> AsyncIterator[Merchant]:
    merchant = await open_town()
    yield merchant
    await shut(merchant)


async def placed(shop: Merchant, no: str = "UNIFIED001", sign_type: str = "", **more: str) -> dict[str, str]:
    fields = {
        "body": "门诊缴费", "out_trade_no": no, "total_fee": "107500", "spbill_create_ip": "127.0.0.1",
        "notify_url": shop.town.notify_url, "trade_type": "NATIVE", "attach": "B001", **more,
    }
    return await shop.v2("/pay/unifiedorder", sign_type=sign_type, **fields)


@pytest.mark.parametrize("sign_type", ["", "HMAC-SHA256"])
@pytest_twisted.ensureDeferred
async def test_an_order_of_the_second_interface_is_paid_and_told_in_its_form(shop: Merchant, sign_type: str) -> None:
    shop.town.receiver.body = b"<xml><return_code><![CDATA[FAIL]]></return_code></xml>"
    made = await placed(shop, sign_type=sign_type)
    assert (made["result_code"], made["trade_type"]) == ("SUCCESS", "NATIVE")
    assert made["code_url"].startswith("weixin://")
    assert made["prepay_id"].startswith("wx")
    assert "error" not in await shop.act("pay", qr=made["code_url"])
    await shop.town.settle(1)
    headers, body = shop.town.receiver.got[0]
    told = read_xml(body)
    assert told is not None
    assert headers["content-type"] == "text/xml"
    assert told["sign"] == shop.v2_sign(told, sign_type or "MD5")
    assert (told["result_code"], told["out_trade_no"], told["total_fee"]) == ("SUCCESS", "UNIFIED001", "107500")
    found = await shop.v2("/pay/orderquery", out_trade_no="UNIFIED001")
    assert (found["trade_state"], found["transaction_id"]) == ("SUCCESS", told["transaction_id"])
    shop.town.receiver.body = b"<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>"
    shop.sim.world.advance(90000)
    await shop.town.settle(2)
    await shop.town.breathe()
    assert len(shop.town.receiver.got) == 2


@pytest.mark.parametrize(("kind", "way"), [
    ("JSAPI", "prepay_id"), ("APP", "prepay_id"), ("MWEB", "mweb_url"), ("NATIVE", "code_url"),
])
@pytest_twisted.ensureDeferred
async def test_each_way_of_ordering_gives_what_its_page_needs(shop: Merchant, kind: str, way: str) -> None:
    made = await placed(shop, trade_type=kind, openid="o1")
    assert made["trade_type"] == kind
    assert made[way]
    assert (await shop.v2("/pay/closeorder", out_trade_no="UNIFIED001"))["result_code"] == "SUCCESS"
    assert (await placed(shop, "UNIFIED001", trade_type=kind, openid="o1"))["err_code"] == "ORDERCLOSED"


@pytest.mark.parametrize("change", [{"trade_type": "DREAM"}, {"notify_url": "nowhere"}, {"total_fee": "1.5"}])
@pytest_twisted.ensureDeferred
async def test_an_order_that_breaks_a_rule_is_not_placed(shop: Merchant, change: dict[str, str]) -> None:
    assert (await placed(shop, **change))["err_code"] == "PARAM_ERROR"
    assert shop.sim.book.orders == {}


@pytest_twisted.ensureDeferred
async def test_the_bill_comes_as_the_file_itself_and_its_absence_as_xml(shop: Merchant) -> None:
    assert (await shop.v2("/pay/downloadbill", bill_date="20261121"))["return_msg"] == "No Bill Exist"
    await shop.micropay("MICRO0001")
    shop.sim.world.advance(86400)
    whole = {"appid": shop.card["appid"], "mch_id": shop.card["mchid"], "nonce_str": "n0nce", "bill_date": "20261122",
             "bill_type": "ALL"}  # fmt: skip
    for more, opened in (({}, bytes), ({"tar_type": "GZIP"}, gzip.decompress)):
        fields = {**whole, **more}
        fields["sign"] = shop.v2_sign(fields)
        rows = "".join(f"<{k}>{v}</{k}>" for k, v in fields.items())
        head = {"Content-Type": "text/xml"}
        answer = await shop.http("POST", "/pay/downloadbill", head, f"<xml>{rows}</xml>".encode())
        assert "`MICRO0001" in opened(answer.body).decode("utf-8-sig")
    flows = {"bill_date": "20261122", "account_type": "Basic"}
    assert (await shop.v2("/pay/downloadfundflow", **flows))["return_code"] == "FAIL", "by HMAC-SHA256 only"


@pytest_twisted.ensureDeferred
async def test_an_address_of_neither_interface_is_not_there(shop: Merchant) -> None:
    assert (await shop.http("POST", "/pay/nosuch", {"Content-Type": "text/xml"}, b"<xml></xml>")).status == 404


@pytest.mark.parametrize("name", ["public_key_id", "platform_serial"])
@pytest_twisted.ensureDeferred
async def test_callbacks_are_signed_with_the_key_the_merchant_named(shop: Merchant, name: str) -> None:
    """The official Go and Java clients name the one key they hold in every request."""
    named = {"Wechatpay-Serial": shop.card[name]}
    for i in range(8):
        body = shop.order(f"NAMED{i:04d}")
        answer = await shop.v3("POST", "/v3/pay/transactions/native", body, headers=named)
        assert answer.status == 200
        await shop.act("pay", no=f"NAMED{i:04d}")
    await shop.town.settle(8)
    assert {headers["wechatpay-serial"] for headers, _ in shop.town.receiver.got} == {shop.card[name]}
    asked = {"out_trade_no": "NAMED0000", "out_refund_no": "NAMED0000R", "notify_url": shop.town.notify_url,
             "amount": {"refund": 1, "total": body["amount"]["total"], "currency": "CNY"}}  # fmt: skip
    await shop.v3("POST", "/v3/refund/domestic/refunds", asked, headers=named)
    shop.sim.world.advance(5)
    await shop.town.settle(9)
    assert shop.town.receiver.got[8][0]["wechatpay-serial"] == shop.card[name]
