"""Messages while another configuration is taken again and again: each is acknowledged AA over the connection it came
by, and arrives once, in its patient's order, however often its channel, map, door and receiver change."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol

from engine.connectors.mllp import MllpSender
from tests.deliver.ward import adt
from tests.lifecycle.desk import ENGINE, edited, in_force, running, taken
from tests.rig.lab import Lab

CHANNEL, MAP = "channels/his_events.yaml", "mappings/event_json.map.yaml"
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"code": "0"}'


class Emr(Protocol):
    """Takes JSON; `got` is shared by all connections."""

    def __init__(self, got: list[dict[str, Any]]) -> None:
        self._got, self._buffer = got, b""

    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        self._buffer += data
        while True:
            head, mark, rest = self._buffer.partition(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) if mark else 0
            if not mark or len(rest) < size:
                return
            self._got.append(json.loads(rest[:size]))
            self._buffer = rest[size:]
            wire.write(OK)


def _pause(lab: Lab, seconds: float) -> Deferred[None]:
    over: Deferred[None] = Deferred()
    lab.reactor.callLater(seconds, over.callback, None)
    return over


class Wards:
    """Eight wards, each with one connection that stays, each telling of its own patient without a pause."""

    def __init__(self, lab: Lab) -> None:
        self._on, self.good, self.bad = True, 0, []  # type: bool, int, list[str]
        self._senders = [MllpSender(running(lab).world, "127.0.0.1", lab.hl7_port) for _ in range(8)]
        self._ended = gatherResults([Deferred.fromCoroutine(self._one(n)) for n in range(8)])

    async def _one(self, ward: int) -> None:
        number = 0
        while self._on:
            control = f"W{ward}-{number}"
            try:
                reply = await self._senders[ward].send(adt(control, f"P{ward}"), control, 30.0)
            except Exception as no:  # noqa: BLE001 whatever it is, it is not AA
                self.bad.append(f"{control}: {no!r}")
                return
            if b"MSA|AA|" + control.encode() in reply:
                self.good += 1
            else:
                self.bad.append(repr(reply))
            number += 1

    async def over(self) -> list[str]:
        self._on = False
        await self._ended
        opened = [sender.opened for sender in self._senders]
        await gatherResults([sender.stop(1.0) for sender in self._senders])
        return self.bad + [f"opened again: {opened}" for _ in range(1) if set(opened) != {1}]


@pytest_twisted.ensureDeferred
async def test_no_message_fails_is_lost_or_comes_twice_while_everything_changes(lab: Lab) -> None:
    got: list[dict[str, Any]] = []
    factories: list[Any] = [Factory(), Factory()]
    for factory in factories:
        factory.protocol = lambda: Emr(got)
    doors = [lab.reactor.listenTCP(0, factory, interface="127.0.0.1") for factory in factories]
    here, there = (door.getHost().port for door in doors)
    emr = running(lab).sites.current.engine.parties["emr"].url
    await taken(lab, edited(in_force(lab), ENGINE, (emr, f"http://127.0.0.1:{here}")))
    wards = Wards(lab)
    for round_ in range(4):
        files = edited(in_force(lab), CHANNEL, ("title:   ", f"title:   {round_} "))
        files = edited(files, MAP, ("title:", f"title: {round_}"))
        files = edited(files, ENGINE, (f"127.0.0.1:{here}", f"127.0.0.1:{there}"),
                       ("charset: GB18030,", f"charset: GB18030, connections: {100 + round_},"))  # fmt: skip
        if round_:
            files = edited(files, ENGINE, (f" connections: {100 + round_ - 1},", ""))
        await taken(lab, files)
        here, there = there, here
        before = wards.good
        while wards.good < before + 80 and not wards.bad:
            await _pause(lab, 0.1)
    assert await wards.over() == []
    waited = 0.0
    while len(got) < wards.good and waited < 30:
        await _pause(lab, 0.2)
        waited += 0.2
    by_patient: dict[str, list[int]] = defaultdict(list)
    for body in got:
        ward, _, number = body["controlId"].partition("-")
        by_patient[ward].append(int(number))
    assert len(got) == wards.good >= 320, "each once"
    assert all(numbers == list(range(len(numbers))) for numbers in by_patient.values()), "in their order"
    for door in doors:
        await door.stopListening()
