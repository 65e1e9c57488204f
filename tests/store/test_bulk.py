"""Many units in one batch are written by a few statements; a guard still hurts its own unit alone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.saga.case import CaseState
from engine.saga.legs import LegState
from engine.store import Unit, Write
from engine.store.bulk import GATHERED
from engine.store.calls import body, calls_of, complete_call, insert_body, insert_call
from engine.store.inbox import hear_first
from engine.store.legs import upsert_leg
from engine.store.numbers import claim_number
from engine.store.settlements import Columns, bill_holder, insert_case, load_case, update_case
from engine.store.statements import STATEMENTS
from engine.store.trail import add_trail

from .parts import NAME, some_case, some_leg

COUNT = 150
AT = 1_795_000_009.123457


def no_of(i: int) -> str:
    return f"S{i:04}"


def begun(stores: Any, store: Any) -> None:
    asked = [
        store.write("begin", *insert_case(some_case(no_of(i)), [f"B{i}"], Columns(at=1.0, id=i + 1)))
        for i in range(COUNT)
    ]
    assert all(stores.loop.wait(done).committed for done in asked)


def turn(i: int, version: int = 2) -> tuple[Write, ...]:
    """What one turn of a settlement writes."""
    case = some_case(no_of(i), version=version, state=CaseState.FINAL, data={"n": i, "name": NAME})
    leg = some_leg(1, LegState.OK, number=f"N{i}", text=NAME, sent_at=AT + i / 7)
    begin = {"no": case.no, "leg_id": 1, "purpose": "do", "call": "his.bill", "party": "his", "op": "x"}
    return (
        *update_case(case, Columns(at=AT + i, total=100 + i)),
        insert_body(10_000 + i, f"{NAME} {i}".encode() * 20, case.no),
        insert_call(20_000 + i, number=f"N{i}", started_at=AT, **begin),
        complete_call(20_000 + i, ended_at=AT + 1, outcome="accepted", text=NAME, reply_body=10_000 + i),
        upsert_leg(case.no, leg, "his"),
        claim_number(f"N{i}", "msgid", case.no, 1),
        add_trail(30_000 + i, case.no, AT, "Answered", {"i": i}),
    )


def stored(stores: Any, store: Any, i: int) -> Any:
    def look(conn: Any) -> Any:
        case = load_case(conn, no_of(i))
        assert case is not None
        calls = calls_of(conn, no_of(i))
        return case.version, case.data.get("n"), case.legs[0].sent_at if case.legs else None, [
            (call.id, call.text, call.outcome, body(conn, call.reply_body or 0)) for call in calls
        ]  # fmt: skip

    return stores.loop.wait(store.read(look))


def kept(i: int) -> Any:
    return 2, i, AT + i / 7, [(20_000 + i, NAME, "accepted", f"{NAME} {i}".encode() * 20)]


def test_a_batch_of_turns_is_stored_as_each_alone_would_be(stores: Any) -> None:
    store = stores.open()
    begun(stores, store)
    before = store.batches
    asked = [store.submit(Unit("turn", turn(i))) for i in range(COUNT)]
    assert all(stores.loop.wait(done).committed for done in asked)
    assert store.batches - before < COUNT / 5
    assert [stored(stores, store, i) for i in range(COUNT)] == [kept(i) for i in range(COUNT)]


@pytest.mark.parametrize("wrong", ["version", "number", "leg", "body"])
def test_a_guard_in_the_middle_of_a_batch_hurts_its_own_unit_alone(stores: Any, wrong: str) -> None:
    store = stores.open()
    begun(stores, store)
    hurt = {40: "", 41: "", 90: ""}
    asked = []
    for i in range(COUNT):
        writes = turn(i, version=7 if wrong == "version" and i in hurt else 2)
        if i in hurt and wrong == "number":
            writes = (*writes, claim_number("N0", "msgid", no_of(i), 1))
        elif i in hurt and wrong == "leg":
            writes = (*writes, upsert_leg("no such", some_leg(1, LegState.OK), "his"))
        elif i in hurt and wrong == "body":
            writes = (*writes, insert_body(10_000, b"x", no_of(i)))
        asked.append(store.submit(Unit("turn", writes)))
    told = [stores.loop.wait(done) for done in asked]
    for i, done in enumerate(told):
        assert done.committed is (i not in hurt), (i, done)
        if i in hurt:
            name = "settlement_update" if wrong == "version" else writes_name(wrong)
            assert done.failed_sql == name
            assert stored(stores, store, i)[0] == 1
        else:
            assert stored(stores, store, i) == kept(i)


def writes_name(wrong: str) -> str:
    return {"number": "number_claim", "leg": "leg_upsert", "body": "body_insert"}[wrong]


@pytest.mark.parametrize("name", GATHERED)
def test_each_gathered_text_has_a_place_for_every_parameter(name: str) -> None:
    gathered = GATHERED[name]
    names = dict.fromkeys(re.findall(r":([a-z_]+)", STATEMENTS[name].sql))
    row = {one: index for index, one in enumerate(names)}
    assert gathered.values(row) == tuple(row.values())
    assert [count for count, _, _ in gathered.cut([row] * 135)] == [64, 64, 6, 1]
    for size, text, params in gathered.cut([row] * 135):
        assert text.count("?") == len(params) == size * len(row)


@pytest.mark.parametrize("name", GATHERED)
def test_each_gathered_text_is_one_the_database_reads(name: str, sqlite_stores: Any) -> None:
    """One that it does not read would send every batch with such a row the slow way, and nobody would notice."""
    store = sqlite_stores.open()
    gathered = GATHERED[name]
    for text in gathered.texts.values():
        count = text.count("?")
        assert store.backend.execute(f"EXPLAIN {text}", [None] * count).fetchall()


def test_a_batch_of_beginnings_needs_no_second_try(stores: Any) -> None:
    store = stores.open()
    slow: list[str] = []
    execute = store.backend.execute
    store.backend.execute = lambda sql, params=None: (slow.append(sql), execute(sql, params))[1]
    asked = [
        store.write("begin", *insert_case(some_case(no_of(i)), [f"B{i}"], Columns(at=1.0, id=i + 1)),
                    hear_first(i + 1, source="api", key=f"K{i}", body_hash="h", at=1.0, no=no_of(i)))
        for i in range(COUNT)
    ]  # fmt: skip
    assert all(stores.loop.wait(done).committed for done in asked)
    if store.backend.gathers:
        assert not [sql for sql in slow if "SAVEPOINT" in sql]
        assert len(slow) < COUNT
    assert [stores.loop.wait(store.read(lambda conn, i=i: bill_holder(conn, f"B{i}"))) for i in (0, 99)] == [
        no_of(0), no_of(99)
    ]  # fmt: skip
