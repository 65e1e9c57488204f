"""How fast messages go through: MLLP in, 12 fields mapped, HTTP POST, reply stored; encryption on, an AA only after the
commit. Generator and sink are processes of their own and say their own ceilings. A whole run takes some minutes
and is kept in bench/results/deliver.*

BENCH_DIR=FOLDER puts the stores elsewhere (default: the system's folder for temporary files).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from bench.asked import asked_letters, first_line
from bench.awake import awake, why_not
from bench.bare_deliver import bare_relay
from bench.deliver_ward import DeliverWard
from bench.disk_flush import paced_flushes
from bench.engine_process import ROOT
from bench.report import Row, Verdict, busy, keep_as, machine, shares_of
from bench.slow_disk import slow_disk

Found = tuple[list[Row], list[Verdict]]
STORED = 1_000_000
ROUNDS = 5  # turns, of which the best is shown and the median judged
UNDELIVERED = 100_000
FLUSH_MS = 1.0
LONE_ROUNDS = 5  # of lone messages, of which the median is judged: a second's stall of the disk spoils a round
_OPEN: dict[str, Any] = {"connections": 64, "seconds": 8, "warm": 1}


def _load(ward: DeliverWard, case: str, what: str, **asked: Any) -> tuple[dict[str, Any], float, list[Row]]:
    """One measured run after a warm one: what the generator said, CPU µs a message, rows."""
    ward.load(**{**asked, "seconds": 2})
    ward.ask_sink("count")
    cpu = ward.cpu()
    said = ward.load(**asked)
    cpu = (ward.cpu() - cpu) / max(1, said["all"]) * 1e6
    spent = ward.ask_sink("cpu")["us"]
    there = ward.ask_sink("count")
    rate = said["acked"] / max(0.001, said["seconds"])
    wrong = f"odd {said['odd']}, unfinished {said['unfinished']}, twice {there['twice']}"
    good = not said["odd"] and not said["unfinished"] and not there["twice"] and there["count"] >= said["all"]
    rows = [
        Row(case, f"{what}: delivered", rate, "/s", "all arrived once" if good else wrong),
        Row(case, f"{what}: sender waits, p50 / p95 / p99", said["p50"], f"/ {said['p95']} / {said['p99']} ms"),
        Row(case, f"{what}: CPU a message, all threads", cpu, "µs",
            f"generator's own {said['cpu'] / max(1, said['all']) * 1e6:.0f} µs, "
            f"destination's {spent / max(1, there['count']):.0f} µs"),
    ]  # fmt: skip
    said["rate"], said["good"] = rate, good
    return said, cpu, rows


def one_process() -> Found:
    """One process as fast as it can, ack: delivered, 32 connections."""
    case = "f one process"
    with DeliverWard() as ward:
        ceiling = ward.load(stub=True, connections=32, seconds=3)
        ward.start()
        said, cpu, rows = _load(ward, case, "32 connections", connections=32, seconds=10, warm=1)
        rss = ward.rss(peak=True)
    most = ceiling["acked"] / ceiling["seconds"]
    rows += [Row(case, "generator alone", most, "/s"), Row(case, "memory, at most", rss, "MiB")]
    verdicts = [
        Verdict("≥ 4,000/s delivered by one process", f"{said['rate']:,.0f}/s", said["rate"] >= 4000),
        Verdict("≤ 250 µs CPU a message", f"{cpu:.0f} µs", cpu <= 250),
        Verdict("≤ 150 MiB", f"{rss:.0f} MiB", rss <= 150),
        Verdict("every message delivered once", str(said["good"]), bool(said["good"])),
    ]
    return rows, verdicts


def open_loops() -> Found:
    """Open loops: 2,000/s and 300/s, whatever the engine does."""
    case = "o open loop"
    with DeliverWard() as ward:
        ward.start()
        said, _, rows = _open_loop(ward, case, 2000)
        verdicts = [Verdict("p99 ≤ 10 ms at 2000/s", f"{said['p99']} ms", said["p99"] <= 10.0)]
        rows += _open_loop(ward, case, 300)[2]
        found = [_lone_rounds(ward, case, "", nullcontext)]
    if why_not():
        rows.append(Row(case, f"300/s, awake: yes: not measured, {why_not()}", 0.0, ""))
    else:
        with DeliverWard(awake=True) as ward:
            ward.start()
            found.append(_lone_rounds(ward, case, ", awake: yes", awake))
    for more, verdict in found:
        rows += more
        verdicts.append(verdict)
    return rows, verdicts


def _lone_rounds(
    ward: DeliverWard, case: str, how: str, condition: Callable[[], AbstractContextManager[None]]
) -> tuple[list[Row], Verdict]:
    """Lone messages in rounds, of which the median is judged."""
    rounds = [_lone(ward, condition) for _ in range(LONE_ROUNDS)]
    rows = [_rounds(case, how, "senders", rounds, 0), _rounds(case, how, "senders of a bare relay", rounds, 1)]
    above = sorted(engine["p99"] for engine, _ in rounds)[LONE_ROUNDS // 2]
    told = f"{above:.2f} ms, the median of {LONE_ROUNDS} rounds"
    return rows, Verdict(f"p99 ≤ 2 ms above the destination's own time at 300/s{how}", told, above <= 2.0)


Above = dict[str, float]  # p50, p95, p99: milliseconds above the destination's own median


def _lone(ward: DeliverWard, condition: Callable[[], AbstractContextManager[None]]) -> tuple[Above, Above]:
    """One round at 300/s: what senders wait above the destination's own median, for the engine and for a relay that
    keeps, sends, keeps and acknowledges, and does nothing else. `condition`: of all but the engine, which sees to it
    itself from the second second on."""
    engine = ward.load(**{**_OPEN, "warm": 3}, rate=300)
    with condition():
        with bare_relay(ward) as port:
            bare = ward.load(**_OPEN, rate=300, port=port)
        own = ward.load(**{**_OPEN, "seconds": 3}, rate=300, post=True)
    first, second = ({name: said[name] - own["p50"] for name in ("p50", "p95", "p99")} for said in (engine, bare))
    return first, second


def _rounds(case: str, how: str, who: str, rounds: list[tuple[Above, Above]], which: int) -> Row:
    """The medians of all rounds, and each one's p99."""
    of = [one[which] for one in rounds]
    middle = {name: round(sorted(one[name] for one in of)[len(of) // 2], 3) for name in of[0]}
    row = _times(case, f"300/s{how}: what {who} wait above the destination's own median", middle)
    return replace(row, floor="p99 of each round: " + ", ".join(f"{one['p99']:.2f}" for one in of))


def _open_loop(ward: DeliverWard, case: str, rate: int) -> tuple[dict[str, Any], float, list[Row]]:
    """A rate of messages, beside what its two ends and the disk take by themselves."""
    ward.ask_sink("note")
    said, cpu, rows = _load(ward, case, f"{rate}/s", **_OPEN, rate=rate, each=True)
    inside = ward.ask_sink("noted")
    rows.append(_times(case, f"{rate}/s: generator and network alone", ward.load(**_OPEN, rate=rate, stub=True)))
    own = ward.load(**_OPEN, rate=rate, post=True)
    rows.append(_times(case, f"{rate}/s: the destination's own time", own))
    rows += _paired(case, f"{rate}/s", said, inside, own)
    flush = paced_flushes(ward.folder, 2 * rate)
    rows.append(_times(case, f"{rate}/s: a bare flush of the disk, two a message", flush))
    return said, cpu, rows


def _paired(case: str, rate: str, said: dict[str, Any], inside: dict[str, float], own: dict[str, Any]) -> list[Row]:
    """What a message waits above the destination, told in two other ways than the verdict's: message by message, and
    each share of the senders' waits less the same share of the destination's own time."""
    above = [took - inside[number] for number, took in said["times"].items() if number in inside]
    each, there = shares_of(above), shares_of(list(inside.values()))
    told = f"{len(above)} of {said['acked']}; read to answered there: {' / '.join(map(str, there.values()))} ms"
    rank = {name: round(said[name] - own[name], 3) for name in each}
    row = _times(case, f"{rate}: each message's wait less its own time at the destination", each)
    return [
        replace(row, floor=told),
        _times(case, f"{rate}: senders' wait less the destination's own time, share by share", rank),
    ]


def _times(case: str, what: str, own: dict[str, Any]) -> Row:
    return Row(case, f"{what}, p50 / p95 / p99", own["p50"], f"/ {own['p95']} / {own['p99']} ms")


def slow_flush() -> Found:
    """A disk that takes 1 ms for each flush: what a batch shares, a message hardly notices."""
    case = "d slow disk"
    with slow_disk(FLUSH_MS) as library:
        if not library:
            return [Row(case, "no C compiler here: not measured", 0.0, "/s")], []
        with DeliverWard(preload=library) as ward:
            ward.start()
            what = f"{FLUSH_MS:.0f} ms a flush, 32 connections"
            said, _, rows = _load(ward, case, what, connections=32, seconds=8, warm=1)
    return rows, [Verdict("≥ 4,000/s with a flush of 1 ms", f"{said['rate']:,.0f}/s", said["rate"] >= 4000)]


def two_processes() -> Found:
    """Two processes behind one door (spread), 64 connections."""
    case = "s two processes"
    with DeliverWard(spread=True) as ward:
        ward.start()
        said, _, rows = _load(ward, case, "64 connections", connections=64, seconds=10, warm=1)
        rows.append(Row(case, "memory of both, at most", ward.rss(peak=True), "MiB"))
    return rows, [Verdict("≥ 7,000/s delivered by two processes", f"{said['rate']:,.0f}/s", said["rate"] >= 7000)]


def slow_destination() -> Found:
    """A destination that takes 100 ms, 1,000 connections: waiting costs nothing."""
    case = "w 100 ms destination"
    with DeliverWard(window=1000) as ward:
        ward.start()
        ward.ask_sink("delay/100")
        said, _, rows = _load(ward, case, "1,000 connections", connections=1000, seconds=10, warm=2)
    return rows, [Verdict("≥ 5,000/s at a 100 ms destination", f"{said['rate']:,.0f}/s", said["rate"] >= 5000)]


def _fill(ward: DeliverWard, count: int, *, undelivered: bool) -> None:
    subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "bench.deliver_fill", str(ward.folder), str(count), "open" if undelivered else "done"],
        cwd=ROOT, check=True,
    )  # fmt: skip


def a_million_stored() -> Found:
    """An empty store and one of 1,000,000 messages, turn about: the machine's mood is the same for both."""
    case = "m stored messages"
    found: dict[str, tuple[float, list[Row]]] = {}
    shares = []
    with DeliverWard() as empty, DeliverWard() as full:
        full.start()
        full.stop()
        _fill(full, STORED, undelivered=False)
        wards = {"store empty": empty, f"{STORED:,} stored": full}
        for ward in wards.values():
            ward.start()
        for _ in range(ROUNDS):
            rates = []
            for what, ward in wards.items():
                said, _, rows = _load(ward, case, what, connections=32, seconds=4)
                rates.append(said["rate"])
                if said["rate"] > found.get(what, (0.0, rows))[0]:
                    found[what] = said["rate"], rows
            shares.append(rates[1] / max(1.0, rates[0]))
    share = sorted(shares)[len(shares) // 2]
    rows = [row for _, best in found.values() for row in best]
    text = f"{share:.0%}, the median of {', '.join(f'{one:.0%}' for one in shares)}"
    return rows, [Verdict("no slower at 1,000,000 stored (≥ 90 %)", text, share >= 0.9)]


def recovery() -> Found:
    """A start with 100,000 undelivered messages and a destination that is away."""
    case = "r recovery"
    with DeliverWard() as ward:
        ward.start()
        ward.stop()
        _fill(ward, UNDELIVERED, undelivered=True)
        ward.ask_sink("fail/1")
        ward.start()
        opened, rss = ward.started_in, ward.rss(peak=True)
        ward.ask_sink("count")
        ward.ask_sink("fail/0")
        began = time.perf_counter()
        count = 0
        while count < UNDELIVERED and time.perf_counter() - began < 180:
            time.sleep(1)  # noqa: TID251 - the measured stretch
            count += ward.ask_sink("count")["count"]
        took = time.perf_counter() - began
        peak = ward.rss(peak=True)
    rows = [
        Row(case, f"doors open, {UNDELIVERED:,} undelivered", opened, "s"),
        Row(case, "memory then / at most", rss, f"/ {peak:.0f} MiB"),
        Row(case, "drained", count / took, "/s", f"{count:,} in {took:.0f} s"),
    ]
    return rows, [
        Verdict("100,000 undelivered: doors open ≤ 10 s", f"{opened:.1f} s", opened <= 10),
        Verdict("100,000 undelivered: ≤ 300 MiB", f"{peak:.0f} MiB", peak <= 300),
    ]


CASES: dict[str, Callable[[], Found]] = {
    "f": one_process, "o": open_loops, "d": slow_flush, "s": two_processes, "w": slow_destination,
    "m": a_million_stored, "r": recovery,
}  # fmt: skip


def main(asked: str) -> int:
    """Run the cases asked for; 1 when a target is not met. A whole run is kept in bench/results/deliver.*"""
    about = {**machine(), "load_before": busy()}
    rows: list[Row] = []
    verdicts: list[Verdict] = []
    for name in asked or CASES:
        print(f"{name} …", flush=True)
        found, judged = CASES[name]()
        for row in found:
            print(f"   {row.what}: {row.figure:.2f} {row.unit}  {row.floor}", flush=True)
        rows += found
        verdicts += judged
    text = keep_as("deliver", rows, verdicts, about, write=not asked)
    print("\n" + text)
    return 0 if all(one.met for one in verdicts) else 1


if __name__ == "__main__":
    letters = asked_letters("bench.deliver", __doc__, {name: first_line(run) for name, run in CASES.items()})
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(letters))
