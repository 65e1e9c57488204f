"""The sender against a scripted peer: every way a call can end is either a whole reply, NotSent or Silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.connectors.contract import CallFailed, NotSent, Silent
from engine.connectors.http_sender import HttpSender
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from tests.connectors.wire import Line, Peer
from tests.simulation.reactor import CALM, SimReactor, Weather

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ASK = HttpRequest("POST", "/pay", (("Content-Type", "text/plain"),), b"12")


class Desk:
    """A sender in a simulated world, its peer, and how its calls ended."""

    def __init__(
        self, script: Callable[[Line, bytes], None] | None = None, weather: Weather = CALM, **more: Any
    ) -> None:
        self.sim = SimReactor(0, weather)
        self.here = self.sim.node("engine")
        self.peer = Peer(self.sim)
        self.peer.script = script
        self.sender = HttpSender(World(self.here, inline=True), "http://peer/api", **more)
        self.ended: list[HttpReply | CallFailed] = []

    def send(self, request: HttpRequest = ASK, deadline_s: float = 10.0, hook: Any = None) -> Any:
        deferred = self.sender.send(request, deadline_s, hook)
        deferred.addCallbacks(self.ended.append, lambda failure: self.ended.append(failure.value))
        self.sim.advance(0.001)
        return deferred

    @property
    def last(self) -> HttpReply | CallFailed:
        return self.ended[-1]

    def why(self) -> tuple[type, str]:
        assert isinstance(self.last, CallFailed)
        return type(self.last), self.last.why


def says(*pieces: bytes, close: bool = False, abort: bool = False) -> Callable[[Line, bytes], None]:
    """A peer that answers each thing it hears with these bytes."""

    def script(line: Line, data: bytes) -> None:
        for piece in pieces:
            line.say(piece)
        assert line.transport is not None
        if close:
            line.transport.loseConnection()
        if abort:
            line.transport.abortConnection()  # type: ignore[attr-defined] # simulated transport

    return script


def reply(*lines: bytes, body: bytes = b"", status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", body])


def test_the_request_on_the_wire() -> None:
    desk = Desk(says(OK))
    desk.send(HttpRequest("POST", "/pay?a=b", (("X-A", "c"), ("Connection", "x"), ("content-length", "9")), b"12"))
    assert desk.peer.lines[0].heard == (
        b"POST /api/pay?a=b HTTP/1.1\r\nHost: peer\r\nX-A: c\r\n"
        b"Accept-Encoding: identity\r\nContent-Length: 2\r\n\r\n12"
    )
    assert desk.last == HttpReply(200, (("Content-Length", "2"),), b"ok")


def test_a_get_has_no_length_and_a_request_may_bring_its_host() -> None:
    desk = Desk(says(OK))
    desk.send(HttpRequest("GET", "", (("Host", "other:1"),)))
    assert desk.peer.lines[0].heard == b"GET /api HTTP/1.1\r\nHost: other:1\r\nAccept-Encoding: identity\r\n\r\n"


WHOLE: dict[str, tuple[bytes, bool, bytes, int, bool]] = {  # bytes, peer closes, body, status, connection reusable
    "length": (OK, False, b"ok", 200, True),
    "empty": (reply(b"Content-Length: 0"), False, b"", 200, True),
    "chunks": (
        reply(b"Transfer-Encoding: chunked", body=b"1\r\no\r\n1;x=y\r\nk\r\n0\r\nT: v\r\n\r\n"),
        False,
        b"ok",
        200,
        True,
    ),
    "until close": (reply(body=b"ok"), True, b"ok", 200, False),
    "until close, empty": (reply(), True, b"", 200, False),
    "says close": (reply(b"Connection: Close", b"Content-Length: 2", body=b"ok"), False, b"ok", 200, False),
    "1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False, b"ok", 200, False),
    "204": (reply(status=b"204 No Content"), False, b"", 204, True),
    "304 with length": (reply(b"Content-Length: 9", status=b"304 Not Modified"), False, b"", 304, True),
    "interim": (reply(status=b"100 Continue") + reply(status=b"103 Hints") + OK, False, b"ok", 200, True),
    "redirect is an answer": (
        reply(b"Location: http://elsewhere/", b"Content-Length: 0", status=b"302 Found"),
        False,
        b"",
        302,
        True,
    ),
    "html": (reply(b"Content-Type: text/html", b"Content-Length: 6", body=b"<html>"), False, b"<html>", 200, True),
    "500": (reply(b"Content-Length: 2", body=b"no", status=b"500 Oops"), False, b"no", 500, True),
    "no phrase": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", False, b"ok", 200, True),
    "gbk phrase": (reply(b"Content-Length: 2", body=b"ok", status=b"200 \xb3\xc9\xb9\xa6"), False, b"ok", 200, True),
    "identity": (reply(b"Content-Encoding: identity", b"Content-Length: 2", body=b"ok"), False, b"ok", 200, True),
}


@pytest.mark.parametrize("case", WHOLE)
@pytest.mark.parametrize("way", ["at once", "sliced"])
def test_whole_replies(case: str, way: str) -> None:
    data, closes, body, status, reusable = WHOLE[case]
    pieces = [data] if way == "at once" else [data[n : n + 1] for n in range(len(data))]
    desk = Desk(says(*pieces, close=closes))
    desk.send()
    assert isinstance(desk.last, HttpReply)
    assert (desk.last.status, desk.last.body) == (status, body)
    desk.send()
    assert len(desk.ended) == 2
    assert len(desk.peer.lines) == (1 if reusable else 2)
    assert (desk.sender.in_flight, desk.sender.queued, desk.sender.surplus) == (0, 0, 0)


BROKEN: dict[str, tuple[bytes, str]] = {  # what the peer says, and how it ends: closes, aborts, waits
    "nothing, closed": (b"", "close"),
    "nothing, reset": (b"", "abort"),
    "nothing, ever": (b"", "wait"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", "close"),
    "half a body": (reply(b"Content-Length: 20", body=b'{"ok": true}'), "close"),
    "half a body, silence": (reply(b"Content-Length: 20", body=b'{"ok": true}'), "wait"),
    "half a body, reset": (reply(b"Content-Length: 20", body=b'{"ok": true}'), "abort"),
    "half the chunks": (reply(b"Transfer-Encoding: chunked", body=b"2\r\nok\r\n"), "close"),
    "no last empty line": (reply(b"Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n"), "close"),
    "until reset": (reply(body=b"ok"), "abort"),
    "until silence": (reply(body=b"ok"), "wait"),
    "garbage": (b"\x15\x03\x01\x00\x02\x02", "wait"),
    "HTTP/2": (b"HTTP/2 200\r\n\r\n", "wait"),
    "ICY": (b"ICY 200 OK\r\n\r\n", "wait"),
    "ICE": (b"ICE/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "wait"),
    "RTSP": (b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "wait"),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "wait"),
    "one bare LF": (b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 2\r\n\r\nok", "wait"),
    "folded": (reply(b"X: a", b" b", b"Content-Length: 2", body=b"ok"), "wait"),
    "NUL": (reply(b"X: a\0", b"Content-Length: 2", body=b"ok"), "wait"),
    "status 99": (reply(b"Content-Length: 2", body=b"ok", status=b"099 Odd"), "wait"),
    "status 2000": (reply(b"Content-Length: 2", body=b"ok", status=b"2000 Odd"), "wait"),
    "two lengths": (reply(b"Content-Length: 2", b"Content-Length: 3", body=b"ok"), "wait"),
    "length and chunks": (
        reply(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        "wait",
    ),
    "length +2": (reply(b"Content-Length: +2", body=b"ok"), "wait"),
    "length 10^20": (reply(b"Content-Length: 100000000000000000000", body=b"ok"), "wait"),
    "coding": (reply(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), "wait"),
    "chunk size": (reply(b"Transfer-Encoding: chunked", body=b"zz\r\n"), "wait"),
    "gzip": (reply(b"Content-Encoding: gzip", b"Content-Length: 2", body=b"ok"), "wait"),
    "switching": (reply(b"Upgrade: x", b"Connection: upgrade", status=b"101 Switching"), "wait"),
    "switching, bare": (reply(status=b"101 Switching"), "wait"),
    "interim for ever": (reply(status=b"100 Continue") * 9 + OK, "wait"),
    "too long": (reply(b"Content-Length: 1001", body=b"x" * 1001), "wait"),
    "too long in chunks": (reply(b"Transfer-Encoding: chunked", body=b"3e9\r\n" + b"x" * 1001), "wait"),
    "too long until close": (reply(body=b"x" * 1001), "close"),
    "head too long": (reply(b"X: " + b"x" * 40_000, b"Content-Length: 0"), "wait"),
    "head without end": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000, "wait"),
    "201 headers": (reply(*[b"X: y"] * 201, b"Content-Length: 0"), "wait"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_without_a_whole_reply_the_call_is_silent_and_the_connection_gone(case: str) -> None:
    data, ending = BROKEN[case]
    desk = Desk(says(data, close=ending == "close", abort=ending == "abort"), max_reply_bytes=1000)
    desk.send()
    desk.sim.advance(10)
    assert [type(end) for end in desk.ended] == [Silent]
    assert desk.peer.lines[0].ended is not None
    assert (desk.sender.in_flight, desk.here.getDelayedCalls()) == (0, [])
    desk.peer.script = says(OK)
    desk.send()
    assert isinstance(desk.last, HttpReply)  # the next one has a connection of its own
    assert len(desk.peer.lines) == 2


def test_garbage_is_silent_at_once_and_not_only_at_the_deadline() -> None:
    desk = Desk(says(b"SSH-2.0-x\r\n"))
    desk.send()
    assert desk.why() == (Silent, "not HTTP")


def test_the_reason_never_quotes_the_peer() -> None:
    for data, _ in BROKEN.values():
        desk = Desk(says(data.replace(b"X: ", b"S3CRET: "), close=True))
        desk.send()
        desk.sim.advance(20)
        if isinstance(desk.last, CallFailed):
            assert "S3CRET" not in desk.last.why


@pytest.mark.parametrize("data", [OK + OK, OK + b"\r\n", OK + b"x"])
def test_a_surplus_reply_is_delivered_once_and_the_connection_closed(data: bytes) -> None:
    desk = Desk(says(data))
    desk.send()
    desk.send()
    assert [type(end) for end in desk.ended] == [HttpReply, HttpReply]
    assert len(desk.peer.lines) == 2
    assert desk.sender.surplus == 2


def test_surplus_on_a_resting_connection_is_not_the_next_calls_reply() -> None:
    desk = Desk(says(OK))
    desk.send()
    desk.peer.lines[0].say(reply(b"Content-Length: 5", body=b"stale"))
    desk.sim.advance(0.001)
    desk.send()
    assert [end.body for end in desk.ended if isinstance(end, HttpReply)] == [b"ok", b"ok"]
    assert (len(desk.peer.lines), desk.sender.surplus) == (2, 1)


def test_head_has_no_body_whatever_its_length() -> None:
    desk = Desk(says(reply(b"Content-Length: 500")))
    desk.send(HttpRequest("HEAD", "/"))
    desk.send(HttpRequest("HEAD", "/"))
    assert [type(end) for end in desk.ended] == [HttpReply, HttpReply]
    assert len(desk.peer.lines) == 1


# --- not sent


def test_refused_is_not_sent() -> None:
    desk = Desk(says(OK))
    desk.peer.port.stopListening()
    desk.send()
    desk.sim.advance(0.4)  # Twisted first looks whether the name has another address
    assert desk.why() == (NotSent, "connect: ConnectionRefusedError")
    assert desk.here.getDelayedCalls() == []


def test_an_unknown_name_is_not_sent() -> None:
    desk = Desk()
    sender = HttpSender(World(desk.here), "http://nowhere.example:81")
    failed: list[Any] = []
    sender.send(ASK, 5).addErrback(lambda failure: failed.append(failure.value))
    desk.sim.advance(0.1)
    assert (type(failed[0]), failed[0].why) == (NotSent, "connect: DNSLookupError")


def test_no_answer_to_connecting_is_not_sent_after_the_connect_timeout() -> None:
    desk = Desk(connect_timeout=3)
    desk.peer.node.crash("nothing")
    desk.send()
    desk.sim.advance(2.9)
    assert desk.ended == []
    desk.sim.advance(0.2)
    assert desk.why() == (NotSent, "connect timeout")
    assert desk.here.getDelayedCalls() == []


def test_the_deadline_while_connecting_is_not_sent() -> None:
    desk = Desk(connect_timeout=30)
    desk.peer.node.crash("nothing")
    desk.send(deadline_s=2)
    desk.sim.advance(2.1)
    assert desk.why() == (NotSent, "timeout before a connection was free")


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("BREW", "/"),
        HttpRequest("GET", "/a b"),
        HttpRequest("GET", "/a\r\nX: y"),
        HttpRequest("GET", "/号"),
        HttpRequest("GET", "/", (("X", "a\r\nY: b"),)),
        HttpRequest("GET", "/", (("X Y", "a"),)),
        HttpRequest("GET", "/", (("X", "病"),)),
        HttpRequest("GET", "/", (("Host", "a"), ("Host", "b"))),
    ],
)
def test_what_is_no_request_is_not_sent(request_: HttpRequest) -> None:
    desk = Desk(says(OK))
    desk.send(request_)
    assert desk.why()[0] is NotSent
    assert desk.peer.lines == []


def test_every_waiting_call_gets_an_attempt_of_its_own() -> None:
    desk = Desk(window=2, queue_max=10)
    desk.peer.port.stopListening()
    for _ in range(8):
        desk.send()
    desk.sim.advance(2)
    assert [type(end) for end in desk.ended] == [NotSent] * 8
    assert (desk.sender.queued, desk.here.getDelayedCalls()) == (0, [])


# --- sent, and then


def test_timeout_is_silent_at_the_deadline() -> None:
    desk = Desk()
    desk.send(deadline_s=7)
    desk.sim.advance(6.9)
    assert desk.ended == []
    desk.sim.advance(0.2)
    assert desk.why() == (Silent, "timeout")


def test_a_dripping_reply_does_not_move_the_deadline() -> None:
    desk = Desk()
    desk.send(deadline_s=5)
    for byte in reply(b"Content-Length: 500"):
        if not desk.ended:
            desk.peer.lines[0].say(bytes([byte]))
            desk.sim.advance(0.5)
    assert desk.why() == (Silent, "timeout")


def test_a_reply_after_the_deadline_is_nobodys() -> None:
    desk = Desk(weather=Weather(delay=(0.5, 0.5)))
    desk.send(deadline_s=3)
    desk.sim.advance(2.6)
    desk.peer.lines[0].say(OK)
    desk.sim.advance(5)
    assert desk.why() == (Silent, "timeout")
    assert len(desk.ended) == 1


def test_cancelling_is_like_the_deadline() -> None:
    desk = Desk(window=1)
    first, second = desk.send(), desk.send()
    second.cancel()
    assert desk.why() == (NotSent, "cancelled before a connection was free")
    first.cancel()
    assert desk.why() == (Silent, "cancelled")
    assert (desk.sender.queued, desk.sender.in_flight) == (0, 0)


def test_a_peer_that_closes_instead_of_answering_is_never_asked_again() -> None:
    heard: list[bytes] = []

    def script(line: Line, data: bytes) -> None:
        heard.append(data)
        assert line.transport is not None
        if len(heard) == 1:
            line.say(OK)
        else:
            line.transport.loseConnection()

    desk = Desk(script)
    desk.send()
    desk.send()
    desk.sim.advance(60)
    assert [type(end) for end in desk.ended] == [HttpReply, Silent]
    assert len(heard) == 2


# --- connections and the queue


def test_a_connection_closed_by_the_peer_while_resting_is_noticed() -> None:
    desk = Desk(says(OK))
    desk.send()
    desk.peer.lines[0].transport.loseConnection()  # type: ignore[union-attr] # simulated transport
    desk.sim.advance(1)
    desk.send()
    assert [type(end) for end in desk.ended] == [HttpReply, HttpReply]
    assert desk.sender.opened == 2


@pytest.mark.parametrize(("rest", "opened"), [(19.5, 1), (20.5, 2)])
def test_a_connection_rests_twenty_seconds_at_most(rest: float, opened: int) -> None:
    desk = Desk(says(OK))
    desk.send()
    desk.sim.advance(rest)
    desk.send()
    assert (len(desk.ended), desk.sender.opened) == (2, opened)
    desk.sim.advance(25)
    assert [line.ended for line in desk.peer.lines] == ["ConnectionDone"] * opened
    assert desk.here.getDelayedCalls() == []


def test_the_window_bounds_connections_and_the_queue_is_first_come_first_served() -> None:
    desk = Desk(window=2, queue_max=3)
    for n in range(6):
        desk.send(HttpRequest("GET", f"/{n}"))
    assert desk.why() == (NotSent, "queue full")
    assert (len(desk.peer.lines), desk.sender.in_flight, desk.sender.queued) == (2, 2, 3)
    order: list[bytes] = []
    for _ in range(5):
        for line in desk.peer.lines:
            if line.heard:
                order.append(line.heard[9:10])
                line.heard = b""
                line.say(OK)
                desk.sim.advance(0.001)
    assert order == [b"0", b"1", b"2", b"3", b"4"]
    assert (desk.sender.opened, desk.sender.in_flight, desk.sender.queued) == (2, 0, 0)


def test_waiting_in_the_queue_counts_towards_the_deadline() -> None:
    desk = Desk(window=1)
    desk.send(deadline_s=10)
    desk.send(deadline_s=4)
    desk.sim.advance(4.1)
    assert desk.why() == (NotSent, "timeout before a connection was free")
    desk.peer.lines[0].say(OK)
    desk.sim.advance(0.001)
    assert isinstance(desk.last, HttpReply)
    assert desk.peer.lines[0].heard.count(b"POST") == 1


def test_a_queue_of_nothing_still_uses_the_window() -> None:
    desk = Desk(window=2, queue_max=0)
    for _ in range(3):
        desk.send()
    assert desk.sender.in_flight == 2
    assert desk.why() == (NotSent, "queue full")


def test_a_failed_call_makes_room_for_the_next() -> None:
    desk = Desk(window=1)
    desk.send(deadline_s=1)
    desk.send(deadline_s=9)
    desk.sim.advance(1.1)
    assert desk.why() == (Silent, "timeout")
    desk.peer.lines[1].say(OK)
    desk.sim.advance(0.001)
    assert isinstance(desk.last, HttpReply)


def test_a_call_made_from_an_answer_comes_after_those_that_wait() -> None:
    desk = Desk(window=1)
    first = desk.send(HttpRequest("GET", "/1"))
    desk.send(HttpRequest("GET", "/2"))
    first.addCallback(lambda _: desk.sender.send(HttpRequest("GET", "/3"), 5).addErrback(lambda _: None))
    line = desk.peer.lines[0]
    for _ in range(3):
        line.say(OK)
        desk.sim.advance(0.001)
    assert [part[5:6] for part in line.heard.split(b"GET ")[1:]] == [b"1", b"2", b"3"]


# --- the last moment before the first byte


def test_the_hook_runs_once_right_before_the_bytes() -> None:
    seen: list[tuple[int, int]] = []
    desk = Desk(says(OK), weather=Weather(delay=(0.1, 0.1)), window=1)

    def hook() -> None:
        seen.append((len(desk.peer.lines), desk.sender.in_flight))

    desk.send(hook=hook)
    desk.send(hook=hook)
    assert seen == []  # still connecting
    desk.sim.advance(0.15)
    assert seen == [(1, 0)]
    desk.sim.advance(2)
    assert len(seen) == 2


def test_a_hook_that_raises_holds_the_bytes_back() -> None:
    desk = Desk(says(OK), window=1)

    def stale() -> None:
        raise RuntimeError("another node has taken over")

    desk.send(hook=stale)
    desk.send()
    assert isinstance(desk.ended[0], NotSent)
    assert desk.ended[0].why == "held back: RuntimeError"
    assert isinstance(desk.ended[1], HttpReply)
    assert desk.peer.lines[0].heard.count(b"POST") == 1
    assert desk.sender.opened == 1


def test_a_hook_may_cancel_its_own_call() -> None:
    desk = Desk(says(OK), weather=Weather(delay=(0.1, 0.1)))
    calls: list[Any] = []
    calls.append(desk.send(hook=lambda: calls[0].cancel()))
    desk.sim.advance(2)
    assert [type(end) for end in desk.ended] == [NotSent]
    assert desk.peer.lines[0].heard == b""


# --- stopping


def test_stop_refuses_what_waits_and_lets_what_is_under_way_finish() -> None:
    desk = Desk(window=1)
    desk.send()
    desk.send()
    done: list[object] = []
    desk.sender.stop(5).addCallback(done.append)
    assert desk.why() == (NotSent, "stopped")
    desk.send()
    assert desk.why() == (NotSent, "stopped")
    desk.peer.lines[0].say(OK)
    desk.sim.advance(0.001)
    assert isinstance(desk.last, HttpReply)
    assert done == [None]
    assert desk.here.getDelayedCalls() == []
    desk.sim.advance(1)
    assert desk.peer.lines[0].ended is not None


def test_stop_cuts_what_does_not_finish() -> None:
    desk = Desk()
    desk.send()
    done: list[object] = []
    desk.sender.stop(5).addCallback(done.append)
    desk.sim.advance(4.9)
    assert (desk.ended, done) == ([], [])
    desk.sim.advance(0.2)
    assert desk.why() == (Silent, "stopped")
    assert done == [None]
    assert desk.here.getDelayedCalls() == []


def test_stop_while_connecting_and_while_resting() -> None:
    desk = Desk(says(OK))
    desk.send()
    done: list[object] = []
    desk.sender.stop().addCallback(done.append)
    desk.sim.advance(0.1)
    assert (done, desk.peer.lines[0].ended) == ([None], "ConnectionDone")
    other = Desk(weather=Weather(delay=(1, 1)))
    other.send()
    other.sender.stop().addCallback(done.append)
    assert other.why() == (NotSent, "stopped")
    other.sim.advance(10)
    assert done == [None, None]
    assert other.here.getDelayedCalls() == []


@pytest.mark.parametrize(
    "address", ["ftp://a", "http://", "http://me@a", "http://a/?x", "http://a#x", "a:80", "http://a:99999"]
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        HttpSender(World(SimReactor().node("a")), address)


def test_each_of_many_calls_ends_at_its_own_deadline_and_answered_ones_at_none() -> None:
    """The deadlines of all calls share one timer, and those that ended early are swept out from time to time."""
    desk = Desk(window=500)
    began = desk.here.seconds()
    ended: dict[int, tuple[float, str]] = {}

    def note(result: Any, number: int, how: str) -> None:
        ended[number] = (round(desk.here.seconds() - began, 3), how)

    for number in range(500):
        due = 1.0 + (number * 37 % 500) / 100  # in no order
        answer = desk.sender.send(HttpRequest("GET", f"/{number}"), due)
        answer.addCallbacks(note, note, (number, "answered"), errbackArgs=(number, "silent"))
    desk.sim.advance(0.5)
    for line in desk.peer.lines:
        if int(line.heard.split()[1][5:]) % 5:  # four of five are answered
            line.say(OK)
    desk.sim.advance(10)
    assert {number for number, (_, how) in ended.items() if how == "silent"} == set(range(0, 500, 5))
    for number, (at, how) in ended.items():
        if how == "silent":
            assert at == pytest.approx(1.0 + (number * 37 % 500) / 100, abs=0.002)
    desk.sim.advance(60)
    assert desk.here.getDelayedCalls() == []


def test_a_shorter_deadline_behind_a_longer_one_is_kept() -> None:
    desk = Desk(window=2)
    desk.send(deadline_s=30)
    desk.send(deadline_s=2)
    desk.sim.advance(2)
    assert desk.why() == (Silent, "timeout")
    assert len(desk.ended) == 1
    desk.sim.advance(28)
    assert len(desk.ended) == 2


def test_the_same_head_answers_a_head_and_a_get_each_in_its_way() -> None:
    head = reply(b"Content-Length: 2")
    desk = Desk(says(head))
    desk.send(HttpRequest("HEAD", "/x"))
    assert desk.last == HttpReply(200, (("Content-Length", "2"),), b"")
    desk.peer.script = desk.peer.lines[0].told = says(head + b"ok")
    desk.send(HttpRequest("GET", "/x"))
    assert desk.last == HttpReply(200, (("Content-Length", "2"),), b"ok")


def test_what_waited_past_its_deadline_while_the_process_stood_still_is_not_sent() -> None:
    """Sockets are heard before timers: a reply that lay there frees its connection for a call that is over."""
    desk = Desk(window=1)
    desk.send(deadline_s=100)
    desk.send(deadline_s=4)
    line = desk.peer.lines[0]
    heard = len(line.heard)
    desk.sim._now += 60
    link = next(iter(desk.sender._links))
    link.dataReceived(OK)
    unsent, answered = desk.ended
    assert isinstance(unsent, NotSent)
    assert isinstance(answered, HttpReply)
    desk.sim.advance(1)
    assert len(line.heard) == heard
    assert (desk.sender.in_flight, desk.sender.queued) == (0, 0)
