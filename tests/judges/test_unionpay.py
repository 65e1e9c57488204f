"""UnionPay before `openssl`: answers, notices, our requests, the chain; every tampering is refused by both."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted

from engine.codecs import form
from engine.core.http import HttpReply, HttpRequest
from engine.parties.contract import Heard, NotHeard
from engine.parties.registry import PARTIES
from engine.parties.unionpay import envelope
from simulators.unionpay import UnionPaySim
from tests.judges import openssl
from tests.judges.court import Court

PARTY = PARTIES["unionpay"]
FALSE = ("bad_signature", "unsigned", "single_hash", "foreign_certificate", "expired_certificate", "wrong_signer")


def unionpay(courts: list[Court]) -> Court:
    court = Court.of(UnionPaySim)
    courts.append(court)
    names = ("mer_id", "sign_certificate", "sign_private_key", "root", "middle", "signer")
    court.open(**{name: court.card[name] for name in names}, back_url=court.ear_url)
    return court


def order(court: Court, no: str) -> dict[str, str]:
    return {"orderId": no, "txnTime": court.sim.world.stamp("%Y%m%d%H%M%S"), "txnAmt": "107500"}


def written(fields: dict[str, str]) -> bytes:
    """As the gateway writes an answer: not URL-encoded."""
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode()


@pytest_twisted.ensureDeferred
async def test_our_requests_hold_for_openssl_and_their_answers_too(courts: list[Court], tmp_path: Path) -> None:
    court = unionpay(courts)
    made = order(court, "JUDGEU001")
    for op, body, number in (("qr", made, made["orderId"]), ("query", dict(list(made.items())[:2]), "")):
        call, request = court.built(op, body, number)
        assert openssl.holds(tmp_path, form.parse(request.body), court.card["sign_certificate"]), op
        reply = await court.raw(request)
        assert openssl.believes(tmp_path, envelope.parse(reply.body), court.card), op
        assert PARTY.read(call, request, reply).intact


@pytest_twisted.ensureDeferred
async def test_our_certificate_is_the_one_its_number_names(courts: list[Court], tmp_path: Path) -> None:
    court = unionpay(courts)
    (tmp_path / "ours.pem").write_text(court.card["sign_certificate"])
    _, said = openssl.openssl("x509", "-in", str(tmp_path / "ours.pem"), "-noout", "-serial")
    _, request = court.built("query", {"orderId": "JUDGEU001", "txnTime": "20261122100000"})
    assert form.parse(request.body)["certId"] == str(int(said.decode().strip().removeprefix("serial="), 16))


@pytest.mark.parametrize("spoil", FALSE)
@pytest_twisted.ensureDeferred
async def test_a_false_answer_and_a_false_notice(courts: list[Court], tmp_path: Path, spoil: str) -> None:
    court = unionpay(courts)
    call, request = court.built("query", {"orderId": "JUDGEU002", "txnTime": "20261122100000"})
    said = {
        "version": "5.1.0", "encoding": "UTF-8", "merId": court.card["mer_id"], "txnType": "00", "txnSubType": "00",
        "orderId": "JUDGEU002", "txnTime": "20261122100000", "respCode": "00", "respMsg": "成功[0000000]",
        "origRespCode": "00", "txnAmt": "107500", "queryId": "1",
    }  # fmt: skip
    told = {**said, "txnType": "01", "txnSubType": "07"}
    for fields, false in ((said, ""), (said, spoil), (told, ""), (told, spoil)):
        made = court.sim.identity.signed(fields, "01", false)
        assert openssl.believes(tmp_path, made, court.card) is (not false)
        if fields is said:
            assert PARTY.read(call, request, HttpReply(200, (), written(made))).intact is (not false)
        else:
            heard = court.hears(HttpRequest("POST", "/told", (), form.print_form(made)))
            assert isinstance(heard, NotHeard if false else Heard)


@pytest_twisted.ensureDeferred
async def test_what_openssl_signed_is_believed_and_nothing_changed(courts: list[Court], tmp_path: Path) -> None:
    court = unionpay(courts)
    call, request = court.built("query", {"orderId": "JUDGEU003", "txnTime": "20261122100000"})
    ring, card = court.sim.world.keys, court.card
    said = {
        "version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "merId": card["mer_id"], "txnType": "00",
        "txnSubType": "00", "orderId": "JUDGEU003", "txnTime": "20261122100000", "respCode": "00",
        "respMsg": "成功[0000000]", "origRespCode": "00", "txnAmt": "107500",
        "signPubKeyCert": card["gateway_certificate"],
    }  # fmt: skip
    good = openssl.signed(tmp_path, said, ring.private_pem("unionpay.gateway"))
    assert openssl.believes(tmp_path, good, card)
    assert PARTY.read(call, request, HttpReply(200, (), written(good))).intact
    changes = {
        "txnAmt": "107501", "origRespCode": "05", "respCode": "34", "queryId": "9", "version": "5.0.0",
        "signMethod": "11", "merId": "777290058110099", "orderId": "JUDGEU004",
        "signature": good["signature"][:-8] + "AAAAAA==", "signPubKeyCert": card["sign_certificate"],
    }  # fmt: skip
    for name, value in changes.items():
        wrong = {**good, name: value}
        assert not openssl.believes(tmp_path, wrong, card), name
        assert not PARTY.read(call, request, HttpReply(200, (), written(wrong))).intact, name
    cut = {name: value for name, value in good.items() if name != "origRespCode"}
    assert not PARTY.read(call, request, HttpReply(200, (), written(cut))).intact
    # Signed well, of another merchant, of another order, or under the merchant's own certificate:
    for name, value in (("merId", "777290058110099"), ("orderId", "JUDGEU004"), ("version", "5.0.0")):
        other = openssl.signed(tmp_path, {**said, name: value}, ring.private_pem("unionpay.gateway"))
        assert not PARTY.read(call, request, HttpReply(200, (), written(other))).intact, name
    ours = {**said, "signPubKeyCert": card["sign_certificate"]}
    ours = openssl.signed(tmp_path, ours, card["sign_private_key"])
    assert not openssl.believes(tmp_path, ours, card)
    assert not PARTY.read(call, request, HttpReply(200, (), written(ours))).intact


@pytest_twisted.ensureDeferred
async def test_a_payers_notice(courts: list[Court], tmp_path: Path) -> None:
    court = unionpay(courts)
    made = order(court, "JUDGEU005")
    await court.engine("qr", made, made["orderId"])
    court.sim.act({"act": "pay", "no": "JUDGEU005"})
    got = await court.ear.nth(1)
    assert openssl.believes(tmp_path, form.parse(got.body), court.card)
    heard = court.hears(got)
    assert isinstance(heard, Heard)
    assert (heard.number, heard.body["txnAmt"], heard.body["respCode"]) == ("JUDGEU005", "107500", "00")
