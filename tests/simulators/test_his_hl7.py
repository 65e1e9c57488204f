"""The HIS's MLLP door as a sender of DFT^P03 meets it: booked once, acknowledged truly, and under every misfortune."""

from __future__ import annotations

import base64

import pytest
from hl7_wire import Caller, block, blocks, deposit, dft, msa
from memory_http import open_desk

from simulators.his import HisSim


@pytest.fixture
def his() -> Caller:
    return Caller(open_desk(HisSim))


def booked(his: Caller) -> list[tuple[str, str, int, str]]:
    return [(row["kind"], row["no"], row["amount"], row["state"]) for row in his.desk.rows()]


def test_a_deposit_is_booked_and_acknowledged_in_the_senders_words(his: Caller) -> None:
    reply = his(dft())
    assert reply == (
        "MSH|^~\\&|NHIS||ENG|X|20261122080000||ACK^P03|ACK1|P|2.4||||||GBK\rMSA|AA|M1|成功\r"
    )  # fmt: skip
    row = his.desk.rows()[0]
    assert {name: row[name] for name in ("kind", "no", "party_no", "amount", "state", "bill", "ref")} == {
        "kind": "book", "no": "D1", "party_no": "D20261122000001", "amount": 50000, "state": "done", "bill": "V1",
        "ref": "M1",
    }  # fmt: skip


def test_a_settlement_is_noted_not_booked(his: Caller) -> None:
    assert msa(his(dft("M1", deposit("INV1", "120.50", kind="01", parts="20.50^100.00"))))[0] == "AA"
    assert booked(his) == [("notice", "INV1", 12050, "done")]


def test_the_same_message_again_gets_the_first_acknowledgement_byte_for_byte(his: Caller) -> None:
    first = his.line.send(block(dft()))
    assert his.connect().send(block(dft())) == first
    assert booked(his) == [("book", "D1", 50000, "done")]


def test_other_content_under_a_used_number_is_refused(his: Caller) -> None:
    his(dft())
    reply = his(dft("M1", deposit("D2", "1.00")))
    assert msa(reply) == ["AR", "M1", "消息编号重复且内容不同"]
    assert "ERR|MSH^1^10^205&Duplicate key identifier&HL70357" in reply
    assert booked(his) == [("book", "D1", 50000, "done")]


def test_an_error_is_not_remembered_so_a_corrected_message_may_come(his: Caller) -> None:
    assert msa(his(dft("M1", patient="P9999")))[0] == "AE"
    assert msa(his(dft("M1")))[0] == "AA"


@pytest.mark.parametrize(("habit", "code"), [("accept", "AA"), ("refuse", "AE")])
def test_a_deposit_number_in_another_message_is_not_booked_twice(his: Caller, habit: str, code: str) -> None:
    his.act("set_hl7", duplicates=habit)
    his(dft("M1"))
    assert msa(his(dft("M2")))[0] == code
    assert booked(his) == [("book", "D1", 50000, "done")]
    assert msa(his(dft("M3", deposit("D1", "500.01"))))[0] == "AE"


def test_a_deposit_is_taken_back_by_its_number(his: Caller) -> None:
    his(dft("M1"))
    assert msa(his(dft("M2", deposit("D1", "500.00", state="1"))))[0] == "AA"
    assert msa(his(dft("M3", deposit("D1", "500.00", state="1"))))[0] == "AA"
    assert booked(his) == [("book", "D1", 50000, "void"), ("void", "D1", 50000, "done")]
    assert msa(his(dft("M4", deposit("D9", "1.00", state="1"))))[0] == "AE"
    assert msa(his(dft("M5")))[0] == "AE", "a number taken back is not booked again"


def test_where_the_number_stands_is_a_habit_of_the_house(his: Caller) -> None:
    moved = deposit("D7", "1.00", at=3)
    assert "ERR|FT1^1^2^101" in his(dft("M1", moved))
    his.act("set_hl7", places={"number": "FT1-3"})
    assert msa(his(dft("M2", moved)))[0] == "AA"
    assert booked(his) == [("book", "D7", 100, "done")]


@pytest.mark.parametrize(
    ("line", "err"),
    [
        (deposit("", "1.00"), "FT1^1^2^101"),
        (deposit("D1", ""), "FT1^1^11^101"),
        (deposit("D1", "1.005"), "FT1^1^11^102"),
        (deposit("D1", "一百"), "FT1^1^11^102"),
        (deposit("D1", "-1"), "FT1^1^11^102"),
        (deposit("D1", "100", parts="50^49"), "FT1^1^11^207"),
    ],
)
def test_a_wrong_line_books_none_of_the_message(his: Caller, line: str, err: str) -> None:
    reply = his(dft("M1", line, deposit("D2", "1.00")))
    assert msa(reply)[0] == "AE"
    assert f"ERR|{err}&" in reply
    assert booked(his) == []
    second = his(dft("M2", deposit("D2", "1.00"), line))
    assert f"ERR|{err.replace('^1^', '^2^', 1)}&" in second


def test_since_2_5_the_error_has_fields_of_its_own(his: Caller) -> None:
    reply = his(dft("M1", deposit("", "1.00"), version="2.5.1"))
    assert "ERR||FT1^1^2|101^Required field missing^HL70357|E||||缺少流水号" in reply


@pytest.mark.parametrize("charset", ["GBK", "GB18030", "GB 18030-2000", "UNICODE UTF-8", "UTF-8", ""])
def test_every_charset_is_read_and_answered_in(his: Caller, charset: str) -> None:
    his.act("set_hl7", unsaid="utf-8")
    raw = his.line.send(block(dft("M1", deposit("億區", "1.00"), charset=charset)))
    assert "成功".encode("gb18030" if charset.startswith("GB") else "utf-8") in raw
    assert booked(his) == [("book", "億區", 100, "done")]


def test_other_messages_and_unreadable_bytes_are_rejected(his: Caller) -> None:
    other = dft("M1").replace(b"DFT^P03", b"ADT^A01")
    assert "ERR|MSH^1^9^200" in his(other)
    bad = dft("M2").replace(b"P0001|P0001", b"P0001|\xff")
    assert msa(his(bad)) == ["AR", "M2", f"no gb18030 character, byte {bad.index(0xFF)}"]
    assert msa(his(b"hello"))[0] == "AR"
    outcomes = [row["op"] for row in his.desk.sim("exchanges").json["exchanges"]]
    assert outcomes == ["ADT^A01", "unreadable", "unreadable"]


# Misfortune


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [("ack_ae", "AE", "应用处理错误"), ("ack_ar", "AR", "拒绝接收该消息"),
     ("ack_aa_failed", "AA", "处理失败：数据库异常"), ("refuse_business", "AE", "业务受理失败")],
)  # fmt: skip
def test_refusals_book_nothing(his: Caller, kind: str, code: str, text: str) -> None:
    his.desk.fault(kind, op="DFT^P03")
    assert msa(his(dft())) == [code, "M1", text]
    assert booked(his) == []
    assert msa(his(dft()))[0] == "AA"


def test_an_acknowledgement_of_another_message(his: Caller) -> None:
    his(dft("M0", deposit("D0", "1.00")))
    his.desk.fault("ack_wrong_number", match={"no": "M1"})
    assert msa(his(dft("M1")))[:2] == ["AA", "M0"]
    assert len(booked(his)) == 2
    assert msa(his(dft("M1")))[:2] == ["AA", "M1"]


def test_a_late_acknowledgement_comes_while_the_next_message_waits(his: Caller) -> None:
    his.desk.fault("ack_late", seconds=20)
    assert his.line.send(block(dft("M1"))) == b""
    assert len(booked(his)) == 1, "done at once, only not said"
    assert his.line.send(block(dft("M2", deposit("D2", "1.00")))) == b""
    his.desk.clock.advance(20)
    assert [msa(text)[1] for text in blocks(his.line.taken())] == ["M1", "M2"]


def test_connections_break_as_over_http(his: Caller) -> None:
    his.desk.fault("reset_after_commit")
    assert his.line.send(block(dft("M1"))) == b""
    assert his.line.aborted
    his.desk.fault("half_reply")
    line = his.connect()
    reply = line.send(block(dft("M1")))
    assert reply.startswith(b"\x0bMSH")
    assert b"\x1c" not in reply
    assert line.closed
    his.desk.fault("duplicate_reply")
    assert len(blocks(his.connect().send(block(dft("M1"))))) == 2
    his.desk.fault("html")
    assert his.connect().send(block(dft("M1"))).startswith(b"<!DOCTYPE html>")
    his.desk.fault("timeout_after_commit", seconds=3)
    line = his.connect()
    assert line.send(block(dft("M9", deposit("D9", "1.00")))) == b""
    his.desk.clock.advance(3)
    assert line.closed
    assert [row[1] for row in booked(his)] == ["D1", "D9"]


def test_faults_of_the_door_are_not_taken_by_the_gateway(his: Caller) -> None:
    his.desk.fault("ack_ae")
    assert his.desk.ask("POST", "/gateway/query.pay.bill", b"{}").json["code"] == "APP_UNKNOWN"
    assert msa(his(dft()))[0] == "AE"


def test_blocks_in_one_packet_and_one_byte_a_packet(his: Caller) -> None:
    both = block(dft("M1")) + block(dft("M2", deposit("D2", "1.00")))
    assert [msa(text)[1] for text in blocks(his.line.send(b"garbage" + both))] == ["M1", "M2"]
    raw = b"".join(his.line.send(bytes([byte])) for byte in block(dft("M3", deposit("D3", "1.00"))))
    assert msa(blocks(raw)[0])[:2] == ["AA", "M3"]


def test_exchanges_can_be_read_in_chinese_and_hold_the_exact_bytes(his: Caller) -> None:
    reply = his.line.send(block(dft("M1")))
    row = his.desk.sim("exchanges").json["exchanges"][0]
    assert "||张億\r" in row["request"]
    assert base64.b64decode(row["request_base64"]) == block(dft("M1"))
    assert base64.b64decode(row["reply_base64"]) == reply
    assert "成功" in row["reply"]
    assert (row["op"], row["outcome"]) == ("DFT^P03", "answered")


def test_a_reset_forgets_books_numbers_and_habits(his: Caller) -> None:
    his.act("set_hl7", places={"number": "FT1-3"}, duplicates="refuse", unsaid="utf-8")
    his(dft("M1", deposit("D1", "1.00", at=3)))
    his.desk.sim("reset", {})
    assert booked(his) == []
    assert msa(Caller(his.desk)(dft("M1")))[0] == "AA"


@pytest.mark.parametrize(
    "wrong",
    [{"charset": "LATIN"}, {"version": "2.8"}, {"places": {"number": "PID-3"}}, {"places": {"x": "FT1-1"}},
     {"wait": -1}, {"color": "red"}, {"on_ae": "shout"}],
)  # fmt: skip
def test_wrong_settings_are_told(his: Caller, wrong: dict[str, object]) -> None:
    assert his.desk.sim("act", {"act": "set_hl7", **wrong}).status == 400
