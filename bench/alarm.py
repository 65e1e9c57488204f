"""An alarm to the microsecond. The reactor's own timers wait whole milliseconds, and an open loop that begins each
message up to a millisecond late would count that against what it measures."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

from bench.lean import NET

_MONOTONIC, _ABSOLUTE = 1, 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Setting(ctypes.Structure):
    """The kernel's `itimerspec`: every so often, and when first."""

    _fields_ = (("every", ctypes.c_long * 2), ("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class Alarm:
    """Calls `ring` at the instants given with `at` (of `time.perf_counter`), one at a time. OSError without timerfd."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._file: int = _LIBC.timerfd_create(_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        NET.addReader(self)

    def at(self, instant: float) -> None:
        """Ring then; at once when it is over. An earlier setting that has not rung is forgotten."""
        whole = max(1, int(instant * 1e9))
        setting = _Setting(seconds=whole // 10**9, nanoseconds=whole % 10**9)
        if _LIBC.timerfd_settime(self._file, _ABSOLUTE, ctypes.byref(setting), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    # What the reactor asks of a reader

    def fileno(self) -> int:
        return self._file

    def doRead(self) -> None:
        try:
            os.read(self._file, 8)
        except BlockingIOError:
            return
        self._ring()

    def connectionLost(self, reason: object) -> None:
        os.close(self._file)

    def logPrefix(self) -> str:
        return "alarm"
