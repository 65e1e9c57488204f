"""The floor of a lone message: a relay that does what `ack: delivered` promises and nothing besides.

    python -m bench.bare_deliver '{"sink": 8701, "folder": "/tmp/x"}'

Prints {"mllp": port}, and ends when its input is closed.

MLLP in; what a message writes is written and flushed; an HTTP POST as long as the engine's; the reply is written and
flushed; then the AA. Nothing is parsed, checked, mapped, encrypted or indexed. What a sender waits here is the disk's,
the machine's and the two ends': no engine that keeps a message before it sends it, and the reply before it
acknowledges, can be quicker.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet import stdio
from twisted.internet.protocol import ClientFactory, Factory, Protocol

from bench.deliver_load import BODY, POST
from bench.deliver_ward import DeliverWard
from bench.engine_process import ROOT, line_of
from bench.lean import NET
from engine.connectors.straight import Straight

PAGES = 6  # that one commit of a lone message writes
PAGE = b"x" * 4096
FILE = 15 << 20  # bytes, written all through at the start and over again from then on, as a write-ahead file is
CONNECTIONS = 64  # to the destination: as many as senders have, so that none has to wait for one


class Disk:
    """A file that is only ever written over: no flush has to grow it."""

    def __init__(self, folder: str) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - as long as the process
        self._file.write(b"x" * FILE)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._at = 0

    def keep(self) -> None:
        """Write what a commit writes; it is on the disk when this returns."""
        place = self._file.fileno()
        for _ in range(PAGES):
            os.pwrite(place, PAGE, self._at)
            self._at = (self._at + len(PAGE)) % FILE
        os.fdatasync(place)


class Onward(Protocol):
    """A kept-alive connection to the destination; one post at a time."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._for: Inward | None = None
        self._out: Straight

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.setTcpNoDelay(True)
        self._out = Straight(wire)
        self._relay.free.append(self)

    def post(self, control: bytes, sender: Inward) -> None:
        """Send it."""
        self._for = sender
        body = BODY.encode() % {b"no": control, b"patient": b"000001"}
        self._out.write(POST % {b"no": control, b"size": len(body), b"body": body})

    def dataReceived(self, data: bytes) -> None:
        sender, self._for = self._for, None
        self._relay.free.append(self)
        if sender is not None and data.startswith(b"HTTP/1.1 200 "):
            sender.answered()


class Inward(Protocol):
    """A sender's connection; one message at a time."""

    def __init__(self, relay: Relay) -> None:
        self._relay, self._buffer, self._control = relay, b"", b""
        self._out: Straight

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.setTcpNoDelay(True)
        self._out = Straight(wire)

    def dataReceived(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        if not buffer.endswith(b"\x1c\r"):
            return
        self._buffer = b""
        self._control = buffer.split(b"|", 10)[9]
        self._relay.disk.keep()
        self._relay.free.pop().post(self._control, self)

    def answered(self) -> None:
        """The destination took it."""
        self._relay.disk.keep()
        self._out.write(b"\x0bMSH|^~\\&|||||||ACK|1|P|2.4\rMSA|AA|%b\r\x1c\r" % self._control)


class Relay:
    """What all connections share."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.disk = Disk(asked["folder"])
        self.free: list[Onward] = []
        self._sink: int = asked["sink"]

    def start(self) -> None:
        onward: Any = ClientFactory()
        onward.noisy, onward.buildProtocol = False, lambda addr: Onward(self)
        for _ in range(CONNECTIONS):
            NET.connectTCP("127.0.0.1", self._sink, onward)
        inward: Any = Factory()
        inward.noisy, inward.buildProtocol = False, lambda addr: Inward(self)
        port = NET.listenTCP(0, inward, backlog=200, interface="127.0.0.1").getHost().port
        stdio.StandardIO(Ends())  # type: ignore[no-untyped-call]  # Twisted's stdio has no types
        print(json.dumps({"mllp": port}), flush=True)


class Ends(Protocol):
    """Ends with the program that started us."""

    def connectionLost(self, reason: Any = None) -> None:
        NET.stop()


@contextmanager
def bare_relay(ward: DeliverWard) -> Iterator[int]:
    """One before the ward's destination, on the ward's disk: the port it listens at."""
    asked = json.dumps({"sink": ward.ports["http"], "folder": str(ward.folder)})
    relay = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "bench.bare_deliver", asked], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert relay.stdin is not None
    assert relay.stdout is not None
    try:
        yield json.loads(line_of(relay))["mllp"]
    finally:
        relay.stdin.close()
        relay.wait(20)
        relay.stdout.close()


def main(asked: dict[str, Any]) -> None:
    gc.freeze()
    NET.callWhenRunning(Relay(asked).start)
    NET.run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
