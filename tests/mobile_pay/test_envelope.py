"""The envelope: a vector made by another hand, every habit there and back, and nothing changed believed."""

from __future__ import annotations

import base64
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codecs import json_text
from engine.codecs.gm import sm2, sm3
from engine.core.http import HttpRequest
from engine.parties.contract import Heard, NotHeard
from engine.parties.mobile_pay import envelope, hiding
from engine.parties.mobile_pay.party import PARTY
from engine.parties.mobile_pay.settings import Opened, Settings

# The synthetic vector: all values invented, computed by an independent implementation.
APP_ID, APP_SECRET = "SIM0APPID0000000000000000000TEST", "SIMSECRET0123456789ABCDEFGHIJKLM"
PRIVATE = "EosvqL1DPGwGjI2APf95eSpRmlUXGxtlDCNmHRWJcmM="
PUBLIC = "BNVUjHgly7VhUKNQbNV0ZK+KGuBRnfrzxYIh3IEMryjdkhBzdo/j1ZzlTnmklEXPc/7SMIZTcCcmTRaJRtR5Uz4="
DATA = {
    "userName": "测试甲", "payToken": "", "payOrdId": "ORD370200202611220000001", "orgCodg": "H37020000000",
    "idType": "01", "idNo": "370200199001010012", "expand": {},
}  # fmt: skip
HIDDEN = (
    "0694024C29069F8C3A7748E919F4B4BBF71215A4F5FB0786B7CF0CC894B4D24CC716C719B65B1D2AD8124A7546A86B599C5B44983988FFF2"
    "C340BA9B443D4B2E2E91E01BF3D7BDBB646712618EDFF6354DE81B9A7ED2B89C409774363411D9E0AD53E28C5382609ADCF69B029B4D73B6"
    "2F6D3B493C8567A52D6E948F5388D8249284BC12B14F5E4FF83D44AA829CFBBC"
)
SIGNED = "qpxwUXzldpPErMeW6Hre40M/kUCZORLqCwo5f0cGuNVlPesEiMQJeO65QX2eyebrgvZvUVgDtTdj960a/xyGHw=="
SIGNED_DEFAULT = "M/hAbNLWEd6USfASjlaCpIN5YiQLhbaUu4mjKkPlMJhWQLfmjx2tvwypM3DttNDb+d/rkfpQNJ//i9dsqh8DUw=="
NOW = 1795305600.0
HABITS = [
    dict(zip(("cipher", "iv", "key_pick", "output", "signer", "numbers", "stamp"), row, strict=True))
    for row in product(
        ("ecb", "cbc"), ("zero", "key"), ("first", "even"), ("hex", "base64"), ("secret", "default"),
        ("kept", "text"), ("ms", "text"),
    )
][::5]  # fmt: skip


def platform(**habits: Any) -> Opened:
    """A connection that is its own opposite side: both keys are one pair."""
    given_ = {"org_code": "H37020000000", "app_id": APP_ID, "app_secret": APP_SECRET, "private_key": PRIVATE,
              "platform_key": PUBLIC, **habits}  # fmt: skip
    return PARTY.open(Settings.model_validate(given_))


def vector(signature: str) -> dict[str, str]:
    return {
        "appId": APP_ID, "encType": "SM4", "signType": "SM2", "version": "2.0.1", "timestamp": "1795305600000",
        "encData": HIDDEN, "signData": signature,
    }  # fmt: skip


def test_the_vector() -> None:
    here = platform()
    assert here.private.public == here.platform
    assert here.hidden_by == b"AABA801D5EFB77C4"
    made = envelope.sealed(here, DATA, NOW)
    assert {**made, "signData": ""} == {**vector(""), "signData": ""}
    body = envelope.cleaned(DATA)
    text = envelope.signed_text(here, made, body)
    assert sm3.sm3(text).hex() == "966ea32b94f1b60409b50e7344316aaea5d4b33cd9bfd1793a6c4b61d2b3ea3a"
    assert envelope.data_of(here, vector(SIGNED)) == body
    assert envelope.data_of(platform(signer="default"), vector(SIGNED_DEFAULT)) == body
    for signature in (SIGNED_DEFAULT, ""):
        with pytest.raises(envelope.Distrusted):
            envelope.data_of(here, vector(signature))


@pytest.mark.parametrize("habits", HABITS)
def test_every_habit_there_and_back(habits: dict[str, str]) -> None:
    here = platform(**habits)
    made = envelope.sealed(here, {"b": 1, "a": {"d": None, "c": "中"}, "n": Decimal("2.50")}, NOW)
    one = "1" if habits["numbers"] == "text" else 1
    assert envelope.data_of(here, made) == {
        "a": {"c": "中"}, "b": one, "n": "2.50" if one == "1" else Decimal("2.50")
    }
    assert envelope.fresh(here, made, NOW + 599)


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=6).filter(lambda t: t.isprintable()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcdXYZ"), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_cleaning_is_done_once_and_leaves_nothing_empty(tree: Any) -> None:
    clean = envelope.cleaned(tree)
    assert envelope.cleaned(clean) == clean

    def whole(part: Any) -> bool:
        if isinstance(part, dict):
            return bool(part) and list(part) == sorted(part) and all(whole(value) for value in part.values())
        if isinstance(part, list):
            return bool(part) and all(whole(value) for value in part)
        return part is not None and part != ""

    assert clean is None or whole(clean)


@pytest.mark.parametrize("name", ["appId", "encType", "signType", "version", "timestamp", "encData", "signData"])
def test_no_field_may_change(name: str) -> None:
    here, good = platform(), envelope.sealed(platform(), DATA, NOW)
    value = good[name]
    for at in range(0, len(value), max(1, len(value) // 20)):
        spoiled = {**good, name: value[:at] + ("1" if value[at] != "1" else "2") + value[at + 1 :]}
        with pytest.raises(envelope.Distrusted):
            envelope.data_of(here, spoiled)
    for gone in ({k: v for k, v in good.items() if k != name}, {**good, name: ""}, {**good, name: None}):
        if name == "appId" and name not in gone:
            continue  # a reply may leave it out; then it is not signed either, and the signature does not hold
        with pytest.raises(envelope.Distrusted):
            envelope.data_of(here, gone)
    with pytest.raises(envelope.Distrusted):
        envelope.data_of(here, {**good, "message": "unsigned words"})


def test_bad_padding_and_a_bad_signature_are_one_refusal() -> None:
    here, good = platform(), envelope.sealed(platform(), DATA, NOW)
    said = set()
    for spoiled in (good["encData"][:-2] + "00", good["encData"][:-32], "00" * 16, "zz", good["encData"] + "0"):
        with pytest.raises(envelope.Distrusted) as no:
            envelope.data_of(here, {**good, "encData": spoiled})
        said.add(str(no.value))
    other = base64.b64encode(sm2.sign(sm2.private_key("11" * 32), b"x")).decode()
    with pytest.raises(envelope.Distrusted) as no:
        envelope.data_of(here, {**good, "signData": other})
    assert said | {str(no.value)} == {"bad signature"}


# --- 6302


def notice(here: Opened, now: float = NOW, **more: Any) -> HttpRequest:
    body = envelope.sealed(here, {"medOrgOrd": "S1P1", "payOrdId": "O1", **more}, now)
    return HttpRequest("POST", "/callback/mobile", (), json_text.print_json(body))


def test_a_notice_is_heard_within_its_time() -> None:
    here = platform()
    heard = PARTY.verify(here, notice(here), NOW + 599)
    assert isinstance(heard, Heard)
    assert (heard.kind, heard.number, heard.id, heard.body["payOrdId"]) == ("6302", "S1P1", "O1", "O1")
    assert json_text.parse(heard.accepted.body)["code"] == "0"
    for late in (NOW + 601, NOW - 601):
        got = PARTY.verify(here, notice(here), late)
        assert isinstance(got, NotHeard)
        assert (got.why, got.reply.status) == ("stale", 401)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"x", b'{"timestamp":"9"}', b'{"timestamp":"2026112210000x"}'])
def test_noise_is_no_notice(body: bytes) -> None:
    got = PARTY.verify(platform(), HttpRequest("POST", "/x", (), body), NOW)
    assert isinstance(got, NotHeard)
    assert got.reply.status in (400, 401)


def test_a_notice_signed_by_another_is_refused() -> None:
    other = platform(private_key="11" * 32)
    got = PARTY.verify(platform(), notice(other), NOW)
    assert isinstance(got, NotHeard)
    assert got.why == "bad signature"


# --- the settings


@pytest.mark.parametrize(
    ("field", "value"),
    [("private_key", "zz"), ("platform_key", "AA=="), ("paths", {"6999": "/x"}), ("paths", {"6201": "x"})],
)
def test_a_wrong_setting_is_named_and_a_key_not_repeated(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: ") as no:
        platform(**{field: value})
    assert "zz" not in str(no.value)


def test_secrets_do_not_show() -> None:
    shown = repr(platform())
    assert APP_SECRET not in shown
    assert PRIVATE not in shown
    assert "AABA801D5EFB77C4" not in shown
    assert hiding.key_of(APP_ID, APP_SECRET, "even").isalnum()
