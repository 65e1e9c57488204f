"""The floor of the open loop: a caller that makes the same calls to the same parties and does nothing besides.

    python -m bench.relay '{"ports": {"his": 8701, …}, "chain": ["his", "insurance", …], "rate": 20, "seconds": 10}'

What its chains take beyond the parties' own time is the network, the machine and the other processes on it: no engine
can be quicker. Prints one JSON object: milliseconds of each chain by its number, as `bench.terminals` does.
"""

from __future__ import annotations

import gc
import json
import sys
from time import perf_counter
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - a benchmark is its own program
from twisted.internet.protocol import ClientFactory, Protocol

NET: Any = reactor
BODY = b"x" * 600  # about what a call of a settlement carries


class Wire(Protocol):
    """A kept-alive connection to one party; one call at a time."""

    def __init__(self, party: str, relay: Relay) -> None:
        self._party, self._relay, self._chain = party, relay, Chain(0, 0.0, 0)
        self._wire: Any = None

    def connectionMade(self) -> None:
        self._wire = self.transport
        self._wire.setTcpNoDelay(True)
        self._relay.rest(self._party, self)

    def call(self, chain: Chain) -> None:
        """The chain's next call."""
        self._chain = chain
        head = f"POST /bench/echo/{chain.number} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n"
        self._wire.write(head.encode() + BODY)

    def dataReceived(self, data: bytes) -> None:
        if data.endswith(b"{}"):
            self._relay.rest(self._party, self)
            self._relay.go_on(self._chain)


class Chain:
    """One settlement's calls, one after the other."""

    def __init__(self, number: int, began: float, at: int) -> None:
        self.number, self.began, self.at = number, began, at


class Relay:
    """Begins chains at their instants and notes how long each took."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.ports: dict[str, int] = asked["ports"]
        self.chain: list[str] = asked["chain"]
        self.rate, self.seconds = float(asked["rate"]), float(asked["seconds"])
        self.free: dict[str, list[Wire]] = {party: [] for party in set(self.chain)}
        self.waiting: dict[str, list[Chain]] = {party: [] for party in set(self.chain)}
        self.times: list[tuple[int, float]] = []
        self.began = 0.0

    def start(self) -> None:
        for party in self.free:
            for _ in range(64):
                factory: Any = ClientFactory()
                factory.noisy = False
                factory.buildProtocol = lambda addr, party=party: Wire(party, self)
                NET.connectTCP("127.0.0.1", self.ports[party], factory)
        self.began = perf_counter() + 0.5
        NET.callLater(0.5, self.beat, 0)

    def beat(self, count: int) -> None:
        """Begin the next chain, however late the last one is."""
        due = self.began + count / self.rate
        if due >= self.began + self.seconds:
            NET.callLater(4.0, self.end)
            return
        self.go_on(Chain(count + 1, due, 0))
        NET.callLater(max(0.0, due + 1 / self.rate - perf_counter()), self.beat, count + 1)

    def go_on(self, chain: Chain) -> None:
        """Make the chain's next call, or note that it is through."""
        if chain.at == len(self.chain):
            self.times.append((chain.number, (perf_counter() - chain.began) * 1000))
            return
        party = self.chain[chain.at]
        chain.at += 1
        if self.free[party]:
            self.free[party].pop().call(chain)
        else:
            self.waiting[party].append(chain)

    def rest(self, party: str, wire: Wire) -> None:
        """A connection has nothing to do."""
        if self.waiting[party]:
            wire.call(self.waiting[party].pop(0))
        else:
            self.free[party].append(wire)

    def end(self) -> None:
        print(json.dumps({"times": self.times, "begun": int(self.rate * self.seconds)}), flush=True)
        NET.stop()


def main(asked: dict[str, Any]) -> None:
    gc.freeze()
    NET.callWhenRunning(Relay(asked).start)
    NET.run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
