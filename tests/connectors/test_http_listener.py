"""The listener as a stranger meets it: bytes in, bytes out, and the clock."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed

from engine.connectors.http_limits import HttpLimits
from engine.core.http import HttpReply, HttpRequest
from tests.connectors.wire import Door, HalfLine, statuses

GET = b"GET /v1/x?y=1 HTTP/1.1\r\nHost: api\r\n\r\n"
SECRET = b"S3CRET"


def post(*lines: bytes, body: bytes = b"", target: bytes = b"/v1/x") -> bytes:
    return b"\r\n".join([b"POST " + target + b" HTTP/1.1", b"Host: api", *lines, b"", body])


def get(*lines: bytes, start: bytes = b"GET / HTTP/1.1") -> bytes:
    return b"\r\n".join([start, *lines, b"", b""])


H = b"Host: api"
CHUNKED = b"Transfer-Encoding: chunked"
REFUSED: dict[str, tuple[int, bytes]] = {
    # two readings of where the message ends
    "both lengths": (400, post(b"Content-Length: 3", CHUNKED, body=b"0\r\n\r\n")),
    "both lengths, other order": (400, post(CHUNKED, b"Content-Length: 3", body=b"0\r\n\r\n")),
    "length twice": (400, post(b"Content-Length: 2", b"Content-Length: 2", body=b"ab")),
    "lengths differ": (400, post(b"Content-Length: 2", b"Content-Length: 3", body=b"abc")),
    "length list": (400, post(b"Content-Length: 2, 2", body=b"ab")),
    "length +2": (400, post(b"Content-Length: +2", body=b"ab")),
    "length 1_0": (400, post(b"Content-Length: 1_0", body=b"0123456789")),
    "length -1": (400, post(b"Content-Length: -1")),
    "length 10^20": (400, post(b"Content-Length: 100000000000000000000")),
    "length 10^15": (400, post(b"Content-Length: 1000000000000000")),
    "length hex": (400, post(b"Content-Length: 0x2", body=b"ab")),
    "length empty": (400, post(b"Content-Length: ")),
    "length spaced": (400, post(b"Content-Length: 1 0", body=b"0123456789")),
    "length Arabic digits": (400, post("Content-Length: ٢".encode(), body=b"ab")),
    "xchunked": (400, post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n")),
    "gzip, chunked": (400, post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
    "chunked twice": (400, post(CHUNKED, CHUNKED, body=b"0\r\n\r\n")),
    "chunked, chunked": (400, post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n")),
    "identity": (400, post(b"Transfer-Encoding: identity", b"Content-Length: 2", body=b"ab")),
    "quoted chunked": (400, post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n")),
    "tab chunked": (400, post(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n")),
    "space before colon": (400, post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    "chunks in 1.0": (400, b"POST / HTTP/1.0\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "negative chunk": (400, post(CHUNKED, body=b"-1\r\n\r\n")),
    "0x chunk": (400, post(CHUNKED, body=b"0x1\r\na\r\n0\r\n\r\n")),
    "chunk overflow": (400, post(CHUNKED, body=b"FFFFFFFFFFFFFFFFF\r\na")),
    "chunk bare LF": (400, post(CHUNKED, body=b"1\na\n0\n\n")),
    "chunk longer than said": (400, post(CHUNKED, body=b"1\r\nab\r\n0\r\n\r\n")),
    "chunk _ size": (400, post(CHUNKED, body=b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n")),
    # lines
    "bare LF": (400, b"GET / HTTP/1.1\nHost: api\n\n"),
    "one bare LF": (400, b"GET / HTTP/1.1\r\nHost: api\nX: y\r\n\r\n"),
    "bare CR": (400, get(H, b"X: a\rb")),
    "NUL": (400, get(H, b"X: a\0b")),
    "control": (400, get(H, b"X: a\x01b")),
    "folded": (400, get(H, b"X: a", b" b")),
    "folded with tab": (400, get(H, b"X: a", b"\tb")),
    "fold first": (400, get(b" Host: api")),
    "no colon": (400, get(H, b"nonsense")),
    "empty name": (400, get(H, b": v")),
    "name with space": (400, get(H, b"X Y: v")),
    # Host
    "no Host": (400, get()),
    "two Hosts": (400, get(H, H)),
    "two unlike Hosts": (400, get(H, b"Host: other")),
    "Host with path": (400, get(b"Host: api/x")),
    "Host with space": (400, get(b"Host: api other")),
    "Host with user": (400, get(b"Host: me@api")),
    "Host empty": (400, get(b"Host:")),
    "absolute, other Host": (400, get(H, start=b"GET http://other/ HTTP/1.1")),
    "absolute, user": (400, get(H, start=b"GET http://me@api/ HTTP/1.1")),
    "other scheme": (400, get(H, start=b"GET ftp://api/ HTTP/1.1")),
    # request line
    "target 8 KiB": (400, get(H, start=b"GET /" + b"x" * 8192 + b" HTTP/1.1")),
    "target control": (400, get(H, start=b"GET /\x7f HTTP/1.1")),
    "target non-ASCII": (400, get(H, start="GET /号 HTTP/1.1".encode())),
    "target fragment": (400, get(H, start=b"GET /#x HTTP/1.1")),
    "target space": (400, get(H, start=b"GET /a b HTTP/1.1")),
    "target bare": (400, get(H, start=b"GET x HTTP/1.1")),
    "star": (400, get(H, start=b"GET * HTTP/1.1")),
    "two spaces": (400, get(H, start=b"GET  / HTTP/1.1")),
    "HTTP/0.9": (400, b"GET /\r\n\r\n"),
    "HTTP/1.2": (505, get(H, start=b"GET / HTTP/1.2")),
    "HTTP/2": (505, get(H, start=b"GET / HTTP/2.0")),
    "h2 preface": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "RTSP": (400, get(H, start=b"GET / RTSP/1.0")),
    "lower case method": (400, get(H, start=b"get / HTTP/1.1")),
    "unknown method": (501, get(H, start=b"BREW / HTTP/1.1")),
    "WebDAV": (501, get(H, start=b"PROPFIND / HTTP/1.1")),
    "TRACE": (405, get(H, start=b"TRACE / HTTP/1.1")),
    "CONNECT": (405, get(H, start=b"CONNECT api:80 HTTP/1.1")),
    "TLS hello": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01"),
    "MLLP": (400, b"\x0bMSH|^~\\&|"),
    "two empty lines first": (400, b"\r\n\r\n" + GET),
    # sizes
    "head 16 KiB": (400, get(H, b"X: " + b"x" * 16384)),
    "head without end": (400, b"GET / HTTP/1.1\r\nX: " + b"x" * 17000),
    "101 headers": (400, get(H, *[b"X: y"] * 100)),
    "body too long": (413, post(b"Content-Length: 1048577")),
    "chunks too long": (413, post(CHUNKED, body=b"100001\r\n" + b"x" * 0x100001 + b"\r\n0\r\n\r\n")),
    "chunk extension flood": (400, post(CHUNKED, body=b"1;" + b"x" * 40_000 + b"\r\na\r\n0\r\n\r\n")),
    "trailer flood": (400, post(CHUNKED, body=b"0\r\n" + b"X: y\r\n" * 5000 + b"\r\n")),
    "expectation": (417, post(b"Expect: miracles", b"Content-Length: 2", body=b"ab")),
}


@pytest.mark.parametrize(
    ("case", "way"),
    [
        (case, way)
        for case, (_, data) in REFUSED.items()
        for way in ("at once", "sliced")
        if way == "at once" or len(data) < 4000  # the long ones are told apart by length alone
    ],
)
def test_what_has_two_readings_is_refused_and_closed(case: str, way: str) -> None:
    status, data = REFUSED[case]
    door = Door()
    line = door.call()
    for piece in [data + GET] if way == "at once" else [data[n : n + 1] for n in range(len(data))]:
        door.say(line, piece)
    door.sim.advance(0.001)
    assert statuses(line.heard) == [status]  # one answer: nothing behind the refused bytes is a request
    head, _, body = line.heard.partition(b"\r\n\r\n")
    assert b"Connection: close" in head
    assert json.loads(body)["reason"]["code"].startswith("E-HTTP-")
    assert door.requests == []
    assert line.ended is not None
    assert door.served[0][2] == status
    door.sim.advance(5)
    assert door.listener.connections == 0
    assert door.listener.held == 0


ACCEPTED: dict[str, tuple[bytes, HttpRequest]] = {
    "plain": (GET, HttpRequest("GET", "/v1/x?y=1", (("Host", "api"),), b"", "10.0.0.2")),
    "empty line before": (b"\r\n" + GET, HttpRequest("GET", "/v1/x?y=1", (("Host", "api"),), b"", "10.0.0.2")),
    "absolute": (
        get(H, start=b"GET http://API/a?b HTTP/1.1"),
        HttpRequest("GET", "/a?b", (("Host", "api"),), b"", "10.0.0.2"),
    ),
    "absolute without path": (
        get(H, start=b"GET http://api?b HTTP/1.1"),
        HttpRequest("GET", "/?b", (("Host", "api"),), b"", "10.0.0.2"),
    ),
    "options *": (
        get(b"Host: [::1]:8600", start=b"OPTIONS * HTTP/1.1"),
        HttpRequest("OPTIONS", "*", (("Host", "[::1]:8600"),), b"", "10.0.0.2"),
    ),
    "1.0 without Host": (b"GET / HTTP/1.0\r\n\r\n", HttpRequest("GET", "/", (), b"", "10.0.0.2")),
    "body": (
        post(b"Content-Length:  4 ", body=b"a\r\n\0"),
        HttpRequest("POST", "/v1/x", (("Host", "api"), ("Content-Length", "4")), b"a\r\n\0", "10.0.0.2"),
    ),
    "chunks": (
        post(CHUNKED, body=b'2;a="b"\r\n\r\n\r\n000\r\nT: v\r\n\r\n'),
        HttpRequest("POST", "/v1/x", (("Host", "api"), ("Transfer-Encoding", "chunked")), b"\r\n", "10.0.0.2"),
    ),
    "empty chunks": (
        post(b"Transfer-Encoding: Chunked", body=b"0\r\n\r\n"),
        HttpRequest("POST", "/v1/x", (("Host", "api"), ("Transfer-Encoding", "Chunked")), b"", "10.0.0.2"),
    ),
    "latin-1 value, empty value": (
        get(H, b"X: \xe9", b"Y:"),
        HttpRequest("GET", "/", (("Host", "api"), ("X", "é"), ("Y", "")), b"", "10.0.0.2"),
    ),
    "an offer of h2c": (
        post(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"Content-Length: 2", body=b"ab"),
        HttpRequest(
            "POST",
            "/v1/x",
            (
                ("Host", "api"),
                ("Connection", "Upgrade, HTTP2-Settings"),
                ("Upgrade", "h2c"),
                ("Content-Length", "2"),
            ),
            b"ab",
            "10.0.0.2",
        ),
    ),
}


@pytest.mark.parametrize("case", ACCEPTED)
@pytest.mark.parametrize("way", ["at once", "sliced", "twice"])
def test_what_is_well_formed_arrives_whole(case: str, way: str) -> None:
    data, expected = ACCEPTED[case]
    door = Door()
    line = door.call()
    if way == "sliced":
        for n in range(len(data)):
            door.say(line, data[n : n + 1])
    else:
        door.say(line, data * 2 if way == "twice" and b"1.0" not in data else data)
    door.sim.advance(0.001)
    assert door.requests == [expected] * len(door.requests) != []
    assert len(door.requests) == len(statuses(line.heard)) == (2 if way == "twice" and b"1.0" not in data else 1)


@settings(max_examples=60, deadline=None)
@given(
    bodies=st.lists(st.binary(max_size=40) | st.sampled_from([b"\r\n\r\n", b"0\r\n\r\n", b"\r\n"]), max_size=5),
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=5),
)
def test_chunks_cut_anywhere_give_the_same_body_and_the_next_request(bodies: list[bytes], cuts: list[int]) -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in bodies if piece) + b"0\r\n\r\n"
    data = post(CHUNKED, body=body) + GET
    door = Door()
    line = door.call()
    at = 0
    for n in range(len(data)):
        door.say(line, data[at : at + cuts[n % len(cuts)]])
        at += cuts[n % len(cuts)]
        if at >= len(data):
            break
    assert [request.body for request in door.requests] == [b"".join(bodies), b""]
    assert statuses(line.heard) == [200, 200]


def test_the_reply_on_the_wire() -> None:
    reply = HttpReply(201, (("X-A", "b"), ("Content-Length", "99"), ("Connection", "nonsense")), b"hello")
    heard = Door(lambda request: reply).ask(GET)
    assert heard == (
        b"HTTP/1.1 201 Created\r\nDate: Mon, 21 Sep 2026 14:13:20 GMT\r\nX-A: b\r\nContent-Length: 5\r\n"
        b"Connection: keep-alive\r\n\r\nhello"
    )


def test_each_reply_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []
    door = Door()
    line = door.call()
    peer = line.transport.peer  # type: ignore[union-attr] # the simulated transport
    original = peer.write
    monkeypatch.setattr(peer, "write", lambda data: (writes.append(data), original(data)))
    door.say(line, GET + GET)
    assert len(writes) == 2


def test_head_gets_the_length_but_no_body() -> None:
    heard = Door().ask(get(H, start=b"HEAD / HTTP/1.1"))
    assert b"Content-Length: 5\r\n" in heard
    assert heard.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("status", [204, 304])
def test_replies_that_never_have_a_body(status: int) -> None:
    heard = Door(lambda request: HttpReply(status, (), b"oops")).ask(GET)
    assert heard.endswith(b"\r\n\r\n")
    assert b"Content-Length" not in heard


def test_expect_continue_is_answered_only_when_the_body_is_wanted() -> None:
    door = Door()
    line = door.call(post(b"Expect: 100-continue", b"Content-Length: 2"))
    assert line.heard == b"HTTP/1.1 100 Continue\r\n\r\n"
    door.say(line, b"ab")
    assert statuses(line.heard) == [100, 200]
    assert door.requests[0].body == b"ab"
    assert statuses(door.ask(post(b"Expect: 100-continue", b"Content-Length: 2000000"))) == [413]
    assert statuses(door.ask(post(b"Expect: 100-continue", b"Content-Length: 2", body=b"ab"))) == [200]


def test_pipelined_requests_are_handled_one_at_a_time_in_order() -> None:
    waiting: list[Deferred[HttpReply]] = []

    def handle(request: HttpRequest) -> Deferred[HttpReply]:
        waiting.append(Deferred())
        return waiting[-1]

    door = Door(handle)
    line = door.call(b"".join(get(H, start=b"GET /%d HTTP/1.1" % n) for n in range(3)))
    door.say(line, get(H, start=b"GET /3 HTTP/1.1"))  # sent ahead: waits outside
    for n in range(4):
        assert [request.path for request in door.requests] == [f"/{m}" for m in range(n + 1)]
        waiting[n].callback(HttpReply(200, (), b"answer%d" % n))
        door.sim.advance(0)
    assert [part[-7:] for part in line.heard.split(b"HTTP/1.1")[1:]] == [b"answer%d" % n for n in range(4)]


def test_reading_stops_while_an_answer_is_awaited() -> None:
    door = Door(lambda request: Deferred())
    line = door.call(GET)
    for _ in range(20):
        door.say(line, b"x" * 65536)
    assert line.transport._outstanding > 18 * 65536  # type: ignore[union-attr] # left unread on our side


def test_sync_and_async_replies_mix_on_one_connection() -> None:
    later: Deferred[HttpReply] = Deferred()
    answers: list[Any] = [HttpReply(200, (), b"1"), later, HttpReply(200, (), b"3")]
    door = Door(lambda request: answers.pop(0))
    line = door.call(GET * 3)
    assert statuses(line.heard) == [200]
    later.callback(HttpReply(202, (), b"2"))
    door.sim.advance(0)
    assert statuses(line.heard) == [200, 202, 200]


def test_thousands_of_pipelined_requests_do_not_grow_the_stack() -> None:
    door = Door(limits=HttpLimits(requests_per_connection=100_000))
    line = door.call(GET * 3_000)
    door.sim.advance(1)
    assert len(statuses(line.heard)) == 3_000


# --- deadlines: absolute, so a drip does not extend them


@pytest.mark.parametrize("start", [b"G" + b"E" * 5000, b"GET / HTTP/1.1\r\nHost: api\r\nX: " + b"x" * 500])
def test_a_head_has_ten_seconds_however_it_drips(start: bytes) -> None:
    door = Door()
    line = door.call()
    for n in range(49):
        door.say(line, start[n : n + 1])
        door.sim.advance(0.2)
    assert line.heard == b""
    door.sim.advance(0.3)
    assert statuses(line.heard) == [408]
    assert line.ended is not None
    assert not door.requests


@pytest.mark.parametrize("coding", [b"Content-Length: 100000", CHUNKED])
def test_a_body_has_thirty_seconds(coding: bytes) -> None:
    door = Door()
    line = door.call(post(coding, body=b"fff\r\n" if coding is CHUNKED else b""))
    for _ in range(59):
        door.say(line, b"x")
        door.sim.advance(0.5)
    assert line.heard == b""
    door.sim.advance(0.6)
    assert statuses(line.heard) == [408]
    assert door.listener.held == 0


def test_a_connection_that_never_speaks_is_closed_without_a_word() -> None:
    door = Door()
    line = door.call()
    door.sim.advance(9.9)
    assert line.ended is None
    door.sim.advance(0.2)
    assert (line.heard, line.ended) == (b"", "ConnectionDone")


def test_a_kept_alive_connection_may_rest_sixty_seconds_after_each_reply() -> None:
    door = Door()
    line = door.call(GET)
    for _ in range(3):
        door.sim.advance(59)
        assert line.ended is None
        door.say(line, GET)
    door.sim.advance(59.9)
    assert line.ended is None
    door.sim.advance(0.2)
    assert line.ended == "ConnectionDone"
    assert len(statuses(line.heard)) == 4


def test_a_second_head_is_timed_from_its_first_byte() -> None:
    door = Door()
    line = door.call(GET)
    door.sim.advance(40)
    door.say(line, b"GET /")
    door.sim.advance(9.9)
    assert line.ended is None
    door.sim.advance(0.2)
    assert statuses(line.heard) == [200, 408]


def test_a_client_that_does_not_read_is_cut_after_thirty_seconds() -> None:
    door = Door(lambda request: HttpReply(200, (), b"x" * 300_000))
    line = door.call()
    line.transport.pauseProducing()  # type: ignore[union-attr] # simulated transport
    door.say(line, GET * 5)
    assert len(door.requests) == 1  # the next is not even begun before the reply is taken
    door.sim.advance(29.9)
    assert door.listener.connections == 1
    door.sim.advance(0.2)
    assert door.listener.connections == 0


def test_a_slow_reader_within_the_limit_gets_everything() -> None:
    door = Door(lambda request: HttpReply(200, (), b"x" * 300_000))
    line = door.call()
    line.transport.pauseProducing()  # type: ignore[union-attr] # simulated transport
    door.say(line, GET * 2)
    door.sim.advance(20)
    line.transport.resumeProducing()  # type: ignore[union-attr] # simulated transport
    door.sim.advance(1)
    assert statuses(line.heard) == [200, 200]
    assert len(line.heard) > 600_000


def test_a_refused_client_that_keeps_talking_is_heard_out_for_two_seconds() -> None:
    line = HalfLine()
    door = Door()
    door.call(post(b"Content-Length: 99999999"), line=line)
    assert statuses(line.heard) == [413]
    for _ in range(19):
        door.say(line, b"x" * 60_000)
        door.sim.advance(0.1)
    assert (line.ended, door.listener.connections, door.requests) == (None, 1, [])
    door.sim.advance(0.2)
    assert (line.ended, door.listener.connections) == ("ConnectionLost", 0)


def test_a_large_last_reply_is_flushed_and_the_connection_closed() -> None:
    door = Door(lambda request: HttpReply(200, (), b"x" * 300_000))
    line = door.call()
    line.transport.pauseProducing()  # type: ignore[union-attr] # simulated transport
    door.say(line, get(H, b"Connection: close"))
    door.sim.advance(10)
    line.transport.resumeProducing()  # type: ignore[union-attr] # simulated transport
    door.sim.advance(1)
    assert len(line.heard) > 300_000
    assert (line.ended, door.listener.connections) == ("ConnectionDone", 0)


def test_a_handler_that_never_answers_is_cancelled_and_the_client_told() -> None:
    cancelled: list[bool] = []
    door = Door(lambda request: Deferred(lambda _: cancelled.append(True)), HttpLimits(answer_s=5))
    line = door.call(GET)
    door.sim.advance(4.9)
    assert line.heard == b""
    door.sim.advance(0.2)
    assert (statuses(line.heard), cancelled, door.listener.in_flight) == ([503], [True], 0)
    assert door.errors == []


# --- limits


def test_connections_per_address_and_in_all() -> None:
    door = Door(limits=HttpLimits(per_ip=2, connections=3))
    lines = [door.call(node="c1") for _ in range(3)]
    door.sim.advance(0.1)
    assert [line.ended for line in lines] == [None, None, "ConnectionLost"]
    other = [door.call(node="c2") for _ in range(2)]
    door.sim.advance(0.1)
    assert [line.ended for line in other] == [None, "ConnectionLost"]
    assert door.listener.refused == 2
    lines[0].transport.loseConnection()  # type: ignore[union-attr] # simulated transport
    door.sim.advance(0.1)
    assert statuses(door.call(GET, node="c1").heard) == [200]


def test_beyond_the_limit_in_flight_the_answer_is_503_at_once() -> None:
    waiting: list[Deferred[HttpReply]] = []
    door = Door(lambda request: waiting.append(Deferred()) or waiting[-1], HttpLimits(in_flight=2))  # type: ignore[func-returns-value] # append in a lambda
    first, second, third = door.call(GET), door.call(GET), door.call(GET)
    assert (first.heard, second.heard, statuses(third.heard)) == (b"", b"", [503])
    assert b"Retry-After: 1\r\n" in third.heard
    assert third.ended is None  # the connection may be used again
    waiting[0].callback(HttpReply(200))
    door.say(third, GET)
    assert len(waiting) == 3


def test_body_limit_by_route() -> None:
    door = Door(limits=HttpLimits(body_limit=lambda method, path: 10 if path == "/small" else 1000))
    small = post(b"Content-Length: 11", body=b"x" * 11, target=b"/small?x=/large")
    assert statuses(door.ask(small)) == [413]
    assert statuses(door.ask(post(b"Content-Length: 11", body=b"x" * 11, target=b"/large"))) == [200]
    assert door.served[0][:3] == ("POST", "/small", 413)


def test_bodies_together_are_bounded() -> None:
    door = Door(limits=HttpLimits(buffered=1000))
    first = door.call(post(b"Content-Length: 800", body=b"x"))
    assert statuses(door.ask(post(b"Content-Length: 300"))) == [503]
    door.say(first, b"x" * 799)
    assert statuses(first.heard) == [200]
    assert statuses(door.ask(post(b"Content-Length: 300", body=b"x" * 300))) == [200]
    assert statuses(door.ask(post(CHUNKED, body=b"7d0\r\n" + b"x" * 2000))) == [503]
    assert door.listener.held == 0


def test_requests_per_connection() -> None:
    door = Door(limits=HttpLimits(requests_per_connection=2))
    line = door.call(GET * 3)
    door.sim.advance(0.1)
    assert statuses(line.heard) == [200, 200]
    assert line.heard.count(b"Connection: close") == 1
    assert line.ended is not None


@pytest.mark.parametrize(
    ("data", "stays"),
    [
        (GET, True),
        (get(H, b"Connection: close"), False),
        (get(H, b"Connection: foo, Close"), False),
        (get(start=b"GET / HTTP/1.0"), False),
        (get(b"Connection: Keep-Alive", start=b"GET / HTTP/1.0"), True),
    ],
)
def test_keep_alive(data: bytes, stays: bool) -> None:
    door = Door()
    line = door.call(data)
    door.sim.advance(0.1)
    assert statuses(line.heard) == [200]
    assert (b"Connection: keep-alive" in line.heard, line.ended is None) == (stays, stays)


# --- faults of ours


def _raise(request: HttpRequest) -> HttpReply:
    raise KeyError("S3CRET")


def _fail(request: HttpRequest) -> Deferred[HttpReply]:
    failed: Deferred[HttpReply] = Deferred()
    failed.errback(KeyError("S3CRET"))
    return failed


@pytest.mark.parametrize(
    "handle",
    [
        _raise,
        _fail,
        lambda request: HttpReply(200, (("X", "S3CRET\r\nSet-Cookie: a=b"),), b"S3CRET"),
        lambda request: HttpReply(200, (("X", "病人S3CRET"),), b"S3CRET"),
        lambda request: HttpReply(99, (), b"S3CRET"),
        lambda request: None,
        lambda request: succeed("S3CRET"),
    ],
)
def test_what_goes_wrong_inside_is_a_bare_500(handle: Any) -> None:
    door = Door(handle)
    line = door.call(GET)
    door.say(line, GET)
    assert statuses(line.heard) == [500, 500]  # the connection lives on
    assert SECRET not in line.heard
    assert len(door.errors) == 2
    assert [row[2] for row in door.served] == [500, 500]
    assert door.listener.in_flight == 0


def test_a_failing_route_hook_is_a_500() -> None:
    door = Door(limits=HttpLimits(body_limit=lambda method, path: {}[path]))  # type: ignore[index] # on purpose
    assert statuses(door.ask(post(b"Content-Length: 1", body=b"a"))) == [500]
    assert len(door.errors) == 1


def test_refusals_reflect_nothing() -> None:
    for data in (get(H, start=b"BREW /S3CRET HTTP/1.1"), get(b"Host: S3CRET!"), get(H, b"S3CRET\0: x")):
        assert SECRET not in Door().ask(data)


def test_a_client_that_leaves_early_is_counted_and_its_late_answer_dropped() -> None:
    answer: Deferred[HttpReply] = Deferred()
    door = Door(lambda request: answer)
    line = door.call(GET)
    line.transport.abortConnection()  # type: ignore[union-attr] # simulated transport
    door.sim.advance(1)
    assert [row[2] for row in door.served] == [499]
    assert door.listener.in_flight == 1  # the work goes on
    answer.callback(HttpReply(200))
    assert (door.listener.in_flight, len(door.served), door.errors) == (0, 1, [])


def test_the_access_row() -> None:
    answer: Deferred[HttpReply] = Deferred()
    door = Door(lambda request: answer)
    line = door.call(GET)
    door.sim.advance(2)
    answer.callback(HttpReply(200, (), b"hello"))
    door.sim.advance(0)
    ((method, path, status, seconds, size),) = door.served
    assert (method, path, status, round(seconds, 6), size) == ("GET", "/v1/x", 200, 2.0, len(line.heard))


# --- leaving


def test_drain_finishes_what_is_in_flight_and_takes_nothing_new() -> None:
    answer: Deferred[HttpReply] = Deferred()
    door = Door(lambda request: answer)
    idle, busy = door.call(), door.call(GET)
    done: list[float] = []
    door.listener.drain(30).addCallback(lambda _: done.append(door.sim.seconds()))
    door.sim.advance(1)
    assert (idle.ended, busy.ended, done) == ("ConnectionDone", None, [])
    late = door.call()
    door.sim.advance(1)
    assert late.ended is None
    assert late.transport is None  # refused at the door
    answer.callback(HttpReply(200, (), b"hello"))
    door.sim.advance(1)
    assert b"Connection: close" in busy.heard
    assert busy.heard.endswith(b"hello")
    assert len(done) == 1
    assert door.server.getDelayedCalls() == []


@pytest.mark.parametrize("half", [
    b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Le",
    b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n",
    b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{\"request_no\":",
    b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo",
], ids=["head", "no body", "body", "chunks"])  # fmt: skip
def test_drain_does_not_wait_for_a_request_that_is_only_half_there(half: bytes) -> None:
    """Nothing of it was taken: the client hears so and sends it again to whoever answers next."""
    seen: list[HttpRequest] = []
    door = Door(lambda request: seen.append(request) or HttpReply(200))  # type: ignore[func-returns-value]
    line = door.call(half)
    done: list[float] = []
    door.listener.drain(30).addCallback(lambda _: done.append(door.sim.seconds()))
    began = door.sim.seconds()
    door.sim.advance(1)
    assert line.heard.startswith(b"HTTP/1.1 503 ")
    assert b"Connection: close" in line.heard
    assert [at - began < 1 for at in done] == [True]
    assert (seen, door.listener.held, door.server.getDelayedCalls()) == ([], 0, [])


def test_what_a_slow_reader_sent_ahead_is_served_while_draining_if_it_is_whole_and_else_dropped() -> None:
    big = HttpReply(200, (), b"x" * 4_000_000)
    for ahead, served in ((GET, 2), (GET[:-4], 1)):
        seen: list[HttpRequest] = []
        door = Door(lambda request, seen=seen: seen.append(request) or big)  # type: ignore[misc]
        line = door.call(b"")
        assert line.transport is not None
        line.transport.pauseProducing()
        line.transport.write(GET + ahead)
        door.sim.advance(1)
        done: list[None] = []
        door.listener.drain(30).addCallback(done.append)
        door.sim.advance(1)
        assert done == []
        line.transport.resumeProducing()
        door.sim.advance(2)
        assert (len(seen), done) == (served, [None])


def test_drain_cuts_what_does_not_end() -> None:
    door = Door(lambda request: Deferred())
    line = door.call(GET)
    done: list[object] = []
    door.listener.drain(30).addCallback(done.append)
    door.sim.advance(29)
    assert done == []
    door.sim.advance(2)
    assert (done, line.ended) == ([None], "ConnectionLost")


def test_drain_waits_for_work_whose_client_has_left() -> None:
    answer: Deferred[HttpReply] = Deferred()
    door = Door(lambda request: answer)
    door.call(GET).transport.abortConnection()  # type: ignore[union-attr] # simulated transport
    door.sim.advance(1)
    done: list[object] = []
    door.listener.drain(30).addCallback(done.append)
    door.sim.advance(1)
    assert done == []
    answer.callback(HttpReply(200))
    door.sim.advance(1)
    assert done == [None]


def test_stop_cuts_at_once_even_during_a_drain() -> None:
    door = Door(lambda request: Deferred())
    line = door.call(GET)
    done: list[object] = []
    door.listener.drain(30).addCallback(done.append)
    door.listener.stop().addCallback(done.append)
    door.sim.advance(0.1)
    assert (done, line.ended) == ([None, None], "ConnectionLost")
    assert door.server.getDelayedCalls() == []
