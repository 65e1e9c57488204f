"""The simulator's own SM2: the published vectors to the bit, and two other implementations as judges."""

from __future__ import annotations

import base64

import gmalg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codecs.gm import sm2 as compiled
from engine.codecs.gm.keys import PublicKey
from simulators.mobile_pay import sm2

from .test_envelope import APP_SECRET, PRIVATE, SIGNED, SIGNED_DEFAULT, envelope, platform

D = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
K = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21


def test_the_vector_of_the_standard() -> None:
    signed = sm2.sign(D, b"message digest", b"1234567812345678", K)
    assert signed.hex().upper() == (
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
        "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
    )


def test_the_vector_of_the_envelope() -> None:
    here = platform()
    fields = {
        "appId": here.plain.app_id, "encType": "SM4", "signType": "SM2", "version": "2.0.1",
        "timestamp": "1795305600000",
    }  # fmt: skip
    data = {
        "idNo": "370200199001010012", "idType": "01", "orgCodg": "H37020000000",
        "payOrdId": "ORD370200202611220000001", "userName": "测试甲",
    }  # fmt: skip
    text = envelope.signed_text(here, fields, data)
    k = 0x6CB28D99385C175C94F94E934817663FC176D925DD72B727260DBAAE1FB2F96F
    for signer, wanted in ((APP_SECRET.encode(), SIGNED), (b"1234567812345678", SIGNED_DEFAULT)):
        assert base64.b64encode(sm2.sign(base64.b64decode(PRIVATE), text, signer, k)).decode() == wanted


@settings(max_examples=25, deadline=None)
@given(text=st.binary(max_size=80), signer=st.binary(min_size=1, max_size=20), number=st.integers(1, sm2.N - 2))
def test_three_implementations_agree(text: bytes, signer: bytes, number: int) -> None:
    d = number.to_bytes(32, "big")
    point = sm2.public(d)
    signed = sm2.sign(d, text, signer)
    assert compiled.private_key(d.hex()).public.point == point
    assert compiled.verify(PublicKey(point), text, signed, signer)
    assert gmalg.SM2(uid=signer, pk=b"\x04" + point).verify(text, signed[:32], signed[32:])
    assert sm2.good(point, text, signer, compiled.sign(compiled.private_key(d.hex()), text, signer))


@pytest.mark.parametrize("at", range(0, 64, 3))
def test_a_changed_signature_is_none(at: int) -> None:
    point, signed = sm2.public(D), sm2.sign(D, b"x", b"u")
    assert sm2.good(point, b"x", b"u", signed)
    assert not sm2.good(point, b"x", b"u", signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :])


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\xff" * 64, b"\1" * 63])
def test_noise_is_no_signature(signature: bytes) -> None:
    assert not sm2.good(sm2.public(D), b"x", b"u", signature)
