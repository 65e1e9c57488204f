"""Every fault of the contract: what the caller sees, and whether the party executed."""

from __future__ import annotations

import pytest
from memory_http import Desk, open_desk, read_answers, request_bytes

from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp, json_resp


class Shop(SimParty):
    """Takes orders: POST /order {"no": …}."""

    name = "shop"
    own_refusals = frozenset({"closed"})
    own_breaks = frozenset({"upside_down"})

    def op_of(self, req: Req) -> str:
        return req.path.strip("/")

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        return {"no": str(req.json["no"])}

    def serve(self, op: str, req: Req) -> Resp:
        self.ledger.add("order", no=str(req.json["no"]), amount=500)
        return json_resp({"ok": True, "amount": 500})

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        return json_resp({"kind": kind, "executed": resp is not None})


@pytest.fixture
def shop() -> Desk:
    return open_desk(Shop)


ORDER = request_bytes("POST", "/order", b'{"no":"7"}')
GOOD = b'{"ok":true,"amount":500}'


def executed(desk: Desk) -> int:
    return len(desk.rows())


def test_without_a_fault_it_executes_and_answers(shop: Desk) -> None:
    connection = shop.connect()
    for count in (1, 2):  # the connection is kept
        assert read_answers(connection.send(ORDER))[0].body == GOOD
        assert executed(shop) == count


@pytest.mark.parametrize("kind", ["refuse_connection", "reset_before_commit", "reset_after_commit"])
def test_resets(shop: Desk, kind: str) -> None:
    shop.fault(kind)
    connection = shop.connect()
    assert connection.send(ORDER) == b""
    assert connection.aborted
    assert executed(shop) == (1 if kind == "reset_after_commit" else 0)


@pytest.mark.parametrize("kind", ["timeout_before_commit", "timeout_after_commit"])
def test_time_outs_hold_the_connection_then_close_it(shop: Desk, kind: str) -> None:
    shop.fault(kind, seconds=30)
    connection = shop.connect()
    assert connection.send(ORDER) == b""
    assert executed(shop) == (1 if kind == "timeout_after_commit" else 0)
    shop.clock.advance(29.9)
    assert not connection.closed
    shop.clock.advance(0.2)
    assert connection.closed
    assert connection.taken() == b""
    assert executed(shop) == (1 if kind == "timeout_after_commit" else 0)


def test_late_commit_executes_later_and_never_answers(shop: Desk) -> None:
    shop.fault("late_commit", seconds=60)
    connection = shop.connect()
    connection.send(ORDER)
    connection.hang_up()  # the caller gave up long ago
    shop.clock.advance(59)
    assert executed(shop) == 0
    shop.clock.advance(2)
    assert executed(shop) == 1
    assert connection.taken() == b""


def test_late_commit_of_a_waiting_caller_ends_without_an_answer(shop: Desk) -> None:
    shop.fault("late_commit", seconds=60)
    connection = shop.connect()
    connection.send(ORDER)
    shop.clock.pump([61, 1])
    assert executed(shop) == 1
    assert connection.taken() == b""
    assert connection.closed


def test_a_reset_ends_what_was_to_be_executed_late(shop: Desk) -> None:
    shop.fault("late_commit", seconds=60)
    shop.connect().send(ORDER)
    shop.sim("reset", {})
    shop.clock.advance(120)
    assert executed(shop) == 0


def test_slow_answers_in_the_end(shop: Desk) -> None:
    shop.fault("slow", seconds=20)
    connection = shop.connect()
    assert connection.send(ORDER) == b""
    shop.clock.advance(19)
    assert connection.taken() == b""
    shop.clock.advance(2)
    assert read_answers(connection.taken())[0].body == GOOD
    assert executed(shop) == 1


def test_half_reply_promises_more_than_it_sends(shop: Desk) -> None:
    shop.fault("half_reply")
    connection = shop.connect()
    head, _, body = connection.send(ORDER).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(GOOD)}".encode() in head
    assert body == GOOD[: len(GOOD) // 2]
    assert connection.closed
    assert executed(shop) == 1


def test_duplicate_reply_executes_once_and_says_it_twice(shop: Desk) -> None:
    shop.fault("duplicate_reply")
    first, second = read_answers(shop.connect().send(ORDER))
    assert first == second
    assert first.body == GOOD
    assert executed(shop) == 1


def test_html_is_a_login_page_with_200(shop: Desk) -> None:
    shop.fault("html")
    answer = read_answers(shop.connect().send(ORDER))[0]
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html;charset=utf-8")
    assert b"<form" in answer.body
    assert executed(shop) == 0


def test_http_500_did_nothing(shop: Desk) -> None:
    shop.fault("http_500")
    assert read_answers(shop.connect().send(ORDER))[0].status == 500
    assert executed(shop) == 0


@pytest.mark.parametrize(("kind", "status", "done"), [("http_502", 502, 0), ("http_503", 503, 0), ("http_504", 504, 1)])
def test_what_stands_between_answers_for_the_party(shop: Desk, kind: str, status: int, done: int) -> None:
    shop.fault(kind)
    answer = read_answers(shop.connect().send(ORDER))[0]
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html")
    assert ("retry-after" in answer.headers) == (status == 503)
    assert executed(shop) == done


def test_a_reply_that_trickles_is_whole_in_the_end(shop: Desk) -> None:
    shop.fault("drip", seconds=40)
    connection = shop.connect()
    connection.send(ORDER)
    heard = connection.taken()
    assert executed(shop) == 1
    pieces = 1
    while not heard.endswith(GOOD):
        shop.clock.advance(2.0)
        piece = connection.taken()
        assert 0 < len(piece) < 20
        heard, pieces = heard + piece, pieces + 1
    assert 15 < pieces <= 20
    assert read_answers(heard)[0].body == GOOD
    assert shop.party.exchanges.rows[-1].reply == heard
    assert read_answers(connection.send(ORDER))[0].body == GOOD, "the connection is kept"


def test_a_reply_that_trickles_ends_with_its_listener(shop: Desk) -> None:
    shop.fault("drip", seconds=40)
    connection = shop.connect()
    connection.send(ORDER)
    shop.clock.advance(2.0)
    connection.hang_up()
    shop.clock.advance(60.0)
    row = shop.party.exchanges.rows[-1]
    assert row.outcome == "gone"
    assert GOOD not in row.reply


@pytest.mark.parametrize("kind", ["refuse_business", "not_enough_balance", "token_expired", "closed"])
def test_refusals_are_the_partys_own_and_nothing_happened(shop: Desk, kind: str) -> None:
    shop.fault(kind)
    assert read_answers(shop.connect().send(ORDER))[0].json == {"kind": kind, "executed": False}
    assert executed(shop) == 0


@pytest.mark.parametrize("kind", ["bad_signature", "wrong_amount", "upside_down"])
def test_breaks_execute_and_lie(shop: Desk, kind: str) -> None:
    shop.fault(kind)
    assert read_answers(shop.connect().send(ORDER))[0].json == {"kind": kind, "executed": True}
    assert executed(shop) == 1


def hits(desk: Desk, count: int) -> list[bool]:
    answers = [desk.ask("POST", "/order", b'{"no":"7"}') for _ in range(count)]
    return [answer.status == 500 for answer in answers]


def test_times_counts_down_and_null_never_ends(shop: Desk) -> None:
    shop.fault("http_500", times=2)
    assert hits(shop, 4) == [True, True, False, False]
    shop.fault("http_500", times=None)
    assert hits(shop, 5) == [True] * 5
    shop.sim("faults", method="DELETE")
    assert hits(shop, 2) == [False, False]


def test_match_and_op_choose_the_request(shop: Desk) -> None:
    shop.fault("http_500", op="order", match={"no": "8"})
    assert hits(shop, 2) == [False, False]
    assert shop.ask("POST", "/order", b'{"no":"8"}').status == 500
    shop.fault("http_500", op="other")
    assert hits(shop, 2) == [False, False]


def test_rate_draws_from_its_own_seed() -> None:
    series = []
    for seed in (7, 7, 8):
        desk = open_desk(Shop)
        desk.fault("http_500", times=None, rate=0.3, seed=seed)
        series.append(hits(desk, 60))
    assert series[0] == series[1] != series[2]
    assert 5 < sum(series[0]) < 35


def test_a_mistake_of_the_party_is_a_500_not_silence(shop: Desk) -> None:
    assert shop.ask("POST", "/order", b"not json").status == 500
    assert shop.sim("exchanges").json["exchanges"][-1]["outcome"] == "answered"


@pytest.mark.parametrize(
    "wrong",
    [
        {"fault": "no_such"}, {"fault": "html", "times": 0}, {"fault": "html", "times": True},
        {"fault": "html", "rate": 2}, {"fault": "html", "seconds": -1}, {"fault": "html", "colour": "red"},
        {"fault": "html", "match": "x"}, {"fault": "html", "rate": "often"}, {"fault": ["html"]}, {"fault": {"a": 1}},
        {"fault": "html", "op": ["/order"]}, {"fault": "html", "op": 5}, {"fault": "html", "match": {"no": {"a": 1}}},
    ],
)
def test_a_malformed_order_is_refused_and_changes_nothing(shop: Desk, wrong: dict[str, object]) -> None:
    assert shop.sim("faults", wrong).status == 400
    assert shop.sim("faults").json["faults"] == []
