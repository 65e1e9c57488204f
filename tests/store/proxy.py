"""A wire between the engine and its PostgreSQL that a test cuts where it wants."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

COMMIT = b"COMMIT"  # as it is written until the statement is prepared, which it is the third time
KEY = b"K\0\0\0\x0c"  # before the number of the process that serves a connection


class Wire:
    """Takes connections on a port of this machine and hands their bytes on to the server's socket.

    `before` and `after`: the connection that sends a commit is cut before the server hears of it, or when it has
    answered and nobody has read that. `dumb`: nothing is handed on any more, and nothing is closed; `dumb_at_commit`:
    from the next commit on. `pooler`: the engine is told another process than the one that serves it.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._server = str(Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self.before = self.after = self.dumb = self.dumb_at_commit = self.pooler = False
        self.passed = threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def close(self) -> None:
        """Cut everything."""
        self._listener.close()
        for one in self._open:
            _shut(one)

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._server)
                self._open += [near, far]
                cut = threading.Event()
                threading.Thread(target=self._there, args=(near, far, cut), daemon=True).start()
                threading.Thread(target=self._back, args=(near, far, cut), daemon=True).start()

    def _there(self, near: socket.socket, far: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while data := near.recv(1 << 16):
                commits = COMMIT in data
                self.dumb = self.dumb or (commits and self.dumb_at_commit)
                if self.dumb:
                    self.passed.set()
                    continue
                if commits and self.before:
                    break
                if commits and self.after:
                    cut.set()
                far.sendall(data)
        if not self.dumb:
            _shut(near, far)

    def _back(self, near: socket.socket, far: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while data := far.recv(1 << 16):
                if cut.is_set():
                    break
                at = data.find(KEY) + len(KEY)
                if self.pooler and at >= len(KEY):
                    data = data[:at] + b"\0\0\0\x01" + data[at + 4 :]
                if not self.dumb:
                    near.sendall(data)
        if not self.dumb:
            _shut(near, far)


def _shut(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
