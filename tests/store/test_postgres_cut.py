"""PostgreSQL only: the wire to it is cut or goes dumb, an engine stands still, something stands between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from engine.store import CannotStart, StoreStopped, Unit, postgres
from engine.store.postgres_words import told
from engine.store.store import SURE

from .parts import new_counter
from .proxy import Wire
from .test_faults import reopened, value
from .test_postgres_others import ask


@pytest.fixture
def wire(postgres_stores: Any) -> Iterator[Wire]:
    """Between the stores of this test and their server."""
    made = Wire(postgres_stores.address)
    yield made
    made.close()


def through(stores: Any, wire: Wire) -> Any:
    """A store whose connections lead through the wire; later ones lead straight to the server."""
    straight, stores.address = stores.address, wire.address
    store = stores.open()
    stores.address = straight
    return store


@pytest.mark.parametrize(("where", "stored"), [("before", None), ("after", 1)])
def test_a_commit_whose_answer_is_lost_may_have_happened(
    postgres_stores: Any, wire: Wire, where: str, stored: int | None
) -> None:
    stores = postgres_stores
    store = through(stores, wire)
    setattr(wire, where, True)
    with pytest.raises(StoreStopped, match="outcome is unknown"):
        stores.loop.wait(store.write("lost", new_counter("a", 1)))
    assert len(stores.fatal) == 1
    assert value(stores, reopened(stores, store), "a") == stored


@pytest.mark.parametrize("when", ["dumb", "dumb_at_commit"])
def test_an_engine_that_says_nothing_loses_the_database_to_another(
    postgres_stores: Any, wire: Wire, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Cut off, or its process standing still: its connection stays, and its kernel answers whatever probes it."""
    for name in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
        assert postgres._BOUNDS[name] == "30s"
        monkeypatch.setitem(postgres._BOUNDS, name, "700ms")
    stores = postgres_stores
    first = through(stores, wire)
    stores.loop.wait(first._in_writer(lambda: None))
    setattr(wire, when, True)
    lost = first.write("never", new_counter("a", 1))
    lost.addErrback(lambda failure: None)
    assert wire.passed.wait(10)
    second = stores.open()
    assert value(stores, second, "a") is None
    assert stores.loop.wait(second.write("b", new_counter("b", 1))).committed
    assert stores.fatal == []
    wire.close()  # it finds out
    stores.loop.until(lambda: stores.fatal)
    assert value(stores, second, "a") is None


@pytest.mark.parametrize("busy", [False, True])
def test_an_engine_that_stood_still_is_told_so_when_it_goes_on(
    postgres_stores: Any, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    for name in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
        monkeypatch.setitem(postgres._BOUNDS, name, "300ms")
    stores = postgres_stores
    store = stores.open()

    def stands_still(stage: str = "before_commit", units: Sequence[Unit] = ()) -> None:
        while stage == "before_commit" and ask(stores.address, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"):
            pass

    if busy:
        store.fail = stands_still
    else:
        stands_still()
    with pytest.raises(StoreStopped):
        stores.loop.wait(store.write("never", new_counter("a", 1)))
    assert len(stores.fatal) == 1
    assert "stood still for half a minute: another node may have taken over" in stores.fatal[0]
    assert value(stores, reopened(stores, store), "a") is None


def test_whose_the_database_is_holds_for_a_while_only(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()
    stores.loop.wait(store._in_writer(lambda: None))
    assert store.ours
    stores.loop.rightNow += SURE + 1  # it stood still
    assert not store.ours, "nothing that changes anything may leave"
    assert stores.loop.wait(store.write("asks", new_counter("a", 1))).committed
    assert store.ours


def test_a_pooler_between_is_refused(postgres_stores: Any, wire: Wire) -> None:
    wire.pooler = True
    with pytest.raises(CannotStart, match="a pooler stands between"):
        through(postgres_stores, wire)


def test_a_commit_is_durable_whatever_the_database_is_set_to(postgres_stores: Any) -> None:
    stores = postgres_stores
    name = conninfo_to_dict(stores.address)["dbname"]
    ask(stores.address, f"ALTER DATABASE {name} SET synchronous_commit = off")
    store = stores.open()
    found = stores.loop.wait(store._in_writer(lambda: store.backend.execute("SHOW synchronous_commit").fetchone()))
    assert found == ("on",)


def test_a_commit_that_the_server_made_a_rollback_is_none(postgres_stores: Any) -> None:
    stores = postgres_stores
    store = stores.open()

    def spoil(stage: str, units: Sequence[Unit]) -> None:
        if stage == "before_commit":
            with suppress(psycopg.Error):
                store.backend.execute("SELECT 1 / 0")

    store.fail = spoil
    with pytest.raises(StoreStopped, match="ended a commit with ROLLBACK"):
        stores.loop.wait(store.write("u", new_counter("a", 1)))
    assert value(stores, reopened(stores, store), "a") is None


def test_a_newer_programs_database_is_left_alone(postgres_stores: Any) -> None:
    stores = postgres_stores
    stores.open()
    stores.stop()
    stores.made.clear()
    ask(stores.address, "INSERT INTO schema_version VALUES (99, 'later')")
    with pytest.raises(CannotStart, match="run the newer program"):
        stores.open()


def test_an_old_server_is_refused(postgres_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "OLDEST", 990000)
    with pytest.raises(CannotStart, match="is too old: needs 14 or later"):
        postgres_stores.open()


def test_every_server_that_was_asked_is_named(postgres_stores: Any) -> None:
    postgres_stores.address = "postgresql://u@127.0.0.1:1,127.0.0.1:2/e?target_session_attrs=read-write"
    with pytest.raises(CannotStart) as no:
        postgres_stores.open()
    assert "127.0.0.1:1 Connection refused; 127.0.0.1:2 Connection refused — 服务器没有启动" in str(no.value)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ('FATAL:  password authentication failed for user "engine"', "the user or the password is wrong"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.8", user "engine", no encryption', "does not let in this"),
        ('FATAL:  database "engine" does not exist', "make the database first"),
        ('FATAL:  role "engine" does not exist', "make the user first"),
        ("FATAL:  the database system is starting up", "try again in a moment"),
        ("FATAL:  sorry, too many clients already", "raise max_connections"),
        ("session is read-only", "there is no primary yet"),
        ("server does not support SSL, but SSL was required", "certificate, host name or sslmode"),
        ("failed to resolve host 'db1': [Errno -2] Name or service not known", "cannot be reached"),
        ("something new", ""),
    ],
)
def test_what_the_server_says_comes_with_what_to_do(said: str, hint: str) -> None:
    words = told(f"connection failed: {said}\n\tmore of it")
    assert words.startswith(f"PostgreSQL cannot be used: connection failed: {said}")
    assert hint in words
    assert "\n" not in words
    assert bool(hint) == (" — " in words)
