"""What one HTTP call costs in CPU, beyond Twisted's transport: our sender and our listener, loopback, 300-byte POST.

    python -m bench.http_floor [calls]

Each row is one process's own CPU time (user and system) divided by the calls; the other side is a child process.
The floor sends and receives the same bytes with no HTTP at all; HTTP is the difference. The rows "alone" are our own
code without sockets: they hold still on a busy machine.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from timeit import repeat
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - a benchmark is its own program
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.testing import MemoryReactorClock

from engine.connectors.http_limits import HttpLimits
from engine.connectors.http_listener import HttpListener
from engine.connectors.http_sender import HttpSender
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World

BODY = b"x" * 300
ASK = HttpRequest("POST", "/v1/pay", (("Content-Type", "application/json"), ("X-Client", "bench")), BODY)
REQUEST = (
    b"POST /v1/pay HTTP/1.1\r\nHost: 127.0.0.1:8600\r\nContent-Type: application/json\r\nX-Client: bench\r\n"
    b"Accept-Encoding: identity\r\nContent-Length: 300\r\n\r\n" + BODY
)
REPLY = (
    b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 04:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Content-Length: 300\r\nConnection: keep-alive\r\n\r\n" + BODY
)
NET: Any = reactor


class Answerer(Protocol):
    """Answers each REQUEST with REPLY, counting bytes only."""

    def __init__(self) -> None:
        self._got = 0

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self._got += len(data)
        while self._got >= len(REQUEST) - 20:  # Host differs by the port's digits
            self._got = 0
            transport: Any = self.transport
            transport.write(REPLY)


class Asker(Protocol):
    """Sends REQUEST, waits for the bytes of a reply, sends again."""

    left = 0
    done: Callable[[], None]

    def __init__(self) -> None:
        self._got = 0

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.setTcpNoDelay(True)
        transport.write(REQUEST)

    def dataReceived(self, data: bytes) -> None:
        self._got += len(data)
        if self._got < len(REPLY):
            return
        self._got = 0
        Asker.left -= 1
        if Asker.left <= 0:
            Asker.done()
        else:
            transport: Any = self.transport
            transport.write(REQUEST)


def _factory(kind: type[Factory], make: Callable[[], Protocol]) -> Any:
    factory: Any = kind()
    factory.noisy = False
    factory.buildProtocol = lambda addr: make()
    return factory


def child(what: str) -> None:
    """The other side: prints its port, serves until its input ends, prints its CPU seconds."""
    world = World(NET)

    def ended(_: object) -> None:
        print(process_time() - began, flush=True)
        NET.stop()

    if what == "listener":
        reply = HttpReply(200, (("Content-Type", "application/json"),), BODY)
        limits = HttpLimits(requests_per_connection=1_000_000_000)
        listener = HttpListener(world, "bench", "127.0.0.1", 0, lambda request: reply, limits)
        listener.start().addCallback(lambda port: print(port, flush=True))
    else:
        port = NET.listenTCP(0, _factory(Factory, Answerer), interface="127.0.0.1")
        print(port.getHost().port, flush=True)
    gc.freeze()
    began = process_time()
    NET.callInThread(lambda: NET.callFromThread(ended, sys.stdin.read()))
    NET.run()


def ask_plainly(port: int, calls: int, width: int) -> None:
    Asker.left = calls
    Asker.done = NET.crash
    for _ in range(width):
        NET.connectTCP("127.0.0.1", port, _factory(ClientFactory, Asker))


def ask_with_sender(port: int, calls: int, width: int) -> None:
    sender = HttpSender(World(NET), f"http://127.0.0.1:{port}", window=width)
    left = [calls]

    def again(_: object) -> None:
        left[0] -= 1
        if left[0] > 0:
            sender.send(ASK, 20).addCallback(again)
        elif left[0] == 0:
            NET.crash()

    for _ in range(width):
        sender.send(ASK, 20).addCallback(again)


def measure(who: str, other: str, width: int, calls: int) -> tuple[float, float]:
    """(this process's, the child's) CPU microseconds a call; the best of three, since the machine has other work."""
    rounds = [_round(who, other, width, calls) for _ in range(3)]
    return min(mine for mine, _ in rounds), min(theirs for _, theirs in rounds)


def _round(who: str, other: str, width: int, calls: int) -> tuple[float, float]:
    here = subprocess.run(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-m", "bench.http_floor", "ask", who, other, str(width), str(calls)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    mine, theirs = here.stdout.split()
    return float(mine), float(theirs)


def ask(who: str, other: str, width: int, calls: int) -> None:
    with subprocess.Popen(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-m", "bench.http_floor", "child", other],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        NET.callWhenRunning(ask_plainly if who == "floor" else ask_with_sender, port, calls, width)
        gc.freeze()
        began = process_time()
        NET.run()
        mine = process_time() - began
        process.stdin.close()
        theirs = float(process.stdout.readline())
    print(mine / calls * 1e6, theirs / calls * 1e6)


class Nowhere:
    """A transport that goes nowhere, so that only our own code is on the bill."""

    def write(self, data: bytes) -> None: ...
    def setTcpNoDelay(self, enabled: bool) -> None: ...
    def registerProducer(self, producer: object, streaming: bool) -> None: ...
    def unregisterProducer(self) -> None: ...
    def abortConnection(self) -> None: ...


def alone() -> None:
    """Our code without any socket: the best of many short rounds, which other work on the machine hardly moves."""
    memory: Any = MemoryReactorClock()  # type: ignore[no-untyped-call]  # untyped in Twisted
    world = World(memory)
    sender = HttpSender(world, "http://127.0.0.1:8600", window=1)
    sender.send(ASK, 20)
    link = memory.tcpClients[0][2].buildProtocol(None)
    link.makeConnection(Nowhere())
    link.dataReceived(REPLY)
    reply = HttpReply(200, (("Content-Type", "application/json"),), BODY)
    limits = HttpLimits(requests_per_connection=1_000_000_000)
    HttpListener(world, "bench", "127.0.0.1", 0, lambda request: reply, limits).start()
    door = memory.tcpServers[0][1].buildProtocol(None)
    door.makeConnection(Nowhere())

    def call() -> None:
        sender.send(ASK, 20)
        link.dataReceived(REPLY)

    for name, work in (("sender", call), ("listener", lambda: door.dataReceived(REQUEST))):
        best = min(repeat(work, number=100, repeat=1000)) * 1e4
        print(f"{name:10} alone {best:29.1f}", flush=True)


def main(calls: int) -> None:
    print(f"{'':10} {'width':>5} {'floor us':>9} {'ours us':>9} {'HTTP us':>9}")
    alone()
    for width in (1, 8, 32):
        floor, answering = measure("floor", "answerer", width, calls)
        sender, _ = measure("sender", "answerer", width, calls)
        _, listening = measure("floor", "listener", width, calls)
        print(f"{'sender':10} {width:5} {floor:9.1f} {sender:9.1f} {sender - floor:9.1f}")
        print(f"{'listener':10} {width:5} {answering:9.1f} {listening:9.1f} {listening - answering:9.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2])
    elif sys.argv[1:2] == ["ask"]:
        ask(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 20_000)
