"""Raw bytes against the connectors, in calm simulated weather and on a hand-moved clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from zope.interface import implementer

from engine.connectors.http_limits import HttpLimits
from engine.connectors.http_listener import HttpListener
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from tests.simulation.reactor import SimReactor


class Line(Protocol):
    """A peer that says what the test tells it, and remembers what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended: str | None = None
        self.told: Callable[[Line, bytes], None] | None = None

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if self.told is not None:
            self.told(self, data)

    def connectionLost(self, reason: Any = None) -> None:
        self.ended = reason.type.__name__

    def say(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


@implementer(IHalfCloseableProtocol)
class HalfLine(Line):
    """A peer that goes on talking after the other side has said its last word."""

    def readConnectionLost(self) -> None:
        """Heard, and ignored."""

    def writeConnectionLost(self) -> None:
        """Never happens: it does not stop."""


class _To(ClientFactory):
    noisy = False

    def __init__(self, line: Line) -> None:
        self._line = line

    def buildProtocol(self, addr: object) -> Line:
        return self._line


class Door:
    """A listener in a simulated world, and everything it reported."""

    def __init__(
        self, handle: Callable[[HttpRequest], Any] | None = None, limits: HttpLimits | None = None, **more: Any
    ) -> None:
        self.sim = SimReactor()
        self.server = self.sim.node("server")
        self.requests: list[HttpRequest] = []
        self.served: list[tuple[str, str, int, float, int]] = []
        self.errors: list[Any] = []
        self._handle = handle or (lambda request: HttpReply(200, (("Content-Type", "text/plain"),), b"hello"))
        self.listener = HttpListener(
            World(self.server, inline=True),
            "api",
            "127.0.0.1",
            8600,
            self._take,
            limits,
            on_request=lambda *row: self.served.append(row),
            on_error=self.errors.append,
            **more,
        )
        self.listener.start()

    def _take(self, request: HttpRequest) -> Any:
        self.requests.append(request)
        return self._handle(request)

    def call(self, data: bytes = b"", node: str = "client", line: Line | None = None) -> Line:
        line = line or Line()
        self.sim.node(node).connectTCP("server", 8600, _To(line))
        self.sim.advance(0)
        if data:
            self.say(line, data)
        return line

    def say(self, line: Line, data: bytes) -> None:
        line.say(data)
        self.sim.advance(0)

    def ask(self, data: bytes) -> bytes:
        """Everything the server answers to these bytes within a moment."""
        line = self.call(data)
        self.sim.advance(0.001)
        return line.heard


class Peer:
    """A scripted server in a simulated world: each connection gets the next `Line`."""

    def __init__(self, sim: SimReactor, port: int = 80) -> None:
        self.lines: list[Line] = []
        self.script: Callable[[Line, bytes], None] | None = None
        factory = Factory()
        factory.noisy = False
        factory.buildProtocol = self._build  # type: ignore[method-assign] # the shortest way to one method
        self.node = sim.node("peer")
        self.port = self.node.listenTCP(port, factory)

    def _build(self, addr: object) -> Line:
        line = Line()
        line.told = self.script
        self.lines.append(line)
        return line


def statuses(data: bytes) -> list[int]:
    """The status of each reply in these bytes."""
    return [int(part[:3]) for part in data.split(b"HTTP/1.1 ")[1:]]
