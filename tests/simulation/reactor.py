"""A reactor with no sockets, no threads and no clock of its own: everything comes from one seed.

`SimReactor(seed, weather)` is the world: its clock jumps from one scheduled call to the next. `node(name)` is the
reactor one program runs on: it has an address, and it can crash. Bytes travel in order but late, cut into
slices, and sometimes the connection is reset, refused, clogged or swallowed. The same seed gives the same
events; `digest()` proves it. Loss is a reset: TCP itself repairs the rest.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.base import DelayedCall
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IListeningPort,
    IReactorCore,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.simulation.wires import SimConnector, SimTransport


@dataclass(frozen=True)
class Weather:
    """What the network does to each connection and write. Delays are seconds, the others probabilities."""

    delay: tuple[float, float] = (0.0, 0.0)
    slices: float = 0.0
    reset: float = 0.0
    refuse: float = 0.0
    hole: float = 0.0  # accepted, then nothing is ever delivered in either direction
    clog: float = 0.0
    clog_s: float = 20.0


CALM = Weather()
INSTANT = 1e-3  # seconds
CALLS_AT_ONCE = 20_000  # a program that does so much without letting time pass runs in circles


class SimReactor:
    """The clock, the network and the seed. `errors` holds what code raised into the reactor; `run` raises it."""

    def __init__(self, seed: int = 0, weather: Weather = CALM, start: float = 1_790_000_000.0) -> None:
        self.random = random.Random(seed)
        self.weather = weather
        self.errors: list[Failure] = []
        self.nodes: dict[str, NodeReactor] = {}
        self.ports: dict[tuple[str, int], SimPort] = {}
        self._now = start
        self._heap: list[tuple[float, int, DelayedCall]] = []
        self._serial = 0
        self._calls_now = 0
        self._hash = hashlib.sha256()
        self.events = 0

    def node(self, name: str, skew: float = 0.0) -> NodeReactor:
        """The reactor of one program; asking again after a crash boots a new one at the same address."""
        old = self.nodes.get(name)
        if old is not None and old.alive:
            return old
        address = old.address if old is not None else f"10.0.0.{len(self.nodes) + 1}"
        self.nodes[name] = NodeReactor(self, name, address, skew)
        return self.nodes[name]

    def note(self, *what: object) -> None:
        """Put an event into the digest; its text must be the same on every run."""
        self.events += 1
        self._hash.update(f"{self._now:.9f} {' '.join(map(str, what))}\n".encode())

    def digest(self) -> str:
        return self._hash.hexdigest()

    # --- time

    def seconds(self) -> float:
        return self._now

    def schedule(self, delay: float, call: Callable[..., object], *args: object, **kw: object) -> DelayedCall:
        if delay < 0:
            raise ValueError("a delay cannot be negative")
        handle = DelayedCall(self._now + delay, call, args, kw, lambda _: None, self._push, self.seconds)
        self._push(handle)
        return handle

    def _push(self, handle: DelayedCall) -> None:
        self._serial += 1
        heapq.heappush(self._heap, (handle.getTime(), self._serial, handle))

    def _next(self) -> float | None:
        while self._heap:
            at, _, handle = self._heap[0]
            if handle.active() and handle.getTime() == at:
                return at
            heapq.heappop(self._heap)
            if handle.active() and handle.getTime() > at:
                self._push(handle)
        return None

    def pending(self) -> list[DelayedCall]:
        """Calls still to come, in no particular order."""
        return list({id(handle): handle for _, _, handle in self._heap if handle.active()}.values())

    def step(self) -> bool:
        """Make the next call; False when there is none."""
        at = self._next()
        if at is None:
            return False
        _, _, handle = heapq.heappop(self._heap)
        self._calls_now = 0 if at > self._now + INSTANT else self._calls_now + 1
        if self._calls_now > CALLS_AT_ONCE:
            raise RuntimeError(f"no time passes any more: {CALLS_AT_ONCE} calls in one instant, last {handle.func!r}")
        self._now = max(self._now, at)
        handle.called = 1
        self.guard(handle.func, *handle.args, **handle.kw)
        return True

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass. Raises what code raised into the reactor."""
        until = self._now + seconds
        while (at := self._next()) is not None and at <= until:
            self.step()
            self._raise()
        self._now = until

    def run(self, until: Callable[[], bool], limit_s: float = 3600.0) -> bool:
        """Go on until the condition holds (True), nothing is left to happen, or the limit has passed (False)."""
        end = self._now + limit_s
        while not until():
            at = self._next()
            if at is None or at > end:
                self._now = self._now if at is None else end
                return False
            self.step()
            self._raise()
        return True

    def guard(self, call: Callable[..., Any], *args: object, **kw: object) -> Failure | None:
        try:
            call(*args, **kw)
        except Exception:  # noqa: BLE001 - a reactor survives what its calls raise, and reports it
            failure = Failure()
            self.errors.append(failure)
            return failure
        return None

    def _raise(self) -> None:
        if self.errors:
            self.errors[0].raiseException()

    # --- weather

    def chance(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability

    def delay(self) -> float:
        low, high = self.weather.delay
        wait = self.random.uniform(low, high) if high > low else low
        if self.chance(self.weather.clog):
            wait += self.random.expovariate(1.0 / self.weather.clog_s)
        return wait


@implementer(IReactorCore, IReactorTime, IReactorTCP, IReactorThreads, IReactorPluggableNameResolver, IHostnameResolver)
class NodeReactor:
    """What one program sees as `reactor`. Host names are the names of the other nodes."""

    running = True

    def __init__(self, sim: SimReactor, name: str, address: str, skew: float) -> None:
        self.sim = sim
        self.name = name
        self.address = address
        self.skew = skew
        self.alive = True
        self.reachable = True  # a dead program on a living machine refuses; a machine cut off says nothing
        self.nameResolver: Any = self
        self._calls: dict[DelayedCall, None] = {}
        self._tidy_at = 1000
        self._next_port = 20000
        self.transports: dict[SimTransport, None] = {}
        self.triggers: list[tuple[str, str, Callable[..., object], tuple[Any, ...], dict[str, Any]]] = []

    def crash(self, peers_see: str = "reset") -> None:
        """The program is gone between two instructions: none of its calls runs, nothing it had not yet handed
        over is sent, its connections are cut. `peers_see`: "reset", or "nothing" (the cable was pulled)."""
        self.alive = False
        self.reachable = peers_see == "reset"
        self.sim.note("crash", self.name)
        for call in [call for call in self._calls if call.active()]:
            call.cancel()
        self._calls.clear()
        for key in [key for key, port in self.sim.ports.items() if port.node is self]:
            del self.sim.ports[key]
        for transport in list(self.transports):
            transport.vanish(tell=peers_see == "reset")
        self.transports.clear()

    # --- IReactorTime, IReactorThreads

    def seconds(self) -> float:
        return self.sim.seconds() + self.skew

    def callLater(self, delay: float, call: Callable[..., object], *args: Any, **kw: Any) -> DelayedCall:
        handle = self.sim.schedule(delay, self._run, call, args, kw)
        if self.alive:
            self._calls[handle] = None
            if len(self._calls) > self._tidy_at:
                self._calls = {kept: None for kept in self._calls if kept.active()}
                self._tidy_at = 1000 + 2 * len(self._calls)
        else:
            handle.cancel()
        return handle

    def _run(self, call: Callable[..., object], args: tuple[Any, ...], kw: dict[str, Any]) -> None:
        if self.alive:
            call(*args, **kw)

    def getDelayedCalls(self) -> list[DelayedCall]:
        return [call for call in self._calls if call.active()]

    def callFromThread(self, call: Callable[..., object], *args: Any, **kw: Any) -> None:
        self.callLater(0, call, *args, **kw)

    def callInThread(self, call: Callable[..., object], *args: Any, **kw: Any) -> None:
        self.callLater(self.sim.delay(), call, *args, **kw)

    def getThreadPool(self) -> _Pool:
        return _Pool(self)

    def suggestThreadPoolSize(self, size: int) -> None:
        """There are no threads here."""

    # --- IReactorCore

    def callWhenRunning(self, call: Callable[..., object], *args: Any, **kw: Any) -> None:
        self.callLater(0, call, *args, **kw)

    def addSystemEventTrigger(self, phase: str, event: str, call: Callable[..., object], *args: Any, **kw: Any) -> Any:
        trigger = (phase, event, call, args, kw)
        self.triggers.append(trigger)
        return trigger

    def removeSystemEventTrigger(self, trigger: Any) -> None:
        self.triggers.remove(trigger)

    def fireSystemEvent(self, event: str) -> None:
        for phase in ("before", "during", "after"):
            for when, what, call, args, kw in list(self.triggers):
                if (when, what) == (phase, event):
                    call(*args, **kw)

    def run(self) -> None:
        raise NotImplementedError("the simulation runs the reactor")

    def stop(self) -> None:
        self.fireSystemEvent("shutdown")

    def iterate(self, delay: float = 0) -> None:
        raise NotImplementedError("the simulation runs the reactor")

    def resolve(self, name: str, timeout: Any = 10) -> Any:
        raise NotImplementedError("use nameResolver")

    # --- names

    def installNameResolver(self, resolver: Any) -> Any:
        old, self.nameResolver = self.nameResolver, resolver
        return old

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        found = self.lookup(hostName)
        if found is not None:
            resolutionReceiver.addressResolved(IPv4Address("TCP", found, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution

    def lookup(self, host: str) -> str | None:
        if host in ("localhost", "127.0.0.1"):
            return self.address
        if host in self.sim.nodes:
            return self.sim.nodes[host].address
        return host if host.replace(".", "").isdigit() else None

    # --- IReactorTCP

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> SimPort:
        if port == 0:
            port = self.free_port()
        key = (self.address, port)
        if key in self.sim.ports:
            raise CannotListenError(interface, port, OSError("address in use"))
        listening = self.sim.ports[key] = SimPort(self, port, factory)
        factory.doStart()
        return listening

    def free_port(self) -> int:
        while (self.address, self._next_port) in self.sim.ports:
            self._next_port += 1
        self._next_port += 1
        return self._next_port - 1

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> SimConnector:
        connector = SimConnector(self, host, port, factory, timeout)
        connector.connect()
        return connector


@implementer(IListeningPort)
class SimPort:
    """A listening port of a node."""

    def __init__(self, node: NodeReactor, port: int, factory: Any) -> None:
        self.node = node
        self.port = port
        self.factory = factory

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", self.node.address, self.port)

    def startListening(self) -> None:
        self.node.sim.ports[(self.node.address, self.port)] = self

    def stopListening(self) -> None:
        if self.node.sim.ports.pop((self.node.address, self.port), None) is not None:
            self.factory.doStop()


class _Pool:
    """A thread pool without threads."""

    def __init__(self, node: NodeReactor) -> None:
        self._node = node

    def callInThreadWithCallback(
        self, done: Callable[[bool, object], object], call: Callable[..., object], *args: Any, **kw: Any
    ) -> None:
        def work() -> None:
            try:
                result = call(*args, **kw)
            except Exception:  # noqa: BLE001 - a pool hands every failure to its caller
                done(False, Failure())
            else:
                done(True, result)

        self._node.callInThread(work)


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Answers are immediate: there is nothing to cancel."""
