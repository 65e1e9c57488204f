"""WeChat v3 over HTTP bytes: signing both ways, orders, states, refusals."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from wechat_merchant import Merchant, open_town, shut


@pytest_twisted.async_yield_fixture
async def shop() -> AsyncIterator[Merchant]:
    merchant = await open_town()
    yield merchant
    await shut(merchant)


async def code_of(shop: Merchant, **twist: Any) -> tuple[int, str, int]:
    answer = await shop.v3("POST", "/v3/pay/transactions/native", shop.order("SIGN0001"), **twist)
    return answer.status, answer.json["code"], answer.number


@pytest_twisted.ensureDeferred
async def test_native_is_ordered_paid_and_queried(shop: Merchant) -> None:
    placed = await shop.native("ORD000001", attach="B001")
    assert placed.status == 200
    assert placed.json["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert placed.number == 0
    before = (await shop.query("ORD000001")).json
    assert before["trade_state"] == "NOTPAY"
    assert "transaction_id" not in before
    await shop.act("pay", no="ORD000001")
    after = (await shop.query("ORD000001")).json
    assert after["trade_state"] == "SUCCESS"
    assert after["trade_type"] == "NATIVE"
    assert after["amount"] == {"total": 107500, "currency": "CNY", "payer_total": 107500, "payer_currency": "CNY"}
    assert after["attach"] == "B001"
    assert after["success_time"].startswith("2026-11-22T12:00:")
    by_id = await shop.v3("GET", f"/v3/pay/transactions/id/{after['transaction_id']}?mchid={shop.card['mchid']}")
    assert by_id.json == after
    rows = await shop.ledger()
    assert [(r["kind"], r["no"], r["amount"], r["state"], r["bill"]) for r in rows] == [
        ("order", "ORD000001", 107500, "paid", "B001"), ("charge", "ORD000001", 107500, "done", "B001"),
    ]
    assert rows[1]["party_no"] == after["transaction_id"]


@pytest_twisted.ensureDeferred
async def test_every_way_to_order_gives_its_ticket(shop: Merchant) -> None:
    jsapi = await shop.v3("POST", "/v3/pay/transactions/jsapi", shop.order("JSAPI0001", payer={"openid": "oX"}))
    app = await shop.v3("POST", "/v3/pay/transactions/app", shop.order("APP000001"))
    scene = {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}}
    h5 = await shop.v3("POST", "/v3/pay/transactions/h5", shop.order("H50000001", scene_info=scene))
    assert len(jsapi.json["prepay_id"]) == len(app.json["prepay_id"]) == 36
    assert "prepay_id=wx" in h5.json["h5_url"]
    no_payer = await shop.v3("POST", "/v3/pay/transactions/jsapi", shop.order("JSAPI0002"))
    assert (no_payer.status, no_payer.json["code"]) == (400, "PARAM_ERROR")
    assert "/body/payer" in no_payer.json["message"]


@pytest_twisted.ensureDeferred
async def test_wrong_signatures_are_refused_and_nothing_is_ordered(shop: Merchant) -> None:
    no_sign = (401, "SIGN_ERROR", 268443699)
    other = json.dumps(shop.order("SIGN0001", attach="tampered")).encode()
    assert await code_of(shop, signature=base64.b64encode(b"x" * 256).decode()) == no_sign
    assert await code_of(shop, swapped_body=other) == no_sign
    assert await code_of(shop, serial="00FF") == no_sign
    assert await code_of(shop, mchid="1600000009") == no_sign
    assert await code_of(shop, skew=-301) == no_sign
    assert await code_of(shop, skew=302) == no_sign
    assert await code_of(shop, headers={"Authorization": "Basic abc"}) == no_sign
    assert await shop.ledger() == []
    assert (await shop.native("SIGN0001")).status == 200


@pytest_twisted.ensureDeferred
async def test_clock_edges_and_lower_case_serial_are_accepted(shop: Merchant) -> None:
    for i, twist in enumerate(({"skew": -298}, {"skew": 298}, {"serial": shop.card["merchant_serial"].lower()})):
        answer = await shop.v3("POST", "/v3/pay/transactions/native", shop.order(f"EDGE000{i}"), **twist)
        assert answer.status == 200


@pytest_twisted.ensureDeferred
async def test_nonce_replay_is_refused_only_when_the_platform_minds(shop: Merchant) -> None:
    target = f"/v3/pay/transactions/out-trade-no/NONE00001?mchid={shop.card['mchid']}"
    assert [(await shop.v3("GET", target, nonce="same")).status for _ in range(2)] == [404, 404]
    await shop.act("set", refuse_replay=True)
    assert [(await shop.v3("GET", target, nonce="once")).status for _ in range(2)] == [404, 401]


@pytest_twisted.ensureDeferred
async def test_headers_the_platform_demands(shop: Merchant) -> None:
    for missing in ("Accept", "User-Agent"):
        answer = await shop.v3("GET", "/v3/certificates", headers={missing: ""})
        assert (answer.status, answer.json["code"]) == (400, "PARAM_ERROR")
    plain = await shop.v3("POST", "/v3/pay/transactions/native", shop.order("CT000001"),
                          headers={"Content-Type": "text/plain"})
    assert plain.status == 400
    unknown = await shop.v3("POST", "/v3/security/echo", {"echo_message": "x"}, headers={"Wechatpay-Serial": "ABCDEF"})
    assert (unknown.status, unknown.json["code"]) == (400, "PARAM_ERROR")
    own = {"Wechatpay-Serial": shop.card["merchant_serial"]}
    assert (await shop.v3("POST", "/v3/pay/transactions/native", shop.order("CT000002"), headers=own)).status == 200


@pytest_twisted.ensureDeferred
async def test_answers_are_signed_by_the_key_the_request_names(shop: Merchant) -> None:
    for serial in (shop.card["public_key_id"], shop.card["platform_serial"].lower()):
        answer = await shop.v3("POST", "/v3/pay/transactions/native", shop.order("WHICH0001"),
                               headers={"Wechatpay-Serial": serial})
        assert answer.headers["wechatpay-serial"] == serial.upper()
        assert answer.headers["content-type"].startswith("application/json")


@pytest_twisted.ensureDeferred
async def test_a_204_is_signed_with_an_empty_body_line(shop: Merchant) -> None:
    await shop.native("CLOSE0001")
    first, again = await shop.close("CLOSE0001"), await shop.close("CLOSE0001")
    assert (first.status, first.body, again.status) == (204, b"", 204)
    assert (await shop.query("CLOSE0001")).json["trade_state"] == "CLOSED"
    assert len(await shop.ledger("close")) == 1


@pytest.mark.parametrize(("change", "where", "number"), [
    ({"extra": 1}, "/body/extra", 270924358),
    ({"amount": {"total": 1, "currency": "CNY", "payer_total": 1}}, "/body/amount/payer_total", 270924358),
    ({"payer": {"openid": "o"}}, "/body/payer", 270924358),
    ({"out_trade_no": "abc"}, "/body/out_trade_no", 0),
    ({"out_trade_no": "a" * 33}, "/body/out_trade_no", 0),
    ({"out_trade_no": "单号单号单号"}, "/body/out_trade_no", 0),
    ({"description": None}, "/body/description", 0),
    ({"description": "字" * 128}, "/body/description", 0),
    ({"amount": {"total": 0}}, "/body/amount/total", 0),
    ({"amount": {"total": "107500"}}, "/body/amount/total", 0),
    ({"amount": {"total": 1.5}}, "/body/amount/total", 0),
    ({"amount": {"total": True}}, "/body/amount/total", 0),
    ({"amount": {"total": 1, "currency": "USD"}}, "/body/amount/currency", 0),
    ({"notify_url": "http://127.0.0.1/n?x=1"}, "/body/notify_url", 0),
    ({"time_expire": "2026-11-22 12:00:00"}, "/body/time_expire", 0),
    ({"time_expire": "2026-13-22T12:00:00+08:00"}, "/body/time_expire", 0),
])
@pytest_twisted.ensureDeferred
async def test_fields_are_checked(shop: Merchant, change: dict[str, Any], where: str, number: int) -> None:
    answer = await shop.native("FIELD0001", **change)
    assert (answer.status, answer.json["code"]) == (400, "PARAM_ERROR")
    assert where in answer.body.decode()
    assert (answer.number == 270924358) == (number == 270924358)
    assert await shop.ledger() == []


@pytest_twisted.ensureDeferred
async def test_one_number_one_order_for_ever(shop: Merchant) -> None:
    first = await shop.native("SAME00001")
    again = await shop.native("SAME00001")
    assert again.status == 200
    assert again.json["code_url"] != first.json["code_url"]
    assert "error" in await shop.act("pay", qr=first.json["code_url"])
    other = await shop.native("SAME00001", attach="other")
    assert (other.status, other.json["code"], other.number) == (400, "INVALID_REQUEST", 268498688)
    swapped = await shop.micropay("SAME00001")
    assert (swapped["result_code"], swapped["err_code"]) == ("FAIL", "OUT_TRADE_NO_USED")
    await shop.act("pay", qr=again.json["code_url"])
    paid = await shop.native("SAME00001")
    assert (paid.json["code"], paid.number) == ("ORDERPAID", 268449538)
    assert len(await shop.ledger("order")) == 1


@pytest_twisted.ensureDeferred
async def test_closing_a_paid_order_says_paid_and_a_closed_one_cannot_be_paid(shop: Merchant) -> None:
    await shop.native("PAIDFIRST")
    await shop.act("pay", no="PAIDFIRST")
    refused = await shop.close("PAIDFIRST")
    assert (refused.status, refused.json["code"], refused.number) == (400, "ORDERPAID", 268449538)
    await shop.native("CLOSEFIRST")
    await shop.close("CLOSEFIRST")
    assert "error" in await shop.act("pay", no="CLOSEFIRST")
    gone = await shop.native("CLOSEFIRST")
    assert (gone.json["code"], gone.number) == ("ORDER_CLOSED", 268447914)
    missing = await shop.close("NEVERSEEN1")
    assert (missing.status, missing.json["code"], missing.number) == (404, "ORDER_NOT_EXIST", 268512771)
    assert [r["no"] for r in await shop.ledger("charge")] == ["PAIDFIRST"]


@pytest_twisted.ensureDeferred
async def test_time_expire_ends_the_order(shop: Merchant) -> None:
    late = await shop.native("EXPIRE001", time_expire="2026-11-22T12:00:30+08:00")
    assert late.status == 400
    await shop.native("EXPIRE001", time_expire="2026-11-22T12:05:00+08:00")
    shop.sim.world.advance(299)
    assert (await shop.query("EXPIRE001")).json["trade_state"] == "NOTPAY"
    shop.sim.world.advance(1.5)
    assert "error" in await shop.act("pay", no="EXPIRE001")
    assert (await shop.query("EXPIRE001")).json["trade_state"] == "CLOSED"
    late = await shop.native("EXPIRE001", time_expire="2026-11-22T12:05:00+08:00")
    assert late.json["code"] == "ORDER_CLOSED"
    assert await shop.ledger("charge") == []


@pytest_twisted.ensureDeferred
async def test_old_spelling_and_query_without_merchant(shop: Merchant) -> None:
    await shop.act("set", old_spelling=True)
    assert (await shop.query("NEVERSEEN1")).json["code"] == "ORDERNOTEXIST"
    bare = await shop.v3("GET", "/v3/pay/transactions/out-trade-no/NEVERSEEN1")
    assert bare.json["code"] == "PARAM_ERROR"


@pytest_twisted.ensureDeferred
async def test_codepay_and_reverse_are_open_only_behind_the_switch(shop: Merchant) -> None:
    def body(no: str, code: str) -> dict[str, Any]:
        order = shop.order(no, payer={"auth_code": code}, scene_info={"store_info": {"out_id": "K01"}})
        del order["notify_url"]
        return order

    async def pay(no: str, code: str = "134000000000000001") -> Any:
        return await shop.v3("POST", "/v3/pay/transactions/codepay", body(no, code))

    async def reverse(no: str) -> Any:
        ids = {"appid": shop.card["appid"], "mchid": shop.card["mchid"]}
        return await shop.v3("POST", f"/v3/pay/transactions/out-trade-no/{no}/reverse", ids)

    assert (await pay("CODE00001")).json["code"] == "NO_AUTH"
    await shop.act("set", codepay=True)
    paid = await pay("CODE00001")
    assert (paid.json["trade_state"], paid.json["trade_type"]) == ("SUCCESS", "MICROPAY")
    closed = await shop.close("CODE00001")
    assert (closed.json["code"], closed.number) == ("INVALID_REQUEST", 268449641)
    assert (await reverse("CODE00001")).json["out_trade_no"] == "CODE00001"
    assert (await reverse("CODE00001")).status == 200
    assert (await shop.query("CODE00001")).json["trade_state"] == "REVOKED"
    waiting = await pay("CODE00002", "134000000000999001")
    assert waiting.json["trade_state"] == "USERPAYING"
    assert [(r["no"], r["amount"]) for r in await shop.ledger("reverse")] == [("CODE00001", 107500)]
    assert shop.town.receiver.got == []


@pytest_twisted.ensureDeferred
async def test_certificates_open_with_the_v3_key_and_rotation_keeps_both(shop: Merchant) -> None:
    made = await shop.act("rotate_key")
    old = shop.card["platform_serial"]
    await shop.load()
    data = (await shop.v3("GET", "/v3/certificates")).json["data"]
    assert [d["serial_no"] for d in data] == [old, made["platform_serial"]]
    for row in data:
        opened = x509.load_pem_x509_certificate(shop.opened(row["encrypt_certificate"]))
        assert f"{opened.serial_number:040X}" == row["serial_no"]
    newest = await shop.query("NEVERSEEN1")
    assert newest.headers["wechatpay-serial"] == made["platform_serial"]
    await shop.act("set", verify="pubkey")
    none = await shop.v3("GET", "/v3/certificates")
    assert none.status == 404
    assert none.headers["wechatpay-serial"] == shop.card["public_key_id"]


@pytest_twisted.ensureDeferred
async def test_echo_proves_both_keys(shop: Merchant) -> None:
    platform = x509.load_pem_x509_certificate(shop.card["platform_certificate"].encode()).public_key()
    sha1 = hashes.SHA1()  # noqa: S303 - the platform prescribes it
    oaep = padding.OAEP(padding.MGF1(sha1), sha1, None)
    sealed = base64.b64encode(platform.encrypt("你好".encode(), oaep)).decode()
    body = {"echo_message": "hello", "encrypted_echo_message": sealed, "notify_url": shop.town.notify_url}
    named = {"Wechatpay-Serial": shop.card["platform_serial"]}
    answer = await shop.v3("POST", "/v3/security/echo", body, headers=named)
    back = base64.b64decode(answer.json["encrypted_echo_message"])
    assert (answer.json["echo_message"], shop.key.decrypt(back, oaep).decode()) == ("hello", "你好")
    await shop.town.settle(1)
    kind, plain = shop.event(shop.town.receiver.got[0])
    assert (kind, plain["echo_message"]) == ("SECURITY_ECHO.SUCCESS", "hello")
    wrong = await shop.v3("POST", "/v3/security/echo", {**body, "encrypted_echo_message": "AAAA"}, headers=named)
    assert wrong.status == 400
    assert await shop.ledger() == []


@pytest_twisted.ensureDeferred
async def test_spoiled_answers(shop: Merchant) -> None:
    await shop.native("SPOIL0001")
    await shop.act("pay", no="SPOIL0001")
    target = f"/v3/pay/transactions/out-trade-no/SPOIL0001?mchid={shop.card['mchid']}"
    for kind in ("bad_signature", "probe", "old_timestamp", "unknown_serial"):
        await shop.fault("query", kind, match={"no": "SPOIL0001"})
        answer = await shop.v3("GET", target, check=False)
        assert not shop.verified(answer.headers, answer.body), kind
    await shop.fault("query", "unsigned")
    assert "wechatpay-signature" not in (await shop.v3("GET", target, check=False)).headers
    await shop.fault("query", "wrong_amount")
    assert (await shop.query("SPOIL0001")).json["amount"]["total"] == 107501
    assert (await shop.query("SPOIL0001")).json["amount"]["total"] == 107500


@pytest_twisted.ensureDeferred
async def test_refusals_that_execute_nothing(shop: Merchant) -> None:
    wanted = {
        "refuse_business": (403, "RULE_LIMIT"), "not_enough_balance": (403, "NOT_ENOUGH"),
        "token_expired": (401, "SIGN_ERROR"), "frequency": (429, "FREQUENCY_LIMITED"),
        "system_error": (500, "SYSTEM_ERROR"), "bank_error": (502, "BANK_ERROR"),
    }
    for kind, said in wanted.items():
        await shop.fault("native", kind)
        answer = await shop.native("REFUSE001")
        assert (answer.status, answer.json["code"]) == said
    assert await shop.ledger() == []
