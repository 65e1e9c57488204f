"""The HIS's SOAP door on the wire: envelopes by hand, the string inside, and what is turned away."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from his_caller import BILL
from memory_http import Answer, Desk, open_desk

from simulators.his import HisSim

NS = "http://his.example/services"
PATH = "/services/HisService"
MSG = "f" * 32


@pytest.fixture
def desk() -> Desk:
    return open_desk(HisSim)


def envelope(code: str, text: str, version: str = "1.1") -> tuple[bytes, dict[str, str]]:
    uri = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}[version]
    inner = text.replace("&", "&amp;").replace("<", "&lt;")
    body = (
        f'<e:Envelope xmlns:e="{uri}"><e:Body><n:callService xmlns:n="{NS}"><serviceCode>{code}</serviceCode>'
        f"<param>{inner}</param></n:callService></e:Body></e:Envelope>"
    )
    media = {"1.1": "text/xml", "1.2": "application/soap+xml"}[version]
    return body.encode(), {"Content-Type": f"{media}; charset=utf-8"}


def document(desk: Desk, code: str, params: str, token: str = "") -> str:
    token = token or desk.sim("card.json").json["soap"]["token"]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><request><serviceCode>{code}</serviceCode><token>{token}</token>'
        f"<msgId>{MSG}</msgId><params>{params}</params></request>"
    )


def post(desk: Desk, code: str, text: str, version: str = "1.1") -> Answer:
    body, headers = envelope(code, text, version)
    return desk.ask("POST", PATH, body, headers)


def string_of(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    found = re.search(rb"<result>(.*)</result>", answer.body, re.DOTALL)
    assert found is not None
    return unescape(found[1].decode())


def test_the_description_names_the_address_it_is_asked_at(desk: Desk) -> None:
    answer = desk.ask("GET", f"{PATH}?wsdl")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/xml;charset=utf-8")
    assert re.search(rb'location="http://[^"]+/services/HisService"', answer.body)
    assert desk.ask("GET", PATH).status == 405


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_list_in_xml_names_the_request_it_answers(desk: Desk, version: str) -> None:
    text = document(desk, "QueryToPayList", "<patientId>P0001</patientId>")
    told = string_of(post(desk, "QueryToPayList", text, version))
    assert told.startswith('<?xml version="1.0" encoding="UTF-8"?><response><resultCode>0</resultCode>')
    assert f"<msgId>{MSG}</msgId>" in told
    assert f"<bills><row><billNo>{BILL}</billNo>" in told
    assert "<amount>120000</amount>" in told


def test_the_same_in_json(desk: Desk) -> None:
    token = desk.sim("card.json").json["soap"]["token"]
    asked = {"serviceCode": "QueryToPayList", "token": token, "msgId": MSG, "params": {"patientId": "P0001"}}
    told: dict[str, Any] = json.loads(string_of(post(desk, "QueryToPayList", json.dumps(asked))))
    assert (told["resultCode"], told["msgId"], told["data"]["bills"][0]["billNo"]) == ("0", MSG, BILL)


@pytest.mark.parametrize(("code", "params", "result"), [
    ("QueryToPayDetail", "<patientId>P0001</patientId><billNo>NONE</billNo>", "BILL_NOT_FOUND"),
    ("QueryToPayDetail", "<patientId>P0001</patientId>", "PARAM_INVALID"), ("Dance", "", "OPERATION_UNKNOWN"),
    ("LockBill", f"<billNo>{BILL}</billNo><lockNo>1</lockNo><amount>12.00</amount><expireTime>x</expireTime>",
        "PARAM_INVALID"),
])  # fmt: skip
def test_refusals_are_results_not_faults(desk: Desk, code: str, params: str, result: str) -> None:
    assert f"<resultCode>{result}</resultCode>" in string_of(post(desk, code, document(desk, code, params)))
    assert desk.sim("exchanges").json["exchanges"][-1]["objection"]["rule"] == result


def test_a_wrong_token_executes_nothing(desk: Desk) -> None:
    text = document(desk, "QueryToPayList", "<patientId>P0001</patientId>", token="wrong")
    assert "<resultCode>TOKEN_INVALID</resultCode>" in string_of(post(desk, "QueryToPayList", text))


@pytest.mark.parametrize("text", [
    "", "hello", "{", "<request/>", "<?xml version='1.0' encoding='BIG5'?><request/>",
    '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE a><request/>',
    '<?xml version="1.0" encoding="UTF-8"?><request><serviceCode>LockBill</serviceCode></request>',
])  # fmt: skip
def test_a_string_that_is_no_document(desk: Desk, text: str) -> None:
    assert "<resultCode>PARAM_INVALID</resultCode>" in string_of(post(desk, "QueryToPayList", text)) or (
        '"resultCode":"PARAM_INVALID"' in string_of(post(desk, "QueryToPayList", text)))


def test_what_is_no_call_is_a_fault(desk: Desk) -> None:
    body, headers = envelope("QueryToPayList", "")
    for wrong in (b"", b"<a/>", body.replace(b"callService", b"fly"), body.replace(b"param>", b"input>"), body[:-9]):
        answer = desk.ask("POST", PATH, wrong, headers)
        assert (answer.status, b"Fault>" in answer.body) == (500, True), wrong
    assert b"VersionMismatch" in desk.ask("POST", PATH, b"<a/>", headers).body


def test_habits_of_the_string(desk: Desk) -> None:
    text = document(desk, "QueryCardInfo", "<patientId>P0001</patientId>")
    for name, value in (("soap_charset", "GBK"), ("soap_bytes", "gbk")):
        desk.sim("act", {"act": "set", name: value})
    answer = post(desk, "QueryCardInfo", text)
    assert "测试甲".encode("gbk") in answer.body
    assert b'encoding="UTF-8"' in answer.body[:60], "the envelope still says UTF-8"
    desk.sim("act", {"act": "set", "soap_bytes": "utf8"})
    desk.sim("act", {"act": "set", "soap_rows": "repeat"})
    listed = document(desk, "QueryToPayList", "<patientId>P0001</patientId>")
    assert "<bills><billNo>" in string_of(post(desk, "QueryToPayList", listed))


def test_a_fault_of_the_menu_is_known_by_the_operations_name(desk: Desk) -> None:
    desk.sim("faults", {"op": "query.patient.info", "fault": "fault_after_commit", "times": 1})
    answer = post(desk, "QueryCardInfo", document(desk, "QueryCardInfo", "<patientId>P0001</patientId>"))
    assert (answer.status, b"NullPointerException" in answer.body) == (500, True)
