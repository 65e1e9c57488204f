"""What of a party's bytes can be seen."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.masking.bodies import show_exchange
from engine.masking.values import Masker

ID, PHONE, CARD = "37020219800312011X", "13800138000", "6222020000000000123"


def shown(body: bytes | str, kind: str = "application/json", head: str = "POST /x") -> str:
    data = body.encode() if isinstance(body, str) else body
    request, _, _ = show_exchange(f"{head}\r\nContent-Type: {kind}\r\n\r\n".encode() + data, None)
    assert request is not None
    return "\n".join([request.head, *(f"{a}: {b}" for a, b in request.headers), request.text])


def test_numbers_are_shown_as_written() -> None:
    text = shown('{"a": 1.50, "b": 900000000000, "c": 1e3, "d": true, "e": null, "f": []}')
    assert '"a": 1.50' in text
    assert '"b": 900000000000' in text
    assert '"e": null' in text
    assert '"c": 1e3' in text


def test_key_given_twice_is_shown_twice() -> None:
    assert shown('{"amount": 1, "amount": 2}').count('"amount"') == 2


def test_value_learnt_in_one_side_is_covered_in_the_other() -> None:
    request, reply, count = show_exchange(
        'POST /x\r\n\r\n{"psn_name": "欧阳测试"}'.encode(), '200\r\n\r\n{"err_msg": "欧阳测试不在参保地"}'.encode()
    )
    assert request is not None
    assert reply is not None
    assert '"err_msg": "欧*不在参保地"' in reply.text
    assert count == 2


def test_a_bare_name_is_a_persons_only_beside_a_person() -> None:
    assert '"name": "测*"' in shown('{"name": "测试甲", "id_no": "1"}')
    assert '"name": "根管治疗"' in shown('{"name": "根管治疗", "code": "K0001"}')


@pytest.mark.parametrize("key", ["remark", "message", "x"])
def test_shapes_are_covered_under_any_key(key: str) -> None:
    text = shown(json.dumps({key: f"证件{ID} 电话{PHONE} 卡{CARD}"}))
    assert "370***********011X" in text
    assert "138****8000" in text
    assert "****0123" in text


def test_numbers_of_settlements_stay_whole() -> None:
    text = shown(
        '{"setl_id": "610000000000456789", "mdtrt_id": "6100000012345678", "out_trade_no": "2026112200000001"}'
    )
    assert "610000000000456789" in text
    assert "6100000012345678" in text
    assert "2026112200000001" in text


def test_json_inside_a_text_and_base64_are_opened_and_covered() -> None:
    inner = json.dumps({"patientName": "测试甲", "amount": 1}, ensure_ascii=False)
    text = shown(json.dumps({"payload": inner, "data": base64.b64encode(inner.encode()).decode()}))
    assert "测试甲" not in text
    assert text.count('"patientName": "测*"') == 2
    cipher = base64.b64encode(bytes(range(256))).decode()
    assert cipher not in shown(json.dumps({"blob": cipher}))


def test_moments_and_hexadecimal_numbers_stay_readable() -> None:
    text = shown(
        '{"time": "20261122133410000", "order": "4200017620261122000000000011", "noise": "NOISE"}'.replace(
            "NOISE", "0f" * 16
        )
    )
    assert "20261122133410000" in text
    assert "4200017620261122000000000011" in text
    assert "0f" * 16 in text


def test_headers_and_query() -> None:
    request, _, _ = show_exchange(
        b"GET /v3/x?phone=13800138000&mchid=1900000001 \r\nAuthorization: WECHATPAY2-SHA256-RSA2048 mchid=1\r\n"
        b"X-Signature: abcdef\r\nRequest-Id: 08F\r\n\r\n", None,
    )  # fmt: skip
    assert request is not None
    assert "138****8000" in request.head
    assert "mchid=1900000001" in request.head
    assert dict(request.headers)["Authorization"] == "WECHATPAY2-SHA256-RSA2048 ****"
    assert dict(request.headers)["X-Signature"] == "****"
    assert dict(request.headers)["Request-Id"] == "08F"


@pytest.mark.parametrize(
    "body",
    [
        '{"psn_name": "测试甲", "certno": "ID_NO", "auth_code": "134520019283746512", "amount": 12'.replace(
            "ID_NO", ID
        ),  # cut off
        "psn_name=测试甲&certno=ID_NO&auth_code=134520019283746512&amount=12".replace("ID_NO", ID),
        "<html><p>psn_name: 测试甲, certno: ID_NO, auth_code: 134520019283746512, amount: 12</p>".replace("ID_NO", ID),
        "<xml><psn_name>测试甲</psn_name><certno>ID_NO</certno><auth_code>134520019283746512</auth_code><amount>12".replace(
            "ID_NO", ID
        ),
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><psn_name>测试甲</psn_name><certno>ID_NO</certno>'
        "<auth_code>134520019283746512</auth_code><amount>12</amount>&e;</xml>".replace("ID_NO", ID),
    ],
)
def test_what_cannot_be_read_is_covered_all_the_same(body: str) -> None:
    text = shown(body, "text/plain")
    assert "测试甲" not in text
    assert ID not in text
    assert "134520019283746512" not in text
    assert "12" in text
    assert "root:" not in text


def test_form_is_read_by_its_kind() -> None:
    text = shown("payerName=%E6%B5%8B%E8%AF%95%E7%94%B2&amount=12", "application/x-www-form-urlencoded")
    assert '"payerName": "测*"' in text
    assert '"amount": "12"' in text


def test_persons_segments_of_hl7_are_not_shown() -> None:
    message = f"MSH|^~\\&|HIS|A|B|C|20261122||ADT^A01|1|P|2.4\rPID|1||P0001||测试^甲||19800312|M|||{PHONE}\rPV1|1|O"
    text = shown(message, "text/plain")
    assert "MSH|^~\\&|HIS" in text
    assert "测试" not in text
    assert "19800312" not in text
    assert "PV1|1|O" in text


def test_gb18030_and_binary() -> None:
    assert "拒绝" in shown('{"msg": "拒绝"}'.encode("gb18030"))
    assert "00 ff 10" in shown(b"\x00\xff\x10")


def test_long_bodies_are_cut() -> None:
    request, _, _ = show_exchange(b"POST /x\r\n\r\n" + json.dumps({"x": "长" * 300_000}).encode(), None)
    assert request is not None
    assert request.cut
    assert len(request.text) == 200_000


def test_deep_and_strange_bodies_never_fail() -> None:
    assert shown("[" * 5000 + "]" * 5000) is not None
    assert shown('{"a":' * 60 + "1" + "}" * 60) is not None
    assert shown("9" * 6000) is not None
    assert shown('{"a": ' + "9" * 6000 + "}") is not None


@given(st.binary(max_size=300), st.sampled_from(["application/json", "text/xml", "application/x-www-form-urlencoded"]))
def test_any_bytes_can_be_shown(body: bytes, kind: str) -> None:
    shown(body, kind)


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), min_size=2, max_size=12))
def test_a_named_value_never_shows(name: str) -> None:
    text = shown(json.dumps({"psn_name": name, "note": "ok"}))
    assert f'"psn_name": {json.dumps(name[0] + "*", ensure_ascii=False)},' in text


def test_a_number_of_ours_is_shown_and_no_other_that_looks_like_a_card() -> None:
    """A message's own number has sixteen digits, and was covered wherever it was sent on."""
    ours, card = "7354182144143360", "6217000012340001"

    def shown(**fields: str) -> dict[str, str]:
        found, _, _ = show_exchange(json.dumps(fields).encode(), None, Masker(ours))
        assert found is not None
        told: dict[str, str] = json.loads(found.text)
        return told

    other = f"{ours}-1 {card} 1{ours}"
    assert shown(no=ours, other=other) == {"no": ours, "other": f"{ours}-1 ****0001 ****3360"}
    named = shown(no=ours, cardNo=ours)
    assert named == {"no": "****3360", "cardNo": "****3360"}, "under a person's key it may be a person's"
