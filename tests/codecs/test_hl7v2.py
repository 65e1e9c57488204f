"""HL7 v2 messages: read in every character set, taken apart, changed, and printed back."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codecs.errors import Undecodable
from engine.codecs.hl7_charset import Unwritable, charset_named, to_bytes, to_text
from engine.codecs.hl7_er7 import STANDARD, Delimiters, escape, path, unescape
from engine.codecs.hl7v2 import begin, header_of, parse

RARE = "億區東瑋魚䶮𬍛"
URO = "".join(map(chr, range(0x4E00, 0x9FA6)))
NAMES = {
    "GBK": "gbk",
    "GB18030": "gb18030",
    "GB 18030-2000": "gb18030",
    "gb18030": "gb18030",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "utf8": "utf-8",
    "UNICODE UTF-8~GBK": "utf-8",
    "ASCII": "",
    "": "",
}


def text(name: str = "億", charset: str = "GBK", facility: str = "X") -> str:
    return (
        f"MSH|^~\\&|NHIS|{facility}|PAY|Y|20261122102000||ADT^A08|M1|P|2.4|||AL|AL|CHN|{charset}\r"
        f"EVN|A08|20261122102000\r"
        f"PID|1|P1|H1^^^^PatientNO~X2^^^^IdentifyNO||{name}^二&三||19900101|M\r"
        f"FT1|1|INV1||||||||^^1.00\rFT1|2|INV2||||||||^^2.50\r"
    )


@pytest.mark.parametrize("declared", NAMES)
@pytest.mark.parametrize("facility", ["X", "億", "區東", "医院"])
def test_every_charset_as_it_is_declared(declared: str, facility: str) -> None:
    for codec in [NAMES[declared]] if NAMES[declared] else ["gbk", "gb18030", "utf-8"]:
        data = text("億區東瑋魚", declared, facility).encode(codec)
        message = parse(data, default=codec)
        assert message.charset == codec
        assert message.get("PID-5.1") == "億區東瑋魚"
        assert message.get("MSH-4") == facility
        assert message.er7("PID-8") == "M"  # the fields behind have not moved
        assert message.raw == message.to_bytes() == data


def test_names_of_charsets() -> None:
    assert {name: charset_named(name) for name in NAMES} == NAMES
    for wrong in ("KLINGON", "UTF-16", "UNICODE"):
        with pytest.raises(ValueError, match="unknown character set"):
            charset_named(wrong)


@pytest.mark.parametrize("charset", ["GBK", "GB18030", "UNICODE UTF-8"])
def test_all_of_the_uro_and_rare_names_survive_or_are_refused_by_name(charset: str) -> None:
    for at in range(0, len(URO), 60):
        name = URO[at : at + 60]
        message = begin("ADT", "A08", "ADT_A01", declared=charset)
        message.set("PID-5.1", name)
        message.set("PID-8", "M")
        again = parse(message.to_bytes())
        assert again.get("PID-5.1") == name
        assert again.get("PID-8") == "M"
    for character in RARE + "€鿩㐀𠮷龴":
        message = begin("ADT", "A08", "ADT_A01", declared=charset)
        message.set("PID-5.1", f"张{character}")
        if charset != "GBK" or character in "億區東瑋魚":
            assert parse(message.to_bytes()).get("PID-5.1") == f"张{character}"
            continue
        with pytest.raises(Unwritable, match=character) as fault:
            message.to_bytes()
        assert (fault.value.character, fault.value.place) == (character, "PID-5")


def test_gbk_senders_may_send_more_than_gbk_and_private_use_becomes_what_it_stands_for() -> None:
    assert parse(text("䶮𬍛", "GBK").encode("gb18030")).get("PID-5.1") == "䶮𬍛"
    for wire, character in (("fe59", "\u9fb4"), ("fea0", "\u9fbb"), ("fe51", "\U00020087"), ("a6d9", "\ufe10")):
        data = bytes.fromhex(wire)
        assert to_text(data, "gb18030") == to_text(data, "gbk") == character
        assert to_bytes(character, "gb18030") == data
    with pytest.raises(Unwritable) as fault:
        to_bytes("a\u9fb4", "gbk")
    assert (fault.value.character, fault.value.offset) == ("\u9fb4", 1)


@pytest.mark.parametrize(
    ("data", "code", "offset"),
    [
        (b"", "hl7-no-msh", 0),
        (b"PID|1\r", "hl7-no-msh", 0),
        (b"MSH", "hl7-no-msh", 0),
        (b"MSH||", "hl7-delimiters", 3),
        (b"MSH|^~\\\\&|A\r", "hl7-delimiters", 3),
        (b"MSH|^^\\&|A\r", "hl7-delimiters", 3),
        (b"MSH\xff^~\\&|A\r", "hl7-delimiters", 3),
        (b"MSHA^~\\&A\r", "hl7-delimiters", 3),
        (text("A", "KLINGON").encode(), "charset-unknown", text().index("GBK")),
        (text("A", "UTF-8").encode().replace(b"|P1|", b"|\xd5\xc5|"), "charset", text("A", "UTF-8").index("P1|H")),
        (text("A").encode().replace(b"|P1|", b"|\xff1|"), "charset", text().index("P1|H")),
        (b"\xef\xbb\xbf" + text("\N{SNOWMAN}", "").encode() + b"\xff", "charset", len(text().encode())),
        (text("A", "UTF-8", "億").encode("gbk"), "charset", text().index("|X|") + 1),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_byte(data: bytes, code: str, offset: int) -> None:
    with pytest.raises(Undecodable) as fault:
        parse(data)
    assert (fault.value.code, fault.value.offset) == (code, offset)


def test_the_header_of_a_message_that_cannot_be_read() -> None:
    header = header_of(text("A", "UTF-8").encode().replace(b"|P1|", b"|\xd5\xc5|"))
    assert (header.control_id, header.sender, header.charset, header.version) == ("M1", ("NHIS", "X"), "utf-8", "2.4")
    broken = header_of(text("A", "UTF-8", "億").encode("gbk"))
    assert (broken.control_id, broken.sender, broken.event) == ("M1", ("NHIS", ""), "A08")
    hopeless = header_of(text("A", "GBK", "?").encode().replace(b"|?|", b"|\xff|"))
    assert (hopeless.control_id, hopeless.sender, hopeless.charset) == ("M1", ("NHIS", ""), "gbk")
    assert header_of(b"nonsense").control_id == ""


def test_a_byte_order_mark_says_utf_8() -> None:
    data = b"\xef\xbb\xbf" + text("億", "").encode()
    message = parse(data, default="gbk")
    assert (message.charset, message.get("PID-5.1"), message.to_bytes()) == ("utf-8", "億", data)


def test_paths() -> None:
    message = parse(text().encode("gbk"))
    values = {
        "MSH-1": "|",
        "MSH-2": "^~\\&",
        "MSH-9.1": "ADT",
        "MSH-9.2": "A08",
        "MSH-9": "ADT^A08",
        "MSH-10": "M1",
        "MSH-18": "GBK",
        "PID-3": "H1^^^^PatientNO",
        "PID-3.1": "H1",
        "PID-3[2].1": "X2",
        "PID-3[2].5": "IdentifyNO",
        "PID-3[3].1": "",
        "PID-5.1": "億",
        "PID-5.2": "二&三",
        "PID-5.2.2": "三",
        "PID-5.1.1": "億",
        "PID-5.1.2": "",
        "PID-7.1": "19900101",
        "PID-7.2": "",
        "PID-99": "",
        "FT1-10.3": "1.00",
        "FT1(2)-10.3": "2.50",
        "FT1(3)-10.3": "",
        "ZZZ-1": "",
    }
    assert {where: message.get(where) for where in values} == values
    assert message.all("PID-3.1") == ["H1", "X2"]
    assert message.all("PID-20") == message.all("ZZZ-1") == []
    assert [segment.get(2) for segment in message.named("FT1")] == ["INV1", "INV2"]
    for where in values:
        assert str(path(where)) == where


@pytest.mark.parametrize(
    "wrong", ["", "PID", "PID-0", "PID.5", "pid-5", "PID-5.", "PID-5.1.1.1", "PID(0)-5", "PID-5[0]", "PID-５"]
)
def test_wrong_paths_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no HL7 path"):
        path(wrong)


def test_odd_delimiters() -> None:
    data = b"MSH$%*!@$NHIS$X$PAY$Y$1$$ADT%A08$M1$P$2.4\rPID$1$$H|1%a@b*X^2$$A!F!B!T!C$|^~\\&\r"
    message = parse(data)
    assert message.get("PID-3[2].1") == "X^2"
    assert message.get("PID-3.2.2") == "b"
    assert message.get("PID-5") == "A$B@C"
    assert message.get("PID-6") == "|^~\\&"
    message.set("PID-6", "$%*!@|")
    assert message.er7("PID-6") == "!F!!S!!R!!E!!T!|"
    assert parse(message.to_bytes()).get("PID-6") == "$%*!@|"
    short = parse(b"MSH|^|A\rPID|1||a~b\\F\\c&d\r")
    assert short.get("PID-3") == "a~b\\F\\c&d"
    with pytest.raises(Unwritable):
        short.set("PID-5", "a|b")
    with pytest.raises(ValueError, match="no delimiter"):
        short.set("PID-5[2]", "a")


ESCAPES = {
    r"a\F\b\S\c\R\d\E\e\T\f": "a|b^c~d\\e&f",
    r"\X0D\\X0A\x": "\r\nx",
    r"line\.br\two": "line\ntwo",
    r"\XD5C5\三": "张三",
    r"\XD5\x": r"\XD5\x",
    r"\X0\x": r"\X0\x",
    r"\H\bold\N\\F\x": r"\H\bold\N\|x",
    r"\Zxyz\\F\x": r"\Zxyz\|x",
    r"\.in+5\\F\x": r"\.in+5\|x",
    r"C:\temp\F\x": "C:\\temp|x",
    r"no end \F": r"no end \F",
    "\\": "\\",
    "\\\\": "\\\\",
    r"\E": r"\E",
    r"\H\F\N\ ": r"\H\F\N\ ",
}


@pytest.mark.parametrize("written", ESCAPES)
def test_escape_sequences(written: str) -> None:
    assert unescape(written, STANDARD, lambda data: to_text(data, "gbk")) == ESCAPES[written]
    message = parse(text(written).encode("gbk"))
    assert message.er7("PID-5.1") == written
    assert message.get("PID-5.1") == ESCAPES[written]


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_comes_back_from_a_field(value: str) -> None:
    assert unescape(escape(value, STANDARD), STANDARD, bytes.decode) == value
    message = begin("ADT", "A08", "")
    message.set("PID-5[2].3.2", value)
    message.set("PID-8", "M")
    again = parse(message.to_bytes())
    assert again.get("PID-5[2].3.2") == value
    assert again.get("PID-8") == "M"
    assert b"\x0b" not in message.to_bytes()
    assert b"\x1c" not in message.to_bytes()


VALUE = st.text(st.sampled_from("ab&^~\\F|.X0张億"), max_size=6)
MARKS = st.permutations("|^~\\&$%*!@#").map(lambda m: Delimiters(*m[:5]))


@settings(max_examples=200, deadline=None)
@given(MARKS, st.lists(st.lists(VALUE, min_size=1, max_size=5), max_size=5), st.sampled_from(["GBK", "UTF-8"]))
def test_print_after_parse_is_the_identity(marks: Delimiters, segments: list[list[str]], charset: str) -> None:
    lines = [f"MSH{marks.field}{marks.encoding}" + marks.field * 16 + charset]
    lines += [marks.field.join(["PID", *fields]) for fields in segments]
    data = "".join(line + "\r" for line in lines).encode(charset)
    message = parse(data)
    assert message.to_bytes() == data
    assert message.to_text().encode(charset) == data  # not the kept bytes: the text taken apart and joined
    for segment in message.segments:
        assert segment.fields
    assert message.to_text().encode(charset) == data
    message.changed()
    assert message.to_bytes() == data


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_segment_ends(end: str) -> None:
    message = parse(text().replace("\r", end).encode("gbk"))
    assert [segment.name for segment in message.segments] == ["MSH", "EVN", "PID", "FT1", "FT1"]
    assert message.get("FT1(2)-10.3") == "2.50"
    assert message.to_text() == text()


def test_a_line_feed_inside_a_cr_message_is_data() -> None:
    message = parse(b"MSH|^~\\&|A\rNTE|1||one\ntwo\rOBX|1\r")
    assert message.get("NTE-3") == "one\ntwo"
    assert len(message.segments) == 3


def test_editing_touches_nothing_else() -> None:
    data = text().encode("gbk")
    message = parse(data)
    message.set("FT1(2)-10.3", "9.99")
    message.set("PID-3[2].1", "N|E^W")
    message.set("FT1(3)-2", "INV3")
    message.set("ZPM-2.2", "x")
    expected = text().replace("^^2.50", "^^9.99").replace("X2^", "N\\F\\E\\S\\W^") + "FT1||INV3\rZPM||^x\r"
    assert message.to_bytes() == expected.encode("gbk")
    assert message.raw == data
    message.set_er7("PID-5", "甲^乙")
    assert message.get("PID-5.2") == "乙"
    for wrong in ("MSH-1", "MSH-2", "NTE(3)-1"):
        with pytest.raises(ValueError, match=r"MSH|NTE"):
            message.set(wrong, "x")
    with pytest.raises(ValueError, match="segment end"):
        message.set_er7("PID-5", "a\rPID|2")


def test_a_message_may_change_its_language() -> None:
    message = parse(text("東").encode("gbk"))
    message.speak("UNICODE UTF-8")
    assert message.to_bytes() == text("東", "UNICODE UTF-8").encode()


def test_a_new_message_is_2_4() -> None:
    message = begin("DFT", "P03", "DFT_P03")
    message.set("MSH-10", "N1")
    assert message.to_bytes() == b"MSH|^~\\&|||||||DFT^P03^DFT_P03|N1|P|2.4||||||UNICODE UTF-8\r"


def _effort(times: int) -> int:
    """How many functions run, Python's own among them, while a message of so many repetitions is read."""
    big = text() + "NTE|1||" + "x" * 4 * times + "\r" + "PID|1||" + "~".join(["R^^^^T"] * times) + "\r"
    big += "MSH|^~\\&|AGAIN\r" + "OBX|1|ST|A||v\r" * (2 * times)
    data, calls = big.encode("gbk"), 0

    def counted(_frame: object, event: str, _what: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        message = parse(data)
        found = (message.get(f"PID(2)-3[{times - 1}].5"), len(message.get("NTE-3")), message.get(f"OBX({2 * times})-5"))
    finally:
        sys.setprofile(None)
    assert found == ("T", 4 * times, "v")
    return calls


def test_large_and_repetitive_messages_take_no_more_than_their_length() -> None:
    _effort(10)
    assert _effort(10_000) < 12 * _effort(1_000)
