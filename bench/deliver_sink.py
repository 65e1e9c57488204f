"""What deliver's benchmark sends to: a bare HTTP sink that counts, and a bare MLLP acknowledger, the load's ceiling.

    python -m bench.deliver_sink   (prints {"http": port, "mllp": port}; ends when its input is closed)

`GET /count` tells how many posts came since last asked and how many numbers came twice; `GET /delay/100` makes every
answer wait 100 ms; `GET /fail/1` answers 503 until `/fail/0`.
"""

from __future__ import annotations

import gc
import json
from typing import Any

from twisted.internet import reactor, stdio  # noqa: TID251 - a benchmark is its own program
from twisted.internet.protocol import Factory, Protocol

NET: Any = reactor
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"
NO = b"HTTP/1.1 503 No\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno"


class State:
    """What all connections share."""

    count = twice = 0
    delay = 0.0
    failing = False
    seen: set[bytes] = set()  # noqa: RUF012 - one process, one state


class Http(Protocol):
    """One connection; requests one after another."""

    def __init__(self) -> None:
        self._buffer = b""
        self._wire: Any = None

    def connectionMade(self) -> None:
        self._wire = self.transport
        self._wire.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        while True:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                break
            head = buffer[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 : head.find(b"\r", at) if head.find(b"\r", at) > 0 else end]) if at > 0 else 0
            if len(buffer) < end + 4 + size:
                break
            self._answer(buffer[: end + 4 + size], head)
            buffer = buffer[end + 4 + size :]
        self._buffer = buffer

    def _answer(self, whole: bytes, head: bytes) -> None:
        if whole.startswith(b"GET /"):
            self._wire.write(_asked(whole.split(b" ", 2)[1].decode()))
            return
        if State.failing:
            self._wire.write(NO)
            return
        State.count += 1
        at = head.find(b"x-message-no:") + 13
        number = head[at : head.find(b"\r", at)].strip()
        if number in State.seen:
            State.twice += 1
        State.seen.add(number)
        if State.delay:
            NET.callLater(State.delay, self._wire.write, OK)
        else:
            self._wire.write(OK)


def _asked(path: str) -> bytes:
    _, word, *rest = path.split("/")
    if word == "delay":
        State.delay = int(rest[0]) / 1000
    elif word == "fail":
        State.failing = rest[0] == "1"
    body = json.dumps({"count": State.count, "twice": State.twice}).encode()
    if word == "count":
        State.count = State.twice = 0
        State.seen.clear()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Mllp(Protocol):
    """Acknowledges at once."""

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        for part in data.split(b"\x0b")[1:]:
            control = part.split(b"|", 10)[9]
            wire.write(b"\x0bMSH|^~\\&|E|||||ACK|1|P|2.4\rMSA|AA|" + control + b"\r\x1c\r")


class _Watch(Protocol):
    def connectionLost(self, reason: Any = None) -> None:
        NET.stop()


def main() -> None:
    """Listen on two ports until standard input ends."""
    ports = {}
    for name, kind in (("http", Http), ("mllp", Mllp)):
        factory: Any = Factory()
        factory.noisy = False
        factory.protocol = kind
        ports[name] = NET.listenTCP(0, factory, backlog=2048, interface="127.0.0.1").getHost().port
    stdio.StandardIO(_Watch())
    print(json.dumps(ports), flush=True)
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    NET.run()


if __name__ == "__main__":
    main()
