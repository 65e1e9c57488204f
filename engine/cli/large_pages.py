"""Large pages for what was loaded: the processor then finds its way through memory with far fewer look-ups.

The engine's objects lie in tens of thousands of small pages. A step that comes alone, after others have had the
processor's caches, spends much of its time on finding them again; with pages of 2 MiB there is little to find. What is
in memory when the engine is ready is put together once; what comes later lies where the system puts it. Nothing hangs
on it: a system that cannot do it, or may not, changes nothing.
"""

from __future__ import annotations

import ctypes
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LARGE = 2 << 20
SMALL = 4096
FILLED = 256  # of the 512 small pages of a large one must be in use: memory at most doubles there
_COLLAPSE = 25  # MADV_COLLAPSE, Linux 6.1 or later
_PRESENT = 63  # the bit of a page's entry
_OURS = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 *(?:\[heap\])?")


def gather() -> int:
    """Put this process's own memory into large pages where most of it is in use; how many that made or found."""
    try:
        maps = Path("/proc/self/maps").read_text()
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        with open("/proc/self/pagemap", "rb", buffering=0) as pages:
            return sum(advise(place, LARGE, _COLLAPSE) == 0 for place in places(maps, pages))
    except (OSError, AttributeError):  # another system, or one that shows nothing of itself
        return 0


def places(maps: str, pages: BinaryIO) -> Iterator[int]:
    """Addresses of large pages' worth of private memory that is mostly in use: `maps` as in /proc/self/maps, `pages` as
    /proc/self/pagemap, 8 bytes a small page."""
    for line in maps.splitlines():
        found = _OURS.fullmatch(line)
        if found is None:
            continue
        first, end = int(found[1], 16), int(found[2], 16)
        for place in range(-(-first // LARGE) * LARGE, end - LARGE + 1, LARGE):
            pages.seek(place // SMALL * 8)
            entries = array("Q", pages.read(LARGE // SMALL * 8))
            if sum(entry >> _PRESENT for entry in entries) >= FILLED:
                yield place
