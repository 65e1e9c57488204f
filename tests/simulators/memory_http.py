"""A caller of a simulated party without a network: bytes into its HTTP channel, bytes out, a virtual clock."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from simulators.base.party import SimParty
from simulators.base.world import SimWorld

START = 1795305600.0  # 2026-11-22 08:00:00 in Beijing


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def read_answers(raw: bytes) -> list[Answer]:
    """All complete replies in these bytes; AssertionError when a reply is cut short."""
    found = []
    while raw:
        head, sep, raw = raw.partition(b"\r\n\r\n")
        assert sep, head
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        length = int(headers["content-length"])
        assert len(raw) >= length, "cut short"
        found.append(Answer(int(first.split(" ")[1]), headers, raw[:length]))
        raw = raw[length:]
    return found


def request_bytes(method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    lines = {"Host": "sim.test:1", **(headers or {})}
    if body or method == "POST":
        lines["Content-Length"] = str(len(body))
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items()), "", ""])
    return head.encode("latin-1") + body


class Wire(StringTransport):
    """Remembers a reset."""

    aborting = False

    def abortConnection(self) -> None:
        self.aborting = True
        super().abortConnection()


class Connection:
    """One kept-alive connection to a party."""

    def __init__(self, site: Any) -> None:
        self.channel = site.buildProtocol(None)
        self.transport = Wire()
        self.channel.makeConnection(self.transport)

    def send(self, content: bytes) -> bytes:
        """What came back at once."""
        self.transport.clear()
        self.channel.dataReceived(content)
        return bytes(self.transport.value())

    def taken(self) -> bytes:
        """What has come back since."""
        content = bytes(self.transport.value())
        self.transport.clear()
        return content

    def hang_up(self) -> None:
        self.channel.connectionLost(Failure(ConnectionDone()))

    @property
    def aborted(self) -> bool:
        return self.transport.aborting

    @property
    def closed(self) -> bool:
        return bool(self.transport.disconnecting)


@dataclass
class Desk:
    """A party in a world with a virtual clock, and how to talk to it."""

    party: SimParty
    clock: Clock
    site: Any = field(init=False)

    def __post_init__(self) -> None:
        self.site = self.party.site()

    def connect(self) -> Connection:
        return Connection(self.site)

    def ask(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own, answered at once."""
        answers = read_answers(self.connect().send(request_bytes(method, target, body, headers)))
        assert len(answers) == 1
        return answers[0]

    def sim(self, path: str, body: object = None, method: str = "") -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        return self.ask(method or ("GET" if body is None else "POST"), f"/sim/{path}", content)

    def rows(self, since: int = 0) -> list[dict[str, Any]]:
        return list(self.sim(f"ledger?since={since}").json["rows"])

    def fault(self, kind: str, **more: object) -> None:
        answer = self.sim("faults", {"op": "*", "fault": kind, **more})
        assert answer.status == 200, answer.body


def open_desk(party_class: type[SimParty], **world: Any) -> Desk:
    clock = Clock()
    clock.advance(START)
    return Desk(party_class(SimWorld(clock, **world)), clock)  # type: ignore[arg-type]  # no network in it
