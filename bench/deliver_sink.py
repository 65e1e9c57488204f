"""What deliver's benchmark sends to: a bare HTTP sink that counts, and a bare MLLP acknowledger, the load's ceiling.

    python -m bench.deliver_sink   (prints {"http": port, "mllp": port}; ends when its input is closed)

`GET /count` tells how many posts came since last asked and how many numbers came twice; `GET /cpu` the CPU time spent
since then; `GET /delay/100` makes every answer wait 100 ms; `GET /fail/1` answers 503 until `/fail/0`. After
`GET /note` it notes how long each post was here, from the bytes read to the answer written, and `GET /noted` tells it
once, in milliseconds by the sender's number of the message (which the visit's number carries).
"""

from __future__ import annotations

import gc
import json
from collections import deque
from collections.abc import Callable
from functools import partial
from time import perf_counter, process_time
from typing import Any

from twisted.internet import stdio
from twisted.internet.protocol import Factory, Protocol

from bench.lean import NET
from engine.connectors.straight import Straight

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"
NUMBER = b'"visitNo":"V'
NO = b"HTTP/1.1 503 No\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno"


class State:
    """What all connections share."""

    count = twice = 0
    cpu = process_time()
    delay = 0.0
    failing = False
    noted: dict[str, float] | None = None
    seen: set[bytes] = set()  # noqa: RUF012 - one process, one state
    waiting: deque[tuple[float, Callable[[bytes], None]]] = deque()  # noqa: RUF012 - as above


class Http(Protocol):
    """One connection; requests one after another."""

    def __init__(self) -> None:
        self._buffer = b""
        self._out: Straight

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.setTcpNoDelay(True)
        self._out = Straight(wire)

    def dataReceived(self, data: bytes) -> None:
        began = perf_counter()
        self._buffer = buffer = self._buffer + data if self._buffer else data
        while True:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                break
            head = buffer[:end].lower() + b"\r"
            size = int(_value(head, b"content-length:") or 0)
            if len(buffer) < end + 4 + size:
                break
            self._answer(buffer, head, began)
            buffer = buffer[end + 4 + size :]
        self._buffer = buffer

    def _answer(self, whole: bytes, head: bytes, began: float) -> None:
        if whole.startswith(b"GET /"):
            self._out.write(_asked(whole.split(b" ", 2)[1].decode()))
            return
        if State.failing:
            self._out.write(NO)
            return
        State.count += 1
        number = _value(head, b"x-message-no:")
        if number in State.seen:
            State.twice += 1
        State.seen.add(number)
        write: Callable[[bytes], None] = self._out.write
        if State.noted is not None:
            write = partial(_note, write, State.noted, whole, began)
        if State.delay:
            _later(write)
        else:
            write(OK)


def _note(write: Callable[[bytes], None], noted: dict[str, float], whole: bytes, began: float, said: bytes) -> None:
    """Answer, and note how long it took since this post was read."""
    write(said)
    took, at = perf_counter() - began, whole.find(NUMBER) + len(NUMBER)
    noted[whole[at : whole.find(b'"', at)].decode("latin-1")] = round(took * 1000, 3)


def _later(write: Callable[[bytes], None]) -> None:
    """Answer after the delay: all wait equally long, so one timer serves all."""
    State.waiting.append((NET.seconds() + State.delay, write))
    if len(State.waiting) == 1:
        NET.callLater(State.delay, _ring)


def _ring() -> None:
    now = NET.seconds()
    while State.waiting and State.waiting[0][0] <= now:
        State.waiting.popleft()[1](OK)
    if State.waiting:
        NET.callLater(max(0.0, State.waiting[0][0] - now), _ring)


def _value(head: bytes, name: bytes) -> bytes:
    at = head.find(name)
    return head[at + len(name) : head.find(b"\r", at)].strip() if at > 0 else b""


def _asked(path: str) -> bytes:
    _, word, *rest = path.split("/")
    if word == "delay":
        State.delay = int(rest[0]) / 1000
    elif word == "fail":
        State.failing = rest[0] == "1"
    elif word == "note":
        State.noted = {}
    if word == "noted":
        body, State.noted = json.dumps(State.noted or {}).encode(), None
    elif word == "cpu":
        body = json.dumps({"us": int((process_time() - State.cpu) * 1e6)}).encode()
    else:
        body = json.dumps({"count": State.count, "twice": State.twice}).encode()
    if word == "count":
        State.cpu = process_time()
        State.count = State.twice = 0
        State.seen.clear()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Mllp(Protocol):
    """Acknowledges at once."""

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.setTcpNoDelay(True)
        self._out = Straight(wire)

    def dataReceived(self, data: bytes) -> None:
        for part in data.split(b"\x0b")[1:]:
            control = part.split(b"|", 10)[9]
            self._out.write(b"\x0bMSH|^~\\&|E|||||ACK|1|P|2.4\rMSA|AA|" + control + b"\r\x1c\r")


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
    stdio.StandardIO(_Watch())  # type: ignore[no-untyped-call]  # Twisted's stdio has no types
    print(json.dumps(ports), flush=True)
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    NET.run()


if __name__ == "__main__":
    main()
