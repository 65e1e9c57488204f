"""How fast the store takes settlements, against the bare floor of the disk.

    python bench/store_commit.py [--url sqlite path or postgresql://…] [--seconds 2]

Each unit is what a settlement's step stores: the new version with its sealed document, a leg, a call with its sealed
1 KB body and a line of history. `in flight` units wait at once; one writer thread commits them in groups.
"""

from __future__ import annotations

import argparse
import os
import platform
import queue
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import pysqlite3
from twisted.internet.defer import Deferred

from bench.disk_flush import flushes_a_second
from engine.core.world import World
from engine.saga.case import Case
from engine.saga.legs import Leg
from engine.store import Columns, Unit, Write, add_trail, insert_body, insert_call, insert_case, update_case, upsert_leg
from engine.store.open import open_store
from engine.store.sealing import Sealer

NOON = 1_795_000_000.0
NOISE = random.Random(7).randbytes
IN_FLIGHT = (1, 10, 50, 200)


class Never:
    """A timer of a clock that stands still."""

    def active(self) -> bool:
        return False


class Loop:
    """The least a World needs: real threads, and what they hand back runs in `until`."""

    def __init__(self) -> None:
        self.back: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def seconds(self) -> float:
        return NOON

    def callLater(self, delay: float, call: Callable[..., object], *args: object) -> Any:
        return Never()

    def callInThread(self, call: Callable[..., object], *args: object) -> None:
        threading.Thread(target=call, args=args, daemon=True).start()

    def callFromThread(self, call: Callable[..., object], *args: object) -> None:
        self.back.put((call, args))

    def until(self, ready: Callable[[], object]) -> None:
        while not ready():
            call, args = self.back.get(timeout=30)
            call(*args)

    def wait(self, done: Deferred[Any]) -> Any:
        got: list[Any] = []
        done.addBoth(got.append)
        self.until(lambda: got)
        return got[0]


def small_units() -> Iterator[Unit]:
    """One sealed body of 1 KB."""
    body = NOISE(512) + b"a settlement's text " * 26
    for n in range(1, 1 << 60):
        yield Unit("body", (insert_body(n, body[:1024]),))


def step_units() -> Iterator[Unit]:
    """The steps of settlements, 5 each."""
    body = NOISE(512) + b"a settlement's text " * 26
    items = [{"code": f"{i:06}", "name": "药品", "qty": "1.00", "amount": i} for i in range(20)]
    n = 0
    while True:
        n += 1
        no = f"S{n:020}"
        case = Case(no, "outpatient", "h" * 64, "kiosk", no, NOON, {"his": {"bill": {"items": items}}}, version=1)
        leg = Leg(1, "pay", "pay.code", f"N{n}", NOON)
        begin = (*insert_case(case, [f"B{n}"], Columns(NOON, id=n)), upsert_leg(no, leg, "wechat"))
        yield Unit("begin", begin)
        for step in range(4):
            case.version += 1
            id = n * 8 + step
            talk: dict[str, Any] = {"purpose": "do", "call": "c", "party": "wechat", "op": "o", "number": "n"}
            begun = insert_call(id, no=no, leg_id=1, started_at=NOON, request_body=id, **talk)
            writes: tuple[Write, ...] = (
                *update_case(case, Columns(NOON)), upsert_leg(no, leg, "wechat"),
                insert_body(id, body[:1024], no), begun, add_trail(id, no, NOON, "step", {"n": step}),
            )  # fmt: skip
            yield Unit("step", writes)


def rate(loop: Loop, url: str, units: Iterator[Unit], in_flight: int, seconds: float) -> tuple[float, float, float]:
    """(units a second, commits a second, CPU microseconds a unit)."""
    store = open_store(url, World(loop), b"m" * 32)
    loop.wait(store.start())
    state = {"flying": 0, "done": 0}
    began, cpu, batches = time.perf_counter(), time.process_time(), store.batches
    end = began + seconds

    def landed(done: Any) -> None:
        assert done.committed, done
        state["flying"] -= 1
        state["done"] += 1
        if time.perf_counter() < end:
            fly()

    def fly() -> None:
        state["flying"] += 1
        store.submit(next(units)).addCallback(landed)

    for _ in range(in_flight):
        fly()
    loop.until(lambda: not state["flying"])
    took, used = time.perf_counter() - began, time.process_time() - cpu
    batches = store.batches - batches
    loop.wait(store.stop())
    return state["done"] / took, batches / took, used / state["done"] * 1e6


def sealing() -> str:
    """Microseconds to seal and to open 1 KB."""
    parts = []
    for alg in ("aesgcm", "sm4gcm"):
        one = Sealer(b"m" * 32, NOISE, alg)
        one.load(one.missing(NOON))
        for name, data in (("text", (b"a settlement's text, number %d; " * 40)[:1024]), ("noise", NOISE(1024))):
            blob, rounds = one.seal("t.c", 1, data), 5000
            began = time.perf_counter()
            for _ in range(rounds):
                one.seal("t.c", 1, data)
            middle = time.perf_counter()
            for _ in range(rounds):
                one.unseal("t.c", 1, blob)
            end = time.perf_counter()
            parts.append(f"{alg} {name} {(middle - began) / rounds * 1e6:.1f}/{(end - middle) / rounds * 1e6:.1f}")
    return ", ".join(parts)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--url", default="")
    words.add_argument("--seconds", type=float, default=2.0)
    asked = words.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    print(f"{machine}, Python {platform.python_version()}, SQLite {pysqlite3.sqlite_version}")
    print(f"sealing 1 KB, us seal/open: {sealing()}")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR", ".")) as folder:
        bare = flushes_a_second(folder, asked.seconds)
        print(f"floor: {bare:,.0f} bare syncs/s")
        print(f"{'unit':<20}{'in flight':>10}{'units/s':>10}{'commits/s':>11}{'of floor':>10}{'CPU us/unit':>13}")
        for name, units in (("body 1 KB", small_units()), ("settlement step", step_units())):
            for in_flight in IN_FLIGHT:
                url = asked.url or os.path.join(folder, name.replace(" ", "_") + ".db")
                speed, commits, cpu = rate(Loop(), url, units, in_flight, asked.seconds)
                print(f"{name:<20}{in_flight:>10}{speed:>10,.0f}{commits:>11,.0f}{speed / bare:>10.2f}{cpu:>13.1f}")


if __name__ == "__main__":
    main()
