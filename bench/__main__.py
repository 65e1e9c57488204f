"""What the engine does and what the machine allows, in one table. Under six minutes, loopback only; only a whole run is
kept, in bench/results/latest.*

BENCH_DIR=FOLDER puts the stores elsewhere (default: the system's folder for temporary files).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable

from bench import cases, floors, soap
from bench.asked import asked_letters, first_line
from bench.report import Row, Verdict, busy, keep, machine, markdown

CASES = {
    "e": "floors: crypto, maps, JSON, SOAP, HTTP (the disk's and the store's are always measured)",
    "a": first_line(cases.rate_of_one_process), "b": first_line(cases.open_loop),
    "c": first_line(cases.slow_insurance), "d": first_line(cases.recovery),
}  # fmt: skip


def main(asked: str) -> int:
    """Run the cases asked for; 1 when a target is not met."""
    about = {**machine(), "load_before": busy()}
    began = time.perf_counter()
    bare, rows = floors.disk(os.environ.get("BENCH_DIR", tempfile.gettempdir()))
    verdicts: list[Verdict] = []
    runs: dict[str, Callable[[], cases.Found]] = {
        "e": lambda: (rows_of_parts(), []),
        "a": lambda: cases.rate_of_one_process(bare),
        "b": cases.open_loop,
        "c": cases.slow_insurance,
        "d": cases.recovery,
    }
    for name in asked or CASES:
        print(f"{time.perf_counter() - began:5.0f} s  {name} …", flush=True)
        found, judged = runs[name]()
        for row in found:
            print(f"         {row.what}: {row.figure:.2f} {row.unit}  {row.floor}", flush=True)
        rows += found
        verdicts += judged
    about["seconds"] = round(time.perf_counter() - began)
    text = markdown(rows, verdicts, about) if asked else keep(rows, verdicts, about)
    print("\n" + text)
    for one in verdicts:
        print(f"{'met    ' if one.met else 'NOT MET'}  {one.target}: {one.found}")
    return 0 if all(one.met for one in verdicts) else 1


def rows_of_parts() -> list[Row]:
    """The floors that need no disk."""
    return [*floors.parts(), *soap.rows(), *floors.http()]


if __name__ == "__main__":
    sys.exit(main(asked_letters("bench", __doc__, CASES)))
