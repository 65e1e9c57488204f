"""The insurance envelope, the gateways' signatures against published vectors, and what answers count as."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.nhsa import gateways
from engine.parties.nhsa.party import PARTY
from engine.parties.nhsa.settings import Settings

from .judge import outcome_of

NOW = 1795305600.0
NONCE = "0123456789abcdef0123456789abcdef"
MSGID = "H37020000000202611220912450007"


def connection(**more: Any) -> Settings:
    return PARTY.open(
        Settings(
            fixmedins_code="H37020000000", fixmedins_name="模拟口腔医院", mdtrtarea_admvs="370200",
            opter="ZZJ-1F-03", opter_name="自助机", **more,
        )
    )  # fmt: skip


def outgoing(op: str, body: Any, **more: Any) -> Outgoing:
    return Outgoing(op, body, MSGID, connection(**more), {"sign_no": "680001"}, NOW, NONCE)


PERSON = {"insuplc_admdvs": "370200", "input": {"data": {"psn_no": "1"}}}


def headers_of(request: HttpRequest) -> dict[str, str]:
    return dict(request.headers)


def test_published_signatures_come_out() -> None:
    assert gateways.x_ca_signature("SIMSECRET", "1795305600", b'{"infno":"9001"}') == (
        "1795305600:32A14CF134C00F531F6650EA78206509C18DF8A86A5B2C2ACCDE8CB26A75485D"
    )
    assert gateways.tif_signature("SIMTOKEN", "1795305600", NONCE) == (
        "4fa57e643a4390e2b24bb129eeca719947bc186884494fecbfb10ae94936d3af"
    )
    request = PARTY.build(outgoing("5203", PERSON, profile="csb", access_key="SIMAK", secret="SIMSK"))
    assert headers_of(request)["_api_signature"] == "sZzN8A8hU0aNixaprTZlqE5EST8="
    request = PARTY.build(outgoing("5203", PERSON, profile="tif", access_key="A", secret="SIMTOKEN"))
    assert headers_of(request)["x-tif-signature"].startswith("4fa57e64")
    request = PARTY.build(outgoing("5203", PERSON, profile="apikey", secret="K"))
    assert headers_of(request)["apikey"] == "K"


def test_x_ca_signs_the_bytes_that_go_out() -> None:
    request = PARTY.build(outgoing("5203", PERSON, profile="x-ca", secret="S"))
    stamp = headers_of(request)["x-ca-signature"].partition(":")[0]
    assert headers_of(request)["x-ca-signature"] == gateways.x_ca_signature("S", stamp, request.body)
    assert headers_of(request)["x-ca-key"] == "H37020000000"


def test_the_envelope_carries_our_number_the_session_and_the_place() -> None:
    request = PARTY.build(outgoing("2207A", {**PERSON, "dev_no": "K01", "opter_type": "1"}))
    sent = json.loads(request.body)
    assert request.path == "/fsi/api/outpatientSettleService/saveSettletmentA"
    assert (sent["infno"], sent["msgid"], sent["sign_no"]) == ("2207A", MSGID, "680001")
    assert (sent["insuplc_admdvs"], sent["mdtrtarea_admvs"]) == ("370200", "370200")
    assert (sent["opter"], sent["opter_type"], sent["dev_no"]) == ("ZZJ-1F-03", "1", "K01")
    assert sent["inf_time"] == "2026-11-22 08:00:00"
    assert sent["input"] == PERSON["input"]


def test_paths_follow_the_template() -> None:
    assert PARTY.build(outgoing("1101", {"input": {}}, path_template="infno")).path == "/1101"
    assert PARTY.build(outgoing("1101", {"input": {}}, path_template="base", prefix="/gw")).path == "/gw"
    moved = outgoing("5302", PERSON, prefix="/gw", paths={"5302": "/x/y"})
    assert PARTY.build(moved).path == "/gw/x/y"


@pytest.mark.parametrize(
    "body",
    [{"input": {}}, {"insuplc_admdvs": "370200"}, {"insuplc_admdvs": "1", "input": {}, "msgid": "mine"}, []],
)
def test_a_map_cannot_break_the_envelope(body: Any) -> None:
    with pytest.raises(ValueError, match="2207A"):
        PARTY.build(outgoing("2207A", body))


def test_keys_missing_for_a_profile_are_named() -> None:
    with pytest.raises(ValueError, match="secret"):
        connection(profile="x-ca")
    with pytest.raises(ValueError, match="9999"):
        connection(paths={"9999": "/x"})


def answer(op: str, body: object, status: int = 200) -> Answer:
    call = outgoing(op, PERSON)
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return PARTY.read(call, PARTY.build(call), HttpReply(status, (), data))


def judged(op: str, text: str) -> Outcome:
    return outcome_of(PARTY, op, answer(op, {"infcode": -1, "err_msg": text, "output": None}))


SETLINFO = {"setlinfo": {"setl_id": "1", "medfee_sumamt": 1200.10}}


@pytest.mark.parametrize("infcode", [0, "0"])
def test_success_is_zero_as_number_or_text(infcode: object) -> None:
    got = answer("2207A", {"infcode": infcode, "err_msg": None, "warn_msg": "注意", "output": SETLINFO})
    assert outcome_of(PARTY, "2207A", got) is Outcome.ACCEPTED
    assert (str(got.body["setlinfo"]["medfee_sumamt"]), got.text) == ("1200.1", "注意")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200), (b"<html>login</html>", 200), (b"[]", 200), (b'{"output":null}', 200), (b'{"infcode":true}', 200),
        (b'{"infcode":0,"output":null}', 200), (b'{"infcode":0,"output":{"setlinfo":null}}', 200),
        (b'{"infcode":0,"infcode":-1}', 200), (b'{"infcode":-1,"err_msg":"x"}', 502), (b'{"infcode":0', 200),
    ],
)  # fmt: skip
def test_a_settlement_without_a_whole_answer_is_unknown(body: bytes, status: int) -> None:
    assert outcome_of(PARTY, "2207A", answer("2207A", body, status)) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("op", "text", "outcome"),
    [
        ("2207A", "FSI-人员待遇不足", Outcome.REFUSED),
        ("2207A", "FSI-调用子系统超时[模块_1]", Outcome.UNKNOWN),
        ("2207A", "系统异常", Outcome.UNKNOWN),
        ("2207A", "交易处理中", Outcome.UNKNOWN),
        ("2207A", "该就诊已结算", Outcome.UNKNOWN),
        ("2208", "发送方报文ID重复", Outcome.UNKNOWN),
        ("2201", "住院/门诊号[1]已存在有效的挂号信息,不能重复登记", Outcome.UNKNOWN),
        ("2204", "第1行[1]费用明细流水号重复", Outcome.UNKNOWN),
        ("2601", "退费结算标志不为未退费，不能办理冲正交易[模块_4412]", Outcome.ACCEPTED),
        ("2208", "结算已撤销", Outcome.ACCEPTED),
        ("2207A", "结算已撤销", Outcome.REFUSED),
        ("2202", "存在未撤销的费用明细", Outcome.REFUSED),
        ("5203", "超时", Outcome.REFUSED),
    ],
)
def test_words_decide_where_the_platform_has_one_code(op: str, text: str, outcome: Outcome) -> None:
    assert judged(op, text) is outcome


def test_another_infcode_is_unknown() -> None:
    assert outcome_of(PARTY, "2207A", answer("2207A", {"infcode": -2, "err_msg": "x"})) is Outcome.UNKNOWN


def test_a_lost_sign_in_is_told_apart() -> None:
    assert answer("2204", {"infcode": -1, "err_msg": "FSI-签到已失效，请重新签到"}).session_lost
    assert not answer("2204", {"infcode": -1, "err_msg": "FSI-明细重复"}).session_lost
    assert not answer("9001", {"infcode": -1, "err_msg": "未签到"}).session_lost


def test_the_short_error_object_is_a_refusal() -> None:
    body = {"type": "error", "infcode": -1, "err_msg": "FSI-FSI-交易报文不正确：未知交易编号！,异常流水号:1972000001"}
    assert outcome_of(PARTY, "2201", answer("2201", body)) is Outcome.REFUSED
