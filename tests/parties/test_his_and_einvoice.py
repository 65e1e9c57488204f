"""The HIS gateway's loose replies in one form; the e-invoice wrapper's signature both ways."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.http import HttpReply
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.einvoice import party as bosssoft
from engine.parties.his import gateway as his_gateway
from engine.parties.registry import PARTIES

from .judge import outcome_of

NOW, NONCE = 1795305600.0, "0123456789abcdef0123456789abcdef"
HIS, INVOICE = his_gateway.PARTY, bosssoft.PARTY
ITEMS = "query.wait.balance.bill.item.list"


def his_call(op: str, body: Any, number: str = "", amounts: Any = "fen") -> Outgoing:
    connection = his_gateway.Settings(app_id="ENGINE", secret="SIMSECRET", amounts=amounts)
    return Outgoing(op, body, number, HIS.open(connection), {}, NOW, NONCE)


def his_answer(op: str, tree: object, status: int = 200, amounts: Any = "fen", signed: bool = True) -> Answer:
    body = {"settleNo": "S1", "lockNo": "S1", "voidNo": "S1"}
    call = his_call(op, body, "S1", amounts)
    data = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    sign = his_gateway.signature("SIMSECRET", "1795305601", NONCE if signed else "other", data)
    reply = HttpReply(status, (("X-Timestamp", "1795305601"), ("X-Nonce", NONCE), ("X-Sign", sign)), data)
    return HIS.read(call, HIS.build(call), reply)


def test_the_request_is_signed_over_stamp_nonce_and_body() -> None:
    request = HIS.build(his_call("lock.bill", {"billNo": "B1", "lockNo": "L1", "amount": 120000}, "L1"))
    assert request.target == "/gateway/lock.bill"
    assert json.loads(request.body)["amount"] == "120000"
    assert request.header("X-Sign") == his_gateway.signature("SIMSECRET", "1795305600", NONCE, request.body)
    with pytest.raises(ValueError, match=r"lockNo must be own\.number"):
        HIS.build(his_call("lock.bill", {"lockNo": "L2"}, "L1"))


def test_a_known_signature_comes_out() -> None:
    # printf '1795305600\nn\n{}' | openssl dgst -sha256 -hmac SIMSECRET
    assert his_gateway.signature("SIMSECRET", "1795305600", "n", b"{}") == KNOWN


KNOWN = "0fc3667f775e2f3a63ed9d0426aeded8dcd757941f35e27538b793ec956f15cf"


def test_amounts_cross_in_the_declared_unit() -> None:
    body = {"settleNo": "S1", "amount": 107500, "items": [{"amount": 5, "qty": "2"}]}
    assert json.loads(HIS.build(his_call("balance.and.pay.bill", body, "S1", "yuan")).body) == {
        "settleNo": "S1", "amount": "1075.00", "items": [{"amount": "0.05", "qty": "2"}],
    }  # fmt: skip
    data = {"amount": "1075.00", "items": [{"price": 0.05, "qty": "2"}], "diagnoses": None}
    got = his_answer(ITEMS, {"success": True, "data": data}, amounts="yuan")
    item = {"price": 5, "priceYuan": "0.05", "qty": "2"}
    assert (got.body["amount"], got.body["items"], got.body["diagnoses"]) == (107500, [item], [])
    assert his_answer(ITEMS, {"success": True, "data": {"amount": "107500"}}).body["amount"] == 107500
    assert not his_answer(ITEMS, {"success": True, "data": {"amount": "1075.00"}}).intact
    odd = his_answer(ITEMS, {"success": True, "data": {"items": [{"price": "0.125"}]}}, amounts="yuan")
    assert odd.body["items"][0]["price"] == Decimal("12.5")


def test_a_reply_that_is_not_signed_over_our_nonce_proves_nothing() -> None:
    op = "balance.and.pay.bill"
    assert not his_answer(op, {"success": True, "data": {}}, signed=False).intact
    assert not his_answer(op, {"success": False, "code": "BILL_PAID"}, signed=False).intact
    door = his_answer(op, {"success": False, "code": "SIGN_INVALID"}, signed=False)
    assert (door.intact, outcome_of(HIS, op, door)) == (True, Outcome.UNKNOWN)
    assert outcome_of(HIS, ITEMS, door) is Outcome.REFUSED


@pytest.mark.parametrize("data", [None, [], {}, {"bills": None}])
def test_an_empty_list_is_a_list_however_it_is_said(data: object) -> None:
    assert his_answer("query.wait.balance.bill.list", {"success": "1", "data": data}).body == {"bills": []}


@pytest.mark.parametrize(
    ("tree", "outcome"),
    [
        ({"success": True, "data": {}}, Outcome.ACCEPTED),
        ({"success": "true", "data": {}}, Outcome.ACCEPTED),
        ({"success": "1", "data": None}, Outcome.ACCEPTED),
        ({"success": False, "code": "BILL_PAID"}, Outcome.REFUSED),
        ({"success": "0", "code": "AMOUNT_MISMATCH"}, Outcome.REFUSED),
        ({"success": "0", "code": "OK"}, Outcome.UNKNOWN),
        ({"success": False, "code": "DUPLICATE_DIFFERENT"}, Outcome.UNKNOWN),
        ({"success": False, "code": "SIGN_ERROR"}, Outcome.UNKNOWN),
        ({"success": False, "code": "NEW"}, Outcome.UNKNOWN),
        ({"success": None}, Outcome.UNKNOWN),
        ({"code": "OK"}, Outcome.UNKNOWN),
        (b"<html>", Outcome.UNKNOWN),
        (b"", Outcome.UNKNOWN),
    ],
)
def test_what_a_booking_answer_means(tree: object, outcome: Outcome) -> None:
    op = "balance.and.pay.bill"
    assert outcome_of(HIS, op, his_answer(op, tree)) is outcome
    assert outcome_of(HIS, op, his_answer(op, {"success": True, "data": {}}, 500)) is Outcome.UNKNOWN


@pytest.mark.parametrize(("op", "code"), [("unlock.bill", "NOT_LOCKED"),
     ("void.pay.bill", "ALREADY_VOID"), ("void.pay.bill", "NOT_FOUND")])
def test_nothing_left_to_undo_is_a_success_of_the_undo(op: str, code: str) -> None:
    assert outcome_of(HIS, op, his_answer(op, {"success": False, "code": code})) is Outcome.ACCEPTED


# --- e-invoice


def invoice_call(op: str = "issue", body: Any = None, number: str = "S1") -> Outgoing:
    connection = bosssoft.Settings(app_id="SIMAPP", key="SIMKEY")
    return Outgoing(op, {"busNo": "S1"} if body is None else body, number, connection, {}, NOW, NONCE)


def invoice_reply(result: str, message: object, key: str = "SIMKEY") -> bytes:
    raw = json.dumps(message).encode() if isinstance(message, dict) else str(message).encode()
    inner = json.dumps({"result": result, "message": base64.b64encode(raw).decode()}).encode()
    data = base64.b64encode(inner).decode()
    sign = bosssoft.signature("SIMAPP", data, "n", key, "1.0")
    return json.dumps({"data": data, "noise": "n", "sign": sign}).encode()


def invoice_answer(data: bytes, op: str = "issue", status: int = 200) -> Answer:
    call = invoice_call(op)
    return INVOICE.read(call, INVOICE.build(call), HttpReply(status, (), data))


def test_the_published_signature_comes_out() -> None:
    data = "eyJiaWxsQmF0Y2hDb2RlIjoiMzcwNjAxMjYiLCJiaWxsTm8iOiIwMDAwMDAwMDAxIn0="
    noise = "0f3c2b1a4d5e46f798a0b1c2d3e4f506"
    assert bosssoft.signature("SIMAPP", data, noise, "SIMKEY", "1.0") == "50DABA9C28828A021966DDE7CAA26DD2"


def test_an_issue_carries_our_number_and_its_signature() -> None:
    request = INVOICE.build(invoice_call())
    sent = json.loads(request.body)
    assert request.target == "/medical-web/api/medical/invoiceEBillOutpatient"
    assert json.loads(base64.b64decode(sent["data"])) == {"busNo": "S1"}
    assert sent["sign"] == bosssoft.signature("SIMAPP", sent["data"], NONCE, "SIMKEY", "1.0")
    with pytest.raises(ValueError, match="busNo"):
        INVOICE.build(invoice_call(body={"busNo": "S2"}))


@pytest.mark.parametrize(
    ("op", "result", "message", "outcome"),
    [
        ("issue", "S0000", {"billNo": "1"}, Outcome.ACCEPTED),
        ("issue", "E0001", "金额不平", Outcome.REFUSED),
        ("issue", "E0001", "系统异常，请稍后", Outcome.UNKNOWN),
        ("issue", "X1", "什么", Outcome.UNKNOWN),
        ("write_off", "E0001", "该票据已冲红", Outcome.ACCEPTED),
        ("issue", "E0001", "该票据已冲红", Outcome.REFUSED),
    ],
)
def test_invoice_codes(op: str, result: str, message: object, outcome: Outcome) -> None:
    assert outcome_of(INVOICE, op, invoice_answer(invoice_reply(result, message), op)) is outcome


def test_replies_that_prove_nothing() -> None:
    good = invoice_reply("S0000", {"billNo": "1"})
    assert not invoice_answer(invoice_reply("S0000", {"billNo": "1"}, key="OTHER")).intact
    assert not invoice_answer(invoice_reply("S0000", "plain words")).intact
    assert not invoice_answer(good, status=500).intact
    assert not invoice_answer(b"<html>").intact
    assert not invoice_answer(b"{}").intact


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_byte_of_a_reply_is_noticed(data: st.DataObject) -> None:
    good = invoice_reply("S0000", {"billNo": "0000000001"})
    before = invoice_answer(good)
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + bytes((good[at] ^ data.draw(st.integers(1, 255)),)) + good[at + 1 :]
    after = invoice_answer(changed)
    # A letter of the sign in the other case, or another blank, changes nothing that was said.
    assert not after.intact or after == before


def test_every_kind_of_party_is_registered_once() -> None:
    assert {"einvoice", "his", "municipal", "nhsa", "wechat", "subscriber", "mllp", "files", "table"} <= set(PARTIES)
    for kind, party in PARTIES.items():
        assert party.kind == kind
        assert all(name == op.name for name, op in party.ops.items())
        known = set(party.ops)
        assert all(row.ops <= known for row in party.outcomes)
    with pytest.raises(KeyError):
        PARTIES["nobody"]
    assert bosssoft.__doc__
