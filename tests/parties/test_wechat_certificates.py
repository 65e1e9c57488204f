"""The platform's certificate list: believed when it proves itself, never otherwise, never for a configured key."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from engine.core.http import HttpReply
from engine.parties.contract import Outgoing, RenewsKeys
from engine.parties.registry import PARTIES
from engine.parties.wechat.party import PARTY
from tests.parties.bench import Town

TOWN = Town()
IDENTITY = TOWN.sims["wechat"].identity
OPENED = TOWN.opened["wechat"]
NEW = IDENTITY.rotate()


def _row(signer: Any, **more: Any) -> dict[str, Any]:
    sealed = IDENTITY.seal(signer.certificate.encode(), "certificate")
    return {"serial_no": signer.serial, "encrypt_certificate": sealed, **more}


def _reply(rows: Any, signer: Any = NEW, spoil: bytes = b"") -> HttpReply:
    body = json.dumps({"data": rows}).encode()
    return HttpReply(200, tuple(IDENTITY.headers(signer, body).items()), body + spoil)


def _read(reply: HttpReply, now: float | None = None) -> Any:
    call = Outgoing("certificates", {}, "", OPENED, {}, TOWN.world.now() if now is None else now, "0" * 32)
    assert PARTY.build(call).target == "/v3/certificates"
    return PARTY.read(call, PARTY.build(call), reply)


def test_only_wechat_hands_out_keys_by_itself() -> None:
    assert [kind for kind, party in PARTIES.items() if isinstance(party, RenewsKeys)] == ["wechat"]


def test_a_list_signed_by_a_certificate_inside_it_proves_itself() -> None:
    answer = _read(_reply([_row(signer) for signer in IDENTITY.certificates]))
    assert (answer.intact, answer.code) == (True, "OK")
    renewed = PARTY.with_keys(OPENED, answer.body)
    assert not PARTY.has_key(OPENED, NEW.serial)
    assert PARTY.has_key(renewed, NEW.serial)
    assert PARTY.has_key(renewed, NEW.serial.lower()), "some write a serial in lower case"
    assert set(OPENED.verify_keys) < set(renewed.verify_keys)


def test_a_configured_key_is_never_replaced() -> None:
    old = IDENTITY.certificates[0]
    renewed = PARTY.with_keys(OPENED, {old.serial: old.certificate})
    assert renewed.verify_keys == OPENED.verify_keys


def _tampered(row: dict[str, Any]) -> dict[str, Any]:
    sealed = dict(row["encrypt_certificate"])
    data = bytearray(base64.b64decode(sealed["ciphertext"]))
    data[5] ^= 1
    return {**row, "encrypt_certificate": {**sealed, "ciphertext": base64.b64encode(bytes(data)).decode()}}


def test_what_does_not_prove_itself_is_not_believed() -> None:
    old, good = IDENTITY.certificates[0], _row(NEW)
    public = IDENTITY.by_public_key
    for name, reply in {
        "tampered": _reply([_tampered(good)]),
        "another serial": _reply([{**good, "serial_no": old.serial}]),
        "no serial": _reply([{**good, "serial_no": None}]),
        "not sealed": _reply([{"serial_no": NEW.serial, "encrypt_certificate": NEW.certificate}]),
        "no certificate inside": _reply([{**good, "encrypt_certificate": IDENTITY.seal(b"x", "certificate")}]),
        "none": _reply([]),
        "too many": _reply([good] * 21),
        "not a list": _reply({"0": good}),
        "changed on its way": _reply([good], spoil=b" "),
        "signed by one that is not in it": _reply([_row(old)]),
        "unsigned": HttpReply(200, (), json.dumps({"data": [good]}).encode()),
        "not JSON": HttpReply(200, (), b"<html>"),
    }.items():
        assert not _read(reply).intact, name
    assert _read(_reply([_row(old)], signer=public)).intact, "a key we had may sign it too"


def test_a_certificate_that_is_over_is_left_out() -> None:
    late = TOWN.world.now() + 30 * 365 * 86_400
    body = json.dumps({"data": [_row(NEW)]}).encode()
    made = dict(IDENTITY.headers(IDENTITY.by_public_key, body, age=-int(late - TOWN.world.now())))
    answer = _read(HttpReply(200, tuple(made.items()), body), late)
    assert (answer.intact, answer.body) == (True, {})


@pytest.mark.parametrize(("serial", "listed"), [("5157F09E", True), ("PUB_KEY_ID_01", False), ("", False)])
def test_public_keys_are_not_listed(serial: str, listed: bool) -> None:
    assert PARTY.hands_out(serial) is listed


def test_an_answer_by_an_unknown_key_names_the_serial() -> None:
    body = b'{"trade_state":"SUCCESS"}'
    call = Outgoing("query", {"out_trade_no": "N1"}, "", OPENED, {}, TOWN.world.now(), "0" * 32)
    got = PARTY.read(call, PARTY.build(call), HttpReply(200, tuple(IDENTITY.headers(NEW, body).items()), body))
    assert not got.intact
    assert got.unknown_key == NEW.serial.lstrip("0")
    assert got.text == f"signature by unknown serial {got.unknown_key}"
