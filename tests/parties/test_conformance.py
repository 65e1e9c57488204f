"""What every party must keep to, whoever wrote it: pure, never raising on what comes back, never believing noise."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import NotHeard, Outgoing
from engine.parties.registry import PARTIES
from engine.pipeline.rejected import SIDES
from engine.runtime.books_view import Role
from engine.runtime.reasons import refusal, side_of
from simulators.registry import PARTIES as SIMULATORS

from .bench import Town
from .judge import outcome_of

TOWN = Town()
OF_THE_HIS = ("lockNo", "settleNo", "voidNo", "preNo", "registerNo", "depositNo", "insureNo", "backNo",
              "confirmNo", "createNo", "takeNo", "uploadNo",
              "outTradeNo", "outRefundNo")  # fmt: skip
# Enough of a body for each operation to be built; own numbers are filled in.
BODIES: dict[str, dict[str, Any]] = {
    "his": dict.fromkeys(OF_THE_HIS, "N1"),
    "his_soap": dict.fromkeys(OF_THE_HIS, "N1"),
    "his_hl7": {"FT1_2": "N1", "ARQ_1_1": "N1"},
    "nhsa": {"insuplc_admdvs": "370200", "input": {}},
    "municipal": {},
    "qingdao_legacy": {},
    "wechat": {"out_trade_no": "N1", "out_refund_no": "N1", "bill_date": "2026-11-21", "refund_id": "5",
               "echo_message": "1", "mix_pay_type": "INSURANCE_ONLY", "mix_trade_no": "M1"},
    "dareway": {},
    "neusoft": {},
    "yinhai": {},
    "alipay": {"out_trade_no": "N1", "out_request_no": "N1", "out_order_no": "N1"},
    "unionpay": {"orderId": "N1", "txnTime": "20261122100000"},
    "mobile_pay": {"orgBizSer": "N1", "appRefdSn": "N1"},
    "till": {"no": "N1", "amount": 1},
    "einvoice": {"busNo": "N1"},
    "commercial": {"claimNo": "N1", "withdrawNo": "N1"},
}  # fmt: skip
BODIES_OF_OPS: dict[tuple[str, str], dict[str, Any]] = {
    ("nhsa", "9101"): {"input": {"fsUploadIn": {"filename": "a.txt.zip", "rows": [{"c": "1"}]}}},
    ("nhsa", "ec.query"): {"data": {"ecQrCode": "1"}},
}
DELIVERED_TO = {"subscriber", "sms", "mllp", "files", "table"}
"""Parties that only deliver channels write to: theirs are judged in tests/deliver and tests/connectors."""
ASKED = [kind for kind in PARTIES if kind not in DELIVERED_TO]
RANDOM = {"mobile_pay": "signData"}
"""Parties whose signatures hold a random number each (SM2), and the field it is in."""
# They name the number of what they undo, or go on with.
UNDO = ("reverse", "code_reverse", "write_off", "voucher_back", "cancel", "freeze_cancel", "abnormal_refund")
SEALS = {("wechat", "echo")}  # what is sealed for the platform is sealed with fresh randomness; no number is on it
EVERY = [(kind, op) for kind in ASKED for op in PARTIES[kind].ops]


def _body(kind: str, op: str) -> dict[str, Any]:
    return BODIES_OF_OPS.get((kind, op), BODIES[kind])


def outgoing(kind: str, op: str) -> Outgoing:
    return Outgoing(op, _body(kind, op), "N1", TOWN.opened[kind], {"sign_no": "1"}, TOWN.world.now(), "0" * 32)


@pytest.mark.parametrize(("kind", "op"), EVERY)
def test_the_same_call_makes_the_same_bytes_and_leaves_its_input_alone(kind: str, op: str) -> None:
    before = repr(_body(kind, op))
    one, two = (PARTIES[kind].build(outgoing(kind, op)) for _ in range(2))
    if kind in RANDOM:
        unsigned = [{**json.loads(made.body), RANDOM[kind]: ""} for made in (one, two)]
        assert (one.target, one.headers, unsigned[0]) == (two.target, two.headers, unsigned[1])
    else:
        assert one == two or (kind, op) in SEALS
    assert one.target.startswith("/")
    assert repr(_body(kind, op)) == before
    assert {name.lower() for name, _ in one.headers}.isdisjoint({"host", "content-length", "connection"})


NOISE = st.sampled_from([
    b"", b"{}", b"[]", b"null", b"0", b'{"success":true}', b'{"infcode":null}', b'{"infcode":{}}', b"<xml></xml>",
    b'{"success":true,"data":[[]]}', b"<html><body>login</body></html>", b'{"data":"","noise":"","sign":""}',
    b"<xml><return_code>SUCCESS</return_code><result_code>SUCCESS</result_code></xml>", b'{"status":"SUCCESS"}',
]) | st.binary(max_size=40)  # fmt: skip


@pytest.mark.parametrize(("kind", "op"), EVERY)
def test_noise_is_never_taken_for_a_yes(kind: str, op: str) -> None:
    party, call = PARTIES[kind], outgoing(kind, op)
    request = party.build(call)

    # A function of its own: pytest-twisted wraps a parametrized property once per parameter.
    @settings(max_examples=15, deadline=None)
    @given(NOISE, st.sampled_from([200, 204, 302, 400, 404, 500, 502]))
    def property_holds(noise: bytes, status: int) -> None:
        outcome = outcome_of(party, op, party.read(call, request, HttpReply(status, (), noise)))
        assert outcome in (Outcome.UNKNOWN, Outcome.REFUSED)
        assert outcome is Outcome.UNKNOWN or not party.ops[op].money or b"code" in noise

    property_holds()


@given(st.sampled_from(ASKED), st.binary(max_size=60))
def test_an_unsigned_callback_is_refused(kind: str, body: bytes) -> None:
    got = PARTIES[kind].verify(TOWN.opened[kind], HttpRequest("POST", "/x", (), body), TOWN.world.now())
    assert isinstance(got, NotHeard)
    assert 400 <= got.reply.status < 500


@pytest.mark.parametrize("kind", list(PARTIES))
def test_tables_are_whole(kind: str) -> None:
    party = PARTIES[kind]
    assert all(name == op.name and op.zh and op.en for name, op in party.ops.items())
    assert all(row.ops <= set(party.ops) for row in party.outcomes)
    for row in party.outcomes:
        touched = row.ops or set(party.ops)
        refuses_money = row.outcome is Outcome.REFUSED and any(party.ops[op].money for op in touched)
        assert row.because or row.code.isupper() or not refuses_money, row
    assert all(op.number or not op.money or op.name in UNDO for op in party.ops.values())


@pytest.mark.parametrize("kind", list(PARTIES))
def test_a_party_says_who_it_is_to_people_and_to_the_books(kind: str) -> None:
    about = PARTIES[kind].about
    assert about.side in SIDES
    assert side_of(kind) == about.side
    assert about.zh
    assert about.en
    assert refusal("E-REFUSED", kind, "不行").en.lower().startswith(about.en.lower())
    assert not about.role or Role(about.role)
    assert not about.simulator or about.simulator in SIMULATORS


@pytest.mark.parametrize("kind", ASKED)
def test_secrets_are_not_shown_by_a_repr(kind: str) -> None:
    opened = TOWN.opened[kind]
    plain = getattr(opened, "plain", opened)
    for name in ("secret", "key", "api_v3_key", "api_v2_key", "merchant_private_key", "app_private_key",
                  "sign_private_key", "secure_key", "app_secret", "private_key"):
        value = getattr(plain, name, "")
        assert not value or value not in repr(opened)


WRITES_ITS_NUMBER = ("SRM^S04", "DFT^P03.void")
"""HL7 takes a thing back by its first number; the party itself writes the message's own, as MSH-10."""


def test_a_number_we_did_not_record_does_not_go_out() -> None:
    for kind, op in EVERY:
        other = replace(outgoing(kind, op), number="N2")
        if PARTIES[kind].ops[op].number in ("", "msgid"):
            continue
        if kind == "his_hl7" and op in WRITES_ITS_NUMBER:
            assert b"|N2|" in PARTIES[kind].build(other).body
            continue
        with pytest.raises(ValueError, match=r"own\.number"):
            PARTIES[kind].build(other)
