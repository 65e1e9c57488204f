"""A client that comes too often waits; nothing it used is ever forgotten early to make room."""

from __future__ import annotations

import pytest

from engine.runtime import auth
from tests.edge.town import Town

SHOW = "/v1/settlements/S20260101000000000001"


def test_a_full_memory_refuses_the_client_and_still_knows_every_copy(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "NONCES_MAX", 5)
    first = town.signed("GET", SHOW, b"")
    assert town.ask("GET", SHOW, headers=first).status == 404
    for _ in range(4):
        assert town.ask("GET", SHOW).status == 404
    reply = town.ask("GET", SHOW)
    assert (reply.status, reply.json["reason"]["code"]) == (429, "E-RATE")
    assert reply.json["reason"]["side"] == "client"
    assert int(reply.headers["retry-after"]) > 0
    assert town.ask("GET", SHOW, headers=first).status == 401, "a copy is still a copy"
    assert town.ask("GET", SHOW, client="C01").status == 404, "another client is not held up"
    page = town.ask("GET", "/metrics", headers=[]).body.decode()
    assert 'engine_refused_total{door="api",why="too many"} 1.0' in page
    town.pass_time(601.0)
    assert town.ask("GET", SHOW).status == 404, "what is too old to be a copy makes room"


def test_a_stranger_cannot_fill_a_clients_memory(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "NONCES_MAX", 3)
    for _ in range(10):
        bad = town.signed("GET", SHOW, b"", secret="guessed")
        assert town.ask("GET", SHOW, headers=bad).status == 401
    assert town.ask("GET", SHOW).status == 404
