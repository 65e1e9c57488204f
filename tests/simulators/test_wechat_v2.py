"""WeChat v2 over XML bytes: payment codes, reversal with tombstones, refunds, the sign's known vectors."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS, trustRootFromCertificates
from twisted.web.client import Agent, ResponseNeverReceived
from twisted.web.iweb import IPolicyForHTTPS
from wechat_merchant import KEYS, Merchant, open_town, reactor, shut
from zope.interface import implementer

from simulators.wechat.envelope import read_xml, write_xml
from simulators.wechat.sign import v2_sign

KNOWN = {
    "appid": "wxd930ea5d5a258f4f", "body": "test", "device_info": "1000", "mch_id": "10000100",
    "nonce_str": "ibuaiVcKdpRxkhJA",
}
KNOWN_KEY = "192006250b4c09247ec02edce69f6a2d"


@pytest_twisted.async_yield_fixture
async def shop() -> AsyncIterator[Merchant]:
    merchant = await open_town()
    yield merchant
    await shut(merchant)


async def query(shop: Merchant, no: str) -> dict[str, str]:
    return await shop.v2("/pay/orderquery", out_trade_no=no)


async def reverse(shop: Merchant, no: str) -> dict[str, str]:
    return await shop.v2("/secapi/pay/reverse", out_trade_no=no)


async def refund(shop: Merchant, no: str, refund_no: str, fen: int, **more: str) -> dict[str, str]:
    return await shop.v2(
        "/secapi/pay/refund", out_trade_no=no, out_refund_no=refund_no, total_fee="107500", refund_fee=str(fen),
        **more,
    )


def test_the_published_sign_vectors() -> None:
    assert v2_sign(KNOWN, KNOWN_KEY) == "9A0A8659F005D6984697E2CA0A9CF3B7"
    assert v2_sign({**KNOWN, "empty": "", "sign": "x"}, KNOWN_KEY, "HMAC-SHA256") == (
        "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"
    )


def test_the_envelope_is_flat_and_takes_no_entities() -> None:
    tricky = {"a": "x]]>y<&>", "b": "字", "c": "12"}
    assert read_xml(write_xml(tricky)) == tricky
    assert b"<c>12</c>" in write_xml(tricky)
    for bad in (b"", b"<xml><a>1</a>", b"<x><a>1</a></x>", b"<xml><a><b>1</b></a></xml>",
                b"<xml><a>1</a><a>2</a></xml>",
                b'<!DOCTYPE x [<!ENTITY e "boom">]><xml><a>&e;</a></xml>'):
        assert read_xml(bad) is None, bad


@pytest.mark.parametrize("sign_type", ["", "MD5", "HMAC-SHA256"])
@pytest_twisted.ensureDeferred
async def test_a_payment_code_is_charged_at_once(shop: Merchant, sign_type: str) -> None:
    paid = await shop.micropay("MICRO0001", attach="B001", sign_type=sign_type)
    assert (paid["result_code"], paid["trade_type"], paid["total_fee"]) == ("SUCCESS", "MICROPAY", "107500")
    assert paid["time_end"].startswith("202611221200")
    found = await query(shop, "MICRO0001")
    assert (found["trade_state"], found["transaction_id"]) == ("SUCCESS", paid["transaction_id"])
    again = await shop.micropay("MICRO0001", attach="B001", sign_type=sign_type)
    assert again["err_code"] == "ORDERPAID"
    assert [(r["kind"], r["state"]) for r in await shop.ledger()] == [("order", "paid"), ("charge", "done")]
    assert shop.town.receiver.got == []


@pytest_twisted.ensureDeferred
async def test_a_broken_talk_executes_nothing(shop: Merchant) -> None:
    wrong = await shop.v2("/pay/orderquery", out_trade_no="X", wrong="0" * 32)
    assert (wrong["return_code"], wrong["return_msg"]) == ("FAIL", "签名错误")
    assert "sign" not in wrong
    broken = await shop.http("POST", "/pay/micropay", {}, b"<xml><a>")
    assert broken.xml["return_code"] == "FAIL"
    for missing in ("body", "total_fee", "auth_code"):
        fields = {"body": "b", "out_trade_no": "MISS00001", "total_fee": "1", "spbill_create_ip": "127.0.0.1",
                  "auth_code": "134000000000000001"}
        del fields[missing]
        assert (await shop.v2("/pay/micropay", **fields))["return_msg"] == f"缺少参数{missing}"
    for change in ({"auth_code": "834000000000000001"}, {"auth_code": "13400000000000001"}, {"total_fee": "0"},
                   {"total_fee": "1.5"}, {"out_trade_no": "a b"}, {"time_expire": "soon"}):
        fields = {"body": "b", "out_trade_no": "MISS00001", "total_fee": "1", "spbill_create_ip": "127.0.0.1",
                  "auth_code": "134000000000000001", **change}
        assert (await shop.v2("/pay/micropay", **fields))["result_code"] == "FAIL", change
    assert await shop.ledger() == []


@pytest.mark.parametrize(("behaviour", "said", "after", "charged"), [
    ("userpaying_then_ok", "USERPAYING", "SUCCESS", 1),
    ("userpaying_then_fail", "USERPAYING", "PAYERROR", 0),
    ("userpaying_never", "USERPAYING", "USERPAYING", 0),
    ("notenough", "NOTENOUGH", "PAYERROR", 0),
    ("systemerror_paid", "SYSTEMERROR", "SUCCESS", 1),
    ("systemerror_unpaid", "SYSTEMERROR", "NOTPAY", 0),
    ("bankerror", "BANKERROR", "PAYERROR", 0),
])
@pytest_twisted.ensureDeferred
async def test_payers_behave_as_registered(
    shop: Merchant, behaviour: str, said: str, after: str, charged: int
) -> None:
    await shop.act("payer", auth_code="134111111111111111", behaviour=behaviour, seconds=8)
    first = await shop.micropay("PAYER0001", "134111111111111111")
    assert (first["result_code"], first["err_code"]) == ("FAIL", said)
    shop.sim.world.advance(8.5)
    assert (await query(shop, "PAYER0001"))["trade_state"] == after
    assert len(await shop.ledger("charge")) == charged


@pytest_twisted.ensureDeferred
async def test_the_last_digits_choose_an_unregistered_payer(shop: Merchant) -> None:
    assert (await shop.micropay("TAIL00001", "134000000000999005"))["err_code"] == "AUTHCODEEXPIRE"
    assert (await query(shop, "TAIL00001"))["err_code"] == "ORDERNOTEXIST"
    assert (await shop.micropay("TAIL00002", "134000000000999004"))["err_code"] == "NOTENOUGH"
    assert "error" in await shop.act("payer", auth_code="999", behaviour="ok")
    assert "error" in await shop.act("payer", auth_code="134111111111111111", behaviour="odd")


@pytest_twisted.ensureDeferred
async def test_reversing_a_waiting_order_kills_it(shop: Merchant) -> None:
    await shop.act("payer", auth_code="134111111111111111", behaviour="userpaying_then_ok", seconds=8)
    await shop.micropay("REVERSE01", "134111111111111111")
    done = await reverse(shop, "REVERSE01")
    assert (done["result_code"], done["recall"]) == ("SUCCESS", "N")
    shop.sim.world.advance(20)
    assert (await query(shop, "REVERSE01"))["trade_state"] == "REVOKED"
    assert "error" in await shop.act("pay", no="REVERSE01")
    late = await shop.micropay("REVERSE01", "134111111111111111")
    assert late["err_code"] == "ORDERREVERSED"
    assert [(r["kind"], r["amount"], r["state"]) for r in await shop.ledger()] == [
        ("order", 107500, "reversed"), ("reverse", 0, "closed"),
    ]


@pytest_twisted.ensureDeferred
async def test_reversing_an_unknown_number_bars_it(shop: Merchant) -> None:
    assert (await reverse(shop, "TOMB00001"))["result_code"] == "SUCCESS"
    assert (await shop.micropay("TOMB00001"))["err_code"] == "ORDERREVERSED"
    assert (await query(shop, "TOMB00001"))["err_code"] == "ORDERNOTEXIST"
    assert [(r["kind"], r["amount"]) for r in await shop.ledger()] == [("reverse", 0)]


@pytest_twisted.ensureDeferred
async def test_reversing_a_paid_order_returns_the_money_once(shop: Merchant) -> None:
    await shop.micropay("BACK00001")
    before = shop.sim.book.balance
    for _ in range(2):
        assert (await reverse(shop, "BACK00001"))["result_code"] == "SUCCESS"
    assert shop.sim.book.balance == before - 107500
    assert [(r["amount"], r["state"]) for r in await shop.ledger("reverse")] == [(107500, "done")]
    assert (await refund(shop, "BACK00001", "R1", 100))["result_code"] == "FAIL"


@pytest_twisted.ensureDeferred
async def test_recall_says_call_again_and_does_nothing(shop: Merchant) -> None:
    await shop.micropay("RECALL001")
    await shop.fault("reverse", "recall", times=2)
    for _ in range(2):
        said = await reverse(shop, "RECALL001")
        assert (said["result_code"], said["recall"]) == ("FAIL", "Y")
        assert (await query(shop, "RECALL001"))["trade_state"] == "SUCCESS"
    assert (await reverse(shop, "RECALL001"))["recall"] == "N"
    assert (await query(shop, "RECALL001"))["trade_state"] == "REVOKED"


@pytest_twisted.ensureDeferred
async def test_a_late_original_after_its_expiry_is_refused(shop: Merchant) -> None:
    shop.sim.world.advance(120)
    late = await shop.micropay("LATE00001", time_expire="20261122120100")
    assert late["result_code"] == "FAIL"
    assert await shop.ledger() == []


@pytest_twisted.ensureDeferred
async def test_other_terms_and_closing_rules(shop: Merchant) -> None:
    await shop.act("payer", auth_code="134111111111111111", behaviour="userpaying_never")
    await shop.micropay("TERMS0001", "134111111111111111")
    assert (await shop.micropay("TERMS0001", "134111111111111111"))["err_code"] == "USERPAYING"
    assert (await shop.micropay("TERMS0001", "134111111111111111", fen=1))["err_code"] == "OUT_TRADE_NO_USED"
    closed = await shop.v2("/pay/closeorder", out_trade_no="TERMS0001")
    assert (closed["result_code"], closed["err_code"]) == ("FAIL", "TRADE_STATE_ERROR")
    await shop.native("NATIVE001")
    assert (await reverse(shop, "NATIVE001"))["err_code"] == "TRADE_STATE_ERROR"
    assert (await shop.v2("/pay/closeorder", out_trade_no="NATIVE001"))["result_code"] == "SUCCESS"
    assert (await shop.v2("/pay/closeorder", out_trade_no="NATIVE001"))["err_code"] == "ORDERCLOSED"


@pytest_twisted.ensureDeferred
async def test_refunds_of_v2_and_their_sealed_callback(shop: Merchant) -> None:
    await shop.micropay("REFUND001")
    first = await refund(shop, "REFUND001", "RF-1", 7500, notify_url=shop.town.notify_url)
    assert (first["result_code"], first["refund_fee"]) == ("SUCCESS", "7500")
    assert (await refund(shop, "REFUND001", "RF-1", 7500))["refund_id"] == first["refund_id"]
    assert (await refund(shop, "REFUND001", "RF-1", 7501))["err_code"] == "REFUND_FEE_MISMATCH"
    found = await shop.v2("/pay/refundquery", out_refund_no="RF-1")
    assert (found["refund_status_0"], found["refund_fee_0"]) == ("PROCESSING", "7500")
    shop.town.receiver.body = b"<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>"
    shop.sim.world.advance(2.1)
    assert (await shop.v2("/pay/refundquery", out_trade_no="REFUND001"))["refund_status_0"] == "SUCCESS"
    assert (await query(shop, "REFUND001"))["trade_state"] == "REFUND"
    await shop.town.settle(1)
    told: Any = read_xml(shop.town.receiver.got[0][1])
    key = hashlib.md5(shop.card["api_v2_key"].encode()).hexdigest().encode()
    opener = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305 - the platform prescribes ECB
    plain = opener.update(base64.b64decode(told["req_info"])) + opener.finalize()
    text = plain[: -plain[-1]].decode()
    assert "<refund_status><![CDATA[SUCCESS]]></refund_status>" in text
    assert "<out_refund_no><![CDATA[RF-1]]></out_refund_no>" in text
    assert shop.sim.courier.delivered == 1
    assert (await shop.v2("/pay/refundquery", out_refund_no="NONE"))["err_code"] == "REFUNDNOTEXIST"


@pytest_twisted.ensureDeferred
async def test_spoiled_and_refused_v2_answers(shop: Merchant) -> None:
    await shop.micropay("SPOIL0001")
    await shop.fault("query", "wrong_amount")
    assert (await query(shop, "SPOIL0001"))["total_fee"] == "107501"
    await shop.fault("query", "bad_signature")
    with pytest.raises(AssertionError):
        await query(shop, "SPOIL0001")
    await shop.fault("micropay", "refuse_business")
    assert (await shop.micropay("REFUSE001"))["err_code"] == "TRADE_ERROR"
    await shop.fault("refund", "not_enough_balance")
    assert (await refund(shop, "SPOIL0001", "R1", 1))["err_code"] == "NOTENOUGH"
    assert len(await shop.ledger()) == 2


@implementer(IPolicyForHTTPS)
class WithCertificate:
    """TLS as a merchant's client does it: trusts the platform's certificate, may show its own."""

    def __init__(self, card: dict[str, Any], mine: str) -> None:
        self.trust = trustRootFromCertificates([Certificate.loadPEM(card["v2_tls_certificate"])])
        self.mine = PrivateCertificate.loadPEM(mine) if mine else None

    def creatorForNetloc(self, host: bytes, port: int) -> Any:
        return optionsForClientTLS(host.decode(), trustRoot=self.trust, clientCertificate=self.mine)


@pytest_twisted.ensureDeferred
async def test_the_certificate_switch_closes_the_plain_way_to_secapi(shop: Merchant) -> None:
    await shop.micropay("SECURE001")
    await shop.act("set", v2_certificate=True)
    plain = await reverse(shop, "SECURE001")
    assert (plain["return_code"], plain["return_msg"]) == ("FAIL", "请使用API证书访问")
    assert (await query(shop, "SECURE001"))["trade_state"] == "SUCCESS"
    await shop.load()
    base, agent = shop.base, shop.agent
    shop.base = shop.card["v2_base_url"]
    merchant = shop.card["merchant_certificate"] + shop.card["merchant_private_key"]
    stranger = shop.card["platform_certificate"] + KEYS.private_pem("wechat.platform1")
    for shown in ("", stranger):
        shop.agent = Agent(reactor, contextFactory=WithCertificate(shop.card, shown))
        with pytest.raises(ResponseNeverReceived):
            await reverse(shop, "SECURE001")
    shop.agent = Agent(reactor, contextFactory=WithCertificate(shop.card, merchant))
    assert (await reverse(shop, "SECURE001"))["result_code"] == "SUCCESS"
    shop.base, shop.agent = base, agent
    assert (await query(shop, "SECURE001"))["trade_state"] == "REVOKED"
    await shop.act("set", v2_certificate=False)
    await shop.load()
    assert "v2_base_url" not in shop.card
