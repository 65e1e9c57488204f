"""Alipay's party: signatures, envelopes, notifications and every way of tampering; with the simulator in both modes."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties.alipay.gateway import canonical, members, request
from engine.parties.alipay.keys import Settings, opened
from engine.parties.alipay.party import PARTY
from engine.parties.contract import Answer, Heard, NotHeard, Outgoing
from simulators.alipay.courier import Notice
from simulators.alipay.identity import canonical as platform_canonical
from simulators.base.wire import Req, Resp

from .bench import START, Town, served
from .judge import outcome_of

OK, NO, WAIT, UNKNOWN = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING, Outcome.UNKNOWN
TOWN = Town()
NO_REQUEST = Req("POST", "/gateway.do", "/gateway.do", {}, {}, b"")
CARD = TOWN.sims["alipay"].card("http://sim")
PLATFORM = TOWN.sims["alipay"].identity
BASE = {
    "app_id": CARD["app_id"], "seller_id": CARD["seller_id"], "app_private_key": CARD["app_private_key"],
    "notify_url": "http://127.0.0.1:8600/callback/alipay",
}  # fmt: skip
CERTIFICATES = {name: CARD[name] for name in ("app_certificate", "alipay_certificate", "alipay_root_certificate")}
KEY = opened(Settings(**BASE, alipay_public_key=CARD["alipay_public_key"]))
CERT = opened(Settings(**BASE, **CERTIFICATES))
MODES = pytest.mark.parametrize("seller", [KEY, CERT], ids=["key", "certificate"])


class Desk:
    """One seller at a fresh simulator."""

    def __init__(self, seller: Any) -> None:
        self.town = Town()
        self.sim, self.seller = self.town.sims["alipay"], seller

    def call(self, op: str, body: dict[str, Any], number: str = "", fault: str = "") -> tuple[Outcome, Answer]:
        out = Outgoing(op, body, number, self.seller, {}, self.town.world.now(), "0" * 32)
        sent = PARTY.build(out)
        reply = served(self.sim, sent)
        if fault:
            spoiled = self.sim.break_reply(fault, op, NO_REQUEST, Resp(reply.status, reply.body, dict(reply.headers)))
            reply = HttpReply(spoiled.status, tuple(spoiled.headers.items()), spoiled.body)
        answer = PARTY.read(out, sent, reply)
        return outcome_of(PARTY, op, answer), answer

    def pay(
        self, no: str, code: str = "280000000000000000", amount: str = "10.75", **more: Any
    ) -> tuple[Outcome, Answer]:
        fault = more.pop("fault", "")
        body = {"out_trade_no": no, "scene": "bar_code", "auth_code": code, "subject": "门诊/缴费"}
        return self.call("pay", {**body, "total_amount": amount, **more}, no, fault)


# --- signatures


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=6))
def test_both_sides_sign_the_same_text(fields: dict[str, str]) -> None:
    try:
        text = canonical(fields, "sign")
    except UnicodeEncodeError:
        return
    assert text == platform_canonical(fields, "sign")
    names = [pair.partition("=")[0] for pair in text.decode().split("&") if pair]
    assert "" not in [value for name, value in fields.items() if name in names and f"{name}={value}" in text.decode()]


def test_the_signed_text_has_sign_type_and_no_empty_value() -> None:
    fields = {"b": "2", "a": "1", "sign": "x", "sign_type": "RSA2", "empty": ""}
    assert canonical(fields, "sign") == b"a=1&b=2&sign_type=RSA2"
    assert canonical(fields, "sign", "sign_type") == b"a=1&b=2"


@MODES
def test_a_request_is_signed_over_query_and_form(seller: Any) -> None:
    made = request(seller, "alipay.trade.query", {"out_trade_no": "N1"}, START, notify=False)
    fields = dict(parse_qsl(made.query)) | dict(parse_qsl(made.body.decode()))
    assert fields["biz_content"] == '{"out_trade_no":"N1"}'
    assert fields["timestamp"] == "2026-11-22 10:00:00"
    text = "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if k != "sign").encode()
    PLATFORM.app_public.verify(base64.b64decode(fields["sign"]), text, PKCS1v15(), SHA256())
    assert ("app_cert_sn" in fields) == (seller is CERT)


def test_certificates_have_the_platforms_numbers_and_a_chain() -> None:
    assert (CERT.app_cert_sn, CERT.root_cert_sn) == (CARD["app_cert_sn"], CARD["alipay_root_cert_sn"])
    assert list(CERT.verify_keys) == [CARD["alipay_cert_sn"]]
    for wrong in (
        {**CERTIFICATES, "alipay_root_certificate": CARD["app_certificate"]},
        {**CERTIFICATES, "alipay_certificate": CARD["alipay_root_certificate"]},
        {**CERTIFICATES, "app_certificate": CARD["alipay_root_certificate"]},
        {**CERTIFICATES, "alipay_certificate": CARD["alipay_certificate"].split("-----END CERTIFICATE-----\n")[0]
         + "-----END CERTIFICATE-----\n"},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="certificate"):
            opened(Settings(**BASE, **wrong))
    for both in ({}, {**CERTIFICATES, "alipay_public_key": CARD["alipay_public_key"]}, {"app_certificate": "x"}):
        with pytest.raises(ValueError, match="alipay_public_key"):
            Settings(**BASE, **both)


# --- answers


def _reply(
    text: str, *, tail: str = "", sign: str | None = None, node: str = "alipay_trade_query_response"
) -> HttpReply:
    body = PLATFORM.answer(node, text, certificate=False).decode()
    if sign is not None:
        body = f'{{"{node}":{text},"sign":"{sign}"}}'
    return HttpReply(200, (), (body + tail).encode())


def _read(reply: HttpReply, op: str = "query", **body: Any) -> Answer:
    out = Outgoing(op, {"out_trade_no": "N1", **body}, "N1", KEY, {}, START, "0" * 32)
    return PARTY.read(out, PARTY.build(out), reply)


GOOD = '{"code":"10000","msg":"Success", "out_trade_no":"N1","trade_status":"TRADE_SUCCESS",'
GOOD += '"url":"https:\\/\\/a\\u4e2d"}'


def test_the_signature_covers_the_node_as_it_was_sent() -> None:
    answer = _read(_reply(GOOD))
    assert (answer.intact, answer.code, answer.body["url"]) == (True, "OK", "https://a中")
    printed = json.dumps(json.loads(GOOD), ensure_ascii=False)
    signature = json.loads(_reply(GOOD).body)["sign"]
    assert not _read(_reply(printed, sign=signature)).intact


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_changed_byte_of_an_answer_is_believed(data: st.DataObject) -> None:
    good = _reply(GOOD).body
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + bytes((good[at] ^ data.draw(st.integers(1, 255)),)) + good[at + 1 :]
    before, after = _read(HttpReply(200, (), good)), _read(HttpReply(200, (), changed))
    # Another blank outside the node, or a letter of the envelope, changes nothing that was said.
    assert not after.intact or after == before


@pytest.mark.parametrize(("text", "sign"), [
    ('{"code":"10000","msg":"Success"}', ""),
    ('{"code":"10003","msg":"wait"}', ""),
    ('{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}', ""),
    ('{"code":"20000","sub_code":"isp.unknow-error"}', ""),
    ('{"code":"40002","sub_code":"isv.invalid-signature"}', "AAAA"),
    ('{"code":10000}', ""), ("[]", ""), ('{"code":"10000","code":"40004"}', None),
])  # fmt: skip
def test_an_unsigned_or_wrongly_signed_fate_is_unknown(text: str, sign: str | None) -> None:
    assert not _read(_reply(text, sign=sign)).intact


def test_only_the_gateways_own_refusals_may_be_unsigned() -> None:
    for code, sub_code in (("40002", "isv.invalid-signature"), ("40006", "isv.insufficient-isv-permissions")):
        body = json.dumps({"error_response": {"code": code, "sub_code": sub_code}}).encode()
        answer = _read(HttpReply(200, (), body))
        assert (answer.intact, answer.code) == (True, sub_code)
    assert not _read(HttpReply(200, (), b'{"error_response":{"code":"10000"}}')).intact
    assert not _read(_reply('{"code":"10000"}', node="error_response")).intact


def test_crooked_envelopes_are_told_apart() -> None:
    assert members('{"a":1,"a":2}') == "crooked members"
    assert members('{"a":1} x') == "something behind the answer"
    assert isinstance(members('{"a":{"b":"}"} , "sign":"x"}'), dict)
    for bad in ("", "[]", '{"a"', '{"a":1,', '{"a" 1}', "{1:2}", "[" * 5000):
        assert isinstance(members(bad), str), bad


def test_another_orders_answer_is_not_ours() -> None:
    assert not _read(_reply('{"code":"10000","out_trade_no":"N2","trade_status":"TRADE_SUCCESS"}')).intact


@MODES
@pytest.mark.parametrize("fault", ["bad_signature", "unsigned", "wrong_amount"])
def test_a_spoiled_payment_is_unknown(seller: Any, fault: str) -> None:
    desk = Desk(seller)
    assert desk.pay("N1", fault=fault)[0] is UNKNOWN
    assert desk.call("query", {"out_trade_no": "N1"})[0] is OK


def test_a_certificate_we_do_not_have_is_not_believed() -> None:
    other = replace(CERT, verify_keys={"0" * 32: CERT.verify_keys[CARD["alipay_cert_sn"]]})
    assert Desk(other).pay("N1")[0] is UNKNOWN


# --- what became of it


@MODES
def test_paid_refunded_and_asked_for(seller: Any) -> None:
    desk = Desk(seller)
    assert desk.pay("N1")[0] is OK
    assert desk.pay("N1")[0] is OK  # the same number again: the same result
    assert desk.pay("N1", amount="10.76")[0] is UNKNOWN  # ACQ.CONTEXT_INCONSISTENT
    refund = {"out_trade_no": "N1", "out_request_no": "R1", "refund_amount": "10.75"}
    assert desk.call("refund", refund, "R1")[0] is OK
    assert desk.call("refund", refund, "R1")[0] is WAIT  # fund_change N proves nothing
    answer = desk.call("refund_query", {"out_trade_no": "N1", "out_request_no": "R1"})[1]
    assert (answer.body["refund_status"], answer.body["refund_amount"]) == ("REFUND_SUCCESS", "10.75")
    assert "refund_status" not in desk.call("refund_query", {"out_trade_no": "N1", "out_request_no": "R2"})[1].body
    assert desk.call("query", {"out_trade_no": "N1"})[1].body["trade_status"] == "TRADE_CLOSED"


@pytest.mark.parametrize(("tail", "outcome", "status"), [
    ("999001", WAIT, "TRADE_SUCCESS"), ("999002", WAIT, "TRADE_CLOSED"), ("999003", WAIT, "WAIT_BUYER_PAY"),
    ("999004", NO, "TRADE_CLOSED"), ("999006", UNKNOWN, "TRADE_SUCCESS"), ("999007", UNKNOWN, "WAIT_BUYER_PAY"),
])  # fmt: skip
def test_payers_behave(tail: str, outcome: Outcome, status: str) -> None:
    desk = Desk(KEY)
    assert desk.pay("N1", f"280000000000{tail}")[0] is outcome
    desk.town.world.advance(11)
    assert desk.call("query", {"out_trade_no": "N1"})[1].body["trade_status"] == status


def test_an_old_or_foreign_code_leaves_no_trade() -> None:
    desk = Desk(KEY)
    for code in ("280000000000999005", "134000000000000000", "28000"):
        assert desk.pay("N1", code)[0] is NO
    assert desk.call("query", {"out_trade_no": "N1"})[1].code == "ACQ.TRADE_NOT_EXIST"
    assert desk.pay("N2", time_expire="2026-11-22 09:59:59")[0] is NO


def test_a_qr_nobody_scanned_is_not_there_yet() -> None:
    desk = Desk(KEY)
    assert desk.call("precreate", {"out_trade_no": "Q1", "subject": "x", "total_amount": "1"}, "Q1")[0] is WAIT
    until = int(START) + 60
    assert desk.call("query", {"out_trade_no": "Q1", "until": until})[1].code == "NOT_YET"
    assert desk.call("close", {"out_trade_no": "Q1"})[0] is NO
    assert desk.call("cancel", {"out_trade_no": "Q1"})[0] is NO  # success, but nothing was there
    desk.town.world.advance(61)
    assert desk.call("query", {"out_trade_no": "Q1", "until": until})[1].code == "ACQ.TRADE_NOT_EXIST"
    desk.sim.act({"act": "scan", "no": "Q1"})
    assert desk.call("close", {"out_trade_no": "Q1"})[0] is OK
    assert desk.call("close", {"out_trade_no": "Q1"})[0] is OK  # it is closed


def test_a_cancel_gives_the_money_back_once() -> None:
    desk = Desk(KEY)
    desk.pay("N1")
    for _ in range(2):
        outcome, answer = desk.call("cancel", {"out_trade_no": "N1"})
        assert (outcome, answer.body["action"]) == (OK, "refund")
    assert [row["amount"] for row in desk.sim.ledger.since(0)["rows"] if row["kind"] == "reverse"] == [1075]


def test_an_empty_account_refuses_and_the_same_number_works_later() -> None:
    desk = Desk(KEY)
    desk.pay("N1")
    desk.sim.act({"act": "set_balance", "amount": 0})
    refund = {"out_trade_no": "N1", "out_request_no": "R1", "refund_amount": "10.75"}
    outcome, answer = desk.call("refund", refund, "R1")
    assert (outcome, answer.code) == (NO, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    desk.sim.act({"act": "set_balance", "amount": 5000})
    assert desk.call("refund", refund, "R1")[0] is OK


@MODES
def test_fourteen_frozen_six_taken_eight_given_free(seller: Any) -> None:
    desk = Desk(seller)
    freeze = {"out_order_no": "A1", "out_request_no": "A1", "auth_code": "280000000000000000",
              "auth_code_type": "bar_code", "order_title": "押金", "amount": "14.00",
              "product_code": "PRE_AUTH"}  # fmt: skip
    outcome, answer = desk.call("freeze", freeze, "A1")
    assert (outcome, answer.body["status"]) == (OK, "SUCCESS")
    take = {"out_trade_no": "P1", "auth_no": answer.body["auth_no"], "total_amount": "6.00", "subject": "门诊",
            "product_code": "PRE_AUTH"}  # fmt: skip
    assert desk.call("pay", take, "P1")[0] is OK
    free = {"auth_no": answer.body["auth_no"], "out_request_no": "U1", "amount": "8.00", "remark": "余额解冻"}
    assert desk.call("unfreeze", free, "U1")[0] is OK
    assert desk.call("unfreeze", free, "U1")[0] is OK
    asked = desk.call("freeze_query", {"out_order_no": "A1", "out_request_no": "A1"})[1].body
    assert (asked["order_status"], asked["rest_amount"], asked["total_pay_amount"]) == ("FINISH", "0.00", "6.00")
    assert desk.call("freeze_cancel", {"out_order_no": "A9", "out_request_no": "A9"})[1].code == "AUTH_ORDER_NOT_EXIST"


def test_complete_takes_six_and_frees_the_rest_itself() -> None:
    desk = Desk(KEY)
    code = {"out_order_no": "A1", "out_request_no": "A1", "order_title": "押金", "amount": "14.00",
            "product_code": "PRE_AUTH"}  # fmt: skip
    outcome, answer = desk.call("freeze_code", code, "A1")
    assert outcome is WAIT
    assert desk.call("freeze_query", {"out_order_no": "A1", "out_request_no": "A1"})[1].body["order_status"] == "INIT"
    desk.sim.act({"act": "pay", "qr": answer.body["code_value"]})
    auth_no = desk.call("freeze_query", {"out_order_no": "A1", "out_request_no": "A1"})[1].body["auth_no"]
    take = {"out_trade_no": "P1", "auth_no": auth_no, "total_amount": "6.00", "subject": "门诊",
            "auth_confirm_mode": "COMPLETE"}  # fmt: skip
    assert desk.call("pay", take, "P1")[0] is OK
    moved = [(r["kind"], r["amount"]) for r in desk.sim.ledger.since(0)["rows"] if r["kind"] in ("charge", "unfreeze")]
    assert moved == [("charge", 600), ("unfreeze", 800)]


# --- notifications


def _notice(spoil: tuple[str, ...] = (), charset: str = "utf-8", **fields: str) -> bytes:
    sim = Town().sims["alipay"]
    sim.settings.notify_charset = charset
    plain = {"notify_type": "trade_status_sync", "trade_status": "TRADE_SUCCESS", "trade_no": "T1",
             "out_trade_no": "N1", "seller_id": CARD["seller_id"], "subject": "门诊 缴费+100%",
             "total_amount": "10.75", **fields}  # fmt: skip
    return bytes(sim.courier.form_of(Notice("paid", "http://x", plain, {}, id="ID1", spoil=spoil)))


def _hear(body: bytes, seller: Any = KEY) -> Heard | NotHeard:
    return PARTY.verify(seller, HttpRequest("POST", "/callback/alipay", (), body), START)


@MODES
@pytest.mark.parametrize("charset", ["utf-8", "GBK"])
def test_a_notice_is_heard(seller: Any, charset: str) -> None:
    got = _hear(_notice(charset=charset), seller)
    assert isinstance(got, Heard), got
    assert (got.kind, got.number, got.body["subject"], got.id) == ("TRADE_SUCCESS", "N1", "门诊 缴费+100%", "ID1")
    assert (got.accepted.status, got.accepted.body) == (200, b"success")
    assert "sign" not in got.body


def test_a_refunds_notice_speaks_of_the_refund_never_of_a_closed_order() -> None:
    got = _hear(_notice(trade_status="TRADE_CLOSED", gmt_refund="2026-11-22 10:00:00.000", refund_fee="10.75",
                        out_biz_no="R1"))  # fmt: skip
    assert isinstance(got, Heard)
    assert (got.kind, got.number) == ("REFUND", "R1")


@pytest.mark.parametrize("spoil", ["bad_signature", "wrong_amount", "other_app", "other_seller", "unsigned"])
def test_a_spoiled_notice(spoil: str) -> None:
    got = _hear(_notice((spoil,)))
    if spoil == "wrong_amount":  # well signed: the map compares amounts
        assert isinstance(got, Heard)
        assert got.body["total_amount"] == "10.76"
    else:
        assert isinstance(got, NotHeard)
        assert 400 <= got.reply.status < 500


@pytest.mark.parametrize(("name", "value"), [
    ("total_amount", "0.01"), ("out_trade_no", "N2"), ("trade_status", "TRADE_CLOSED"), ("app_id", "2021000000000999"),
    ("sign_type", "RSA"), ("charset", "GBK"), ("charset", "utf-7"), ("seller_id", "2088000000000999"), ("sign", "AAAA"),
    ("extra", "1"),
])  # fmt: skip
def test_a_tampered_notice_is_refused(name: str, value: str) -> None:
    fields = {**dict(parse_qsl(_notice().decode())), name: value}
    body = "&".join(f"{k}={quote_plus(v)}" for k, v in fields.items()).encode()
    assert isinstance(_hear(body), NotHeard)


def test_a_name_given_twice_and_noise_are_refused() -> None:
    assert isinstance(_hear(_notice() + b"&total_amount=0.01"), NotHeard)
    for noise in (b"", b"a", b"%", b"sign=x", b"\xff\xfe"):
        assert isinstance(_hear(noise), NotHeard)
