"""Fill a deliver ward's store as a year of messages leaves it, with the store's own functions.

    python -m bench.deliver_fill FOLDER COUNT done|open
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from bench.deliver_load import MESSAGE
from bench.ward import SECRET
from engine.core.world import World
from engine.runtime.deliver import index_of
from engine.runtime.deliver_message import digest_of
from engine.store.contract import Unit
from engine.store.many import ManyRows
from engine.store.messages import keep_chunk, take_in
from engine.store.open import open_store

GROUP = 64


class _Now:
    """A reactor that only tells the time: everything is done inline."""

    def __init__(self) -> None:
        import time

        self.seconds = time.time  # noqa: TID251 - a program of its own

    def callLater(self, delay: float, call: Any, *args: Any) -> Any:
        class _Call:
            def active(self) -> bool:
                return False

            def cancel(self) -> None: ...

        return _Call()


def main(folder: Path, count: int, state: str) -> None:
    """Write the messages; those `open` have a row in the outbox."""
    world = World(_Now(), inline=True)  # type: ignore[arg-type]  # no threads are asked of it
    store = open_store(str(folder / "var/engine.db"), world, SECRET.encode())
    store.start()
    now = world.now() - 86_400.0
    first = int(now * 1000 - count) << 12
    for base in range(0, count, GROUP):
        rows, pieces, outbox, attempts, start = [], [], [], [], 0
        chunk = first + (base << 12)
        for n in range(base, min(base + GROUP, count)):
            number = first + (n << 12)
            control = f"OLD{n}"
            patient = index_of(store.sealer, "patient", f"P{n % 100_000:06d}")
            body = (MESSAGE % {"no": control, "patient": f"{n % 100_000:06d}"}).encode()
            rows.append((
                number, "bench_events", "hl7 NHIS^MAIN", control, "ADT^A01", 0, 1, digest_of(body), patient,
                index_of(store.sealer, "visit", control), now, chunk, start, len(body), state, "AA",
                now if state == "done" else 0.0,
            ))  # fmt: skip
            pieces.append(body)
            start += len(body)
            if state == "open":
                outbox.append((number, "sink", "bench_events", "sink", patient, "ready", 0, 0.0, ""))
            else:
                attempts.append((number + 1, number, "sink", now, 0.001, "accepted", "200", 0, 0, 0, 0))
        writes: list[Any] = [keep_chunk(chunk, rows[-1][0], pieces), take_in(rows)]
        writes.append(ManyRows("outbox_insert", outbox) if outbox else ManyRows("attempts_insert", attempts))
        store.submit(Unit("fill", tuple(writes)))
    store.stop()


if __name__ == "__main__":
    os.nice(5)
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
