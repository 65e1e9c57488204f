"""What clients of Alipay other than the usual ones send, and what they look for in an answer: public parameters in two
places, GBK, and the node of the method also where the gateway says no."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import pytest
import pytest_twisted
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from test_alipay import Seller, shop  # noqa: F401 - the fixture is used by its name


async def posted(shop: Seller, query: bytes, body: bytes) -> bytes:  # noqa: F811
    head = (
        f"POST /gateway.do?{query.decode()} HTTP/1.1\r\nHost: 127.0.0.1:{shop.town.port}\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    status, content = await shop.raw(head.encode() + body)
    assert status == 200, content
    return content


def form(fields: dict[str, str], charset: str = "utf-8") -> bytes:
    return "&".join(f"{k}={quote_plus(v.encode(charset))}" for k, v in fields.items()).encode()


@pytest_twisted.ensureDeferred
async def test_the_character_set_may_stand_in_the_address_and_in_the_form(shop: Seller) -> None:  # noqa: F811
    fields = shop.params("alipay.trade.query", {"out_trade_no": "N1"})
    content = await posted(shop, b"charset=utf-8", form(fields))
    assert shop.opened("alipay.trade.query", content)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    content = await posted(shop, b"charset=utf-8&method=alipay.trade.pay", form(fields))
    assert json.loads(content)["error_response"]["sub_code"] == "isv.invalid-parameter"


def gbk(shop: Seller, method: str, biz: dict[str, Any], **more: str) -> dict[str, str]:  # noqa: F811
    fields = {k: v for k, v in shop.params(method, biz, charset="GBK", **more).items() if k != "sign"}
    text = "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if v).encode("gbk")
    return {**fields, "sign": base64.b64encode(shop.key.sign(text, PKCS1v15(), SHA256())).decode()}


@pytest_twisted.ensureDeferred
async def test_a_seller_who_speaks_gbk_is_answered_and_told_in_gbk(shop: Seller) -> None:  # noqa: F811
    biz = {"out_trade_no": "N1", "subject": "门诊缴费", "total_amount": "10.75"}
    fields = gbk(shop, "alipay.trade.precreate", biz, notify_url=shop.town.notify_url)
    content = await posted(shop, b"", form(fields, "gbk"))
    assert json.loads(content.decode("gbk"))["alipay_trade_precreate_response"]["code"] == "10000"
    content = await posted(shop, b"", form(gbk(shop, "alipay.trade.query", {"out_trade_no": "N1"}), "gbk"))
    node, _, rest = content.removeprefix(b'{"alipay_trade_query_response":').partition(b',"sign":"')
    assert "交易不存在" in node.decode("gbk")
    shop.alipay.verify(base64.b64decode(rest.removesuffix(b'"}')), node, PKCS1v15(), SHA256())
    shop.sim.act({"act": "pay", "no": "N1"})
    await shop.town.settle(1)
    pairs = [pair.partition("=") for pair in shop.town.receiver.got[0][1].decode("ascii").split("&")]
    told = {name: unquote_plus(value, "gbk") for name, _, value in pairs}
    assert (told["charset"], told["subject"]) == ("GBK", "门诊缴费")
    text = "&".join(f"{k}={v}" for k, v in sorted(told.items()) if k not in ("sign", "sign_type"))
    shop.alipay.verify(base64.b64decode(told["sign"]), text.encode("gbk"), PKCS1v15(), SHA256())


@pytest_twisted.ensureDeferred
async def test_bytes_that_are_not_of_the_named_character_set_are_refused(shop: Seller) -> None:  # noqa: F811
    fields = shop.params("alipay.trade.query", {"out_trade_no": "门诊"})
    content = await posted(shop, b"", form(fields, "gbk"))
    assert json.loads(content)["error_response"]["sub_code"] == "isv.invalid-charset"


@pytest.mark.parametrize(("change", "said", "signed"), [
    ({"sign": "AAAA"}, "isv.invalid-signature", True), ({"timestamp": "now"}, "isv.invalid-timestamp", True),
    ({"version": ""}, "isv.missing-parameter", True), ({"app_id": "2021000000000009"}, "isv.invalid-app-id", False),
])  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_a_no_of_the_gateway_stands_in_the_methods_own_node(
    shop: Seller, change: dict[str, str], said: str, signed: bool  # noqa: F811
) -> None:
    fields = shop.params("alipay.trade.query", {"out_trade_no": "N1"}, **change)
    content = await posted(shop, b"", form(fields))
    assert json.loads(content)["alipay_trade_query_response"]["sub_code"] == said
    assert ("sign" in json.loads(content)) is signed
    if signed:
        assert shop.opened("alipay.trade.query", content)["sub_code"] == said


@pytest_twisted.ensureDeferred
async def test_a_method_that_nobody_knows_has_no_node_of_its_own(shop: Seller) -> None:  # noqa: F811
    content = await posted(shop, b"", form(shop.params("alipay.trade.dream", {"out_trade_no": "N1"})))
    assert json.loads(content)["error_response"]["sub_code"] == "isv.invalid-method"


@pytest_twisted.ensureDeferred
async def test_a_qr_ends_when_the_order_says_so_by_either_name(shop: Seller) -> None:  # noqa: F811
    biz = {"out_trade_no": "N1", "subject": "x", "total_amount": "1.00", "timeout_express": "5m"}
    assert (await shop.call("alipay.trade.precreate", biz))["code"] == "10000"
    trade = shop.sim.book.trades["N1"]
    assert trade.expires - shop.sim.world.now() == pytest.approx(300, abs=2)
