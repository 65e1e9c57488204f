"""The engine's own listener, knocked at with raw bytes: nothing crooked reaches a handler, nothing waits for ever."""

from __future__ import annotations

import json

import pytest

from tests.edge.town import START, Line, Town, request_bytes

OK = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /v1/outpatient/settlements HTTP/1.1\r\nHost: a\r\n"

REFUSED: dict[str, tuple[bytes, int]] = {
    "no Host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "the same Host twice": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400),
    "Host with a path": (b"GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "Content-Length 10^20": (POST + b"Content-Length: 100000000000000000000\r\n\r\n", 400),
    "Content-Length of 5,000 digits": (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
    "Content-Length negative": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "Content-Length +2": (POST + b"Content-Length: +2\r\n\r\n{}", 400),
    "Content-Length 0x2": (POST + b"Content-Length: 0x2\r\n\r\n{}", 400),
    "Content-Length 1_0": (POST + b"Content-Length: 1_0\r\n\r\n{}", 400),
    "Content-Length in full width": (POST + "Content-Length: ２\r\n\r\n{}".encode(), 400),
    "Content-Length twice": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 400),
    "Content-Length 2, 3": (POST + b"Content-Length: 2, 3\r\n\r\n{}x", 400),
    "Content-Length and chunks": (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks and Content-Length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400),
    "xchunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "chunked, identity": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    "chunked twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a blank before the colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "a folded line": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    "a vertical tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "a bare LF": (b"GET /healthz HTTP/1.1\nHost: a\n\n", 400),
    "a bare CR": (b"GET /healthz HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
    "a NUL": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400),
    "chunk size not hexadecimal": (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n", 400),
    "chunk size negative": (POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n", 400),
    "chunk size too large": (POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n", 400),
    "chunk without its end": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n", 400),
    "a head of 17 kB": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 17_000 + b"\r\n\r\n", 400),
    "101 headers": (b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 101 + b"\r\n", 400),
    "a target of 9 kB": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "TRACE": (b"TRACE /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "CONNECT": (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
    "an invented method": (b"SETTLE / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "a small method": (b"get /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "HTTP/2": (b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", 400),
    "a blank in the target": (b"GET /health z HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "Chinese in the target": ("GET /v1/结算 HTTP/1.1\r\nHost: a\r\n\r\n".encode(), 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 80, 400),
    "a redis command": (b"*1\r\n$4\r\nPING\r\n", 400),
    "an expectation": (POST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", 417),
    "a body over the limit": (POST + b"Content-Length: 1048577\r\n\r\n", 413),
    "chunks over the limit": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 17 + b"0\r\n\r\n", 413,
    ),
}  # fmt: skip


def test_what_has_two_readings_is_refused_and_the_connection_closed(town: Town) -> None:
    before = town.touched()
    for how, (data, status) in REFUSED.items():
        line = town.raw(data + OK, 3.0)  # whatever comes behind is never answered
        assert [reply.status for reply in line.replies] == [status], (how, line.heard)
        assert line.closed, how
        assert line.replies[0].headers["connection"] == "close"
        assert b"xxxx" not in line.heard, how
    assert town.touched() == before
    assert town.raw(OK).replies[0].status == 200, "others are served"
    assert not town.select("SELECT no FROM settlements")


def test_pipelined_requests_are_answered_in_order(town: Town) -> None:
    body = json.dumps(town.bill_request()).encode()
    first = request_bytes("POST", START, town.signed("POST", START, body), body).replace(b"Connection: close\r\n", b"")
    line = town.raw(first + OK + b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 60.0)
    assert [reply.status for reply in line.replies] == [200, 200, 404]
    assert line.replies[0].state == "quoted"


def _drip(town: Town, line: Line, data: bytes, every: float) -> None:
    for i in range(len(data)):
        if line.closed or line.heard:
            return
        line.say(data[i : i + 1])
        town.pass_time(every)


@pytest.mark.parametrize(("every", "status"), [(0.2, 200), (0.5, 408)])
def test_a_head_that_drips(town: Town, every: float, status: int) -> None:
    """Ten seconds for a head of 35 bytes, however steadily it comes."""
    line = town.connect()
    began = town.now
    _drip(town, line, OK, every)
    town.pass_time(1.0)
    assert line.replies[0].status == status
    assert town.now - began < 13.0


@pytest.mark.parametrize(("every", "status"), [(0.02, 200), (0.2, 408)])
def test_a_body_that_drips(town: Town, every: float, status: int) -> None:
    """Thirty seconds for a body."""
    body = json.dumps(town.bill_request()).encode()
    whole = request_bytes("POST", START, town.signed("POST", START, body), body)
    line = town.connect()
    began = town.now
    line.say(whole[: -len(body)])
    _drip(town, line, body, every)
    town.sim.run(lambda: bool(line.replies), 30.0)
    assert line.replies[0].status == status
    assert town.now - began < 33.0
    assert len(town.select("SELECT no FROM settlements")) == (status == 200)


def test_idle_and_mute_connections_are_let_go(town: Town) -> None:
    mute, idle = town.connect(), town.raw(OK)
    town.pass_time(30.0)
    assert mute.closed
    assert not idle.closed
    town.pass_time(60.0)
    assert idle.closed


def test_a_thousand_mute_connections_do_not_keep_a_kiosk_out_for_long(town: Town) -> None:
    lines = [town.connect() for _ in range(300)]
    town.pass_time(15.0)
    assert all(line.closed for line in lines)
    assert town.quoted()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"), ("GET", "/nothing"), ("POST", "/nothing"), ("POST", "/v1/settlements"), ("GET", "/v1"),
        ("GET", "/healthz/"), ("GET", "/HEALTHZ"), ("GET", "//healthz"),
        ("POST", "/v1/settlements//pay"), ("POST", "/v1/settlements/S1/pay/"), ("GET", "/metrics/../v1"),
        ("GET", "/v1/settlements/" + "S" * 65), ("POST", "/v1/settlements/S1/refund"),
    ],
)  # fmt: skip
def test_addresses_that_do_not_exist(town: Town, method: str, path: str) -> None:
    reply = town.ask(method, path, b'{"a":1}' if method in ("POST", "PUT") else b"")
    assert (reply.status, reply.code) == (404, "E-NO-ROUTE")
    assert "locked" not in reply.headers


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", START, "POST"), ("PUT", START, "POST"), ("DELETE", START, "POST"), ("OPTIONS", START, "POST"),
        ("DELETE", "/v1/settlements/S1", "GET, HEAD"), ("POST", "/healthz", "GET, HEAD"),
        ("GET", "/v1/settlements/S1/pay", "POST"),
    ],
)  # fmt: skip
def test_a_wrong_method_is_told_the_right_ones(town: Town, method: str, path: str, allow: str) -> None:
    reply = town.ask(method, path, b'{"a":1}' if method in ("POST", "PUT") else b"")
    assert (reply.status, reply.headers["allow"], reply.code) == (405, allow, "E-METHOD")


@pytest.mark.parametrize(
    "no",
    ["..", ".", "%2e%2e", "..%2f..%2fetc%2fpasswd", "S1%00", "S1'--", "{no}", "%E7%BB%93", "S1;x=1", "S1%0d%0aX:1", "~",
     "-", "S" * 64],
)  # fmt: skip
def test_numbers_that_are_none(town: Town, no: str) -> None:
    for method, tail in (("GET", ""), ("POST", "/pay"), ("POST", "/cancel"), ("POST", "/refunds")):
        target = f"/v1/settlements/{no}{tail}"
        body = {
            "": b"", "/pay": {"choice_no": "1", "kind": "cash"}, "/cancel": {"request_no": "1", "reason_code": "X"},
            "/refunds": {"request_no": "1", "reason_code": "X"},
        }[tail]  # fmt: skip
        reply = town.ask(method, target, body, client="C01")
        assert reply.status == 404, (target, reply.body)
        assert reply.code in ("E-NO-ROUTE", "E-NO-SETTLEMENT")


@pytest.mark.parametrize(
    ("query", "field"),
    [*((query, "wait") for query in (
        "wait=1e9", "wait=-1", "wait=61", "wait=100", "wait=", "wait=1.5", "wait=1&wait=2", "wait=NaN", "wait=+1",
        "wait=0x1", "wait=１".encode().decode("latin-1"))),
     ("x=1", "x"), ("wait=1&x=1", "x"), ("WAIT=1", "WAIT"), ("wait", ""), ("&wait=1", "")],
)  # fmt: skip
def test_crooked_waits(town: Town, query: str, field: str) -> None:
    no = town.quoted()
    target = f"/v1/settlements/{no}?{query}"
    if not query.isascii():
        line = town.raw(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode("latin-1"))
        assert line.replies[0].status == 400
        return
    began = town.now
    reply = town.ask("GET", target)
    assert (reply.status, reply.code, reply.json["field"]) == (400, "E-FIELD", field), query
    assert town.now - began < 1.0


def test_good_waits(town: Town) -> None:
    no = town.quoted()
    for wait in (0, 1, 30, 60):
        began = town.now
        assert town.show(no, tail=f"?wait={wait}").state == "quoted"
        assert wait - 0.1 <= town.now - began <= wait + 1.0
    waiting = town.begin("GET", f"/v1/settlements/{no}?wait=60")
    town.pass_time(5.0)
    assert not waiting.answered
    town.choose(no)
    assert waiting.reply(3.0).state != "quoted", "the change is told at once"


def test_two_hundred_waiters_leave_room_for_a_patient(town: Town) -> None:
    no = town.quoted()
    waiters = [town.begin("GET", f"/v1/settlements/{no}?wait=60") for _ in range(150)]
    town.pass_time(1.0)
    assert town.choose(no).state == "settled"
    assert {waiter.reply(70.0).status for waiter in waiters} <= {200, 202}


@pytest.mark.parametrize("value", ["张三", "é", "\x80", "a\tb", "‮", '"><script>'])
def test_unicode_in_headers_is_carried_by_nobody(town: Town, value: str) -> None:
    no = town.quoted()
    target = f"/v1/settlements/{no}"
    text = value.encode().decode("latin-1")
    reply = town.ask("GET", target, headers=[*town.signed("GET", target, b""), ("X-Other", text), ("Cookie", text)])
    assert reply.status == 200
    for name in ("X-Client", "X-Nonce", "X-Signature", "X-Timestamp"):
        headers = [(k, text if k == name else v) for k, v in town.signed("GET", target, b"")]
        assert town.ask("GET", target, headers=headers).status in (400, 401)


def test_methods_override_and_forwarded_hosts_change_nothing(town: Town) -> None:
    no = town.quoted()
    target = f"/v1/settlements/{no}"
    plain = town.show(no)
    more = [("X-HTTP-Method-Override", "DELETE"), ("X-Forwarded-For", "10.9.9.9"), ("X-Forwarded-Host", "evil.example"),
            ("X-Original-URL", "/console/"), ("Origin", "http://evil.example")]  # fmt: skip
    reply = town.ask("GET", target, headers=[*town.signed("GET", target, b""), *more])
    assert (reply.status, reply.body) == (plain.status, plain.body)
    assert "evil" not in str(reply.headers)
    assert "access-control-allow-origin" not in reply.headers


def test_a_client_that_leaves_while_we_work_loses_nothing(town: Town) -> None:
    body = town.bill_request()
    asked = town.begin("POST", START, body)
    asked.line.transport.abortConnection()
    town.pass_time(5.0)
    again = town.ask("POST", START, body)
    assert (again.status, again.state) == (200, "quoted")
    assert len(town.ledger("his", "lock")) == 1




def test_stopping_lasts_thirty_seconds_at_most_and_waiters_are_told_at_once(town: Town) -> None:
    """A load balancer gives half a minute: mute parties and patient waiters together get no more."""
    no = town.quoted()
    waiters = [town.begin("GET", f"/v1/settlements/{no}?wait=60") for _ in range(5)]
    town.lab.act("his", "new_bill", patient="P0006", bill="B9", template="small")
    town.lab.fault("his", "lock.bill", "timeout_before_commit", seconds=300, times=9)
    starting = town.begin("POST", START, town.bill_request("P0006", "B9"))
    town.pass_time(1.0)
    engine, began = town.lab.engine, town.now
    assert engine is not None
    town.do(engine.stop())
    town.lab.engine = None
    assert town.now - began <= 31.0
    for waiter in waiters:
        assert waiter.reply(0.1).state == "quoted"
    assert starting.reply(0.1).status == 202
    assert not town.logged("error")
