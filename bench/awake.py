"""Processors that do not fall asleep: what a server whose idle states are turned off for short waits has.

A processor that has nothing to do is halted, and on a virtual machine a halted one belongs to the host until it is
waked, tens of microseconds later and with cold caches. A lone message wakes one six times. Programs of the kernel's
idle class take only what nobody else wants and keep that from happening, so that the difference can be told.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 120  # seconds, whatever becomes of us
_TURNS = f"""
import os, signal
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
signal.alarm({LONGEST})
print("awake", flush=True)
while True:
    pass
"""


@contextmanager
def awake() -> Iterator[None]:
    """One such program for each processor, as long as the context lasts (at most LONGEST seconds)."""
    busy = [
        subprocess.Popen([sys.executable, "-Sc", _TURNS], stdout=subprocess.PIPE)  # noqa: S603 - our own interpreter
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        for one in busy:
            assert one.stdout is not None
            one.stdout.readline()
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()
            if one.stdout is not None:
                one.stdout.close()
