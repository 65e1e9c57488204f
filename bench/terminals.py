"""Terminals that settle one bill after another: the load, in a process of its own.

    python -m bench.terminals '{"port": 8600, "secret": "…", "terminals": 32, "seconds": 10, …}'

`"mobile": true`: settlements on the patient's phone (/v1/mobile/settlements), asked after until they are paid.
Closed loop (`terminals` at once, each begins its next settlement when the last is settled) or open loop (`rate` a
second, whatever the engine does). Each settlement is two signed requests, start and pay, on a kept-alive connection;
its bill and patient are new. Prints one JSON object: settlements, seconds, milliseconds of each settlement (in an open
loop of each that was begun in these seconds, however late it ended), states that were not `settled`, this process's CPU
seconds.
"""

from __future__ import annotations

import gc
import hashlib
import hmac
import json
import sys
from time import perf_counter, process_time
from time import time as wall  # noqa: TID251 - a terminal's own clock
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - a benchmark is its own program
from twisted.internet.protocol import ClientFactory, Protocol

NET: Any = reactor
CHOICE = b'{"choice_no":"1","kind":"wechat_code","auth_code":"134000000000000001"}'
GRACE = 45.0  # seconds after the end for what is still under way


class Load:
    """What all terminals share."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.port: int = asked["port"]
        self.secret = asked["secret"].encode()
        self.seconds: float = asked["seconds"]
        self.warm: float = asked.get("warm", 0.0)
        self.rate: float = asked.get("rate", 0.0)
        self.terminals: int = asked.get("terminals", 1)
        self.limit: int = asked.get("limit", 1 << 60)
        self.mobile: bool = asked.get("mobile", False)
        self.next = asked.get("first", 1)
        self.last = self.next + self.limit
        self.began = self.until = 0.0
        self.cpu = 0.0
        self.under_way = 0
        self.done: list[tuple[int, float, float]] = []  # running number, end, seconds
        self.odd: dict[str, int] = {}
        self.idle: list[Terminal] = []
        self.late = 0

    def start(self) -> None:
        self.began = perf_counter()
        self.cpu = process_time()
        self.until = self.began + self.warm + self.seconds
        NET.callLater(self.warm + self.seconds + GRACE, self.end)
        for _ in range(self.terminals):
            self.connect()
        if self.rate:
            self._beat(0)

    def connect(self) -> None:
        """One more terminal."""
        factory: Any = ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda addr: Terminal(self)
        NET.connectTCP("127.0.0.1", self.port, factory)

    def _beat(self, count: int) -> None:
        """Begin the next settlement at its own instant, however late the last one is."""
        now = perf_counter()
        while self.began + count / self.rate <= now:
            due = self.began + count / self.rate
            if due >= self.until:
                return
            if self.idle:
                self.idle.pop().begin(due)
            else:
                self.late += 1
            count += 1
        NET.callLater(max(0.0, self.began + count / self.rate - perf_counter()), self._beat, count)

    def ready(self, terminal: Terminal) -> None:
        """A terminal has nothing to do."""
        if not self.rate and perf_counter() < self.until and self.next < self.last:
            terminal.begin(perf_counter())
            return
        self.idle.append(terminal)
        over = perf_counter() >= self.until or self.next >= self.last
        if over and not self.under_way:
            self.end()

    def end(self) -> None:
        if not self.began:
            return
        begin = self.began + self.warm
        counted = [one for one in self.done if begin <= one[1] <= self.until]
        timed = [one for one in self.done if begin <= one[1] - one[2] <= self.until] if self.rate else counted
        said = {
            "settled": len(counted), "all": len(self.done), "seconds": self.until - begin, "odd": self.odd,
            "late": self.late, "unfinished": self.under_way, "cpu": process_time() - self.cpu,
            "times": [[number, round(took * 1000, 3)] for number, _, took in timed], "next": self.next,
        }  # fmt: skip
        self.began = 0.0
        print(json.dumps(said), flush=True)
        NET.stop()


class Terminal(Protocol):
    """One kiosk on one connection."""

    def __init__(self, load: Load) -> None:
        self._load, self._buffer, self._count = load, b"", 0
        self._number, self._began, self._paying = 0, 0.0, False
        self._wire: Any = None

    def connectionMade(self) -> None:
        self._wire = self.transport
        self._wire.setTcpNoDelay(True)
        self._load.ready(self)

    def connectionLost(self, reason: Any = None) -> None:
        """The engine closes what rests too long: another terminal takes the place. A request lost is told."""
        load = self._load
        if self in load.idle:
            load.idle.remove(self)
            if load.began and perf_counter() < load.until:
                load.connect()
        elif load.began:
            load.under_way -= 1
            load.odd["connection lost"] = load.odd.get("connection lost", 0) + 1

    def begin(self, at: float) -> None:
        load = self._load
        self._number, self._began, self._paying = load.next, at, False
        load.next += 1
        load.under_way += 1
        n = self._number
        card = f'"insurance_card","value":"A{n}","card_sn":"SN{n}"'
        shown = f'"insurance_qr","value":"AUTH{n}"' if load.mobile else card
        body = (
            f'{{"request_no":"K01-{n}","campus":"main","terminal":{{"kind":"kiosk","id":"K01"}},"operator":"K01",'
            f'"patient":{{"id":"P{n}","credential":{{"kind":{shown}}}}},"bills":["B{n}"],"pay_identity":"insured"}}'
        )
        self._ask("POST", f"/v1/{'mobile' if load.mobile else 'outpatient'}/settlements", body.encode())

    def _ask(self, method: str, path: str, body: bytes = b"") -> None:
        self._count += 1
        stamp, nonce = str(int(wall())), f"{id(self):x}-{self._count}-{self._number}"
        signed = f"{method}\n{path}\n{stamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}"
        sign = hmac.new(self._load.secret, signed.encode(), hashlib.sha256).hexdigest()
        self._wire.write(
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._load.port}\r\nContent-Type: application/json\r\n"
            f"X-Client: K01\r\nX-Timestamp: {stamp}\r\nX-Nonce: {nonce}\r\nX-Signature: {sign}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        )  # fmt: skip

    def dataReceived(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        start = buffer.index(b"Content-Length: ") + 16
        size = int(buffer[start : buffer.index(b"\r\n", start)])
        if len(buffer) < end + 4 + size:
            return
        self._buffer = b""
        self._heard(json.loads(buffer[end + 4 :]))

    def _heard(self, answer: dict[str, Any]) -> None:
        state = answer.get("state", "refused")
        if state == "quoted" and not self._paying:
            self._paying = True
            self._ask("POST", f"/v1/settlements/{answer['settlement_no']}/pay", CHOICE)
            return
        if state in ("paying", "working") and self._load.mobile:
            self._ask("GET", f"/v1/settlements/{answer['settlement_no']}?wait=30")
            return
        load = self._load
        load.under_way -= 1
        if state == "settled":
            load.done.append((self._number, perf_counter(), perf_counter() - self._began))
        else:
            word = f"{state} {answer.get('reason', {}).get('code', '')}".strip()
            load.odd[word] = load.odd.get(word, 0) + 1
        load.ready(self)


def main(asked: dict[str, Any]) -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    NET.callWhenRunning(Load(asked).start)
    NET.run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
