"""The benchmark's slow disk is slow: a flush through its library takes the stated time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.slow_disk import slow_disk

PROGRAM = """
import os, sys, time
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
began = time.perf_counter()
for _ in range(20):
    os.fsync(file)
    os.fdatasync(file)
print(time.perf_counter() - began)
"""


def test_each_flush_takes_the_stated_time(tmp_path: Path) -> None:
    with slow_disk(5.0) as library:
        assert library, "this test needs a C compiler"
        took = subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-c", PROGRAM, str(tmp_path / "file")], env={**os.environ, "LD_PRELOAD": library},
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert float(took) >= 40 * 0.005
    assert not Path(library).exists()
