"""The Alipay simulator over real sockets, with this file's own wire code: every way clients send, notifications with
their schedule, bills, the card."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from twisted.internet import defer
from twisted.internet.protocol import ClientCreator, Protocol
from twisted.web.server import Site
from wechat_merchant import KEYS, START, Receiver, Town, reactor

from simulators.alipay import AlipaySim
from simulators.base.world import SimWorld


class Talk(Protocol):
    """One raw exchange: what is written, what comes back until the other side closes."""

    def __init__(self) -> None:
        self.heard, self.over = b"", defer.Deferred[bytes]()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        self.over.callback(self.heard)


class Seller:
    """Signs and verifies with what the card gives."""

    def __init__(self, town: Any) -> None:
        self.town, self.sim = town, town.sim
        self.card = self.sim.card(f"http://127.0.0.1:{town.port}")
        self.key: Any = load_pem_private_key(self.card["app_private_key"].encode(), None)
        self.alipay: Any = load_pem_public_key(self.card["alipay_public_key"].encode())

    async def whole(self, content: bytes) -> bytes:
        talk = await ClientCreator(reactor, Talk).connectTCP("127.0.0.1", self.town.port)
        talk.transport.write(content)
        return bytes(await talk.over)

    async def raw(self, content: bytes) -> tuple[int, bytes]:
        head, _, body = (await self.whole(content)).partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), body

    def params(self, method: str, biz: dict[str, Any], **more: str) -> dict[str, str]:
        fields = {
            "app_id": self.card["app_id"], "method": method, "format": "JSON", "charset": "utf-8",
            "sign_type": "RSA2", "timestamp": self.sim.world.stamp(), "version": "1.0",
            "biz_content": json.dumps(biz, ensure_ascii=False), **more,
        }
        if "sign" not in fields:
            text = "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if v).encode()
            fields["sign"] = base64.b64encode(self.key.sign(text, PKCS1v15(), SHA256())).decode()
        return fields

    async def call(self, method: str, biz: dict[str, Any], how: str = "split", **more: str) -> dict[str, Any]:
        fields = self.params(method, biz, **more)
        inside = {"get": (), "split": ("biz_content",), "body": tuple(fields), "absolute": ("biz_content",)}[how]
        query = "&".join(f"{k}={quote_plus(v)}" for k, v in fields.items() if k not in inside)
        body = "&".join(f"{k}={quote_plus(fields[k])}" for k in inside).encode()
        target = f"/gateway.do?{query}"
        if how == "absolute":
            target = f"http://127.0.0.1{target}"
        verb = "POST" if body else "GET"
        head = (
            f"{verb} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.town.port}\r\nConnection: close\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        status, content = await self.raw(head.encode() + body)
        assert status == 200, content
        return self.opened(method, content)

    def opened(self, method: str, content: bytes) -> dict[str, Any]:
        """The node, its signature checked over the bytes between the names."""
        text = content.decode()
        node = f'{{"{method.replace(".", "_")}_response":'
        if not text.startswith(node):
            return dict(json.loads(text)["error_response"])
        if '"sign":"' not in text:  # only of an application nobody knows
            assert json.loads(text)[node[2:-2]]["sub_code"] == "isv.invalid-app-id"
            return dict(json.loads(text)[node[2:-2]])
        end = text.index(',"alipay_cert_sn":"') if ',"alipay_cert_sn":"' in text else text.index('},"sign":"') + 1
        raw = text[len(node) : end]
        self.alipay.verify(base64.b64decode(json.loads(text)["sign"]), raw.encode(), PKCS1v15(), SHA256())
        return dict(json.loads(raw))

    async def plain(self, method: str, fields: dict[str, str]) -> str:
        """The answer to exactly these parameters, signed here."""
        text = "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if v).encode()
        mark = base64.b64encode(self.key.sign(text, PKCS1v15(), SHA256())).decode()
        query = "&".join(f"{k}={quote_plus(v)}" for k, v in {**fields, "sign": mark}.items())
        head = f"GET /gateway.do?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        return (await self.raw(head.encode()))[1].decode()

    async def pay(self, no: str, code: str = "280000000000000000", **more: Any) -> dict[str, Any]:
        return await self.call("alipay.trade.pay", {
            "out_trade_no": no, "scene": "bar_code", "auth_code": code, "subject": "门诊缴费",
            "total_amount": "10.75", **more,
        }, notify_url=self.town.notify_url)  # fmt: skip

    async def order(self, no: str) -> str:
        made = await self.call(
            "alipay.trade.precreate", {"out_trade_no": no, "subject": "门诊缴费", "total_amount": "10.75"},
            notify_url=self.town.notify_url,
        )
        return str(made["qr_code"])

    def notice(self, at: int) -> dict[str, str]:
        """A notification that came, verified."""
        fields = dict(parse_qsl(self.town.receiver.got[at][1].decode(), strict_parsing=True))
        text = "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if k not in ("sign", "sign_type"))
        self.alipay.verify(base64.b64decode(fields["sign"]), text.encode(), PKCS1v15(), SHA256())
        return fields


@pytest_twisted.async_yield_fixture
async def shop() -> AsyncIterator[Seller]:
    world = SimWorld(reactor, seed=7, anchor=START)
    world.keys = KEYS
    sim = AlipaySim(world)
    receiver = Receiver()
    receiver.body = b"success"
    listening, back = sim.listen(), reactor.listenTCP(0, Site(receiver), interface="127.0.0.1")
    address = f"http://127.0.0.1:{back.getHost().port}/notify"
    yield Seller(Town(sim, listening.getHost().port, receiver, address))  # type: ignore[arg-type]  # another party's town
    sim.start_over()
    for port in (listening, back):
        await defer.maybeDeferred(port.stopListening)


@pytest.mark.parametrize("how", ["get", "split", "body", "absolute"])
@pytest_twisted.ensureDeferred
async def test_every_way_clients_send_is_understood(shop: Seller, how: str) -> None:
    assert (await shop.pay("N1"))["code"] == "10000"
    found = await shop.call("alipay.trade.query", {"out_trade_no": "N1"}, how)
    assert (found["code"], found["trade_status"], found["total_amount"]) == ("10000", "TRADE_SUCCESS", "10.75")


@pytest_twisted.ensureDeferred
async def test_certificate_mode_answers_with_its_number(shop: Seller) -> None:
    both = {"app_cert_sn": shop.card["app_cert_sn"], "alipay_root_cert_sn": shop.card["alipay_root_cert_sn"]}
    assert (await shop.call("alipay.trade.query", {"out_trade_no": "N1"}, **both))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    wrong = await shop.call("alipay.trade.query", {"out_trade_no": "N1"}, app_cert_sn="0", alipay_root_cert_sn="1")
    assert wrong["sub_code"] == "isv.app-cert-sn-not-match"
    leaf = x509.load_pem_x509_certificates(shop.card["alipay_certificate"].encode())[0]
    assert leaf.public_key() == shop.alipay


@pytest.mark.parametrize(("change", "said"), [
    ({"sign": "AAAA"}, "isv.invalid-signature"), ({"app_id": "2021000000000009"}, "isv.invalid-app-id"),
    ({"sign_type": "RSA"}, "isv.invalid-signature-type"), ({"timestamp": "now"}, "isv.invalid-timestamp"),
    ({"charset": "big5"}, "isv.invalid-charset"), ({"version": ""}, "isv.missing-parameter"),
    ({"biz_content": "[1]"}, "isv.invalid-parameter"),
])  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_what_the_gateway_refuses_is_not_executed(shop: Seller, change: dict[str, str], said: str) -> None:
    assert (await shop.call("alipay.trade.pay", {"out_trade_no": "N1"}, **change))["sub_code"] == said
    assert shop.sim.ledger.rows == []


@pytest_twisted.ensureDeferred
async def test_a_payment_is_told_until_it_is_heard(shop: Seller) -> None:
    shop.town.receiver.replies = [500, 204]
    qr = await shop.order("Q1")
    shop.sim.act({"act": "pay", "qr": qr})
    await shop.town.settle(1)
    for wait, count in ((240, 2), (600, 3)):
        shop.sim.world.advance(wait)
        await shop.town.settle(count)
    first, last = shop.notice(0), shop.notice(2)
    assert (last["trade_status"], last["out_trade_no"], last["total_amount"]) == ("TRADE_SUCCESS", "Q1", "10.75")
    assert first["notify_id"] == last["notify_id"]
    assert "" not in last.values()
    shop.sim.world.advance(86400)
    await shop.town.breathe()
    assert len(shop.town.receiver.got) == 3
    assert shop.sim.courier.delivered == 1


@pytest_twisted.ensureDeferred
async def test_refunds_are_told_at_the_payments_address_with_their_sum(shop: Seller) -> None:
    await shop.pay("N1")
    for number, amount, total in (("R1", "4.00", "4.00"), ("R2", "6.75", "10.75")):
        body = {"out_trade_no": "N1", "out_request_no": number, "refund_amount": amount}
        assert (await shop.call("alipay.trade.refund", body))["refund_fee"] == total
    await shop.town.settle(3)
    told = sorted((shop.notice(i) for i in (1, 2)), key=lambda fields: fields["refund_fee"], reverse=True)
    assert [(n["out_biz_no"], n["refund_fee"], n["trade_status"]) for n in told] == [
        ("R1", "4.00", "TRADE_SUCCESS"), ("R2", "10.75", "TRADE_CLOSED"),
    ]  # fmt: skip
    more = {"out_trade_no": "N1", "out_request_no": "R3", "refund_amount": "0.01"}
    assert (await shop.call("alipay.trade.refund", more))["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


@pytest_twisted.ensureDeferred
async def test_two_payers_are_two_charges(shop: Seller) -> None:
    await shop.order("Q1")
    assert len(shop.sim.act({"act": "pay_twice", "no": "Q1"})["transactions"]) == 2
    await shop.town.settle(2)
    assert shop.notice(0)["trade_no"] != shop.notice(1)["trade_no"]
    assert [row.amount for row in shop.sim.ledger.rows if row.kind == "charge"] == [1075, 1075]


@pytest_twisted.ensureDeferred
async def test_a_spoiled_notice_does_not_verify(shop: Seller) -> None:
    shop.sim.faults.add({"op": "paid", "fault": "bad_signature"})
    await shop.pay("N1")
    await shop.town.settle(1)
    with pytest.raises(InvalidSignature):
        shop.notice(0)


@pytest_twisted.ensureDeferred
async def test_yesterdays_bill(shop: Seller) -> None:
    await shop.pay("N1", body="B1")
    refund = {"out_trade_no": "N1", "out_request_no": "R1", "refund_amount": "4.00"}
    await shop.call("alipay.trade.refund", refund)
    asked = {"bill_type": "trade", "bill_date": "2026-11-22"}
    method = "alipay.data.dataservice.bill.downloadurl.query"
    assert (await shop.call(method, asked))["sub_code"] == "isp.bill_not_exist"  # not today
    shop.sim.world.advance(86400)
    url = urlsplit((await shop.call(method, asked))["bill_download_url"])
    get = f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode()
    status, content = await shop.raw(get)
    with zipfile.ZipFile(io.BytesIO(content), metadata_encoding="gbk") as folder:
        assert folder.testzip() is None
        details, _ = sorted(folder.namelist(), key=lambda name: "汇总" in name)
        assert details == f"{shop.card['seller_id']}0156_20261122_业务明细.csv"
        lines = folder.read(details).decode("gb18030").split("\r\n")
    header = lines[4].split(",")
    assert (status, len(header), header[0]) == (200, 25, "支付宝交易号")
    rows = [dict(zip(header, line.split(","), strict=True)) for line in lines[5:7]]
    assert [(r["业务类型"], r["订单金额（元）"], r["商户订单号"]) for r in rows] == [
        ("交易", "10.75", "N1\t"), ("退款", "-4.00", "N1\t"),
    ]  # fmt: skip
    assert lines[8].startswith("#交易合计：1笔，商家实收共10.75元")
    shop.sim.world.advance(31)
    assert (await shop.raw(get))[0] == 400
