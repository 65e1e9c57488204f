"""The subscribers as a sender meets them: JSON, XML and HL7 in, one receipt for each message, repeats counted."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hl7_wire import MSH, Caller, block, blocks, msa
from memory_http import Answer, Desk, open_desk

from simulators.base.faults import BREAKS, CALLBACKS
from simulators.subscribers import SubscribersSim

XML = {"Content-Type": "application/xml;charset=utf-8"}


@pytest.fixture
def desk() -> Desk:
    return open_desk(SubscribersSim)


def post(desk: Desk, path: str = "/emr/messages", headers: dict[str, str] | None = None, **fields: Any) -> Answer:
    return desk.ask("POST", path, json.dumps(fields, ensure_ascii=False).encode(), headers)


def post_xml(desk: Desk, text: str, codec: str = "utf-8") -> Answer:
    return desk.ask("POST", "/platform/messages", text.encode(codec), XML)


def adt(number: str = "M1", to: str = "LIS", name: str = "張億", charset: str = "GBK") -> bytes:
    head = MSH.format(to=to, event="ADT^A08", number=number, version="2.4", charset=charset)
    text = head + f"EVN|A08|2026\rPID|1|P0001|P0001||{name}\rPV1|1|I" + "|" * 17 + "V1\r"
    return text.encode("gb18030" if charset.startswith("GB") else "utf-8")


def states(desk: Desk) -> list[tuple[str, str, str]]:
    return [(row["no"], row["party_no"], row["state"]) for row in desk.rows()]


def test_a_json_message_is_booked_with_its_number_patient_and_visit(desk: Desk) -> None:
    patient = {"patient_id": "P0001", "name": "測億"}
    answer = post(desk, message_no="N1", event="ADT^A01", patient=patient, visit_no="V1")
    assert (answer.status, answer.json) == (200, {"code": "0", "message": "成功", "receipt": "emr-000001"})
    row = desk.rows()[0]
    assert {name: row[name] for name in ("kind", "no", "party_no", "state", "ref", "bill")} == {
        "kind": "message", "no": "N1", "party_no": "emr-000001", "state": "done", "ref": "P0001", "bill": "V1",
    }  # fmt: skip


def test_an_xml_message_is_answered_in_xml(desk: Desk) -> None:
    text = '<?xml version="1.0"?><e:event xmlns:e="urn:x" number="N1"><patient_id>P0002</patient_id></e:event>'
    answer = post_xml(desk, text)
    assert answer.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        "<response><code>0</code><message>成功</message><receipt>platform-000001</receipt></response>"
    )
    assert answer.headers["content-type"].startswith("application/xml")
    assert desk.rows()[0]["ref"] == "P0002"
    declared = '<?xml version="1.0" encoding="GB18030"?><event><no>N2</no><visit>億區</visit></event>'
    assert post_xml(desk, declared, "gb18030").status == 200
    assert desk.rows()[1]["bill"] == "億區"


def test_repeats_are_counted_for_each_subscriber_and_get_the_same_receipt(desk: Desk) -> None:
    first = post(desk, message_no="N1", x=1)
    again = post(desk, message_no="N1", x=1)
    assert (again.status, again.json["receipt"]) == (200, first.json["receipt"])
    other = post(desk, message_no="N1", x=2)
    assert (other.status, other.json["code"]) == (422, "1003")
    assert post(desk, "/platform/in", message_no="N1", x=2).status == 200
    assert states(desk) == [
        ("N1", "emr-000001", "done"), ("N1", "emr-000001", "duplicate"), ("N1", "emr-000001", "conflict"),
        ("N1", "platform-000001", "done"),
    ]  # fmt: skip
    counts = desk.sim("act", {"act": "counts"}).json
    assert counts["emr"] == {"messages": 1, "duplicates": 1, "conflicts": 1, "events": {"": 1}}


def test_the_number_is_found_where_it_is(desk: Desk) -> None:
    post(desk, headers={"X-Message-No": "H1"}, message_no="N1")
    post(desk, data=[{"head": {"control_id": "N2"}}])
    post(desk, uuid="N3")
    assert desk.sim("act", {"act": "set", "names": {"number": ["uuid"]}}).status == 200
    post(desk, uuid="N4", message_no="no more")
    assert [row["no"] for row in desk.rows()] == ["H1", "N2", "", "N4"]


def test_inside_another_name(desk: Desk) -> None:
    post(desk, message_no="1", patient={"id": "P1"}, visits=[{"visit": {"no": "V1"}}])
    post_xml(desk, "<event no='2'><patient><id>P2</id></patient><visit><no>V2</no></visit></event>")
    assert [(row["no"], row["ref"], row["bill"]) for row in desk.rows()] == [("1", "P1", "V1"), ("2", "P2", "V2")]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff", b"<a>", b"<!DOCTYPE a><a/>", b"<a>\xff</a>"])
def test_what_is_no_message_is_refused(desk: Desk, body: bytes) -> None:
    assert desk.ask("POST", "/emr/messages", body).status == 400
    assert desk.rows() == []


def test_a_lost_character_is_refused_wherever_it_stands(desk: Desk) -> None:
    assert post(desk, message_no="N1", name="张\ufffd").status == 422
    assert desk.ask("POST", "/emr/x", b'{"message_no": "N1", "name": "\\ufffd"}').status == 422
    assert post_xml(desk, "<a><no>1</no><n>&#xFFFD;</n></a>").status == 422
    assert msa(Caller(desk)(adt(name="\ufffd", charset="UTF-8")))[0] == "AE"
    assert desk.rows() == []


def test_signatures(desk: Desk) -> None:
    secret = desk.sim("card.json").json["secret"]
    sign = hmac.new(secret.encode(), b'N1\n{"x": 1}', hashlib.sha256).hexdigest()
    good = {"X-Message-No": "N1", "X-Signature": sign}
    assert post(desk, headers=good, x=2).status == 401
    assert post(desk, x=1).status == 200, "not demanded"
    desk.sim("act", {"act": "set", "signed": True})
    assert post(desk, x=1).status == 401
    assert post(desk, headers=good, x=1).status == 200
    assert [row["no"] for row in desk.rows()] == ["", "N1"]


def test_only_posts(desk: Desk) -> None:
    assert desk.ask("GET", "/emr/messages").status == 405


# MLLP


def test_hl7_goes_to_the_application_of_msh_5(desk: Desk) -> None:
    lab = Caller(desk)
    first = lab.line.send(block(adt()))
    assert msa(blocks(first)[0])[:2] == ["AA", "M1"]
    assert lab.line.send(block(adt())) == first, "the first acknowledgement again"
    assert msa(lab(adt(to="RIS")))[0] == "AA"
    assert msa(lab(adt(name="other")))[0] == "AR"
    assert states(desk) == [
        ("M1", "lis-000001", "done"), ("M1", "lis-000001", "duplicate"), ("M1", "ris-000001", "done"),
        ("M1", "lis-000001", "conflict"),
    ]  # fmt: skip
    assert {(row["ref"], row["bill"]) for row in desk.rows()} == {("P0001", "V1")}
    assert desk.sim("act", {"act": "counts"}).json["lis"]["events"] == {"ADT^A08": 1}


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_a_message_that_declares_no_charset_is_read_as_agreed(desk: Desk, codec: str) -> None:
    desk.sim("act", {"act": "set", "unsaid": codec})
    body = adt(charset="").decode().encode(codec)
    assert msa(Caller(desk)(body))[0] == "AA"
    other = "utf-8" if codec == "gb18030" else "gb18030"
    assert msa(Caller(desk)(adt("M2", name="張", charset="").decode().encode(other)))[0] == "AR"


def test_a_message_without_a_number_is_an_error(desk: Desk) -> None:
    assert "ERR|MSH^1^10^101" in Caller(desk)(adt(""))
    assert desk.rows() == []


def test_one_subscriber_is_down_and_the_others_work(desk: Desk) -> None:
    lab = Caller(desk)
    desk.fault("ack_ae", op="lis", times=None)
    desk.fault("http_503", op="emr", times=2)
    assert msa(lab(adt()))[0] == "AE"
    assert msa(lab(adt(to="RIS")))[0] == "AA"
    busy = post(desk, message_no="N1")
    assert (busy.status, busy.headers["retry-after"]) == (503, "5")
    assert post(desk, "/platform/x", message_no="N1").status == 200
    assert [row["party_no"] for row in desk.rows()] == ["ris-000001", "platform-000001"]


def test_a_fault_may_choose_its_message(desk: Desk) -> None:
    lab = Caller(desk)
    desk.fault("ack_wrong_number", match={"patient": "P0001", "event": "ADT^A08", "visit": "V1"})
    desk.fault("refuse_business", match={"patient": "P7"})
    assert msa(lab(adt()))[:2] == ["AA", "M10"]
    assert post(desk, message_no="N1", patient_id="P6").json["code"] == "0"
    assert post(desk, message_no="N2", patient_id="P7").json["code"] == "2001"


@pytest.mark.parametrize(("kind", "status"), [("http_400", 400), ("http_429", 429), ("token_expired", 401)])
def test_refusals_by_status(desk: Desk, kind: str, status: int) -> None:
    desk.fault(kind)
    assert post(desk, message_no="N1").status == status
    assert desk.rows() == []


def test_executed_but_not_told(desk: Desk) -> None:
    desk.fault("reset_after_commit")
    line = desk.connect()
    body = b'{"message_no": "N1"}'
    head = f"POST /emr/x HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    assert line.send(head + body) == b""
    assert line.aborted
    assert post(desk, message_no="N1").json["message"] == "重复消息"
    assert states(desk)[1][2] == "duplicate"


def test_misfortunes_that_mean_nothing_here_are_not_accepted(desk: Desk) -> None:
    for kind in BREAKS | CALLBACKS | {"not_enough_balance", "perhaps"}:
        assert desk.sim("faults", {"fault": kind}).status == 400


def test_the_card_and_a_reset(desk: Desk) -> None:
    card = desk.sim("card.json").json
    assert card["emr"] == "http://sim.test:1/emr/messages"
    lab = Caller(desk)
    lab(adt())
    post(desk, message_no="N1")
    desk.sim("reset", {})
    assert states(desk) == []
    assert desk.sim("act", {"act": "counts"}).json == {}
    assert msa(lab(adt()))[0] == "AA"
    assert post(desk, message_no="N1", x=2).status == 200
    assert [row[1] for row in states(desk)] == ["lis-000001", "emr-000001"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"act": "dance"}, {"act": "set", "signed": "yes"}, {"act": "set", "unsaid": "latin-1"},
        {"act": "set", "name": {}},
        {"act": "set", "names": {"x": ["y"]}}, {"act": "set", "names": {"number": "y"}},
    ],
)  # fmt: skip
def test_wrong_acts(desk: Desk, wrong: dict[str, Any]) -> None:
    assert desk.sim("act", wrong).status == 400
