"""The e-invoice port: every operation of the Bosssoft table, replies that are not as agreed, and a second platform that
plugs in by a table and two functions."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.core.http import HttpReply
from engine.core.outcome import Outcome
from engine.parties import registry
from engine.parties.contract import Outgoing
from engine.parties.einvoice import party as bosssoft
from engine.parties.einvoice.bosssoft import SERVICES
from engine.parties.einvoice.port import OPS, EInvoice, Platform
from engine.parties.registry import PARTIES
from engine.site.load import load
from engine.site.site import Site
from simulators.einvoice.fields import SERVICES as SERVED

from . import other_ebill
from .judge import outcome_of

INVOICE = bosssoft.PARTY
SETTINGS = bosssoft.Settings(app_id="SIMAPP", key="SIMKEY")
NONCE = "0123456789abcdef0123456789abcdef"


def call(op: str, body: dict[str, Any] | None = None) -> Outgoing:
    return Outgoing(op, body or {"busNo": "S1E1"}, "S1E1", SETTINGS, {}, 1795305600.0, NONCE)


def said(result: str, message: object) -> HttpReply:
    """A signed reply whose message is as given: Base64 or not."""
    data = base64.b64encode(json.dumps({"result": result, "message": message}).encode()).decode()
    sign = bosssoft.signature("SIMAPP", data, "n", "SIMKEY", "1.0")
    return HttpReply(200, (), json.dumps({"data": data, "noise": "n", "sign": sign}).encode())


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def outcome(op: str, reply: HttpReply) -> Outcome:
    return outcome_of(INVOICE, op, INVOICE.read(call(op), INVOICE.build(call(op)), reply))


def test_every_operation_of_the_port_has_its_service() -> None:
    assert set(SERVICES) == set(OPS) == set(INVOICE.ops)
    assert set(SERVICES.values()) == set(SERVED)
    for op, service in SERVICES.items():
        assert INVOICE.build(call(op)).target == f"/medical-web/api/medical/{service}"


@pytest.mark.parametrize("op", [op for op in OPS if OPS[op].number])
def test_whatever_is_issued_carries_our_number(op: str) -> None:
    assert OPS[op].money
    with pytest.raises(ValueError, match=r"busNo must be own\.number"):
        INVOICE.build(call(op, {"busNo": "S2E1"}))


@pytest.mark.parametrize(
    ("op", "code", "text", "expected"),
    [
        ("voucher_back", "E0010", "该票据已冲红", Outcome.ACCEPTED),
        ("write_off", "E0010", "该票据已经冲红", Outcome.ACCEPTED),
        ("write_off", "E0011", "该票据已换开纸质票据00000001，请先收回并作废纸质票据", Outcome.REFUSED),
        ("paper_void", "E0009", "该纸质票据已作废", Outcome.ACCEPTED),
        ("paper_void", "E0010", "该票据已冲红", Outcome.UNKNOWN),
        ("paper_void", "E0009", "纸质票据不存在", Outcome.REFUSED),
        ("paper_exchange", "E0011", "该票据已换开纸质票据00000001", Outcome.UNKNOWN),
        ("paper_exchange", "E0011", "纸质票据号已使用或已作废", Outcome.REFUSED),
        ("paper_exchange", "E0012", "无可用纸质票据号", Outcome.REFUSED),
        ("paper_void_blank", "E0011", "纸质票据号已使用或已作废", Outcome.UNKNOWN),
        ("issue_inpatient", "E0008", "业务流水号重复，已开票", Outcome.UNKNOWN),
        ("voucher", "E9999", "系统繁忙", Outcome.UNKNOWN),
        ("totals", "E0006", "参数错误", Outcome.REFUSED),
    ],
)
def test_what_the_platforms_words_mean(op: str, code: str, text: str, expected: Outcome) -> None:
    assert outcome(op, said(code, b64(text))) is expected
    assert outcome(op, said(code, text)) is expected  # the Base64 left away


def test_a_message_that_is_not_base64_is_read_and_one_that_is_no_json_proves_nothing() -> None:
    read = INVOICE.read(call("issue"), INVOICE.build(call("issue")), said("S0000", '{"billNo":"1"}'))
    assert (read.intact, read.body) == (True, {"billNo": "1"})
    bare = INVOICE.read(call("issue"), INVOICE.build(call("issue")), said("S0000", {"billNo": "1"}))
    assert (bare.intact, bare.body) == (True, {"billNo": "1"})
    for message in (b64("操作成功"), "操作成功", b64("[]"), 5):
        assert outcome("issue", said("S0000", message)) is Outcome.UNKNOWN
    garbled = INVOICE.read(call("issue"), INVOICE.build(call("issue")), said("E0001", "BUSY"))  # looks like Base64
    assert (garbled.intact, garbled.text) == (True, "BUSY")


def test_a_service_nobody_knows_is_no_part_of_the_port() -> None:
    with pytest.raises(ValueError, match="no operations of the port: fold"):
        replace(other_ebill.PLATFORM, services={"fold": "FOLD"})


# --- a second platform

OTHER = other_ebill.PARTY
HERE = other_ebill.Settings(hospital="H1", secret="S")


def other_call(op: str, **body: object) -> Outgoing:
    return Outgoing(op, {"serial": "S1E1", **body}, "S1E1", HERE, {}, 1795305600.0, NONCE)


def other_reply(code: str, text: str = "", key: str = "S", inner: str = "") -> HttpReply:
    data = f'<reply code="{code}" text="{text}">{inner}</reply>'.encode()
    return HttpReply(200, (("X-Seal", other_ebill.seal(key, data)),), data)


def test_another_wrapper_needs_a_table_and_two_functions() -> None:
    request = OTHER.build(other_call("issue", total="1.00"))
    assert b'service="ISSUE"' in request.body
    assert b"<total>1.00</total>" in request.body
    with pytest.raises(ValueError, match=r"serial must be own\.number"):
        OTHER.build(other_call("issue", serial="X"))
    read = OTHER.read(other_call("issue"), request, other_reply("0", inner="<code>3706</code><no>1</no>"))
    assert (read.intact, read.body) == (True, {"code": "3706", "no": "1"})
    assert not OTHER.read(other_call("issue"), request, other_reply("0", key="X")).intact
    assert not OTHER.read(other_call("issue"), request, HttpReply(502, (), b"")).intact


@pytest.mark.parametrize(
    ("op", "code", "expected"),
    [("issue", "0", Outcome.ACCEPTED), ("write_off", "RED", Outcome.ACCEPTED), ("issue", "RED", Outcome.UNKNOWN),
     ("issue", "BUSY", Outcome.UNKNOWN), ("issue", "NO7", Outcome.REFUSED), ("issue", "?", Outcome.UNKNOWN)],
)
def test_its_own_table_says_what_its_codes_mean(op: str, code: str, expected: Outcome) -> None:
    assert outcome_of(OTHER, op, OTHER.read(other_call(op), OTHER.build(other_call(op)), other_reply(code))) is expected


def test_rows_about_operations_it_lacks_are_left_out() -> None:
    small = EInvoice(replace(other_ebill.PLATFORM, services={"issue": "ISSUE"}))
    assert set(small.ops) == {"issue"}
    assert [row.code for row in small.outcomes] == ["0", "BUSY", "NO*"]
    assert all(row.ops <= set(small.ops) for row in small.outcomes)
    assert isinstance(other_ebill.PLATFORM, Platform)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._MODULES, "other_ebill", "tests.parties.other_ebill")


CHANNEL = """
channel: other_state
kind:    answer
title:   查另一家的票据状态
listen:  {at: api, request: GET /v1/other/state, schema: other_state}
calls:
  ebill.state: {to: ebill, op: state, send: other_state, read: other_told, wait: 5s, repeats: freely}
call:    ebill.state
answers: other_told_back
"""
ENGINE = """
engine: {name: t, profile: test}
hospital: {name: 测试口腔医院}
store: sqlite:var/engine.db
keys: {store: file:var/k1, index: file:var/k2}
listeners: {api: {http: 127.0.0.1:8600}}
clients: {K01: {secret: file:var/k3, scopes: [query]}}
parties:
  ebill: {kind: other_ebill, url: http://127.0.0.1:9, window: 2, wait_max: 20s, late_max: 2m,
          hospital: H1, secret: file:var/k4}
"""
MAPS = {
    "other_state": "make:\n  - [no, \"'1'\"]\n",
    "other_told": "make:\n  - [number, answer.no]\n",
    "other_told_back": "make:\n  - [number, ebill.state.number]\n",
}


def test_a_site_can_name_it_as_the_kind_of_a_connection(registered: None, tmp_path: Path) -> None:
    assert PARTIES["other_ebill"].kind == "other_ebill"
    (tmp_path / "channels").mkdir()
    (tmp_path / "mappings").mkdir()
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "other_state.json").write_text('{"type": "object"}')
    (tmp_path / "engine.yaml").write_text(ENGINE)
    (tmp_path / "channels" / "other_state.yaml").write_text(CHANNEL)
    for name, text in MAPS.items():
        (tmp_path / "mappings" / f"{name}.map.yaml").write_text(f"map: {name}\n{text}")
    site = load(tmp_path)
    assert isinstance(site, Site), [f"{one.code} {one.en}" for one in site]
    assert site.channels["other_state"].calls["ebill.state"].op == "state"
