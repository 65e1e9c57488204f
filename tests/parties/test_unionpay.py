"""UnionPay: forms and signatures, judged by `openssl`, by the simulator's own code and by hand-made values."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codecs.errors import Undecodable
from engine.core.http import HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Heard, NotHeard
from engine.parties.unionpay import day_file, envelope, signing
from engine.parties.unionpay.keys import Settings, opened
from engine.parties.unionpay.party import PARTY
from simulators.unionpay import sign
from simulators.unionpay.identity import FALSE_SIGNERS

from .bench import UNIONPAY_NOTIFY
from .unionpay_merchant import Merchant

OK, NO, WAIT, UNKNOWN = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING, Outcome.UNKNOWN
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,12}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="&{}[]"), max_size=40)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=12)


def openssl(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The outside judge: not to be skipped."""
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False, timeout=20)  # noqa: S603, S607 the system's openssl is the judge


@pytest.fixture(scope="module")
def shop() -> Merchant:
    return Merchant()


def test_the_text_that_is_signed() -> None:
    fields = {
        "txnTime": "20261122100000", "merId": "777290058110048", "orderId": "A=1+/", "empty": "", "signature": "x",
        "Zeta": "中文", "reqReserved": "{a=1}",
    }  # fmt: skip
    assert signing.text_of(fields) == (
        "Zeta=中文&merId=777290058110048&orderId=A=1+/&reqReserved={a=1}&txnTime=20261122100000"
    )


def test_openssl_makes_the_same_signature_over_the_hash_of_the_hash(shop: Merchant, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(shop.settings.sign_private_key)
    body = PARTY.build(shop.outgoing("qr", {"orderId": "ORDER00009", "txnTime": shop.stamp, "txnAmt": "1"})).body
    fields = dict(parse_qsl(body.decode()))
    text = "&".join(f"{k}={fields[k]}" for k in sorted(fields) if k != "signature")
    hashed = hashlib.sha256(text.encode()).hexdigest().encode()
    made = openssl("dgst", "-sha256", "-sign", str(key), data=hashed)
    assert made.returncode == 0
    assert openssl("base64", "-A", data=made.stdout).stdout.decode() == fields["signature"]
    single = openssl("dgst", "-sha256", "-sign", str(key), data=text.encode())
    assert openssl("base64", "-A", data=single.stdout).stdout.decode() != fields["signature"]
    serial = openssl("x509", "-noout", "-serial", data=shop.settings.sign_certificate.encode()).stdout.decode()
    assert int(serial.strip().partition("=")[2], 16) == int(fields["certId"])


def test_openssl_verifies_what_the_gateway_signs_and_its_chain(shop: Merchant, tmp_path: Path) -> None:
    shop.paid("CHAIN00001")
    fields = dict(parse_qsl(shop.notice("CHAIN00001").body.decode()))
    papers = {"root": shop.settings.root, "middle": shop.settings.middle, "leaf": fields["signPubKeyCert"]}
    for name, text in papers.items():
        (tmp_path / name).write_text(text)
    files = {name: str(tmp_path / name) for name in ("root", "middle", "leaf", "public", "signature")}
    chain = openssl("verify", "-CAfile", files["root"], "-untrusted", files["middle"], files["leaf"])
    assert chain.returncode == 0, chain.stderr
    (tmp_path / "public").write_bytes(openssl("x509", "-in", files["leaf"], "-noout", "-pubkey").stdout)
    (tmp_path / "signature").write_bytes(openssl("base64", "-d", "-A", data=fields["signature"].encode()).stdout)
    hashed = hashlib.sha256(signing.text_of(fields).encode()).hexdigest().encode()
    good = openssl("dgst", "-sha256", "-verify", files["public"], "-signature", files["signature"], data=hashed)
    assert good.stdout == b"Verified OK\n"
    foreign = tmp_path / "foreign"
    foreign.write_text(shop.sim.identity.pem("foreign"))
    assert openssl("verify", "-CAfile", files["root"], "-untrusted", files["middle"], str(foreign)).returncode != 0


@given(FIELDS)
def test_both_sides_sign_the_same_text_and_answers_are_read_as_written(fields: dict[str, str]) -> None:
    assert signing.text_of(fields) == sign.text(fields)
    assert envelope.parse(sign.write_raw(fields)) == fields


def test_braces_protect_what_is_inside() -> None:
    assert envelope.parse(b"a={k=1&m={n=2&o=3}}&b=[x=1&y=2]&c=d=e&f=") == {
        "a": "{k=1&m={n=2&o=3}}", "b": "[x=1&y=2]", "c": "d=e", "f": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    "crooked", [b"a", b"=b", b"a=1&a=2", b"a={b", b"a={b}c&d=1", b"\xff=1", b"a=1&&b=2", b"<html>=1", b"a=1&b c=2"]
)
def test_a_crooked_answer_is_refused(crooked: bytes) -> None:
    with pytest.raises(Undecodable):
        envelope.parse(crooked)


def test_every_operation_is_understood_and_answered(shop: Merchant) -> None:
    at, query_id = shop.paid("WALK000001")
    outcome, answer = shop.call("query", orderId="WALK000001", txnTime=at)
    assert (outcome, answer.body["origRespCode"], answer.body["queryId"]) == (OK, "00", query_id)
    assert "signPubKeyCert" not in answer.body
    assert shop.call("qr", orderId="WALK000001", txnTime=at, txnAmt="107500")[0] is UNKNOWN  # 12: taken
    assert shop.call("query", orderId="WALK000001", txnTime="20260101000000")[1].code == "34"
    now = shop.stamp
    outcome, answer = shop.call("refund", orderId="WALK00000R", txnTime=now, txnAmt="500", origQryId=query_id)
    assert (outcome, answer.code) == (WAIT, "00")
    assert shop.call("query", orderId="WALK00000R", txnTime=now)[1].body["origRespCode"] == "05"
    shop.world.advance(3)
    assert shop.call("query", orderId="WALK00000R", txnTime=now)[1].body["origRespCode"] == "00"
    over = shop.call("refund", orderId="WALK00000S", txnTime=now, txnAmt="107001", origQryId=query_id)
    assert (over[0], over[1].code) == (NO, "36")
    assert shop.call("undo", orderId="WALK00000U", txnTime=now, txnAmt="107500", origQryId=query_id)[0] is NO
    by_order = {"origOrderId": "WALK000001", "origTxnTime": at}
    assert shop.call("refund", orderId="WALK00000T", txnTime=now, txnAmt="107000", **by_order)[0] is WAIT


def test_an_undo_is_whole_and_of_the_same_clearing_day(shop: Merchant) -> None:
    _, query_id = shop.paid("UNDO000001")
    part = shop.call("undo", orderId="UNDO00000A", txnTime=shop.stamp, txnAmt="1", origQryId=query_id)
    assert (part[0], part[1].code) == (NO, "36")
    whole = shop.call("undo", orderId="UNDO00000B", txnTime=shop.stamp, txnAmt="107500", origQryId=query_id)
    assert whole[0] is WAIT
    shop.world.advance(3)
    again = shop.call("refund", orderId="UNDO00000C", txnTime=shop.stamp, txnAmt="1", origQryId=query_id)
    assert (again[0], again[1].code) == (NO, "35")
    other = Merchant()
    _, query_id = other.paid("UNDO000002")
    other.world.advance(13.5 * 3600)  # 23:30: the next clearing day
    late = other.call("undo", orderId="UNDO00000D", txnTime=other.stamp, txnAmt="107500", origQryId=query_id)
    assert (late[0], late[1].code) == (NO, "35")


@pytest.mark.parametrize(
    ("tail", "first", "code"),
    [("00", WAIT, "00"), ("01", WAIT, "00"), ("02", NO, ""), ("03", WAIT, "05"), ("04", WAIT, "64")],
)  # fmt: skip
def test_a_payment_code(shop: Merchant, tail: str, first: Outcome, code: str) -> None:
    no, at = f"SCAN0000{tail}", shop.stamp
    assert shop.call("scan", orderId=no, txnTime=at, txnAmt="300", qrNo=f"62000000000000000{tail}")[0] is first
    if code:
        assert shop.call("query", orderId=no, txnTime=at)[1].body["origRespCode"] == "05"
        shop.world.advance(7)
        assert shop.call("query", orderId=no, txnTime=at)[1].body["origRespCode"] == code
        assert shop.call("reverse", orderId=no, txnTime=at)[0] is OK
        assert shop.call("query", orderId=no, txnTime=at)[1].body["origRespCode"] == "01"
        rows = [row for row in shop.sim.ledger.since(0)["rows"] if row["no"] == no]
        charged = sum(row["amount"] for row in rows if row["kind"] == "charge")
        assert charged == sum(row["amount"] for row in rows if row["kind"] == "reverse")


@pytest.mark.parametrize(
    "kind", ["bad_signature", "unsigned", "single_hash", "wrong_signer", "foreign_certificate", "expired_certificate",
             "other_order"],
)  # fmt: skip
def test_an_answer_that_must_not_be_believed(kind: str) -> None:
    shop = Merchant()
    at = shop.order("ANSWER0001")
    outcome, answer = shop.spoiled("query", kind, orderId="ANSWER0001", txnTime=at)
    assert (outcome, answer.intact) == (UNKNOWN, False)
    assert shop.call("query", orderId="ANSWER0001", txnTime=at)[0] is OK


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("in_doubt", UNKNOWN), ("system_error", UNKNOWN), ("too_many_queries", UNKNOWN), ("suspicious", UNKNOWN),
     ("out_of_hours", NO), ("risk", NO), ("no_permission", NO)],
)  # fmt: skip
def test_what_a_payment_s_code_means(kind: str, wanted: Outcome) -> None:
    shop = Merchant()
    assert shop.spoiled("qr", kind, orderId="CODES00001", txnTime=shop.stamp, txnAmt="1")[0] is wanted


def test_a_notice_is_heard(shop: Merchant) -> None:
    _, query_id = shop.paid("TOLD000001")
    heard = PARTY.verify(shop.opened, shop.notice("TOLD000001"), shop.world.now())
    assert isinstance(heard, Heard)
    assert (heard.kind, heard.number, heard.body["queryId"]) == ("consume", "TOLD000001", query_id)
    assert (heard.accepted.status, heard.body["txnAmt"]) == (200, "107500")


TAMPERED = {
    "txnAmt": "1", "orderId": "TOLD000002", "respCode": "A6", "merId": "777290058110099", "txnTime": "20260101000000",
    "queryId": "1" * 21, "extra": "1", "version": "5.0.0", "signMethod": "11", "signature": "AAAA",
    "signPubKeyCert": "-----BEGIN CERTIFICATE-----", "accNo": "", "txnType": "04",
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_notice_is_refused(shop: Merchant, name: str) -> None:
    if "TAMPER0001" not in shop.sim.courier.last:
        shop.paid("TAMPER0001")
    assert isinstance(PARTY.verify(shop.opened, shop.changed("TAMPER0001"), shop.world.now()), Heard)
    got = PARTY.verify(shop.opened, shop.changed("TAMPER0001", **{name: TAMPERED[name]}), shop.world.now())
    assert isinstance(got, NotHeard)
    assert 400 <= got.reply.status < 500


@pytest.mark.parametrize("kind", ["bad_signature", "unsigned", "single_hash", "other_merchant", *FALSE_SIGNERS])
def test_a_false_notice_is_refused(kind: str) -> None:
    shop = Merchant()
    shop.sim.faults.add({"op": "paid", "fault": kind})
    shop.paid("FALSE00001")
    got = PARTY.verify(shop.opened, shop.notice("FALSE00001"), shop.world.now())
    assert isinstance(got, NotHeard), kind


def test_a_field_given_twice_is_refused(shop: Merchant) -> None:
    shop.paid("TWICE00001")
    body = shop.notice("TWICE00001").body + b"&respCode=00"
    assert isinstance(PARTY.verify(shop.opened, HttpRequest("POST", "/x", (), body), shop.world.now()), NotHeard)


def test_certificates_are_believed_in_their_time_only(shop: Merchant) -> None:
    shop.paid("YEARS00001")
    got = PARTY.verify(shop.opened, shop.notice("YEARS00001"), shop.world.now() + 11 * 366 * 86400)
    assert isinstance(got, NotHeard)
    assert "time" in got.why


def test_who_issued_a_certificate_is_looked_at_once_and_its_time_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    shop, looked = Merchant(), list[bool]()
    issued = signing._issued
    monkeypatch.setattr(signing, "_issued", lambda one, by: looked.append(True) or issued(one, by))
    shop.paid("ONCE000001")
    notice, now = shop.notice("ONCE000001"), shop.world.now()
    years = 11 * 366 * 86400
    heard = [isinstance(PARTY.verify(shop.opened, notice, now + off), Heard) for off in (0, 1, years, -years, 2)]
    assert heard == [True, True, False, False, True]
    assert len(looked) == 2, "the leaf by the middle, the middle by the root"


def test_a_root_that_is_no_longer_believed_is_not_believed_at_once(shop: Merchant) -> None:
    shop.paid("ROOTS00001")
    notice, now = shop.notice("ROOTS00001"), shop.world.now()
    assert isinstance(PARTY.verify(shop.opened, notice, now), Heard)
    other = Merchant(middle=shop.settings.middle).settings.sign_certificate
    for field in ("root", "middle"):
        changed = opened(shop.settings.model_copy(update={field: other}))
        assert isinstance(PARTY.verify(changed, notice, now), NotHeard), field
    signer = opened(shop.settings.model_copy(update={"signer": "somebody else"}))
    assert isinstance(PARTY.verify(signer, notice, now), NotHeard)
    carried = replace(shop.opened, roots=())
    assert isinstance(PARTY.verify(carried, notice, now), NotHeard), "nothing found is carried to other roots"


def test_no_more_certificates_are_remembered_than_a_few_and_no_false_one(shop: Merchant) -> None:
    shop.paid("FULL000001")
    now, fields = shop.world.now(), dict(parse_qsl(shop.notice("FULL000001").body.decode()))
    pem = fields["signPubKeyCert"]
    for count in range(50):
        assert not isinstance(signing.signer_of(shop.opened, pem + "\n" * count, now), str)
        assert signing.signer_of(shop.opened, shop.settings.sign_certificate + "\n" * count, now) in (
            "another signer's certificate", "a certificate of another house",
        )  # fmt: skip
    assert len(shop.opened.proven) == 16
    assert all(pem.strip() == one.strip() for one in shop.opened.proven)


@pytest.mark.parametrize("method", ["11", "12"])
def test_key_mode(method: str) -> None:
    shop = Merchant(method)
    at, _ = shop.paid("KEYED00001")
    body = dict(parse_qsl(PARTY.build(shop.outgoing("query", {"orderId": "KEYED00001", "txnTime": at})).body.decode()))
    assert "certId" not in body
    if method == "11":
        secret = hashlib.sha256(shop.settings.secure_key.encode()).hexdigest()
        text = "&".join(f"{k}={body[k]}" for k in sorted(body) if k != "signature")
        assert body["signature"] == hashlib.sha256(f"{text}&{secret}".encode()).hexdigest()
    assert shop.call("query", orderId="KEYED00001", txnTime=at)[1].body["origRespCode"] == "00"
    assert isinstance(PARTY.verify(shop.opened, shop.notice("KEYED00001"), shop.world.now()), Heard)
    wrong = shop.changed("KEYED00001", txnAmt="1")
    assert isinstance(PARTY.verify(shop.opened, wrong, shop.world.now()), NotHeard)
    other = opened(shop.settings.model_copy(update={"secure_key": "k" * 32}))
    assert isinstance(PARTY.verify(other, shop.notice("KEYED00001"), shop.world.now()), NotHeard)


def test_sm3_of_key_mode_is_openssl_s() -> None:
    shop = Merchant("12")
    fields = {"a": "1", "signMethod": "12"}
    secret = openssl("dgst", "-sm3", "-r", data=shop.settings.secure_key.encode()).stdout.split()[0].decode()
    made = openssl("dgst", "-sm3", "-r", data=f"a=1&signMethod=12&{secret}".encode()).stdout.split()[0].decode()
    assert signing.signature(shop.opened, fields) == made


@pytest.mark.parametrize("field", ["sign_certificate", "sign_private_key", "root", "middle", "secure_key"])
def test_a_wrong_key_is_named(shop: Merchant, field: str) -> None:
    values = {**shop.settings.model_dump(), field: ""}
    if field == "secure_key":
        values["sign_method"] = "11"
    with pytest.raises(ValueError, match=field):
        opened(Settings(**values))


def test_a_certificate_of_another_key_is_named(shop: Merchant) -> None:
    other = shop.settings.model_copy(update={"sign_certificate": shop.settings.root})
    with pytest.raises(ValueError, match="sign_certificate"):
        opened(other)


@pytest.mark.parametrize(
    "body", [{"txnAmt": "1&x=2"}, {"reqReserved": "a\nb"}, {"merId": "X"}, {"signature": "x"}, {"txnAmt": 1.5},
             {"txnAmt": True}],
)  # fmt: skip
def test_what_a_map_may_not_write(shop: Merchant, body: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(body))):
        PARTY.build(shop.outgoing("qr", {"orderId": "ORDER00001", **body}))


# The day's file


def day_of(*orders: str, fault: str = "") -> tuple[Merchant, Outcome, Answer]:
    shop = Merchant()
    for no in orders:
        shop.paid(no)
    _, query_id = shop.paid("BACK000001", "900")
    shop.call("refund", orderId="BACK00000R", txnTime=shop.stamp, txnAmt="400", origQryId=query_id)
    if fault:
        shop.sim.faults.add({"op": "file", "fault": fault})
    shop.world.advance(24 * 3600)
    outcome, answer = shop.call("file", txnTime=shop.stamp, settleDate="1122")
    return shop, outcome, answer


def test_the_day_s_file_has_every_transaction() -> None:
    shop, outcome, answer = day_of("FILE000001", "FILE000002")
    assert outcome is OK
    files = answer.body["files"]
    assert sorted(files) == [f"INN26112288{kind}_{shop.settings.mer_id}" for kind in ("ZME", "ZM")]
    rows = day_file.transactions(files[f"INN26112288ZM_{shop.settings.mer_id}"])
    assert [(row.order_id, row.amount, row.txn_type, row.net) for row in rows] == [
        ("FILE000001", 107500, "01", 107500), ("FILE000002", 107500, "01", 107500), ("BACK000001", 900, "01", 900),
        ("BACK00000R", 400, "04", -400),
    ]  # fmt: skip
    assert rows[3].orig_query_id == rows[2].query_id
    assert rows[0].mer_id == shop.settings.mer_id


def test_the_clearing_day_ends_before_midnight() -> None:
    shop = Merchant()
    shop.world.advance(13.2 * 3600)  # 23:12
    shop.paid("NIGHT00001")
    shop.world.advance(12 * 3600)
    one = shop.call("file", txnTime=shop.stamp, settleDate="1122")[1].body["files"]
    assert day_file.transactions(one[f"INN26112288ZM_{shop.settings.mer_id}"]) == []
    assert shop.call("file", txnTime=shop.stamp, settleDate="1123")[1].code == "98"  # not ready
    shop.world.advance(24 * 3600)
    two = shop.call("file", txnTime=shop.stamp, settleDate="1123")[1].body["files"]
    rows = day_file.transactions(two[f"INN26112388ZM_{shop.settings.mer_id}"])
    assert [row.order_id for row in rows] == ["NIGHT00001"]


@pytest.mark.parametrize("fault", ["bill_bomb", "bill_garbage", "bill_none"])
def test_a_file_that_cannot_be_used(fault: str) -> None:
    shop, outcome, answer = day_of("FILE000001", fault=fault)
    if fault == "bill_garbage":
        with pytest.raises(ValueError, match="line 1"):
            day_file.transactions(answer.body["files"][f"INN26112288ZM_{shop.settings.mer_id}"])
    else:
        assert outcome is (UNKNOWN if fault == "bill_bomb" else NO)


@pytest.mark.parametrize("fault", ["bill_missing_row", "bill_extra_row", "bill_wrong_amount"])
def test_a_file_that_differs(fault: str) -> None:
    shop, _, answer = day_of("FILE000001", fault=fault)
    rows = day_file.transactions(answer.body["files"][f"INN26112288ZM_{shop.settings.mer_id}"])
    assert [row.order_id for row in rows] == {
        "bill_missing_row": ["BACK000001", "BACK00000R"],
        "bill_extra_row": ["FILE000001", "BACK000001", "BACK00000R", "STRANGER00000001"],
        "bill_wrong_amount": ["FILE000001", "BACK000001", "BACK00000R"],
    }[fault]  # fmt: skip
    assert rows[0].amount == (107501 if fault == "bill_wrong_amount" else rows[0].amount)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_noise_in_a_file_never_raises_but_by_name(noise: bytes) -> None:
    if noise.strip(b"\r\n"):
        with pytest.raises(ValueError, match=r"^line "):  # nothing so short is a row
            day_file.transactions(noise)
    assert isinstance(day_file.opened(noise.hex()), str)


def test_settings_of_production_by_default() -> None:
    made = Settings(mer_id="777290058110048", back_url=UNIONPAY_NOTIFY)
    assert (made.signer, made.sign_method) == ("中国银联股份有限公司", "01")
