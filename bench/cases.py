"""The cases: one engine process, fast parties, terminals. Each returns rows and verdicts and stops what it began."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from bench import floors
from bench.disk_flush import DiskWatch
from bench.engine_process import ROOT
from bench.report import Row, Verdict
from bench.ward import Ward

TERMINALS = 64
INSURANCE_CALLS = 8  # of an insured settlement: 1101, 5302, 5303, 2201, 2203A, 2204, 2206A, 2207A
OPEN = 5000

Found = tuple[list[Row], list[Verdict]]


def at(times: Sequence[float], share: float) -> float:
    """A percentile; 0 when there is nothing."""
    ordered = sorted(times)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else 0.0


def _starved(waited: float, took: float) -> str:
    """How far a figure is the machine's and not the engine's."""
    return f"the reactor waited {waited / took:.0%} of the time for a core"


def _upper(times: Sequence[float]) -> str:
    return f"/ {at(times, 0.95):.0f} / {at(times, 0.99):.0f} ms"


def _fine(times: Sequence[float]) -> str:
    return f"/ {at(times, 0.95):.2f} / {at(times, 0.99):.2f} ms"


def odd(load: dict[str, Any]) -> str:
    """What did not end settled, in words; "" when all did."""
    words = [f"{count} × {word}" for word, count in load["odd"].items()]
    if load["unfinished"]:
        words.append(f"{load['unfinished']} unfinished")
    return ", ".join(words)


def all_settled(case: str, *loads: dict[str, Any]) -> list[Verdict]:
    """A figure counts only when every settlement of the run was settled."""
    wrong = "; ".join(filter(None, map(odd, loads)))
    count = sum(load["all"] for load in loads)
    return [Verdict(f"{case}: every settlement begun is settled", wrong or f"all {count}", not wrong)]


def rate_of_one_process(bare: float) -> Found:
    """Settlements a second by one process while its terminals never pause."""
    case = "a one process"
    with Ward() as ward:
        ceiling = ward.load(stub=True, terminals=TERMINALS, seconds=2)
        ward.start()
        warm = ward.load(terminals=TERMINALS, seconds=3)
        ward.held()
        cpu, units, speed = ward.cpu(), ward.metric("engine_units_total"), floors.speed()
        began, (ran, waited) = time.perf_counter(), ward.reactor()
        load = ward.load(terminals=TERMINALS, seconds=12)
        took = time.perf_counter() - began
        cpu, units = ward.cpu() - cpu, ward.metric("engine_units_total") - units
        ran, waited = ward.reactor()[0] - ran, ward.reactor()[1] - waited
        calls = sum(ward.held()["ops"].values())
        rss = ward.rss(peak=True)
    rate, most, count = load["settled"] / load["seconds"], ceiling["settled"] / ceiling["seconds"], max(1, load["all"])
    times = [ms for _, ms in load["times"]]
    each = cpu / count * 1000
    carried = count / max(ran, 0.001)
    rows = [
        Row(case, f"settled, {TERMINALS} terminals", rate, "/s", f"generator alone {most:,.0f}/s", rate / most),
        Row(case, "CPU a settlement, all threads", each, "ms", f"an empty loop: {speed:.0f} M steps/s"),
        Row(case, "its reactor ran", ran / took, "of the time", f"ready, others had the cores: {waited / took:.2f}"),
        Row(case, "settled a second that its reactor ran", carried, "/s", "what a core of its own would carry"),
        Row(case, "units kept a settlement", units / count, "", f"flush floor allows {bare:,.0f} commits/s alone"),
        Row(case, "calls a settlement", calls / count, ""),
        Row(case, "terminal sees, p50 / p95 / p99", at(times, 0.5), _upper(times)),
        Row(case, "generator's CPU a settlement", load["cpu"] / count * 1000, "ms"),
        Row(case, "memory, at most", rss, "MiB"),
    ]
    verdicts = [
        Verdict("≥ 100 settlements/s by one process", f"{rate:.0f}/s; {_starved(waited, took)}", rate >= 100),
        *all_settled(case, warm, load),
    ]
    return rows, verdicts


def open_loop() -> Found:
    """20 a second, whatever the engine does; parties that take their time, which is taken off again.

    The engine's own share of a settlement is what its terminal waited, from the instant at which it was due to begin to
    the answer `settled`, less two things:

    * what its own 13 calls spent inside the parties. They note that in this very run and under this load, request by
      request, from the last byte read to the answer written. The network, the disk, both requests of the terminal, and
      whatever else the machine does meanwhile stay in;
    * the median of a bare caller that afterwards makes the same 13 calls to the same parties at the same rate and does
      nothing else: what two kernels' ends of a connection and the waking of idle processors cost anybody. The median,
      so that what is rare stays in.

    Beside it stands what a bare flush of the same disk took meanwhile: each of the fifteen units waits for one.
    """
    case, rate, seconds = "b open loop", 20.0, 20.0
    delays = {"his": 0.03, "insurance": 0.15, "wechat": 0.1, "einvoice": 0.1}
    with Ward() as ward:
        ward.start()
        warm = ward.load(terminals=16, seconds=2)
        ward.tell_parties(delays=delays)
        ward.held()
        cpu, units = ward.cpu(), ward.metric("engine_units_total")
        began, (_, waited) = time.perf_counter(), ward.reactor()
        with DiskWatch(ward.folder) as disk:
            load = ward.load(terminals=300, rate=rate, seconds=seconds, warm=2)
        took, waited = time.perf_counter() - began, ward.reactor()[1] - waited
        cpu, units = ward.cpu() - cpu, ward.metric("engine_units_total") - units
        held = ward.held()["held"]
        bare = _bare_calls(ward, rate)
    total = [ms for _, ms in load["times"]]
    own = [ms - held.get(str(number), 0.0) * 1000 for number, ms in load["times"]]
    floor = at(bare, 0.5)
    parties = sum(held.values()) / max(1, len(held)) * 1000
    rows = [
        Row(case, f"begun at {rate:.0f}/s, settled", load["settled"] / load["seconds"], "/s"),
        Row(case, "terminal sees, p50 / p95 / p99", at(total, 0.5), _upper(total), f"parties {parties:.0f} ms"),
        Row(case, "without the parties, p50 / p95 / p99", at(own, 0.5), _upper(own),
            f"13 calls, {units / max(1, load['all']):.1f} units kept"),
        Row(case, "CPU a settlement, all threads", cpu / max(1, load["all"]) * 1000, "ms"),
        Row(case, "a bare caller of the same 13, p50 / p95 / p99", floor, _upper(bare), "the network and the machine"),
        Row(case, "a bare flush meanwhile, p50 / p95 / p99", at(disk.took, 0.5), _fine(disk.took),
            f"{len(disk.took)} of 4 KiB; the worst {max(disk.took, default=0.0):.1f} ms"),
    ]
    verdicts = [
        Verdict(
            "20/s open loop: the engine's own share, p99 ≤ 50 ms",
            f"{at(own, 0.99) - floor:.1f} ms: {at(own, 0.99):.1f} less the bare caller's median {floor:.1f}; "
            f"{_starved(waited, took)}",
            at(own, 0.99) - floor <= 50,
        ),
        *all_settled(case, warm, load),
    ]
    return rows, verdicts


CALLS = ("his", "his", *("insurance",) * 7, "wechat", "insurance", "his", "einvoice")


def _bare_calls(ward: Ward, rate: float) -> list[float]:
    """Milliseconds beyond the parties' of chains of the same calls at the same rate, by a caller that does nothing."""
    asked = {"ports": ward.ports, "chain": CALLS, "rate": rate, "seconds": 8}
    said = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "bench.relay", json.dumps(asked)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    found, held = json.loads(said.stdout), ward.held()["held"]
    assert len(found["times"]) >= found["begun"] - 1, f"{len(found['times'])} of {found['begun']} chains ended"
    return [ms - held[str(number)] * 1000 for number, ms in found["times"]]


def slow_insurance() -> Found:
    """200 terminals, an insurance that takes 1 s a call, a window of 160: how near its bound, how late the reactor.

    The bound: each settlement makes 8 calls of 1 s there, so a window of W calls carries W/8 a second."""
    case, terminals, window, seconds = "c slow insurance", 200, 160, 16.0
    bound = window / INSURANCE_CALLS
    with Ward({"nhsa": window}) as ward:
        ward.start("bench.probed")
        warm = ward.load(terminals=16, seconds=2)
        ward.tell_parties(delays={"insurance": 1.0})
        assert ward.engine is not None
        process = ward.load_begin(terminals=terminals, seconds=seconds + 5)
        time.sleep(5)  # noqa: TID251 - the first wave has spread
        ward.held()
        ward.engine.send_signal(signal.SIGUSR1)
        began, cpu = time.perf_counter(), ward.cpu()
        time.sleep(seconds - 1)  # noqa: TID251 - the measured stretch
        took, cpu = time.perf_counter() - began, ward.cpu() - cpu
        ops = ward.held()["ops"]
        ward.tell_parties(delays={"insurance": 0.0})
        said, _ = process.communicate(timeout=120)
        load = json.loads(said)
        lag = json.loads(ward.stop().strip().splitlines()[-1])
    calls = sum(count for op, count in ops.items() if op[:1].isdigit())
    rate = calls / INSURANCE_CALLS / took
    rows = [
        Row(case, f"{terminals} at once, window {window}", rate, "/s", f"bound {window} / 8 s {bound}/s", rate / bound),
        Row(case, "reactor's lag, p50 / p99 / worst", lag["p50"], f"/ {lag['p99']} / {lag['worst']} ms",
            f"{lag['samples']} samples of a 5 ms timer"),
        Row(case, "of a core used", cpu / took, ""),
    ]  # fmt: skip
    verdicts = [
        Verdict("200 at once, 1 s insurance: ≥ 90 % of the windows' bound", f"{rate / bound:.0%}", rate / bound >= 0.9),
        *all_settled(case, warm, load),
    ]
    return rows, verdicts


def recovery() -> Found:
    """A crash with 5,000 settlements whose insurance settlement was sent and not answered."""
    case = "d recovery"
    with Ward() as ward:
        ward.tell_parties(hold=["2207A"])
        ward.start()
        process = ward.load_begin(terminals=1, seconds=1, limit=1)
        time.sleep(3)  # noqa: TID251 - it comes as far as its 2207A
        ward.kill()
        process.kill()
        process.communicate()
        filled = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "bench.prefill", str(ward.folder), str(OPEN)], cwd=ROOT, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        ward.tell_parties(hold=[], settled=json.loads(filled.stdout))
        ward.held()
        began = time.perf_counter()
        ward.start()
        doors, rss = ward.started_in, ward.rss()
        time.sleep(20)  # noqa: TID251 - the measured stretch
        took = time.perf_counter() - began - doors
        ops = ward.held()["ops"]
        done, peak = ops.get("invoiceEBillOutpatient", 0), ward.rss(peak=True)
        again = ops.get("2207A", 0) + ops.get("micropay", 0)
    rows = [
        Row(case, f"doors open, {OPEN:,} open settlements", doors, "s"),
        Row(case, "memory then / at most while draining", rss, f"/ {peak:.0f} MiB"),
        Row(case, "drained: asked, booked, invoiced", done / took, "/s", f"all in {OPEN * took / max(1, done):.0f} s"),
    ]
    verdicts = [
        Verdict("5,000 open: doors open ≤ 10 s", f"{doors:.1f} s", doors <= 10),
        Verdict("5,000 open: memory ≤ 300 MiB", f"{max(rss, peak):.0f} MiB", max(rss, peak) <= 300),
        Verdict("nothing paid or settled twice while draining", f"{again} sent again", again == 0 and done > 0),
    ]
    return rows, verdicts
