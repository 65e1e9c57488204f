"""Messages of one length over TCP: whole or not at all, and never one message's bytes taken for another's answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 - these tests are about real sockets
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from engine.connectors.contract import NotSent, Silent
from engine.connectors.fixed_sender import FixedSender
from engine.core.world import World

WORLD = World(reactor)
FRAME = 64
ASK = b"SSSS".ljust(FRAME - 4, b" ") + b"ZZZZ"
ANSWER = b"SSSS".ljust(FRAME - 4, b".") + b"ZZZZ"


class Machine(Factory):
    """A front-end machine that does with each message what it is told."""

    def __init__(self, act: Callable[[Any, bytes], None]) -> None:
        self.act, self.heard, self.connections = act, b"", 0
        self.port: Any = None

    def buildProtocol(self, addr: Any) -> Protocol:
        machine = self

        class One(Protocol):
            got = b""

            def connectionMade(self) -> None:
                machine.connections += 1

            def dataReceived(self, data: bytes) -> None:
                machine.heard += data
                self.got += data
                while len(self.got) >= FRAME:
                    message, self.got = self.got[:FRAME], self.got[FRAME:]
                    machine.act(self.transport, message)

        return One()

    def open(self, **options: Any) -> FixedSender:
        self.port = reactor.listenTCP(0, self, interface="127.0.0.1")  # type: ignore[attr-defined]  # the reactor has no types
        return FixedSender(WORLD, "127.0.0.1", self.port.getHost().port, frame=FRAME, **options)

    async def close(self, sender: FixedSender) -> None:
        await sender.stop()
        await self.port.stopListening()


def answers(wire: Any, message: bytes) -> None:
    wire.write(ANSWER)


def half(wire: Any, message: bytes) -> None:
    wire.write(ANSWER[: FRAME // 2])


def half_and_gone(wire: Any, message: bytes) -> None:
    half(wire, message)
    wire.loseConnection()


def byte_by_byte(wire: Any, message: bytes) -> None:
    for number in range(FRAME):
        WORLD.later(0.001 * number, wire.write, ANSWER[number : number + 1])


def twice(wire: Any, message: bytes) -> None:
    wire.write(ANSWER + ANSWER)


def drops(wire: Any, message: bytes) -> None:
    wire.abortConnection()


@pytest.mark.parametrize("act", [answers, byte_by_byte])
@pytest_twisted.ensureDeferred
async def test_a_whole_answer_however_it_is_cut(act: Callable[[Any, bytes], None]) -> None:
    machine = Machine(act)
    sender = machine.open()
    assert await sender.send(ASK, 5) == ANSWER
    assert machine.heard == ASK
    await machine.close(sender)


@pytest.mark.parametrize(("act", "why"), [
    (half_and_gone, "connection lost"), (drops, "connection lost"), (half, "timeout"),
])  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_what_is_no_whole_answer_is_silence(act: Callable[[Any, bytes], None], why: str) -> None:
    machine = Machine(act)
    sender = machine.open()
    with pytest.raises(Silent, match=why):
        await sender.send(ASK, 0.2)
    assert sender.in_flight == 0
    await machine.close(sender)


@pytest.mark.parametrize(("kept", "connections"), [(False, 3), (True, 1)])
@pytest_twisted.ensureDeferred
async def test_one_message_a_connection_unless_it_is_kept(kept: bool, connections: int) -> None:
    machine = Machine(answers)
    sender = machine.open(kept=kept)
    for _ in range(3):
        assert await sender.send(ASK, 5) == ANSWER
    assert machine.connections == connections
    await machine.close(sender)


@pytest_twisted.ensureDeferred
async def test_a_kept_connection_with_something_behind_the_answer_is_closed() -> None:
    machine = Machine(twice)
    sender = machine.open(kept=True)
    for count in (1, 2):
        assert await sender.send(ASK, 5) == ANSWER
        assert (machine.connections, sender.surplus) == (count, count)
    await machine.close(sender)


@pytest_twisted.ensureDeferred
async def test_a_message_of_another_length_does_not_leave() -> None:
    machine = Machine(answers)
    sender = machine.open()
    for data in (b"", ASK[:-1], ASK + b" "):
        with pytest.raises(NotSent, match="not a message"):
            await sender.send(data, 5)
    assert machine.connections == 0
    await machine.close(sender)


@pytest_twisted.ensureDeferred
async def test_nobody_listening_means_not_sent() -> None:
    machine = Machine(answers)
    sender = machine.open()
    await machine.port.stopListening()
    with pytest.raises(NotSent, match="connect"):
        await sender.send(ASK, 5)
    await sender.stop()


@pytest_twisted.ensureDeferred
async def test_a_caller_that_may_not_send_any_more_sends_nothing() -> None:
    machine = Machine(answers)
    sender = machine.open()

    def held() -> None:
        raise RuntimeError

    with pytest.raises(NotSent, match="held back"):
        await sender.send(ASK, 5, held)
    assert machine.heard == b""
    await machine.close(sender)


@pytest_twisted.ensureDeferred
async def test_the_window_and_the_queue_are_bounded() -> None:
    waiting: list[Any] = []
    machine = Machine(lambda wire, message: waiting.append(wire))
    sender = machine.open(window=2, queue_max=1)
    sent: list[Deferred[bytes]] = [sender.send(ASK, 5) for _ in range(3)]
    with pytest.raises(NotSent, match="queue full"):
        await sender.send(ASK, 5)
    while len(waiting) < 2:
        await pause(0.01)
    assert (sender.in_flight, sender.queued, machine.connections) == (2, 1, 2)
    for wire in waiting[:2]:
        wire.write(ANSWER)
    assert [await one for one in sent[:2]] == [ANSWER, ANSWER]
    while len(waiting) < 3:
        await pause(0.01)
    waiting[2].write(ANSWER)
    assert await sent[2] == ANSWER
    await machine.close(sender)


def pause(seconds: float) -> Deferred[None]:
    waited: Deferred[None] = Deferred()
    WORLD.later(seconds, waited.callback, None)
    return waited
