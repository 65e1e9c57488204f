"""The disk is full, or lies: no half answer, nobody charged, and it goes on by itself, or not at all."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.edge.town import CASH, CODE, QR, START, Asked, Reply, Town

FULL = OSError(errno.ENOSPC, "No space left on device")


class Disk:
    """The store's fault hook: the disk is full while `full` is set; what was tried is counted."""

    def __init__(self, town: Town) -> None:
        self.full, self.refused = False, 0
        assert town.lab.engine is not None
        town.lab.engine.store.fail = self  # type: ignore[attr-defined]  # the laboratory's own store

    def __call__(self, moment: str, units: Sequence[Any]) -> None:
        if self.full and moment == "before_commit":
            self.refused += 1
            raise FULL


def _later(reply: Reply) -> None:
    assert (reply.status, reply.code) == (503, "E-STORE"), reply.body.decode()
    assert reply.json["reason"]["side"] == "engine"
    assert int(reply.headers["retry-after"]) >= 1


def test_a_full_disk_takes_nothing_new_and_calls_nobody(town: Town) -> None:
    town.expected_errors |= {"settlement_reloaded", "not_reopened"}
    no = town.quoted()
    disk = Disk(town)
    disk.full = True
    town.pass_time(0.1)
    before = town.touched()
    start = town.bill_request("P0006", "B20261122006")
    for _ in range(3):
        _later(town.ask("POST", START, start))
        _later(town.choose(no, CODE))
        _later(town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "X"}))
        town.pass_time(1.0)
    assert town.touched() == before, "a party was called for what was not stored"
    assert town.ask("GET", "/readyz", headers=[]).status == 503
    assert town.ask("GET", "/healthz", headers=[]).status == 200
    assert town.show(no).state == "quoted", "looking still works"
    disk.full = False
    town.pass_time(10.0)
    assert town.ask("GET", "/readyz", headers=[]).status == 200
    assert town.choose(no, CODE).state == "settled"
    assert town.ask("POST", START, start).state == "quoted"
    assert town.kept() == CASH
    assert disk.refused >= 1


@pytest.mark.parametrize("after", [1, 2, 4, 8, 12, 16])
def test_the_disk_fills_in_the_middle_of_a_payment(town: Town, after: int) -> None:
    """Whatever was under way when the room ran out: charged once or not at all, and all sides agree in the end."""
    no = town.quoted()
    town.expected_errors |= {"settlement_reloaded", "not_reopened", "call_not_stored", "not_recovered"}
    disk = Disk(town)
    choosing = town.begin("POST", f"/v1/settlements/{no}/pay", CODE)
    count = [0]

    def filling(moment: str, units: Sequence[Any]) -> None:
        if moment == "before_commit":
            count[0] += 1
            if after < count[0]:
                disk.full = True
        disk(moment, units)

    town.lab.engine.store.fail = filling  # type: ignore[union-attr]  # the laboratory's own store
    town.sim.run(lambda: choosing.answered, 50.0)
    town.pass_time(30.0)
    count[0] = -10_000
    disk.full = False
    answer = town.rest(no, 7200.0)
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    settled = [row for row in town.ledger("insurance", "settle") if row["state"] == "done"]
    assert len(town.ledger("wechat", "charge")) <= 1
    if answer["state"] == "settled":
        assert (town.kept(), len(booked), len(settled)) == (CASH, 1, 1)
    else:
        assert answer["state"] == "undone", answer
        assert (town.kept(), len(booked), len(settled)) == (0, 0, 0)


def test_a_callback_on_a_full_disk_gets_the_partys_failure(town: Town) -> None:
    town.expected_errors |= {"settlement_reloaded", "not_reopened"}
    no = town.quoted()
    town.choose(no, QR)
    disk = Disk(town)
    disk.full = True
    town.lab.act("wechat", "pay", no=f"{no}P1")
    town.pass_time(20.0)
    assert town.wechat.courier.delivered == 0, "nothing was thanked that was not kept"
    reply = town.callback(town.notice(town.plain(f"{no}P1")))
    assert (reply.status, reply.json["code"]) == (500, "FAIL")
    assert not town.ledger("his", "book")
    disk.full = False
    town.pass_time(100.0)
    assert town.rest(no)["state"] == "settled"
    assert town.wechat.courier.delivered == 1
    assert town.kept() == CASH


def test_nothing_is_told_before_it_is_stored(town: Town) -> None:
    """While the unit that makes a settlement `quoted` is on its way to the disk, nobody hears that word."""
    assert town.lab.engine is not None
    store: Any = town.lab.engine.store
    submit, held = store.submit, []

    def slowly(unit: Any) -> Deferred[Any]:
        stored: Deferred[Any] = Deferred()
        held.append((unit, stored))
        return stored

    store.submit = slowly
    body = town.bill_request()
    asked = town.begin("POST", START, body)
    no, told, stored_words = "", set(), set()
    looking: list[Asked] = []
    for _ in range(200):
        town.sim.advance(0.05)
        stored_words |= _states(town)
        for shown in [one for one in looking if one.answered]:
            looking.remove(shown)
            if shown.line.replies[0].status != 404:
                told.add(shown.line.replies[0].json["state"])
                assert told <= stored_words, f"told {told} when {stored_words} was stored"
        if asked.answered:
            break
        no = no or next(iter(town.lab.engine.driver._rooms), "")
        if no and len(looking) < 3:
            looking.append(town.begin("GET", f"/v1/settlements/{no}"))
            town.sim.advance(0.02)
            continue
        waiting, held[:] = held[:], []
        for unit, stored in waiting:
            submit(unit).chainDeferred(stored)
    assert asked.reply().state == "quoted"
    assert told >= {"working"}
    store.submit = submit


def _states(town: Town) -> set[str]:
    """What the database file says now, read beside the engine."""
    import sqlite3

    with sqlite3.connect(f"file:{town.folder / 'engine.db'}?mode=ro", uri=True) as look:
        return {row[0] for row in look.execute("SELECT answer FROM settlements")}
