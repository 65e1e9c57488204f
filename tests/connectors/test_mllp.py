"""The MLLP listener and sender on simulated wires and a hand-moved clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from engine.codecs.hl7_ack import ack, read_ack
from engine.codecs.hl7v2 import begin, parse
from engine.codecs.mllp import Framer, Noise, frame
from engine.connectors.contract import CallFailed, NotSent, Silent
from engine.connectors.mllp import MllpLimits, MllpListener, MllpSender, Peer
from engine.core.world import World
from tests.connectors.wire import Line
from tests.connectors.wire import Peer as Far
from tests.connectors.wire import _To as To
from tests.simulation.reactor import CALM, SimReactor, Weather

QUICK = MllpLimits(
    frame_s=10, idle_s=60, answer_s=20, write_s=5, message=10_000, buffered=25_000, connections=3, per_ip=2
)


def message(number: str = "M1", name: str = "张三") -> bytes:
    sent = begin("ADT", "A08", "ADT_A01")
    sent.set("MSH-10", number)
    sent.set("PID-5.1", name)
    return sent.to_bytes()


def accept(body: bytes, code: Any = "AA") -> bytes:
    return ack(parse(body), code, control_id="R1", at="20261122102000")


class House:
    """A listener in a simulated world, and everything it reported."""

    def __init__(self, handle: Callable[[bytes], Any] = accept, limits: MllpLimits = QUICK) -> None:
        self.sim = SimReactor()
        self.heard: list[tuple[bytes, Peer]] = []
        self.noise: list[Noise] = []
        self.errors: list[Any] = []
        self.served: list[tuple[Any, ...]] = []
        self._handle = handle
        self.listener = MllpListener(
            World(self.sim.node("server"), inline=True),
            "hl7",
            "127.0.0.1",
            2575,
            self._take,
            limits,
            on_message=lambda *row: self.served.append(row),
            on_noise=lambda peer, noise: self.noise.append(noise),
            on_error=self.errors.append,
        )
        self.listener.start()

    def _take(self, body: bytes, peer: Peer) -> Any:
        self.heard.append((body, peer))
        return self._handle(body)

    def call(self, data: bytes = b"", node: str = "client") -> Line:
        line = Line()
        self.sim.node(node).connectTCP("server", 2575, To(line))
        self.sim.advance(0)
        if data:
            self.say(line, data)
        return line

    def say(self, line: Line, data: bytes) -> None:
        line.say(data)
        self.sim.advance(0.001)


def blocks(data: bytes) -> list[bytes]:
    return [part.body for part in Framer(100_000).feed(data) if not isinstance(part, Noise)]


def test_a_message_is_handed_over_and_its_acknowledgement_written_in_one_piece() -> None:
    house = House()
    line = house.call()
    writes: list[bytes] = []
    line.told = lambda _, data: writes.append(data)
    house.say(line, frame(message()))
    assert writes == [frame(accept(message()))]
    body, peer = house.heard[0]
    assert body == message()
    assert (peer.ip, peer.name) == ("10.0.0.2", "")
    assert house.served == [(peer, len(body), len(accept(body)), 0.0)]


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_messages_in_any_slices_are_answered_in_order(size: int) -> None:
    house = House()
    line = house.call()
    stream = b"".join(frame(message(f"M{n}")) for n in range(5))
    for at in range(0, len(stream), size):
        line.say(stream[at : at + size])
        house.sim.advance(0)
    house.sim.advance(0.01)
    assert [read_ack(reply, f"M{n}").kind for n, reply in enumerate(blocks(line.heard))] == ["accepted"] * 5


def test_one_message_at_a_time_and_nothing_without_the_handlers_word() -> None:
    waiting: list[Deferred[bytes]] = []

    def slow(body: bytes) -> Deferred[bytes]:
        waiting.append(Deferred())
        return waiting[-1]

    house = House(slow)
    line = house.call(frame(message("M1")) + frame(message("M2")))
    house.say(line, frame(message("M3")))
    house.sim.advance(5)
    assert (len(house.heard), line.heard, house.listener.in_flight) == (1, b"", 1)
    for number in (1, 2, 3):
        waiting[-1].callback(accept(house.heard[-1][0]))
        house.sim.advance(0.001)
        assert [read_ack(reply, f"M{n + 1}").kind for n, reply in enumerate(blocks(line.heard))] == [
            "accepted"
        ] * number
    assert (house.listener.in_flight, house.listener.held) == (0, 0)


def test_a_sender_that_does_not_wait_is_held_back_in_the_kernel() -> None:
    waiting: list[Deferred[bytes]] = []

    def slow(body: bytes) -> Deferred[bytes]:
        waiting.append(Deferred())
        return waiting[-1]

    house = House(slow, MllpLimits(answer_s=1e6))
    line = house.call(frame(message("M0")))
    for n in range(1, 200):
        line.say(frame(message(f"M{n}")))
        house.sim.advance(0.01)
    assert len(house.heard) == 1
    assert house.listener.held < 3 * len(message("M000"))
    for _ in range(200):
        waiting[-1].callback(accept(house.heard[-1][0]))
        house.sim.advance(0.01)
    assert len(blocks(line.heard)) == 200


def test_a_handler_that_fails_costs_the_connection_and_acknowledges_nothing() -> None:
    def fail(body: bytes) -> bytes:
        raise RuntimeError("no")

    for handle in (fail, lambda body: Deferred(), lambda body: b"a\x0bb", lambda body: "text"):
        house = House(handle)
        line = house.call(frame(message()))
        house.sim.advance(25)
        assert (line.heard, line.ended) == (b"", "ConnectionDone")
        assert (house.listener.connections, house.listener.in_flight, house.listener.held) == (0, 0, 0)
        assert len(house.errors) + house.listener.late == 1


def test_a_deferred_that_fails_or_answers_too_late() -> None:
    waiting: Deferred[bytes] = Deferred()
    house = House(lambda body: waiting)
    line = house.call(frame(message()))
    waiting.errback(RuntimeError("no"))
    house.sim.advance(1)
    assert (line.heard, line.ended, len(house.errors)) == (b"", "ConnectionDone", 1)
    stubborn: Deferred[bytes] = Deferred(lambda _: None)
    house = House(lambda body: stubborn)
    line = house.call(frame(message()))
    house.sim.advance(25)
    assert (line.ended, house.listener.late) == ("ConnectionDone", 1)


def test_an_empty_answer_writes_nothing() -> None:
    house = House(lambda body: b"")
    line = house.call(frame(message()) + frame(message("M2")))
    assert (len(house.heard), line.heard, line.ended) == (2, b"", None)


def test_a_peer_that_leaves_early_changes_nothing_for_the_handler() -> None:
    waiting: Deferred[bytes] = Deferred()
    house = House(lambda body: waiting)
    line = house.call(frame(message()))
    line.transport.loseConnection()  # type: ignore[union-attr] # connected
    house.sim.advance(1)
    assert (house.listener.connections, house.listener.in_flight, house.listener.held) == (0, 1, len(message()))
    waiting.callback(accept(message()))
    assert (house.listener.in_flight, house.listener.held, house.errors) == (0, 0, [])


@pytest.mark.parametrize("drip", [False, True])
def test_a_block_has_an_absolute_deadline(drip: bool) -> None:
    house = House()
    line = house.call(b"\x0bMSH|")
    for _ in range(12):
        house.sim.advance(0.9)
        if drip and line.ended is None:
            line.say(b"x")
    assert (line.heard, house.heard) == (b"", [])
    assert line.ended is not None
    assert (house.listener.connections, house.listener.held) == (0, 0)
    assert [noise.why for noise in house.noise] == ["unfinished"]


def test_an_idle_connection_is_closed_late_and_a_busy_one_not() -> None:
    house = House()
    line = house.call(frame(message()))
    for _ in range(5):
        house.sim.advance(50)
        house.say(line, frame(message()))
    assert (len(blocks(line.heard)), line.ended) == (6, None)
    house.sim.advance(61)
    assert line.ended == "ConnectionDone"


def test_strangers_are_shut_out_after_what_came_whole() -> None:
    for data, why in ((b"GET / HTTP/1.1\r\n\r\n", "http"), (b"\x16\x03\x01\x00\xa5", "tls"), (b"z" * 2000, "garbage")):
        house = House()
        line = house.call(frame(message()) + data)
        assert len(blocks(line.heard)) == 1
        assert line.ended == "ConnectionDone"
        assert [noise.why for noise in house.noise] == [why]
        assert house.listener.noise == {why: 1}


def test_a_message_beyond_the_limit_is_refused_before_memory() -> None:
    house = House()
    line = house.call(b"\x0b")
    sent = 0
    while line.ended is None and sent < 64_000_000:
        house.say(line, b"x" * 1000)
        sent += 1000
    assert sent <= 12_000
    assert (house.heard, house.listener.held) == ([], 0)
    assert house.noise[0].why == "too-long"


def test_all_connections_share_a_bound_of_memory() -> None:
    house = House()
    lines = [house.call(b"\x0b" + b"x" * 9000, node) for node in ("a", "b", "c")]
    assert [line.ended is None for line in lines] == [True, True, False]
    assert house.listener.held <= QUICK.buffered
    assert house.listener.noise["no-memory"] == 1


def test_connections_are_capped_in_all_and_per_address() -> None:
    house = House()
    lines = [house.call(node=node) for node in ("a", "a", "a", "b", "b")]
    assert [line.ended is None for line in lines] == [True, True, False, True, False]
    assert house.listener.refused == 2
    lines[0].transport.loseConnection()  # type: ignore[union-attr] # connected
    house.sim.advance(0.1)
    assert house.call(frame(message()), "a").heard


def test_draining_finishes_what_is_begun() -> None:
    waiting: Deferred[bytes] = Deferred()
    house = House(lambda body: waiting)
    idle = house.call(node="a")
    busy = house.call(frame(message()) + frame(message("M2")), "b")
    done: list[None] = []
    house.listener.drain(10).addCallback(done.append)
    house.sim.advance(1)
    assert (idle.ended, busy.ended, done) == ("ConnectionDone", None, [])
    waiting.callback(accept(message()))
    house.sim.advance(1)
    assert (len(blocks(busy.heard)), len(house.heard), busy.ended) == (1, 1, "ConnectionDone")
    assert done == [None]
    with pytest.raises(AssertionError):
        assert house.call(frame(message())).heard


def test_draining_ends_in_time() -> None:
    house = House(lambda body: Deferred())
    line = house.call(frame(message()))
    done: list[None] = []
    house.listener.drain(3).addCallback(done.append)
    house.sim.advance(3.1)
    assert (line.heard, done) == (b"", [None])
    assert line.ended is not None


# --- the sender


class Desk:
    """A sender in a simulated world, its scripted peer, and how its calls ended."""

    def __init__(
        self, script: Callable[[Line, bytes], None] | None = None, weather: Weather = CALM, **more: Any
    ) -> None:
        self.sim = SimReactor(0, weather)
        self.here = self.sim.node("engine")
        self.far = Far(self.sim, 2575)
        self.far.script = script
        self.sender = MllpSender(World(self.here, inline=True), "peer", 2575, **more)
        self.ended: list[bytes | CallFailed] = []

    def send(self, number: str = "M1", deadline_s: float = 10.0, hook: Any = None, body: bytes | None = None) -> Any:
        deferred = self.sender.send(message(number) if body is None else body, number, deadline_s, hook)
        deferred.addCallbacks(self.ended.append, lambda failure: self.ended.append(failure.value))
        self.sim.advance(0.001)
        return deferred

    def kinds(self) -> list[type]:
        return [type(end) for end in self.ended]


def answering(code: str = "AA", number: str | None = None) -> Callable[[Line, bytes], None]:
    def script(line: Line, data: bytes) -> None:
        for body in blocks(data):
            reply = accept(body, code)
            line.say(frame(reply if number is None else reply.replace(b"|M1\r", f"|{number}\r".encode())))

    return script


def test_the_bytes_sent_and_the_acknowledgement_given() -> None:
    desk = Desk(answering())
    desk.send()
    assert desk.far.lines[0].heard == frame(message())
    assert desk.ended == [accept(message())]
    desk.send("M2")
    assert (len(desk.far.lines), desk.sender.opened, desk.sender.in_flight) == (1, 1, 0)


@pytest.mark.parametrize("code", ["AE", "AR"])
def test_a_refusal_is_an_answer(code: str) -> None:
    desk = Desk(answering(code))
    desk.send()
    assert desk.ended == [accept(message(), code)]
    assert desk.far.lines[0].ended is None


def test_one_in_flight_and_the_others_wait() -> None:
    desk = Desk()
    for n in range(3):
        desk.send(f"M{n}", 5)
    assert (desk.sender.in_flight, desk.sender.queued, len(desk.far.lines)) == (1, 2, 1)
    assert desk.far.lines[0].heard == frame(message("M0"))
    desk.far.lines[0].say(frame(accept(message("M0"))))
    desk.sim.advance(0.01)
    assert desk.ended == [accept(message("M0"))]
    assert desk.far.lines[0].heard == frame(message("M0")) + frame(message("M1"))


def test_a_late_acknowledgement_is_never_taken_for_the_next_message() -> None:
    desk = Desk()
    desk.send("M1", 5)
    desk.sim.advance(6)
    assert desk.kinds() == [Silent]
    late = desk.far.lines[0]
    desk.send("M2", 5)
    late.say(frame(accept(message("M1"))))
    late.say(frame(accept(message("M2"))))
    desk.sim.advance(1)
    assert (desk.kinds(), len(desk.far.lines), late.ended) == ([Silent], 2, "ConnectionLost")
    desk.far.lines[1].say(frame(accept(message("M2"))))
    desk.sim.advance(1)
    assert desk.ended[1:] == [accept(message("M2"))]


def test_a_late_acknowledgement_on_the_same_line_ends_the_next_message_as_unknown() -> None:
    desk = Desk(answering(number="M0"))
    desk.send()
    assert desk.kinds() == [Silent]
    assert "another message" in str(desk.ended[0])
    assert (desk.far.lines[0].ended, desk.sender.mismatched) == ("ConnectionLost", 1)


@pytest.mark.parametrize(
    "reply",
    [
        b"\x06",
        frame(b"\x06"),
        frame(b""),
        frame(b"MSH|^~\\&|B|||X|2026||ACK|R1|P|2.4\r"),
        frame(b"MSH|^~\\&|B|||X|2026||ACK|R1|P|2.4\rMSA|OK|M1\r"),
        frame(b"MSH|^~\\&|B|||X|2026||ACK|R1|P|2.4||||||UTF-8\rMSA|AA|M1|\xff\r"),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x0bMSH|^~\\&|B|||X|2026||ACK|R1|P|2.4\rMSA|AA|M1\r\x1c",
        b"\x0bMSH|^~\\&|B|||X|2026||ACK|R1|P|2.4\rMSA|AA|M1\r\x1cX",
        b"\x0b" + b"x" * 3000,
        b"GET / HTTP/1.1\r\n",
        b"",
    ],
)
@pytest.mark.parametrize("end", ["wait", "close", "abort"])
def test_whatever_is_not_its_acknowledgement_is_silence(reply: bytes, end: str) -> None:
    def script(line: Line, data: bytes) -> None:
        if reply:
            line.say(reply)
        if end != "wait":
            transport: Any = line.transport
            transport.loseConnection() if end == "close" else transport.abortConnection()

    desk = Desk(script, max_reply_bytes=2000)
    desk.send()
    desk.sim.advance(11)
    assert desk.kinds() == [Silent]
    desk.far.script = answering()
    desk.send()
    assert desk.ended[1:] == [accept(message())]
    assert len(desk.far.lines) == 2


def test_what_follows_an_acknowledgement_ends_the_connection() -> None:
    desk = Desk(lambda line, data: line.say(frame(accept(message())) + frame(accept(message("M2")))))
    desk.send()
    assert desk.ended == [accept(message())]
    assert (desk.far.lines[0].ended, desk.sender.surplus) == ("ConnectionLost", 1)


def test_an_unasked_acknowledgement_ends_the_connection_but_a_line_end_does_not() -> None:
    desk = Desk(answering())
    desk.send()
    desk.far.lines[0].say(b"\r\n")
    desk.sim.advance(1)
    desk.send("M2")
    assert len(desk.far.lines) == 1
    desk.far.lines[0].say(frame(accept(message("M3"))))
    desk.sim.advance(1)
    assert (desk.far.lines[0].ended, desk.sender.surplus) == ("ConnectionLost", 1)
    desk.send("M3")
    assert (len(desk.far.lines), len(desk.ended)) == (2, 3)


def test_what_was_not_sent_is_called_so() -> None:
    desk = Desk(answering(), queue_max=1)
    desk.send(body=b"a\x0bb")
    desk.send(body=message(), number="")
    desk.send(deadline_s=0)

    def no() -> None:
        raise RuntimeError

    desk.send(hook=no)
    assert desk.kinds() == [NotSent] * 4
    assert all(line.heard == b"" for line in desk.far.lines)
    desk.far.port.stopListening()
    desk.sender.stop()
    desk.send()
    closed = Desk()
    closed.far.port.stopListening()
    closed.send()
    closed.sim.advance(6)
    assert desk.kinds() == [NotSent] * 5
    assert closed.kinds() == [NotSent]
    full = Desk(queue_max=1)
    for n in range(3):
        full.send(f"M{n}", 10 - 2 * n)
    assert full.kinds() == [NotSent]
    full.sim.advance(9)
    assert full.kinds() == [NotSent, NotSent]
    full.sim.advance(2)
    assert full.kinds() == [NotSent, NotSent, Silent]


def test_cancelling_and_stopping() -> None:
    desk = Desk()
    first = desk.send("M1")
    desk.send("M2")
    first.cancel()
    desk.sim.advance(0.1)
    assert desk.kinds() == [Silent]
    assert desk.far.lines[1].heard == frame(message("M2"))
    done: list[None] = []
    desk.sender.stop(3).addCallback(done.append)
    desk.sim.advance(1)
    assert done == []
    desk.sim.advance(3)
    assert (desk.kinds(), done) == ([Silent, Silent], [None])


def test_an_idle_connection_is_let_go() -> None:
    desk = Desk(answering(), idle_s=30)
    desk.send()
    desk.sim.advance(31)
    assert desk.far.lines[0].ended == "ConnectionDone"
    desk.send("M2")
    assert (len(desk.far.lines), len(desk.ended)) == (2, 2)


def test_a_wide_window_carries_one_message_on_each_connection() -> None:
    desk = Desk(window=3)
    for n in range(5):
        desk.send(f"M{n}")
    assert [line.heard for line in desk.far.lines] == [frame(message(f"M{n}")) for n in range(3)]
    desk.far.lines[1].say(frame(accept(message("M1"))))
    desk.sim.advance(0.1)
    assert desk.far.lines[1].heard.endswith(frame(message("M3")))


@pytest.mark.parametrize("seed", range(8))
def test_in_bad_weather_every_end_is_true(seed: int) -> None:
    """Acknowledged means handled; a message is never acknowledged by another one's reply."""
    sim = SimReactor(seed, Weather(delay=(0.0, 2.0), slices=0.5, reset=0.05, refuse=0.05, hole=0.02, clog=0.02))
    handled: list[str] = []

    def handle(body: bytes, peer: Peer) -> bytes:
        number = parse(body).get("MSH-10")
        handled.append(number)
        return accept(body, "AE" if number.endswith("7") else "AA")

    listener = MllpListener(World(sim.node("server"), inline=True), "hl7", "0.0.0.0", 2575, handle)  # noqa: S104 - simulated
    listener.start()
    sender = MllpSender(World(sim.node("client"), inline=True), "server", 2575, window=2, queue_max=200)
    ends: dict[str, bytes | CallFailed] = {}
    for n in range(100):
        call = sender.send(message(f"M{n}"), f"M{n}", 200.0 + n)
        call.addBoth(lambda end, number=f"M{n}": ends.__setitem__(number, getattr(end, "value", end)))
    sim.run(lambda: len(ends) == 100, 2000)
    assert len(ends) == 100
    for number, end in ends.items():
        if isinstance(end, bytes):
            assert handled.count(number) == 1
            assert read_ack(end, number).kind == ("error" if number.endswith("7") else "accepted")
        elif isinstance(end, NotSent):
            assert number not in handled
    assert sum(isinstance(end, bytes) for end in ends.values()) > 20
