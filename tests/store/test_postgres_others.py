"""PostgreSQL only: what its administrator and its other users may do to the engine, and what the engine says then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from twisted.internet.defer import Deferred, succeed

from engine.cli import check
from engine.config.secret import secret_ref
from engine.core.world import World
from engine.store import CannotRead, CannotStart, StoreFull, StoreStopped, Unit
from engine.store.beat import APART, EVERY, Beat
from engine.store.store import CLOSE_LIMIT, PROBE_EVERY
from engine.store.writing import STALE

from .loop import MASTER, Loop
from .parts import new_counter
from .test_faults import reopened, value
from .test_postgres import end_readers, end_writer


def ask(address: str, sql: str) -> list[tuple[Any, ...]]:
    """What an administrator is answered."""
    with psycopg.connect(address, autocommit=True) as other:
        found = other.execute(sql)
        return found.fetchall() if found.description else []


@contextmanager
def in_the_way(address: str) -> Iterator[psycopg.Connection[Any]]:
    """Another program's transaction, which nobody can write counters beside."""
    with psycopg.connect(address) as other:
        other.execute("LOCK TABLE counters IN SHARE MODE")
        yield other


def wait_for_a_lock(loop: Loop, other: psycopg.Connection[Any]) -> None:
    """Until somebody, the engine's writer, stands before it."""

    def somebody() -> object:
        return other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone()

    loop.until(somebody)


@pytest.fixture
def role(postgres: str) -> Iterator[str]:
    """A user who may do only what he was given; asked for before the store, so that he goes after it."""
    ask(postgres, "CREATE ROLE weak LOGIN")
    yield "weak"
    ask(postgres, "DROP ROLE weak")


def of_role(address: str, role: str) -> str:
    """The address as a URL with another user."""
    return address.replace("//postgres:@", f"//{role}@")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_chinese_is_refused(postgres: str, postgres_stores: Any, encoding: str) -> None:
    name = f"other_{encoding.lower()}"
    ask(postgres, f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    postgres_stores.address = postgres.replace("/postgres?", f"/{name}?")
    with pytest.raises(CannotStart, match=f"encoding is {encoding}: make one with ENCODING 'UTF8'"):
        postgres_stores.open()
    ask(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def test_texts_are_the_same_whatever_the_server_thinks_our_encoding_is(postgres_stores: Any) -> None:
    stores = postgres_stores
    ask(stores.address, f"ALTER DATABASE {conninfo_to_dict(stores.address)['dbname']} SET client_encoding = 'GBK'")
    store = stores.open()
    assert stores.loop.wait(store.write("rare", new_counter("𠮷姓", 7))).committed
    assert value(stores, store, "𠮷姓") == 7


def test_a_database_that_only_reads_is_refused(postgres_stores: Any) -> None:
    name = conninfo_to_dict(postgres_stores.address)["dbname"]
    ask(postgres_stores.address, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(CannotStart, match=r"only reads .*give the primary's address"):
        postgres_stores.open()


def test_a_role_that_may_not_make_tables_is_told_what_to_grant(role: str, postgres_stores: Any) -> None:
    ask(postgres_stores.address, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    postgres_stores.address = of_role(postgres_stores.address, role)
    with pytest.raises(CannotStart, match="GRANT CREATE ON SCHEMA public"):
        postgres_stores.open()


def test_one_connection_alone_does_not_do(role: str, postgres_stores: Any) -> None:
    ask(postgres_stores.address, f"GRANT CREATE ON SCHEMA public TO {role}")
    ask(postgres_stores.address, f"ALTER ROLE {role} CONNECTION LIMIT 1")
    postgres_stores.address = of_role(postgres_stores.address, role)
    with pytest.raises(CannotStart, match="too many connections"):
        postgres_stores.open()


@pytest.mark.parametrize("password", ["geh%eim", "geh eim", "geh@eim%"])
def test_an_address_that_cannot_be_read_is_not_quoted(postgres_stores: Any, password: str) -> None:
    postgres_stores.address = f"postgresql://engine:{password}@127.0.0.1/engine"
    with pytest.raises(CannotStart) as told:
        postgres_stores.open()
    assert "eim" not in str(told.value)
    assert told.value.__cause__ is None


def test_the_servers_patience_with_others_does_not_end_the_engine(postgres_stores: Any) -> None:
    stores = postgres_stores
    name = conninfo_to_dict(stores.address)["dbname"]
    for what in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout"):
        ask(stores.address, f"ALTER DATABASE {name} SET {what} = '30ms'")
    store = stores.open()
    with psycopg.connect(stores.address, options="-c idle_session_timeout=0") as other:
        other.execute("SET idle_in_transaction_session_timeout = 0")
        other.execute("SET statement_timeout = 0")
        other.execute("LOCK TABLE counters IN SHARE MODE")
        done = store.write("waits", new_counter("a", 1))
        wait_for_a_lock(stores.loop, other)
        other.execute("SELECT pg_sleep(0.15)")
    assert stores.loop.wait(done).committed
    assert stores.fatal == []


def test_what_an_administrator_cancels_is_done_again(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    with in_the_way(stores.address) as other:
        done = store.write("cancelled", new_counter("a", 1))
        wait_for_a_lock(stores.loop, other)
        other.execute("SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted")
    assert stores.loop.wait(done).committed
    assert value(stores, store, "a") == 1
    assert stores.fatal == []


def test_a_connection_lost_while_nobody_writes_is_noticed(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    stores.loop.wait(store._in_writer(lambda: None))  # what is asked at the start is answered
    end_writer(stores.address)
    stores.loop.advance(EVERY)
    stores.loop.until(lambda: stores.fatal)
    assert len(stores.fatal) == 1
    assert "the server ends, or somebody ended the connection" in stores.fatal[0]


def test_a_lock_that_is_no_longer_ours_ends_the_engine(postgres_stores: Any) -> None:
    """As behind a pooler that hands us another of its connections."""
    stores = postgres_stores
    store = stores.open()
    stores.loop.wait(store._in_writer(lambda: store.backend.execute("SELECT pg_advisory_unlock_all()")))
    stores.loop.advance(EVERY)
    stores.loop.until(lambda: stores.fatal)
    assert "no longer ours" in stores.fatal[0]


def test_a_database_that_stops_answering_is_told_and_gets_no_new_work(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    words: list[tuple[str, float]] = []
    store.on_word = lambda word, seconds: words.append((word, seconds))
    stores.loop.until(lambda: ("clock_apart" in [word for word, _ in words]))  # the loop's clock is made up
    with in_the_way(stores.address) as other:
        done = store.write("waits", new_counter("a", 1))
        wait_for_a_lock(stores.loop, other)
        stores.loop.advance(EVERY)
        assert store.room_for_new_work
        stores.loop.advance(EVERY)
        assert words[1:] == [("store_silent", EVERY)]
        assert (store.silent, store.room_for_new_work, store.state) == (True, False, "open")
        stores.loop.advance(EVERY)
        assert len(words) == 2
    assert stores.loop.wait(done).committed
    stores.loop.until(lambda: not store.silent)
    assert words[2:] == [("store_answers", 2 * EVERY)]
    assert store.room_for_new_work
    assert stores.fatal == []


def test_a_result_that_lay_there_while_we_stood_still_is_told_only_if_the_database_is_ours(
    postgres_stores: Any,
) -> None:
    stores = postgres_stores
    store = stores.open()

    def stand_still(stage: str, units: Sequence[Unit]) -> None:
        if stage == "after_commit":
            stores.loop.rightNow += STALE + 1

    store.fail = stand_still
    assert stores.loop.wait(store.write("ours", new_counter("a", 1))).committed

    def stand_still_too_long(stage: str, units: Sequence[Unit]) -> None:
        stand_still(stage, units)
        if stage == "after_commit":
            end_writer(stores.address)

    store.fail = stand_still_too_long
    with pytest.raises(StoreStopped):
        stores.loop.wait(store.write("another's", new_counter("b", 1)))
    assert len(stores.fatal) == 1
    assert value(stores, reopened(stores, store), "b") == 1


def test_a_result_is_told_though_every_batch_takes_long_and_more_come(postgres_stores: Any) -> None:
    """Whether the database is ours was asked anew whenever the question had to stand behind another batch: for ever."""
    stores = postgres_stores
    store = stores.open()
    told: list[str] = []
    left = [str(number) for number in range(10)]

    def write() -> None:
        name = left.pop(0)
        store.write(name, new_counter(name, 1)).addCallback(lambda _: told.append(name))

    def slow(stage: str, units: Sequence[Unit]) -> None:
        if stage == "after_commit":
            stores.loop.rightNow += STALE + 1
            if left:
                stores.loop.callFromThread(write)

    store.fail = slow
    write()
    stores.loop.until(lambda: told)
    assert len(left) >= 7, "it is told as soon as somebody could ask"
    stores.loop.until(lambda: len(told) == 10)
    assert stores.fatal == []


def test_who_waits_for_a_late_result_hears_it_though_the_store_is_closed_meanwhile(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    stopped: list[Deferred[None]] = []

    def stand_still(stage: str, units: Sequence[Unit]) -> None:
        if stage == "after_commit":
            stores.loop.rightNow += STALE + 1
            stores.loop.callFromThread(lambda: stopped.append(store.stop()))

    store.fail = stand_still
    done = store.write("late", new_counter("a", 1))
    with pytest.raises(StoreStopped):
        stores.loop.wait(done)
    stores.loop.wait(stopped[0])
    assert stores.fatal == []
    assert value(stores, reopened(stores, store), "a") == 1


def test_a_database_that_cannot_be_asked_whether_it_is_ours_is_refused(role: str, postgres_stores: Any) -> None:
    address = postgres_stores.address
    ask(address, f"GRANT CREATE ON SCHEMA public TO {role}")
    ask(address, "REVOKE SELECT ON pg_catalog.pg_locks FROM PUBLIC")
    postgres_stores.address = of_role(address, role)
    with pytest.raises(CannotStart, match="pg_locks"):
        postgres_stores.open()


def test_closing_does_not_wait_for_ever(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    with in_the_way(stores.address) as other:
        store.write("waits", new_counter("a", 1)).addErrback(lambda failure: None)
        wait_for_a_lock(stores.loop, other)
        stopped = store.stop()
        stopped.addErrback(lambda failure: None)
        stores.loop.advance(CLOSE_LIMIT)
        assert stores.fatal == ["the database did not answer while the store was closed"]
    stores.made.clear()


def test_a_reader_for_whom_there_is_no_connection_is_asked_to_come_again(role: str, postgres_stores: Any) -> None:
    stores, address = postgres_stores, postgres_stores.address
    ask(address, f"GRANT CREATE ON SCHEMA public TO {role}")
    stores.address = of_role(address, role)
    store = stores.open()
    ask(address, f"ALTER ROLE {role} CONNECTION LIMIT 1")
    assert value(stores, store, "a") is None, "those it reads by were made at the start"
    end_readers(address)
    with pytest.raises(CannotRead, match="too many connections"):
        value(stores, store, "a")
    assert stores.loop.wait(store.write("a", new_counter("a", 1))).committed
    ask(address, f"ALTER ROLE {role} CONNECTION LIMIT 9")
    assert value(stores, store, "a") == 1
    assert stores.fatal == []
    stores.stop()
    stores.made.clear()


def test_a_check_before_the_first_start_finds_nothing_wrong(postgres_stores: Any, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(MASTER)
    keys = SimpleNamespace(store=secret_ref("file:key"))
    file: Any = SimpleNamespace(store=postgres_stores.address, keys=keys)
    assert [(one.verdict, one.text) for one in check._store(tmp_path, file)] == [
        ("good", "postgresql 尚未建立 · will be made")
    ]
    postgres_stores.open()
    assert [(one.verdict, one.text) for one in check._store(tmp_path, file)] == [("good", "postgresql")]
    file.store = postgres_stores.address.replace("host=", "host=/nowhere")
    (found,) = check._store(tmp_path, file)
    assert found.verdict == "problem"
    assert found.text.startswith("PostgreSQL cannot be used: connection")


def test_a_full_disk_is_told_when_it_begins_and_when_it_ends(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    words: list[tuple[str, float]] = []
    store.on_word = lambda word, seconds: words.append((word, seconds))
    full = [psycopg.errors.DiskFull("could not extend file")]

    def hook(stage: str, units: Sequence[Unit]) -> None:
        if full:
            raise full.pop()

    store.fail = hook
    with pytest.raises(StoreFull):
        stores.loop.wait(store.write("u", new_counter("a", 1)))
    stores.loop.until(lambda: store.state == "refusing")
    stores.loop.advance(PROBE_EVERY)
    stores.loop.until(lambda: store.state == "open")
    assert [one for one in words if one[0] != "clock_apart"] == [("store_full", 0.0), ("store_has_room", PROBE_EVERY)]
    assert stores.loop.wait(store.write("u", new_counter("a", 1))).committed


def test_clocks_that_differ_are_told_once_until_they_agree() -> None:
    loop, words = Loop(), []
    apart = [0.0]

    def asked() -> Deferred[float]:
        return succeed(loop.seconds() + apart[0])

    beat = Beat(World(loop), asked, lambda word, seconds: words.append((word, round(seconds))))
    beat.start()
    for differ in (APART - 1, APART + 1, APART + 2, 0.0, -APART - 5):
        apart[0] = differ
        loop.advance(EVERY)
    assert words == [("clock_apart", APART + 1), ("clock_apart", -APART - 5)]
    beat.stop()
    assert not [call for call in loop.getDelayedCalls() if call.active()]


