"""What a vendor's developer does wrong on the first day: the answer names the field, says what to do, and is true."""

from __future__ import annotations

from typing import Any

import pytest

from engine.runtime.room import ASKED_MAX
from tests.doors.his import His
from tests.doors.ways import Soap
from tests.edge.town import BILL, PATIENT, START, Town


@pytest.mark.parametrize(
    ("tail", "field", "words"),
    [
        ("?foo=1", "foo", "unknown field"),
        ("?wait=1&foo=1", "foo", "unknown field"),
        ("?wait=1&wait=2", "wait", "given more than once"),
        ("?wait=61", "wait", "0 to 60"),
        ("?wait=", "wait", "0 to 60"),
        ("?wait", "", "cannot be read"),
    ],
)
def test_a_query_is_refused_by_the_name_that_is_wrong(town: Town, tail: str, field: str, words: str) -> None:
    no = town.quoted()
    reply = town.show(no, tail=tail)
    assert (reply.status, reply.code, reply.json["field"]) == (400, "E-FIELD", field)
    assert words in reply.json["reason"]["en"]
    assert town.show(no, tail="?wait=0").state == "quoted"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"operator": "张三"}'.encode("gbk"), ("UTF-8", "charset")),
        (b'{"a": 1, "a": 2}', ("given twice", "json-duplicate @9")),
        (b'{"a": NaN}', ("no number", "json-number")),
        (b'{"a": ', ("syntax", "json-syntax")),
        (b'{"a": "\\ud800"}', ("half a character", "json-surrogate")),
        (b"[" * 200 + b"]" * 200, ("too deep", "json-depth")),
    ],
)
def test_a_body_that_is_no_json_is_refused_in_words(town: Town, body: bytes, words: tuple[str, ...]) -> None:
    reply = town.ask("POST", START, body)
    assert (reply.status, reply.code) == (400, "E-BODY")
    for word in words:
        assert word in reply.json["reason"]["en"], reply.json
    assert "UTF-8" in reply.json["reason"]["next_en"]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"kind": "wechat_qr", "auth_code": "134567890123456789"}, "leave it out"),
        ({"kind": "wechat_code", "auth_code": "281234567890123456"}, "^1[0-5][0-9]{16}$"),
        ({"kind": "alipay_code", "auth_code": "134567890123456789"}, "^(2[5-9]|30)[0-9]{14,22}$"),
        ({"kind": "unionpay_code", "auth_code": "134567890123456789"}, "^62[0-9]{17}$"),
    ],
)
def test_a_payment_code_of_another_kind_is_told_with_the_whole_form(
    town: Town, choice: dict[str, str], words: str
) -> None:
    reply = town.choose(town.quoted(), {"choice_no": "1", **choice})
    assert (reply.status, reply.code, reply.json["fields"]) == (400, "E-FIELD", ["auth_code"])
    assert words in reply.json["reason"]["en"]
    assert "falseSchema" not in reply.body.decode()


def test_a_number_with_other_content_names_its_field(town: Town) -> None:
    order = town.bill_request()
    no = str(town.ask("POST", START, order).json["settlement_no"])
    reply = town.ask("POST", START, {**order, "pay_identity": "self_pay"})
    assert (reply.code, reply.json["field"], reply.json["reason"]["field"]) == (
        "E-REPEAT-DIFFERS", "request_no", "request_no",
    )  # fmt: skip
    town.choose(no, {"choice_no": "1", "kind": "wechat_qr"})
    reply = town.choose(no, {"choice_no": "1", "kind": "alipay_qr"})
    assert (reply.status, reply.code, reply.json["field"]) == (409, "E-REPEAT-DIFFERS", "choice_no")


def test_a_number_with_ever_other_content_is_kept_so_often_and_no_more(town: Town) -> None:
    """Each was a row for ever, and cost its sender nothing."""
    order = town.bill_request()
    no = str(town.ask("POST", START, order).json["settlement_no"])
    for n in range(ASKED_MAX + 5):
        reply = town.ask("POST", START, {**order, "operator": f"K{n}"})
        assert (reply.status, reply.code, reply.json["settlement_no"]) == (409, "E-REPEAT-DIFFERS", no)
    kept = town.select("SELECT id FROM inbox WHERE verdict = 'different'")
    assert len(kept) == ASKED_MAX
    assert town.ask("POST", START, order).state == "quoted", "what it asked first is still answered"


def test_a_report_about_no_number_of_ours_names_the_field_it_stood_in(town: Town) -> None:
    no = town.quoted()
    proof = {"terminal": "10000001", "batch": "000012", "trace": "000346", "ref_no": "112209000346"}
    body = {"return_no": "1", "back_no": "NOPE", "amount": 1, "proof": proof}
    reply = town.ask("POST", f"/v1/settlements/{no}/returned", body)
    assert (reply.status, reply.code, reply.json["field"]) == (400, "E-FIELD", "back_no")


def test_two_numbers_of_two_settlements_are_not_taken_for_one(town: Town) -> None:
    """A HIS that mixes them up would take the wrong bill back."""
    his, soap = His(town), Soap(town)
    order: dict[str, Any] = {**town.lab.bill_request(PATIENT, BILL, request_no="H-1"), "operator": "C001"}
    order |= {"terminal": {"kind": "window", "id": "W01"}, "pay_identity": "self_pay"}
    one = his.ask("PRE", order=order)
    his.ask("CANCEL", zjs={2: "c1", 3: one.no, 13: "X"})
    two = his.ask("PRE", order={**order, "request_no": "H-2"})
    mixed = his.ask("PAY", zjs={2: "1", 3: two.no, 4: "H-1", 11: "cash"})
    assert (mixed.code, mixed.field("ZJA", 22), mixed.field("ZJA", 27)) == ("AE", "E-FIELD", "of")
    assert "ZJS^1^4" in mixed.field("ERR", 1)
    assert his.ask("QUERY", zjs={3: two.no, 4: "H-2"}).state == "quoted"
    assert his.ask("QUERY", zjs={4: "H-1"}).no == one.no
    assert soap.query(settlement_no=two.no, request_no="H-1")[1]["field"] == "request_no"
    assert soap.query(settlement_no=two.no, request_no="H-2")[0] == "quoted"


def test_a_message_without_its_action_is_told_which_segment_it_lacks(town: Town) -> None:
    """It was told that MSH-9 is of no type taken here, and MSH-9 was right."""
    his = His(town)
    text = his.message("PRE", order=town.lab.bill_request(PATIENT, BILL, request_no="H-1"))
    bare = b"\r".join(line for line in text.split(b"\r") if not line.startswith(b"ZJS"))
    ack = his.line.ask(bare)
    assert (ack.code, ack.field("ERR", 1).split("&")[0]) == ("AR", "ZJS^1^^100")
    assert "ZJS" in ack.field("MSA", 3)
    assert "MSH-9" not in ack.field("MSA", 3)
