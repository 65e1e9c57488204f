"""Who may knock: every way of being nobody gets the same few bytes, and nothing is charged for a stranger."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.edge.town import CASH, CODE, START, Town
from tests.rig.lab import SECRET

REFUSED_401 = b'{"reason":{"code":"E-401"}}'
REFUSED_403 = b'{"reason":{"code":"E-403"}}'
Headers = list[tuple[str, str]]


def _body(town: Town) -> bytes:
    return json.dumps(town.bill_request()).encode()


def _with(headers: Headers, name: str, value: str) -> Headers:
    return [(k, value if k == name else v) for k, v in headers]


def _without(headers: Headers, name: str) -> Headers:
    return [(k, v) for k, v in headers if k != name]


def _named(headers: Headers, name: str) -> str:
    return next(v for k, v in headers if k == name)


STRANGERS: dict[str, Callable[[Town, bytes], Headers]] = {
    "unsigned": lambda t, b: [],
    "no client": lambda t, b: _without(t.signed("POST", START, b), "X-Client"),
    "no time": lambda t, b: _without(t.signed("POST", START, b), "X-Timestamp"),
    "no nonce": lambda t, b: _without(t.signed("POST", START, b), "X-Nonce"),
    "no signature": lambda t, b: _without(t.signed("POST", START, b), "X-Signature"),
    "unknown client": lambda t, b: t.signed("POST", START, b, client="K99"),
    "wrong secret": lambda t, b: t.signed("POST", START, b, secret=SECRET + "x"),
    "empty secret": lambda t, b: t.signed("POST", START, b, secret="\0" * 32, client="K99"),
    "301 s old": lambda t, b: t.signed("POST", START, b, stamp=str(int(t.now) - 301)),
    "302 s ahead": lambda t, b: t.signed("POST", START, b, stamp=str(int(t.now) + 302)),
    "time in milliseconds": lambda t, b: t.signed("POST", START, b, stamp=str(int(t.now) * 1000)),
    "time with a fraction": lambda t, b: t.signed("POST", START, b, stamp=f"{t.now:.3f}"),
    "time signed": lambda t, b: t.signed("POST", START, b, stamp=f"+{int(t.now)}"),
    "time of a thousand digits": lambda t, b: t.signed("POST", START, b, stamp="9" * 1000),
    "nonce of 65": lambda t, b: t.signed("POST", START, b, nonce="n" * 65),
    "nonce with a blank": lambda t, b: t.signed("POST", START, b, nonce="a b"),
    "signature in capitals": lambda t, b: [
        (k, v.upper() if k == "X-Signature" else v) for k, v in t.signed("POST", START, b)
    ],
    "signature cut": lambda t, b: [(k, v[:-1] if k == "X-Signature" else v) for k, v in t.signed("POST", START, b)],
    "signature not ASCII": lambda t, b: _with(t.signed("POST", START, b), "X-Signature", "é" * 64),
    "client not ASCII": lambda t, b: _with(t.signed("POST", START, b), "X-Client", "K01é"),
    "another body": lambda t, b: t.signed("POST", START, b + b" "),
    "another path": lambda t, b: t.signed("POST", "/v1/settlements/S1/pay", b),
    "another method": lambda t, b: t.signed("GET", START, b),
    "a query not signed": lambda t, b: t.signed("POST", START + "?x=1", b),
    "client twice": lambda t, b: [*t.signed("POST", START, b), ("X-Client", "K01")],
    "signature twice": lambda t, b: (h := t.signed("POST", START, b)) + [("x-signature", _named(h, "X-Signature"))],
    "nonce twice": lambda t, b: [*t.signed("POST", START, b), ("X-Nonce", "other")],
    "time twice": lambda t, b: (h := t.signed("POST", START, b)) + [("X-Timestamp", _named(h, "X-Timestamp"))],
}


def test_strangers_get_the_same_bytes_and_nothing_happens(town: Town) -> None:
    before = town.touched()
    for how, sign in STRANGERS.items():
        body = _body(town)
        reply = town.ask("POST", START, body, headers=sign(town, body))
        assert (reply.status, reply.body) == (401, REFUSED_401), how
        assert "www-authenticate" not in reply.headers or reply.headers["www-authenticate"]
    assert town.touched() == before
    assert not town.select("SELECT no FROM settlements")
    assert not town.select("SELECT client FROM nonces")


def test_all_doors_of_v1_are_locked(town: Town) -> None:
    no = town.quoted()
    doors = [
        ("POST", START), ("GET", "/v1/outpatient/bills?patient=P0001"), ("GET", f"/v1/settlements/{no}"),
        ("POST", f"/v1/settlements/{no}/pay"), ("POST", f"/v1/settlements/{no}/cancel"),
        ("POST", f"/v1/settlements/{no}/refunds"), ("GET", "/v1/settlements/S20260101000000000001"),
    ]  # fmt: skip
    before = town.touched()
    for method, target in doors:
        reply = town.ask(method, target, json.dumps(CODE).encode() if method == "POST" else b"", headers=[])
        assert (reply.status, reply.body) == (401, REFUSED_401), target
    assert town.touched() == before
    assert town.show(no).state == "quoted"


@pytest.mark.parametrize("age", [-300, -299, 299, 300])
def test_five_minutes_either_way_are_fresh(town: Town, age: int) -> None:
    body = _body(town)
    reply = town.ask("POST", START, body, headers=town.signed("POST", START, body, stamp=str(int(town.now) + age)))
    assert reply.status == 200


def test_a_request_sent_again_word_for_word_is_refused(town: Town) -> None:
    body = _body(town)
    headers = town.signed("POST", START, body)
    assert town.ask("POST", START, body, headers=headers).status == 200
    for _ in range(3):
        reply = town.ask("POST", START, body, headers=headers)
        assert (reply.status, reply.body) == (401, REFUSED_401)
    town.pass_time(290.0)
    assert town.ask("POST", START, body, headers=headers).status == 401
    town.pass_time(400.0)
    assert town.ask("POST", START, body, headers=headers).status == 401, "by then it is stale"


def test_ten_copies_at_once_are_one(town: Town) -> None:
    no = town.quoted()
    target, body = f"/v1/settlements/{no}/pay", json.dumps(CODE).encode()
    headers = town.signed("POST", target, body)
    replies = [one.reply() for one in [town.begin("POST", target, body, headers=headers) for _ in range(10)]]
    assert sorted(reply.status for reply in replies) == [200] + [401] * 9
    assert town.kept() == CASH


def test_a_copy_is_refused_after_a_restart_too(town: Town) -> None:
    """What was used is stored with what it changed: a thief's copy is worth nothing to the new process either."""
    body = _body(town)
    headers = town.signed("POST", START, body)
    assert town.ask("POST", START, body, headers=headers).status == 200
    sent = []
    (row,) = town.select("SELECT no FROM settlements")
    for target, change in _mutations(row["no"]):
        data = json.dumps(change).encode()
        signed = town.signed("POST", target, data)
        assert town.ask("POST", target, data, headers=signed).status in (200, 202)
        sent.append((target, data, signed))
    town.kill()
    town.rise()
    for target, data, signed in [(START, body, headers), *sent]:
        reply = town.ask("POST", target, data, headers=signed)
        assert (reply.status, reply.body) == (401, REFUSED_401), target
    fresh = town.ask("POST", START, body)
    assert fresh.status in (200, 202), "the same request with a fresh signature is a repeat, and answered"


def _mutations(no: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"/v1/settlements/{no}/pay", {"choice_no": "1", "kind": "wechat_qr"}),
        (f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "X"}),
    ]


def test_a_bad_copy_does_not_use_up_the_nonce(town: Town) -> None:
    body = _body(town)
    headers = town.signed("POST", START, body)
    for _ in range(3):
        assert town.ask("POST", START, body + b" ", headers=headers).status == 401
    assert town.ask("POST", START, body, headers=headers).status == 200


def test_two_clients_may_draw_the_same_nonce(town: Town) -> None:
    no = town.quoted()
    mine = town.quoted("P0006", "B20261122006", client="C01")
    target, theirs = f"/v1/settlements/{no}", f"/v1/settlements/{mine}"
    assert town.ask("GET", target, headers=town.signed("GET", target, b"", nonce="n")).status == 200
    assert town.ask("GET", theirs, headers=town.signed("GET", theirs, b"", nonce="n", client="C01")).status == 200


def test_a_client_without_the_scope(town: Town) -> None:
    no = town.quoted()
    town.choose(no)
    reply = town.ask("POST", f"/v1/settlements/{no}/refunds", {"request_no": "r1", "lines": [], "reason_code": "X"})
    assert (reply.status, reply.body) == (403, REFUSED_403)
    town.pass_time(60.0)
    assert town.kept() == CASH


def test_a_client_of_another_campus(new_town: Callable[..., Town]) -> None:
    town = new_town(edit=(("scopes: [query, settle]}", "scopes: [query, settle], campuses: [east]}"),))
    before = town.touched()
    reply = town.ask("POST", START, town.bill_request())
    assert (reply.status, reply.body) == (403, REFUSED_403)
    without = {k: v for k, v in town.bill_request().items() if k != "campus"}
    assert town.ask("POST", START, without).status == 403
    assert town.touched() == before
    assert town.ask("POST", START, town.bill_request(campus="east")).status == 200


def test_another_clients_settlement_is_not_there(new_town: Callable[..., Town]) -> None:
    town = new_town(edit=(("scopes: [query, settle, refund]}", "scopes: [query, settle, refund], campuses: [east]}"),))
    no = town.quoted()
    nobody = town.ask("GET", "/v1/settlements/S20260101000000000001", client="C01")
    for method, tail, body in (
        ("GET", "", b""), ("GET", "?wait=5", b""), ("POST", "/pay", CODE),
        ("POST", "/cancel", {"request_no": "c1", "reason_code": "X"}),
        ("POST", "/refunds", {"request_no": "r1", "lines": [], "reason_code": "X"}),
    ):  # fmt: skip
        reply = town.ask(method, f"/v1/settlements/{no}{tail}", body, client="C01")
        assert (reply.status, reply.body) == (404, nobody.body), tail
    assert town.show(no).state == "quoted"
    assert town.kept() == 0


def test_a_refund_desk_sees_of_others_only_what_it_asked_back(town: Town) -> None:
    """Scope `refund` on the same campus takes back and cancels what others made, and is named as who asked."""
    no = town.quoted()
    nobody = town.ask("GET", "/v1/settlements/S20260101000000000001", client="C01")
    for method, tail, body in (("GET", "", b""), ("GET", "?wait=5", b""), ("POST", "/pay", CODE)):
        reply = town.ask(method, f"/v1/settlements/{no}{tail}", body, client="C01")
        assert (reply.status, reply.body) == (404, nobody.body), tail
    assert town.choose(no).state == "settled"
    back = {"request_no": "r1", "lines": [], "reason_code": "DOCTOR_CHANGED"}
    assert town.ask("POST", f"/v1/settlements/{no}/refunds", back, client="C01").status in (200, 202)
    answer = town.rest(no, client="C01")
    assert (answer["state"], answer["numbers"]["asked_by"]) == ("undone", "C01")
    assert town.rest(no)["numbers"]["asked_by"] == "C01", "its own client is told too"
    assert town.kept() == 0
    (line,) = [json.loads(row["detail"]) for row in town.select("SELECT * FROM trail WHERE kind = 'RefundAsked'")]
    assert line["by"] == "C01"
    again = town.ask("POST", f"/v1/settlements/{no}/refunds", back, client="C01")
    assert again.state == "undone"
    assert len(town.ledger("wechat", "refund")) == 1


def test_a_refund_desk_cancels_for_another_terminal(new_town: Callable[..., Town]) -> None:
    town = new_town(edit=(("scopes: [query, settle, refund]}", "scopes: [query, refund], campuses: [main]}"),))
    no = town.quoted()
    stop = {"request_no": "c1", "reason_code": "LEFT"}
    assert town.ask("POST", f"/v1/settlements/{no}/cancel", stop, client="C01").status in (200, 202)
    answer = town.rest(no, client="C01")
    assert (answer["state"], answer["numbers"]["asked_by"]) == ("undone", "C01")
    assert town.ask("POST", START, town.bill_request(), client="C01").status == 403, "it makes none"


def test_each_client_counts_its_own_refund_requests(town: Town) -> None:
    """The settlement's client and the desk may draw the same number; neither is told of a difference."""
    no = town.quoted()
    ours = {"request_no": "x1", "reason_code": "A"}
    assert town.ask("POST", f"/v1/settlements/{no}/cancel", ours).status in (200, 202)
    theirs = town.ask("POST", f"/v1/settlements/{no}/cancel", {**ours, "reason_code": "B"}, client="C01")
    assert theirs.status in (200, 202)
    assert town.rest(no)["numbers"]["asked_by"] == "K01"


def test_the_same_request_number_of_two_clients_is_two_requests(town: Town) -> None:
    one = town.ask("POST", START, town.bill_request(request_no="same"))
    two = town.ask("POST", START, town.bill_request("P0006", "B20261122006", request_no="same"), client="C01")
    assert (one.status, two.status) == (200, 200)
    assert one.json["settlement_no"] != two.json["settlement_no"]
