"""The simulation's reactor must behave as TCP and Twisted do, or what it proves about the engine is worth nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint
from twisted.internet.error import (
    CannotListenError,
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
    UserError,
)
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.web.client import Agent, HTTPConnectionPool, readBody
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

from tests.simulation.reactor import NodeReactor, SimReactor, Weather

# readBody cannot abort a reply that has already ended, and says so
pytestmark = pytest.mark.filterwarnings("ignore:Using readBody:DeprecationWarning")

ROUGH = Weather(delay=(0.001, 0.08), slices=0.5, reset=0.01, refuse=0.05, clog=0.02, clog_s=2.0)


class Ear(Protocol):
    """Remembers everything it was told."""

    def __init__(self) -> None:
        self.heard = b""
        self.pieces: list[bytes] = []
        self.ended: Any = None
        self.ends = 0

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        self.pieces.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.ended = reason.type
        self.ends += 1


@implementer(IHalfCloseableProtocol)
class HalfEar(Ear):
    read_closed = write_closed = False

    def readConnectionLost(self) -> None:
        self.read_closed = True

    def writeConnectionLost(self) -> None:
        self.write_closed = True


class One(ClientFactory):
    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self.built = protocol
        self.failed: Any = None

    def buildProtocol(self, addr: object) -> Protocol:
        return self.built

    def clientConnectionFailed(self, connector: object, reason: Any) -> None:
        self.failed = reason.type


def pair(
    sim: SimReactor, near: Protocol | None = None, far: Protocol | None = None
) -> tuple[Any, Any, NodeReactor, NodeReactor]:
    a, b = sim.node("a"), sim.node("b")
    near, far = near or Ear(), far or Ear()
    b.listenTCP(80, One(far))
    a.connectTCP("b", 80, One(near))
    assert sim.run(lambda: near.transport is not None and far.transport is not None, 200)
    return near, far, a, b


def test_bytes_keep_their_order_though_late_and_sliced() -> None:
    sim = SimReactor(3, Weather(delay=(0.0, 1.0), slices=0.9))
    near, far, *_ = pair(sim)
    sent = b"".join(b"%05d" % n for n in range(400))
    for n in range(400):
        near.transport.write(b"%05d" % n)
    far.transport.write(b"back")
    assert sim.run(lambda: len(far.heard) == len(sent) and near.heard == b"back", 900)
    assert far.heard == sent
    assert len(far.pieces) > 500  # slices were made


def test_lose_connection_flushes_first_and_both_hear_a_clean_end() -> None:
    sim = SimReactor(1, Weather(delay=(0.1, 0.5), slices=0.5))
    near, far, *_ = pair(sim)
    near.transport.write(b"x" * 200_000)
    near.transport.loseConnection()
    assert sim.run(lambda: far.ended is not None and near.ended is not None, 900)
    assert (len(far.heard), far.ended, near.ended) == (200_000, ConnectionDone, ConnectionDone)


def test_abort_is_heard_on_a_later_tick_and_as_a_reset() -> None:
    sim = SimReactor()
    near, far, *_ = pair(sim)
    near.transport.abortConnection()
    assert near.ended is None  # never inside the call
    near.transport.abortConnection()
    sim.advance(1)
    assert (near.ended, far.ended) == (ConnectionAborted, ConnectionLost)
    assert (near.ends, far.ends) == (1, 1)


def test_half_close_leaves_the_other_direction_open() -> None:
    sim = SimReactor()
    near, far, *_ = pair(sim, HalfEar(), HalfEar())
    near.transport.write(b"question")
    near.transport.loseWriteConnection()
    near.transport.write(b"too late")
    sim.advance(1)
    assert (far.heard, far.read_closed, near.write_closed, far.ended) == (b"question", True, True, None)
    far.transport.write(b"answer")
    far.transport.loseConnection()
    sim.advance(1)
    assert (near.heard, near.ended, far.ended) == (b"answer", ConnectionDone, ConnectionDone)


def test_half_close_ends_a_protocol_that_does_not_know_it() -> None:
    sim = SimReactor()
    near, far, *_ = pair(sim)
    near.transport.loseWriteConnection()
    sim.advance(1)
    assert (far.ended, near.ended) == (ConnectionDone, ConnectionDone)


def test_a_paused_reader_holds_the_writer_back() -> None:
    class Producer:
        def __init__(self) -> None:
            self.said: list[str] = []

        def pauseProducing(self) -> None:
            self.said.append("pause")

        def resumeProducing(self) -> None:
            self.said.append("resume")

        def stopProducing(self) -> None:
            self.said.append("stop")

    sim = SimReactor()
    near, far, *_ = pair(sim)
    producer = Producer()
    near.transport.registerProducer(producer, True)
    far.transport.pauseProducing()
    near.transport.write(b"x" * 70_000)
    sim.advance(5)
    assert (far.heard, producer.said) == (b"", ["pause"])
    far.transport.resumeProducing()
    sim.advance(1)
    assert (len(far.heard), producer.said) == (70_000, ["pause", "resume"])
    near.transport.abortConnection()
    sim.advance(1)
    assert producer.said[-1] == "stop"


def test_closing_on_unread_bytes_resets_the_other_side() -> None:
    sim = SimReactor()
    near, far, *_ = pair(sim)
    far.transport.pauseProducing()
    near.transport.write(b"never read")
    sim.advance(1)
    far.transport.loseConnection()
    sim.advance(1)
    assert near.ended is ConnectionLost


def test_writing_to_a_closed_end_is_answered_with_a_reset() -> None:
    sim = SimReactor(0, Weather(delay=(0.5, 0.5)))
    near, far, *_ = pair(sim)
    far.transport.loseConnection()
    near.transport.write(b"crossing")  # on its way while the FIN is on its way
    assert sim.run(lambda: near.ended is not None, 10)
    assert far.heard == b""


@pytest.mark.parametrize(
    ("weather", "host", "port", "expected"),
    [
        (Weather(), "b", 81, ConnectionRefusedError),
        (Weather(refuse=1.0), "b", 80, ConnectionRefusedError),
        (Weather(), "nowhere", 80, DNSLookupError),
        (Weather(), "10.9.9.9", 80, TimeoutError),
    ],
)
def test_ways_not_to_connect(weather: Weather, host: str, port: int, expected: type) -> None:
    sim = SimReactor(0, weather)
    a, b = sim.node("a"), sim.node("b")
    b.listenTCP(80, One(Ear()))
    factory = One(Ear())
    a.connectTCP(host, port, factory, timeout=7)
    sim.run(lambda: factory.failed is not None, 100)
    assert factory.failed is expected


def test_a_stopped_attempt_fails_once_and_never_connects() -> None:
    sim = SimReactor(0, Weather(delay=(1, 1)))
    a, b = sim.node("a"), sim.node("b")
    far, near = Ear(), One(Ear())
    b.listenTCP(80, One(far))
    connector = a.connectTCP("b", 80, near)
    connector.stopConnecting()
    sim.advance(60)
    assert near.failed is UserError
    assert far.transport is None
    assert a.getDelayedCalls() == []


def test_a_black_hole_accepts_and_then_says_nothing() -> None:
    sim = SimReactor(0, Weather(hole=1.0))
    near, far, *_ = pair(sim)
    near.transport.write(b"hello")
    near.transport.loseConnection()
    sim.advance(3600)
    assert (far.heard, far.ended, near.ended) == (b"", None, ConnectionDone)


def test_loss_is_a_reset_behind_a_part_of_the_write() -> None:
    outcomes = set()
    for seed in range(20):
        sim = SimReactor(seed, Weather(reset=1.0))
        near, far, *_ = pair(sim)
        near.transport.write(b"0123456789")
        sim.advance(1)
        assert (near.ended, far.ended) == (ConnectionLost, ConnectionLost)
        assert b"0123456789".startswith(far.heard)
        outcomes.add(len(far.heard))
    assert len(outcomes) > 3


def test_a_port_is_taken_once_and_free_again_after_the_crash() -> None:
    sim = SimReactor()
    b = sim.node("b")
    b.listenTCP(80, One(Ear()))
    with pytest.raises(CannotListenError):
        b.listenTCP(80, One(Ear()))
    b.crash()
    again = sim.node("b")
    again.listenTCP(80, One(Ear()))
    assert (again.address, again is b) == (b.address, False)


@pytest.mark.parametrize(("peers_see", "heard"), [("reset", ConnectionLost), ("nothing", None)])
def test_a_crash_takes_exactly_the_nodes_own_things(peers_see: str, heard: type | None) -> None:
    sim = SimReactor()
    near, far, a, b = pair(sim)
    ran: list[str] = []
    a.callLater(1, ran.append, "a")
    b.callLater(1, ran.append, "b")
    b.crash(peers_see)
    b.callLater(1, ran.append, "ghost")
    far.transport.write(b"ghost")
    factory = One(Ear())
    a.connectTCP("b", 80, factory, timeout=9)
    sim.advance(10)
    assert ran == ["a"]
    assert far.ends == 0  # a dead program hears nothing
    assert (near.ended, near.heard) == (heard, b"")
    assert factory.failed is (ConnectionRefusedError if heard else TimeoutError)


def test_timers_can_be_moved_both_ways() -> None:
    sim = SimReactor()
    node = sim.node("a")
    ran: list[tuple[str, float]] = []
    start = sim.seconds()

    def mark(name: str) -> None:
        ran.append((name, round(sim.seconds() - start, 3)))

    sooner, later, gone = (node.callLater(10, mark, name) for name in ("sooner", "later", "gone"))
    sooner.reset(2)
    later.delay(10)
    gone.cancel()
    both = node.callLater(10, mark, "both")
    both.reset(1)
    both.reset(15)
    sim.advance(100)
    assert ran == [("sooner", 2.0), ("both", 15.0), ("later", 20.0)]


def test_what_code_raises_into_the_reactor_is_not_lost() -> None:
    sim = SimReactor()
    sim.node("a").callLater(1, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        sim.advance(2)


def test_threads_are_calls_in_a_fixed_order() -> None:
    sim = SimReactor(5, Weather(delay=(0.0, 1.0)))
    node = sim.node("a")
    ran: list[int] = []
    for n in range(5):
        node.callInThread(lambda n=n: node.callFromThread(ran.append, n))
    sim.advance(5)
    assert sorted(ran) == [0, 1, 2, 3, 4]
    again = SimReactor(5, Weather(delay=(0.0, 1.0)))
    other = again.node("a")
    ran2: list[int] = []
    for n in range(5):
        other.callInThread(lambda n=n: other.callFromThread(ran2.append, n))
    again.advance(5)
    assert ran2 == ran


class _Slow(Resource):
    isLeaf = True

    def __init__(self, node: NodeReactor) -> None:
        super().__init__()
        self._node = node

    def render_POST(self, request: Any) -> int:
        body = request.content.read()
        request.setHeader(b"date", b"today")  # twisted.web would ask the real clock
        self._node.callLater(0.2, lambda: None if request._disconnected else self._end(request, body))
        return NOT_DONE_YET

    @staticmethod
    def _end(request: Any, body: bytes) -> None:
        request.write(body[::-1])
        request.finish()


def web_day(seed: int, weather: Weather, calls: int = 30) -> tuple[str, list[str]]:
    """twisted.web's own server and client, talking through the weather."""
    sim = SimReactor(seed, weather)
    server, client = sim.node("server"), sim.node("client")
    server.listenTCP(8080, Site(_Slow(server), reactor=server))
    agent = Agent(client, connectTimeout=5, pool=HTTPConnectionPool(client))
    results: list[str] = []

    def ask(n: int) -> None:
        asked: Deferred[Any] = agent.request(b"POST", b"http://server:8080/%d" % n, bodyProducer=_Body(b"abc%d" % n))
        asked.addCallback(readBody)
        deadline = client.callLater(30, asked.cancel)
        asked.addBoth(lambda result: (deadline.active() and deadline.cancel(), result)[1])
        asked.addCallbacks(
            lambda body: results.append(f"{n}:{body.decode()}"),
            lambda failure: results.append(f"{n}!{failure.type.__name__}"),
        )

    for n in range(calls):
        client.callLater(n * 0.3, ask, n)
    assert sim.run(lambda: len(results) == calls, 3600)
    return sim.digest(), results


class _Body:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self._data)
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def stopProducing(self) -> None: ...


def test_twisted_web_works_in_calm_weather() -> None:
    _, results = web_day(1, Weather(delay=(0.01, 0.02), slices=0.3))
    assert sorted(results) == sorted(f"{n}:{f'abc{n}'[::-1]}" for n in range(30))


def test_rough_weather_breaks_some_calls_and_the_seed_decides_which() -> None:
    days = {seed: web_day(seed, ROUGH) for seed in (1, 2, 3)}
    assert any("!" in row for _, rows in days.values() for row in rows)
    assert any(":" in row for _, rows in days.values() for row in rows)
    assert len({digest for digest, _ in days.values()}) == 3
    assert web_day(2, ROUGH) == days[2]


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_the_same_seed_is_the_same_day_in_another_process(hash_seed: str) -> None:
    code = (
        "from tests.simulation.test_reactor import web_day, ROUGH, ours_day\n"
        "print(web_day(7, ROUGH)[0], ours_day(7, ROUGH)[0])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [web_day(7, ROUGH)[0], ours_day(7, ROUGH)[0]]


def ours_day(seed: int, weather: Weather, calls: int = 60) -> tuple[str, list[str], list[str]]:
    """Our own sender and listener through the weather: (digest, results, bodies the server worked on)."""
    from engine.connectors.http_listener import HttpListener
    from engine.connectors.http_sender import HttpSender
    from engine.core.http import HttpReply, HttpRequest
    from engine.core.world import World

    sim = SimReactor(seed, weather)
    server, client = sim.node("server"), sim.node("client")
    there, here = World(server, seed=seed, inline=True), World(client, seed=seed, inline=True)
    worked: list[str] = []

    def handle(request: HttpRequest) -> Deferred[HttpReply]:
        worked.append(request.body.decode())
        answer: Deferred[HttpReply] = Deferred()
        there.later(0.2, lambda: answer.callback(HttpReply(200, (), request.body[::-1] * 50)))
        return answer

    listener = HttpListener(there, "api", "0.0.0.0", 8600, handle)  # noqa: S104 - the simulated network only
    listener.start()
    sender = HttpSender(here, "http://server:8600", window=3, queue_max=20)
    results: list[str] = []

    def ask(n: int) -> None:
        sender.send(HttpRequest("POST", f"/{n}", (), f"abc{n}".encode()), 30).addCallbacks(
            lambda reply: results.append(f"{n}:{len(reply.body)}:{reply.body[:6].decode()}"),
            lambda failure: results.append(f"{n}!{failure.type.__name__}"),
        )

    for n in range(calls):
        client.callLater(n * 0.1, ask, n)
    assert sim.run(lambda: len(results) == calls, 3600)
    ended: list[object] = []
    sender.stop().addCallback(ended.append)
    listener.drain(60).addCallback(ended.append)
    assert sim.run(lambda: len(ended) == 2, 200)
    assert sim.run(lambda: not client.getDelayedCalls() and not server.getDelayedCalls(), 600)
    assert (listener.connections, listener.in_flight, listener.held, sender.in_flight) == (0, 0, 0, 0)
    return sim.digest(), results, worked


def test_our_sender_never_lies_about_what_left_the_house() -> None:
    kinds = set()
    for seed in range(25):
        _, results, worked = ours_day(seed, ROUGH)
        assert len(worked) == len(set(worked)), "a request was repeated by itself"
        for row in results:
            if row.endswith("!NotSent"):
                assert f"abc{row.split('!')[0]}" not in worked
                kinds.add("not sent")
            elif row.endswith("!Silent"):
                kinds.add("silent")
            else:
                n, size, start = row.split(":")
                assert (int(size), start) == (50 * len(f"abc{n}"), (f"abc{n}"[::-1] * 2)[:6])
                kinds.add("answered")
    assert kinds == {"not sent", "silent", "answered"}


def test_endpoints_resolve_names_and_addresses() -> None:
    sim = SimReactor()
    a, b = sim.node("a"), sim.node("b")
    ears = [Ear(), Ear(), Ear()]
    waiting = list(ears)

    class Next(Factory):
        noisy = False

        def buildProtocol(self, addr: object) -> Protocol:
            return waiting.pop(0)

    b.listenTCP(80, Next())
    got: list[Any] = []
    for endpoint in (HostnameEndpoint(a, "b", 80), TCP4ClientEndpoint(a, b.address, 80)):
        endpoint.connect(One(Ear())).addCallback(got.append)
    failed: list[Any] = []
    HostnameEndpoint(a, "nobody", 80).connect(One(Ear())).addErrback(lambda f: failed.append(f.type))
    sim.advance(1)
    assert len(got) == 2
    assert failed == [DNSLookupError]


def test_a_program_that_runs_in_circles_is_stopped_and_told() -> None:
    sim = SimReactor(1)
    node = sim.node("a")

    def again() -> None:
        node.callLater(0, again)

    again()
    with pytest.raises(RuntimeError, match="no time passes"):
        sim.advance(1.0)
