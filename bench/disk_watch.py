"""How long the disk takes for one bare flush while something is measured: what is slow then is told apart from it."""

from __future__ import annotations

import os
import tempfile
import threading
import time  # the wall's time: a real disk is measured here
from pathlib import Path
from types import TracebackType

EVERY = 0.1  # seconds between two flushes: ten a second among the engine's three hundred
BLOCK = bytes(4096)


class DiskWatch:
    """Flushes 4 KiB in a folder again and again, in a thread. `took` holds the milliseconds. Use as a context
    manager."""

    def __init__(self, folder: Path) -> None:
        self.took: list[float] = []
        self._folder, self._over = folder, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> DiskWatch:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        with tempfile.TemporaryFile(dir=self._folder) as file:
            while not self._over.wait(EVERY):
                began = time.perf_counter()
                os.pwrite(file.fileno(), BLOCK, 0)
                os.fdatasync(file.fileno())
                self.took.append((time.perf_counter() - began) * 1000)
