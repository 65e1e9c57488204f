"""`python -m tests.faults [TABLE…] [--fault NAME] [--jobs N] [--write]`: every misfortune of every menu, met once.

Prints what is wrong as it is found, some progress, and a verdict; `--write` puts what was played into docs/faults.md.
Exit 0: every end and every book is right, 1: not, 2: wrong use.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter

from tests.faults.pages import write
from tests.faults.table import Ended, meet, meetings
from tests.faults.ways import MET


def main(arguments: list[str]) -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("party", nargs="*", metavar="TABLE", help=", ".join(MET))
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--fault", action="append", default=[], metavar="FAULT", help="only this one; more than once")
    parser.add_argument("--write", action="store_true", help="write their part of docs/faults.md")
    chosen = parser.parse_args(arguments)
    if strange := set(chosen.party) - MET.keys():
        parser.error(f"no such table: {', '.join(sorted(strange))}")
    began = time.monotonic()
    todo = [one for one in meetings(chosen.party or tuple(MET)) if not chosen.fault or one.fault in chosen.fault]
    ended: list[Ended] = []
    with multiprocessing.get_context("spawn").Pool(chosen.jobs) as pool:
        for one in pool.imap(meet, todo, chunksize=4):
            ended.append(one)
            for flaw in one.flaws:
                print(f"{one.meeting.name} ({one.meeting.journey.name}): {flaw}", flush=True)
            if len(ended) % 50 == 0:
                print(f"{len(ended)} of {len(todo)}, {time.monotonic() - began:.0f} s", flush=True)
    wrong = [one for one in ended if one.flaws]
    if chosen.write:
        write(ended)
    cells = Counter(one.cell for one in ended)
    print(", ".join(f"{cell} {count}" for cell, count in cells.most_common()))
    print(f"{len(ended)} met, {len(wrong)} wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
