"""A HIS settles by HL7: quote, settlement, reversal, query; repeats, strangers, and what is wrong in its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.core.bilingual import apart
from engine.runtime.hl7_refusals import of_place
from tests.doors.his import His, HisLine
from tests.edge.town import BILL, CASH, PATIENT, START, Town


@pytest.fixture
def his(town: Town) -> His:
    return His(town)


def _order(town: Town, request_no: str = "H-1", **more: object) -> dict[str, object]:
    order = town.lab.bill_request(PATIENT, BILL, request_no=request_no)
    return {**order, "terminal": {"kind": "window", "id": "W01"}, "operator": "C001", **more}


def test_quote_settle_query_and_reverse(town: Town, his: His) -> None:
    quoted = his.ask("PRE", order=_order(town))
    assert (quoted.code, quoted.state) == ("AA", "quoted")
    assert quoted.field("MSH", 9) == "ACK^P03"
    assert quoted.field("MSA", 2) == "M000001"
    assert quoted.answer["amounts"]["cash"] == CASH
    settled = his.ask("PAY", zjs={2: "1", 3: quoted.no, 11: "cash"})
    assert (settled.code, settled.state) == ("AA", "settled")
    assert settled.answer["numbers"]["his"]
    shown = his.ask("QUERY", zjs={4: "H-1"})
    assert (shown.code, shown.answer) == ("AA", settled.answer)
    back = his.ask("REFUND", zjs={2: "BACK-1", 3: quoted.no, 13: "DOCTOR_CHANGED"})
    assert back.code == "AA"
    for _ in range(100):
        shown = his.ask("QUERY", zjs={3: quoted.no})
        if shown.state != "working":
            break
        town.pass_time(5.0)
    assert (shown.code, shown.state, shown.answer["reason"]["code"]) == ("AA", "undone", "E-REFUNDED")
    assert shown.answer["numbers"]["asked_by"] == "H01"
    assert [row["state"] for row in town.ledger("insurance", "settle")] == ["cancelled"]


def test_the_same_message_number_gets_the_first_acknowledgement_again(town: Town, his: His) -> None:
    message = his.message("PRE", order=_order(town), control_id="ONCE")
    first = his.line.ask(message)
    assert first.state == "quoted"
    his.ask("PAY", zjs={2: "1", 3: first.no, 11: "cash"})
    assert his.line.ask(message).raw == first.raw, "frozen, though it is settled by now"
    later = message.replace(b"|20261122100000||DFT", b"|20261122100999||DFT")
    assert later != message
    assert HisLine(town).ask(later).raw == first.raw, "stamped anew, on another connection"
    town.kill()
    town.rise()
    assert HisLine(town).ask(message).raw == first.raw, "and after a restart"
    assert len(town.ledger("his", "lock")) == 1
    assert his.ask("QUERY", zjs={4: "H-1"}).state == "settled"


def test_another_message_under_a_used_number_is_refused_and_kept(town: Town, his: His) -> None:
    first = his.line.ask(his.message("PRE", order=_order(town), control_id="ONCE"))
    other = his.line.ask(his.message("PRE", order=_order(town, operator="C002"), control_id="ONCE"))
    assert (first.code, other.code, other.state) == ("AA", "AR", "conflict")
    assert other.field("ZJA", 22) == "E-REPEAT-DIFFERS"
    rows = town.select("SELECT verdict, body_id FROM inbox WHERE source = 'hl7:H01' ORDER BY id")
    assert [row["verdict"] for row in rows] == ["heard", "first", "different"]
    assert all(row["body_id"] for row in rows)
    assert his.line.ask(his.message("PRE", order=_order(town), control_id="ONCE")).raw == first.raw


def test_two_copies_at_once_are_one(town: Town, his: His) -> None:
    message = his.message("PRE", order=_order(town), control_id="ONCE")
    lines = [HisLine(town) for _ in range(5)]
    for line in lines:
        line.send(message)
    assert len({line.reply().raw for line in lines}) == 1
    assert len(town.ledger("his", "lock")) == 1


def test_a_killed_engine_settles_a_repeated_message_once(town: Town, his: His) -> None:
    message = his.message("PRE", order=_order(town), control_id="ONCE")
    line = HisLine(town)
    line.send(message)
    town.sim.run(lambda: bool(town.ledger("his", "lock")), 30.0)
    town.kill()
    town.rise()
    again = HisLine(town).ask(message)
    assert again.code == "AA"
    assert len(town.select("SELECT no FROM settlements")) == 1
    assert again.answer["request_no"] == "H-1"


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"pay_identity": "03"}, "E-FIELD", "PV1^1^18"),
        ({"request_no": ""}, "E-FIELD", "ZJS^1^2"),
        ({"request_no": "a b"}, "E-FIELD", "ZJS^1^2"),
        ({"terminal": {"kind": "lift", "id": "W1"}}, "E-FIELD", "ZJS^1^6"),
        ({"bills": ["B 1"]}, "E-FIELD", "FT1^1^2"),
        ({"bills": [BILL, "B2"]}, "E-FIELD", "FT1^1^2"),
        ({"patient": {"id": "P0001"}}, "E-FIELD", "ZJS^1^8"),
        ({"campus": "c" * 33}, "E-FIELD", "ZJS^1^5"),
    ],
)
def test_a_wrong_field_is_named_at_its_place(
    town: Town, his: His, change: dict[str, object], code: str, place: str
) -> None:
    before = town.touched()
    ack = his.ask("PRE", order={**_order(town), **change})
    assert (ack.code, ack.state) == ("AE", "malformed")
    assert ack.segment("ERR")[1].startswith(place), ack.raw.decode()
    assert ack.field("ZJA", 22) == code
    assert town.touched() == before


@pytest.mark.parametrize("wrong", ["03", ""])
def test_a_code_is_refused_in_the_codes_the_message_may_carry(town: Town, his: His, wrong: str) -> None:
    """A HIS that wrote PV1-18 wrong was told to write insured or self_pay, which no HL7 message carries."""
    ack = his.ask("PRE", order={**_order(town), "pay_identity": wrong})
    said = ack.segment("ERR")[1]
    assert "PV1-18 应写01（self_pay）、02（insured）之一" in said, said
    assert "insured、self_pay" not in ack.raw.decode()


def test_a_missing_z_field_and_an_unknown_action(town: Town, his: His) -> None:
    missing = his.ask("", order=_order(town))
    assert (missing.code, missing.segment("ERR")[1][:8]) == ("AE", "ZJS^1^1^")
    unknown = his.ask("PREE", order=_order(town))
    assert unknown.code == "AE"
    assert "PRE, PAY, CANCEL, REFUND, QUERY" in unknown.segment("ERR")[1]


def test_a_message_asks_one_thing(town: Town, his: His) -> None:
    """Of two questions, or two ways of paying, the second was passed over without a word."""
    before = town.touched()
    asked = his.message("PRE", order=_order(town))
    two = his.line.ask(asked + b"ZJS|CANCEL|C1\r")
    assert (two.code, two.segment("ERR")[1][:7]) == ("AE", "ZJS^2^^")
    numbers = his.line.ask(his.message("PRE", order=_order(town)).replace(b"ZJS|PRE|", b"ZJS|PRE|OTHER~"))
    assert (numbers.code, numbers.segment("ERR")[1][:8]) == ("AE", "ZJS^1^2^")
    assert town.touched() == before


def test_business_refusals_are_ae_with_the_reason(town: Town, his: His) -> None:
    first = his.ask("PRE", order=_order(town))
    busy = his.ask("PRE", order=_order(town, "H-2"))
    assert (busy.code, busy.state, busy.no) == ("AE", "busy", first.no)
    nobody = his.ask("QUERY", zjs={3: "S20260101000000000001"})
    assert (nobody.code, nobody.state, nobody.field("ZJA", 22)) == ("AE", "not_found", "E-NO-SETTLEMENT")
    unasked = his.ask("QUERY")
    assert (unasked.code, unasked.field("ZJA", 22)) == ("AE", "E-FIELD")
    different = his.ask("PRE", order=_order(town, operator="C009"))
    assert (different.code, different.field("ZJA", 22)) == ("AE", "E-REPEAT-DIFFERS")
    refund = his.ask("REFUND", zjs={2: "R1", 3: first.no, 13: "X"})
    assert (refund.code, refund.field("ZJA", 22)) == ("AE", "E-STATE")
    gone = his.ask("PRE", order={**_order(town, "H-3"), "bills": ["B999"]})
    assert (gone.code, gone.state) == ("AE", "rejected"), "what came to nothing is no AA for who reads only that"
    code, _, words = gone.field("MSA", 3).partition(" ")
    zh, en = apart(words)
    assert code == "E-BILL-NONE"
    assert not zh.isascii()
    assert en.isascii()
    assert words in gone.segment("ERR")[1]


def test_a_part_of_a_bill_is_not_taken_back(town: Town, his: His) -> None:
    quoted = his.ask("PRE", order=_order(town))
    his.ask("PAY", zjs={2: "1", 3: quoted.no, 11: "cash"})
    part = his.ask("REFUND", zjs={2: "R1", 3: quoted.no, 13: "X", 14: "1"})
    assert (part.code, part.field("ZJA", 22)) == ("AE", "E-REFUND-PART")
    assert his.ask("QUERY", zjs={3: quoted.no}).state == "settled"


@pytest.mark.parametrize("charset", ["GBK", "GB18030", "GB 18030-2000", "UNICODE UTF-8", ""])
def test_every_character_set_is_answered_in_itself(town: Town, charset: str) -> None:
    his = His(town, charset=charset)
    if charset == "":
        message = his.message("PRE", order={**_order(town), "operator": "收费员億"}).decode().encode("gb18030")
        ack = his.line.ask(message, "gb18030")  # the listener's own, for who declares none
    else:
        ack = his.ask("PRE", order={**_order(town), "operator": "收费员億"})
    assert (ack.code, ack.state) == ("AA", "quoted")
    assert ack.field("MSH", 18) == charset
    (row,) = town.select("SELECT operator FROM settlements")
    assert row["operator"] == "收费员億"


def test_an_undecodable_byte_is_ar_with_its_offset(town: Town, his: His) -> None:
    message = his.message("PRE", order=_order(town))
    spoiled = message.replace("测".encode(), b"\xff\xfe")
    ack = his.line.ask(spoiled)
    assert ack.code == "AR"
    assert f"byte {spoiled.index(0xFF)}" in ack.field("MSA", 3)
    assert not town.select("SELECT no FROM settlements")


STRANGERS = {
    "another sender": {"sender": "OTHER"},
    "no sender": {"sender": ""},
}


@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_are_not_taken(town: Town, who: str) -> None:
    before = town.touched()
    ack = His(town, **STRANGERS[who]).ask("PRE", order=_order(town))
    assert (ack.code, ack.state, ack.field("ZJA", 22), ack.field("ZJA", 23)) == ("AR", "unsigned", "E-401", "")
    assert town.touched() == before
    assert not town.select("SELECT key FROM inbox")


def test_only_listed_addresses_speak(new_town: Callable[..., Town]) -> None:
    town = new_town(edit=(("senders: {NHIS: {client: H01}}", "peers: [192.0.2.0/24], senders: {NHIS: {client: H01}}"),))
    assert His(town).ask("PRE", order=_order(town)).code == "AR"


def test_the_facility_tells_two_hospitals_of_one_system_apart(new_town: Callable[..., Town]) -> None:
    both = "senders: {NHIS^EAST: {client: C01}, NHIS: {client: H01}}"
    town = new_town(edit=(("senders: {NHIS: {client: H01}}", both),))
    main, east = His(town), His(town, facility="EAST")
    no = main.ask("PRE", order=_order(town)).no
    assert east.ask("QUERY", zjs={3: no}).state == "not_found", "another client"
    assert main.ask("QUERY", zjs={3: no}).state == "quoted"


def test_scopes_and_campuses_count(new_town: Callable[..., Town]) -> None:
    edit = (("H01: {secret: file:var/keys/client-H01.secret, scopes: [query, settle, refund]}",
             "H01: {secret: file:var/keys/client-H01.secret, scopes: [query, settle], campuses: [east]}"),)  # fmt: skip
    town = new_town(edit=edit)
    his = His(town)
    assert (his.ask("PRE", order=_order(town)).code, his.ask("PRE", order=_order(town)).state) == ("AR", "forbidden")
    quoted = his.ask("PRE", order=_order(town, campus="east"))
    assert quoted.state == "quoted"
    assert his.ask("REFUND", zjs={2: "R1", 3: quoted.no, 13: "X"}).state == "forbidden"


def test_a_wrong_action_and_a_query_without_a_number_say_what_to_write(town: Town, his: His) -> None:
    action = his.ask("FOO", order=_order(town))
    assert (action.code, action.state) == ("AE", "malformed")
    assert action.field("ZJA", 23) == "字段 ZJS-1: 只能是：PRE, PAY, CANCEL, REFUND, QUERY"
    assert action.field("ZJA", 24) == "Field ZJS-1: must be one of PRE, PAY, CANCEL, REFUND, QUERY"
    nobody = his.ask("QUERY", zjs={})
    assert "of" in nobody.field("ZJA", 24)
    assert "发起时的请求号" in nobody.field("ZJA", 23)


def test_messages_nobody_can_read_are_told_why_in_both_languages(his: His) -> None:
    said = his.line.ask(b"hello", "gb18030").field("MSA", 3)  # names no character set: the line's own
    assert said == "报文应以 MSH 段开头 · a message begins with MSH (hl7-no-msh at byte 0)"


def test_messages_nobody_takes(town: Town, his: His) -> None:
    other = his.line.ask(his.message("PRE", order=_order(town)).replace(b"DFT^P03", b"DFT^P99"))
    assert (other.code, other.field("MSA", 3)) == ("AR", of_place("MSH-9"))
    version = his.ask("PRE", order=_order(town), version="1.9")
    assert version.code == "AR"
    nameless = his.line.ask(his.message("PRE", order=_order(town), control_id="GONE").replace(b"|GONE|", b"||"))
    assert nameless.code == "AR"
    assert not town.select("SELECT no FROM settlements")


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6"])
def test_versions_in_use(town: Town, version: str) -> None:
    his = His(town)
    ack = his.ask("PRE", order=_order(town), version=version)
    assert (ack.code, ack.state, ack.field("MSH", 12)) == ("AA", "quoted", version)
    wrong = his.ask("PRE", order=_order(town, pay_identity="99"), version=version)
    err = wrong.segment("ERR")
    assert (err[2] if version >= "2.5" else err[1]).startswith("PV1^1^18")


def test_a_store_that_is_full_takes_nothing_and_the_same_message_may_come_again(town: Town, his: His) -> None:
    assert town.lab.engine is not None
    orders = town.lab.engine.orders
    message = his.message("PRE", order=_order(town), control_id="ONCE")
    orders._room_for_new_work = lambda: False  # type: ignore[method-assign]  # as if the disk were nearly full
    first = his.line.ask(message)
    assert (first.code, first.state, first.field("ZJA", 22)) == ("AE", "later", "E-STORE")
    del orders._room_for_new_work  # type: ignore[method-assign]  # there is room again
    assert his.line.ask(message).state == "quoted"


def test_json_and_hl7_are_one_client(town: Town, his: His) -> None:
    order = _order(town)
    by_hl7 = his.ask("PRE", order=order)
    by_json = town.ask("POST", START, order, client="H01")
    assert by_json.json["settlement_no"] == by_hl7.no
