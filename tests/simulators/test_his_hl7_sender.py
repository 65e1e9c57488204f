"""The HIS as a sender of events: what it writes, in which order, and how it repeats what nobody acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hl7_wire import block
from memory_town import MemoryReactor
from twisted.internet.protocol import Factory, Protocol

from engine.codecs.hl7_plan import check
from engine.codecs.hl7v2 import parse
from simulators.base.party import ActRefused
from simulators.base.world import SimWorld
from simulators.his import HisSim
from simulators.his.hl7_events import EVENTS, EVENTS_24
from simulators.his.hl7_settings import VERSIONS

START = 1795305600.0  # 2026-11-22 08:00:00 in Beijing


class Receiver(Factory):
    """An MLLP door that keeps the bodies and answers what `answer` gives (None: nothing, "drop": hangs up)."""

    def __init__(self, answer: Callable[[str, int], str | None]) -> None:
        self.answer = answer
        self.bodies: list[bytes] = []
        self.connections = 0

    def buildProtocol(self, addr: Any) -> Protocol:
        self.connections += 1
        return Ear(self)


class Ear(Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self.receiver, self.rest = receiver, b""

    def dataReceived(self, data: bytes) -> None:
        self.rest += data
        while b"\x1c\r" in self.rest:
            body, _, self.rest = self.rest.partition(b"\x1c\r")
            self.receiver.bodies.append(body[1:])
            number = body.split(b"|")[9].decode()
            reply = self.receiver.answer(number, len(self.receiver.bodies))
            if reply == "drop":
                self.transport.abortConnection()
            elif reply is not None:
                self.transport.write(block(f"MSH|^~\\&|E||NHIS||1||ACK|1|P|2.4\rMSA|{reply}\r".encode()))


class Ward:
    """A HIS and a receiver on one virtual network."""

    def __init__(self, answer: Callable[[str, int], str | None] = lambda number, nth: f"AA|{number}") -> None:
        self.reactor = MemoryReactor()
        self.reactor.advance(START)
        self.his = HisSim(SimWorld(self.reactor, engine="http://127.0.0.1:8600"))  # type: ignore[arg-type]  # the part that is used
        self.receiver = Receiver(answer)
        self.reactor.listenTCP(8610, self.receiver)

    def send(self, **more: Any) -> list[str]:
        numbers: list[str] = self.his.act({"act": "send", "event": "ADT^A01", **more})["numbers"]
        return numbers

    def states(self) -> list[str]:
        return [row.state for row in self.his.ledger.rows]

    def heard(self) -> list[str]:
        return [body.split(b"|")[9].decode() for body in self.receiver.bodies]

    def pass_time(self, seconds: float) -> None:
        end = self.reactor.seconds() + seconds
        while (calls := [c.getTime() for c in self.reactor.getDelayedCalls()]) and min(calls) <= end:
            self.reactor.advance(max(0.0, min(calls) - self.reactor.seconds()))
        self.reactor.advance(max(0.0, end - self.reactor.seconds()))


@pytest.mark.parametrize(("event", "version"), [
    *((event, version) for event in EVENTS for version in VERSIONS), *((event, "2.4") for event in EVENTS_24),
])  # fmt: skip
def test_what_it_writes_is_right_by_the_tables(event: str, version: str) -> None:
    ward = Ward()
    ward.send(event=event, version=version, patient="P0008")
    ward.pass_time(1)
    message = parse(ward.receiver.bodies[0])
    assert check(message) == []
    assert (f"{message.header.code}^{message.header.event}", message.header.version) == (event, version)
    assert message.get("PID-5.1") == ("测试𠮷" if message.find("PID") else "")
    assert ward.states() == ["acknowledged"]


@pytest.mark.parametrize("unsaid", ["utf-8", "gb18030"])
@pytest.mark.parametrize("charset", ["GBK", "GB18030", "GB 18030-2000", "UNICODE UTF-8", "UTF-8", ""])
def test_every_charset(charset: str, unsaid: str) -> None:
    ward = Ward()
    ward.his.act({"act": "set_hl7", "unsaid": unsaid})
    ward.send(charset=charset, name="張億區東瑋魚𬍛")
    ward.pass_time(1)
    message = parse(ward.receiver.bodies[0], unsaid)
    assert (message.get("PID-5.1"), message.get("MSH-18"), message.get("PID-8")) == ("張億區東瑋魚𬍛", charset, "M")


def test_events_go_in_order_on_one_connection_each_under_its_own_number() -> None:
    ward = Ward()
    numbers = ward.send(count=200, patients=50)
    ward.pass_time(5)
    assert ward.heard() == numbers
    assert len(set(numbers)) == 200
    assert ward.receiver.connections == 1
    visits = {row.bill for row in ward.his.ledger.rows}
    assert len(visits) == 50
    assert set(ward.states()) == {"acknowledged"}


def test_what_is_not_acknowledged_is_sent_again_under_its_number_and_holds_the_rest() -> None:
    ward = Ward(lambda number, nth: f"AA|{number}" if nth > 2 else None)
    first, second = ward.send(count=2)
    ward.pass_time(12)
    assert ward.heard() == [first]
    assert ward.his.act({"act": "waiting"})["waiting"]["127.0.0.1:8610"] == {
        "messages": 2, "number": first, "tries": 1, "said": "no acknowledgement in 10 s",
    }  # fmt: skip
    ward.pass_time(20)
    assert ward.heard() == [first, first, first, second]
    assert ward.receiver.bodies[0] == ward.receiver.bodies[1], "the same bytes"
    assert ward.receiver.connections == 3, "a connection without an answer is not used again"
    assert ward.states() == ["acknowledged", "acknowledged"]


@pytest.mark.parametrize("answer", ["drop", "AA|other", "AA", "??|{}", "AE|{}|busy"])
def test_anything_but_its_own_aa_is_no_acknowledgement(answer: str) -> None:
    ward = Ward(lambda number, nth: answer.format(number) if nth == 1 else f"AA|{number}")
    number = ward.send()[0]
    ward.pass_time(30)
    assert ward.heard() == [number, number]
    assert ward.states() == ["acknowledged"]


def test_a_refused_message_is_left_and_the_next_one_sent() -> None:
    ward = Ward(lambda number, nth: f"AR|{number}|no" if nth == 1 else f"AA|{number}")
    ward.send(count=2)
    ward.pass_time(5)
    assert ward.states() == ["refused", "acknowledged"]


def test_habits_of_giving_up() -> None:
    ward = Ward(lambda number, nth: f"AE|{number}|busy")
    ward.his.act({"act": "set_hl7", "on_ae": "skip"})
    ward.send()
    ward.his.act({"act": "set_hl7", "on_ae": "repeat", "tries": 3, "repeat_after": 1})
    ward.pass_time(10)
    assert ward.states() == ["given_up"]
    assert len(ward.heard()) == 3
    ward.his.act({"act": "set_hl7", "on_ae": "skip"})
    ward.send()
    ward.pass_time(5)
    assert ward.states() == ["given_up", "refused"]


def test_nobody_listens_then_somebody_does() -> None:
    ward = Ward()
    ward.send(to="127.0.0.1:9999")
    ward.pass_time(20)
    assert ward.states() == ["waiting"]
    ward.reactor.listenTCP(9999, ward.receiver)
    ward.pass_time(20)
    assert ward.states() == ["acknowledged"]


def test_a_typed_message_goes_as_it_is() -> None:
    ward = Ward()
    text = "MSH|^~\\&|A|B|C|D|2026||ZZZ^Z01|T1|P|2.4\nZPM|1|億\n"
    ward.his.act({"act": "send", "text": text, "charset": "GBK"})
    ward.pass_time(1)
    body = "MSH|^~\\&|A|B|C|D|2026||ZZZ^Z01|T1|P|2.4||||||GBK\rZPM|1|億\r".encode("gbk")
    assert ward.receiver.bodies == [body]
    assert [(row.no, row.ref) for row in ward.his.ledger.rows] == [("T1", "ZZZ^Z01")]


def test_places_and_intervals() -> None:
    ward = Ward()
    ward.send(count=3, interval=60, places={"PID-11": "青島^^^山东", "ZPM-1.2": "x"})
    ward.pass_time(61)
    assert len(ward.heard()) == 2
    message = parse(ward.receiver.bodies[0])
    assert (message.get("PID-11.1"), message.get("PID-11.4"), message.get("ZPM-1.2")) == ("青島", "山东", "x")


def test_a_reset_stops_sending_and_a_number_never_returns() -> None:
    ward = Ward(lambda number, nth: None)
    before = ward.send(count=3)
    ward.pass_time(1)
    ward.his.start_over()
    ward.pass_time(100)
    assert ward.heard() == before[:1]
    assert ward.his.act({"act": "waiting"}) == {"waiting": {}}
    ward.receiver.answer = lambda number, nth: f"AA|{number}"
    assert not set(ward.send(count=3)) & set(before)
    ward.pass_time(5)
    assert ward.states() == ["acknowledged"] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "ADT^A99"}, {"count": 0}, {"count": "3"}, {"charset": "LATIN"}, {"patient": "P9999"}, {"to": "here"},
        {"version": "2.8"}, {"places": {"PID": "x"}}, {"color": "red"}, {"interval": -1}, {"patients": 0},
        {"number": "1", "count": 2}, {"text": "MSH|^~\\&|A|B|C|D|2026||A^B|1|P|2.4"}, {"name": "\ud800"},
    ],
)  # fmt: skip
def test_a_wrong_order_is_told_and_sends_nothing(wrong: dict[str, Any]) -> None:
    ward = Ward()
    with pytest.raises((ValueError, ActRefused)):
        ward.send(**wrong)
    ward.pass_time(5)
    assert ward.his.ledger.rows == []
    assert ward.heard() == []
