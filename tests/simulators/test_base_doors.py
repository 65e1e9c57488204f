"""The doors under /sim, the HTTP parsing, the clock and the keys."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from memory_http import START, Desk, open_desk, read_answers, request_bytes
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from simulators.base.door import BODY_LIMIT, normalised
from simulators.base.exchanges import KEEP_ROWS
from simulators.base.outbound import parsed
from simulators.base.party import ActRefused, SimParty
from simulators.base.wire import Req, Resp, json_resp
from simulators.base.world import SimWorld


class Echo(SimParty):
    """Says what it heard; `/slow` answers when `party.waiting` is fired."""

    name = "echo"

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self.waiting: Deferred[Resp] = Deferred()

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        if op == "/slow":
            return self.waiting
        return json_resp({
            "target": req.target, "path": req.path, "query": req.query, "size": len(req.body),
            "x": req.headers.get("x-a"),
        })

    def act(self, body: dict[str, object]) -> dict[str, object]:
        if body["act"] == "impossible":
            raise ActRefused("not now")
        return {"done": body["act"]}


@pytest.fixture
def echo() -> Desk:
    return open_desk(Echo)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("/a?b=1", "/a?b=1"), ("http://h:8701/a?b=1", "/a?b=1"), ("HTTPS://h/a", "/a"), ("http://h", "/"),
        ("http://h?b=1", "/?b=1"), ("/a?u=http://x/y", "/a?u=http://x/y"), ("*", "*"),
    ],
)
def test_absolute_form_targets_are_normalised(sent: str, kept: str) -> None:
    assert normalised(sent) == kept


def test_request_parts(echo: Desk) -> None:
    answer = echo.ask("POST", "http://sim.test/%E4%B8%AD/b?x=1&x=2&y=%20z&e=", b"abc", {"X-A": "q"})
    assert answer.json == {
        "target": "/%E4%B8%AD/b?x=1&x=2&y=%20z&e=", "path": "/中/b", "query": {"x": "1", "y": " z", "e": ""},
        "size": 3, "x": "q",
    }
    assert answer.headers["date"] == "Sun, 22 Nov 2026 00:00:00 GMT"


def test_pipelined_requests_are_answered_in_order_on_one_connection(echo: Desk) -> None:
    two = request_bytes("GET", "/1") + request_bytes("GET", "/2")
    assert [a.json["path"] for a in read_answers(echo.connect().send(two))] == ["/1", "/2"]


def test_a_deferred_answer_holds_the_pipeline(echo: Desk) -> None:
    assert isinstance(echo.party, Echo)
    connection = echo.connect()
    assert connection.send(request_bytes("GET", "/slow") + request_bytes("GET", "/2")) == b""
    echo.party.waiting.callback(json_resp({"path": "slow"}))
    assert [a.json["path"] for a in read_answers(connection.taken())] == ["slow", "/2"]


def test_a_caller_that_hung_up_harms_nobody(echo: Desk) -> None:
    assert isinstance(echo.party, Echo)
    connection = echo.connect()
    connection.send(request_bytes("GET", "/slow"))
    connection.hang_up()
    echo.party.waiting.callback(json_resp({}))
    assert echo.sim("exchanges").json["exchanges"][0]["outcome"] == "gone"


def test_connection_close_is_honoured(echo: Desk) -> None:
    connection = echo.connect()
    answer = read_answers(connection.send(request_bytes("GET", "/a", headers={"Connection": "close"})))[0]
    assert answer.headers["connection"] == "close"
    assert connection.closed


def test_chunked_bodies_are_read(echo: Desk) -> None:
    head = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = echo.connect().send(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert read_answers(raw)[0].json["size"] == 5


def test_the_body_limit_is_exact_and_answers_413(echo: Desk) -> None:
    assert echo.ask("POST", "/a", b"x" * BODY_LIMIT).json["size"] == BODY_LIMIT
    connection = echo.connect()
    too_long = f"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: {BODY_LIMIT + 1}\r\n\r\n".encode()
    assert read_answers(connection.send(too_long))[0].status == 413
    assert connection.closed
    chunked = echo.connect()
    chunked.send(b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    replies = b"".join(chunked.send(chunk) for _ in range(11))
    assert [answer.status for answer in read_answers(replies)] == [413]  # said once
    assert chunked.closed


def test_doors_answer_wrong_use(echo: Desk) -> None:
    assert echo.sim("no_such").status == 404
    wrong_method = echo.ask("POST", "/sim/ledger")
    assert (wrong_method.status, wrong_method.headers["allow"]) == (405, "GET")
    assert echo.sim("ledger?since=x").status == 400
    assert echo.ask("POST", "/sim/act", b"[]").status == 400
    assert echo.sim("act", {"act": "impossible"}).status == 409
    for nameless in ({}, {"act": ["wave"]}, {"act": {"a": 1}}, {"act": 5}):
        assert echo.sim("act", nameless).status == 400
    before = echo.sim("clock").json
    for wrong in ({"signing": "wall", "advance": -5}, {"signing": "wall", "advance": True}, {"signing": "moon"}):
        assert echo.sim("clock", wrong).status == 400
    assert echo.sim("clock").json["signing"] == before["signing"], "all of an order or nothing"
    assert echo.sim("act", {"act": "wave"}).json == {"done": "wave"}


def test_the_card_names_the_address_the_caller_used(echo: Desk) -> None:
    assert echo.sim("card.json").json == {"party": "echo", "base_url": "http://sim.test:1"}


def test_ledger_reports_new_and_changed_rows(echo: Desk) -> None:
    ledger = echo.party.ledger
    first, second = ledger.add("order", no="1", amount=5), ledger.add("order", no="2", state="open")
    assert [row["seq"] for row in echo.rows()] == [1, 2]
    assert echo.rows(since=2) == []
    ledger.change(first, state="closed")
    changed = echo.rows(since=2)
    assert [(row["seq"], row["state"], row["changed"]) for row in changed] == [(1, "closed", 3)]
    assert echo.sim("ledger").json["last"] == 3
    assert second.state == "open"
    assert changed[0]["at"] == "2026-11-22T08:00:00.000+08:00"
    with pytest.raises(ValueError, match="kind"):
        ledger.add("gift")


def test_ledger_numbers_go_on_after_a_reset(echo: Desk) -> None:
    echo.party.ledger.add("order", no="1")
    last = echo.sim("ledger").json["last"]
    echo.sim("reset", {})
    assert echo.rows() == []
    echo.party.ledger.add("order", no="2")
    assert [row["no"] for row in echo.rows(since=last)] == ["2"]


def test_exchanges_keep_the_raw_bytes_of_both_directions(echo: Desk) -> None:
    request = request_bytes("POST", "http://sim.test/x", b"\xff\x00{}", {"x-CASE": "As Sent"})
    reply = echo.connect().send(request)
    row = echo.sim("exchanges").json["exchanges"][0]
    assert base64.b64decode(row["request_base64"]) == request
    assert base64.b64decode(row["reply_base64"]) == reply
    assert (row["op"], row["outcome"], row["direction"]) == ("/x", "answered", "in")


def test_exchanges_are_bounded_and_read_from_a_number_on(echo: Desk) -> None:
    for _ in range(KEEP_ROWS + 10):
        echo.ask("GET", "/a")
    found = echo.sim("exchanges").json
    assert [len(found["exchanges"]), found["exchanges"][0]["seq"]] == [KEEP_ROWS, 11]
    assert echo.sim(f"exchanges?since={found['last'] - 1}").json["exchanges"][0]["seq"] == found["last"]


def test_big_exchanges_are_dropped_by_size(echo: Desk) -> None:
    for _ in range(6):
        echo.ask("POST", "/a", b"x" * BODY_LIMIT)
    assert len(echo.sim("exchanges").json["exchanges"]) == 3


def test_rate_and_anchor_make_business_time() -> None:
    clock = Clock()
    clock.advance(1000)
    world = SimWorld(clock, rate=60, anchor=START)  # type: ignore[arg-type]  # no network in it
    assert world.stamp() == "2026-11-22 08:00:00"
    fired: list[float] = []
    world.later(120, lambda: fired.append(world.now()))
    clock.advance(1.9)
    assert fired == []
    clock.advance(0.2)
    assert fired == [pytest.approx(START + 126, abs=0.01)]


def test_the_clock_can_jump_and_everything_on_the_way_runs_at_its_own_time(echo: Desk) -> None:
    world, seen = echo.party.world, []

    def note(name: str) -> None:
        seen.append((name, round(world.now() - START)))
        if name == "b":
            world.later(5, note, "c")

    world.later(30, note, "d")
    world.later(10, note, "b")
    cancelled = world.later(11, note, "never")
    world.later(100, note, "e")
    cancelled.cancel()
    assert echo.sim("clock", {"advance": 40}).json["now"] == "2026-11-22T08:00:40.000+08:00"
    assert seen == [("b", 10), ("c", 15), ("d", 30)]
    echo.clock.advance(59)
    assert len(seen) == 3
    echo.clock.advance(1)
    assert seen[3:] == [("e", 100)]
    assert echo.sim("clock", {"advance": -1}).status == 400
    assert echo.sim("clock", {}).status == 400


def test_a_reset_cancels_the_partys_plans(echo: Desk) -> None:
    seen: list[int] = []
    echo.party.later(5, seen.append, 1)
    echo.sim("reset", {})
    echo.clock.advance(10)
    assert seen == []


def test_keys_survive_a_restart_in_a_folder_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "sim"
    worlds = [SimWorld(Clock(), state_dir=folder) for _ in range(2)]  # type: ignore[arg-type]  # no network
    first, again = [
        (w.keys.secret("s"), w.keys.private_pem("k"), w.keys.certificate("k", "Town").serial_number) for w in worlds
    ]
    assert first == again
    assert sorted(f.stat().st_mode & 0o777 for f in folder.iterdir()) == [0o600] * 3
    other = SimWorld(Clock(), state_dir=tmp_path / "other")  # type: ignore[arg-type]  # no network in it
    assert other.keys.secret("s") != first[0]


def test_certificates_are_signed_by_their_issuer() -> None:
    keys = SimWorld(Clock(), anchor=START).keys  # type: ignore[arg-type]  # no network in it
    root = keys.certificate("root", "Root", authority=True)
    leaf = keys.certificate("leaf", "Leaf", "root")
    leaf.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert "BEGIN CERTIFICATE" in keys.certificate_pem("leaf")
    with pytest.raises(ValueError, match="key name"):
        keys.secret("../x")


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", None),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        (b"nonsense\r\n\r\n", None),
    ],
)
def test_replies_to_callbacks_count_only_when_complete(raw: bytes, body: bytes | None) -> None:
    found = parsed(raw)
    assert (found.body if found else None) == body


def test_fault_orders_are_listed_as_given(echo: Desk) -> None:
    echo.fault("slow", seconds=3, times=None, match={"no": 5})
    listed = json.loads(echo.sim("faults").body)["faults"]
    assert listed == [{
        "op": "*", "fault": "slow", "times": None, "rate": 1.0, "seed": 1, "match": {"no": "5"}, "seconds": 3.0,
        "used": 0,
    }]
