"""A process that keeps storing and tells of each commit, until somebody kills it: `-m store.worker PATH FIRST COUNT`.

Prints `ack N` for each unit whose commit was acknowledged, `fatal REASON` when the store died, `start REASON` when it
did not open, `end` when all is done and closed.
"""

from __future__ import annotations

import os
import sys

from engine.core.world import World
from engine.store import CannotStart, Unit, Write, insert_body
from engine.store.open import open_store

from .loop import MASTER, Loop

IN_FLIGHT = 20


def say(text: str) -> None:
    os.write(1, (text + "\n").encode())


def main(path: str, first: int, count: int) -> int:
    loop = Loop()
    store = open_store(path, World(loop), MASTER)
    fatal: list[str] = []
    store.on_fatal = fatal.append
    try:
        loop.wait(store.start())
    except CannotStart as no:
        say(f"start {no}")
        return 3
    say("open")
    flying: set[int] = set()
    for n in range(first, first + count):
        loop.until(lambda: len(flying) < IN_FLIGHT or fatal)
        if fatal:
            break
        flying.add(n)
        writes = (Write("counter_open", {"name": f"n{n}", "value": n}, 1), insert_body(n, b"%d" % n * 300))
        done = store.submit(Unit("n", writes))
        done.addCallback(lambda d, n=n: (flying.discard(n), say(f"ack {n}")) if d.committed else say(f"no {n}"))
        done.addErrback(lambda f, n=n: say(f"error {n} {f.type.__name__}"))
    loop.until(lambda: not flying or fatal)
    if fatal:
        loop.until(lambda: True)
        say(f"fatal {fatal[0]}")
        return 1
    loop.wait(store.stop())
    say("end")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
