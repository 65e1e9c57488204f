"""A look into the files of the processes beside this one: what they took in, and what people stopped.

Each worker of a spread channel has a store of its own; a message that comes again may come to another worker. Looking
is one indexed read on a read-only connection, so short that it is done where it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.store.messages import Known
from engine.store.sqlite import SqliteBackend


class Beside:
    """Read-only views of SQLite files that others write. A file that is not there yet holds nothing."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._backends = [SqliteBackend(path) for path in paths]
        self._open: dict[str, Any] = {}

    def known(self, source: str, control: str) -> Known | None:
        """What one of them first took in under a sender's number."""
        for backend in self._backends:
            row = self._row(backend, "message_once", {"source": source, "control": control})
            if row:
                return Known(row[0][0], bytes(row[0][1]), *row[0][2:])
        return None

    def switches(self) -> dict[str, str]:
        """What people stopped, in the first of the files."""
        return {row[0]: row[1] for row in self._row(self._backends[0], "switches_all", {})}

    def close(self) -> None:
        """Let go of the files."""
        while self._open:
            self._open.popitem()[1].close()

    def _row(self, backend: SqliteBackend, statement: str, params: dict[str, object]) -> list[tuple[Any, ...]]:
        raw = self._open.get(backend.path)
        if raw is None:
            if not Path(backend.path).exists():
                return []
            raw = self._open[backend.path] = backend.reader()
        try:
            found: list[tuple[Any, ...]] = raw.execute(backend.sql(statement), params).fetchall()
            return found
        except Exception:  # noqa: BLE001 - a file being made or moved; looked at anew next time
            self._open.pop(backend.path).close()
            return []


def worker_path(path: str, index: int) -> str:
    """The file of worker `index` (from 1) beside the main store's: `engine.db` → `engine-w1.db`."""
    plain = Path(path)
    return str(plain.with_name(f"{plain.stem}-w{index}{plain.suffix}"))


def kept_by(path: str, count: int) -> list[int]:
    """Workers of before, when there were more than now are wanted (`count`, the engine's own process among them), whose
    files hold messages: to be sent, to be known when they come again, to be looked at until their time is over."""
    found = []
    for file in [] if path.startswith(("postgresql:", "postgres:")) else worker_files(path):
        index = int(Path(file).stem.rpartition("-w")[2])
        if index >= count and _holds_messages(file):
            found.append(index)
    return sorted(found)


def _holds_messages(file: str) -> bool:
    """Whether a worker of before left messages. A file that cannot be read has some: its worker says what is wrong."""
    try:
        raw = SqliteBackend(file).reader()
    except Exception:  # noqa: BLE001 - whatever is wrong with it, its worker must say so
        return True
    try:
        return raw.execute("SELECT 1 FROM messages LIMIT 1").fetchone() is not None
    except Exception:  # noqa: BLE001 - likewise
        return True
    finally:
        raw.close()


def worker_files(path: str) -> list[str]:
    """The workers' files that exist."""
    plain = Path(path)
    return sorted(str(one) for one in plain.parent.glob(f"{plain.stem}-w[0-9]*{plain.suffix}"))
