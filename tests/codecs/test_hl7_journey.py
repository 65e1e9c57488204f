"""Names on their whole journey HL7 → JSON → SOAP → HL7, from every character set into every other: each character
arrives, or is refused by name. Nothing is ever replaced by something else."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.codecs.hl7_ack import ack, read_ack
from engine.codecs.hl7_charset import Unwritable
from engine.codecs.hl7v2 import Message, begin, header_of, parse
from engine.codecs.soap import open_envelope, read_request, write_request
from engine.codecs.soap_cdata import parse_inner, print_inner
from engine.codecs.soap_wsdl import load_wsdl

ROOT = Path(__file__).resolve().parents[2]
WSDL = load_wsdl({"m.wsdl": (ROOT / "schemas" / "wsdl" / "municipal_v1.wsdl").read_bytes()}, "m.wsdl")

DECLARED = {  # MSH-18 → what a sender who declares it writes
    "GBK": "gb18030", "GB18030": "gb18030", "GB 18030-2000": "gb18030", "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8",
    "": "utf-8",
}  # fmt: skip
URO = "".join(map(chr, range(0x4E00, 0x9FA6)))
COLLIDING = "".join(  # the second byte of each is a delimiter of HL7
    character
    for lead in range(0x81, 0xFF) for trail in b"|^~\\"
    if len(character := bytes([lead, trail]).decode("gbk", "replace")) == 1 and character != "\ufffd"
)  # fmt: skip
# Names of living persons hold these; four bytes each in GB18030, or none in GBK.
RARE = "𠮷𬍛䶮㐂㛃䲟鿫鿏𫖮𠅤𫝈㑇䜣𬭊𤧛𪧶𫍯𦒍𣲗㙍\u9fb4\u9fbb\U0002b5af\U0002ceb0"
TOLD_APART = "億區東瑋魚"


def pieces(text: str, size: int = 250) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def received(declared: str, name: str, codec: str = "") -> Message:
    """As a HIS sends it: the bytes are made by Python's own codec, not by ours."""
    text = (
        f"MSH|^~\\&|NHIS|東區億|ENGINE||20261122080000||ADT^A08|M1|P|2.4|||AL|AL|CHN|{declared}\r"
        f"EVN|A08|20261122080000\rPID|1|P1|P1^^^^PatientNO~X2^^^^IdentifyNO||{name}^{name[::-1]}||19900101|M\r"
    )
    return parse(text.encode(codec or DECLARED[declared]), codec or "utf-8")


def through_json_and_soap(name: str, version: str = "1.1") -> str:
    """What the platform reads of a name that came as JSON."""
    told = json_text.parse(json_text.print_json({"name": name}))["name"]
    inner = print_inner("input", {"name": told}, "GB18030")
    call = {"transCode": "2204", "inputXml": inner}
    wire = write_request(WSDL, "callService", call, version=version, cdata=("inputXml",))
    op, values = read_request(WSDL, open_envelope(wire.body, version=version))
    assert op == "callService"
    return str(parse_inner(values["inputXml"])[1]["name"])


@lru_cache(maxsize=1)
def journeyed() -> list[str]:
    """All names, as they stand behind JSON and SOAP."""
    return [through_json_and_soap(name) for name in pieces(URO) + pieces(COLLIDING)]


def test_the_colliding_characters_are_all_there() -> None:
    assert len(COLLIDING) == 471
    assert set(TOLD_APART) <= set(COLLIDING)


def test_json_and_soap_change_nothing() -> None:
    assert "".join(journeyed()) == URO + COLLIDING
    for version in ("1.1", "1.2"):
        assert through_json_and_soap(RARE + "|^~\\&<>]]>", version) == RARE + "|^~\\&<>]]>"


@pytest.mark.parametrize("declared", DECLARED)
def test_every_character_comes_in_from_every_charset(declared: str) -> None:
    for codec in [DECLARED[declared]] if declared else ["utf-8", "gb18030"]:
        for name in [*pieces(URO + COLLIDING), RARE, TOLD_APART]:
            message = received(declared, name, "" if declared else codec)
            assert message.get("PID-5.1") == name
            assert message.get("PID-5.2") == name[::-1]
            assert (message.get("MSH-4"), message.get("PID-8"), message.get("PID-3[2].1")) == ("東區億", "M", "X2")


@pytest.mark.parametrize("declared", DECLARED)
def test_every_character_goes_out_in_every_charset(declared: str) -> None:
    """Read back by Python's codec and a plain split, not by our reader."""
    for name in journeyed():
        message = begin("ADT", "A08", "", declared=declared)
        message.set("PID-5.1", name)
        message.set("PID-8", "M")
        lines = message.to_bytes().decode(DECLARED[declared]).split("\r")
        assert lines[1].split("|")[5] == name
        assert lines[1].split("|")[8] == "M"


@pytest.mark.parametrize("came", DECLARED)
@pytest.mark.parametrize("goes", DECLARED)
def test_from_every_charset_into_every_other(came: str, goes: str) -> None:
    for name in [*TOLD_APART, *RARE, TOLD_APART + COLLIDING]:
        message = received(came, name)
        name_there = through_json_and_soap(message.get("PID-5.1"))
        again = begin("DFT", "P03", "", declared=goes)
        again.set("PID-5.1", name_there)
        again.set("FT1-11.3", "1.00")
        beyond = [character for character in name if not _in_gbk(character)]
        if goes == "GBK" and beyond:
            with pytest.raises(Unwritable) as refused:
                again.to_bytes()
            assert (refused.value.character, refused.value.place) == (beyond[0], "PID-5")
            assert f"U+{ord(beyond[0]):04X}" in str(refused.value)
        else:
            back = parse(again.to_bytes())
            assert (back.get("PID-5.1"), back.get("FT1-11.3")) == (name, "1.00")


def _in_gbk(character: str) -> bool:
    try:
        character.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True


def test_characters_a_hospital_made_itself_keep_their_code() -> None:
    """User-defined ones of GBK stand in Unicode's private use area: U+E000 and on."""
    made = b"\xaa\xa1\xaf\xfe\xf8\xa1\xa1\x40\xa7\x7c"
    name = received("GBK", made.decode("gb18030")).get("PID-5.1")
    assert name == made.decode("gb18030")
    assert all("\ue000" <= character <= "\uf8ff" for character in name)
    message = begin("ADT", "A08", "", declared="GB18030")
    message.set("PID-5.1", through_json_and_soap(name))
    assert made in message.to_bytes()


def test_a_received_message_may_change_its_charset_or_is_refused_by_name() -> None:
    for name in (TOLD_APART, RARE):
        message = received("UTF-8", name)
        message.speak("GB 18030-2000")
        assert parse(message.to_bytes()).get("PID-5.1") == name
    message = received("UTF-8", "張" + RARE)
    message.speak("GBK")
    with pytest.raises(Unwritable, match="𠮷") as refused:
        message.to_bytes()
    assert refused.value.place == "PID-5"


# What cannot be read


WRONG = {
    "utf-8": (b"\xff", b"\xe5\xbc", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf8\x88\x80\x80\x80"),
    "gb18030": (b"\xff", b"\x83", b"\x81\x30\x81", b"\x84\x31\xa5\x30"),
}


@pytest.mark.parametrize("declared", DECLARED)
def test_an_undecodable_byte_gets_an_ar_with_its_offset_and_nothing_is_replaced(declared: str) -> None:
    codec = DECLARED[declared]
    whole = received(declared, TOLD_APART).raw
    # behind MSH, whose own bytes decide the character set, at every place where a character begins
    for at in _starts(whole, codec, whole.index(b"EVN")):
        for wrong in WRONG[codec]:
            data = whole[:at] + wrong + b"|" + whole[at:]
            try:
                data.decode(codec)
            except UnicodeDecodeError as truth:
                expected = truth.start
            else:
                continue  # with what follows it became another character: nothing to find
            with pytest.raises(Undecodable) as fault:
                parse(data)
            assert (fault.value.code, fault.value.offset) == ("charset", expected)
            header = header_of(data)
            reply = ack(header, "AR", str(fault.value), control_id="A1", at="20261122080000")
            verdict = read_ack(reply, "M1")
            assert (verdict.code, verdict.control_id) == ("AR", "M1")
            assert f"byte {expected}" in verdict.text
            assert "\ufffd" not in reply.decode(codec)
            assert header.sender == ("NHIS", "東區億")


def _starts(data: bytes, codec: str, begin: int) -> list[int]:
    found, at = [], begin
    for character in data[begin:].decode(codec):
        found.append(at)
        at += len(character.encode(codec))
    return [*found[::3], at]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(DECLARED)), st.lists(st.tuples(st.integers(90, 400), st.binary(max_size=3)), max_size=4))
def test_whatever_bytes_come_no_replacement_character_is_ever_made(
    declared: str, changes: list[tuple[int, bytes]]
) -> None:
    data = received(declared, TOLD_APART * 8).raw
    for at, wrong in changes:
        data = data[:at] + wrong + data[at + len(wrong) :]
    written = b"\xef\xbf\xbd" in data or b"\x84\x31\xa4\x37" in data  # then the sender has it, not we
    try:
        message = parse(data)
    except Undecodable:
        return  # refused: the tests above say where
    assert message.raw == data
    assert message.to_bytes() == data
    assert written or "\ufffd" not in message.to_text()


# What is empty, what is to be deleted, what repeats


def test_empty_and_to_be_deleted_are_told_apart_and_travel_on() -> None:
    data = (
        b'MSH|^~\\&|NHIS|X|ENGINE||2026||ADT^A08|M1|P|2.4||||||GBK\rEVN|A08|2026\r'
        b'PID|1|P1|P1~""~P3^^^^T||Z^""^|||""||\rPV1|1|O\r'
    )
    message = parse(data)
    assert (message.get("PID-8"), message.get("PID-9"), message.get("PID-40")) == ('""', "", "")
    assert (message.get("PID-5.1"), message.get("PID-5.2"), message.get("PID-5.3")) == ("Z", '""', "")
    assert message.all("PID-3") == ["P1", '""', "P3^^^^T"]
    assert message.to_bytes() == data
    message.set("PID-9", "x")
    assert message.to_bytes() == data.replace(b'|""||\r', b'|""|x|\r'), "what was deleted and what was empty stay so"


def test_repetitions_keep_their_places_when_one_is_changed() -> None:
    message = received("GBK", TOLD_APART)
    message.set("PID-3[3].1", "億~區")
    message.set("PID-3[2].5", "T|2")
    back = parse(message.to_bytes())
    assert back.all("PID-3.1") == ["P1", "X2", "億~區"]
    assert back.all("PID-3.5") == ["PatientNO", "T|2", ""]
