"""Every character of the common set and rare names through a running engine: HL7 in each character set to JSON, to HL7
as it came, and to HL7 written anew in each character set, or a refusal that names the character."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import gatherResults

from engine.store.messages import message_bytes
from tests.deliver.ward import Ward, ack_of

URO = "".join(map(chr, range(0x4E00, 0x9FA6)))
RARE = "𠮷𬍛䶮㐂㛃䲟鿫鿏𫖮𠅤𫝈㑇䜣𬭊𤧛𪧶"  # four bytes each in GB18030, none in GBK
WIRE = {"GBK": "gb18030", "GB18030": "gb18030", "GB 18030-2000": "gb18030", "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8"}
WRITTEN = """map: adt
make:
  - [PID_3_1, hl7.PID_3_1]
  - [PID_5_1, hl7.PID_5_1]
"""
ANEW = "  lis: {to: lis, op: 'ADT^A08', send: adt, wait: 5s}"


def names() -> list[str]:
    return [*(URO[at : at + 45] for at in range(0, len(URO), 45)), RARE]


def adt(control: str, name: str, declared: str) -> bytes:
    """Made with Python's codec, not ours."""
    return (
        f"MSH|^~\\&|NHIS|東區億|ENGINE||20261122080000||ADT^A08|{control}|P|2.4||||||{declared}\r"
        f"EVN|A08|20261122080000\rPID|1||P{control}^^^億||{name}||19900101|M\rPV1|1|I\r"
    ).encode(WIRE[declared])


def hear(ward: Ward, declared: str) -> list[bytes]:
    """All names in one character set, each taken with AA; what was sent."""
    sent = [adt(f"C{n}", name, declared) for n, name in enumerate(names())]
    told = ward.wait(gatherResults([ward.raw(body) for body in sent]), 600)
    assert {ack_of(b"\x0b" + one).code for one in told} == {"AA"}
    return sent


@pytest.mark.parametrize("declared", WIRE)
def test_every_name_arrives_as_json_and_as_it_came(tmp_path: Path, declared: str) -> None:
    ward = Ward(tmp_path, more="  lis: {to: lis, op: forward, wait: 5s}")
    ward.start()
    sent = hear(ward, declared)
    assert ward.sim.run(lambda: len(ward.emr.bodies) == len(ward.lis) == len(sent), 300)
    told = {body["control"]: body["name"] for body in ward.emr.bodies}
    assert told == {f"C{n}": one for n, one in enumerate(names())}
    assert sorted(ward.lis) == sorted(sent), "byte for byte"
    numbers = [no for (no,) in ward.rows("SELECT id FROM messages")]
    kept = ward.read(lambda conn: message_bytes(conn, numbers))
    assert sorted(data for _, data in kept.values()) == sorted(sent), "and kept as it came"
    ward.stop()


@pytest.mark.parametrize(("declared", "writes"), [
    ("UTF-8", "GBK"), ("GBK", "GB18030"), ("GBK", "GB 18030-2000"), ("GB18030", "UNICODE UTF-8"),
])  # fmt: skip
def test_every_name_is_written_anew_or_refused_by_its_character(tmp_path: Path, declared: str, writes: str) -> None:
    ward = Ward(tmp_path, more=ANEW, lis_more=f", charset: {writes}", maps={"mappings/adt.map.yaml": WRITTEN})
    ward.start()
    hear(ward, declared)
    ward.advance(120)
    got = sorted(body.decode(WIRE[writes]).split("\r")[1].split("|")[5] for body in ward.lis)
    if writes == "GBK":
        assert got == sorted(names()[:-1])
        assert ward.rows("SELECT COUNT(*) FROM outbox WHERE state = 'dead'") == [(1,)]
        ((reason,),) = ward.rows("SELECT reason FROM outbox WHERE state = 'dead'")
        assert reason == "PID-5: 𠮷 (U+20BB7) 不在字符集 gbk 里 · cannot be written in gbk"
    else:
        assert got == sorted(names())
        assert ward.rows("SELECT COUNT(*) FROM outbox") == [(0,)]
    assert all(b"\xef\xbf\xbd" not in body for body in ward.lis)
    ward.stop()


def test_an_acknowledgement_that_names_no_character_set_is_read_in_the_party_s(tmp_path: Path) -> None:
    says = "|接收成功".encode("gbk")
    ward = Ward(tmp_path, more=ANEW, lis_more=", charset: GBK", maps={"mappings/adt.map.yaml": WRITTEN}, lis_says=says)
    ward.start()
    ward.send("C1")
    ward.advance(60)
    assert len(ward.lis) == 1, "it was taken the first time"
    assert ward.rows("SELECT COUNT(*) FROM outbox") == [(0,)]
    ward.stop()


def test_what_xml_cannot_carry_is_a_dead_letter_that_names_it(tmp_path: Path) -> None:
    ward = Ward(tmp_path, gates=", format: xml")
    ward.start()
    ward.send("C1", name="测\\X01\\试")
    ward.advance(30)
    ((reason,),) = ward.rows("SELECT reason FROM outbox WHERE state = 'dead'")
    assert reason == "name: U+0001 不能写进 XML · cannot be written in XML"
    ward.stop()
