"""PostgreSQL only: what happens when the server goes, and when another transaction is in the way."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from engine.store import CannotStart, StoreFull, StoreStopped, Unit
from engine.store.writer import TRIES

from .parts import counter, new_counter
from .test_faults import reopened, value


def end_writer(address: str) -> None:
    """The server throws the engine's writer out."""
    with psycopg.connect(address, autocommit=True) as other:
        found = other.execute(
            "SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND a.datname = current_database()"
        ).fetchall()
        assert found == [(True,)]


def end_readers(address: str) -> None:
    """The server throws out those the engine reads by."""
    with psycopg.connect(address, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND application_name = 'settlement-engine' "
            "AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
        )


def test_a_connection_lost_in_commit_is_an_unknown_outcome(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    assert stores.loop.wait(store.write("first", new_counter("a", 1))).committed

    def cut(stage: str, units: Sequence[Unit]) -> None:
        if stage == "before_commit":
            end_writer(stores.address)

    store.fail = cut
    with pytest.raises(StoreStopped, match="outcome is unknown"):
        stores.loop.wait(store.write("lost", new_counter("b", 1)))
    assert len(stores.fatal) == 1
    assert "unknown" in stores.fatal[0]
    again = reopened(stores, store)
    assert value(stores, again, "a") == 1
    assert value(stores, again, "b") is None


def test_a_connection_lost_while_idle_stops_the_engine_too(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    end_writer(stores.address)
    with pytest.raises(StoreStopped):
        stores.loop.wait(store.write("lost", new_counter("b", 1)))
    assert len(stores.fatal) == 1
    assert value(stores, reopened(stores, store), "b") is None


def test_a_lost_reader_is_replaced(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    assert value(stores, store, "x") is None
    end_readers(stores.address)
    assert value(stores, store, "x") is None
    assert stores.fatal == []


def test_a_deadlock_with_another_program_is_done_again(postgres_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = postgres_stores
    store = stores.open()
    stores.loop.wait(store.write("open", new_counter("a", 0), new_counter("b", 0)))
    holds, ended, begun = threading.Event(), [], []
    real = store.backend.begin
    monkeypatch.setattr(store.backend, "begin", lambda: (begun.append(1), real()))

    def other() -> None:
        with psycopg.connect(stores.address) as conn:
            conn.execute("SET deadlock_timeout = '10s'")
            conn.execute("UPDATE counters SET value = value WHERE name = 'b'")
            holds.set()
            while not conn.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                pass
            conn.execute("UPDATE counters SET value = value WHERE name = 'a'")
            conn.commit()
        ended.append(True)

    thread = threading.Thread(target=other)
    thread.start()
    assert holds.wait(10)
    done = stores.loop.wait(store.submit(Unit("both", (counter("a", 0, 1), counter("b", 0, 1)))))
    thread.join(10)
    assert ended == [True]
    assert done.committed
    assert (value(stores, store, "a"), value(stores, store, "b")) == (1, 1)
    assert 2 <= len(begun) <= TRIES, "rolled back for the other, then done again"
    assert stores.fatal == []


def test_being_rolled_back_for_others_is_tried_a_bounded_number_of_times(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    tried: list[int] = []

    def again(times: int) -> Any:
        def hook(stage: str, units: Sequence[Unit]) -> None:
            if stage == "before_commit" and len(tried) < times:
                tried.append(1)
                raise psycopg.errors.SerializationFailure("could not serialize")

        return hook

    store.fail = again(TRIES - 1)
    assert stores.loop.wait(store.write("u", new_counter("a", 1))).committed
    assert value(stores, store, "a") == 1
    tried.clear()
    store.fail = again(1000)
    with pytest.raises(StoreStopped):
        stores.loop.wait(store.write("u", new_counter("b", 1)))
    assert len(tried) == TRIES
    assert value(stores, reopened(stores, store), "b") is None


def test_a_full_server_disk_refuses(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    first: list[int] = []

    def full(stage: str, units: Sequence[Unit]) -> None:
        if not first:
            first.append(1)
            raise psycopg.errors.DiskFull("could not extend file")

    store.fail = full
    with pytest.raises(StoreFull):
        stores.loop.wait(store.write("u", new_counter("a", 1)))
    assert store.state == "refusing"
    assert stores.fatal == []


def test_a_server_that_is_not_there_is_said_so(postgres_stores: Any) -> None:
    postgres_stores.address = postgres_stores.address.replace("host=", "host=/nowhere")
    with pytest.raises(CannotStart, match="PostgreSQL cannot be used"):
        postgres_stores.open()


def test_integers_of_any_size_use_one_prepared_statement(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    for n, size in enumerate((1, 1 << 14, 1 << 30, 1 << 60)):
        assert stores.loop.wait(store.write("u", new_counter(f"n{n}", size))).committed

    def prepared() -> list[Any]:
        return list(
            store.backend.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%INTO counters%'")
        )

    assert len(stores.loop.wait(store._in_writer(prepared))) == 1
