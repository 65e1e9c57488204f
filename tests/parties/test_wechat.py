"""WeChat Pay: what we sign verifies, what is tampered with does not count, what answers mean."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codecs import xml_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Heard, NotHeard, Outgoing
from engine.parties.wechat import v2
from engine.parties.wechat.keys import Merchant, Settings
from engine.parties.wechat.party import PARTY

from .judge import outcome_of

NOW = 1795305600.0
NONCE = "0123456789abcdef0123456789abcdef"
OURS, THEIRS = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
API_V3, API_V2 = "v" * 32, "w" * 32


def _pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def plain(**more: Any) -> Settings:
    public = THEIRS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    made: dict[str, Any] = {
        "appid": "wxSIM", "mchid": "1900000001", "merchant_serial": "A" * 40, "merchant_private_key": _pem(OURS),
        "verify_keys": {"PUB_KEY_ID_1": public}, "api_v3_key": API_V3, "api_v2_key": API_V2,
        "notify_url": "https://hospital.example/callbacks/wechat", **more,
    }  # fmt: skip
    return Settings(**made)


MERCHANT: Merchant = PARTY.open(plain())


def outgoing(op: str, body: Any, number: str = "") -> Outgoing:
    return Outgoing(op, body, number, MERCHANT, {}, NOW, NONCE)


def signed_headers(body: bytes, now: float = NOW, serial: str = "PUB_KEY_ID_1") -> tuple[tuple[str, str], ...]:
    message = f"{int(now)}\nn1\n".encode() + body + b"\n"
    return (
        ("Wechatpay-Timestamp", str(int(now))), ("Wechatpay-Nonce", "n1"), ("Wechatpay-Serial", serial),
        ("Wechatpay-Signature", base64.b64encode(THEIRS.sign(message, PKCS1v15(), SHA256())).decode()),
        ("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048"),
    )  # fmt: skip


def answer(op: str, tree: object, status: int = 200, headers: Any = None, body: Any = None) -> Answer:
    number = PARTY.ops[op].number
    sent = {"out_trade_no": "T00001", "out_refund_no": "R00001"}
    ours = "R00001" if number == "refund" else "T00001"
    call = outgoing(op, {"out_trade_no": "T00001"} if op == "native" else sent, ours)
    data = json.dumps(tree).encode() if body is None else body
    reply = HttpReply(status, signed_headers(data) if headers is None else headers, data)
    return PARTY.read(call, PARTY.build(call), reply)


def judged(op: str, tree: object, status: int = 200, headers: Any = None) -> Outcome:
    return outcome_of(PARTY, op, answer(op, tree, status, headers))


def test_a_request_is_signed_over_exactly_what_is_sent() -> None:
    body = {"out_trade_no": "T00001", "description": "门诊", "amount": {"total": 100, "currency": "CNY"}}
    request = PARTY.build(outgoing("native", body, "T00001"))
    fields = dict(pair.split("=", 1) for pair in request.header("Authorization").split(" ", 1)[1].split(","))
    signature = base64.b64decode(fields["signature"].strip('"'))
    message = f"POST\n/v3/pay/transactions/native\n1795305600\n{NONCE}\n".encode() + request.body + b"\n"
    OURS.public_key().verify(signature, message, PKCS1v15(), SHA256())
    sent = json.loads(request.body)
    assert sent["notify_url"].endswith("/callbacks/wechat")
    assert (sent["mchid"], sent["amount"]) == ("1900000001", {"total": 100, "currency": "CNY"})


@pytest.mark.parametrize(
    ("op", "body", "method", "target"),
    [
        ("query", {"out_trade_no": "T|1"}, "GET", "/v3/pay/transactions/out-trade-no/T%7C1?mchid=1900000001"),
        ("close", {"out_trade_no": "T00001"}, "POST", "/v3/pay/transactions/out-trade-no/T00001/close"),
        ("refund_query", {"out_refund_no": "R1"}, "GET", "/v3/refund/domestic/refunds/R1"),
        ("order_query", {"out_trade_no": "T00001"}, "POST", "/pay/orderquery"),
        ("reverse", {"out_trade_no": "T00001"}, "POST", "/secapi/pay/reverse"),
    ],
)
def test_each_operation_has_its_address(op: str, body: Any, method: str, target: str) -> None:
    request = PARTY.build(outgoing(op, body))
    assert (request.method, request.target) == (method, target)


def test_only_the_recorded_number_goes_out() -> None:
    with pytest.raises(ValueError, match=r"out_trade_no must be own\.number"):
        PARTY.build(outgoing("micropay", {"out_trade_no": "T2"}, "T1"))
    with pytest.raises(ValueError, match="out_trade_no"):
        PARTY.build(outgoing("query", {}))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_byte_of_a_yes_makes_it_unknown(data: st.DataObject) -> None:
    body = b'{"code_url":"weixin://wxpay/bizpayurl?pr=1"}'
    headers = signed_headers(body)
    assert outcome_of(PARTY, "native", answer("native", None, headers=headers, body=body)) is Outcome.PENDING
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + bytes((body[at] ^ data.draw(st.integers(1, 255)),)) + body[at + 1 :]
    assert not answer("native", None, headers=headers, body=changed).intact


@pytest.mark.parametrize("spoil", ["Wechatpay-Signature", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Timestamp"])
def test_a_yes_without_its_whole_signature_is_unknown(spoil: str) -> None:
    body = b'{"code_url":"weixin://x"}'
    for other in ("", "1"):
        headers = tuple((n, other if n == spoil else v) for n, v in signed_headers(body))
        assert not answer("native", None, headers=headers, body=body).intact
    assert not answer("native", None, headers=signed_headers(body, NOW - 301), body=body).intact
    assert not answer("native", None, headers=(), body=body).intact


def test_a_closed_order_answers_204_signed_over_nothing() -> None:
    assert outcome_of(PARTY, "close", answer("close", None, 204, signed_headers(b""), b"")) is Outcome.ACCEPTED
    assert not answer("close", None, 204, (), b"").intact


@pytest.mark.parametrize(
    ("op", "code", "status", "outcome"),
    [
        ("native", "PARAM_ERROR", 400, Outcome.REFUSED),
        ("native", "SYSTEM_ERROR", 500, Outcome.UNKNOWN),
        ("native", "OUT_TRADE_NO_USED", 403, Outcome.UNKNOWN),
        ("native", "ORDERPAID", 400, Outcome.PENDING),
        ("native", "SIGN_ERROR", 401, Outcome.REFUSED),
        ("native", "SOMETHING_NEW", 400, Outcome.UNKNOWN),
        ("native", "FREQUENCY_LIMITED", 429, Outcome.UNKNOWN),
        ("close", "ORDERPAID", 400, Outcome.REFUSED),
        ("close", "ORDER_CLOSED", 400, Outcome.ACCEPTED),
        ("refund", "NOT_ENOUGH", 403, Outcome.REFUSED),
        ("refund", "TRADE_ERROR", 403, Outcome.UNKNOWN),
        ("refund", "BANK_ERROR", 502, Outcome.UNKNOWN),
        ("query", "ORDER_NOT_EXIST", 404, Outcome.REFUSED),
    ],
)
def test_v3_codes(op: str, code: str, status: int, outcome: Outcome) -> None:
    assert judged(op, {"code": code, "message": "m"}, status) is outcome
    assert judged(op, {"code": code, "message": "m"}, status, headers=()) is outcome  # refusals may be unsigned


def test_a_badly_signed_refusal_is_unknown() -> None:
    headers = signed_headers(b"something else")
    assert judged("native", {"code": "PARAM_ERROR"}, 400, headers) is Outcome.UNKNOWN


def test_a_repeat_with_other_content_is_unknown() -> None:
    tree = {"code": "INVALID_REQUEST", "message": "请求重入时，参数与首次请求时不一致"}
    assert judged("native", tree, 400) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("SUCCESS", Outcome.ACCEPTED), ("PROCESSING", Outcome.PENDING), ("CLOSED", Outcome.REFUSED),
     ("ABNORMAL", Outcome.UNKNOWN)],
)  # fmt: skip
def test_a_refund_is_done_only_when_it_says_so(status: str, outcome: Outcome) -> None:
    assert judged("refund", {"status": status, "out_refund_no": "R00001"}) is outcome


def test_a_page_inside_wechat_gets_its_signed_sheet() -> None:
    body = json.dumps({"prepay_id": "wx1"}).encode()
    call = outgoing("jsapi", {"out_trade_no": "T00001", "payer": {"openid": "o"}}, "T00001")
    sheet = PARTY.read(call, PARTY.build(call), HttpReply(200, signed_headers(body), body)).body["sheet"]
    message = f"wxSIM\n1795305600\n{NONCE}\nprepay_id=wx1\n".encode()
    OURS.public_key().verify(base64.b64decode(sheet["paySign"]), message, PKCS1v15(), SHA256())


# --- v2

VECTOR = {
    "appid": "wxd930ea5d5a258f4f", "body": "test", "device_info": "1000", "mch_id": "10000100",
    "nonce_str": "ibuaiVcKdpRxkhJA", "sign": "ignored", "empty": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("how", "wanted"),
    [("MD5", "9A0A8659F005D6984697E2CA0A9CF3B7"),
     ("HMAC-SHA256", "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6")],
)  # fmt: skip
def test_published_v2_signatures_come_out(how: str, wanted: str) -> None:
    assert v2.signature(VECTOR, "192006250b4c09247ec02edce69f6a2d", how) == wanted


def v2_reply(fields: Mapping[str, str]) -> bytes:
    made = {"return_code": "SUCCESS", "appid": "wxSIM", "mch_id": "1900000001", **fields}
    return xml_text.print_flat({**made, "sign": v2.signature(made, API_V2, "HMAC-SHA256")})


@pytest.mark.parametrize(
    ("op", "fields", "outcome"),
    [
        ("micropay", {"result_code": "SUCCESS"}, Outcome.ACCEPTED),
        ("micropay", {"result_code": "FAIL", "err_code": "USERPAYING"}, Outcome.PENDING),
        ("micropay", {"result_code": "FAIL", "err_code": "SYSTEMERROR"}, Outcome.UNKNOWN),
        ("micropay", {"result_code": "FAIL", "err_code": "BANKERROR"}, Outcome.UNKNOWN),
        ("micropay", {"result_code": "FAIL", "err_code": "AUTHCODEEXPIRE"}, Outcome.REFUSED),
        ("micropay", {"result_code": "FAIL", "err_code": "NOTENOUGH"}, Outcome.REFUSED),
        ("micropay", {"result_code": "FAIL", "err_code": "ORDERPAID"}, Outcome.PENDING),
        ("micropay", {"result_code": "FAIL", "err_code": "NEW"}, Outcome.UNKNOWN),
        ("reverse", {"result_code": "SUCCESS", "recall": "N"}, Outcome.ACCEPTED),
        ("reverse", {"result_code": "SUCCESS", "recall": "Y"}, Outcome.PENDING),
        ("reverse", {"result_code": "FAIL", "err_code": "SYSTEMERROR", "recall": "Y"}, Outcome.PENDING),
    ],
)
def test_v2_codes(op: str, fields: dict[str, str], outcome: Outcome) -> None:
    assert outcome_of(PARTY, op, answer(op, None, body=v2_reply(fields))) is outcome


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_changed_value_of_a_v2_yes_makes_it_unknown(data: st.DataObject) -> None:
    fields = {"result_code": "SUCCESS", "out_trade_no": "T00001", "total_fee": "100"}
    body = v2_reply(fields)
    name = data.draw(st.sampled_from(sorted(fields)))
    spoiled = body.replace(fields[name].encode() + b"]]></" + name.encode(), b"x]]></" + name.encode())
    assert spoiled != body
    assert outcome_of(PARTY, "micropay", answer("micropay", None, body=spoiled)) is Outcome.UNKNOWN


def test_another_merchants_answer_is_not_ours() -> None:
    for fields in ({"mch_id": "1900000002"}, {"appid": "wxOTHER"}):
        assert not answer("micropay", None, body=v2_reply({"result_code": "SUCCESS", **fields})).intact
    assert not answer("query", {"trade_state": "SUCCESS", "mchid": "1900000002"}).intact
    assert answer("query", {"trade_state": "SUCCESS", "mchid": "1900000001"}).intact


@pytest.mark.parametrize("body", [b"", b"<html/>", b"<xml><return_code>SUCCESS</return_code></xml>", b"<xml>"])
def test_v2_answers_that_are_none(body: bytes) -> None:
    assert not answer("micropay", None, body=body).intact


def test_a_refused_v2_envelope_is_unknown_for_money() -> None:
    body = xml_text.print_flat({"return_code": "FAIL", "return_msg": "系统繁忙"})
    assert outcome_of(PARTY, "micropay", answer("micropay", None, body=body)) is Outcome.UNKNOWN


# --- callbacks


def callback(plaintext: dict[str, Any], kind: str = "TRANSACTION.SUCCESS", key: str = API_V3) -> bytes:
    plaintext = {"mchid": "1900000001", **plaintext}
    sealed = AESGCM(key.encode()).encrypt(b"n" * 12, json.dumps(plaintext).encode(), b"transaction")
    resource = {
        "algorithm": "AEAD_AES_256_GCM", "ciphertext": base64.b64encode(sealed).decode(), "nonce": "n" * 12,
        "associated_data": "transaction", "original_type": "transaction",
    }  # fmt: skip
    return json.dumps({"id": "EV-1", "event_type": kind, "resource": resource}).encode()


def heard(body: bytes, headers: Any = None, now: float = NOW) -> Heard | NotHeard:
    made = signed_headers(body) if headers is None else headers
    return PARTY.verify(MERCHANT, HttpRequest("POST", "/callbacks/wechat", made, body), now)


def test_a_callback_is_verified_then_opened() -> None:
    got = heard(callback({"out_trade_no": "T1", "trade_state": "SUCCESS", "amount": {"total": 5}}))
    assert isinstance(got, Heard)
    assert (got.kind, got.number, got.id, got.body["amount"]["total"]) == ("TRANSACTION.SUCCESS", "T1", "EV-1", 5)
    assert (got.accepted.status, got.accepted.body, got.failed.status) == (200, b'{"code":"SUCCESS"}', 500)
    refund = heard(callback({"out_trade_no": "T1", "out_refund_no": "R1"}, "REFUND.SUCCESS"))
    assert isinstance(refund, Heard)
    assert refund.number == "R1"


def test_what_does_not_verify_is_refused() -> None:
    body = callback({"out_trade_no": "T1"})
    for got in (
        heard(body, headers=()),
        heard(body, signed_headers(body + b" ")),
        heard(body, signed_headers(body, serial="PUB_KEY_ID_2")),
        heard(body, now=NOW + 301),
        heard(callback({"out_trade_no": "T1"}, key="x" * 32)),
        heard(callback({"out_trade_no": "T1", "mchid": "1900000002"})),
        heard(b"{}"),
        heard(b"not json"),
    ):
        assert isinstance(got, NotHeard)
        assert got.alarm
        assert 400 <= got.reply.status < 500


def test_a_signature_probe_is_refused_without_alarm() -> None:
    body = callback({"out_trade_no": "T1"})
    headers = tuple((n, "WECHATPAY/SIGNTEST/x" if n == "Wechatpay-Signature" else v) for n, v in signed_headers(body))
    got = heard(body, headers)
    assert isinstance(got, NotHeard)
    assert (got.reply.status, got.alarm) == (401, False)


@pytest.mark.parametrize(
    ("field", "value"),
    [("merchant_private_key", "x"), ("verify_keys", {"PUB_KEY_ID_1": "x"}), ("wechatpay_serial", "PUB_KEY_ID_9")],
)
def test_wrong_keys_are_named_when_opened(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        PARTY.open(plain(**{field: value}))
