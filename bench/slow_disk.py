"""A disk that takes a stated time for each flush, for one process: a library that is loaded before all others and
waits in `fsync` and `fdatasync` for what is left of that time when the real disk has flushed. Needs a C compiler;
whoever has none is told so.

    with slow_disk(1.0) as library:  # milliseconds
        DeliverWard(preload=library)
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static int flush(const char *name, int file) {
    struct timespec until;
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    clock_gettime(CLOCK_MONOTONIC, &until);
    int said = real(file);
    until.tv_nsec += %(nanoseconds)dL;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %%= 1000000000L;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0);
    return said;
}
int fsync(int file) { return flush("fsync", file); }
int fdatasync(int file) { return flush("fdatasync", file); }
"""


@contextmanager
def slow_disk(milliseconds: float) -> Iterator[str]:
    """The path of the library, "" where it cannot be made. Gone afterwards."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    with tempfile.TemporaryDirectory(prefix="bench-disk-") as folder:
        if compiler is None:
            yield ""
            return
        source, library = Path(folder, "slow.c"), Path(folder, "slow.so")
        source.write_text(SOURCE % {"nanoseconds": int(milliseconds * 1e6)})
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True)  # noqa: S603 - a compiler of this machine, our own text
        yield str(library)
