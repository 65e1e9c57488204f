"""HIS events through the real engine to the real subscribers, the shipped channel and maps: what is acknowledged
arrives, once in order for each patient, with every character it had."""

from __future__ import annotations

import base64
import json
import socket
from typing import Any

import pytest

from simulators.his.hl7_events import EVENTS, EVENTS_24
from tests.deliver_doors.house import House

RARE = "億區東瑋魚𬍛𠮷䶮"
EVERYBODY = ("emr", "platform", "lis")


def contents(house: House, subscriber: str) -> list[str]:
    """What a subscriber was sent, as text, in order; from the raw bytes of its side."""
    found = []
    for row in house.get("subscribers", "/sim/exchanges")["exchanges"]:
        raw = base64.b64decode(row["request_base64"])
        if raw.startswith(b"\x0b"):
            name, text = "lis", raw[1:-2].decode("utf-8" if b"UTF-8" in raw.split(b"\r")[0] else "gb18030")
        else:
            head, _, body = raw.partition(b"\r\n\r\n")
            name, text = head.split(b"/")[1].decode(), body.decode("utf-8")
        if name == subscriber:
            found.append(text)
    return found


def fields(house: House) -> list[dict[str, Any]]:
    return [json.loads(text) for text in contents(house, "emr")]


def all_arrived(house: House, count: int, subscribers: tuple[str, ...] = EVERYBODY) -> None:
    house.until(
        lambda: all(len(house.arrived(name, "done")) == count for name in subscribers), f"arrival of {count} messages"
    )


def test_every_event_reaches_who_wants_it(house: House) -> None:
    for event in EVENTS:
        house.his("send", event=event, patient="P0008")
    house.acknowledged()
    all_arrived(house, len(EVENTS), ("emr", "platform"))
    assert {row["state"] for row in house.sent()} == {"acknowledged"}
    assert [one["event"] for one in fields(house)] == list(EVENTS), "one patient's events keep their order"
    assert [one["name"] for one in fields(house)] == ["测试𠮷"] * len(EVENTS)
    report = fields(house)[-1]
    assert [(row["code"], row["value"]) for row in report["results"]] == [("WBC", "6.2"), ("NOTE", "未见异常 & 复查")]
    assert report["results"][0]["unit"] == "10^9/L"
    all_arrived(house, len(EVENTS) - 1, ("lis",))
    forwarded = [text.split("|")[8] for text in contents(house, "lis")]
    assert forwarded == [event for event in EVENTS if event != "ORU^R01"], "reports are not sent back to the LIS"


def test_orders_transfers_dictionaries_and_accounts_reach_who_wants_them(house: House) -> None:
    for event in EVENTS_24:
        house.his("send", event=event, patient="P0008", visit="V8")
    house.acknowledged()
    all_arrived(house, len(EVENTS_24), ("emr", "platform"))
    found = {one["event"]: one for one in fields(house)}
    assert set(found) == set(EVENTS_24)
    assert found["ADT^A42"]["formerPatientId"] == "P0008X"
    assert found["ORM^O01"]["orders"] == [{"control": "NW", "number": "AV8", "filler": "BV8", "state": "IP"}]
    assert found["ZAS^O17"]["given"][0]["code"] == "K0101"
    assert (found["MFN^M01"]["dictionary"], found["MFN^M01"]["entries"][0]["code"]) == ("CDM", "K0001")
    assert "patientId" not in found["MFN^M01"], "a dictionary has no patient"


@pytest.mark.parametrize("charset", ["GBK", "GB18030", "GB 18030-2000", "UNICODE UTF-8", "UTF-8", ""])
def test_rare_names_arrive_from_every_charset_at_everybody(house: House, charset: str) -> None:
    house.his("send", event="ADT^A08", charset=charset, name=RARE)
    house.acknowledged()
    all_arrived(house, 1)
    assert fields(house)[0]["name"] == RARE
    assert f"<name>{RARE}</name>" in contents(house, "platform")[0]
    assert contents(house, "lis")[0].split("\r")[2].split("|")[5] == RARE


def test_many_events_of_many_patients_each_in_order(house: House) -> None:
    numbers = house.his("send", event="ADT^A08", count=400, patients=40)["numbers"]
    house.acknowledged()
    all_arrived(house, 400)
    assert sorted(row["no"] for row in house.arrived("lis")) == sorted(numbers)
    for name in EVERYBODY:
        _in_order(house, name)


def _in_order(house: House, subscriber: str) -> None:
    """First arrivals of each patient stand in the order in which the HIS sent them."""
    controls = {row["no"]: at for at, row in enumerate(house.sent())}
    if subscriber == "lis":
        order = [(row["ref"], controls[row["no"]]) for row in house.arrived(subscriber, "done")]
    else:
        order = [(row["ref"], int(row["no"])) for row in house.arrived(subscriber, "done")]
    by_patient: dict[str, list[int]] = {}
    for patient, at in order:
        by_patient.setdefault(patient, []).append(at)
    assert all(places == sorted(places) for places in by_patient.values())
    assert len(by_patient) > 1


def test_one_subscriber_is_down_the_others_hear_at_once(house: House) -> None:
    house.fault("subscribers", "http_503", op="emr", times=None)
    house.fault("subscribers", "ack_ae", op="engine", times=3)
    house.his("send", event="ADT^A08", count=40, patients=10)
    house.acknowledged()
    all_arrived(house, 40, ("platform", "lis"))
    assert house.arrived("emr") == []
    house.calm()
    all_arrived(house, 40)
    for name in EVERYBODY:
        _in_order(house, name)


def test_under_a_bad_network_nothing_is_lost_and_order_stays(house: House) -> None:
    kinds = ("reset_before_commit", "reset_after_commit", "half_reply", "http_500", "ack_wrong_number")
    for at, kind in enumerate(kinds):
        house.fault("subscribers", kind, times=12, rate=0.15, seed=at + 1)
    house.his("send", event="ADT^A08", count=150, patients=15)
    house.acknowledged()
    all_arrived(house, 150)
    for name in EVERYBODY:
        _in_order(house, name)
        assert house.arrived(name, "conflict") == [], "what is sent again is the same, byte for byte"


# Senders that repeat, send rubbish, or are not ours


def _event(number: str, name: bytes = "张三".encode("gbk"), charset: bytes = b"GBK") -> bytes:
    return (
        b"MSH|^~\\&|NHIS|X|ENGINE||20261122080000||ADT^A08|" + number.encode() + b"|P|2.4||||||" + charset
        + b"\rEVN|A08|20261122080000\rPID|1|P0001|P0001||" + name + b"\rPV1|1|O\r"
    )  # fmt: skip


def _msa(reply: bytes) -> list[str]:
    """Read as the HIS reads it: in the character set that MSH-18 names, or the line's own."""
    text = reply.decode("utf-8" if b"UNICODE UTF-8" in reply.partition(b"\r")[0] else "gb18030")
    line = next(line for line in text.split("\r") if line.startswith("MSA"))
    return line.split("|")[1:]


def test_a_repeat_gets_the_first_acknowledgement_also_after_a_restart(house: House) -> None:
    number = f"REP{house.starts}"
    first = house.block(_event(number))
    assert _msa(first)[:2] == ["AA", number]
    assert house.block(_event(number)) == first
    house.kill()
    house.start()
    assert house.block(_event(number)) == first
    refused = house.block(_event(number, "李四".encode("gbk")))
    assert _msa(refused)[:2] == ["AR", number]
    assert b"205" in refused
    all_arrived(house, 1)
    kept = [body for one, body in house.stored() if one.control == number]
    assert kept == [_event(number), _event(number, "李四".encode("gbk"))], "both are kept"


@pytest.mark.parametrize("charset", [b"GBK", b"GB 18030-2000", b"UNICODE UTF-8", b""])
def test_an_undecodable_byte_is_refused_with_its_offset_and_kept_as_it_is(house: House, charset: bytes) -> None:
    number = f"BAD{len(charset)}"
    body = _event(number, b"A\xffB", charset)
    reply = house.block(body)
    assert _msa(reply)[:2] == ["AR", number]
    assert _msa(reply)[2].startswith("有不合所写字符集的字节 · "), "the words are not in the line's character set"
    assert f"byte {body.index(0xFF)}" in _msa(reply)[2]
    assert b"\xef\xbf\xbd" not in reply
    assert body in [kept for _, kept in house.stored()]
    assert all(b"\xef\xbf\xbd" not in kept and b"\x84\x31\xa4\x37" not in kept for _, kept in house.stored())
    assert house.arrived("emr") == []


def test_the_door_outlives_strangers(house: House) -> None:
    address = ("127.0.0.1", house.ports["hl7"])
    for rubbish in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"x" * 2000, b"\x0bMSH|^~\\&|"):
        with socket.create_connection(address, 10) as line:
            line.sendall(rubbish)
            line.shutdown(socket.SHUT_WR)
            line.settimeout(10)
            assert line.recv(100) == b"", "nothing is acknowledged"
    with socket.create_connection(address, 10) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"\x0b" + _event("BYTE1") + b"\x1c":
            line.sendall(bytes([byte]))
        line.sendall(b"\r\x0b" + _event("BYTE2") + b"\x1c\r")
        raw = b""
        while raw.count(b"\x1c\r") < 2:
            raw += line.recv(4096)
    assert [_msa(reply)[1] for reply in raw.split(b"\x1c\r")[:2]] == ["BYTE1", "BYTE2"]
    all_arrived(house, 2)


def test_what_is_not_taken_and_what_is_wrong_is_told_where(house: House) -> None:
    other = house.block(_event("OTH1").replace(b"ADT^A08", b"MDM^T02"))
    assert _msa(other)[:2] == ["AR", "OTH1"]
    wrong = house.block(_event("WRG1").replace(b"EVN|A08|20261122080000\r", b""))
    assert _msa(wrong)[:2] == ["AE", "WRG1"]
    assert "EVN is missing" in wrong.decode("gb18030")
    house.his("send", event="ADT^A01", places={"PID-7": "1990-02-31"}, charset="UTF-8")
    house.his("set_hl7", on_ae="skip")
    house.acknowledged()
    assert [row["state"] for row in house.sent()] == ["refused"]


# The engine dies


def test_what_was_acknowledged_arrives_although_the_engine_is_killed(house: House) -> None:
    house.his("send", event="ADT^A08", count=600, patients=60)
    for share in (120, 300, 480):
        house.until(lambda share=share: _taken(house) > share, f"{share} acknowledged")  # type: ignore[misc]  # bound now
        house.kill()
        house.start()
    house.acknowledged()
    all_arrived(house, 600)
    assert {row["state"] for row in house.sent()} == {"acknowledged"}
    for name in EVERYBODY:
        _in_order(house, name)
        surplus = len(house.arrived(name, "duplicate"))
        assert surplus <= 3 * 20, f"{surplus} more than were in flight when it died"
        assert house.arrived(name, "conflict") == []


def _taken(house: House) -> int:
    return sum(row["state"] != "waiting" for row in house.sent())
