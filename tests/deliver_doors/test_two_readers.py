"""Two readers of HL7 written apart (the engine's, the simulators') understand the same bytes the same way."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.codecs.errors import Undecodable
from engine.codecs.hl7_ack import HL7Error, ack, read_ack
from engine.codecs.hl7v2 import begin, parse
from engine.codecs.mllp import Frame, Framer, frame
from simulators.base.mllp import Unframer, framed
from simulators.base.mllp_ack import Verdict, ack_of, read_answer
from simulators.base.mllp_er7 import Unreadable, esc, read, written

CHARSETS = ("GBK", "GB18030", "GB 18030-2000", "UNICODE UTF-8", "UTF-8", "")
VALUE = st.text(st.sampled_from("ab&^~\\F|.X0张億區𠮷\n"), max_size=8)
PLACES = ("PID-3", "PID-5.1", "PID-5.2", "PID-11.3.2", "FT1-11.3", "ZPM-4")


def codec_of(charset: str) -> str:
    return "gb18030" if charset.startswith("GB") else "utf-8"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([one for one in CHARSETS if one != "GBK"]), st.lists(VALUE, min_size=6, max_size=6))
def test_what_the_engine_writes_the_simulators_read(charset: str, values: list[str]) -> None:
    message = begin("DFT", "P03", "", declared=charset)
    for place, value in zip(PLACES, values, strict=True):
        message.set(place, value)
    theirs = read(message.to_bytes())
    assert theirs.event == "DFT^P03"
    for place, value in zip(PLACES, values, strict=True):
        assert theirs.get(place) == value, place


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CHARSETS), st.lists(VALUE, min_size=3, max_size=3))
def test_what_the_simulators_write_the_engine_reads(charset: str, values: list[str]) -> None:
    msh = ["MSH", "^~\\&", "NHIS", "億", "", "", "2026", "", "ADT^A01", "M1", "P", "2.4", "", "", "", "", "", charset]
    rows = [msh, ["PID", "", "", esc(values[0]), "", f"{esc(values[1])}^{esc(values[2])}", "x"]]
    message = parse(written(rows, codec_of(charset)))
    assert [message.get(place) for place in ("PID-3", "PID-5.1", "PID-5.2")] == values
    assert message.get("PID-6") == "x"


PIECES = st.sampled_from([
    b"MSH|^~\\&|A|B|||1||ADT^A01|M1|P|2.4", b"||||||GBK", b"||||||UTF-8", b"\r", b"PID|1|", b"|", b"\\F\\",
    b"\\X41\\", b"\\.br\\", "張".encode(), "張億".encode("gbk"), b"\xff", b"^", b"&", b"~",
])  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=14), st.sampled_from(["utf-8", "gb18030"]))
@example(["張".encode(), b"||||||UTF-8", b"||||||GBK", "張億".encode("gbk")], "gb18030")  # one names itself
@example(["張億".encode("gbk"), b"\xff", b"||||||GBK"], "utf-8")  # no reading works, one names itself
@example(["張".encode(), b"||||||GBK", b"||||||GBK", "張億".encode("gbk"), "張".encode()], "utf-8")  # none of either
def test_both_read_or_both_refuse_any_bytes(pieces: list[bytes], default: str) -> None:
    data = b"MSH|^~\\&|A|B|||1||ADT^A01|M1|P|2.4" + b"".join(pieces)
    try:
        ours = parse(data, default)
    except Undecodable as no:
        ours, fault = None, no
    if ours is None:
        with pytest.raises(Unreadable) as theirs:
            read(data, default)
        both = fault.code == "charset" and "character, byte" in str(theirs.value)
        assert not both or theirs.value.offset == fault.offset
        return
    sim = read(data, default)
    assert [row.fields[0] for row in sim.rows] == [segment.name for segment in ours.segments]
    for row, segment in zip(sim.rows, ours.segments, strict=True):
        assert [text for text in row.fields if text] == [text for text in segment.fields if text]
        for field in range(3, len(segment.fields)):
            assert row.get(field, 1, 1) == segment.get(field, 1, 1, 1), (row.fields, field)


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
@pytest.mark.parametrize("charset", CHARSETS)
def test_acknowledgements_both_ways(version: str, charset: str) -> None:
    message = begin("ADT", "A01", "ADT_A01" if version > "2.4" else "", version=version, declared=charset)
    message.set("MSH-10", "M|1億")
    data = message.to_bytes()
    theirs = ack_of(read(data), Verdict("AE", "缺少|流水号", "101", "FT1-2", 3), number="A1", at="2026")
    verdict = read_ack(theirs, "M|1億")
    assert (verdict.code, verdict.text) == ("AE", "缺少|流水号")
    assert [(e.code, e.segment, e.occurrence, e.field) for e in verdict.errors] == [("101", "FT1", 3, 2)]
    ours = ack(parse(data), "AR", "不|行", [HL7Error("200", "MSH", 1, 9)], control_id="A1", at="2026")
    answer = read_answer(ours)
    assert (answer.code, answer.control_id, answer.text) == ("AR", "M\\F\\1億", "不|行")


BODY = st.binary(max_size=30).map(lambda data: data.replace(b"\x0b", b"").replace(b"\x1c", b""))


@settings(max_examples=200, deadline=None)
@given(st.lists(BODY, max_size=5), st.integers(1, 40))
def test_blocks_both_ways_in_any_packets(bodies: list[bytes], size: int) -> None:
    theirs, ours = Unframer(), Framer(10_000)
    packets = _packets([frame(body) for body in bodies], size)
    assert [body for packet in packets for body in theirs.feed(packet)] == bodies
    packets = _packets([framed(body) for body in bodies], size)
    assert [part for packet in packets for part in ours.feed(packet)] == [Frame(body) for body in bodies]


def _packets(blocks: list[bytes], size: int) -> list[bytes]:
    stream = b"".join(blocks)
    return [stream[at : at + size] for at in range(0, len(stream), size)]
