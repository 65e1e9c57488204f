"""When to try again: pure decisions, tested as a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds: `first`, then each `factor` times longer up to `cap`; `spread` of it is random."""

    first: float = 5.0
    factor: float = 2.0
    cap: float = 60.0
    spread: float = 0.1

    def delay(self, tries: int, jitter: float) -> float:
        """Seconds to wait after `tries` (≥ 1) tries; `jitter` in [0, 1) is drawn by the caller."""
        plain = min(self.cap, self.first * self.factor ** min(tries - 1, 30))
        return plain * (1.0 + self.spread * jitter)
