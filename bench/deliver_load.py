"""HIS connections that send one ADT^A01 after another over MLLP: the load, in a process of its own.

    python -m bench.deliver_load '{"port": 8610, "connections": 32, "seconds": 10, "warm": 1, "rate": 0, "first": 1}'

`"post": true` sends the destination what the engine would, by HTTP: its own time. `"each": true` tells under `times`
the milliseconds of each message that counts, by its number.

Closed loop, or open loop with `rate` a second spread over the connections, whatever the engine does (a message waits
for a free connection, and that counts). Every acknowledgement is checked (MSA-1, MSA-2). Prints one JSON object.
"""

from __future__ import annotations

import gc
import json
import sys
from collections import deque
from time import perf_counter, process_time
from typing import Any

from twisted.internet.protocol import ClientFactory, Protocol

from bench.alarm import Alarm
from bench.lean import NET
from engine.connectors.straight import Straight

GRACE = 30.0
MESSAGE = (
    "MSH|^~\\&|NHIS|MAIN|ENGINE|MAIN|20261122080000||ADT^A01^ADT_A01|%(no)s|P|2.4||||||UNICODE UTF-8\r"
    "EVN|A01|20261122080000|||OP001^测试操作员|20261122075900\r"
    "PID|1|P%(patient)s|P%(patient)s^^^MAIN^PatientNO~110101199001010007^^^GA^IdentifyNO||测试甲^^^^^^L||19900101|M|||"
    "模拟路1号^^模拟市^模拟省^250000^CN||13900000001|||M|||110101199001010007||||||||||||||||||390^城乡^21\r"
    "NK1|1|测试乙|SPO^配偶|模拟路1号^^模拟市^模拟省^250000^CN|13900000002||||||||||||||||||||||||||||||||\r"
    "PV1|1|I|W01^0101^01^D01^^^^^牙体牙髓科|R|||DR001^模拟医师一|DR002^模拟医师二|||||||||DR001^模拟医师一|01|V%(no)s|"
    "|||||||||||||||||||||||20261122080000||||||\r"
    "AL1|1|DA|^青霉素|MO|皮疹|20200101\r"
    "DG1|1|ICD10|K04.001^急性牙髓炎|急性牙髓炎|20261122080000|A\r"
    "IN1|1|390|BX001|模拟市医疗保障局|模拟路9号^^模拟市^模拟省|||||||20260101|20261231|||测试甲|SEL\r"
)
WIRE = b"\x0b" + MESSAGE.encode() + b"\x1c\r"
BODY = (
    '{"no":"%(no)s","event":"ADT^A01","patientId":"P%(patient)s","name":"测试甲","birthDate":"19900101","sex":"M",'
    '"visitNo":"V%(no)s","class":"I","ward":"W01","department":"D01","doctor":"模拟医师一","diagnosis":"K04.001",'
    '"time":"20261122080000"}'
)
POST = b"POST /in HTTP/1.1\r\nHost: sink\r\nX-Message-No: %(no)s\r\nContent-Length: %(size)d\r\n\r\n%(body)s"


class Load:
    """What all connections share."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.port: int = asked["port"]
        self.connections: int = asked.get("connections", 1)
        self.seconds: float = asked["seconds"]
        self.warm: float = asked.get("warm", 0.0)
        self.rate: float = asked.get("rate", 0.0)
        self.limit: int = asked.get("limit", 1 << 60)
        self.patients: int = asked.get("patients", 100_000)
        self.link = Poster if asked.get("post") else Link
        self.next = asked.get("first", 1)
        self.last = self.next + self.limit
        self.began = self.until = self.cpu = 0.0
        self.done: list[tuple[float, float, bytes]] = []  # instant, seconds, number
        self.each: bool = asked.get("each", False)
        self.odd: dict[str, int] = {}
        self.under_way = 0
        self.idle: list[Link] = []
        self.due: deque[float] = deque()
        self._beats = 0
        self._alarm: Alarm
        self.connected = 0
        self.over = False

    def start(self) -> None:
        for _ in range(self.connections):
            factory: Any = ClientFactory()
            factory.noisy = False
            factory.buildProtocol = lambda addr: self.link(self)
            factory.clientConnectionFailed = lambda connector, reason: self.no_start("not connected")
            NET.connectTCP("127.0.0.1", self.port, factory)

    def ready(self, link: Link) -> None:
        if not self.began:
            self.idle.append(link)
            self.connected += 1
            if self.connected == self.connections:
                self._begin()
        elif self.rate:
            if self.due:
                link.send(self.due.popleft())
            else:
                self.idle.append(link)
                self._look_end()
        elif perf_counter() < self.until and self.next < self.last:
            link.send(perf_counter())
        else:
            self.idle.append(link)
            self._look_end()

    def no_start(self, why: str) -> None:
        """Not every connection came to stand: the engine is gone already, and there is nothing to wait for."""
        if self.began or self.over:
            return
        self.odd[why] = 1
        self.began = self.until = perf_counter()
        self.end()

    def _begin(self) -> None:
        self.began, self.cpu = perf_counter(), process_time()
        self.until = self.began + self.warm + self.seconds
        NET.callLater(self.warm + self.seconds + GRACE, self.end)
        if self.rate:
            self._alarm = Alarm(self._beat)
            self._beat()
        else:
            links, self.idle = self.idle, []
            for link in links:
                self.ready(link)

    def _beat(self) -> None:
        now, count = perf_counter(), self._beats
        while self.began + count / self.rate <= now:
            due = self.began + count / self.rate
            if due >= self.until:
                self._look_end()
                return
            if self.idle:
                self.idle.pop().send(due)
            else:
                self.due.append(due)
            count += 1
        self._beats = count
        self._alarm.at(self.began + count / self.rate)

    def _look_end(self) -> None:
        if self.began and not self.under_way and (perf_counter() >= self.until or self.next >= self.last):
            self.end()

    def end(self) -> None:
        if not self.began:
            return
        begin = self.began + self.warm
        counted = [(number, took * 1000) for at, took, number in self.done if begin <= at <= self.until]
        times = sorted(took for _, took in counted)
        last = max((at for at, _, _ in self.done), default=self.until)
        said = {
            "acked": len(times), "all": len(self.done), "seconds": min(self.until, last) - begin, "odd": self.odd,
            "unfinished": self.under_way, "cpu": process_time() - self.cpu, "next": self.next,
            **{name: round(times[min(len(times) - 1, int(len(times) * share))], 3) if times else 0.0
               for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("worst", 1.0))},
            **({"times": {number.decode(): round(took, 3) for number, took in counted}} if self.each else {}),
        }  # fmt: skip
        self.began, self.over = 0.0, True
        print(json.dumps(said), flush=True)
        NET.stop()


class Link(Protocol):
    """One connection of a HIS: one message at a time."""

    def __init__(self, load: Load) -> None:
        self._load, self._buffer, self._control, self._began = load, b"", b"", 0.0
        self._out: Straight
        self._busy = False

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.setTcpNoDelay(True)
        self._out = Straight(wire)
        self._load.ready(self)

    def connectionLost(self, reason: Any = None) -> None:
        load = self._load
        load.no_start("connection lost")
        if load.began and self._busy:
            load.under_way -= 1
            load.odd["connection lost"] = load.odd.get("connection lost", 0) + 1
        load.connected -= 1
        if load.began and not load.connected:
            load.end()  # the engine is gone

    def send(self, at: float) -> None:
        load = self._load
        number = load.next
        load.next += 1
        load.under_way += 1
        self._busy, self._began = True, at
        self._control = control = b"C%d" % number
        self._out.write(WIRE % {b"no": control, b"patient": b"%06d" % (number % load.patients)})

    def dataReceived(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        if not buffer.endswith(b"\x1c\r"):
            return
        self._buffer = b""
        load = self._load
        at = buffer.find(b"\rMSA|")
        code, control = buffer[at + 5 : at + 7], buffer[at + 8 :].split(b"\r", 1)[0].split(b"|", 1)[0]
        self._busy = False
        load.under_way -= 1
        if code == b"AA" and control == self._control:
            now = perf_counter()
            load.done.append((now, now - self._began, control))
        else:
            word = f"{code.decode('latin-1')} {'' if control == self._control else 'of another message'}".strip()
            load.odd[word] = load.odd.get(word, 0) + 1
        load.ready(self)


class Poster(Link):
    """What the engine's sender does, and nothing else: the destination's own time."""

    def send(self, at: float) -> None:
        load = self._load
        number = self._control = b"C%d" % load.next
        load.next += 1
        load.under_way += 1
        self._busy, self._began = True, at
        body = BODY.encode() % {b"no": number, b"patient": b"%06d" % (load.next % load.patients)}
        self._out.write(POST % {b"no": number, b"size": len(body), b"body": body})

    def dataReceived(self, data: bytes) -> None:
        load, now = self._load, perf_counter()
        self._busy = False
        load.under_way -= 1
        if data.startswith(b"HTTP/1.1 200 "):
            load.done.append((now, now - self._began, self._control))
        else:
            word = data[:12].decode("latin-1")
            load.odd[word] = load.odd.get(word, 0) + 1
        load.ready(self)


def main(asked: dict[str, Any]) -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    NET.callWhenRunning(Load(asked).start)
    NET.run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
