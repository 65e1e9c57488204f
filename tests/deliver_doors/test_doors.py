"""Our MLLP sender and listener against the simulated parties' own wire code: each misfortune ends as what it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 - these tests are about real sockets
from twisted.internet.defer import Deferred, maybeDeferred

from engine.codecs.hl7_ack import AckKind, ack, read_ack
from engine.codecs.hl7v2 import begin, parse
from engine.connectors.contract import NotSent, Silent
from engine.connectors.mllp import MllpListener, MllpSender
from engine.core.world import World
from simulators.base.world import SimWorld
from simulators.his import HisSim
from simulators.subscribers import SubscribersSim

RATE = 50.0  # business seconds in one of the wall's


class Laboratory:
    """The subscribers' MLLP door and a sender of ours."""

    def __init__(self) -> None:
        self.sim = SubscribersSim(SimWorld(reactor, rate=RATE))  # type: ignore[arg-type]  # the reactor in use
        self.sim.act({"act": "set", "unsaid": "utf-8"})  # what our codec writes when it declares nothing
        self.port: Any = self.sim.listen_mllp(0)
        number = self.port.getHost().port
        self.sender = MllpSender(World(reactor, rate=RATE), "127.0.0.1", number, charset="gb18030")  # type: ignore[arg-type]  # the same

    def send(self, number: str, charset: str = "GBK", wait: float = 5.0) -> Deferred[bytes]:
        message = begin("ADT", "A08", "", declared=charset)
        message.set("MSH-3", "ENG")
        message.set("MSH-5", "LIS")
        message.set("MSH-10", number)
        message.set("PID-2", "P1")
        message.set("PID-5", "張億區")
        return self.sender.send(message.to_bytes(), number, wait)

    def booked(self) -> list[tuple[str, str]]:
        return [(row.no, row.state) for row in self.sim.ledger.rows]

    async def close(self) -> None:
        await self.sender.stop()
        await maybeDeferred(self.port.stopListening)


@pytest_twisted.async_yield_fixture
async def lab() -> AsyncIterator[Laboratory]:
    here = Laboratory()
    yield here
    await here.close()


@pytest_twisted.ensureDeferred
async def test_acknowledged_is_booked_in_every_charset(lab: Laboratory) -> None:
    for charset in ("GBK", "GB18030", "GB 18030-2000", "UNICODE UTF-8", "UTF-8", ""):
        reply = await lab.send(f"M{charset}", charset)
        assert read_ack(reply, f"M{charset}", "gb18030").kind is AckKind.ACCEPTED
    assert [state for _, state in lab.booked()] == ["done"] * 6
    assert lab.sender.opened == 1


ENDS = [  # fault → what our side makes of it, and whether the message was booked all the same
    ("refuse_connection", Silent, False), ("reset_before_commit", Silent, False), ("reset_after_commit", Silent, True),
    ("timeout_before_commit", Silent, False), ("timeout_after_commit", Silent, True), ("half_reply", Silent, True),
    ("html", Silent, False), ("http_500", Silent, False), ("ack_wrong_number", Silent, True),
    ("ack_late", Silent, True), ("late_commit", Silent, False),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "failure", "booked"), ENDS)
@pytest_twisted.ensureDeferred
async def test_without_its_own_acknowledgement_nothing_is_known(
    lab: Laboratory, fault: str, failure: type[Exception], booked: bool
) -> None:
    lab.sim.faults.add({"op": "lis", "fault": fault, "seconds": 20})
    with pytest.raises(failure):
        await lab.send("M1")
    assert lab.booked() == ([("M1", "done")] if booked else [])
    reply = await lab.send("M2")
    assert read_ack(reply, "M2").kind is AckKind.ACCEPTED, "on a new connection, and nobody else's"
    assert lab.sender.opened == 2


ANSWERS = [
    ("ack_ae", AckKind.ERROR), ("ack_ar", AckKind.REJECTED), ("refuse_business", AckKind.ERROR),
    ("ack_aa_failed", AckKind.DOUBTFUL), ("duplicate_reply", AckKind.ACCEPTED), ("slow", AckKind.ACCEPTED),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "kind"), ANSWERS)
@pytest_twisted.ensureDeferred
async def test_answers_are_what_they_say(lab: Laboratory, fault: str, kind: AckKind) -> None:
    lab.sim.faults.add({"op": "lis", "fault": fault, "seconds": 2})
    verdict = read_ack(await lab.send("M1"), "M1")
    assert verdict.kind is kind
    assert lab.booked() == ([("M1", "done")] if kind is AckKind.ACCEPTED else [])
    again = read_ack(await lab.send("M1"), "M1")
    assert again.kind is AckKind.ACCEPTED


@pytest_twisted.ensureDeferred
async def test_nobody_listens(lab: Laboratory) -> None:
    await maybeDeferred(lab.port.stopListening)
    with pytest.raises(NotSent):
        await lab.send("M1")


# The other way: the HIS sends, we listen


async def heard_from_his(
    handle: Callable[[str, int], bytes | None], *, count: int = 5, seconds: float = 60.0, **order: Any
) -> tuple[HisSim, list[str]]:
    """The HIS sends so many events; `handle(number, nth)` gives the acknowledgement's code, None: an exception."""
    world = World(reactor, rate=RATE)  # type: ignore[arg-type]  # the reactor in use
    heard: list[str] = []

    def take(body: bytes, peer: object) -> bytes:
        message = parse(body)
        heard.append(message.header.control_id)
        code = handle(message.header.control_id, len(heard))
        if code is None:
            raise RuntimeError("the store is away")
        return code

    listener = MllpListener(world, "hl7", "127.0.0.1", 0, take)
    port = await listener.start()
    his = HisSim(SimWorld(reactor, rate=RATE))  # type: ignore[arg-type]  # the same
    his.act({"act": "set_hl7", "repeat_after": 1, "wait": 3})
    his.act({"act": "send", "event": "ADT^A01", "count": count, "to": f"127.0.0.1:{port}", **order})
    for _ in range(int(seconds)):
        if all(row.state != "waiting" for row in his.ledger.rows):
            break
        pause: Deferred[None] = Deferred()
        world.later(1.0, pause.callback, None)
        await pause
    his.act({"act": "hang_up"})
    await listener.stop()
    return his, heard


def saying(code: Any, number: str) -> bytes:
    return ack(begin("ADT", "A01", "").header, code, control_id="1", at="20261122080000").replace(
        f"MSA|{code}|".encode(), f"MSA|{code}|{number}".encode()
    )


@pytest_twisted.ensureDeferred
async def test_the_his_gets_its_acknowledgements() -> None:
    his, heard = await heard_from_his(lambda number, nth: saying("AA", number))
    assert [row.no for row in his.ledger.rows] == heard
    assert {row.state for row in his.ledger.rows} == {"acknowledged"}


@pytest.mark.parametrize("first", ["error", "AE", "other"])
@pytest_twisted.ensureDeferred
async def test_what_we_did_not_acknowledge_comes_again_under_its_number(first: str) -> None:
    def handle(number: str, nth: int) -> bytes | None:
        if nth > 1:
            return saying("AA", number)
        return {"error": None, "AE": saying("AE", number), "other": saying("AA", "X")}[first]

    his, heard = await heard_from_his(handle, count=3)
    numbers = [row.no for row in his.ledger.rows]
    assert heard == [numbers[0], *numbers]
    assert {row.state for row in his.ledger.rows} == {"acknowledged"}


@pytest_twisted.ensureDeferred
async def test_an_ar_is_taken_for_a_no() -> None:
    his, heard = await heard_from_his(lambda number, nth: saying("AR" if nth == 2 else "AA", number), count=3)
    assert [row.state for row in his.ledger.rows] == ["acknowledged", "refused", "acknowledged"]
    assert len(heard) == 3
