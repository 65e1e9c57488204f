"""What `engine show --bytes` may show of a person: nothing that names one."""

from __future__ import annotations

import base64
import json

import pytest

from engine.masking.bodies import as_text, show_exchange
from engine.masking.values import Masker
from simulators.town import PERSONS

PERSON = PERSONS[0]


def masked_bytes(data: bytes) -> str:
    return as_text(show_exchange(data, None)[0]) or ""


@pytest.mark.parametrize("text", [
    f'{{"psn_name":"{PERSON.name}","certno":"{PERSON.id_no}","tel":"{PERSON.phone}"}}',
    f'{{"patientName": "{PERSON.name}", "idNo": "{PERSON.id_no}", "phone": "{PERSON.phone}"}}',
    f"<xml><auth_code><![CDATA[134567890123456789]]></auth_code><openid>{PERSON.id_no}</openid></xml>",
    f"身份证{PERSON.id_no}，电话{PERSON.phone}",
    f'{{"mdtrt_cert_no":"{PERSON.card_no}","card_sn":"{PERSON.card_sn}"}}',
])  # fmt: skip
def test_nothing_of_the_person_is_left(text: str) -> None:
    shown = masked_bytes(text.encode()) + Masker().loose(text)
    for secret in (PERSON.name, PERSON.id_no, PERSON.phone, PERSON.card_sn, PERSON.card_no, "134567890123456789"):
        assert secret not in shown


def test_base64_is_opened_before_it_is_masked() -> None:
    inner = json.dumps({"payer": PERSON.name, "cardNo": PERSON.card_no, "total": 1}, ensure_ascii=False)
    packed = json.dumps({"data": base64.b64encode(inner.encode()).decode(), "noise": "n"})
    shown = masked_bytes(packed.encode())
    assert PERSON.name not in shown
    assert PERSON.card_no not in shown
    assert base64.b64encode(inner.encode()).decode() not in shown
    assert '"total": 1' in shown


def test_signatures_and_tokens_of_headers_are_gone_and_business_stays() -> None:
    text = "POST /x\r\nAuthorization: WECHATPAY2 secret\r\nx-tif-signature: abc\r\n\r\n{\"out_trade_no\":\"S1P1\"}"
    shown = masked_bytes(text.encode())
    assert "secret" not in shown
    assert "abc" not in shown
    assert "S1P1" in shown
