"""The gate, the envelope, the sign-in and the repeat of a msgid, judged on the bytes that come back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from insurance_hospital import PEOPLE, START, Hospital, tif_headers

from simulators.insurance.gateway import csb_signature, tif_signature, xca_signature
from simulators.insurance.paths import PATHS

VECTOR_TIME = 1795305600
TIF_VECTOR = "4fa57e643a4390e2b24bb129eeca719947bc186884494fecbfb10ae94936d3af"
XCA_VECTOR = "1795305600:32A14CF134C00F531F6650EA78206509C18DF8A86A5B2C2ACCDE8CB26A75485D"
CSB_VECTOR = "sZzN8A8hU0aNixaprTZlqE5EST8="
CSB = {
    "_api_name": "hssServives", "_api_version": "1.0.0", "_api_access_key": "SIMAK",
    "_api_timestamp": "1795305600000",
}
SIGN_IN = {"signIn": {"opter_no": "K01", "mac": "00-00-00-00-00-01", "ip": "127.0.0.1"}}
PERSON = {"data": {"mdtrt_cert_type": "02", "mdtrt_cert_no": PEOPLE["P0001"].id_no, "psn_cert_type": "01"}}


@pytest.fixture
def hospital() -> Hospital:
    made = Hospital()
    made.sign_in()
    return made


def knock(hospital: Hospital, headers: dict[str, str], body: bytes = b'{"infno":"9001"}') -> tuple[int, dict[str, Any]]:
    status, content = hospital.post(PATHS["9001"][0], body, headers)
    return status, json.loads(content)


def test_signature_vectors() -> None:
    assert tif_signature(str(VECTOR_TIME), "SIMTOKEN", "0123456789abcdef0123456789abcdef") == TIF_VECTOR
    assert xca_signature(str(VECTOR_TIME), "SIMSECRET", b'{"infno":"9001"}') == XCA_VECTOR
    assert csb_signature(CSB, "SIMSK") == CSB_VECTOR


def test_tif_is_the_default_and_lets_a_signed_call_pass() -> None:
    hospital = Hospital("tif")
    assert hospital.control("/sim/card.json")["profile"] == "tif"
    body = json.dumps(hospital.message("9001", SIGN_IN, sign_no=None)).encode()
    status, answer = knock(hospital, tif_headers(START, "n1"), body)
    assert (status, answer["infcode"]) == (200, 0)
    status, answer = knock(hospital, {k.replace("tif", "rio"): v for k, v in tif_headers(START, "n2").items()}, body)
    assert status == 200


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing"),
        (tif_headers(START - 181, "a"), "timestamp"),
        (tif_headers(START + 181, "a"), "timestamp"),
        (tif_headers(START, "a", token="WRONG"), "signature"),
        (tif_headers(START, "a", paasid="WRONG"), "paasid"),
        ({**tif_headers(START, "a"), "x-tif-timestamp": "soon"}, "timestamp"),
    ],
)
def test_tif_turns_away(headers: dict[str, str], reason: str) -> None:
    status, answer = knock(Hospital("tif"), headers)
    assert status == 401
    assert reason in answer["errmsg"]
    assert "infcode" not in answer


def test_tif_remembers_a_nonce_for_ten_minutes() -> None:
    hospital = Hospital("tif")
    assert knock(hospital, tif_headers(START, "same"))[0] == 200
    hospital.clock.advance(599)
    assert knock(hospital, tif_headers(START + 599, "same")) == (401, {"errcode": 401, "errmsg": "nonce already used"})
    hospital.clock.advance(2)
    assert knock(hospital, tif_headers(START + 601, "same"))[0] == 200


def test_xca_csb_and_apikey_gates() -> None:
    hospital = Hospital("x-ca", start=float(VECTOR_TIME))
    good = {"x-ca-key": "H37020000000", "x-ca-signature": XCA_VECTOR}
    assert knock(hospital, good)[0] == 200
    assert knock(hospital, good, b'{"infno":"9002"}')[0] == 401  # the body is signed
    assert knock(hospital, {**good, "x-ca-key": "H1"})[0] == 401
    hospital.clock.advance(200)
    assert knock(hospital, good)[0] == 401
    hospital = Hospital("csb", start=float(VECTOR_TIME))
    good = {**CSB, "_api_signature": CSB_VECTOR}
    assert knock(hospital, good)[0] == 200
    assert knock(hospital, {**good, "_api_version": "1.0.1"})[0] == 401
    assert knock(hospital, {**good, "_api_signature": CSB_VECTOR.lower()})[0] == 401
    seconds = {**CSB, "_api_timestamp": str(VECTOR_TIME)}
    assert knock(hospital, {**seconds, "_api_signature": csb_signature(seconds, "SIMSK")})[0] == 200
    hospital = Hospital("apikey")
    assert knock(hospital, {"apikey": "SIMAPIKEY"})[0] == 200
    assert knock(hospital, {"apikey": "SIMAPIKEYX"})[0] == 401


def short_error(hospital: Hospital, path: str, body: bytes) -> str:
    """The answer must be the short error object; its text."""
    status, content = hospital.post(path, body)
    answer = json.loads(content)
    assert status == 200
    assert answer.keys() == {"type", "infcode", "err_msg"}
    assert (answer["type"], answer["infcode"]) == ("error", -1)
    assert answer["err_msg"].startswith("FSI-FSI-交易报文不正确：")
    assert ",异常流水号:1972000" in answer["err_msg"]
    return str(answer["err_msg"])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"msgid": None}, "msgid不能为空"), ({"msgid": "H370200000002026112209"}, "msgid格式"),
        ({"msgid": "H99999999999202611220912450001"}, "msgid与"), ({"infver": "V2.0"}, "接口版本号"),
        ({"infver": None}, "infver不能为空"), ({"recer_sys_code": "XX"}, "接收方"), ({"opter_type": "9"}, "经办人"),
        ({"opter": "x" * 31}, "opter超过长度限制30"), ({"inf_time": "2026-11-22T09:00:00"}, "inf_time"),
        ({"inf_time": "2026-11-22"}, "inf_time"), ({"mdtrtarea_admvs": "110000"}, "就医地"),
        ({"mdtrtarea_admvs": None, "mdtrtarea_admdvs": "370200"}, "mdtrtarea_admvs不能为空"),
        ({"fixmedins_code": "H99999999999"}, "机构编号"), ({"fixmedins_name": "别的医院"}, "机构名称"),
        ({"input": None}, "input"), ({"input": []}, "input"), ({"dev_no": "x" * 101}, "dev_no"),
        ({"opter": {"a": 1}}, "opter类型"),
    ],
)
def test_envelope_faults_get_the_short_error(hospital: Hospital, change: dict[str, Any], text: str) -> None:
    body = json.dumps(hospital.message("1101", PERSON, **change)).encode()
    assert text in short_error(hospital, PATHS["1101"][0], body)


def test_insured_place_is_required_with_a_psn_no_and_must_be_the_persons(hospital: Hospital) -> None:
    given = {"data": {"psn_no": PEOPLE["P0001"].psn_no}}
    wrong_name = hospital.message("5302", given, insuplc_admdvs=None, insuplc_admvs="370200")
    assert "insuplc_admdvs不能为空" in short_error(hospital, PATHS["5302"][0], json.dumps(wrong_name).encode())
    assert "参保地" in hospital.no("5302", given, insuplc_admdvs="110000")
    assert hospital.ok("1101", PERSON, insuplc_admdvs=None)  # no psn_no yet: the place is learnt here


def test_unknown_code_wrong_path_and_no_json(hospital: Hospital) -> None:
    good = json.dumps(hospital.message("1101", PERSON)).encode()
    assert "未知交易编号" in short_error(hospital, PATHS["5302"][0], good)
    assert "未知交易编号" in short_error(hospital, "/1101", good)
    assert "未知交易编号" in short_error(hospital, "/", json.dumps(hospital.message("7777", PERSON)).encode())
    for body in (b"", b"{", b"[]", b"\xff\xfe", "{\"infno\":\"测\"}".encode("gbk"), b'{"infno":NaN}', b"[" * 100_000):
        assert "报文格式" in short_error(hospital, PATHS["1101"][0], body)
    assert hospital.http("GET", PATHS["1101"][0]).startswith(b"HTTP/1.1 405")


def test_other_address_templates(hospital: Hospital) -> None:
    hospital.act("set", path_template="infno")
    assert hospital.send(hospital.message("1101", PERSON), "/1101")["infcode"] == 0
    hospital.act("set", path_template="base")
    assert hospital.send(hospital.message("1101", PERSON), "/")["infcode"] == 0


def test_2207a_is_taken_at_both_published_paths(hospital: Hospital) -> None:
    for path in ("saveSettletment", "saveSettletmentA"):
        answer = hospital.send(hospital.message("2207A", {"data": {}}), f"/fsi/api/outpatientSettleService/{path}")
        assert "psn_no不能为空" in answer["err_msg"]


def test_success_answer_is_complete(hospital: Hospital) -> None:
    answer = hospital.call("1101", PERSON)
    assert answer.keys() == {
        "output", "infcode", "warn_msg", "cainfo", "err_msg", "refmsg_time", "signtype", "respond_time",
        "inf_refmsgid", "enctype",
    }
    assert answer["inf_refmsgid"].startswith("37020020261122091245")
    assert len(answer["inf_refmsgid"]) == 30
    assert answer["refmsg_time"] == "20261122091245000"
    hospital.act("set", infcode_as="text")
    assert hospital.call("1101", PERSON)["infcode"] == "0"
    assert hospital.call("1101", {"data": {}})["infcode"] == "-1"


def test_nothing_goes_without_a_live_sign_in() -> None:
    hospital = Hospital()
    assert "操作员未签到或签到已过期,请重新签到" in hospital.no("1101", PERSON)
    number = hospital.sign_in()
    assert hospital.sign_in() == number  # the same day, the same number
    assert hospital.ok("1101", PERSON)
    assert "签到" in hospital.no("1101", PERSON, opter="K02")  # another operator's
    out = {"signOut": {"sign_no": number, "opter_no": "K01"}}
    assert hospital.ok("9002", out)["signoutoutb"]["sign_time"] == "2026-11-22 09:12:45"
    assert "签到" in hospital.no("1101", PERSON)
    assert "签到编号" in hospital.no("9002", out)
    assert hospital.sign_in() != number
    hospital.act("expire_signin")
    assert "签到" in hospital.no("1101", PERSON)


def test_sign_in_dies_at_beijing_midnight(hospital: Hospital) -> None:
    hospital.clock.advance((23 - 9) * 3600 + (59 - 12) * 60 + 14)  # 23:59:59
    assert hospital.ok("1101", PERSON)
    hospital.clock.advance(1)
    assert "签到已过期" in hospital.no("1101", PERSON)
    hospital.sign_in()
    assert hospital.ok("1101", PERSON)


def test_second_sign_in_may_replace_the_first(hospital: Hospital) -> None:
    hospital.act("set", second_signin="replace")
    old = hospital.sign_no
    assert hospital.sign_in() != old
    assert "签到" in hospital.no("1101", PERSON, sign_no=old)


def test_a_repeated_msgid_changes_nothing_and_gets_the_stored_answer(hospital: Hospital) -> None:
    message = hospital.message("2201", hospital.data_2201("P0001", "MZ1"))
    first = hospital.send(message)
    hospital.clock.advance(30)
    again = hospital.send({**message, "inf_time": hospital.world.stamp()})
    assert again == first
    assert len(hospital.rows("register")) == 1
    other = hospital.send({**message, "input": hospital.data_2201("P0001", "MZ2")})
    assert other["infcode"] == -1
    assert "发送方报文ID重复" in other["err_msg"]
    assert len(hospital.rows("register")) == 1


def test_a_refusal_is_stored_too_but_a_lost_session_is_not(hospital: Hospital) -> None:
    message = hospital.message("2201", hospital.data_2201("P0003", "MZ1", insutype="390"))
    assert hospital.send(message)["infcode"] == -1
    assert hospital.send(message)["err_msg"] == hospital.send(message)["err_msg"]
    hospital.act("expire_signin")
    message = hospital.message("2201", hospital.data_2201("P0003", "MZ1"))
    assert "签到" in hospital.send(message)["err_msg"]
    message["sign_no"] = hospital.sign_in()
    assert hospital.send(message)["infcode"] == 0


def test_an_inquiry_may_be_repeated_and_looks_again(hospital: Hospital) -> None:
    message = hospital.message("5302", {"data": {"psn_no": PEOPLE["P0003"].psn_no, "biz_appy_type": "07"}})
    assert hospital.send(message)["output"] == {"psnfixmedin": []}
    hospital.act("sign_community", person="P0003")
    found = hospital.send(message)["output"]["psnfixmedin"]
    assert [(d["fixmedins_code"], d["begndate"]) for d in found] == [("H37020000099", "2026-11-22")]


def test_settings_are_checked_and_all_or_nothing(hospital: Hospital) -> None:
    answer = hospital.control("/sim/act", {"act": "set", "max_rows": 3, "refund_order": "sometimes"})
    assert "refund_order" in answer["error"]
    assert hospital.control("/sim/card.json")["settings"]["max_rows"] == 100
    for wrong in ({"nonsense": 1}, {"max_rows": "3"}, {"profile": "magic"}):
        assert "error" in hospital.control("/sim/act", {"act": "set", **wrong})
    hospital.act("set", infver=["V1.0", "1.0"], tif_token="OTHER")
    card = hospital.control("/sim/card.json")
    assert card["secrets"]["tif_token"] == "OTHER"
    assert hospital.ok("1101", PERSON, infver="1.0")


def test_unknown_envelope_fields_may_be_refused(hospital: Hospital) -> None:
    odd = {"insuplc_admvs": "370200", "enc_type": ""}  # a misspelling, and an extra of another province
    assert hospital.ok("1101", PERSON, **odd)
    hospital.act("set", unknown_fields="refuse")
    text = short_error(hospital, PATHS["1101"][0], json.dumps(hospital.message("1101", PERSON, **odd)).encode())
    assert "未定义的字段insuplc_admvs！" in text


@pytest.mark.parametrize(
    "act",
    [
        {}, {"act": "dance"}, {"act": "sign_community", "person": "P9"}, {"act": "sign_community", "person": []},
        {"act": "sign_community", "person": "P0003", "from": "today"}, {"act": "set", "__class__": "x"},
        {"act": "set_counter", "person": "P0001", "fund_used": -1}, {"act": "change_policy", "ratio_bp": 10001},
        {"act": "change_policy", "tier": "fourth"}, {"act": "change_item", "code": "K9"},
        {"act": "change_item", "code": "K0001", "level": "04"}, {"act": "sign_community", "person": "P0005"},
        {"act": "set", "profile": ["tif"]}, {"act": "set", "infver": [1]},
    ],
)
def test_impossible_acts_are_told_and_do_nothing(hospital: Hospital, act: dict[str, Any]) -> None:
    before = hospital.control("/sim/card.json")
    raw = hospital.http("POST", "/sim/act", json.dumps(act).encode())
    assert raw.split(b" ", 2)[1] in (b"400", b"409")
    assert hospital.control("/sim/card.json") == before


def test_the_card_is_enough_for_an_outside_client(hospital: Hospital) -> None:
    card = hospital.control("/sim/card.json")
    assert card["base_url"] == "http://bureau"
    assert card["paths"].keys() == card["transactions"].keys()
    assert card["paths"]["2208"].endswith("/cancleSettletment")
    assert {"fixmedins_code", "fixmedins_name", "mdtrtarea_admvs", "infver", "recer_sys_code"} <= card.keys()
    assert card["persons"][0]["card_sn"] == "SIMSN0001"
    assert card["policy"][0]["terms"]["tertiary"] == {"ratio_bp": 5000, "deductible": 80000, "limit": 170000}


def test_reset_forgets_business_and_keeps_the_gate(hospital: Hospital) -> None:
    hospital.settled("P0001", "MZ1", "visit1")
    hospital.act("set", refund_order="lifo")
    hospital.control("/sim/reset", {})
    card = hospital.control("/sim/card.json")
    assert (card["profile"], card["settings"]["refund_order"]) == ("none", "any")
    assert hospital.rows() == []
    hospital.sign_in()
    assert hospital.sums("P0001") == (0, 0)
