"""Alipay's second protocol, /v3/…: JSON with the signature in the header Authorization, answers signed in headers, a no
as an HTTP status with a code; and content hidden by AES in either protocol."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import pytest_twisted
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7
from test_alipay import Seller, shop  # noqa: F401 - the fixture is used by its name

PAY = {"scene": "bar_code", "auth_code": "280000000000000000", "subject": "门诊缴费", "total_amount": "10.75"}


class Rest:
    """A client of /v3 with the card's keys; headers of the last answer stand in `headers`."""

    def __init__(self, shop: Seller, *, certificate: bool = False) -> None:  # noqa: F811
        self.shop, self.certificate, self.headers = shop, certificate, {}

    async def __call__(
        self, path: str, body: dict[str, Any] | None = None, *, verb: str = "POST", hidden: bool = False,
        text: str | None = None, sign: str = "", auth: str = "", **more: str,
    ) -> tuple[int, dict[str, Any]]:  # fmt: skip
        card, world = self.shop.card, self.shop.sim.world
        sent = text if text is not None else json.dumps(body, ensure_ascii=False) if body is not None else ""
        sent = aes(card["encrypt_key"], sent) if hidden else sent
        number = f",app_cert_sn={card['app_cert_sn']}" if self.certificate else ""
        now = int(world.now() * 1000)
        auth = auth or f"app_id={card['app_id']}{number},nonce=n{world.rng.random()},timestamp={now}"
        content = f"{auth}\n{verb}\n{path}\n{sent}\n".encode()
        sign = sign or base64.b64encode(self.shop.key.sign(content, PKCS1v15(), SHA256())).decode()
        headers = {
            "Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(sent.encode())),
            "Content-Type": "text/plain" if hidden else "application/json", "alipay-request-id": "R1",
            "Authorization": f"ALIPAY-SHA256withRSA {auth},sign={sign}", **more,
            **({"alipay-encrypt-type": "AES"} if hidden else {}),
            **({"alipay-root-cert-sn": card["alipay_root_cert_sn"]} if self.certificate else {}),
        }  # fmt: skip
        head = f"{verb} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        talk = await self.shop.whole(head.encode() + sent.encode())
        head_back, _, raw = talk.partition(b"\r\n\r\n")
        lines = head_back.decode().split("\r\n")
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
        status = int(lines[0].split()[1])
        if status < 400:
            self.verified(raw)
        return status, json.loads(unaes(card["encrypt_key"], raw.decode()) if hidden and status < 400 else raw)

    def verified(self, raw: bytes) -> None:
        told = f"{self.headers['alipay-timestamp']}\n{self.headers['alipay-nonce']}\n".encode() + raw + b"\n"
        self.shop.alipay.verify(base64.b64decode(self.headers["alipay-signature"]), told, PKCS1v15(), SHA256())


def aes(key: str, text: str) -> str:
    pad = PKCS7(128).padder()
    box = Cipher(algorithms.AES(base64.b64decode(key)), modes.CBC(bytes(16))).encryptor()
    return base64.b64encode(box.update(pad.update(text.encode()) + pad.finalize()) + box.finalize()).decode()


def unaes(key: str, text: str) -> str:
    box = Cipher(algorithms.AES(base64.b64decode(key)), modes.CBC(bytes(16))).decryptor()
    pad = PKCS7(128).unpadder()
    return (pad.update(box.update(base64.b64decode(text)) + box.finalize()) + pad.finalize()).decode()


@pytest.mark.parametrize("certificate", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_payment_its_query_and_its_refund(shop: Seller, certificate: bool) -> None:  # noqa: F811
    rest = Rest(shop, certificate=certificate)
    status, paid = await rest("/v3/alipay/trade/pay", {"out_trade_no": "R1", **PAY})
    assert (status, paid["total_amount"], "code" in paid) == (200, "10.75", False)
    assert rest.headers.get("alipay-sn") == (shop.card["alipay_cert_sn"] if certificate else None)
    assert rest.headers["alipay-trace-id"]
    assert (await rest("/v3/alipay/trade/query", {"out_trade_no": "R1"}))[1]["trade_status"] == "TRADE_SUCCESS"
    back = {"out_trade_no": "R1", "refund_amount": "0.75", "out_request_no": "R1-1"}
    assert (await rest("/v3/alipay/trade/refund", back))[1]["fund_change"] == "Y"
    found = await rest("/v3/alipay/trade/fastpay/refund/query", {"out_trade_no": "R1", "out_request_no": "R1-1"})
    assert found[1]["refund_status"] == "REFUND_SUCCESS"
    assert (await shop.call("alipay.trade.query", {"out_trade_no": "R1"}))["trade_status"] == "TRADE_SUCCESS"


@pytest_twisted.ensureDeferred
async def test_what_differs_from_the_gateway(shop: Seller) -> None:  # noqa: F811
    """The address for notifications stands in the body, waiting is a status of its own, the bill is a GET."""
    rest = Rest(shop)
    order = {"out_trade_no": "R2", "subject": "门诊", "total_amount": "1.00", "notify_url": shop.town.notify_url}
    assert (await rest("/v3/alipay/trade/precreate", order))[1]["qr_code"].startswith("https://")
    shop.sim.act({"act": "pay", "no": "R2"})
    await shop.town.settle(1)
    assert shop.notice(0)["out_trade_no"] == "R2"
    slow = {"out_trade_no": "R3", **PAY, "auth_code": "280000000000999001"}
    assert (await rest("/v3/alipay/trade/pay", slow))[0] == 202
    shop.sim.world.advance(86400 + 3600 * 12)
    day = shop.sim.world.stamp("%Y-%m-%d")
    path = "/v3/alipay/data/dataservice/bill/downloadurl/query"
    status, said = await rest(f"{path}?bill_type=trade&bill_date={day}", verb="GET")
    assert (status, said["code"]) == (400, "bill_not_exist")
    for verb in ("GET", "POST"):  # documents of different years differ
        query = "?out_order_no=A1&out_request_no=A1" if verb == "GET" else ""
        body = {"out_order_no": "A1", "out_request_no": "A1"} if verb == "POST" else None
        status, said = await rest(f"/v3/alipay/fund/auth/operation/detail/query{query}", body, verb=verb)
        assert (status, said["code"]) == (400, "AUTH_ORDER_NOT_EXIST")


@pytest_twisted.ensureDeferred
async def test_a_no_is_a_status_and_a_code(shop: Seller) -> None:  # noqa: F811
    rest, now = Rest(shop), int(shop.sim.world.now() * 1000)
    status, said = await rest("/v3/alipay/trade/query", {"out_trade_no": "R9"})
    assert (status, said["code"], said["message"]) == (400, "ACQ.TRADE_NOT_EXIST", "交易不存在")
    assert said["links"][0]["link"].startswith("http")
    rest.verified(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode())
    for given, wanted in (
        ({"sign": "AAAA"}, (401, "invalid-signature")),
        ({"auth": f"app_id=2021000000000009,nonce=n,timestamp={now}"}, (401, "invalid-app-id")),
        ({"auth": f"app_id={shop.card['app_id']},nonce=n"}, (400, "missing-parameter")),
        ({"auth": f"app_id={shop.card['app_id']},nonce=n,timestamp=today"}, (400, "invalid-timestamp")),
        ({"text": "[1"}, (400, "invalid-parameter")),
    ):  # fmt: skip
        status, said = await rest("/v3/alipay/trade/query", {"out_trade_no": "R9"}, **given)  # type: ignore[arg-type]
        assert (status, said["code"]) == wanted
    assert (await rest("/v3/alipay/trade/nothing", {}))[0] == 404
    assert (await rest("/v3/alipay/trade/query", verb="GET"))[0] == 405


@pytest_twisted.ensureDeferred
async def test_faults_play_here_too(shop: Seller) -> None:  # noqa: F811
    rest = Rest(shop)
    shop.sim.faults.add({"op": "pay", "fault": "bad_signature", "times": 1})
    with pytest.raises(InvalidSignature):
        await rest("/v3/alipay/trade/pay", {"out_trade_no": "R5", **PAY})
    shop.sim.faults.add({"op": "query", "fault": "wrong_amount", "times": 1})
    assert (await rest("/v3/alipay/trade/query", {"out_trade_no": "R5"}))[1]["total_amount"] == "10.76"
    shop.sim.faults.add({"op": "query", "fault": "unsigned", "times": 1})
    with pytest.raises(KeyError):
        await rest("/v3/alipay/trade/query", {"out_trade_no": "R5"})
    shop.sim.faults.add({"op": "query", "fault": "system_error", "times": 1})
    assert (await rest("/v3/alipay/trade/query", {"out_trade_no": "R5"}))[0] == 500
    shop.sim.faults.add({"op": "cancel", "fault": "retry", "times": 1})
    assert (await rest("/v3/alipay/trade/cancel", {"out_trade_no": "R5"}))[1]["retry_flag"] == "Y"


@pytest_twisted.ensureDeferred
async def test_hidden_content(shop: Seller) -> None:  # noqa: F811
    rest, key = Rest(shop), shop.card["encrypt_key"]
    assert (await rest("/v3/alipay/trade/pay", {"out_trade_no": "R6", **PAY}, hidden=True))[1]["trade_no"]
    status, said = await rest("/v3/alipay/trade/query", text="nothing hidden", **{"alipay-encrypt-type": "AES"})
    assert (status, said["code"]) == (400, "decryption-error-unknown")
    fields = {k: v for k, v in shop.params("alipay.trade.query", {"out_trade_no": "R6"}).items() if k != "sign"}
    hidden = {**fields, "encrypt_type": "AES", "biz_content": aes(key, fields["biz_content"])}
    told = await shop.plain("alipay.trade.query", hidden)
    text = json.loads(told)["alipay_trade_query_response"]
    shop.alipay.verify(
        base64.b64decode(json.loads(told)["sign"]), f'"{text}"'.encode(), PKCS1v15(), SHA256()
    )
    assert json.loads(unaes(key, text))["trade_status"] == "TRADE_SUCCESS"


@pytest_twisted.ensureDeferred
async def test_a_wrong_signature_hears_what_the_gateway_signed_over(shop: Seller) -> None:  # noqa: F811
    said = await shop.call("alipay.trade.query", {"out_trade_no": "1&2"}, sign="AAAA")
    assert "网关生成的验签字符串为：app_id=2021000000000001&amp;biz_content=" in said["sub_msg"]
