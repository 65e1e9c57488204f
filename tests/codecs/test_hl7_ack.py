"""Acknowledgements: what we answer, and what an answer proves."""

from __future__ import annotations

import pytest
from hl7apy.parser import parse_message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.codecs.errors import Undecodable
from engine.codecs.hl7_ack import AckKind, HL7Error, ack, answers, read_ack
from engine.codecs.hl7_plan import check
from engine.codecs.hl7v2 import Message, begin, header_of, parse


def message(version: str = "2.4", charset: str = "GBK", structure: str = "") -> Message:
    kind = "DFT^P03" + (f"^{structure}" if structure else "")
    return parse(
        f"MSH|^~\\&|NHIS|東院|PAY|Y&Z|20261122102000||{kind}|M\\F\\1|P|{version}|||AL|AL|CHN|{charset}\r".encode(
            {"UTF-8": "utf-8", "": "utf-8"}.get(charset, "gb18030")
        )
    )


ERRORS = [HL7Error("101", "PID", 1, 3, "PID-3 缺失"), HL7Error("102", "FT1", 2, 4)]


@pytest.mark.parametrize("charset", ["GBK", "GB 18030-2000", "UTF-8", ""])
def test_an_acknowledgement_on_the_wire(charset: str) -> None:
    codec = "utf-8" if charset in ("UTF-8", "") else "gb18030"
    data = ack(message(charset=charset), "AE", "缺|少", ERRORS, control_id="A9", at="20261122102001")
    tail = f"||||||{charset}" if charset else ""
    assert data.decode(codec) == (
        f"MSH|^~\\&|PAY|Y&Z|NHIS|東院|20261122102001||ACK^P03|A9|P|2.4{tail}\r"
        "MSA|AE|M\\F\\1|缺\\F\\少\r"
        "ERR|PID^1^3^101&PID-3 缺失&HL70357~FT1^2^4^102&Data type error&HL70357\r"
    )


def test_since_2_5_each_error_has_a_segment() -> None:
    data = ack(message("2.5.1", structure="DFT_P03"), "AR", errors=ERRORS, control_id="A9", at="20261122102001")
    assert data.decode("gbk") == (
        "MSH|^~\\&|PAY|Y&Z|NHIS|東院|20261122102001||ACK^P03^ACK|A9|P|2.5.1||||||GBK\r"
        "MSA|AR|M\\F\\1\r"
        "ERR||PID^1^3|101^Required field missing^HL70357|E||||PID-3 缺失\r"
        "ERR||FT1^2^4|102^Data type error^HL70357|E\r"
    )


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.6"])
@pytest.mark.parametrize("code", ["AA", "AE", "AR"])
def test_what_we_write_we_can_read_and_so_can_hl7apy(version: str, code: str) -> None:
    to = message(version)
    errors = ERRORS if code != "AA" else []
    data = ack(to, code, "好" if code == "AA" else "不行", errors, control_id="A9", at="20261122102001")  # type: ignore[arg-type]  # parametrised
    verdict = read_ack(data, "M|1")
    assert verdict.kind == {"AA": "accepted", "AE": "error", "AR": "rejected"}[code]
    assert [(e.code, e.segment, e.occurrence, e.field) for e in verdict.errors] == [
        (e.code, e.segment, e.occurrence, e.field) for e in errors
    ]
    assert answers(data, "M|1")
    assert not answers(data, "M2")
    oracle = parse_message(data.decode("gbk").replace("\r\r", "\r"), find_groups=False)
    assert (oracle.msa.msa_1.value, oracle.msa.msa_2.to_er7()) == (code, "M\\F\\1")


def test_an_unreadable_message_gets_its_ar_with_the_byte() -> None:
    data = b"MSH|^~\\&|NHIS||PAY||2026||ADT^A08|M7|P|2.4||||||UTF-8\rPID|1||\xd5\xc5\r"
    with pytest.raises(Undecodable) as fault:
        parse(data)
    reply = ack(header_of(data), "AR", str(fault.value), control_id="A1", at="20261122102001")
    verdict = read_ack(reply, "M7")
    assert verdict.kind is AckKind.REJECTED
    assert f"byte {data.index(0xD5)}" in verdict.text
    assert "\ufffd" not in reply.decode()
    nothing = ack(header_of(b"\x00\x01"), "AR", "no MSH", control_id="A1", at="20261122102001")
    assert nothing == b"MSH|^~\\&|||||20261122102001||ACK|A1|P|2.4\rMSA|AR||no MSH\r"


def test_an_acknowledgement_never_fails_for_a_rare_character() -> None:
    data = ack(message(charset="GBK"), "AE", "𬍛不存在于目录", control_id="A9", at="20261122102001")
    assert "U+2C35B不存在于目录" in data.decode("gbk")


def test_odd_delimiters_are_echoed() -> None:
    to = parse(b"MSH$%*!@$NHIS$X$PAY$Y$1$$ADT%A08$M1$P$2.4\r")
    data = ack(to, "AE", "a$b", ERRORS[1:], control_id="A9", at="20261122102001")
    assert data == (
        b"MSH$%*!@$PAY$Y$NHIS$X$20261122102001$$ACK%A08$A9$P$2.4\rMSA$AE$M1$a!F!b\r"
        b"ERR$FT1%2%4%102@Data type error@HL70357\r"
    )
    bare = parse(b"MSH|^|NHIS|X|PAY|Y|1||ADT^A08|M1|P|2.4\r")
    assert ack(bare, "AE", "a|b\n", ERRORS[1:], control_id="A9", at="2026").split(b"\r")[1] == b"MSA|AE|M1|a b "


HEAD = "MSH|^~\\&|B|||X|2026||ACK^P03|R1|P|2.4\r"
REPLIES: dict[str, tuple[str, AckKind]] = {
    "AA": (HEAD + "MSA|AA|M1\r", AckKind.ACCEPTED),
    "AA with a word": (HEAD + "MSA|AA|M1|成功\r", AckKind.ACCEPTED),
    "AA but": (HEAD + "MSA|AA|M1|操作失败：余额不足\r", AckKind.DOUBTFUL),
    "AA but in English": (HEAD + "MSA|AA|M1|Patient not found: ERROR\r", AckKind.DOUBTFUL),
    "AA with ERR": (HEAD + "MSA|AA|M1\rERR|PID^1^3^101&x\r", AckKind.DOUBTFUL),
    "AA with ERR 0": (HEAD + "MSA|AA|M1\rERR|^^^0&Message accepted&HL70357\r", AckKind.ACCEPTED),
    "AA with a warning": (HEAD + "MSA|AA|M1\rERR||PID^1|103^x|W\r", AckKind.ACCEPTED),
    "AA with ERR 2.5": (HEAD + "MSA|AA|M1\rERR||PID^1|103^x|E\r", AckKind.DOUBTFUL),
    "CA": (HEAD + "MSA|CA|M1\r", AckKind.ACCEPTED),
    "AE": (HEAD + "MSA|AE|M1|no\r", AckKind.ERROR),
    "CE": (HEAD + "MSA|CE|M1\r", AckKind.ERROR),
    "AR": (HEAD + "MSA|AR|M1\r", AckKind.REJECTED),
    "CR": (HEAD + "MSA|CR|M1\r", AckKind.REJECTED),
    "other message's": (HEAD + "MSA|AA|M0\r", AckKind.MISMATCH),
    "nearly": (HEAD + "MSA|AA|M1 \r", AckKind.MISMATCH),
    "no MSA-2": (HEAD + "MSA|AA\r", AckKind.MISMATCH),
    "AE of another": (HEAD + "MSA|AE|M2\r", AckKind.MISMATCH),
    "no MSA": (HEAD, AckKind.UNREADABLE),
    "two MSA": (HEAD + "MSA|AA|M1\rMSA|AE|M1\r", AckKind.UNREADABLE),
    "code": (HEAD + "MSA|OK|M1\r", AckKind.UNREADABLE),
    "small letters": (HEAD + "MSA|aa|M1\r", AckKind.UNREADABLE),
    "nothing": ("", AckKind.UNREADABLE),
    "one byte": ("\x06", AckKind.UNREADABLE),
    "html": ("<html>OK</html>", AckKind.UNREADABLE),
    "the message itself": ("MSH|^~\\&|A|||X|2026||DFT^P03|M1|P|2.4\r", AckKind.UNREADABLE),
}


@pytest.mark.parametrize("case", REPLIES)
def test_what_a_reply_proves(case: str) -> None:
    reply, kind = REPLIES[case]
    assert read_ack(reply.encode(), "M1").kind is kind


def test_an_empty_number_never_matches() -> None:
    assert read_ack((HEAD + "MSA|AA|\r").encode(), "").kind is AckKind.MISMATCH


def test_a_reply_in_the_wrong_charset_is_unreadable_and_says_where() -> None:
    data = (HEAD + "MSA|AA|M1|成功\r").encode("gbk")
    assert read_ack(data, "M1", "gbk").text == "成功"
    verdict = read_ack(data, "M1", "utf-8")
    assert (verdict.kind, verdict.why) == (AckKind.UNREADABLE, f"charset at byte {data.index('成'.encode('gbk'))}")


def test_a_sent_number_with_a_delimiter_matches_its_echo() -> None:
    sent = begin("ADT", "A08", "")
    sent.set("MSH-10", "a|b")
    reply = ack(parse(sent.to_bytes()), "AA", control_id="1", at="2026")
    assert read_ack(reply, "a|b").kind is AckKind.ACCEPTED
    assert read_ack(reply, sent.er7("MSH-10")).kind is AckKind.ACCEPTED


PIECES = st.sampled_from(
    [
        *(
            b"MSH|^~\\&|",
            b"MSH",
            b"|",
            b"^",
            b"~",
            b"&",
            b"\\",
            b"\r",
            b"\n",
            b"PID|1|",
            b"MSA|AA|M1",
            b"ERR|",
            b"ADT^A08",
        ),
        *(b"2.4", b"2.5", b"GBK", b"UTF-8", b"\\X0D\\", b"\\F\\", b"\xef\xbb\xbf", b"\x83\x7c", b"\xff", b"\x00"),
        "億".encode(),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=3), max_size=40), st.booleans())
@example([b"MSH", b"\r", b"MSH|^~\\&|"], False)  # the segment ends before its delimiters
def test_no_bytes_can_break_reader_checker_or_acknowledgement(parts: list[bytes], framed: bool) -> None:
    data = (b"MSH|^~\\&|A|B|C|D|2026||ADT^A08|M1|P|2.4|" if framed else b"") + b"".join(parts)
    try:
        to = parse(data)
    except Undecodable as fault:
        offset = fault.offset
        header = header_of(data)
    else:
        offset = 0
        header = to.header
        assert to.to_bytes() == data
        for finding in check(to):
            assert finding.as_error().code
    assert 0 <= offset <= len(data)
    reply = ack(header, "AR", "不行", ERRORS, control_id="A1", at="20261122102000")
    verdict = read_ack(reply, header.control_id)
    if header.control_id:
        assert verdict.kind is AckKind.REJECTED
    read_ack(data, "M1")
