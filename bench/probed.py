"""`engine run`, with its reactor watched: how late a timer fires that should fire every 5 ms.

    python -m bench.probed run --root FOLDER

After the end it prints one JSON line: samples since the last SIGUSR1, p50, p95, p99 and the worst lag in milliseconds;
under `idle` the same of the stretch between the last two SIGUSR2, or since the start. With the environment variable
BENCH_PROFILE=FILE the reactor's thread is profiled (cProfile) from the first signal SIGUSR1 to the second; with
BENCH_UNSIGNED=1 the engine's SM2 costs nothing and proves nothing (for parties that do not look: bench.fast_mobile).
"""

from __future__ import annotations

import cProfile
import json
import os
import signal
from time import perf_counter, thread_time

from bench.lean import NET
from engine.cli.main import main
from engine.codecs.gm import sm2

EVERY = 0.005


class Lag:
    """Samples since SIGUSR1 (or the start)."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.idle: dict[str, float] = {}
        self._due = 0.0
        self._profile: cProfile.Profile | None = None

    def start(self) -> None:
        self._due = perf_counter() + EVERY
        NET.callLater(EVERY, self._beat)

    def _beat(self) -> None:
        now = perf_counter()
        self.late.append(max(0.0, now - self._due))
        self.start()

    def marked(self, *_: object) -> None:
        """From here on."""
        self.late.clear()
        path = os.environ.get("BENCH_PROFILE")
        if path and self._profile is None:
            self._profile = cProfile.Profile(thread_time)
            self._profile.enable()
        elif path and self._profile is not None:
            self._profile.disable()
            self._profile.dump_stats(path)

    def rested(self, *_: object) -> None:
        """Until here it had nothing to do."""
        self.idle = self._seen()
        self.late.clear()

    def said(self) -> str:
        return json.dumps({**self._seen(), "idle": self.idle})

    def _seen(self) -> dict[str, float]:
        late = sorted(self.late) or [0.0]

        def at(share: float) -> float:
            return round(late[min(len(late) - 1, int(len(late) * share))] * 1000, 2)

        return {"samples": len(late), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "worst": at(1.0)}


def unsigned() -> None:
    """SM2 as it were for nothing: the floor of what signs by it."""
    sm2.sign = lambda *_: bytes(64)  # it signs nothing
    sm2.verify = lambda *_: True  # and believes everything


if __name__ == "__main__":
    lag = Lag()
    if os.environ.get("BENCH_UNSIGNED"):
        unsigned()
    NET.callWhenRunning(lag.start)
    signal.signal(signal.SIGUSR1, lag.marked)
    signal.signal(signal.SIGUSR2, lag.rested)
    try:
        main()
    finally:
        print(lag.said(), flush=True)
