"""A client nobody here wrote (python-hl7) sends to the real engine; and receivers who answer as they like."""

from __future__ import annotations

from typing import Any

import hl7
import hl7.client
import pytest

from tests.deliver_doors.house import House
from tests.deliver_doors.test_events import EVERYBODY, all_arrived, fields

TEXT = (
    "MSH|^~\\&|NHIS|H1|ENGINE||20261122080000||{kind}|{number}|P|2.4||||||{charset}\r"
    "EVN|A08|20261122080000\rPID|1|P0001|P0001^^^^PatientNO||{name}||19800312|M\rPV1|1|O" + "|" * 17 + "V1\r"
)


@pytest.mark.parametrize(("charset", "codec"), [("GBK", "gb18030"), ("GB 18030-2000", "gb18030"), ("UTF-8", "utf-8")])
def test_python_hl7_is_acknowledged_and_heard(house: House, charset: str, codec: str) -> None:
    numbers = [f"OUT{charset.replace(' ', '')}{at}" for at in range(40)]
    with hl7.client.MLLPClient("127.0.0.1", house.ports["hl7"], encoding=codec) as client:
        for number in numbers:
            text = TEXT.format(kind="ADT^A08", number=number, charset=charset, name="張億區")
            reply: bytes = client.send_message(hl7.parse(text))
            read: Any = hl7.parse(reply.strip(b"\x0b\x1c\r").decode(codec) + "\r")
            assert (str(read["MSA.F1"]), str(read["MSA.F2"]), str(read["MSH.F18"])) == ("AA", number, charset)
    all_arrived(house, len(numbers))
    assert [one["controlId"] for one in fields(house)] == numbers
    assert {one["name"] for one in fields(house)} == {"張億區"}


def test_python_hl7_hears_what_is_wrong(house: House) -> None:
    with hl7.client.MLLPClient("127.0.0.1", house.ports["hl7"], encoding="utf-8") as client:
        text = TEXT.format(kind="ADT^A08", number="OUTBAD", charset="UTF-8", name="")
        read: Any = hl7.parse(client.send_message(hl7.parse(text)).strip(b"\x0b\x1c\r").decode() + "\r")
    assert (str(read["MSA.F1"]), str(read["ERR.F1.R1.C1"]), str(read["ERR.F1.R1.C3"])) == ("AE", "PID", "5")
    assert house.arrived("emr") == []


AGAIN = [("ack_ae", 3), ("ack_aa_failed", 2), ("ack_wrong_number", 2), ("http_500", 2), ("half_reply", 2)]


@pytest.mark.parametrize(("fault", "times"), AGAIN)
def test_a_receiver_that_proves_nothing_is_sent_it_again(house: House, fault: str, times: int) -> None:
    house.fault("subscribers", fault, op="engine", times=times)
    numbers = house.his("send", event="ADT^A08", patient="P0001", count=3)["numbers"]
    all_arrived(house, 3)
    assert [row["no"] for row in house.arrived("lis", "done")] == numbers, "and keeps its order"
    tried = [one for one in house.get("subscribers", "/sim/exchanges")["exchanges"] if one["op"] == "engine"]
    assert len(tried) == 3 + times


def test_a_clear_no_is_a_dead_letter_and_the_next_one_goes(house: House) -> None:
    house.fault("subscribers", "ack_ar", op="engine")
    house.fault("subscribers", "http_400", op="emr", match={"event": "ADT^A08"})
    numbers = house.his("send", event="ADT^A08", patient="P0001", count=2)["numbers"]
    all_arrived(house, 1, ("lis", "emr"))
    all_arrived(house, 2, ("platform",))
    assert [row["no"] for row in house.arrived("lis")] == numbers[1:]

    def states() -> dict[str, str]:
        return {one.control: one.state for one, _ in house.stored() if one.control in numbers}

    house.until(lambda: states() == {numbers[0]: "dead", numbers[1]: "done"}, "their states in the store")


def test_everybody_tells_them_apart_by_our_number(house: House) -> None:
    house.his("send", event="ADT^A08", patient="P0001", count=5)
    all_arrived(house, 5)
    for name in EVERYBODY[:2]:
        ours = [row["no"] for row in house.arrived(name)]
        assert len(set(ours)) == 5
        assert ours == sorted(ours, key=int)
