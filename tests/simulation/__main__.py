"""The farm: `python -m tests.simulation --seeds 0:1000 [--trace] [--minutes M]`; `--seed N --trace` replays one.

Prints every seed that fails with its flaws, some progress, and at the end `N passed, M failed`. Failing seeds are
added to `tests/simulation/regress.txt`, which the suite plays first, for ever. Exit 0: none failed, 1: some did,
2: wrong use.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from tests.simulation.world import Verdict, play

REGRESS = Path(__file__).with_name("regress.txt")


def regress() -> list[int]:
    """The seeds that once failed."""
    lines = REGRESS.read_text().splitlines() if REGRESS.exists() else []
    return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


def remember(seed: int, why: str) -> None:
    """Keep a failing seed."""
    if seed not in regress():
        with REGRESS.open("a", encoding="utf-8") as file:
            file.write(f"{seed} {why.splitlines()[-1][:120] if why else ''}\n")


def main(arguments: list[str]) -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", metavar="A:B", help="from A up to, not including, B")
    parser.add_argument("--trace", action="store_true", help="print what happened in each seed")
    parser.add_argument("--minutes", type=float, default=0.0, help="stop after so many minutes")
    parser.add_argument("--forget", action="store_true", help="do not write failing seeds to regress.txt")
    chosen = parser.parse_args(arguments)
    if chosen.seed is not None:
        seeds = range(chosen.seed, chosen.seed + 1)
    else:
        first, _, last = (chosen.seeds or "0:100").partition(":")
        if not (first.isdigit() and last.isdigit()):
            parser.error("--seeds A:B")
        seeds = range(int(first), int(last))
    return farm(seeds, trace=chosen.trace, seconds=chosen.minutes * 60, keep=not chosen.forget)


def farm(seeds: range, *, trace: bool, seconds: float, keep: bool) -> int:
    """Play seeds one after another."""
    passed = failed = 0
    ends: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    began = time.monotonic()
    for seed in seeds:
        verdict = play(seed)
        ends += verdict.ends
        counts += verdict.counts
        show(verdict, trace)
        if verdict.passed:
            passed += 1
        else:
            failed += 1
            if keep:
                remember(seed, verdict.flaws[0])
        spent = time.monotonic() - began
        if (passed + failed) % 50 == 0:
            print(f"{passed + failed} seeds, {failed} failed, {(passed + failed) / spent:.1f} a second", flush=True)
        if seconds and spent >= seconds:
            break
    print("ends:", ", ".join(f"{name} {count}" for name, count in sorted(ends.items())))
    print("seen:", ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def show(verdict: Verdict, trace: bool) -> None:
    """A seed on the screen: nothing when it passed and no trace is wanted."""
    if trace:
        print("\n".join(verdict.trace))
        print(f"seed {verdict.seed}: {dict(verdict.ends)} digest {verdict.digest[:16]} ledgers {verdict.ledgers[:16]}")
    for flaw in verdict.flaws:
        print(f"seed {verdict.seed}: {flaw}")
    if verdict.flaws:
        print(f"replay: python -m tests.simulation --seed {verdict.seed} --trace", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
