"""What the disk takes for a bare flush, a page of 4 KiB written and fdatasync: alone, at a given pace, and while
something else is measured. The floor of whatever is on the disk before it is answered."""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time  # the wall's time: a real disk is measured here
from pathlib import Path
from types import TracebackType

from bench.report import shares_of

PAGES = 256
PAGE = random.Random(7).randbytes(4096)  # what does not compress
EVERY = 0.1  # seconds between two flushes of a watch: ten a second among the engine's three hundred


class BareFlush:
    """A file of fixed size in a folder, written all through at the start, page after page once more with each call. It
    goes with the context."""

    def __init__(self, folder: str | Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        self._next = 0

    def __enter__(self) -> BareFlush:
        self._file.write(PAGE * PAGES)
        self._file.flush()
        os.fsync(self._file.fileno())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def __call__(self) -> float:
        """Milliseconds of one."""
        began, place = time.perf_counter(), self._file.fileno()
        os.pwrite(place, PAGE, self._next % PAGES * len(PAGE))
        os.fdatasync(place)
        self._next += 1
        return (time.perf_counter() - began) * 1000


def flushes_a_second(folder: str | Path, seconds: float) -> float:
    """One after the other."""
    with BareFlush(folder) as flush:
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            flush()
            count += 1
        return count / (time.perf_counter() - began)


def paced_flushes(folder: str | Path, rate: float, seconds: float = 3.0) -> dict[str, float]:
    """Milliseconds (p50, p95, p99) of one, so many a second."""
    took = []
    with BareFlush(folder) as flush:
        for _ in range(int(rate * seconds)):
            time.sleep(1 / rate)  # noqa: TID251 - the pace
            took.append(flush())
    return shares_of(took)


class DiskWatch:
    """Flushes in a folder again and again, in a thread, while something is measured. `took` holds the milliseconds. Use
    as a context manager."""

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
        with BareFlush(self._folder) as flush:
            while not self._over.wait(EVERY):
                self.took.append(flush())
